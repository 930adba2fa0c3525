// A dialog to choose people in: for a new conversation, and to add some to a call.

import { avatar, element, make } from './dom.js';

// Ids of profiles, as the server takes them.
const kProfileId = /^[A-Za-z0-9_.:@-]{1,64}$/;

export class PeopleDialog {
  #dialog = element('people-dialog');
  #ids = [];
  #chosen = new Set();
  #resolve = null;

  constructor() {
    element('people-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (element('people-name').value.trim() && !this.#addTyped()) return;
      if (this.#chosen.size > 0) this.#close([...this.#chosen]);
    });
    element('people-add').addEventListener('click', () => this.#addTyped());
    element('people-name').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !event.target.value.trim()) return;
      event.preventDefault();
      this.#addTyped();
    });
    element('people-name').addEventListener('input', (event) => {
      event.target.setCustomValidity('');
      this.#renderSubmit();
    });
    element('people-cancel').addEventListener('click', () => this.#close(null));
    this.#dialog.addEventListener('cancel', () => this.#close(null));
  }

  // Resolves with the chosen ids, or null. `ids` are offered.
  choose({ title, submit, ids }) {
    this.#resolve?.(null);
    this.#ids = [...ids];
    this.#chosen.clear();
    element('people-title').textContent = title;
    element('people-submit').textContent = submit;
    element('people-name').value = '';
    this.#render();
    this.#dialog.showModal();
    element(this.#ids.length === 0 ? 'people-name' : 'people-title').focus();
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  #close(answer) {
    this.#dialog.close();
    this.#resolve?.(answer);
    this.#resolve = null;
  }

  #addTyped() {
    const input = element('people-name');
    const id = input.value.trim();
    if (!id) return false;
    if (!kProfileId.test(id)) {
      input.setCustomValidity('Use 1 to 64 letters, digits or _ . : @ - and no spaces.');
      input.reportValidity();
      return false;
    }
    input.value = '';
    if (!this.#ids.includes(id)) this.#ids.push(id);
    this.#chosen.add(id);
    this.#render();
    return true;
  }

  #render() {
    element('people-list').replaceChildren(...this.#ids.map((id) => this.#person(id)));
    this.#renderSubmit();
  }

  #renderSubmit() {
    element('people-submit').disabled =
      this.#chosen.size === 0 && !element('people-name').value.trim();
  }

  #person(id) {
    const box = make('input', { type: 'checkbox', value: id });
    box.checked = this.#chosen.has(id);
    box.addEventListener('change', () => {
      if (box.checked) this.#chosen.add(id);
      else this.#chosen.delete(id);
      this.#renderSubmit();
    });
    return make('li', {}, make('label', {}, avatar([id]), make('span', { class: 'name' }, id), box));
  }
}
