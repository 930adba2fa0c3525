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
    const heard = (...args) => {
      off();
      listener(...args);
    };
    heard.listener = listener;
    const off = this.on(event, heard);
    return off;
  }

  off(event, listener) {
    const listeners = this.#listeners.get(event) ?? new Set();
    for (const heard of listeners) {
      if (heard === listener || heard.listener === listener) listeners.delete(heard);
    }
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
