// Gets the media connection of an active leg back: asks the server for new ICE credentials, and if
// that does not help, for a connection from scratch.

// Short gaps close by themselves; a browser says "disconnected" after some seconds without packets.
const kGraceMs = 2_000;
// One attempt at a time, and each gets this long: ICE and DTLS take a few round trips.
const kFirstTryMs = 5_000;
const kLastTryMs = 20_000;

export class Recovery {
  #platform;
  #restart;
  #state = 'new';
  #tries = 0; // since it was connected last
  #triedAt = -Infinity;
  #asking = false; // the server has not answered yet, which takes as long as the socket is lost
  #timer = null;
  #closed = false;

  // `restart(fresh)` asks the server for a restart, and resolves when it has answered.
  constructor(platform, restart) {
    this.#platform = platform;
    this.#restart = restart;
  }

  // Takes the state of the RTCPeerConnection.
  connection(state) {
    this.#state = state;
    if (state === 'connected') {
      this.#tries = 0;
      this.#wait(null);
    } else if (state === 'failed' && this.#tries === 0) {
      this.#try();
    } else if (state === 'disconnected' && this.#timer === null && !this.#asking) {
      this.#wait(kGraceMs);
    }
  }

  // This device has got another network: the old addresses are of no more use.
  networkChanged() {
    const justTried = this.#platform.now() - this.#triedAt < kGraceMs;
    if (this.#state === 'new' || justTried) return;
    this.#tries = 0;
    this.#try();
  }

  close() {
    this.#closed = true;
    this.#wait(null);
  }

  #wait(ms) {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = ms === null ? null : this.#platform.setTimeout(() => this.#check(), ms);
  }

  #check() {
    this.#timer = null;
    if (this.#state === 'connected') this.#tries = 0;
    else this.#try();
  }

  async #try() {
    if (this.#closed || this.#asking) return;
    const fresh = this.#tries > 0;
    const patienceMs = Math.min(kFirstTryMs * 2 ** this.#tries, kLastTryMs);
    this.#tries += 1;
    this.#triedAt = this.#platform.now();
    this.#wait(null);
    this.#asking = true;
    await this.#restart(fresh);
    this.#asking = false;
    if (!this.#closed) this.#wait(patienceMs);
  }
}
