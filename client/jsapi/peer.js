// The media connection of an active leg: one RTCPeerConnection that answers the server's offers.
//
// The server always offers, one m-line per track in either direction, and names in `tracks` whose
// track and which source each m-line (mid) is. Own m-lines are answered sendonly from the first
// offer on, so that ICE and DTLS are up before anybody has allowed the microphone; a track is put
// into its m-line when it is there.

import { RemoteStreams } from './remote_streams.js';
import { Speakers } from './speakers.js';
import { roundTripMs, trackStats } from './stats.js';

// The m-lines that are this peer's own from the first offer on.
const kBaseMids = new Map([['00', 'mic'], ['01', 'camera']]);
// Our choice: enough for 720p in VP8, and a group of eight still fits a common access line.
const kCameraBitsPerSecond = 1_500_000;

export class Peer {
  #platform;
  #profileId;
  #send;
  #onError;
  #pc;
  #streams;
  #speakers;
  #queue = Promise.resolve();
  #lines = new Map(); // mid -> {profileId, source, kind} of the latest offer
  #tracks = new Map(); // source -> own track
  #sources = []; // what this device has, also while it is muted and has no track
  #published = ''; // what the server was told last, as text; null: to be told in any case
  #answered = false;
  #hidden; // the application does not get to see the streams of others yet
  #closed = false;

  // `send(type, members)` sends a request of this call; `events` has onStart and onEnd of streams,
  // onSpeakers (profileIds), onConnection (state) and onError (error). `hidden`: until show().
  constructor(platform, { profileId, iceServers, send, events, hidden = false }) {
    this.#platform = platform;
    this.#profileId = profileId;
    this.#send = send;
    this.#onError = events.onError;
    this.#hidden = hidden;
    this.#streams = new RemoteStreams(platform, events);
    this.#speakers = new Speakers(platform, () => this.#audioReceivers(), events.onSpeakers);
    this.#pc = platform.createPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#pc.onconnectionstatechange = () => events.onConnection(this.#pc.connectionState);
  }

  get streams() {
    return this.#streams.list();
  }

  get connectionState() {
    return this.#pc.connectionState;
  }

  // Lets nothing be worked off before `ready` resolves.
  after(ready) {
    return this.#enqueue(() => ready);
  }

  // Takes one media.offer; offers are worked off in order.
  offer({ rev, sdp, tracks }) {
    return this.#enqueue(() => this.#answer(rev, sdp, tracks ?? []));
  }

  show() {
    if (!this.#hidden) return;
    this.#hidden = false;
    this.#showStreams();
  }

  // What this device has to send from now on: `sources` in all, of them `tracks` (source -> track)
  // at the moment.
  setTracks(tracks, sources) {
    this.#tracks = tracks;
    this.#sources = sources;
    return this.#enqueue(() => this.#attach());
  }

  // The same, and tells the server in any case, also when that is nothing: whoever takes a call over
  // ends by it what the old device had and this one has not.
  declare(tracks, sources) {
    this.#published = null;
    return this.setTracks(tracks, sources);
  }

  async stats() {
    const lines = this.#transceivers().map(({ line, transceiver }) => {
      const own = this.#isOwn(line);
      return {
        ...line,
        direction: own ? 'out' : 'in',
        endpoint: own ? transceiver.sender : transceiver.receiver,
      };
    });
    return {
      connectionState: this.#pc.connectionState,
      roundTripMs: roundTripMs(await this.#pc.getStats()),
      tracks: await trackStats(lines),
    };
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#speakers.close();
    this.#pc.onconnectionstatechange = null;
    this.#pc.close();
    this.#streams.update([]);
  }

  // One step at a time: an RTCPeerConnection negotiates one description after the other.
  #enqueue(step) {
    const done = this.#queue.then(() => (this.#closed ? undefined : step()));
    this.#queue = done.catch((error) => {
      if (!this.#closed) this.#onError(error);
    });
    return this.#queue;
  }

  async #answer(rev, sdp, tracks) {
    this.#lines = new Map(
      [...kBaseMids].map(([mid, source]) => [
        mid,
        { profileId: this.#profileId, source, kind: source === 'mic' ? 'audio' : 'video' },
      ]),
    );
    for (const { mid, profileId, source, kind } of tracks) {
      this.#lines.set(mid, { profileId, source, kind });
    }
    await this.#pc.setRemoteDescription({ type: 'offer', sdp });
    if (this.#closed) return;
    for (const transceiver of this.#pc.getTransceivers()) {
      if (transceiver.direction === 'stopped' || transceiver.mid === null) continue;
      const line = this.#lines.get(transceiver.mid);
      transceiver.direction = line && this.#isOwn(line) ? 'sendonly' : 'recvonly';
    }
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    if (this.#closed) return;
    this.#showStreams();
    await this.#putTracks(); // so that the first packet is on its way as soon as there is a way
    // The answer may be what makes the server switch to this device, and from then on it counts what
    // this device has: said before, it is never taken for all there will be.
    const said = this.#hidden ? this.#publish() : null;
    await this.#send('media.answer', { rev, sdp: this.#pc.localDescription.sdp });
    this.#answered = true;
    await said;
    await this.#attach();
  }

  // Puts own tracks into their m-lines, and tells the server what there is.
  async #attach() {
    if (this.#closed || !this.#answered) return;
    await this.#putTracks();
    await this.#publish();
  }

  async #publish() {
    const sources = this.#sources;
    const before = this.#published;
    if (this.#closed || before === sources.join()) return;
    this.#published = sources.join();
    try {
      await this.#send('media.publish', { sources });
    } catch (error) {
      this.#published = before; // not told
      throw error;
    }
  }

  async #putTracks() {
    for (const transceiver of this.#pc.getTransceivers()) {
      if (transceiver.direction === 'stopped') continue;
      const line = this.#lines.get(transceiver.mid);
      const track = line && this.#isOwn(line) ? this.#tracks.get(line.source) ?? null : null;
      if (transceiver.sender.track === track) continue;
      await transceiver.sender.replaceTrack(track);
      if (track && line.source === 'camera') await limitBitrate(transceiver.sender);
    }
  }

  #showStreams() {
    if (this.#hidden) return;
    this.#streams.update(
      this.#transceivers()
        .filter(({ line }) => !this.#isOwn(line))
        .map(({ line, transceiver }) => ({ ...line, track: transceiver.receiver.track })),
    );
  }

  #audioReceivers() {
    return this.#transceivers()
      .filter(({ line }) => !this.#isOwn(line) && line.source === 'mic')
      .map(({ line, transceiver }) => ({
        profileId: line.profileId,
        receiver: transceiver.receiver,
      }));
  }

  // The m-lines in use with their transceivers.
  #transceivers() {
    return this.#pc
      .getTransceivers()
      .filter((t) => t.mid !== null && t.direction !== 'stopped' && this.#lines.has(t.mid))
      .map((transceiver) => ({ line: this.#lines.get(transceiver.mid), transceiver }));
  }

  #isOwn(line) {
    return line.profileId === this.#profileId;
  }
}

async function limitBitrate(sender) {
  const parameters = sender.getParameters();
  if (!parameters.encodings?.length) return; // nothing negotiated that could be limited
  parameters.encodings[0].maxBitrate = kCameraBitsPerSecond;
  await sender.setParameters(parameters);
}
