// Who may be called, and the calls of this visit.

import { element } from './dom.js';
import { ending, isMissed, names, others } from './words.js';

// Our choice: what fits on a phone without becoming an archive.
const kRecentCalls = 8;

export class Contacts {
  #ids = [];
  #own = [];
  #chosen = new Set();
  #recent = [];
  #onCall;

  constructor({ onCall }) {
    this.#onCall = onCall;
    element('call-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (element('contact-name').value.trim()) this.#addTyped();
      const video = event.submitter?.value !== 'audio';
      if (this.#chosen.size > 0) this.#onCall([...this.#chosen], video);
    });
    element('contact-add').addEventListener('click', () => this.#addTyped());
    element('contact-name').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.#addTyped();
    });
  }

  set(ids) {
    this.#ids = [...new Set(ids)];
    this.#render();
  }

  setOwn(profiles) {
    this.#own = profiles;
    this.#render();
  }

  clearChoice() {
    this.#chosen.clear();
    this.#render();
  }

  // Notes an ended call.
  remember(call) {
    this.#recent.unshift({ call, at: new Date() });
    this.#recent.length = Math.min(this.#recent.length, kRecentCalls);
    this.#renderRecent();
  }

  // A round badge with initials, in a colour of its own.
  paintAvatar(target, id) {
    target.textContent = initials(id);
    target.style.setProperty('--hue', hue(id));
  }

  #addTyped() {
    const input = element('contact-name');
    const id = input.value.trim();
    if (!id) return;
    // Ids of profiles, as the server takes them.
    if (!/^[A-Za-z0-9_.:@-]{1,64}$/.test(id)) {
      input.setCustomValidity('Use 1 to 64 letters, digits or _ . : @ - and no spaces.');
      input.reportValidity();
      input.addEventListener('input', () => input.setCustomValidity(''), { once: true });
      return;
    }
    input.value = '';
    if (!this.#ids.includes(id)) this.#ids.push(id);
    this.#chosen.add(id);
    this.#render();
  }

  #render() {
    const callable = this.#ids.filter((id) => !this.#own.includes(id));
    element('contacts').replaceChildren(...callable.map((id) => this.#contact(id)));
    this.#renderChoice();
  }

  #renderChoice() {
    const chosen = [...this.#chosen];
    for (const id of ['call-video', 'call-audio']) element(id).disabled = chosen.length === 0;
    element('call-hint').textContent =
      chosen.length === 0
        ? 'Choose one person, or several for a group call.'
        : chosen.length === 1
          ? `Calls ${chosen[0]} on all their devices.`
          : `A group call with ${names(chosen)}.`;
  }

  #contact(id) {
    const item = document.createElement('li');
    const label = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.value = id;
    box.checked = this.#chosen.has(id);
    box.addEventListener('change', () => {
      if (box.checked) this.#chosen.add(id);
      else this.#chosen.delete(id);
      this.#renderChoice();
    });
    const avatar = document.createElement('span');
    avatar.className = 'avatar';
    avatar.ariaHidden = 'true';
    this.paintAvatar(avatar, id);
    const name = document.createElement('span');
    name.className = 'name';
    name.textContent = id;
    label.append(box, avatar, name);
    item.append(label);
    return item;
  }

  #renderRecent() {
    element('recent').hidden = this.#recent.length === 0;
    element('recent-list').replaceChildren(
      ...this.#recent.map(({ call, at }) => {
        const item = document.createElement('li');
        item.classList.toggle('missed', isMissed(call));
        const text = document.createElement('div');
        const who = document.createElement('strong');
        who.textContent = names(others(call));
        const what = document.createElement('span');
        const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
        what.textContent = `${ending(call).title} · ${time}`;
        const back = document.createElement('button');
        back.type = 'button';
        back.textContent = 'Call';
        back.setAttribute('aria-label', `Call ${names(others(call))}`);
        back.addEventListener('click', () => this.#onCall(others(call), call.settings.video));
        text.append(who, what);
        item.append(text, back);
        return item;
      }),
    );
  }
}

export function initials(id) {
  const words = id.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const letters = words.length > 1 ? words[0][0] + words[1][0] : id.slice(0, 2);
  return letters.toUpperCase();
}

export function hue(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}
