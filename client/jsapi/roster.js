// Who takes part in a call, and in what state, as this connection has been told. Pure bookkeeping.

export class Roster {
  #members = new Map();

  #settings;

  // Until somebody says otherwise, microphone and camera are as the call's settings have them.
  constructor(from, to, settings) {
    this.#settings = settings;
    for (const profileId of [from, ...to]) this.#add(profileId);
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
    const member = this.#members.get(profileId) ?? this.#add(profileId);
    let changed = false;
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
