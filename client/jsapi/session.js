// The session with the server: one link at a time, the requests that are open, the events that have
// come. When a link is lost the session goes on over another one, from the event it had got to.

import { Emitter } from './emitter.js';
import { JsapiError, badRequest, connectionLost } from './errors.js';
import { askHttp } from './http.js';
import { Link } from './link.js';
import { Requests } from './requests.js';
import { Tokens } from './tokens.js';

// The longest wait between attempts doubles from the first to the last value. Each wait is drawn at
// random between nothing and that, so that a restarted server is not hit by everybody at once.
const kFirstBackoffMs = 500;
const kLastBackoffMs = 15_000;
// A socket that may have died with the network it ran over has to answer within this.
const kProbeTimeoutMs = 3_000;

// Events: 'state' (state, {resumed}), 'welcome' (frame) of a new session, 'resumed' (frame) of one
// that goes on, 'message' (frame), 'network' ('online', 'changed' or 'visible'), 'expiring'
// (expiresAt), 'error' (JsapiError).
export class Session extends Emitter {
  #platform;
  #url;
  #tokens;
  #requests;
  #link = null;
  #state = 'disconnected';
  #resume = null; // what the server knows this session by; never stored
  #lastSeq = 0; // of the last event
  #epoch = 0; // counts disconnect(): what was begun before must not go on after
  #attempt = 0;
  #opening = false;
  #probing = false;
  #backoffTimer = null;
  #unwatch = null;
  #abandon = () => {}; // rejects the attempt that is under way

