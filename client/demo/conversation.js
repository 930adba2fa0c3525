// One conversation: texts and calls in one time line, and what is still on its way out.

// Our choice: a few screens full; older ones come when somebody scrolls there.
const kPage = 50;

export class Conversation {
  // `host`: api (JSAPI), own() (this user's profiles), changed (conversation),
  // founded (conversation) when a draft has become a chain.
  #host;
  #sending = false;
  #founding = Promise.resolve();
  #delivery = Promise.resolve(); // of the text that is on its way
  #loading = null;

  constructor(host, { chainId = null, members }) {
    this.#host = host;
    this.chainId = chainId; // null for a draft: nothing was said yet
    this.members = [...members];
    this.last = null; // newest item the server told of
    this.items = []; // from some point on, all there are, oldest first
    this.pending = []; // own texts: {id, body, at, state: 'sending' | 'failed', error}
    this.liveCalls = new Map(); // id -> item of a call that goes on
    this.state = 'new'; // 'loading', 'ready', 'error'
    this.error = null;
    this.more = false; // whether the server has older items
    this.loadingOlder = false;
    this.unread = 0;
    this.missed = 0;
    this.guest = false; // called into a call of a chain that others have: there is nothing to read or write
    this.stale = false; // something may have happened that we were not told of
  }

