// One attempt to take a running call over from another device of the same participant: a leg that
// stands by, without a microphone, until the server has switched to it.

export class Takeover {
  #settle;

  constructor(leg) {
    this.leg = leg;
    // Resolves when this device is active, rejects when the other one stays so.
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.done.catch(() => {}); // whoever called take() has the promise as well
  }

  // The server has switched: from now on the leg belongs to the call.
  succeed() {
    this.#settle.resolve();
    return this.leg;
  }

  // Closes all that was opened; the call goes on where it was.
  fail(error) {
    this.leg.close();
    this.#settle.reject(error);
  }
}
