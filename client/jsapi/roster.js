// Who takes part in a call, and in what state, as this connection has been told. Pure bookkeeping.

// In these states a participant has a device in the call.
export const kInCall = new Set(['active', 'reconnecting']);

export class Roster {
  #members = new Map();
  #settings;

  // Until somebody says otherwise, microphone and camera are as the call's settings have them.
  constructor(from, to, settings) {
    this.#settings = settings;
    this.expect(from, to);
  }

  // Brings the members into the order caller, receivers, and adds who is missing.
  expect(from, to) {
    const known = this.#members;
    this.#members = new Map();
    for (const profileId of [from, ...to]) {
      if (known.has(profileId)) this.#members.set(profileId, known.get(profileId));
      else this.#add(profileId);
    }
    for (const [profileId, member] of known) this.#members.set(profileId, member);
  }

  // Copies, in the order caller, receivers.
  list() {
    return [...this.#members.values()].map((member) => ({ ...member }));
  }

  get(profileId) {
    const member = this.#members.get(profileId);
    return member ? { ...member } : undefined;
  }

  // Takes over what `changes` names; returns whether that changed anything.
  update(profileId, changes) {
    let changed = !this.#members.has(profileId);
    const member = this.#members.get(profileId) ?? this.#add(profileId);
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined || member[key] === value) continue;
      member[key] = value;
      changed = true;
    }
    return changed;
  }

  #add(profileId) {
    const member = {
      profileId,
      state: 'inviting',
      connectionId: null,
      ...this.#settings,
      outcome: null,
    };
    this.#members.set(profileId, member);
    return member;
  }
}
