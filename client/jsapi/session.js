// The connection to the server: one WebSocket at a time, requests matched with their answers, and
// a new socket when the old one is lost.

import { Emitter } from './emitter.js';
import { JsapiError, badRequest, connectionLost } from './errors.js';

const kSubprotocol = 'jsapi.v1';
// Our choice: an answer takes milliseconds; a socket that is silent for this long is dead.
const kAnswerTimeoutMs = 10_000;
// Waits between attempts double from the first to the last value; each is drawn at random between
// half of it and all of it, so that a restarted server is not hit by everybody at once.
const kFirstBackoffMs = 500;
const kLastBackoffMs = 15_000;
// After these the server would say the same again.
const kFinalByes = new Set(['replaced']);

// Events: 'state' (state), 'welcome' (frame), 'message' (frame), 'error' (JsapiError).
export class Session extends Emitter {
  #platform;
  #url;
  #token;
  #socket = null;
  #state = 'disconnected';
  #requests = new Map(); // id -> request that waits for its answer
  #epoch = 0; // counts disconnect(): what was begun before must not go on after
  #attempt = 0;
  #backoffTimer = null;
  #bye = null;

  constructor(platform) {
    super();
    this.#platform = platform;
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
    this.#token = token;
    this.#setState('connecting');
    const epoch = this.#epoch;
    try {
      return await this.#open();
    } catch (error) {
      if (epoch === this.#epoch) {
        // Sent over some later connection, a call would come as a surprise to everybody.
        this.#failRequests(() => true, error);
        this.#setState('disconnected');
      }
      throw error;
    }
  }

  disconnect() {
    const socket = this.#socket;
    this.#socket = null;
    this.#epoch += 1;
    this.#platform.clearTimeout(this.#backoffTimer);
    socket?.abandon?.();
    socket?.close(1000);
    this.#failRequests(() => true, closedByDisconnect());
    this.#setState('disconnected');
  }

