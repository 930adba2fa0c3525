// The dialog with what was recorded: play it, load it, delete it.

import { button, element, icon, make } from './dom.js';
import { clock } from './words.js';

const kLayouts = { tracks: 'each track by itself', grid: 'everybody in one picture', speaker: 'who speaks' };
const kDay = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };

export class RecordingsDialog {
  #api;
  #dialog = element('recordings-dialog');
  #items = [];
  #more = false;

  // `api`: JSAPI.
  constructor({ api }) {
    this.#api = api;
    element('recordings-close').addEventListener('click', () => this.#dialog.close());
    element('recordings-more').addEventListener('click', () => void this.#load(this.#items));
    this.#dialog.addEventListener('close', () => element('recordings-list').replaceChildren());
  }

  async open() {
    this.#items = [];
    element('recordings-list').replaceChildren();
    this.#dialog.showModal();
    await this.#load(this.#items);
  }

  // The ones before those in `list`, unless the dialog was opened anew meanwhile.
  async #load(list) {
    this.#say('Loading…');
    this.#more = false;
    element('recordings-more').hidden = true; // not twice at once
    try {
      const { items, more } = await this.#api.recordings({ before: list.at(-1)?.recordingId ?? null });
      if (list !== this.#items) return;
      list.push(...items);
      this.#more = more;
      element('recordings-list').append(...items.map((item) => this.#entry(item)));
      this.#say(this.#items.length === 0 ? 'Nothing was recorded yet.' : '');
    } catch (error) {
      if (list !== this.#items) return;
      this.#more = list.length > 0; // to be tried again
      this.#say(error.message, true);
    }
    element('recordings-more').hidden = !this.#more;
  }

  #say(text, wrong = false) {
    element('recordings-hint').textContent = text;
    element('recordings-hint').hidden = text === '';
    element('recordings-hint').classList.toggle('problem', wrong);
  }

  #entry({ recordingId, at, durationMs, layout, state, message }) {
    const files = make('div', { class: 'recording-files' });
    const entry = make(
      'li',
      { class: 'recording' },
      make(
        'div',
        { class: 'recording-head' },
        icon('i-record'),
        make('strong', {}, new Date(at).toLocaleString([], kDay)),
        make('span', {}, `${clock(durationMs ?? 0)} · ${kLayouts[layout]}${state === 'failed' ? ` · ${message ?? 'failed'}` : ''}`),
        button('Play', () => this.#play(recordingId, files), { label: `Play the recording of ${new Date(at).toLocaleString()}` }),
        button('', () => this.#delete(recordingId, entry), { className: 'quiet', iconName: 'i-close', label: 'Delete' }),
      ),
      files,
    );
    return entry;
  }

  async #play(recordingId, target) {
    target.textContent = 'Loading…';
    try {
      const { files } = await this.#api.recording(recordingId);
      target.replaceChildren(...files.map((file) => player(file)));
      if (files.length === 0) target.textContent = 'There is nothing in it.';
    } catch (error) {
      target.textContent = error.message;
    }
  }

  async #delete(recordingId, entry) {
    if (!confirm('Delete this recording for everybody?')) return;
    try {
      await this.#api.deleteRecording(recordingId);
      entry.remove();
      const place = this.#items.findIndex((item) => item.recordingId === recordingId);
      if (place >= 0) this.#items.splice(place, 1);
    } catch (error) {
      this.#say(error.message, true);
    }
  }
}

function player({ url, file, profileId, source, codec, durationMs }) {
  const sound = codec === 'opus';
  const media = make(sound ? 'audio' : 'video', { controls: true, preload: 'metadata', src: url });
  const label = profileId ? `${profileId} · ${source}` : 'Everybody';
  return make(
    'figure',
    {},
    media,
    make('figcaption', {}, `${label} · ${clock(durationMs)} `, make('a', { href: url, download: file }, 'Download')),
  );
}
