// The list of conversations, and the people one has not talked with yet.

import { avatar, element, icon, make, reconcile } from './dom.js';
import { names, preview, shortTime } from './words.js';

export class ChainList {
  #list = element('chain-list');
  #onOpen;
  #onPerson;

  // `onOpen` (conversation), `onPerson` (profile id), `onMore` () when the end is in view, `onRetry` ().
  constructor({ onOpen, onPerson, onMore, onRetry }) {
    this.#onOpen = onOpen;
    this.#onPerson = onPerson;
    element('chain-retry').addEventListener('click', onRetry);
    const watch = new IntersectionObserver((seen) => {
      if (seen.some(({ isIntersecting }) => isIntersecting)) onMore();
    }, { root: element('chain-scroll'), rootMargin: '200px' });
    watch.observe(element('chain-end'));
    this.#list.addEventListener('keydown', (event) => this.#arrows(event));
  }

  // `chains`: the Conversations; `open`: the one that is shown, or null; `contacts`: who else may be
  // written to; `liveIn` (conversation): the call that goes on there,
  // or null.
  show({ chains, own, open, contacts, liveIn }) {
    const list = chains.list();
    reconcile(this.#list, list, {
      key: ({ key }) => key,
      create: () => this.#row(),
      update: (row, known) => this.#fill(row, known, { own, isOpen: known === open, live: liveIn(known) }),
    });
    this.#status(chains, list.length);
    const known = new Set(list.filter(({ members }) => members.length === 2).flatMap(({ others }) => others));
    // Before the server has said who this user is, nobody can be written to.
    const ready = own.length > 0 && chains.state !== 'new';
    element('new-conversation').disabled = !ready;
    const strangers = ready ? contacts.filter((id) => !known.has(id) && !own.includes(id)) : [];
    element('strangers').hidden = strangers.length === 0;
    reconcile(element('stranger-list'), strangers, {
      key: (id) => id,
      create: (id) => {
        const row = make('button', { type: 'button', class: 'chain' }, avatar([id]), make('span', { class: 'name' }, id));
        row.addEventListener('click', () => this.#onPerson(id));
        return make('li', {}, row);
      },
    });
  }

  #status(chains, count) {
    const { state, error, more, loadingMore } = chains;
    element('chain-loading').hidden = !(['new', 'loading'].includes(state) && count === 0) && !loadingMore;
    element('chain-empty').hidden = !(state === 'ready' && count === 0);
    const failed = error && (state === 'error' || more);
    element('chain-error').hidden = !failed;
    element('chain-error-text').textContent = failed ? `The conversations could not be loaded: ${error.message}` : '';
  }

  #row() {
    const parts = {
      avatar: make('span', { class: 'avatar', 'aria-hidden': 'true' }),
      name: make('strong', { class: 'name' }),
      time: make('time'),
      text: make('span', { class: 'preview' }),
      badges: make('span', { class: 'badges' }),
    };
    const row = make(
      'button',
      { type: 'button', class: 'chain' },
      parts.avatar,
      make('span', { class: 'chain-top' }, parts.name, parts.time),
      make('span', { class: 'chain-bottom' }, parts.text, parts.badges),
    );
    const item = make('li', {}, row);
    row.addEventListener('click', () => this.#onOpen(item.conversation));
    return Object.assign(item, { parts, row });
  }

  #fill(item, known, { own, isOpen, live }) {
    const { parts, row } = item;
    item.conversation = known;
    const { others } = known;
    const said = JSON.stringify([others, known.last, known.pending, known.unread, known.missed, isOpen, live?.state, shortTime(known.at)]);
    if (item.dataset.said === said) return;
    item.dataset.said = said;
    parts.avatar.replaceWith((parts.avatar = avatar(others)));
    parts.name.textContent = names(others);
    parts.time.textContent = shortTime(known.at);
    parts.time.dateTime = new Date(known.at).toISOString();
    const waiting = known.pending.at(-1);
    const { text, missed } = waiting
      ? { text: waiting.state === 'failed' ? `Not sent: ${waiting.body}` : `You: ${waiting.body}`, missed: false }
      : preview(known.last, own, known.members);
    parts.text.textContent = !live ? text : live.state === 'ringing' ? 'Calling…' : 'Call going on';
    row.classList.toggle('missed', missed && !live && known.missed > 0);
    row.classList.toggle('failed', waiting?.state === 'failed');
    row.classList.toggle('live', Boolean(live));
    row.classList.toggle('fresh', known.unread + known.missed > 0);
    if (isOpen) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
    parts.badges.replaceChildren(...badges(known));
  }

  // Up and down go through the list, as in any list of messages.
  #arrows(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = [...this.#list.querySelectorAll('button')];
    const next = rows[rows.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function badges({ unread, missed }) {
  const said = [];
  if (missed > 0) {
    const word = `${missed} missed call${missed === 1 ? '' : 's'}`;
    said.push(make('span', { class: 'count missed', title: word }, icon('i-missed', word), String(missed)));
  }
  if (unread > 0) {
    const word = `${unread} new message${unread === 1 ? '' : 's'}`;
    said.push(make('span', { class: 'count', title: word, 'aria-label': word }, String(unread)));
  }
  return said;
}
