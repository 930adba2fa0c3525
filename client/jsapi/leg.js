// Everything an active leg holds on this device: its devices and its media connection. A leg is
// made when the server has confirmed the active role, and closed when that role is gone. One that
// stands by (for a take-over) connects and may show a camera, but has no microphone and no sound yet.

import { Capture } from './capture.js';
import { Peer } from './peer.js';

const kSourceOf = { audio: 'mic', video: 'camera' };

export class Leg {
  #platform;
  #options;
  #capture;
  #wanted;
  #peer = null;
  #session = null; // which of the server's media sessions #peer talks to
  #sources = new Set(); // what this device has, also while the camera is closed for a mute
  #muted;
  #localStream;
  #standby;
  #opening = Promise.resolve();
  #closed = false;

  // `options`: profileId, iceServers, wanted {audio, video: constraints or false}, muted {audio,
  // video}: what is muted from the start, standby, send(type, members), and events: those of Peer,
  // onLocalStream(stream) and onError(error).
  constructor(platform, options) {
    this.#platform = platform;
    this.#options = options;
    this.#wanted = { mic: options.wanted.audio, camera: options.wanted.video };
    this.#muted = { ...options.muted };
    this.#standby = options.standby ?? false;
    this.#capture = new Capture(platform, () => this.stopScreen());
    this.#localStream = platform.createMediaStream();
  }

  get closed() {
    return this.#closed;
  }

  get localStream() {
    return this.#localStream;
  }

  get streams() {
    return this.#peer?.streams ?? [];
  }

  // Whether others can hear ('audio') or see ('video') this device.
  sends(kind) {
    return !this.#muted[kind] && this.#capture.tracks.has(kSourceOf[kind]);
  }

  // Opens the devices; resolves when everything that can be opened is.
  open() {
    const { mic, camera } = this.#wanted;
    const wanted = { mic: !this.#standby && mic, camera: !this.#muted.video && camera };
    this.#opening = this.#capture.open(wanted).then((errors) => this.#report(errors));
    return this.#opening;
  }

  // Ends the standby: the others are heard here, and this device by them. Resolves like open().
  async activate() {
    this.#standby = false;
    this.#peer?.show();
    await this.#report(await this.#capture.open({ mic: this.#wanted.mic }));
    await this.#opening;
  }

  offer(message) {
    // The server may start anew, after media.failed or before anybody has accepted: its offers are
    // then of another session (the second word of the o= line, RFC 8866, 5.2).
    const session = message.sdp?.match(/^o=\S+ (\S+)/m)?.[1] ?? null;
    if (session !== this.#session) this.failed();
    this.#session = session;
    this.#peer ??= new Peer(this.#platform, { ...this.#options, hidden: this.#standby });
    this.#peer.setTracks(this.#capture.tracks, [...this.#sources].sort());
    return this.#peer.offer(message);
  }

  // The media connection is of no more use; the leg stays.
  failed() {
    this.#peer?.close();
    this.#peer = null;
  }

  // The microphone stays open and sends silence; the camera is closed, so that its light goes out.
  async mute(kind) {
    this.#muted[kind] = true;
    await this.#report([]);
  }

  async unmute(kind) {
    this.#muted[kind] = false;
    const source = kSourceOf[kind];
    let errors = [];
    if (!this.#capture.tracks.has(source)) {
      errors = await this.#capture.open({ [source]: this.#wanted[source] || true });
    }
    await this.#report([]);
    if (errors.length > 0) throw errors[0];
  }

  async shareScreen() {
    const stream = await this.#capture.openScreen();
    await this.#report([]);
    return stream;
  }

  async stopScreen() {
    for (const source of ['screen', 'screen-audio']) {
      this.#capture.stop(source);
      this.#sources.delete(source);
    }
    await this.#report([]);
    if (!this.#closed) this.#options.events.onScreenEnded();
  }

  async stats() {
    return (
      (await this.#peer?.stats()) ?? { connectionState: 'new', roundTripMs: undefined, tracks: [] }
    );
  }

  close() {
    this.#closed = true;
    this.#peer?.close();
    this.#capture.close();
    for (const track of this.#localStream.getTracks()) this.#localStream.removeTrack(track);
  }

  // Brings sender, local stream and application up to date with what is open now.
  async #report(errors) {
    if (this.#closed) return;
    if (this.#muted.video) this.#capture.stop('camera');
    const tracks = this.#capture.tracks;
    for (const source of tracks.keys()) this.#sources.add(source);
    const microphone = tracks.get('mic');
    if (microphone) microphone.enabled = !this.#muted.audio;
    this.#showLocally([microphone, tracks.get('camera')].filter(Boolean));
    for (const error of errors) this.#options.events.onError(error);
    await this.#peer?.setTracks(tracks, [...this.#sources].sort());
  }

  #showLocally(tracks) {
    const present = this.#localStream.getTracks();
    const gone = present.filter((track) => !tracks.includes(track));
    const added = tracks.filter((track) => !present.includes(track));
    for (const track of gone) this.#localStream.removeTrack(track);
    for (const track of added) this.#localStream.addTrack(track);
    if (gone.length + added.length > 0) this.#options.events.onLocalStream(this.#localStream);
  }
}
