// A server of the call protocol inside the test, and the platform that leads JSAPI to it: sockets,
// time, devices and peer connections are all in the test's hand.

import { FakePeerConnection, FakeStream, FakeDevices } from './fake_media.mjs';

// Time that passes only when told to.
export class Clock {
  #now = 1_700_000_000_000;
  #timers = new Map();
  #next = 1;

  now() {
    return this.#now;
  }
  setTimeout(callback, delayMs) {
    this.#timers.set(this.#next, { at: this.#now + delayMs, callback });
    return this.#next++;
  }
  clearTimeout(timer) {
    this.#timers.delete(timer);
  }
  get pending() {
    return [...this.#timers.values()].map(({ at }) => at - this.#now);
  }
  async advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at);
      if (due.length === 0) break;
      const [id, timer] = due[0];
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

// Lets everything run that waits for nothing but its turn.
export async function settled() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

class Socket {
  constructor(server, url, protocol) {
    this.server = server;
    this.url = url;
    this.protocol = protocol;
    this.open = false;
    queueMicrotask(() => {
      if (server.down) return this.drop(1006);
      this.open = true;
      this.onopen?.();
    });
  }
  send(text) {
    this.server.take(this, JSON.parse(text));
  }
  close(code = 1000) {
    this.drop(code);
  }
  // The connection is gone, for both sides.
  drop(code = 1006) {
    this.open = false;
    queueMicrotask(() => this.onclose?.({ code }));
  }
  deliver(frame) {
    if (this.open) this.onmessage?.({ data: JSON.stringify(frame) });
  }
  deliverText(data) {
    this.onmessage?.({ data });
  }
}

export class ScriptedServer {
  sockets = [];
  received = []; // every frame but hello, in order
  down = false; // refuses sockets
  welcome = { connectionId: 'c1', userId: 'alice', profiles: ['alice'], calls: [] };
  // Answers by type: (frame) => members of ok, {error}, or null for silence. Default: a plain ok.
  answers = {};
  // (url, {method, headers}) => what fetch() resolves with.
  http = async () => ({ ok: true, status: 200, text: async () => JSON.stringify({ items: [], more: false }) });
  hellos = [];
  resumable = false; // whether a lost session may be resumed
  #seq = 0;
  #events = []; // of the session, in order
  #secret = null;

  open(url, protocol) {
    const socket = new Socket(this, url, protocol);
    this.sockets.push(socket);
    return socket;
  }
  get socket() {
    return this.sockets.at(-1);
  }
  take(socket, frame) {
    if (frame.type === 'hello') {
      this.hellos.push(frame);
      const answer = this.answers.hello?.(frame);
      if (answer === null) return;
      if (answer?.error) {
        this.refuse(socket, frame.id, answer.error);
        socket.drop(1008);
        return;
      }
      this.#greet(socket, frame);
      return;
    }
    this.received.push(frame);
    const answer = this.answers[frame.type] ? this.answers[frame.type](frame) : {};
    if (answer === null) return;
    if (answer.error) this.refuse(socket, frame.id, answer.error);
    else this.ok(frame.id, answer);
  }
  #greet(socket, { id, resume, lastSeq }) {
    const resumed = this.resumable && resume !== undefined && resume === this.#secret;
    if (!resumed) {
      this.#seq = 0;
      this.#events = [];
    }
    this.#secret = `secret ${this.hellos.length}`;
    socket.deliver({
      type: 'welcome',
      ref: id,
      resume: this.#secret,
      resumed,
      iceServers: [],
      ...this.welcome,
      ...(resumed && { calls: [] }),
    });
    for (const event of this.#events) if (event.seq > lastSeq) socket.deliver(event);
  }
  ok(ref, members = {}) {
    this.socket.deliver({ type: 'ok', ref, ...members });
  }
  refuse(socket, ref, error) {
    socket.deliver({ type: 'error', ref, kind: 'state', message: 'No.', ...error });
  }
  // Sends one event, or keeps it for a session that comes back; the call defaults to "k1".
  event(type, members = {}) {
    this.#seq += 1;
    this.#events.push({ type, seq: this.#seq, callId: 'k1', at: 1, ...members });
    this.socket.deliver(this.#events.at(-1));
  }
  sent(type) {
    return this.received.filter((frame) => frame.type === type);
  }
}

// What the browser says of the network.
class FakeNetwork {
  watchers = new Set();
  watch(heard) {
    this.watchers.add(heard);
    return () => this.watchers.delete(heard);
  }
  async says(what) {
    for (const heard of [...this.watchers]) heard(what);
    await settled();
  }
}

// A platform for `new Client(platform)`, with everything it made within reach.
export function fakePlatform(server = new ScriptedServer()) {
  const clock = new Clock();
  const devices = new FakeDevices();
  const peers = [];
  const network = new FakeNetwork();
  let ids = 0;
  return {
    server,
    clock,
    devices,
    peers,
    network,
    watchNetwork: (heard) => network.watch(heard),
    openSocket: (url, protocol) => server.open(url, protocol),
    createPeerConnection: (configuration) => {
      const peer = new FakePeerConnection(configuration);
      peers.push(peer);
      return peer;
    },
    createMediaStream: () => new FakeStream(),
    mediaDevices: () => devices.api,
    defaultUrl: () => 'ws://page.example/ws',
    fetch: (url, options) => server.http(url, options),
    now: () => clock.now(),
    random: () => 0.5,
    uuid: () => `id-${(ids += 1)}`,
    setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
}

// Every event `emitter` fires, as [name, ...args], in order.
export function record(emitter, ...names) {
  const log = [];
  for (const name of names) emitter.on(name, (...args) => log.push([name, ...args]));
  return log;
}
