// The view of one conversation: its time line, and the line to write in.

import { avatar, button, element, icon, make, paintAvatar, reconcile } from './dom.js';
import { Composer } from './composer.js';
import { callLine, day, names, timeOfDay } from './words.js';

// Within this many pixels of the end somebody reads the newest.
const kNearEnd = 80;
// Texts of one person within this time stand together.
const kTogetherMs = 5 * 60_000;
// Longer ones are folded.
const kLongCharacters = 1200;
const kLongLines = 18;
const kCallButtons = ['conversation-video', 'conversation-audio', 'empty-video', 'empty-audio'];

export class ConversationView {
  #known = null;
  #own = [];
  #scroll = element('line-scroll');
  #line = element('line');
  #composer;
  #onCall;
  #newest = null; // key of the last entry that was shown
  #unread = 0; // that came in below what is in view

  // Wishes: `onCall` (conversation, video), `onBack` (), `onSeen` (conversation).
  constructor({ onCall, onBack, onSeen }) {
    this.#onCall = onCall;
    this.onSeen = onSeen;
    this.#composer = new Composer({ send: (body) => this.#send(body) });
    for (const id of kCallButtons) {
      element(id).addEventListener('click', () => onCall(this.#known, id.endsWith('video')));
    }
    element('conversation-back').addEventListener('click', onBack);
    element('line-retry').addEventListener('click', () => void this.#known?.load());
    element('line-older').addEventListener('click', () => this.#older());
    element('line-jump').addEventListener('click', () => this.#toEnd(true));
    this.#scroll.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    // A keyboard that comes up, or a window made smaller, must not hide the newest.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#scroll);
  }

  get conversation() {
    return this.#known;
  }

  // Shows `known`, or nothing when null. `live`: the call that goes on in it, or null.
  show(known, { own, live, online }) {
    const changed = known !== this.#known;
    this.#own = own;
    this.#known = known;
    if (!known) return;
    if (changed) {
      this.#line.replaceChildren();
      this.#newest = null;
      this.#unread = 0;
      this.#composer.change(known.key);
    }
    if (known.state === 'new' || known.stale) void known.load();
    this.#head(live, online);
    this.#render(changed);
    this.#status();
  }

  focus() {
    this.#composer.focus();
  }

  #head(live, online) {
    const { others } = this.#known;
    paintAvatar(element('conversation-avatar'), others);
    element('conversation-title').textContent = names(others);
    element('conversation-detail').textContent =
      live ? 'Call going on' : others.length > 1 ? `Group: you, ${others.join(', ')}` : '';
    for (const id of kCallButtons) element(id).disabled = Boolean(live) || !online;
  }

  #status() {
    const { state, error, items, pending, more, loadingOlder } = this.#known;
    const empty = items.length + pending.length + this.#known.liveCalls.size === 0;
    element('line-loading').hidden = !(state === 'loading' && empty) && !loadingOlder;
    element('line-empty').hidden = !(state === 'ready' && empty);
    element('line-empty-text').textContent = `Write to ${names(this.#known.others)}, or call.`;
    const failed = state === 'error';
    element('line-error').hidden = !failed;
    element('line-error-text').textContent = failed ? `This conversation could not be loaded: ${error.message}` : '';
    element('line-older').hidden = !more || loadingOlder || failed;
    element('line-older').textContent = error && !failed ? 'Older messages could not be loaded. Try again' : 'Show older messages';
    element('line-begin').hidden = more || state !== 'ready' || empty;
  }

  // ---- time line ----------------------------------------------------------------------------

  #render(changed) {
    const wasAtEnd = changed || this.#atEnd;
    const top = this.#line.firstElementChild;
    const anchor = { key: top?.dataset.key, height: this.#scroll.scrollHeight, top: this.#scroll.scrollTop };
    const entries = this.#entries();
    reconcile(this.#line, entries, {
      key: ({ key }) => key,
      create: () => make('li'),
      update: (item, entry) => this.#fill(item, entry),
    });
    const newest = entries.at(-1)?.key ?? null;
    const grew = newest !== this.#newest && this.#newest !== null;
    const byMe = entries.at(-1)?.mine;
    this.#newest = newest;
    if (wasAtEnd || (grew && byMe)) {
      this.#toEnd();
    } else if (grew) {
      this.#unread += 1;
    } else if (anchor.key && this.#line.firstElementChild?.dataset.key !== anchor.key) {
      // Older ones came in above: what is being read stays where it is.
      this.#scroll.scrollTop = anchor.top + this.#scroll.scrollHeight - anchor.height;
    }
    this.#jump();
    if (this.#atEnd) this.onSeen(this.#known);
  }

  // What stands below each other: days, texts, calls, and last what is on its way.
  #entries() {
    const entries = [];
    let before = null;
    let lastDay = null;
    const push = (item, extra) => {
      const today = day(item.at);
      if (today !== lastDay) {
        entries.push({ key: `day ${today}`, type: 'day', text: today });
        before = null;
      }
      lastDay = today;
      const mine = this.#own.includes(item.from);
      const together =
        item.type === 'text' && before?.type === 'text' && before.from === item.from && item.at - before.at < kTogetherMs;
      entries.push({ key: item.id, type: item.type, item, mine, together, ...extra });
      before = item;
    };
    for (const item of this.#known.line) push(item, {});
    const { me } = this.#known;
    for (const text of this.#known.pending) push({ ...text, type: 'text', from: me }, { state: text.state, error: text.error });
    return entries;
  }

  #fill(node, entry) {
    const { type, item, mine, together, state = 'sent', error } = entry;
    const said = JSON.stringify([type, mine, together, state, error?.message, item?.at, type === 'call' ? item : null]);
    if (node.dataset.said === said) return;
    node.dataset.said = said;
    node.className = `entry ${type} ${mine ? 'mine' : 'theirs'} ${together ? 'together' : ''} ${state}`;
    if (type === 'day') node.replaceChildren(make('span', {}, entry.text));
    else if (type === 'call') node.replaceChildren(this.#call(item));
    else node.replaceChildren(...this.#text(entry, state));
  }

  #text({ item, mine, together, error }, state) {
    const group = this.#known.members.length > 2;
    const words = make('p', { class: 'words', dir: 'auto' }, item.body);
    const bubble = make('div', { class: 'bubble' });
    if (group && !mine && !together) bubble.append(make('strong', { class: 'from' }, item.from));
    bubble.append(words);
    if (isLong(item.body)) bubble.append(fold(words));
    const meta = make('span', { class: 'meta' }, make('time', {}, timeOfDay(item.at)));
    if (mine) meta.append(icon(kStateIcons[state], kStateWords[state]));
    bubble.append(meta);
    const parts = [bubble];
    if (group && !mine) parts.unshift(together ? make('span', { class: 'avatar gap' }) : avatar([item.from]));
    if (state === 'failed') parts.push(this.#failed(item, error));
    return parts;
  }

  #failed({ id }, error) {
    return make(
      'div',
      { class: 'unsent', role: 'alert' },
      make('span', {}, `Not sent. ${error?.message ?? ''}`),
      button('Retry', () => this.#known.retry(id)),
      button('Delete', () => this.#known.discard(id), { className: 'quiet' }),
    );
  }

  #call(item) {
    const { title, detail, direction, missed, live } = callLine(item, this.#own);
    const video = item.settings?.video !== false;
    const root = make(
      'div',
      { class: `call-line ${direction} ${live ? 'live' : ''}` },
      make('span', { class: 'call-icon' }, icon(kDirections[direction] ?? 'i-phone')),
      make('span', { class: 'call-words' }, make('strong', {}, title), make('span', {}, [timeOfDay(item.at), detail].filter(Boolean).join(' · '))),
    );
    if (!live && direction !== 'none') {
      const text = missed || direction === 'in' ? 'Call back' : 'Call again';
      root.append(button(text, () => this.#onCall(this.#known, video)));
    }
    return root;
  }

  #send(body) {
    this.#known.send(body);
    this.#toEnd();
  }

  // ---- scrolling ----------------------------------------------------------------------------

  get #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < kNearEnd;
  }

  #toEnd(smooth = false) {
    this.#unread = 0;
    this.#scroll.scrollTo({ top: this.#scroll.scrollHeight, behavior: smooth ? 'smooth' : 'instant' });
    this.#jump();
  }

  #jump() {
    const jump = element('line-jump');
    jump.hidden = this.#atEnd;
    jump.querySelector('span').textContent = this.#unread > 0 ? `${this.#unread} new` : 'Newest';
  }

  #scrolled() {
    if (this.#atEnd) {
      this.#unread = 0;
      if (this.#known) this.onSeen(this.#known);
    }
    this.#jump();
    if (this.#scroll.scrollTop < 200 && this.#known?.state === 'ready' && !this.#known.error) this.#older();
  }

  #older() {
    void this.#known?.loadOlder();
    if (this.#known) this.#status();
  }
}

const kStateIcons = { sending: 'i-clock', sent: 'i-check', failed: 'i-alert' };
const kStateWords = { sending: 'sending', sent: 'sent', failed: 'not sent' };
const kDirections = { out: 'i-out', in: 'i-in', missed: 'i-missed', none: 'i-phone' };

function isLong(body) {
  return body.length > kLongCharacters || body.split('\n').length > kLongLines;
}

function fold(words) {
  words.classList.add('folded');
  return button('Show all', (event) => {
    const folded = words.classList.toggle('folded');
    event.currentTarget.querySelector('span').textContent = folded ? 'Show all' : 'Show less';
  }, { className: 'quiet' });
}
