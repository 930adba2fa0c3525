// JSAPI itself: the session, and the calls this connection knows of.

import { Call } from './call.js';
import { Emitter } from './emitter.js';
import { JsapiError, badRequest } from './errors.js';
import { browserPlatform } from './platform.js';
import { Session } from './session.js';
import { messageOf, pageMembers, pageOf, textMembers } from './texts.js';

const kLongestPage = 200; // docs/PROTOCOL.md, chain.history
// A call one was in a moment ago is among the latest of its chain.
const kPagesLookedThrough = 5;

// Events: call:received (call) · call:accepted (call, acceptedBy, fromConnection) · call:end
// (call, outcome) · call:lost (call) · calls:changed () · text:received (message) ·
// connection:state (state, {resumed}) · token:expiring (expiresAt) · error (error).
export class Client extends Emitter {
  #platform;
  #session;
  #calls = new Map(); // id -> live call
  #welcome = null;
  #links = 0; // how often the session was resumed
  #rung = new Set(); // calls that ring and that the application has been told of by call:received

  constructor(platform = browserPlatform()) {
    super();
    this.#platform = platform;
    this.#host.platform = platform;
    this.#session = new Session(platform);
    this.#session.on('state', (...args) => this.emit('connection:state', ...args));
    this.#session.on('expiring', (expiresAt) => this.emit('token:expiring', expiresAt));
    this.#session.on('error', (error) => this.emit('error', error));
    this.#session.on('welcome', (welcome) => this.#welcomed(welcome));
    this.#session.on('resumed', () => (this.#links += 1));
    this.#session.on('message', (message) => this.#received(message));
    this.#session.on('network', (what) => {
      // That the page is looked at again says nothing about its addresses.
      if (what !== 'visible') for (const call of this.calls) call.networkChanged();
    });
  }

  // 'disconnected', 'connecting', 'connected' or 'reconnecting'.
  get state() {
    return this.#session.state;
  }
  // This device's name at the server, and whose it is; null and empty before the first connect().
  get connectionId() {
    return this.#welcome?.connectionId ?? null;
  }
  get userId() {
    return this.#welcome?.userId ?? null;
  }
  get profiles() {
    return [...(this.#welcome?.profiles ?? [])];
  }
  // The calls that live, on this device or on another one of this user.
  get calls() {
    return [...this.#calls.values()];
  }

  // `url` is the server's wss:// address, by default that of this page; `token` an access token or
  // a function that returns one. Resolves with {connectionId, userId, profiles}.
  async connect(options) {
    const { connectionId, userId, profiles } = await this.#session.connect(options);
    return { connectionId, userId, profiles };
  }

  // Ends the session, and what this device has of its calls. Hang up first, or the others keep
  // waiting for this device until the server gives it up.
  disconnect() {
    this.#session.disconnect();
    for (const call of this.calls) call.finish({ outcome: null });
  }

  // Hands in a fresh token before the old one expires.
  renewToken(token) {
    return this.#session.renewToken(token);
  }

  // openCall(fromProfileId, toProfileIds, chainId, options) or openCall({from, to, chainId,
  // immediate, replace, settings}). Returns the call at once; `call.ready` tells what the server said.
  openCall(...args) {
    const { from, to, chainId, immediate, replace, wanted } = callArguments(args);
    const settings = { audio: wanted.audio !== false, video: wanted.video !== false };
    const id = this.#platform.uuid();
    const call = this.#add({ id, chainId, from, to, settings, profileId: from, wanted, opened: true });
    const init = {
      from,
      to,
      settings,
      ...(chainId && { chainId }),
      ...(immediate || { immediate }),
      ...(replace && { replace }),
    };
    const sentFrom = { connectionId: this.connectionId, links: this.#links };
    call.ready = this.#session.request('call.init', init, { id, retry: true }).then(
      (ok) => {
        if (ok.merged) return this.#merge(call, ok, sentFrom);
        // After a new connection the welcome has told the role; the answer may be an old one.
        if (call.role === null) call.confirm(ok);
        return call;
      },
      (error) => {
        call.finish({ outcome: 'failed', error });
        throw error;
      },
    );
    call.ready.catch((error) => this.#error(error, call));
    return call;
  }

  // Sends a text into a chain (`chainId`), or founds one with those it is `to`. Resolves, when it is
  // stored, with {id, chainId, from, body, at}. Is sent again under the same id when the connection
  // was lost, until it is answered; `id` is for a text that was refused and is tried once more.
  async sendText(text) {
    const members = textMembers(text);
    const id = text.id ?? this.#platform.uuid();
    const { chainId, at } = await this.#session.request('text', members, { id, retry: true });
    return { id, chainId: chainId ?? members.chainId ?? id, from: members.from, body: members.body, at };
  }

  // The chains this user is a member of, the latest first: {items: [{chainId, members, last}], more}.
  // `before` is a chain's id: those older than it.
  async chains(page) {
    return pageOf(await this.#session.request('chain.list', pageMembers(page), { retry: true }));
  }

  // Texts and calls of a chain, oldest first: {items, more}. `before` is an item's id.
  async history(chainId, page) {
    if (typeof chainId !== 'string') throw badRequest('history() needs the id of a chain.');
    const members = { chainId, ...pageMembers(page) };
    return pageOf(await this.#session.request('chain.history', members, { retry: true }));
  }

  // Recordings of calls this user took part in, the newest first: {items, more}. `before` is a
  // recording's id. The token needs the grant `record`.
  async recordings({ callId = null, before = null, limit = null } = {}) {
    const query = new URLSearchParams({ ...(callId !== null && { call: callId }), ...pageMembers({ before, limit }) });
    return pageOf(await this.#session.http('GET', `/api/v1/recordings?${query}`));
  }

  // One recording with its files.
  recording(recordingId) {
    return this.#session.http('GET', `/api/v1/recordings/${encodeURIComponent(recordingId)}`);
  }

  async deleteRecording(recordingId) {
    await this.#session.http('DELETE', `/api/v1/recordings/${encodeURIComponent(recordingId)}`);
  }

  // The call.init of `call` met a live call. Its object stands for that one from now on, unless
  // this device is in it already: then it goes on with the object it has.
  #merge(call, { callId, chainId, role }, { connectionId, links }) {
    const live = this.#calls.get(callId);
    this.#calls.delete(call.id);
    if (live?.isActive) {
      call.retire(live);
      return live;
    }
    this.#calls.set(callId, call);
    // After a new connection the answer's role is an old one; the welcome has told the role.
    const isNow = connectionId === this.connectionId;
    call.merge({ callId, chainId, role: isNow ? role : live?.role }, live);
    // A resumed session repeats events before answers: the offer came when nobody was active.
    if (call.isActive && links !== this.#links) void call.rejoin();
    this.emit('calls:changed');
    return call;
  }

  #add(description) {
    const call = new Call(this.#host, description);
    this.#calls.set(call.id, call);
    this.emit('calls:changed');
    return call;
  }

  // What a call needs of us.
  #host = {
    platform: null,
    connectionId: () => this.connectionId,
    iceServers: () => this.#welcome?.iceServers ?? [],
    request: (...args) => this.#session.request(...args),
    changed: (call) => {
      if (!call.rings) this.#rung.delete(call.id); // invited anew, it is received anew
      this.emit('calls:changed');
    },
    accepted: (call, acceptedBy, fromConnection) =>
      this.emit('call:accepted', call, acceptedBy, fromConnection),
    ended: (call) => this.#ended(call),
    lost: (call) => this.emit('call:lost', call),
    error: (error, call) => this.#error(error, call),
  };

  #ended(call) {
    if (this.#calls.get(call.id) === call) this.#calls.delete(call.id);
    this.#rung.delete(call.id);
    this.emit('call:end', call, call.outcome);
    this.emit('calls:changed');
  }

  #error(error, call) {
    if (error instanceof JsapiError && call) error.call = call;
    this.emit('error', error);
  }

  // The welcome of a new session lists every call that lives: what is missing has ended while
  // nobody was told.
  #welcomed(welcome) {
    this.#welcome = welcome;
    const snapshots = new Map((welcome.calls ?? []).map((snapshot) => [snapshot.callId, snapshot]));
    for (const call of this.calls) {
      if (!snapshots.has(call.id) && call.state !== 'opening') void this.#ascertain(call);
    }
    for (const snapshot of snapshots.values()) {
      const call = this.#calls.get(snapshot.callId) ?? this.#add(this.#described(snapshot));
      call.restore(snapshot);
    }
  }

  // Ends a call as the history of its chain says it ended; without an outcome where it does not.
  async #ascertain(call) {
    call.stop();
    const item = await this.#recorded(call).catch(() => null);
    const { outcomes = null, durationMs = null, reason = null } = item ?? {};
    call.finish({ outcome: outcomes?.[call.profileId] ?? reason, outcomes, durationMs });
  }

  // The item of a call in its chain; undefined when it is not among the latest.
  async #recorded({ id, chainId }) {
    let before = null;
    for (let page = 0; page < kPagesLookedThrough; page += 1) {
      const { items, more } = await this.history(chainId, { before, limit: kLongestPage });
      const found = items.find((item) => item.type === 'call' && item.id === id);
      if (found || !more) return found;
      before = items[0].id;
    }
    return undefined;
  }

  #received(message) {
    const { type, callId } = message;
    if (type === 'call.init') {
      this.#invited(message);
    } else if (type === 'text') {
      this.emit('text:received', messageOf(message));
    } else {
      this.#calls.get(callId)?.handle(message);
    }
  }

  // Another connection opened a call with us. What we do about it follows from our role.
  async #invited(message) {
    const call = this.#calls.get(message.callId) ?? this.#add(this.#described(message));
    call.handle(message);
    try {
      if (call.role === 'passive initiator') {
        await this.#session.request('call.pending', { callId: call.id });
      } else if (call.role === null) {
        await this.#session.request('call.ringing', { callId: call.id });
        call.ringing();
        if (!call.rings || this.#rung.has(call.id)) return;
        this.#rung.add(call.id);
        this.emit('call:received', call);
      }
    } catch (error) {
      // Over before we answered, or asked again on the next connection.
      const expected = ['ended', 'conflict'].includes(error.code) || error.kind === 'retry';
      if (!expected) this.#error(error, call);
    }
  }

  // A call somebody else opened: from an event or a snapshot.
  #described({ callId, chainId, from, to, settings }) {
    const own = this.#welcome.profiles;
    const profileId = own.includes(from) ? from : to.find((profile) => own.includes(profile)) ?? own[0];
    return { id: callId, chainId, from, to, settings, profileId };
  }
}

// Both ways to name the arguments of openCall, as one.
function callArguments(args) {
  const byName = args.length === 1 && typeof args[0] === 'object' && !Array.isArray(args[0]);
  const given = byName
    ? { ...args[0], options: args[0]?.settings }
    : { from: args[0], to: args[1], chainId: args[2], options: args[3] };
  const { from, chainId = null, immediate = true, replace = false, options } = given;
  const to = Array.isArray(given.to) ? [...given.to] : [given.to];
  if (typeof from !== 'string' || to.length === 0 || to.some((id) => typeof id !== 'string')) {
    throw badRequest('openCall needs the caller’s profile id and one or more profile ids to call.');
  }
  const wanted = { audio: options?.audio ?? true, video: options?.video ?? true };
  return { from, to, chainId, immediate, replace, wanted };
}
