// One call as this connection sees it. A Call follows the global state of the call by itself, on
// active and passive connections alike; media exists only while the connection is active.

import { kCallEvents } from './call_events.js';
import { badRequest, callOver, connectionLost, notActive } from './errors.js';
import { OwnMedia } from './own_media.js';
import { Roster, kInCall } from './roster.js';
import { ServedCall } from './services.js';

// After these a receiver has neither accepted nor declined.
const kUndecided = new Set(['missed', 'unreachable']);

// Events: ringing (profileId, connectionId) · accepted (profileId, connectionId) · taken (profileId,
// connectionId, was) · participant (participant) · stream and streamend ({profileId, source, stream}) · localstream (stream) ·
// speaker (profileIds) · quality ({profileId, level, …}) · device ({source, state, error}) ·
// screenend () · connection (state) · recording (recording) · mode (mode) · bridge (bridge) ·
// state (state, role) · end (outcome).
export class Call extends ServedCall {
  #host;
  #roster;
  #state;
  #role = null;
  #media;
  #joining = 0; // accepts that wait for their answer
  #declinedHere = false; // by reject() with scope 'connection'
  #leaving = false; // a hangup() waits for its answer
  #returning = false; // was active before the connection was lost, and wants to be again
  #formerly = null; // the connection it was active on

