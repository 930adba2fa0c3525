// The access token of a session: where it comes from, and a fresh one before it expires.

import { JsapiError, badRequest, connectionLost } from './errors.js';

// Renewed when a fifth of its life is left, or a minute of a long one: time for several tries.
const kLeadMs = 60_000;
const kLeadPart = 1 / 5;
const kRetryMs = 10_000;
// How long to leave a token alone that the server takes and this device's clock calls expired.
const kOddClockMs = 30_000;
// A timer may not run for longer than 2^31 ms.
const kLongestTimerMs = 6 * 3_600_000;

export class Tokens {
  #platform;
  #handlers;
  #source = null;
  #current = null;
  #timer = null;
  #failing = false;

  // `handlers`: renew(token) hands a fresh one to the server; expiring(expiresAt) when only the
  // application can get one; failed(error), once per row of failures.
  constructor(platform, handlers) {
    this.#platform = platform;
    this.#handlers = handlers;
  }

  // `source` is a token, or a function that returns or promises one.
  use(source) {
    this.stop();
    this.#source = source;
  }

  get canFetch() {
    return typeof this.#source === 'function';
  }

  // The one the server knows; null before the first.
  get current() {
    return this.#current;
  }

  // The token to say hello with.
  async next() {
    this.#current = this.canFetch ? await this.#fetch() : this.#source;
    return this.#current;
  }

  // The application has handed in another one, which the server has taken.
  renewed(token) {
    if (!this.canFetch) this.#source = token;
    this.#current = token;
    this.start();
  }

  // The server has taken the token: watches over it until stop().
  start() {
    this.stop();
    const expiresAt = expiryOf(this.#current);
    if (expiresAt === null) return;
    const leftMs = expiresAt - this.#platform.now();
    const leadMs = Math.min(kLeadMs, leftMs * kLeadPart);
    this.#after(leftMs > 0 ? leftMs - leadMs : kOddClockMs, () => this.#renew(expiresAt));
  }

  stop() {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #fetch() {
    let token;
    try {
      token = await this.#source();
    } catch (error) {
      throw connectionLost(`The access token could not be fetched: ${error?.message ?? error}`);
    }
    if (typeof token !== 'string') throw badRequest('The function given as `token` returned no string.');
    return token;
  }

  #after(delayMs, act) {
    this.#timer = this.#platform.setTimeout(
      () => (delayMs > kLongestTimerMs ? this.#after(delayMs - kLongestTimerMs, act) : act()),
      Math.min(delayMs, kLongestTimerMs),
    );
  }

  async #renew(expiresAt) {
    if (!this.canFetch) {
      this.#handlers.expiring(expiresAt);
      return;
    }
    const timer = this.#timer;
    try {
      const token = await this.#fetch();
      if (timer !== this.#timer) return; // stopped, or another connection's by now
      if (token === this.#current) {
        this.#after(kRetryMs, () => this.#renew(expiresAt)); // it has no fresher one yet
        return;
      }
      await this.#handlers.renew(token);
      if (timer !== this.#timer) return;
      this.#current = token;
      this.#failing = false;
      this.start();
    } catch (error) {
      if (timer !== this.#timer) return;
      if (!this.#failing) this.#handlers.failed(notRenewed(error));
      this.#failing = true;
      this.#after(kRetryMs, () => this.#renew(expiresAt));
    }
  }
}

function notRenewed(error) {
  return new JsapiError({
    code: 'unauthorized',
    kind: 'auth',
    message: `The access token expires soon, and there is no fresh one: ${error.message}`,
  });
}

// Unix time in milliseconds from a JWT's payload (RFC 7519, 4.1.4); null when it cannot be read.
// The server alone checks tokens: this only tells when to ask for the next one.
function expiryOf(token) {
  try {
    const payload = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(globalThis.atob(payload));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}
