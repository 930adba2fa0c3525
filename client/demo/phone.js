// The telephone behind the page: which call is in front, which are on hold, which ring, and which
// go on elsewhere. No document in here.

// Where a reloaded page finds which call it was in.
const kWasIn = 'parley was in';

export class Phone {
  #api;
  #camera;
  #onChange;
  #tell;
  #front = null;
  #held = new Map(); // call -> {audio, video}: what to turn on again
  #dismissed = new Set(); // calls that go on without this user, who does not want to see them
  #ringing = []; // calls that wait for this user, oldest first
  #changing = 0; // while one call makes room for another, nothing comes to the front by itself
  #wasIn = recall(kWasIn); // before this visit changes it

  // `camera`: what to ask of the camera; `onChange` () after every change; `tell` (error).
  constructor({ api, camera, onChange, tell }) {
    this.#api = api;
    this.#camera = camera;
    this.#onChange = onChange;
    this.#tell = tell;
    api.on('call:received', (call) => {
      this.#ringing.push(call);
      this.#onChange();
    });
  }

  get ringing() {
    return this.#ringing.filter((call) => call.rings);
  }
  // The call that is heard and seen here, or null.
  get front() {
    return this.#front;
  }
  get held() {
    return [...this.#held.keys()];
  }
  // Calls of this user on another device, or without this user.
  get elsewhere() {
    return this.#api.calls.filter((call) => {
      const elsewhere = call.role?.startsWith('passive') || call.me.state === 'left';
      return elsewhere && !isHere(call) && !call.rings && !this.#dismissed.has(call);
    });
  }

  // Brings everything in line with the calls there are; to be called when they have changed.
  update() {
    const here = this.#api.calls.filter(isHere);
    this.#ringing = this.#ringing.filter((call) => call.rings);
    for (const call of this.#held.keys()) if (!here.includes(call)) this.#held.delete(call);
    for (const call of this.#dismissed) if (call.state === 'ended') this.#dismissed.delete(call);
    if (this.#front && !here.includes(this.#front)) this.#front = null;
    if (this.#changing === 0) this.#front ??= here.find((call) => !this.#held.has(call)) ?? null;
    // The last one that waits comes back by itself, as telephones do.
    if (!this.#front && this.#held.size === 1 && this.#changing === 0) void this.resume(this.held[0]);
    this.#remember();
  }

  // `video`: whether with a camera.
  dial({ from, to, chainId }, video) {
    return this.#change(async () => {
      await this.#hold();
      const settings = { audio: true, video: video && this.#camera };
      const call = this.#api.openCall({ from, to, ...(chainId && { chainId }), settings });
      this.#front = call;
      return call;
    });
  }

  // Takes a call that rings, or one that goes on without this user.
  accept(call, { video }) {
    this.#ringing = this.#ringing.filter((other) => other !== call);
    return this.#change(async () => {
      await this.#hold();
      await this.#try(call, () => call.accept({ audio: true, video: video && this.#camera }));
      if (isHere(call)) this.#front = call;
    });
  }

  async decline(call, reason) {
    this.#ringing = this.#ringing.filter((other) => other !== call);
    this.#onChange();
    await this.#try(call, () => call.reject(reason));
  }

  // Moves a call from this user's other device to this one.
  async take(call) {
    await this.#hold();
    // What was muted on the other device stays so.
    const video = call.me.video ? { video: this.#camera } : {};
    await this.#try(call, () => call.take(video));
    if (isHere(call)) this.#front = call;
    this.#onChange();
  }

  hangup(call) {
    return this.#try(call, () => call.hangup());
  }

  // Puts the call in front on hold and `call` in front.
  async resume(call) {
    const wanted = this.#held.get(call);
    if (!wanted) return;
    this.#held.delete(call);
    await this.#change(async () => {
      await this.#hold();
      this.#front = call;
    });
    for (const kind of ['audio', 'video']) {
      if (wanted[kind]) await this.#try(call, () => call.unmute(kind));
    }
  }

  dismiss(call) {
    this.#dismissed.add(call);
    this.#onChange();
  }

  // A reloaded page takes the call again that it was in; no other device does that unasked.
  comeBack() {
    const found = this.#api.calls.find((call) => call.id === this.#wasIn);
    this.#wasIn = null;
    if (!found) return;
    // It may be seen first while the server has not yet noticed that the old page is gone.
    const back = () => {
      if (isHere(found) || found.state === 'ended' || found.me.state === 'left') return off();
      if (found.me.state !== 'reconnecting' || !found.canJoin) return;
      off();
      const { audio, video } = found.me;
      void this.#try(found, () => found.rejoin({ ...(audio && { audio }), video: video && this.#camera }));
    };
    const off = this.#api.on('calls:changed', back);
    back();
  }

  async #change(act) {
    this.#changing += 1;
    this.#onChange();
    try {
      return await act();
    } finally {
      this.#changing -= 1;
      this.#onChange();
    }
  }

  // Another call comes first: who is in this one hears and sees nothing of us meanwhile.
  async #hold() {
    const call = this.#front;
    if (!call || call.state === 'ended') return;
    this.#front = null;
    const { audio, video } = call.me;
    this.#held.set(call, { audio, video });
    this.#onChange();
    for (const kind of ['audio', 'video']) {
      if (call.me[kind] && call.isActive) await this.#try(call, () => call.mute(kind));
    }
  }

  #remember() {
    const call = this.#front;
    if (call?.role) keep(kWasIn, call.id);
    else if (this.#api.state === 'connected' && !call) keep(kWasIn, null);
  }

  // That another device was faster, or that it is over, is no error: the page shows it as such.
  async #try(call, act) {
    try {
      await act();
    } catch (error) {
      const expected = ['already_accepted', 'ended', 'media_aborted'].includes(error.code);
      if (!expected && call.state !== 'ended' && call.error !== error) this.#tell(error);
    }
  }
}

// Whether this device is in the call, or about to be.
function isHere(call) {
  return call.state === 'opening' || (call.state !== 'ended' && Boolean(call.role?.startsWith('active')));
}

function recall(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // Not allowed here: then a reloaded page does not come back by itself.
  }
}
