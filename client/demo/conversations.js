// All conversations of this user, newest first: what the server tells, and what this device has
// seen of it.

import { Conversation, draftKey } from './conversation.js';
import { isMissed, pastCall } from './words.js';

// Our choice: what fits on a screen.
const kPage = 30;
// What a device shows as new that was never here before: the last day.
const kNewHereMs = 86_400_000;

export class Conversations {
  #api;
  #onChange;
  #byKey = new Map();
  #seen;
  #refreshing = null;
  #again = false;
  state = 'new'; // 'loading', 'ready', 'error'
  error = null;
  more = false;
  loadingMore = false;

  // `device` names this device in what it keeps; `onChange` (conversation or null) is called after
  // every change.
  constructor({ api, device, onChange }) {
    this.#api = api;
    this.#onChange = onChange;
    this.#seen = new Seen(() => `parley seen ${api.userId} ${device}`);
    this.#host.api = api;
  }

  // Newest first.
  list() {
    const shown = [...this.#byKey.values()].filter(({ at }) => at > 0);
    return shown.sort((a, b) => b.at - a.at);
  }

  get(key) {
    return this.#byKey.get(key) ?? null;
  }

  // The conversation with just these people: the newest there is, or a draft.
  with(others) {
    const own = this.#api.profiles;
    const me = own[0];
    const members = [...new Set([me, ...others])];
    const same = draftKey(members);
    const found = this.list().find((other) => other.chainId !== null && draftKey(other.members) === same);
    return found ?? this.#byKey.get(same) ?? this.#add({ members });
  }

  get missed() {
    return this.list().reduce((sum, { missed }) => sum + missed, 0);
  }
  get unread() {
    return this.list().reduce((sum, { unread }) => sum + unread, 0);
  }

  // ---- what the server tells ----------------------------------------------------------------

  // Brings the newest page up to date. Asked again meanwhile, it is done once more.
  refresh() {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = null;
      if (!this.#again) return;
      this.#again = false;
      void this.refresh();
    });
    return this.#refreshing;
  }

  async #refresh() {
    if (this.state !== 'ready') this.state = 'loading';
    this.#onChange(null);
    try {
      const { items, more } = await this.#api.chains({ limit: kPage });
      const first = this.state !== 'ready';
      this.#take(items);
      if (first) this.more = more;
      this.state = 'ready';
      this.error = null;
    } catch (error) {
      if (this.state !== 'ready') this.state = 'error';
      this.error = error;
    }
    this.#onChange(null);
  }

  async loadMore() {
    const known = this.list().filter(({ chainId, last, guest }) => chainId !== null && last && !guest);
    if (!this.more || this.loadingMore || known.length === 0) return;
    this.loadingMore = true;
    this.#onChange(null);
    try {
      const { items, more } = await this.#api.chains({ before: known.at(-1).chainId, limit: kPage });
      this.#take(items);
      this.more = more;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.loadingMore = false;
    this.#onChange(null);
  }

  #take(items) {
    for (const { chainId, members, last } of items) {
      const known = this.#chain(chainId, members);
      known.members = [...members];
      if (last && last.at >= (known.last?.at ?? 0)) {
        const news = known.last?.id !== last.id;
        known.last = last;
        if (news && known.state === 'ready') known.stale = true;
      }
      this.#count(known);
    }
  }

  // A text that came in.
  received({ chainId, members, id, from, body, at }) {
    const known = this.#chain(chainId, members);
    if (known.add({ type: 'text', id, from, body, at }) && !this.#isOwn(from)) known.unread += 1;
    // From another device of this user: who writes has read.
    if (this.#isOwn(from)) this.sawAll(known, at);
    this.#onChange(known);
    return known;
  }

  // The conversation that `call` belongs to; made when it is new here.
  ofCall(call) {
    return this.#chain(call.chainId, [call.from, ...call.to]);
  }

  callGoesOn(call) {
    this.ofCall(call).callGoesOn(call);
  }

  callEnded(call) {
    const known = this.ofCall(call);
    known.callEnded(call);
    this.#count(known);
    this.#onChange(known);
    void this.refresh();
    if (known.state === 'ready' && known.chainId !== null) void known.load();
  }

  // After an interruption: what is shown may have holes.
  suspect() {
    for (const known of this.#byKey.values()) known.stale = known.state === 'ready';
  }

  // ---- what this device has seen --------------------------------------------------------------

  sawAll(known, at = Date.now()) {
    if (known.chainId !== null) this.#seen.set(known.chainId, Math.max(at, known.at));
    if (known.unread + known.missed === 0) return;
    known.unread = 0;
    known.missed = 0;
    this.#onChange(known);
  }

  // Counts what is new in `known`, from as much as is here of it.
  #count(known) {
    if (known.chainId === null) return;
    const since = this.#seen.get(known.chainId);
    const items = [...known.items];
    if (known.last && !items.some(({ id }) => id === known.last.id)) items.push(known.last);
    const fresh = items.filter((item) => (item.endedAt ?? item.at) > since);
    known.missed = fresh.filter(
      (item) => item.type === 'call' && isMissed(pastCall(item, this.#api.profiles)),
    ).length;
    const texts = fresh.filter((item) => item.type === 'text' && !this.#isOwn(item.from)).length;
    known.unread = Math.max(texts, known.unread);
  }

  // A draft that waits for its first words is the chain that just came to be with the same people.
  #chain(chainId, members) {
    const known = this.#byKey.get(chainId);
    if (known) return known;
    const draft = this.#byKey.get(draftKey(members));
    if (!draft || draft.pending.length > 0) return this.#add({ chainId, members });
    draft.adopt(chainId);
    return draft;
  }

  #isOwn(profileId) {
    return this.#api.profiles.includes(profileId);
  }

  #add(description) {
    const known = new Conversation(this.#host, description);
    this.#byKey.set(known.key, known);
    return known;
  }

  #host = {
    api: null,
    own: () => this.#api.profiles,
    changed: (known) => {
      // Own words: whoever writes has read what was there.
      if (known.pending.length > 0) this.sawAll(known);
      this.#onChange(known);
    },
    founded: (known, draft) => this.#founded(known, draft),
  };

  #founded(known, draft) {
    this.#byKey.delete(draft);
    const twin = this.#byKey.get(known.chainId);
    if (twin) {
      for (const item of twin.items) known.add(item);
      for (const [id, item] of twin.liveCalls) known.liveCalls.set(id, item);
      known.members = twin.members;
    }
    this.#byKey.set(known.key, known);
    this.#onChange(known);
  }
}

// Until when this device has seen each conversation; kept in the browser, for this device alone.
class Seen {
  #name;
  #times = null;
  #since = Date.now() - kNewHereMs;

  // `name` is asked first when somebody has connected.
  constructor(name) {
    this.#name = name;
  }

  get(chainId) {
    const at = this.#all()[chainId];
    return typeof at === 'number' ? at : this.#since;
  }

  set(chainId, at) {
    if (this.get(chainId) >= at) return;
    this.#all()[chainId] = at;
    try {
      localStorage.setItem(this.#name(), JSON.stringify(this.#times));
    } catch {
      // Full, or not allowed: it holds for this visit.
    }
  }

  #all() {
    if (this.#times) return this.#times;
    this.#times = {};
    try {
      const kept = JSON.parse(localStorage.getItem(this.#name()) ?? '{}');
      if (kept !== null && typeof kept === 'object') Object.assign(this.#times, kept);
    } catch {
      // Nothing is kept, or may be: everything of the last day counts as new.
    }
    return this.#times;
  }
}