  // Gives the server a fresh token before the old one expires.
  async renewToken(token) {
    await this.request('token', { token });
    if (typeof this.#token === 'string') this.#token = token;
  }

  // Resolves with the `ok`, rejects with a JsapiError. `id` defaults to a new one; a request with
  // `retry` is sent again under the same id after the socket was lost, which the server recognises.
  request(type, members = {}, { id = this.#platform.uuid(), retry = false } = {}) {
    if (this.#state === 'disconnected' || (this.#state !== 'connected' && !retry)) {
      return Promise.reject(connectionLost(`There is no connection to send ${type} over.`));
    }
    return new Promise((resolve, reject) => {
      const request = { id, frame: { type, id, ...members }, retry, resolve, reject, timer: null };
      this.#requests.set(id, request);
      if (this.#state === 'connected') this.#send(request);
    });
  }

  async #open() {
    const epoch = this.#epoch;
    const token = typeof this.#token === 'function' ? await this.#token() : this.#token;
    if (epoch !== this.#epoch) throw closedByDisconnect();
    return new Promise((resolve, reject) => {
      let socket;
      try {
        socket = this.#platform.openSocket(this.#url, kSubprotocol);
      } catch (error) {
        reject(badRequest(`"${this.#url}" is not an address to connect to: ${error.message}`));
        return;
      }
      this.#socket = socket;
      this.#bye = null;
      const helloId = this.#platform.uuid();
      const timer = this.#platform.setTimeout(() => socket.close(), kAnswerTimeoutMs);
      let settled = false;
      const settle = (how, value) => {
        settled = true;
        this.#platform.clearTimeout(timer);
        how(value);
      };
      // Only disconnect() takes the socket away before it has settled.
      socket.abandon = () => {
        if (!settled) settle(reject, closedByDisconnect());
      };
      socket.onopen = () => {
        if (this.#socket !== socket) return;
        socket.send(JSON.stringify({ type: 'hello', id: helloId, token }));
      };
      socket.onmessage = ({ data }) => {
        if (this.#socket !== socket) return;
        const frame = parse(data);
        if (!frame) return;
        if (settled) {
          this.#receive(frame);
        } else if (frame.type === 'welcome') {
          settle(resolve, frame);
          this.#welcomed(socket, frame);
        } else if (frame.type === 'error') {
          this.#socket = null;
          socket.close();
          settle(reject, new JsapiError(frame));
        } else if (frame.type === 'bye') {
          this.#bye = frame.reason;
        }
      };
      socket.onclose = ({ code } = {}) => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        if (settled) {
          this.#lost();
        } else {
          settle(reject, refusedBy(this.#url, code, this.#bye));
        }
      };
    });
  }

  #welcomed(socket, frame) {
    const waiting = [...this.#requests.values()];
    this.#attempt = 0;
    this.#state = 'connected';
    // First, so that whoever hears of the state finds everything as the welcome says.
    this.emit('welcome', frame);
    if (this.#socket !== socket) return;
    this.emit('state', this.#state);
    for (const request of waiting) {
      if (this.#socket === socket && this.#requests.has(request.id)) this.#send(request);
    }
  }

  #send(request) {
    const socket = this.#socket;
    this.#platform.clearTimeout(request.timer);
    request.timer = this.#platform.setTimeout(() => {
      if (this.#socket !== socket) return;
      // Nothing answers any more. Waiting for the browser to find out can take minutes.
      socket.onclose = null;
      socket.close();
      this.#socket = null;
      this.#lost();
    }, kAnswerTimeoutMs);
    socket.send(JSON.stringify(request.frame));
  }

  #receive(frame) {
    if (frame.type === 'ok' || frame.type === 'error') {
      const request = this.#requests.get(frame.ref);
      if (!request) {
        // What had no id of ours was not understood at all. Other answers came too late.
        if (frame.type === 'error' && !frame.ref) this.emit('error', new JsapiError(frame));
        return;
      }
      this.#requests.delete(frame.ref);
      this.#platform.clearTimeout(request.timer);
      if (frame.type === 'ok') request.resolve(frame);
      else request.reject(new JsapiError(frame));
    } else if (frame.type === 'bye') {
      this.#bye = frame.reason;
    } else {
      this.emit('message', frame);
    }
  }

  #lost() {
    for (const request of this.#requests.values()) this.#platform.clearTimeout(request.timer);
    this.#failRequests(
      (request) => !request.retry,
      connectionLost('The connection was lost before the server answered; try again.'),
    );
    const final = kFinalByes.has(this.#bye);
    if (final || (this.#bye === 'expired' && typeof this.#token !== 'function')) {
      this.#giveUp(
        new JsapiError({
          code: 'unauthorized',
          kind: 'auth',
          message: final
            ? 'This session was continued somewhere else; connect again to use it here.'
            : 'The access token has expired; connect again with a fresh one.',
        }),
      );
      return;
    }
    this.#setState('reconnecting');
    this.#scheduleAttempt();
  }

  #scheduleAttempt() {
    const longest = Math.min(kFirstBackoffMs * 2 ** this.#attempt, kLastBackoffMs);
    this.#attempt += 1;
    const delayMs = longest * (0.5 + this.#platform.random() / 2);
    this.#backoffTimer = this.#platform.setTimeout(() => this.#reopen(), delayMs);
  }

  async #reopen() {
    const epoch = this.#epoch;
    try {
      await this.#open();
    } catch (error) {
      if (epoch !== this.#epoch) return;
      if (error.kind === 'auth') this.#giveUp(error);
      else this.#scheduleAttempt();
    }
  }

  #giveUp(error) {
    this.#failRequests(() => true, error);
    this.#setState('disconnected');
    this.emit('error', error);
  }

  #failRequests(which, error) {
    for (const request of [...this.#requests.values()].filter(which)) {
      this.#requests.delete(request.id);
      this.#platform.clearTimeout(request.timer);
      request.reject(error);
    }
  }

  #setState(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state);
  }
}

function closedByDisconnect() {
  return connectionLost('The session was closed by disconnect().');
}

function parse(data) {
  try {
    const frame = JSON.parse(data);
    return frame !== null && typeof frame === 'object' && typeof frame.type === 'string'
      ? frame
      : null;
  } catch {
    return null;
  }
}

function refusedBy(url, closeCode, bye) {
  if (closeCode === 1008) {
    return new JsapiError({
      code: 'unauthorized',
      kind: 'auth',
      message: 'The server refused this page or its token; check both with whoever runs it.',
    });
  }
  const why = bye ? ` (${bye})` : '';
  // A browser does not tell a page that it was turned away for where it comes from.
  return connectionLost(
    `No connection to ${url}${why}; check the address and the network, and whether the server's ` +
      'setting "origins" lets this page in.',
  );
}
