// What this device holds for one call: the leg while it is active, and the leg that stands by while
// it takes the call over. Here is decided what is opened and what the others are told of it.

import { JsapiError, badRequest, notActive } from './errors.js';
import { Leg } from './leg.js';
import { Takeover } from './takeover.js';

export class OwnMedia {
  #host;
  #wanted;
  #chosen = {}; // which of audio and video the application asked for by name
  #leg = null;
  #takeover = null;
  #heldOffer = null; // an offer that came before this device knew that it is active

  // `wanted` is {audio, video}: true, false or media constraints. `host` is what this needs of its
  // call: platform, iceServers(), me() (the own participant), request(type, members), emit(event,
  // …), changed(), error(error), and told({audio, video}) for what the others know now.
  constructor(host, wanted) {
    this.#host = host;
    this.#wanted = wanted;
  }

  get leg() {
    return this.#leg;
  }
  get takeover() {
    return this.#takeover;
  }

  // The leg, for what only an active device can do.
  active(kind = 'audio') {
    if (kind !== 'audio' && kind !== 'video') throw badRequest(`"${kind}" is not audio or video.`);
    if (!this.#leg) throw notActive('This device is not active in the call; accept it here first.');
    return this.#leg;
  }

  // What to open when this device becomes active.
  choose({ audio, video } = {}) {
    this.#chosen = { audio: audio !== undefined, video: video !== undefined };
    this.#wanted = { audio: audio ?? this.#wanted.audio, video: video ?? this.#wanted.video };
  }

  // The server has made this device the active one.
  start() {
    if (this.#leg) return;
    this.endTakeover(notActive('The call was accepted on this device instead.'));
    const leg = this.#makeLeg();
    this.#leg = leg;
    if (this.#heldOffer) leg.offer(this.#heldOffer);
    this.#heldOffer = null;
    this.open(leg);
  }

  // Gets ready to take the call over.
  standBy() {
    this.#takeover = new Takeover(this.#makeLeg({ standby: true }));
    this.#host.changed();
    return this.#takeover;
  }

  // The server has switched to the leg that stood by; false when there is none.
  switchOver() {
    if (!this.#takeover) return false;
    const leg = this.#takeover.succeed();
    this.#takeover = null;
    this.#leg = leg;
    this.#tellAfter(leg, leg.activate());
    return true;
  }

  endTakeover(error) {
    const takeover = this.#takeover;
    if (!takeover) return;
    this.#takeover = null;
    takeover.fail(error);
    this.#host.changed();
  }

  // Closes everything; `reason` is for a take() that waits.
  close(reason) {
    this.#leg?.close();
    this.#leg = null;
    this.#heldOffer = null;
    this.endTakeover(reason);
  }

  // Opens the devices of a leg, which nothing has to wait for.
  open(leg) {
    this.#tellAfter(leg, leg.open());
  }

  // Takes an offer; `expected`: this device may be active without knowing it yet.
  offer(message, expected) {
    const leg = this.#leg ?? this.#takeover?.leg;
    if (leg) leg.offer(message);
    else if (expected) this.#heldOffer = message;
  }

  forgetOffer() {
    this.#heldOffer = null;
  }

  // The server could not set up this device's media.
  failed(message) {
    const error = new JsapiError({ code: 'media_failed', kind: 'media', message });
    if (this.#takeover) {
      this.endTakeover(error); // told by take(); the call goes on on the other device
      return;
    }
    this.#leg?.failed();
    this.#host.error(error);
  }

  // Tells the others whether this device can be heard and seen.
  async tell() {
    const leg = this.#leg;
    if (!leg || leg.opening) return; // told when it is settled
    const now = { audio: leg.sends('audio'), video: leg.sends('video') };
    const { audio, video } = this.#host.me();
    if (now.audio !== audio || now.video !== video) await this.#host.request('call.update', now);
    if (this.#leg === leg) this.#host.told(now);
  }

  #makeLeg({ standby = false } = {}) {
    const { emit } = this.#host;
    const { profileId, audio, video } = this.#host.me();
    const leg = new Leg(this.#host.platform, {
      profileId,
      iceServers: this.#host.iceServers(),
      wanted: this.#wanted,
      // Mute belongs to the participant (docs/PROTOCOL.md, 5): its next device inherits it.
      muted: { audio: !audio && !this.#chosen.audio, video: !video && !this.#chosen.video },
      standby,
      send: (type, members) => this.#host.request(type, members),
      events: {
        onStart: (entry) => emit('stream', entry),
        onEnd: (entry) => emit('streamend', entry),
        onLocalStream: (stream) => emit('localstream', stream),
        onSpeakers: (profileIds) => emit('speaker', profileIds),
        onScreenEnded: () => emit('screenend'),
        onConnection: (state) => emit('connection', state),
        onQuality: (quality) => emit('quality', quality),
        onDevice: (device) => this.#device(leg, device),
        onError: (error) => this.#error(leg, error),
      },
    });
    return leg;
  }

  // The system has taken a device of this leg away, or given it back.
  #device(leg, device) {
    this.#host.emit('device', device);
    if (device.state === 'failed') this.#error(leg, device.error);
    this.#tellAfter(leg, Promise.resolve());
  }

  #tellAfter(leg, done) {
    done.then(() => this.tell()).catch((error) => this.#error(leg, error));
  }

  // What goes wrong while the leg is being closed is of no more interest to anybody.
  #error(leg, error) {
    if (leg.closed || error?.code === 'ended' || error?.code === 'conflict') return;
    this.#host.error(
      error instanceof JsapiError
        ? error
        : new JsapiError({
            code: 'media_failed',
            kind: 'media',
            message: `Media could not be set up: ${error.message}`,
          }),
    );
  }
}
