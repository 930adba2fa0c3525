// The line to write in: Enter sends, Shift and Enter makes a new line.

import { element } from './dom.js';

// What the server takes, in bytes of UTF-8; near it the page says how much is left.
const kMostBytes = 8192;
const kTellAtBytes = 7000;

export class Composer {
  #input = element('composer-input');
  #send;
  #drafts = new Map(); // key of a conversation -> what was begun there
  #key = null;

  // `send` (body).
  constructor({ send }) {
    this.#send = send;
    element('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener('input', () => this.#changed());
    this.#input.addEventListener('keydown', (event) => {
      // An Enter that chooses a word of an input method is not meant for us.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
  }

  // Another conversation: what was begun there comes back.
  change(key) {
    if (this.#key !== null) this.#drafts.set(this.#key, this.#input.value);
    this.#key = key;
    this.#input.value = this.#drafts.get(key) ?? '';
    this.#changed();
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  #submit() {
    const body = this.#input.value.trim();
    if (!body || bytes(body) > kMostBytes) return;
    this.#input.value = '';
    this.#changed();
    this.#send(body);
    this.focus();
  }

  #changed() {
    const body = this.#input.value.trim();
    const size = bytes(body);
    const left = element('composer-left');
    left.hidden = size < kTellAtBytes;
    const over = size > kMostBytes;
    left.textContent = over
      ? `Too long by ${size - kMostBytes} bytes: send it in parts.`
      : `${kMostBytes - size} bytes left`;
    left.classList.toggle('over', over);
    element('composer-send').disabled = !body || over;
    // As high as its text, up to what the style allows.
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight + 2}px`;
  }
}

function bytes(text) {
  return new TextEncoder().encode(text).length;
}
