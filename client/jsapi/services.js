// What the server does with a call beside carrying it: recording it, mixing it, and bridging it to
// and from elsewhere, as this connection has been told.

import { Emitter } from './emitter.js';
import { badRequest } from './errors.js';

const kOver = new Set(['ended', 'failed']);

// What a Call is in this respect.
export class ServedCall extends Emitter {
  #host;
  #recording = null;
  #mode = 'forward';
  #ownMode = null; // of this participant, where it is not the call's
  #bridges = new Map(); // bridgeId -> bridge

  // `host`: request(type, members) of this call, changed().
  constructor(host) {
    super();
    this.#host = host;
  }

  // {recordingId, state, layout, format, policy, consents, message?}, or null when none is made.
  get recording() {
    return this.#recording && { ...this.#recording, consents: { ...this.#recording.consents } };
  }
  // 'forward' or 'mix': what this participant gets.
  get mode() {
    return this.#ownMode ?? this.#mode;
  }
  get bridges() {
    return [...this.#bridges.values()].map((bridge) => ({ ...bridge }));
  }
  // Whether the recording waits for this participant to say yes or no.
  get asksConsent() {
    const { policy, consents } = this.#recording ?? {};
    return this.state !== 'ended' && policy === 'consent' && (consents[this.profileId] ?? null) === null;
  }

  // Has the call recorded; jsapi.d.ts says what can be chosen.
  async startRecording({ layout, format, policy } = {}) {
    const members = { action: 'start', ...given({ layout, format, policy }) };
    const { recordingId } = await this.#host.request('call.record', members);
    return { recordingId };
  }

  async stopRecording() {
    await this.#host.request('call.record', { action: 'stop' });
  }

  // Whether this participant may be recorded, where the recording asks for it.
  async consent(yes) {
    if (typeof yes !== 'boolean') throw badRequest('consent() needs true or false.');
    await this.#host.request('call.consent', { given: yes });
  }

  async setMode(mode, { profileId } = {}) {
    if (mode !== 'forward' && mode !== 'mix') throw badRequest("setMode() needs 'forward' or 'mix'.");
    await this.#host.request('call.mode', { mode, ...given({ profileId }) });
  }

  async startBridge({ direction = 'out', kind, url, layout, only, profileId } = {}) {
    if (typeof kind !== 'string') throw badRequest('startBridge() needs a kind, such as "hls" or "rtmp".');
    const members = { action: 'start', direction, kind, ...given({ url, layout, only, profileId }) };
    const { bridgeId } = await this.#host.request('call.bridge', members);
    return { bridgeId };
  }

  async stopBridge(bridgeId) {
    await this.#host.request('call.bridge', { action: 'stop', bridgeId });
  }

  // ---- for Call and its events ---------------------------------------------------------------

  // A snapshot or a call.init.
  restoreServices({ recording = null, mode = 'forward', bridges = [], participants = [] }) {
    const before = JSON.stringify([this.recording, this.mode, this.bridges]);
    this.#recording = recording && !kOver.has(recording.state) ? { consents: {}, ...recording } : null;
    this.#mode = mode;
    this.#ownMode = participants.find(({ profileId }) => profileId === this.profileId)?.mode ?? null;
    this.#bridges = new Map(bridges.map((bridge) => [bridge.bridgeId, { ...bridge }]));
    if (JSON.stringify([this.recording, this.mode, this.bridges]) === before) return;
    this.emit('recording', this.recording);
    this.emit('mode', this.mode);
    this.#host.changed();
  }

  recorded({ recordingId, state, layout, format, policy, consents = {}, message }) {
    const told = { recordingId, state, layout, format, policy, consents, ...given({ message }) };
    this.#recording = kOver.has(state) ? null : told;
    this.emit('recording', { ...told, consents: { ...consents } });
    this.#host.changed();
  }

  // For everybody, or for one participant.
  modeSet({ mode, profileId }) {
    const before = this.mode;
    if (profileId === undefined) {
      this.#mode = mode;
      this.#ownMode = null;
    } else if (profileId === this.profileId) {
      this.#ownMode = mode;
    }
    if (this.mode === before) return;
    this.emit('mode', this.mode);
    this.#host.changed();
  }

  bridged({ bridgeId, direction, kind, profileId, only, state, message, watch }) {
    const told = { bridgeId, direction, kind, state, ...given({ profileId, only, message, watch }) };
    if (kOver.has(state)) this.#bridges.delete(bridgeId);
    else this.#bridges.set(bridgeId, told);
    this.emit('bridge', { ...told });
    this.#host.changed();
  }
}

// Without what is not given.
function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
}
