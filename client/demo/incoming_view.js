// The sheet of a call that rings. While another call is on it is a card in the corner, so that one
// can go on talking.

import { announce, button, element, make, paintAvatar } from './dom.js';
import { names, others } from './words.js';
import { audible, unlock } from './tones.js';

export class IncomingView {
  #call = null;
  #waiting = false;
  #before = null; // what had the focus
  #wishes;

  // `wishes`: accept (call, video), decline (call, reason).
  constructor(wishes) {
    this.#wishes = wishes;
    element('incoming').addEventListener('keydown', (event) => this.#keepInside(event));
    // The first click or key makes sound possible.
    for (const event of ['pointerdown', 'keydown']) addEventListener(event, () => this.#showWhetherHeard());
  }

  // `ringing`: calls that wait, oldest first; `front`: the call this device is in, or null.
  show(ringing, front) {
    const call = ringing[0] ?? null;
    const waiting = Boolean(call && front);
    const sheet = element('incoming');
    sheet.hidden = !call;
    sheet.classList.toggle('corner', waiting);
    sheet.setAttribute('aria-modal', String(!waiting));
    element('frame').inert = Boolean(call) && !waiting;
    if (call) this.#fill(call, ringing.length - 1);
    if (call !== this.#call || waiting !== this.#waiting) this.#change(call, waiting);
  }

  #fill(call, further) {
    paintAvatar(element('incoming-avatar'), [call.from]);
    element('incoming-title').textContent = `${call.from} is calling`;
    const more = others(call).filter((id) => id !== call.from);
    const kind = call.settings.video ? 'Video call' : 'Audio call';
    const group = more.length > 0 ? ` with ${names(more)}` : '';
    element('incoming-text').textContent = `${kind}${group}`;
    element('incoming-more').hidden = further === 0;
    element('incoming-more').textContent = `${further} more ${further === 1 ? 'call waits' : 'calls wait'}`;
  }

  #change(call, waiting) {
    const fresh = call !== this.#call;
    this.#call = call;
    this.#waiting = waiting;
    if (!call) {
      if (this.#before?.isConnected) this.#before.focus({ preventScroll: true });
      this.#before = null;
      return;
    }
    if (fresh) announce(`${call.from} is calling`);
    const { accept, decline } = this.#wishes;
    const yes = (text, iconName, video) =>
      button(text, () => accept(call, video), { className: 'accept', iconName });
    const buttons = [];
    if (call.settings.video) {
      buttons.push(yes(waiting ? 'Hold and accept' : 'Accept', 'i-video', true));
      buttons.push(yes(waiting ? 'Hold and accept, audio only' : 'Accept with audio only', 'i-phone', false));
    } else {
      buttons.push(yes(waiting ? 'Hold and accept' : 'Accept', 'i-phone', false));
    }
    const no = make('div', { class: 'row' });
    no.append(
      button('Decline', () => decline(call, 'declined'), { className: 'danger', iconName: 'i-hangup' }),
      button('I’m busy', () => decline(call, 'busy')),
    );
    element('incoming-actions').replaceChildren(...buttons, no);
    if (!this.#before) this.#before = document.activeElement;
    // Who types goes on typing; a call must not be taken by a stray Enter.
    const types = waiting && document.activeElement?.matches('input, textarea');
    if (!types) buttons[0].focus({ preventScroll: true });
    void this.#showWhetherHeard();
  }

  async #showWhetherHeard() {
    const hint = element('incoming-sound');
    hint.hidden = audible();
    await unlock(); // browsers that want a click first resolve this after it
    hint.hidden = audible();
  }

  // Tab goes round among the buttons of a modal sheet.
  #keepInside(event) {
    if (event.key !== 'Tab' || this.#waiting) return;
    const buttons = [...element('incoming').querySelectorAll('button')];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons.at((at + (event.shiftKey ? -1 : 1)) % buttons.length);
    event.preventDefault();
    next.focus();
  }
}
