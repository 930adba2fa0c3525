// Gets a microphone or camera back that the system took away: unplugged, asleep, used by another
// program. What the user took away, by the browser's permission, stays so until the user wants it.

// Nothing tells when another program is done with a device.
const kBusyRetryMs = 10_000;

export class Reacquire {
  #platform;
  #open;
  #onDevice;
  #missing = new Map(); // source -> whether an attempt is under way
  #timer = null;
  #watched = null; // the mediaDevices that are listened to

  // `open(source)` promises null or the JsapiError for which it failed; `onDevice` gets {source,
  // state, error}, state being lost, waiting (will be tried again), back or failed (will not).
  constructor(platform, { open, onDevice }) {
    this.#platform = platform;
    this.#open = open;
    this.#onDevice = onDevice;
  }

  lost(source) {
    this.#missing.set(source, false);
    this.#onDevice({ source, state: 'lost', error: null });
    void this.#try(source);
  }

  // The user has turned it off, or opened it by hand.
  forget(source) {
    this.#missing.delete(source);
    if (this.#missing.size === 0) this.#rest();
  }

  close() {
    this.#missing.clear();
    this.#rest();
  }

  async #try(source) {
    if (this.#missing.get(source) !== false) return;
    this.#missing.set(source, true);
    const error = await this.#open(source);
    if (!this.#missing.has(source)) return;
    if (error === null) {
      this.forget(source);
      this.#onDevice({ source, state: 'back', error });
    } else if (error.code === 'media_denied') {
      this.forget(source);
      this.#onDevice({ source, state: 'failed', error });
    } else {
      this.#missing.set(source, false);
      this.#watch();
      if (error.code === 'media_busy') this.#tryLater();
      this.#onDevice({ source, state: 'waiting', error });
    }
  }

  #tryLater() {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = this.#platform.setTimeout(this.#tryAll, kBusyRetryMs);
  }

  #tryAll = () => {
    for (const source of [...this.#missing.keys()]) void this.#try(source);
  };

  #watch() {
    if (this.#watched) return;
    this.#watched = this.#platform.mediaDevices() ?? null;
    this.#watched?.addEventListener?.('devicechange', this.#tryAll);
  }

  #rest() {
    this.#platform.clearTimeout(this.#timer);
    this.#watched?.removeEventListener?.('devicechange', this.#tryAll);
    this.#watched = null;
  }
}