  constructor(platform) {
    super();
    this.#platform = platform;
    this.#requests = new Requests(platform, (link) => this.#silent(link));
    this.#tokens = new Tokens(platform, {
      renew: (token) => this.request('token', { token }),
      expiring: (expiresAt) => this.emit('expiring', expiresAt),
      failed: (error) => this.emit('error', error),
    });
  }

  get state() {
    return this.#state;
  }

  // Resolves with the welcome. Rejects when the first attempt fails; a connection that was up once
  // is renewed until disconnect().
  async connect({ url, token } = {}) {
    if (this.#state !== 'disconnected') {
      throw new JsapiError({
        code: 'conflict',
        kind: 'state',
        message: `The session is ${this.#state}; call disconnect() before connect().`,
      });
    }
    if (typeof token !== 'string' && typeof token !== 'function') {
      throw badRequest('connect() needs a token: a string, or a function that returns one.');
    }
    this.#url = url ?? this.#platform.defaultUrl();
    this.#tokens.use(token);
    this.#setState('connecting');
    const epoch = this.#epoch;
    try {
      return await this.#open();
    } catch (error) {
      if (epoch === this.#epoch) {
        // Sent over some later connection, a call would come as a surprise to everybody.
        this.#giveUp(error);
      }
      throw error;
    }
  }

  disconnect() {
    this.#epoch += 1;
    this.#resume = null;
    this.#giveUp(closedByDisconnect());
  }

  // Gives the server a fresh token before the old one expires.
  async renewToken(token) {
    await this.request('token', { token });
    this.#tokens.renewed(token);
  }

  // What the server's HTTP API says, as JSON; null where it says nothing.
  http(method, path) {
    if (this.#state === 'disconnected') return Promise.reject(connectionLost('There is no session; connect() first.'));
    return askHttp(this.#platform, { method, path, url: this.#url, token: this.#tokens.current });
  }

  // Resolves with the `ok`, rejects with a JsapiError. While the connection is lost, requests wait
  // for it. They go out again under the same id, by which the server knows them: all of them when
  // the session was resumed, those with `retry` also when it was not.
  request(type, members = {}, { id, retry = false, timeoutMs } = {}) {
    const canWait = this.#state === 'reconnecting' || (this.#state === 'connecting' && retry);
    if (this.#state !== 'connected' && !canWait) {
      return Promise.reject(connectionLost(`There is no connection to send ${type} over.`));
    }
    const request = this.#requests.add(type, members, { id, retry, timeoutMs });
    if (this.#state === 'connected') this.#requests.send(request, this.#link);
    return request.answer;
  }

  async #open() {
    const epoch = this.#epoch;
    this.#opening = true;
    try {
      const token = await this.#tokens.next();
      if (epoch !== this.#epoch) throw closedByDisconnect();
      const resume = this.#resume && { resume: this.#resume, lastSeq: this.#lastSeq };
      return await new Promise((resolve, reject) => {
        this.#abandon = () => reject(closedByDisconnect());
        const link = new Link(this.#platform, this.#url, { token, ...resume }, {
          welcome: (frame) => {
            resolve(frame);
            this.#welcomed(link, frame);
          },
          refused: reject,
          frame: (frame) => this.#receive(frame),
          lost: (bye) => this.#lost(bye),
        });
        this.#link = link;
      });
    } finally {
      if (epoch === this.#epoch) this.#opening = false;
    }
  }

  #welcomed(link, frame) {
    const waiting = this.#requests.list();
    const resumed = frame.resumed === true && this.#resume !== null;
    this.#resume = frame.resume ?? null;
    this.#attempt = 0;
    if (!resumed) this.#lastSeq = 0;
    this.#state = 'connected';
    this.#tokens.start();
    this.#watch();
    // First, so that whoever hears of the state finds everything as the welcome says.
    this.emit(resumed ? 'resumed' : 'welcome', frame);
    if (this.#link !== link) return;
    if (!resumed) this.#requests.fail(waiting.filter(({ retry }) => !retry));
    this.emit('state', this.#state, { resumed });
    for (const request of waiting) {
      if (this.#link === link && this.#requests.has(request)) this.#requests.send(request, link);
    }
  }

  #receive(frame) {
    if (frame.type === 'ok' || frame.type === 'error') {
      const awaited = this.#requests.answered(frame);
      // What had no id of ours was not understood at all. Other answers came too late.
      if (!awaited && frame.type === 'error' && !frame.ref) this.emit('error', new JsapiError(frame));
      return;
    }
    if (frame.seq !== undefined) {
      if (frame.seq <= this.#lastSeq) return; // had come already when the session was resumed
      this.#lastSeq = frame.seq;
    }
    this.emit('message', frame);
  }

  // Nothing answers any more.
  #silent(link) {
    if (this.#link !== link) return;
    link.close();
    this.#lost(null);
  }

  #lost(bye) {
    this.#link = null;
    this.#requests.pause();
    this.#tokens.stop();
    if (bye === 'replaced') {
      this.#resume = null;
      this.#end(
        unauthorized('This session was continued somewhere else; connect again to use it here.'),
      );
    } else if (bye === 'expired' && !this.#tokens.canFetch) {
      // The next connect() may still resume: calls outlive the token they were made with.
      this.#end(unauthorized('The access token has expired; connect again with a fresh one.'));
    } else {
      this.#setState('reconnecting');
      this.#scheduleAttempt();
    }
  }

  #scheduleAttempt() {
    const longestMs = Math.min(kFirstBackoffMs * 2 ** this.#attempt, kLastBackoffMs);
    this.#attempt += 1;
    const delayMs = longestMs * this.#platform.random();
    this.#backoffTimer = this.#platform.setTimeout(() => this.#reopen(), delayMs);
  }

  async #reopen() {
    const epoch = this.#epoch;
    this.#platform.clearTimeout(this.#backoffTimer);
    try {
      await this.#open();
    } catch (error) {
      if (epoch !== this.#epoch) return;
      if (error.kind === 'auth') this.#end(error);
      else this.#scheduleAttempt();
    }
  }

  // The browser says something of the network, or comes back from sleep: no time to wait, and a
  // socket may be dead without anybody having noticed.
  #watch() {
    this.#unwatch ??= this.#platform.watchNetwork((what) => {
      if (this.#state === 'reconnecting') {
        this.#attempt = 0;
        if (!this.#opening) void this.#reopen();
      } else if (this.#state === 'connected') {
        this.#probe();
      }
      this.emit('network', what);
    });
  }

  // Asks for something cheap: whether an answer comes is what counts.
  #probe() {
    if (this.#probing) return;
    this.#probing = true;
    const done = () => (this.#probing = false);
    this.request('chain.list', { limit: 1 }, { timeoutMs: kProbeTimeoutMs }).then(done, done);
  }

  // Ends the session for a reason that nobody has asked for.
  #end(error) {
    this.#giveUp(error);
    this.emit('error', error);
  }

  #giveUp(error) {
    const link = this.#link;
    this.#link = null;
    this.#opening = false;
    this.#platform.clearTimeout(this.#backoffTimer);
    this.#unwatch?.();
    this.#unwatch = null;
    this.#tokens.stop();
    link?.close();
    this.#abandon();
    this.#requests.fail(this.#requests.list(), error);
    this.#setState('disconnected');
  }

  #setState(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state, { resumed: false });
  }
}

function closedByDisconnect() {
  return connectionLost('The session was closed by disconnect().');
}

function unauthorized(message) {
  return new JsapiError({ code: 'unauthorized', kind: 'auth', message });
}
