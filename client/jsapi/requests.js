// Requests and the answers they wait for, across connections.

import { JsapiError, connectionLost } from './errors.js';

// Our choice: an answer takes milliseconds; a socket that is silent for this long is dead.
const kAnswerTimeoutMs = 10_000;

export class Requests {
  #platform;
  #onSilence;
  #waiting = new Map(); // id -> request that waits for its answer

  // `onSilence` is called when an answer does not come.
  constructor(platform, onSilence) {
    this.#platform = platform;
    this.#onSilence = onSilence;
  }

  // A new request, not sent yet. `retry`: may be sent again under its id to a session that does not
  // know of it; after a resumed session every request may.
  add(type, members, { id = this.#platform.uuid(), retry = false, timeoutMs = kAnswerTimeoutMs }) {
    const request = { id, frame: { type, id, ...members }, retry, timeoutMs, timer: null };
    request.answer = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
    this.#waiting.set(id, request);
    return request;
  }

  list() {
    return [...this.#waiting.values()];
  }

  has(request) {
    return this.#waiting.get(request.id) === request;
  }

  send(request, link) {
    this.#platform.clearTimeout(request.timer);
    request.timer = this.#platform.setTimeout(() => this.#onSilence(link), request.timeoutMs);
    link.send(request.frame);
  }

  // Takes an ok or an error; returns whether anybody waited for it.
  answered(frame) {
    const request = this.#waiting.get(frame.ref);
    if (!request) return false;
    this.#drop(request);
    if (frame.type === 'ok') request.resolve(frame);
    else request.reject(new JsapiError(frame));
    return true;
  }

  // Nothing will be answered over the socket they were sent on.
  pause() {
    for (const request of this.#waiting.values()) this.#platform.clearTimeout(request.timer);
  }

  fail(requests, error = connectionLost('The connection was lost before the server answered; try again.')) {
    for (const request of requests) {
      if (!this.has(request)) continue;
      this.#drop(request);
      request.reject(error);
    }
  }

  #drop(request) {
    this.#waiting.delete(request.id);
    this.#platform.clearTimeout(request.timer);
  }
}
