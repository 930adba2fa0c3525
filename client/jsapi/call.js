// One call as this connection sees it. A Call follows the global state of the call by itself, on
// active and passive connections alike; media exists only while the connection is active.

import { Emitter } from './emitter.js';
import { JsapiError, badRequest, notActive } from './errors.js';
import { Leg } from './leg.js';
import { Roster } from './roster.js';

// In these states a participant has a device in the call.
const kInCall = new Set(['active', 'reconnecting']);
// After these a receiver has neither accepted nor declined.
const kUndecided = new Set(['missed', 'unreachable']);

// Events: ringing (profileId, connectionId) · accepted (profileId, connectionId) · participant
// (participant) · stream and streamend ({profileId, source, stream}) · localstream (stream) ·
// speaker (profileIds) · screenend () · connection (state) · state (state, role) · end (outcome).
export class Call extends Emitter {
  #host;
  #roster;
  #state;
  #role = null;
  #wanted;
  #chosen = {}; // which of audio and video the application asked for by name
  #leg = null;
  #joining = 0; // accepts that wait for their answer
  #heldOffer = null; // an offer that came before that answer
  #declinedHere = false; // by reject() with scope 'connection'
  #returning = false; // was active before the connection was lost, and wants to be again

  // Made by Client only. `host` is what a call needs of it: platform, connectionId(), iceServers(),
  // request(type, members, options), changed(call), ended(call), accepted(call, …), error(error).
  constructor(host, { id, chainId, from, to, settings, profileId, wanted, opened = false }) {
    super();
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
    this.ready = Promise.resolve(this);
    this.#wanted = wanted ?? this.settings;
    this.#roster = new Roster(from, to, this.settings);
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
    return this.#leg !== null;
  }
  get participants() {
    return this.#roster.list();
  }
  get me() {
    return this.#roster.get(this.profileId);
  }
  get streams() {
    return this.#leg?.streams ?? [];
  }
  // Microphone and camera of this device; null while it is not active.
  get localStream() {
    return this.#leg?.localStream ?? null;
  }
  // Whether this device rings: it waits for accept() or reject().
  get rings() {
    const waiting = ['inviting', 'ringing'].includes(this.me.state) && this.profileId !== this.from;
    return waiting && this.#role === null && this.#state !== 'ended' && !this.#declinedHere;
  }
  // Whether accept() can be tried: this participant has no device in the call, or has lost it.
  get canJoin() {
    if (this.#state === 'opening' || this.#state === 'ended') return false;
    const { state, connectionId } = this.me;
    const lostElsewhere = state === 'reconnecting' && connectionId !== this.#host.connectionId();
    return !kInCall.has(state) || lostElsewhere;
  }

  // Takes the call on this connection. `audio` and `video` say what to open, true, false or media
  // constraints; the call's settings by default, and then what this participant had muted stays so.
  // Resolves when the server has confirmed.
  async accept({ audio, video } = {}) {
    this.#chosen = { audio: audio !== undefined, video: video !== undefined };
    this.#wanted = { audio: audio ?? this.#wanted.audio, video: video ?? this.#wanted.video };
    this.#joining += 1;
    try {
      const { role } = await this.#request('call.accept');
      if (this.#state === 'ended') return;
      const side = this.profileId === this.from ? 'initiator' : 'receiver';
      this.#becomeActive(role ?? `active ${side}`);
      this.#accepted(this.profileId, this.#host.connectionId());
    } catch (error) {
      if (error.code === 'already_accepted') this.#becomePassive();
      throw error;
    } finally {
      this.#joining -= 1;
      if (this.#joining === 0) this.#heldOffer = null;
    }
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
    this.#closeLeg();
    try {
      await this.#request('call.hangup', {}, { retry: true });
    } catch (error) {
      if (error.code !== 'ended') throw error;
    }
    if (this.#state === 'ended') return;
    this.#becomePassive();
    this.#member(this.profileId, { state: 'left', connectionId: null });
  }

  // `kind` is 'audio' or 'video'.
  async mute(kind) {
    await this.#activeLeg(kind).mute(kind);
    await this.#tell();
  }

  async unmute(kind) {
    await this.#activeLeg(kind).unmute(kind);
    await this.#tell();
  }

  // Asks for a screen or window and shares it; call it from a click. Resolves with its stream.
  async shareScreen() {
    return this.#activeLeg().shareScreen();
  }

  async stopScreen() {
    await this.#activeLeg().stopScreen();
  }

  // {connectionState, roundTripMs, tracks: [{profileId, source, kind, direction, …}]}
  async getStats() {
    return this.#activeLeg().stats();
  }

  // ---- for Client ---------------------------------------------------------------------------

  // The server has confirmed a call this connection opened.
  confirm({ chainId, role }) {
    if (this.#state === 'ended') return;
    this.chainId = chainId ?? this.chainId;
    if (this.#state === 'opening') this.#setState('ringing');
    if (role?.startsWith('active')) {
      this.#becomeActive(role);
      this.#member(this.profileId, { state: 'active', connectionId: this.#host.connectionId() });
    } else {
      this.#setRole(role ?? null);
    }
  }

  // The server knows that this device rings.
  ringing() {
    if (this.rings) this.#member(this.profileId, { state: 'ringing' });
  }

  // Takes over a snapshot of the call, from a welcome.
  restore(snapshot) {
    this.#returning ||= this.#leg !== null || this.#state === 'opening';
    for (const { profileId, state, connectionId, audio, video, outcome } of snapshot.participants) {
      const inCall = kInCall.has(state);
      this.#roster.update(profileId, {
        state,
        connectionId: inCall ? connectionId ?? null : null,
        audio,
        video,
        outcome: inCall ? null : outcome ?? null,
      });
    }
    // A new connection has no leg: what was active was so on the old one.
    this.#closeLeg();
    this.#role = snapshot.role ?? null;
    this.#setState(snapshot.state, true);
    if (snapshot.state === 'running') this.acceptedAt ??= this.#host.platform.now();
    this.#return();
  }

  // Takes one event of the call from the server.
  handle(message) {
    if (this.#state === 'ended') return;
    kHandlers.get(message.type)?.(this.#access, message);
  }

  // Ends the call on this side. `outcome` is null when it ended unseen, and nobody told how.
  finish({ outcome, outcomes = null, durationMs = null, error = null }) {
    if (this.#state === 'ended') return;
    this.#closeLeg();
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

  // Takes the call again on the new connection, as soon as the server has given up the old one.
  #return() {
    if (!this.#returning || !this.canJoin) return;
    this.accept().catch((error) => this.#host.error(error, this));
  }

  // What the event handlers below may do.
  #access = {
    call: this,
    member: (profileId, changes) => this.#member(profileId, changes),
    accepted: (profileId, connectionId) => this.#accepted(profileId, connectionId),
    becomePassive: () => this.#becomePassive(),
    left: (outcome) => this.#left(outcome),
    return: () => this.#return(),
    setRole: (role) => this.#setRole(role),
    offer: (message) => this.#offer(message),
    mediaFailed: (message) => this.#mediaFailed(message),
  };

  #request(type, members = {}, options) {
    return this.#host.request(type, { callId: this.id, ...members }, options);
  }

  #activeLeg(kind = 'audio') {
    if (kind !== 'audio' && kind !== 'video') throw badRequest(`"${kind}" is not audio or video.`);
    if (!this.#leg) throw notActive('This device is not active in the call; accept it here first.');
    return this.#leg;
  }

  #becomeActive(role) {
    this.#returning = false;
    this.#setRole(role);
    if (this.#leg) return;
    // Mute belongs to the participant (docs/PROTOCOL.md, 5): its next device inherits it.
    const { audio, video } = this.me;
    const leg = new Leg(this.#host.platform, {
      profileId: this.profileId,
      iceServers: this.#host.iceServers(),
      wanted: this.#wanted,
      muted: { audio: !audio && !this.#chosen.audio, video: !video && !this.#chosen.video },
      send: (type, members) => this.#request(type, members),
      events: {
        onStart: (entry) => this.emit('stream', entry),
        onEnd: (entry) => this.emit('streamend', entry),
        onLocalStream: (stream) => this.emit('localstream', stream),
        onSpeakers: (profileIds) => this.emit('speaker', profileIds),
        onScreenEnded: () => this.emit('screenend'),
        onConnection: (state) => this.emit('connection', state),
        onError: (error) => this.#mediaError(leg, error),
      },
    });
    this.#leg = leg;
    if (this.#heldOffer) leg.offer(this.#heldOffer);
    this.#heldOffer = null;
    leg
      .open()
      .then(() => this.#tell())
      .catch((error) => this.#mediaError(leg, error));
  }

  #becomePassive() {
    this.#closeLeg();
    if (this.#state === 'ended') return;
    this.#setRole(this.profileId === this.from ? 'passive initiator' : 'passive receiver');
  }

  // It is over for this participant, but not for the call.
  #left(outcome) {
    this.#returning = false;
    if (this.#role === null && kUndecided.has(outcome)) return;
    this.#becomePassive();
  }

  #closeLeg() {
    this.#leg?.close();
    this.#leg = null;
  }

  // Tells the others whether this device can be heard and seen.
  async #tell() {
    const leg = this.#leg;
    if (!leg) return;
    const now = { audio: leg.sends('audio'), video: leg.sends('video') };
    const { audio, video } = this.me;
    if (now.audio !== audio || now.video !== video) await this.#request('call.update', now);
    if (this.#leg === leg) this.#member(this.profileId, now);
  }

  // What goes wrong while the leg is being closed is of no more interest to anybody.
  #mediaError(leg, error) {
    if (this.#leg !== leg || error?.code === 'ended' || error?.code === 'conflict') return;
    this.#host.error(
      error instanceof JsapiError
        ? error
        : new JsapiError({
            code: 'media_failed',
            kind: 'media',
            message: `Media could not be set up: ${error.message}`,
          }),
      this,
    );
  }

  #offer(message) {
    if (this.#leg) this.#leg.offer(message);
    else if (this.#joining > 0 || this.#state === 'opening') this.#heldOffer = message;
  }

  #mediaFailed(message) {
    this.#leg?.failed();
    this.#host.error(new JsapiError({ code: 'media_failed', kind: 'media', message }), this);
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

// What each event of a call does. Those that are not here do not concern a Call.
const kHandlers = new Map(
  Object.entries({
    'call.init'({ call, member, setRole }, { from, role, immediate, connectionId }) {
      if (call.isActive) return;
      const caller = call.participants[0];
      if (immediate !== false && caller.state === 'inviting') {
        member(from, { state: 'active', connectionId });
      }
      setRole(role ?? null);
    },
    'call.ringing'({ call, member }, { profileId, connectionId }) {
      if (!kInCall.has(call.participants.find((p) => p.profileId === profileId)?.state)) {
        member(profileId, { state: 'ringing', outcome: null });
      }
      call.emit('ringing', profileId, connectionId);
    },
    'call.init_timeout'({ member }, { profileId }) {
      member(profileId, { state: 'left', outcome: 'unreachable' });
    },
    'call.ringing_timeout'({ member }, { profileId }) {
      member(profileId, { state: 'left', outcome: 'missed' });
    },
    'call.accept'({ accepted }, { profileId, connectionId }) {
      accepted(profileId, connectionId);
    },
    'call.reject'({ call, member, becomePassive }, { profileId, reason, scope }) {
      if (scope === 'connection') return;
      member(profileId, { state: 'left', outcome: reason === 'busy' ? 'busy' : 'rejected' });
      if (profileId === call.profileId) becomePassive();
    },
    'call.hangup'({ call, member, becomePassive }, { profileId }) {
      member(profileId, { state: 'left', connectionId: null });
      if (profileId === call.profileId) becomePassive();
    },
    'call.update'({ member }, { profileId, audio, video }) {
      member(profileId, { audio, video });
    },
    'call.reconnecting'({ call, member, return: comeBack }, { profileId }) {
      member(profileId, { state: 'reconnecting' });
      if (profileId === call.profileId) comeBack();
    },
    'call.reconnected'({ member }, { profileId, connectionId }) {
      member(profileId, { state: 'active', connectionId });
    },
    'call.left'({ call, member, left }, { profileId, outcome }) {
      member(profileId, { state: 'left', outcome, connectionId: null });
      if (profileId === call.profileId) left(outcome);
    },
    'call.end'({ call }, { reason, outcomes = {}, durationMs }) {
      call.finish({ outcome: outcomes[call.profileId] ?? reason, outcomes, durationMs });
    },
    'media.offer'({ offer }, message) {
      offer(message);
    },
    'media.failed'({ mediaFailed }, { message }) {
      mediaFailed(message);
    },
  }),
);
