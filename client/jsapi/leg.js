// Everything an active leg holds on this device: its devices and its media connection. A leg is
// made when the server has confirmed the active role, and closed when that role is gone. One that
// stands by (for a take-over) connects and may show a camera, but has no microphone and no sound yet.

import { Capture } from './capture.js';
import { Peer } from './peer.js';
import { Quality } from './quality.js';
import { Reacquire } from './reacquire.js';
import { Recovery } from './recovery.js';

const kSourceOf = { audio: 'mic', video: 'camera' };
// How long a take-over waits for the camera, so that the others need not; far less than the
// take-over time-out of the server, which does not wait for anybody in front of a permission prompt.
const kCameraPatienceMs = 3_000;
// With these the server says that a restart is not for now, or for nobody any more.
const kNoRestart = new Set(['conflict', 'not_active', 'ended', 'unavailable']);

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
  #reacquire;
  #recovery;
  #quality = null;
  #opening = Promise.resolve();
  #captured = Promise.resolve(); // the devices of #opening
  #begun = false; // open() was called
  #pending = 0; // what is just being opened
  #closed = false;

  // `options`: profileId, iceServers, wanted {audio, video: constraints or false}, muted {audio,
  // video}: what is muted from the start, standby, send(type, members), and events: those of Peer,
  // onLocalStream(stream), onQuality(quality), onDevice({source, state, error}) and onError(error).
  constructor(platform, options) {
    this.#platform = platform;
    this.#options = options;
    this.#wanted = { mic: options.wanted.audio, camera: options.wanted.video };
    this.#muted = { ...options.muted };
    this.#standby = options.standby ?? false;
    this.#capture = new Capture(platform, {
      onScreenEnded: () => this.stopScreen(),
      onLost: (source) => this.#lost(source),
    });
    this.#reacquire = new Reacquire(platform, {
      open: (source) => this.#reopen(source),
      onDevice: options.events.onDevice,
    });
    this.#recovery = new Recovery(platform, (fresh) => this.restart(fresh));
    this.#localStream = platform.createMediaStream();
    if (!this.#standby) this.#watch();
  }

  get closed() {
    return this.#closed;
  }

  // Whether what this device can send is not settled yet.
  get opening() {
    return this.#pending > 0;
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
    this.#begun = true;
    const { mic, camera } = this.#wanted;
    // The camera of the old device has its successor from the start: a track that is missing for a
    // moment ends for the others.
    if (this.#standby && camera) this.#sources.add('camera');
    const wanted = { mic: !this.#standby && mic, camera: !this.#muted.video && camera };
    this.#captured = this.#capture.open(wanted);
    this.#opening = this.#acquired(this.#captured);
    return this.#opening;
  }

  // Ends the standby: the others are heard here, and this device by them. Resolves like open().
  async activate() {
    this.#standby = false;
    this.#watch();
    this.#peer?.show();
    if (this.#peer) this.#recovery.connection(this.#peer.connectionState);
    const { mic, camera } = this.#wanted;
    if (mic) this.#sources.add('mic');
    if (camera && !this.#begun) this.#sources.add('camera');
    void this.#peer?.declare(this.#capture.tracks, [...this.#sources].sort());
    if (this.#begun) await this.#acquired(this.#capture.open({ mic }));
    else await this.open();
    await this.#opening;
  }

  offer(message) {
    // The server may start anew, after media.failed or before anybody has accepted: its offers are
    // then of another session (the second word of the o= line, RFC 8866, 5.2).
    const session = message.sdp?.match(/^o=\S+ (\S+)/m)?.[1] ?? null;
    if (session !== this.#session) this.failed();
    this.#session = session;
    this.#peer ??= this.#makePeer();
    this.#peer.setTracks(this.#capture.tracks, [...this.#sources].sort());
    return this.#peer.offer(message);
  }

  #makePeer() {
    const peer = new Peer(this.#platform, {
      ...this.#options,
      events: { ...this.#options.events, onConnection: (state) => this.#connection(state) },
      hidden: this.#standby,
    });
    // The server switches as soon as the new connection is there: then it had better have a picture.
    if (this.#standby) void peer.after(this.#cameraReady());
    return peer;
  }

  #cameraReady() {
    return new Promise((resolve) => {
      const timer = this.#platform.setTimeout(resolve, kCameraPatienceMs);
      void this.#captured.then(() => {
        this.#platform.clearTimeout(timer);
        resolve();
      });
    });
  }

  // Asks the server for new ICE credentials; `fresh`: for a connection from scratch.
  async restart(fresh) {
    if (fresh) this.failed();
    try {
      await this.#options.send('media.restart', fresh ? { fresh } : {});
    } catch (error) {
      if (!kNoRestart.has(error.code)) this.#options.events.onError(error);
    }
  }

  networkChanged() {
    if (!this.#standby) this.#recovery.networkChanged();
  }

  // The media connection is of no more use; the leg stays.
  failed() {
    this.#peer?.close();
    this.#peer = null;
  }

  // The microphone stays open and sends silence; the camera is closed, so that its light goes out.
  async mute(kind) {
    this.#muted[kind] = true;
    if (kind === 'video') this.#reacquire.forget('camera'); // closed anyway
    await this.#report([]);
  }

  async unmute(kind) {
    this.#muted[kind] = false;
    const source = kSourceOf[kind];
    let errors = [];
    if (!this.#capture.tracks.has(source)) {
      this.#reacquire.forget(source);
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
    this.#recovery.close();
    this.#quality?.close();
    this.#reacquire.close();
    this.#peer?.close();
    this.#capture.close();
    for (const track of this.#localStream.getTracks()) this.#localStream.removeTrack(track);
  }

  #watch() {
    const { onQuality } = this.#options.events;
    this.#quality = new Quality(this.#platform, () => this.stats(), onQuality);
  }

  #connection(state) {
    this.#options.events.onConnection(state);
    if (!this.#standby) this.#recovery.connection(state);
  }

  // The system took a device away. The others are told that nothing comes from it, and a mute of
  // the user's is kept for when it is back.
  #lost(source) {
    void this.#report([]);
    this.#reacquire.lost(source);
  }

  // Resolves with null, or with the error.
  async #reopen(source) {
    const wanted = this.#wanted[source] || true;
    let [error = null] = await this.#capture.open({ [source]: wanted });
    if (error?.code === 'media_missing' && wanted !== true) {
      // The very device that was asked for is gone: another one is better than none.
      [error = null] = await this.#capture.open({ [source]: true });
    }
    if (source === 'camera' && this.#muted.video) this.#capture.stop('camera');
    await this.#report([]);
    return error;
  }

  // Waits for devices to be open, and gives up the place of those that cannot be.
  async #acquired(opening) {
    this.#pending += 1;
    try {
      const errors = await opening;
      for (const { source } of errors) this.#sources.delete(source);
      await this.#report(errors);
    } finally {
      this.#pending -= 1;
    }
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