  // Made by Client only. `host` is what a call needs of it: platform, connectionId(), iceServers(),
  // request(type, members, options), changed(call), ended(call), accepted(call, …), error(error).
  constructor(host, { id, chainId, from, to, settings, profileId, wanted, opened = false }) {
    super({ request: (type, members) => this.#request(type, members), changed: () => host.changed(this) });
    this.#state = opened ? 'opening' : 'ringing';
    this.#host = host;
    this.id = id;
    this.chainId = chainId ?? id;
    this.from = from;
    this.to = [...to];
    this.settings = { audio: settings?.audio !== false, video: settings?.video !== false };
    this.profileId = profileId; // as whom this connection takes part
    this.outcome = null;
    this.outcomes = null;
    this.durationMs = null;
    this.acceptedAt = null;
    this.error = null;
    this.mergedInto = null;
    this.ready = Promise.resolve(this);
    this.#roster = new Roster(from, to, this.settings);
    this.#media = new OwnMedia(this.#mediaHost(), wanted ?? this.settings);
  }

  // Of a call opened here 'opening' until the server has confirmed; then 'ringing', 'running', and at last 'ended'.
  get state() {
    return this.#state;
  }
  // 'active initiator', 'passive initiator', 'active receiver', 'passive receiver' or null.
  get role() {
    return this.#role;
  }
  get isActive() {
    return this.#media.leg !== null;
  }
  // Whether a take() of this device is under way.
  get isTaking() {
    return this.#media.takeover !== null;
  }
  get participants() {
    return this.#roster.list();
  }
  get me() {
    return this.#roster.get(this.profileId);
  }
  get streams() {
    return this.#media.leg?.streams ?? [];
  }
  // Microphone and camera of this device; null while it is not active.
  get localStream() {
    return this.#media.leg?.localStream ?? null;
  }
  // Whether this device rings: it waits for accept() or reject().
  get rings() {
    const waiting = ['inviting', 'ringing'].includes(this.me.state) && this.profileId !== this.from;
    return waiting && this.#role === null && this.#state !== 'ended' && !this.#declinedHere;
  }
  // Whether accept() can be tried: this participant has no device in the call, or has lost it.
  get canJoin() {
    if (this.#state === 'opening' || this.#state === 'ended') return false;
    const { state, outcome } = this.me;
    if (outcome === 'kicked') return false; // until somebody invites this participant again
    return !kInCall.has(state) || (state === 'reconnecting' && this.#isElsewhere);
  }
  // Whether take() can be tried: this participant is in the call on another device.
  get canTake() {
    return this.#state !== 'ended' && kInCall.has(this.me.state) && this.#isElsewhere;
  }

  // Takes the call on this connection. `audio` and `video` say what to open, true, false or media
  // constraints; the call's settings by default, and then what this participant had muted stays so.
  // Resolves when the server has confirmed.
  async accept(choice) {
    this.#media.choose(choice);
    this.#joining += 1;
    try {
      const { role } = await this.#request('call.accept');
      if (this.#state === 'ended') return;
      this.#becomeActive(role ?? `active ${this.#side}`);
      this.#accepted(this.profileId, this.#host.connectionId());
    } catch (error) {
      if (error.code === 'already_accepted') this.#becomePassive();
      throw error;
    } finally {
      this.#joining = Math.max(0, this.#joining - 1);
      if (this.#joining === 0) this.#media.forgetOffer();
    }
  }

  // Takes the running call over from this participant's other device, which plays on until this
  // one is connected; the microphone opens only then. Options as for accept(). Resolves when this
  // device is the active one; when it rejects, the other device still is.
  async take(choice) {
    if (this.#media.takeover) return this.#media.takeover.done;
    if (this.isActive) throw badRequest('This device is active in the call already.');
    this.#media.choose(choice);
    const takeover = this.#media.standBy();
    try {
      const { role } = await this.#request('call.take');
      // After a resumed session the answer may come behind the switch, or the failure.
      if (this.#media.takeover !== takeover) return takeover.done;
      this.#media.open(takeover.leg);
      // A lost place is free: the server has switched at once, as for call.accept.
      if (role?.startsWith('active') && this.me.state === 'reconnecting') {
        this.#switchHere();
        this.#accepted(this.profileId, this.#host.connectionId());
      }
    } catch (error) {
      this.#media.endTakeover(error);
    }
    return takeover.done;
  }

  // Adds receivers; each of them is rung. The call is a group call from then on.
  async invite(profileIds) {
    const to = Array.isArray(profileIds) ? [...profileIds] : [profileIds];
    if (to.length === 0 || to.some((id) => typeof id !== 'string')) {
      throw badRequest('invite() needs one or more profile ids.');
    }
    await this.#request('call.invite', { to });
    this.#invited(to);
  }

  // Declines: `reason` is 'declined' or 'busy'; with scope 'connection' only this device stops
  // ringing.
  async reject(reason = 'declined', { scope = 'profile' } = {}) {
    await this.#request('call.reject', { reason, scope }, { retry: true });
    if (scope === 'connection') {
      this.#declinedHere = true;
      this.#host.changed(this);
    } else {
      this.#becomePassive();
      this.#member(this.profileId, { state: 'left' });
    }
  }

  // Leaves the call, from an active or a passive connection; microphone and camera close at once.
  async hangup() {
    if (this.#state === 'ended') return;
    this.#returning = false;
    this.#leaving = true;
    this.#media.close(callOver('The call was hung up here.'));
    const { id } = this;
    try {
      await this.#request('call.hangup', {}, { retry: true });
    } catch (error) {
      if (this.#state === 'ended') return;
      if (this.id !== id) return this.hangup(); // it was about to meet another call: that one is meant
      if (error.code !== 'ended') throw error;
    } finally {
      this.#leaving = false;
    }
    if (this.#state === 'ended') return;
    this.#becomePassive();
    this.#member(this.profileId, { state: 'left', connectionId: null });
  }

  // `kind` is 'audio' or 'video'.
  async mute(kind) {
    await this.#media.active(kind).mute(kind);
    await this.#media.tell();
  }

  async unmute(kind) {
    await this.#media.active(kind).unmute(kind);
    await this.#media.tell();
  }

  // Asks for a screen or window and shares it; call it from a click. Resolves with its stream.
  async shareScreen() {
    return this.#media.active().shareScreen();
  }

  async stopScreen() {
    await this.#media.active().stopScreen();
  }

  // Takes this participant's place in the call on this device, whatever it takes: accept() when the
  // place is free or its device was lost, take() when it is held, and new media when it is here.
  async rejoin(choice) {
    if (this.isActive) await this.#media.leg.restart(true);
    else if (this.canJoin) await this.accept(choice);
    else await this.take(choice);
  }

  // {connectionState, roundTripMs, tracks: [{profileId, source, kind, direction, …}]}
  async getStats() {
    return this.#media.active().stats();
  }

  // ---- for Client ---------------------------------------------------------------------------

  // The server has confirmed a call this connection opened.
  confirm({ chainId, role }) {
    if (this.#state === 'ended') return;
    this.chainId = chainId ?? this.chainId;
    if (this.#state === 'opening') this.#setState('ringing');
    // Who has hung up before this answer came opens no microphone for it.
    if (role?.startsWith('active') && !this.#leaving) {
      this.#becomeActive(role);
      this.#member(this.profileId, { state: 'active', connectionId: this.#host.connectionId() });
    } else {
      this.#setRole(role ?? null);
    }
  }

  // The call.init of this object met a call that lives: from now on it stands for that one. `live`
  // is the object this device had for it so far, if any.
  merge({ callId, chainId, role }, live) {
    this.id = callId;
    if (live) {
      Object.assign(this, { from: live.from, to: live.to, settings: live.settings });
      this.profileId = live.profileId;
      this.acceptedAt = live.acceptedAt;
      this.#roster = live.#roster;
      this.restoreServices(live);
      this.#role = live.#role;
      this.#setState(live.#state);
      live.retire(this);
    }
    this.confirm({ chainId, role });
    if (this.isActive) this.#accepted(this.profileId, this.#host.connectionId());
  }

  // Ends this object, but not the call, for which `heir` stands now.
  retire(heir) {
    this.mergedInto = heir;
    this.finish({ outcome: null });
  }

  // The server knows that this device rings.
  ringing() {
    if (this.rings) this.#member(this.profileId, { state: 'ringing' });
  }

  // Takes over a snapshot of the call, from a welcome.
  restore(snapshot) {
    this.#returning ||= this.isActive || this.#state === 'opening';
    if (this.isActive) this.#formerly = this.me.connectionId;
    for (const { profileId, state, connectionId, audio, video, outcome, bridge } of snapshot.participants) {
      const inCall = kInCall.has(state);
      this.#roster.update(profileId, {
        state,
        connectionId: inCall ? connectionId ?? null : null,
        audio,
        video,
        bridge,
        outcome: inCall ? null : outcome ?? null,
      });
    }
    // A new connection has no leg: what was active was so on the old one.
    this.#media.close(connectionLost('The connection was lost while the call was being taken over.'));
    this.#role = snapshot.role ?? null;
    this.#setState(snapshot.state, true);
    this.restoreServices(snapshot);
    this.acceptedAt ??= snapshot.acceptedAt ?? null;
    if (snapshot.state === 'running') this.acceptedAt ??= this.#host.platform.now();
    this.#joining = 0; // what was asked on the old connection is void
    this.#return();
  }

  // Takes one event of the call from the server.
  handle(message) {
    if (this.#state === 'ended') return;
    kCallEvents.get(message.type)?.(this.#access, message);
  }

  // The network this device has is another one, or back.
  networkChanged() {
    this.#media.leg?.networkChanged();
  }

  // The call is over, but how is not known yet: nothing of this device goes on.
  stop() {
    this.#returning = false;
    this.#media.close(callOver('The call ended before it was taken over.'));
  }

  // Ends the call on this side. `outcome` is null when it ended unseen, and nobody told how.
  finish({ outcome, outcomes = null, durationMs = null, error = null }) {
    if (this.#state === 'ended') return;
    this.#media.close(callOver('The call ended before it was taken over.'));
    this.outcome = outcome;
    this.outcomes = outcomes;
    this.durationMs = durationMs;
    this.error = error;
    for (const [profileId, final] of Object.entries(outcomes ?? {})) {
      this.#roster.update(profileId, { state: 'left', outcome: final, connectionId: null });
    }
    this.#setState('ended');
    this.emit('end', outcome);
    this.#host.ended(this);
  }

  // ---- inside -------------------------------------------------------------------------------

  // Takes the call again on the new connection. A place that is lost and that nobody comes back to
  // by itself is the application's to take.
  #return() {
    if (this.#joining > 0 || this.isActive) return;
    if (!this.#returning) {
      if (this.me.state === 'reconnecting' && this.canJoin) this.#host.lost(this);
    } else if (this.canJoin) {
      this.accept().catch((error) => this.#host.error(error, this));
    } else if (this.canTake && this.me.connectionId === this.#formerly && !this.isTaking) {
      // The server has not noticed yet that the old connection is gone. When it does before this
      // has worked, the place is free and accept() has its turn.
      this.take().catch(() => {});
    }
  }

  // What the event handlers below may do.
  #access = {
    call: this,
    described: (message) => this.#described(message),
    member: (profileId, changes) => this.#member(profileId, changes),
    accepted: (profileId, connectionId) => this.#accepted(profileId, connectionId),
    taken: (profileId, connectionId, was) => this.#taken(profileId, connectionId, was),
    invited: (profileIds) => this.#invited(profileIds),
    becomePassive: () => this.#becomePassive(),
    left: (outcome) => this.#left(outcome),
    return: () => this.#return(),
    setRole: (role) => this.#setRole(role),
    offer: (message) => this.#offered(message),
    mediaFailed: (message) => this.#media.failed(message),
  };

  // Who calls whom, as the server says it: after a merge the object knew it only of its own call.
  #described({ from, to, settings }) {
    this.from = from ?? this.from;
    this.to = [...(to ?? this.to)];
    this.settings = settings ?? this.settings;
    this.#roster.expect(this.from, this.to);
  }

  // Whoever sends is in the call, also when this device was invited too late to be told of it.
  #offered(message) {
    for (const { profileId } of message.tracks ?? []) {
      const { state } = this.#roster.get(profileId) ?? {};
      if (profileId === this.profileId || (state !== 'inviting' && state !== 'ringing')) continue;
      this.#member(profileId, { state: 'active' });
    }
    this.#media.offer(message, this.#joining > 0 || this.#state === 'opening');
  }

  // What the media of this device needs of its call.
  #mediaHost() {
    return {
      platform: this.#host.platform,
      iceServers: () => this.#host.iceServers(),
      me: () => this.me,
      request: (type, members) => this.#request(type, members),
      emit: (...args) => this.emit(...args),
      changed: () => this.#host.changed(this),
      error: (error) => this.#host.error(error, this),
      told: (now) => this.#member(this.profileId, now),
    };
  }

  #request(type, members = {}, options) {
    return this.#host.request(type, { callId: this.id, ...members }, options);
  }

  get #side() {
    if (this.#role) return this.#role.endsWith('initiator') ? 'initiator' : 'receiver';
    return this.profileId === this.from ? 'initiator' : 'receiver';
  }

  // This participant is in the call on a device that is not this one.
  get #isElsewhere() {
    return this.me.connectionId !== this.#host.connectionId();
  }

  #becomeActive(role) {
    this.#returning = false;
    this.#setRole(role);
    this.#media.start();
  }

  #becomePassive() {
    this.#media.close(notActive('The call goes on on another device, or without this participant.'));
    if (this.#state === 'ended') return;
    this.#setRole(`passive ${this.#side}`);
  }

  // It is over for this participant, but not for the call.
  #left(outcome) {
    this.#returning = false;
    if (this.#role === null && kUndecided.has(outcome)) return;
    this.#becomePassive();
  }

  #accepted(profileId, connectionId) {
    this.acceptedAt ??= this.#host.platform.now();
    this.#member(profileId, { state: 'active', connectionId, outcome: null });
    if (profileId === this.profileId && connectionId !== this.#host.connectionId()) {
      this.#becomePassive();
    }
    // With `immediate: false` the caller's own pick-up does not make it a conversation yet.
    if (profileId !== this.from) this.#setState('running');
    this.emit('accepted', profileId, connectionId);
    this.#host.accepted(this, profileId, connectionId);
  }

  // The server has switched this participant, or another one, to another of its devices.
  #taken(profileId, connectionId, was) {
    this.#member(profileId, { state: 'active', connectionId, outcome: null });
    if (profileId === this.profileId) {
      if (connectionId === this.#host.connectionId()) this.#switchHere();
      else this.#becomePassive();
    }
    this.emit('taken', profileId, connectionId, was);
  }

  #switchHere() {
    if (this.isActive) return;
    const role = `active ${this.#side}`;
    if (this.isTaking) {
      this.#setRole(role);
      this.#media.switchOver();
      return;
    }
    // Switched to after this side had given up: the leg the server has is of no more use.
    this.#becomeActive(role);
    this.#request('media.restart', { fresh: true }).catch((error) => this.#host.error(error, this));
  }

  #invited(profileIds) {
    for (const profileId of profileIds) {
      if (!this.to.includes(profileId) && profileId !== this.from) this.to.push(profileId);
      if ((this.#roster.get(profileId)?.state ?? 'left') !== 'left') continue;
      if (profileId === this.profileId) this.#declinedHere = false;
      this.#member(profileId, { state: 'inviting', outcome: null, connectionId: null });
    }
  }

  #member(profileId, changes) {
    if (!this.#roster.update(profileId, changes)) return;
    this.emit('participant', this.#roster.get(profileId));
    this.#host.changed(this);
  }

  #setRole(role) {
    if (this.#role === role) return;
    this.#role = role;
    this.emit('state', this.#state, role);
    this.#host.changed(this);
  }

  #setState(state, always = false) {
    if (this.#state === state && !always) return;
    this.#state = state;
    this.emit('state', state, this.#role);
    this.#host.changed(this);
  }
}
