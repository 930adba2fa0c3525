// Named events with listeners. A listener that throws never keeps the others from being called.

export class Emitter {
  #listeners = new Map();

  // Calls `listener` whenever `event` happens; returns a function that takes it off again.
  on(event, listener) {
    if (typeof listener !== 'function') throw new TypeError('A listener must be a function.');
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    return () => this.off(event, listener);
  }

  // The same for the next time only.
  once(event, listener) {
    const off = this.on(event, (...args) => {
      off();
      listener(...args);
    });
    return off;
  }

  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  emit(event, ...args) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        // Shown as an uncaught error of the application, which it is.
        (globalThis.reportError ?? console.error)(error);
      }
    }
  }
}