  get key() {
    return this.chainId ?? draftKey(this.members);
  }
  // What is said first begins a chain of its own.
  get #isDraft() {
    return this.chainId === null || this.guest;
  }
  // As whom this user speaks here.
  get me() {
    const own = this.#host.own();
    return this.members.find((id) => own.includes(id)) ?? own[0];
  }
  get others() {
    const own = this.#host.own();
    const others = this.members.filter((id) => !own.includes(id));
    return others.length > 0 ? others : this.members;
  }
  // When something last happened, in ms since 1970; drafts stand on top.
  get at() {
    const times = [
      this.last ? this.last.endedAt ?? this.last.at : 0,
      ...this.pending.map(({ at }) => at),
      ...[...this.liveCalls.values()].map(({ at }) => at),
    ];
    return Math.max(...times);
  }
  // The time line with live calls; what is on its way out stands apart in `pending`.
  get line() {
    const live = [...this.liveCalls.values()].filter(({ id }) => !this.items.some((item) => item.id === id));
    return [...this.items, ...live].sort((a, b) => a.at - b.at);
  }

  // ---- history ------------------------------------------------------------------------------

  // Loads the newest page, or what has happened since it was loaded.
  load() {
    if (this.#isDraft) {
      this.state = 'ready';
      this.stale = false;
      return Promise.resolve();
    }
    this.stale = false;
    this.#loading ??= this.#newest().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #newest() {
    if (this.state !== 'ready') this.#set('loading');
    try {
      const page = await this.#host.api.history(this.chainId, { limit: kPage });
      const known = new Set(this.items.map(({ id }) => id));
      const overlaps = page.items.some(({ id }) => known.has(id));
      // With a hole in between, what was there before is left away; scrolling brings it back.
      if (!overlaps && page.more) this.items = [];
      if (this.items.length === 0) this.more = page.more;
      this.#merge(page.items);
      this.#set('ready');
    } catch (error) {
      if (error.code === 'not_found') {
        this.guest = true;
        this.#set('ready');
        return;
      }
      // What was there stays; only an empty view has nothing better to show.
      if (this.state === 'ready') this.stale = true;
      else this.#set('error', error);
    }
  }

  async loadOlder() {
    if (!this.more || this.loadingOlder || this.items.length === 0) return;
    const before = this.items[0].id;
    this.loadingOlder = true;
    this.#host.changed(this);
    try {
      const page = await this.#host.api.history(this.chainId, { before, limit: kPage });
      this.more = page.more;
      this.#merge(page.items);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.loadingOlder = false;
    this.#host.changed(this);
  }

  // The server's word on these items replaces ours; the order is that of their times.
  #merge(page) {
    const told = new Set(page.map(({ id }) => id));
    const kept = this.items.filter(({ id }) => !told.has(id));
    this.items = [...page, ...kept].sort((a, b) => a.at - b.at);
    this.pending = this.pending.filter(({ id }) => !told.has(id));
    const newest = this.items.at(-1);
    if (newest && newest.at >= (this.last?.at ?? 0)) this.last = newest;
  }

  // Something new: a text that came in, or an own one that is stored.
  add(item) {
    if (this.items.some(({ id }) => id === item.id)) return false;
    this.items.push(item);
    this.items.sort((a, b) => a.at - b.at);
    if (item.at >= (this.last?.at ?? 0)) this.last = item;
    return true;
  }

  // ---- calls --------------------------------------------------------------------------------

  callGoesOn(call) {
    if (this.liveCalls.has(call.id)) return;
    const { id, from, to, settings } = call;
    this.liveCalls.set(id, { type: 'call', id, from, to, settings, at: Date.now() });
  }

  callEnded(call) {
    const live = this.liveCalls.get(call.id);
    this.liveCalls.delete(call.id);
    if (!call.outcomes) return;
    // Until the server's own account is here.
    const at = live?.at ?? Date.now() - (call.durationMs ?? 0);
    const { id, from, to, settings, outcomes, durationMs } = call;
    this.add({ type: 'call', id, from, to, settings, at, endedAt: Date.now(), durationMs, outcomes });
  }

  // Resolves with the chain's id, or with null when a call may found it: a text or call that is about
  // to found it comes first, or there would be two conversations.
  async decided() {
    await this.#founding;
    if (this.#isDraft) await this.#delivery;
    return this.#isDraft ? null : this.chainId;
  }

  // A call founds this conversation: texts wait until the server has said which chain it is.
  foundedBy(call) {
    if (!this.#isDraft) return;
    this.#founding = call.ready.then(
      (live) => this.adopt(live.chainId),
      () => {}, // the next text or call founds it
    );
  }

  // A draft turns out to be this chain: its first text or call is stored, or somebody else wrote
  // or called first.
  adopt(chainId) {
    if (!this.#isDraft || !chainId) return;
    const draft = this.key;
    this.chainId = chainId;
    this.guest = false;
    // Other devices may have been faster: what there is besides is asked for.
    this.stale = true;
    this.#host.founded(this, draft);
  }

  // ---- sending ------------------------------------------------------------------------------

  send(body) {
    this.pending.push({ id: newId(), body, at: Date.now(), state: 'sending', error: null });
    this.#host.changed(this);
    void this.#drain();
  }

  retry(id) {
    const text = this.pending.find((other) => other.id === id);
    if (!text) return;
    // Under the same id: if it did arrive, it does not stand there twice.
    Object.assign(text, { state: 'sending', error: null });
    this.#host.changed(this);
    void this.#drain();
  }

  discard(id) {
    this.pending = this.pending.filter((text) => text.id !== id);
    this.#host.changed(this);
  }

  // One after the other, so that they stand in the order they were written in.
  async #drain() {
    if (this.#sending) return;
    this.#sending = true;
    for (;;) {
      await this.#founding;
      const text = this.pending.find(({ state }) => state === 'sending');
      if (!text) break;
      this.#delivery = this.#deliver(text);
      await this.#delivery;
      this.#host.changed(this);
    }
    this.#sending = false;
  }

  async #deliver(text) {
    const { id, body } = text;
    const from = this.me;
    const where = this.#isDraft ? { to: this.others } : { chainId: this.chainId };
    try {
      const stored = await this.#host.api.sendText({ from, ...where, body, id });
      this.pending = this.pending.filter((other) => other !== text);
      this.add({ type: 'text', id: stored.id ?? id, from, body, at: stored.at });
      this.adopt(stored.chainId);
    } catch (error) {
      Object.assign(text, { state: 'failed', error });
    }
  }

  #set(state, error = null) {
    this.state = state;
    this.error = error;
    this.#host.changed(this);
  }
}

export function draftKey(members) {
  return `draft ${members.toSorted().join(' ')}`;
}

// Any id will do that nobody else has: 128 random bits. (randomUUID is missing without https.)
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
