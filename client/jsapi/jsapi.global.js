// Made by `npm run build` from the modules beside this file; change those.
(function () {
'use strict';

// ---- roster.js ----

// Who takes part in a call, and in what state, as this connection has been told. Pure bookkeeping.

// In these states a participant has a device in the call.
const kInCall = new Set(['active', 'reconnecting']);

class Roster {
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

// ---- call_events.js ----

// What each event of a call does to the Call.


// What a source that is brought into the call is as a participant.
const kSourceStates = {
  starting: 'inviting',
  live: 'active',
  reconnecting: 'reconnecting',
  ended: 'left',
  failed: 'left',
};

// What each event of a call does. Those that are not here do not concern a Call.
const kCallEvents = new Map(
  Object.entries({
    'call.init'({ call, described, member, setRole }, message) {
      described(message);
      call.restoreServices(message);
      if (call.isActive) return;
      const { from, role, immediate, connectionId } = message;
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
    'call.accept'({ accepted, member }, { profileId, connectionId }) {
      // Without a device it is something that was brought in, which answers nobody's call.
      if (connectionId) accepted(profileId, connectionId);
      else member(profileId, { state: 'active', outcome: null });
    },
    'call.take'({ taken }, { profileId, connectionId, was }) {
      taken(profileId, connectionId, was);
    },
    'call.invite'({ invited }, { to }) {
      invited(to);
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
    'call.recording'({ call }, message) {
      call.recorded(message);
    },
    'call.mode'({ call }, message) {
      call.modeSet(message);
    },
    'call.bridge'({ call, member }, message) {
      const { direction, profileId, bridgeId, state } = message;
      if (direction === 'in' && profileId) {
        member(profileId, { state: kSourceStates[state], bridge: bridgeId });
      }
      call.bridged(message);
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

// ---- errors.js ----

// What can go wrong, in one shape: `code` and `kind` for programs, `message` for people.

class JsapiError extends Error {
  // `kind` is one of request, auth, state, retry, server (from the server), or media (this device).
  constructor({ code, kind, message, ...details }) {
    super(message);
    this.name = 'JsapiError';
    this.code = code;
    this.kind = kind;
    Object.assign(this, details);
  }
}

function badRequest(message) {
  return new JsapiError({ code: 'bad_request', kind: 'request', message });
}

function notActive(message) {
  return new JsapiError({ code: 'not_active', kind: 'state', message });
}

function connectionLost(message) {
  return new JsapiError({ code: 'unavailable', kind: 'retry', message });
}

function callOver(message) {
  return new JsapiError({ code: 'ended', kind: 'state', message });
}

// ---- capture.js ----

// This device's microphone, camera and screen. Nothing is opened before somebody asks.


const kWords = { mic: 'microphone', camera: 'camera', screen: 'screen' };

class Capture {
  #platform;
  #onScreenEnded;
  #onLost;
  #tracks = new Map(); // source -> MediaStreamTrack
  #closed = false;

  // `onScreenEnded` is called when the user stops sharing by the browser's own button, `onLost`
  // with 'mic' or 'camera' when the system takes one away.
  constructor(platform, { onScreenEnded, onLost }) {
    this.#platform = platform;
    this.#onScreenEnded = onScreenEnded;
    this.#onLost = onLost;
  }

  // Source -> live track.
  get tracks() {
    return new Map(this.#tracks);
  }

  // Opens what `wanted` names ({mic, camera}: constraints or false) in one prompt, and each for
  // itself when that is refused: one device that is missing must not cost the other. Returns the
  // errors; what could be opened is in `tracks`.
  async open(wanted) {
    const both = wanted.mic && wanted.camera;
    if (both) {
      try {
        await this.#acquire({ audio: wanted.mic, video: wanted.camera });
        return [];
      } catch {
        // Tried one by one below, which also tells which of the two it was.
      }
    }
    const errors = [];
    for (const [source, kind] of [['mic', 'audio'], ['camera', 'video']]) {
      if (!wanted[source]) continue;
      try {
        await this.#acquire({ [kind]: wanted[source] });
      } catch (error) {
        errors.push(explain(error, source));
      }
    }
    return errors;
  }

  // Must be called from a click: browsers want to see that it was the user's wish.
  async openScreen() {
    const devices = this.#platform.mediaDevices();
    let stream;
    try {
      if (!devices?.getDisplayMedia) throw new DOMException('', 'NotSupportedError');
      stream = await devices.getDisplayMedia({ video: true, audio: true });
    } catch (error) {
      throw explain(error, 'screen');
    }
    if (this.#closed) {
      stopAll(stream.getTracks());
      throw explain(new DOMException('', 'AbortError'), 'screen');
    }
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    this.#put('screen', video);
    if (audio) this.#put('screen-audio', audio);
    video.onended = () => this.#onScreenEnded();
    return stream;
  }

  // Closes one device; its light goes out.
  stop(source) {
    const track = this.#tracks.get(source);
    if (!track) return;
    this.#tracks.delete(source);
    track.onended = null;
    track.stop();
  }

  close() {
    this.#closed = true;
    for (const source of [...this.#tracks.keys()]) this.stop(source);
  }

  async #acquire(constraints) {
    const devices = this.#platform.mediaDevices();
    if (!devices?.getUserMedia) throw new DOMException('', 'NotSupportedError');
    const stream = await devices.getUserMedia(constraints);
    if (this.#closed) {
      stopAll(stream.getTracks()); // the call ended in front of the permission prompt
      return;
    }
    for (const track of stream.getTracks()) {
      const source = track.kind === 'audio' ? 'mic' : 'camera';
      this.#put(source, track);
      track.onended = () => {
        this.stop(source);
        this.#onLost(source);
      };
    }
  }

  #put(source, track) {
    this.stop(source);
    this.#tracks.set(source, track);
  }
}

function stopAll(tracks) {
  for (const track of tracks) track.stop();
}

// Says what happened and what to do next, by the names browsers give their errors.
function explain(error, source) {
  const word = kWords[source];
  const [code, message] = {
    NotAllowedError: [
      'media_denied',
      source === 'screen'
        ? 'Sharing was not allowed. Choose a screen or window and confirm to share it.'
        : `The ${word} is not allowed for this page. Allow it in the address bar, then turn it on.`,
    ],
    NotFoundError: ['media_missing', `No ${word} was found. Connect one, then turn it on.`],
    OverconstrainedError: ['media_missing', `No ${word} fits the wanted settings.`],
    NotReadableError: [
      'media_busy',
      `The ${word} is in use by another program. Close that program, then turn it on.`,
    ],
    NotSupportedError: [
      'media_unavailable',
      `This page cannot use the ${word}. Open it by https or on localhost in a current browser.`,
    ],
    AbortError: ['media_aborted', `The call was over before the ${word} was ready.`],
  }[error?.name] ?? ['media_failed', `The ${word} could not be opened: ${error?.message ?? error}`];
  return new JsapiError({ code, kind: 'media', message, source });
}

// ---- remote_streams.js ----

// The others' tracks as MediaStreams: microphone and camera of a participant make one stream,
// screen and screen sound another, what the server mixed a third. An m-line may serve one participant now and another later, so
// streams are rebuilt from what the latest offer says and never from what a track was before.

// 'camera' or 'screen': which of a participant's two streams a track belongs to; or 'mix'.
function streamOf(source) {
  if (source === 'mix') return source;
  return source === 'screen' || source === 'screen-audio' ? 'screen' : 'camera';
}

class RemoteStreams {
  #platform;
  #onStart;
  #onEnd;
  #streams = new Map(); // "source profileId" -> {profileId, source, stream}

  // `onStart` and `onEnd` get {profileId, source, stream}; onStart also when a track was added.
  constructor(platform, { onStart, onEnd }) {
    this.#platform = platform;
    this.#onStart = onStart;
    this.#onEnd = onEnd;
  }

  list() {
    return [...this.#streams.values()].map((entry) => ({ ...entry }));
  }

  // `tracks`: [{profileId, source, track}], all there are now.
  update(tracks) {
    const wanted = new Map();
    for (const { profileId, source, track } of tracks) {
      const name = streamOf(source);
      const key = `${name} ${profileId}`;
      if (!wanted.has(key)) wanted.set(key, { profileId, source: name, tracks: new Set() });
      wanted.get(key).tracks.add(track);
    }
    // What is gone first: a track must leave its old stream before it joins a new one.
    const ended = [...this.#streams].filter(([key]) => !wanted.has(key));
    for (const [key, entry] of ended) {
      this.#streams.delete(key);
      for (const track of entry.stream.getTracks()) entry.stream.removeTrack(track);
    }
    const started = [];
    for (const [key, want] of wanted) {
      if (this.#fill(key, want)) started.push(this.#streams.get(key));
    }
    for (const [, entry] of ended) this.#onEnd(entry);
    for (const entry of started) this.#onStart({ ...entry });
  }

  // Returns whether the stream is new or has a new track.
  #fill(key, { profileId, source, tracks }) {
    if (!this.#streams.has(key)) {
      this.#streams.set(key, { profileId, source, stream: this.#platform.createMediaStream() });
    }
    const { stream } = this.#streams.get(key);
    const present = stream.getTracks();
    for (const track of present) {
      if (!tracks.has(track)) stream.removeTrack(track);
    }
    const added = [...tracks].filter((track) => !present.includes(track));
    for (const track of added) stream.addTrack(track);
    return added.length > 0;
  }
}

// ---- speakers.js ----

// Who is speaking, from the audio level that stands in each RTP packet (RFC 6464).

// Our choice: five looks a second follow speech without flicker.
const kLookEveryMs = 200;
// About -40 dBov; background noise of a quiet room is below.
const kSpeakingLevel = 0.01;
// Pauses between words are shorter.
const kHoldMs = 600;

class Speakers {
  #platform;
  #receivers;
  #onChange;
  #lastHeard = new Map(); // profileId -> time in ms
  #lastTimestamp = new WeakMap(); // receiver -> RTP timestamp of its newest packet
  #speaking = '';
  #timer = null;

  // `receivers()` gives [{profileId, receiver}]; `onChange` gets the ids of those who speak.
  constructor(platform, receivers, onChange) {
    this.#platform = platform;
    this.#receivers = receivers;
    this.#onChange = onChange;
    this.#schedule();
  }

  close() {
    this.#platform.clearTimeout(this.#timer);
  }

  #schedule() {
    this.#timer = this.#platform.setTimeout(() => {
      this.#look();
      this.#schedule();
    }, kLookEveryMs);
  }

  #look() {
    const now = this.#platform.now();
    const present = new Set();
    for (const { profileId, receiver } of this.#receivers()) {
      present.add(profileId);
      const [source] = receiver.getSynchronizationSources?.() ?? [];
      // A source is listed for 10 s after its last packet: what has not moved on is not speech.
      if (!source || source.rtpTimestamp === this.#lastTimestamp.get(receiver)) continue;
      this.#lastTimestamp.set(receiver, source.rtpTimestamp);
      if ((source.audioLevel ?? 0) >= kSpeakingLevel) this.#lastHeard.set(profileId, now);
    }
    const speaking = [...this.#lastHeard]
      .filter(([profileId, at]) => present.has(profileId) && now - at < kHoldMs)
      .map(([profileId]) => profileId)
      .sort();
    if (speaking.join('\n') === this.#speaking) return;
    this.#speaking = speaking.join('\n');
    this.#onChange(speaking);
  }
}

// ---- stats.js ----

// RTCStats in the words of the call: one entry per track, by participant and source.

const kInbound = {
  packets: 'packetsReceived',
  bytes: 'bytesReceived',
  framesDecoded: 'framesDecoded',
  keyFramesDecoded: 'keyFramesDecoded',
  frameWidth: 'frameWidth',
  frameHeight: 'frameHeight',
  framesPerSecond: 'framesPerSecond',
  freezeCount: 'freezeCount',
  audioLevel: 'audioLevel',
  totalAudioEnergy: 'totalAudioEnergy',
};
const kOutbound = {
  packets: 'packetsSent',
  bytes: 'bytesSent',
  framesEncoded: 'framesEncoded',
  keyFramesEncoded: 'keyFramesEncoded',
  frameWidth: 'frameWidth',
  frameHeight: 'frameHeight',
  framesPerSecond: 'framesPerSecond',
};

// `lines`: [{profileId, source, kind, direction, endpoint}], endpoint being a sender or a receiver.
async function trackStats(lines) {
  return Promise.all(
    lines.map(async ({ endpoint, ...line }) => {
      const wanted = line.direction === 'in' ? 'inbound-rtp' : 'outbound-rtp';
      const names = line.direction === 'in' ? kInbound : kOutbound;
      const reports = [...(await endpoint.getStats()).values()];
      const rtp = reports.find((report) => report.type === wanted) ?? {};
      const codec = reports.find((report) => report.id === rtp.codecId)?.mimeType;
      const entry = { ...line, codec: codec?.split('/')[1] };
      for (const [ours, theirs] of Object.entries(names)) {
        if (rtp[theirs] !== undefined) entry[ours] = rtp[theirs];
      }
      // Of what this device sends, loss and jitter are what the server reports.
      const receiver =
        line.direction === 'in' ? rtp : reports.find(({ type }) => type === 'remote-inbound-rtp') ?? {};
      if (receiver.packetsLost !== undefined) entry.packetsLost = receiver.packetsLost;
      if (receiver.jitter !== undefined) entry.jitterMs = receiver.jitter * 1000;
      return entry;
    }),
  );
}

// The connection's round trip in milliseconds, undefined before it was measured.
function roundTripMs(reports) {
  const pair = [...reports.values()].find(
    (report) => report.type === 'candidate-pair' && report.currentRoundTripTime !== undefined,
  );
  return pair && pair.currentRoundTripTime * 1000;
}

// ---- peer.js ----

// The media connection of an active leg: one RTCPeerConnection that answers the server's offers.
//
// The server always offers, one m-line per track in either direction, and names in `tracks` whose
// track and which source each m-line (mid) is. Own m-lines are answered sendonly from the first
// offer on, so that ICE and DTLS are up before anybody has allowed the microphone; a track is put
// into its m-line when it is there.


// The m-lines that are this peer's own from the first offer on.
const kBaseMids = new Map([['00', 'mic'], ['01', 'camera']]);
// Our choice: enough for 720p in VP8, and a group of eight still fits a common access line.
const kCameraBitsPerSecond = 1_500_000;

class Peer {
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

// ---- quality.js ----

// How well each participant gets through, from what the media connection has counted.

// Our choice: two seconds hold enough packets for a figure, and few enough to follow a change.
const kMeasureEveryMs = 2_000;
// The bounds of "good" and "fair". ITU-T G.114 calls 150 ms one way (300 ms there and back) fit for
// conversation, 400 ms the limit; Opus hides a few per cent of loss.
const kGood = { lossPercent: 2, roundTripMs: 300, jitterMs: 40 };
const kFair = { lossPercent: 8, roundTripMs: 800, jitterMs: 100 };
// Fewer packets than this in one look say nothing about loss.
const kFewPackets = 10;

class Quality {
  #platform;
  #stats;
  #onChange;
  #seen = new Map(); // track -> {packets, packetsLost} at the last look
  #levels = new Map(); // profileId -> level
  #timer = null;
  #closed = false;

  // `stats()` promises what Call.getStats() does; `onChange` gets {profileId, level, lossPercent,
  // jitterMs, roundTripMs} when the level of a participant has changed, one's own included.
  constructor(platform, stats, onChange) {
    this.#platform = platform;
    this.#stats = stats;
    this.#onChange = onChange;
    this.#schedule();
  }

  close() {
    this.#closed = true;
    this.#platform.clearTimeout(this.#timer);
  }

  #schedule() {
    this.#timer = this.#platform.setTimeout(async () => {
      // Statistics of a connection that is just being closed are nobody's concern.
      const stats = await this.#stats().catch(() => null);
      if (this.#closed) return;
      if (stats) this.#look(stats);
      this.#schedule();
    }, kMeasureEveryMs);
  }

  #look({ roundTripMs, tracks }) {
    const seen = new Map();
    const worst = new Map(); // profileId -> figures
    for (const track of tracks) {
      const key = `${track.profileId} ${track.source} ${track.direction}`;
      const { packets = 0, packetsLost = 0 } = track;
      const before = this.#seen.get(key);
      seen.set(key, { packets, packetsLost });
      // A new connection counts from nothing.
      if (!before || packets < before.packets) continue;
      const figures = worst.get(track.profileId) ?? { lossPercent: null, jitterMs: null };
      const lost = packetsLost - before.packetsLost;
      const all = packets - before.packets + (track.direction === 'in' ? lost : 0);
      if (all < kFewPackets) continue;
      worst.set(track.profileId, {
        lossPercent: most(figures.lossPercent, Math.max(0, (100 * lost) / all)),
        jitterMs: most(figures.jitterMs, track.jitterMs),
      });
    }
    this.#seen = seen;
    for (const profileId of [...this.#levels.keys()]) {
      if (!tracks.some((track) => track.profileId === profileId)) this.#levels.delete(profileId);
    }
    for (const [profileId, { lossPercent, jitterMs }] of worst) {
      const figures = { lossPercent, jitterMs, roundTripMs: roundTripMs ?? null };
      const level = levelOf(figures);
      if (this.#levels.get(profileId) === level) continue;
      this.#levels.set(profileId, level);
      this.#onChange({ profileId, level, ...figures });
    }
  }
}

function most(one, other) {
  return other === undefined ? one : Math.max(one ?? 0, other);
}

function levelOf(figures) {
  const within = (bounds) => Object.entries(bounds).every(([name, most]) => (figures[name] ?? 0) <= most);
  if (within(kGood)) return 'good';
  return within(kFair) ? 'fair' : 'poor';
}

// ---- reacquire.js ----

// Gets a microphone or camera back that the system took away: unplugged, asleep, used by another
// program. What the user took away, by the browser's permission, stays so until the user wants it.

// Nothing tells when another program is done with a device.
const kBusyRetryMs = 10_000;

class Reacquire {
  #platform;
  #open;
  #onDevice;
  #missing = new Map(); // source -> whether an attempt is under way
  #timer = null;
  #watched = null; // the mediaDevices that are listened to

  // `open(source)` promises null or the JsapiError for which it failed; `onDevice` gets {source,
  // state, error}, state being lost, waiting (will be tried again), back or failed (will not).
  constructor(platform, { open, onDevice }) {
    this.#platform = platform;
    this.#open = open;
    this.#onDevice = onDevice;
  }

  lost(source) {
    this.#missing.set(source, false);
    this.#onDevice({ source, state: 'lost', error: null });
    void this.#try(source);
  }

  // The user has turned it off, or opened it by hand.
  forget(source) {
    this.#missing.delete(source);
    if (this.#missing.size === 0) this.#rest();
  }

  close() {
    this.#missing.clear();
    this.#rest();
  }

  async #try(source) {
    if (this.#missing.get(source) !== false) return;
    this.#missing.set(source, true);
    const error = await this.#open(source);
    if (!this.#missing.has(source)) return;
    if (error === null) {
      this.forget(source);
      this.#onDevice({ source, state: 'back', error });
    } else if (error.code === 'media_denied') {
      this.forget(source);
      this.#onDevice({ source, state: 'failed', error });
    } else {
      this.#missing.set(source, false);
      this.#watch();
      if (error.code === 'media_busy') this.#tryLater();
      this.#onDevice({ source, state: 'waiting', error });
    }
  }

  #tryLater() {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = this.#platform.setTimeout(this.#tryAll, kBusyRetryMs);
  }

  #tryAll = () => {
    for (const source of [...this.#missing.keys()]) void this.#try(source);
  };

  #watch() {
    if (this.#watched) return;
    this.#watched = this.#platform.mediaDevices() ?? null;
    this.#watched?.addEventListener?.('devicechange', this.#tryAll);
  }

  #rest() {
    this.#platform.clearTimeout(this.#timer);
    this.#watched?.removeEventListener?.('devicechange', this.#tryAll);
    this.#watched = null;
  }
}

// ---- recovery.js ----

// Gets the media connection of an active leg back: asks the server for new ICE credentials, and if
// that does not help, for a connection from scratch.

// Short gaps close by themselves; a browser says "disconnected" after some seconds without packets.
const kGraceMs = 2_000;
// One attempt at a time, and each gets this long: ICE and DTLS take a few round trips.
const kFirstTryMs = 5_000;
const kLastTryMs = 20_000;

class Recovery {
  #platform;
  #restart;
  #state = 'new';
  #tries = 0; // since it was connected last
  #triedAt = -Infinity;
  #asking = false; // the server has not answered yet, which takes as long as the socket is lost
  #timer = null;
  #closed = false;

  // `restart(fresh)` asks the server for a restart, and resolves when it has answered.
  constructor(platform, restart) {
    this.#platform = platform;
    this.#restart = restart;
  }

  // Takes the state of the RTCPeerConnection.
  connection(state) {
    this.#state = state;
    if (state === 'connected') {
      this.#tries = 0;
      this.#wait(null);
    } else if (state === 'failed' && this.#tries === 0) {
      this.#try();
    } else if (state === 'disconnected' && this.#timer === null && !this.#asking) {
      this.#wait(kGraceMs);
    }
  }

  // This device has got another network: the old addresses are of no more use.
  networkChanged() {
    const justTried = this.#platform.now() - this.#triedAt < kGraceMs;
    if (this.#state === 'new' || justTried) return;
    this.#tries = 0;
    this.#try();
  }

  close() {
    this.#closed = true;
    this.#wait(null);
  }

  #wait(ms) {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = ms === null ? null : this.#platform.setTimeout(() => this.#check(), ms);
  }

  #check() {
    this.#timer = null;
    if (this.#state === 'connected') this.#tries = 0;
    else this.#try();
  }

  async #try() {
    if (this.#closed || this.#asking) return;
    const fresh = this.#tries > 0;
    const patienceMs = Math.min(kFirstTryMs * 2 ** this.#tries, kLastTryMs);
    this.#tries += 1;
    this.#triedAt = this.#platform.now();
    this.#wait(null);
    this.#asking = true;
    await this.#restart(fresh);
    this.#asking = false;
    if (!this.#closed) this.#wait(patienceMs);
  }
}

// ---- leg.js ----

// Everything an active leg holds on this device: its devices and its media connection. A leg is
// made when the server has confirmed the active role, and closed when that role is gone. One that
// stands by (for a take-over) connects and may show a camera, but has no microphone and no sound yet.


const kSourceOf = { audio: 'mic', video: 'camera' };
// How long a take-over waits for the camera, so that the others need not; far less than the
// take-over time-out of the server, which does not wait for anybody in front of a permission prompt.
const kCameraPatienceMs = 3_000;
// With these the server says that a restart is not for now, or for nobody any more.
const kNoRestart = new Set(['conflict', 'not_active', 'ended', 'unavailable']);

class Leg {
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

// ---- takeover.js ----

// One attempt to take a running call over from another device of the same participant: a leg that
// stands by, without a microphone, until the server has switched to it.

class Takeover {
  #settle;

  constructor(leg) {
    this.leg = leg;
    // Resolves when this device is active, rejects when the other one stays so.
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.done.catch(() => {}); // whoever called take() has the promise as well
  }

  // The server has switched: from now on the leg belongs to the call.
  succeed() {
    this.#settle.resolve();
    return this.leg;
  }

  // Closes all that was opened; the call goes on where it was.
  fail(error) {
    this.leg.close();
    this.#settle.reject(error);
  }
}

// ---- own_media.js ----

// What this device holds for one call: the leg while it is active, and the leg that stands by while
// it takes the call over. Here is decided what is opened and what the others are told of it.


class OwnMedia {
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

// ---- emitter.js ----

// Named events with listeners. A listener that throws never keeps the others from being called.

class Emitter {
  #listeners = new Map();

  // Calls `listener` whenever `event` happens; returns a function that takes it off again.
  on(event, listener) {
    if (typeof listener !== 'function') throw new TypeError('A listener must be a function.');
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    return () => this.off(event, listener);
  }

  // The same for the next time only.
  once(event, listener) {
    const heard = (...args) => {
      off();
      listener(...args);
    };
    heard.listener = listener;
    const off = this.on(event, heard);
    return off;
  }

  off(event, listener) {
    const listeners = this.#listeners.get(event) ?? new Set();
    for (const heard of listeners) {
      if (heard === listener || heard.listener === listener) listeners.delete(heard);
    }
  }

  emit(event, ...args) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        // Shown as an uncaught error of the application, which it is.
        (globalThis.reportError ?? console.error)(error);
      }
    }
  }
}

// ---- services.js ----

// What the server does with a call beside carrying it: recording it, mixing it, and bridging it to
// and from elsewhere, as this connection has been told.


const kOver = new Set(['ended', 'failed']);

// What a Call is in this respect.
class ServedCall extends Emitter {
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

// ---- call.js ----

// One call as this connection sees it. A Call follows the global state of the call by itself, on
// active and passive connections alike; media exists only while the connection is active.


// After these a receiver has neither accepted nor declined.
const kUndecided = new Set(['missed', 'unreachable']);

// Events: ringing (profileId, connectionId) · accepted (profileId, connectionId) · taken (profileId,
// connectionId, was) · participant (participant) · stream and streamend ({profileId, source, stream}) · localstream (stream) ·
// speaker (profileIds) · quality ({profileId, level, …}) · device ({source, state, error}) ·
// screenend () · connection (state) · recording (recording) · mode (mode) · bridge (bridge) ·
// state (state, role) · end (outcome).
class Call extends ServedCall {
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

// ---- platform.js ----

// What the library takes from the browser, in one place, so that tests can hand in their own.

// Every member is looked up when it is used, never when the library is loaded.
function browserPlatform() {
  return {
    openSocket: (url, protocol) => new globalThis.WebSocket(url, protocol),
    createPeerConnection: (configuration) => new globalThis.RTCPeerConnection(configuration),
    createMediaStream: () => new globalThis.MediaStream(),
    // Undefined where pages may not capture at all: without https and not on localhost.
    mediaDevices: () => globalThis.navigator?.mediaDevices,
    fetch: (url, options) => globalThis.fetch(url, options),
    defaultUrl: () => {
      const { protocol, host } = globalThis.location;
      return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`;
    },
    watchNetwork,
    now: () => Date.now(),
    random: () => Math.random(),
    uuid,
    setTimeout: (callback, delayMs) => globalThis.setTimeout(callback, delayMs),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
  };
}

// crypto.randomUUID is missing in pages without https; getRandomValues is not.
function uuid() {
  if (globalThis.crypto.randomUUID) return globalThis.crypto.randomUUID();
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4 (RFC 9562, 5.4)
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // variant
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [8, 12, 16, 20, 32].map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end)).join('-');
}

// Calls `heard` with 'online', 'changed' (another network, where browsers tell) or 'visible' (the
// page is looked at again, perhaps after a sleep). Returns a function that ends it.
function watchNetwork(heard) {
  const { document, navigator } = globalThis;
  const watched = [
    [globalThis, 'online', () => heard('online')],
    [navigator?.connection, 'change', () => heard('changed')],
    [document, 'visibilitychange', () => document.visibilityState === 'visible' && heard('visible')],
  ].filter(([target]) => target?.addEventListener);
  for (const [target, event, listener] of watched) target.addEventListener(event, listener);
  return () => {
    for (const [target, event, listener] of watched) target.removeEventListener(event, listener);
  };
}

// ---- http.js ----

// The part of the server's HTTP API that pages use, at the host of the WebSocket.


// Resolves with what the answer holds, or null. `url` is the WebSocket's; `path` begins with '/'.
async function askHttp(platform, { method, path, url, token }) {
  let response;
  let text;
  try {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    response = await platform.fetch(addressOf(url, path), { method, headers });
    text = await response.text();
  } catch (error) {
    throw connectionLost(`The server could not be asked for ${path.split('?')[0]}: ${error.message}`);
  }
  const body = parsed(text);
  if (response.ok && body !== undefined) return body;
  throw new JsapiError(body ?? { code: 'internal', kind: 'server', message: `The server answered with HTTP ${response.status}.` });
}

// Undefined: it is no JSON, as what a proxy says of itself.
function parsed(text) {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}

// wss://HOST/ws -> https://HOST/path
function addressOf(url, path) {
  const { protocol, host } = new URL(url);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}${path}`;
}

// ---- link.js ----

// One WebSocket to the server, from its hello to its end.


const kSubprotocol = 'jsapi.v1';
// Our choice: an answer takes milliseconds; a server that is silent for this long is not there.
const kWelcomeTimeoutMs = 10_000;

class Link {
  #platform;
  #url;
  #socket = null;
  #handlers;
  #timer;
  #welcomed = false;
  #bye = null;

  // `hello` are the members of the first frame. One of these is called, once: welcome(frame), or
  // refused(JsapiError); after welcome: frame(frame) for each, and lost(bye) at the end, with the
  // reason the server gave, if any. None of them is called after close().
  constructor(platform, url, hello, handlers) {
    this.#platform = platform;
    this.#url = url;
    this.#handlers = handlers;
    try {
      this.#socket = platform.openSocket(url, kSubprotocol);
    } catch (error) {
      this.#refuse(badRequest(`"${url}" is not an address to connect to: ${error.message}`));
      return;
    }
    const id = platform.uuid();
    this.#socket.onopen = () => this.send({ type: 'hello', id, ...hello });
    this.#socket.onmessage = ({ data }) => this.#received(parse(data));
    this.#socket.onclose = ({ code } = {}) => this.#closed(code);
    this.#timer = platform.setTimeout(() => this.#closed(), kWelcomeTimeoutMs);
  }

  send(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  // Gives the socket up. Browsers take minutes to find out that nobody is there any more: what
  // they say of this socket from now on is of no interest.
  close() {
    const socket = this.#socket;
    this.#socket = null;
    this.#platform.clearTimeout(this.#timer);
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(1000);
  }

  #received(frame) {
    if (!frame) return;
    if (frame.type === 'bye') {
      this.#bye = frame.reason;
    } else if (this.#welcomed) {
      this.#handlers.frame(frame);
    } else if (frame.type === 'welcome') {
      this.#welcomed = true;
      this.#platform.clearTimeout(this.#timer);
      this.#handlers.welcome(frame);
    } else if (frame.type === 'error') {
      this.close();
      this.#refuse(new JsapiError(frame));
    }
  }

  #closed(code) {
    const bye = this.#bye;
    this.close();
    if (this.#welcomed) this.#handlers.lost(bye);
    else this.#refuse(refusedBy(this.#url, code, bye));
  }

  #refuse(error) {
    this.#platform.clearTimeout(this.#timer);
    this.#handlers.refused(error);
  }
}

// The frame in a text, or null when it is none of the protocol.
function parse(data) {
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === 'string' ? frame : null;
  } catch {
    return null;
  }
}

function refusedBy(url, closeCode, bye) {
  if (closeCode === 1008) {
    return new JsapiError({
      code: 'unauthorized',
      kind: 'auth',
      message: 'The server refused this page or its token; check both with whoever runs it.',
    });
  }
  const why = bye ? ` (${bye})` : '';
  // A browser does not tell a page that it was turned away for where it comes from.
  return connectionLost(
    `No connection to ${url}${why}; check the address and the network, and whether the server's ` +
      'setting "origins" lets this page in.',
  );
}

// ---- requests.js ----

// Requests and the answers they wait for, across connections.


// Our choice: an answer takes milliseconds; a socket that is silent for this long is dead.
const kAnswerTimeoutMs = 10_000;

class Requests {
  #platform;
  #onSilence;
  #waiting = new Map(); // id -> request that waits for its answer

  // `onSilence` is called when an answer does not come.
  constructor(platform, onSilence) {
    this.#platform = platform;
    this.#onSilence = onSilence;
  }

  // A new request, not sent yet. `retry`: may be sent again under its id to a session that does not
  // know of it; after a resumed session every request may.
  add(type, members, { id = this.#platform.uuid(), retry = false, timeoutMs = kAnswerTimeoutMs }) {
    const request = { id, frame: { type, id, ...members }, retry, timeoutMs, timer: null };
    request.answer = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
    this.#waiting.set(id, request);
    return request;
  }

  list() {
    return [...this.#waiting.values()];
  }

  has(request) {
    return this.#waiting.get(request.id) === request;
  }

  send(request, link) {
    this.#platform.clearTimeout(request.timer);
    request.timer = this.#platform.setTimeout(() => this.#onSilence(link), request.timeoutMs);
    link.send(request.frame);
  }

  // Takes an ok or an error; returns whether anybody waited for it.
  answered(frame) {
    const request = this.#waiting.get(frame.ref);
    if (!request) return false;
    this.#drop(request);
    if (frame.type === 'ok') request.resolve(frame);
    else request.reject(new JsapiError(frame));
    return true;
  }

  // Nothing will be answered over the socket they were sent on.
  pause() {
    for (const request of this.#waiting.values()) this.#platform.clearTimeout(request.timer);
  }

  fail(requests, error = connectionLost('The connection was lost before the server answered; try again.')) {
    for (const request of requests) {
      if (!this.has(request)) continue;
      this.#drop(request);
      request.reject(error);
    }
  }

  #drop(request) {
    this.#waiting.delete(request.id);
    this.#platform.clearTimeout(request.timer);
  }
}

// ---- tokens.js ----

// The access token of a session: where it comes from, and a fresh one before it expires.


// Renewed when a fifth of its life is left, or a minute of a long one: time for several tries.
const kLeadMs = 60_000;
const kLeadPart = 1 / 5;
const kRetryMs = 10_000;
// How long to leave a token alone that the server takes and this device's clock calls expired.
const kOddClockMs = 30_000;
// A timer may not run for longer than 2^31 ms.
const kLongestTimerMs = 6 * 3_600_000;

class Tokens {
  #platform;
  #handlers;
  #source = null;
  #current = null;
  #timer = null;
  #failing = false;

  // `handlers`: renew(token) hands a fresh one to the server; expiring(expiresAt) when only the
  // application can get one; failed(error), once per row of failures.
  constructor(platform, handlers) {
    this.#platform = platform;
    this.#handlers = handlers;
  }

  // `source` is a token, or a function that returns or promises one.
  use(source) {
    this.stop();
    this.#source = source;
  }

  get canFetch() {
    return typeof this.#source === 'function';
  }

  // The one the server knows; null before the first.
  get current() {
    return this.#current;
  }

  // The token to say hello with.
  async next() {
    this.#current = this.canFetch ? await this.#fetch() : this.#source;
    return this.#current;
  }

  // The application has handed in another one, which the server has taken.
  renewed(token) {
    if (!this.canFetch) this.#source = token;
    this.#current = token;
    this.start();
  }

  // The server has taken the token: watches over it until stop().
  start() {
    this.stop();
    const expiresAt = expiryOf(this.#current);
    if (expiresAt === null) return;
    const leftMs = expiresAt - this.#platform.now();
    const leadMs = Math.min(kLeadMs, leftMs * kLeadPart);
    this.#after(leftMs > 0 ? leftMs - leadMs : kOddClockMs, () => this.#renew(expiresAt));
  }

  stop() {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #fetch() {
    let token;
    try {
      token = await this.#source();
    } catch (error) {
      throw connectionLost(`The access token could not be fetched: ${error?.message ?? error}`);
    }
    if (typeof token !== 'string') throw badRequest('The function given as `token` returned no string.');
    return token;
  }

  #after(delayMs, act) {
    this.#timer = this.#platform.setTimeout(
      () => (delayMs > kLongestTimerMs ? this.#after(delayMs - kLongestTimerMs, act) : act()),
      Math.min(delayMs, kLongestTimerMs),
    );
  }

  async #renew(expiresAt) {
    if (!this.canFetch) {
      this.#handlers.expiring(expiresAt);
      return;
    }
    const timer = this.#timer;
    try {
      const token = await this.#fetch();
      if (timer !== this.#timer) return; // stopped, or another connection's by now
      if (token === this.#current) {
        this.#after(kRetryMs, () => this.#renew(expiresAt)); // it has no fresher one yet
        return;
      }
      await this.#handlers.renew(token);
      if (timer !== this.#timer) return;
      this.#current = token;
      this.#failing = false;
      this.start();
    } catch (error) {
      if (timer !== this.#timer) return;
      if (!this.#failing) this.#handlers.failed(notRenewed(error));
      this.#failing = true;
      this.#after(kRetryMs, () => this.#renew(expiresAt));
    }
  }
}

function notRenewed(error) {
  return new JsapiError({
    code: 'unauthorized',
    kind: 'auth',
    message: `The access token expires soon, and there is no fresh one: ${error.message}`,
  });
}

// Unix time in milliseconds from a JWT's payload (RFC 7519, 4.1.4); null when it cannot be read.
// The server alone checks tokens: this only tells when to ask for the next one.
function expiryOf(token) {
  try {
    const payload = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(globalThis.atob(payload));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null;
  }
}

// ---- session.js ----

// The session with the server: one link at a time, the requests that are open, the events that have
// come. When a link is lost the session goes on over another one, from the event it had got to.


// The longest wait between attempts doubles from the first to the last value. Each wait is drawn at
// random between nothing and that, so that a restarted server is not hit by everybody at once.
const kFirstBackoffMs = 500;
const kLastBackoffMs = 15_000;
// A socket that may have died with the network it ran over has to answer within this.
const kProbeTimeoutMs = 3_000;

// Events: 'state' (state, {resumed}), 'welcome' (frame) of a new session, 'resumed' (frame) of one
// that goes on, 'message' (frame), 'network' ('online', 'changed' or 'visible'), 'expiring'
// (expiresAt), 'error' (JsapiError).
class Session extends Emitter {
  #platform;
  #url;
  #tokens;
  #requests;
  #link = null;
  #state = 'disconnected';
  #resume = null; // what the server knows this session by; never stored
  #lastSeq = 0; // of the last event
  #epoch = 0; // counts disconnect(): what was begun before must not go on after
  #attempt = 0;
  #opening = false;
  #probing = false;
  #backoffTimer = null;
  #unwatch = null;
  #abandon = () => {}; // rejects the attempt that is under way

  constructor(platform) {
    super();
    this.#platform = platform;
    this.#requests = new Requests(platform, (link) => this.#silent(link));
    this.#tokens = new Tokens(platform, {
      renew: (token) => this.request('token', { token }),
      expiring: (expiresAt) => this.emit('expiring', expiresAt),
      failed: (error) => this.emit('error', error),
    });
  }

  get state() {
    return this.#state;
  }

  // Resolves with the welcome. Rejects when the first attempt fails; a connection that was up once
  // is renewed until disconnect().
  async connect({ url, token } = {}) {
    if (this.#state !== 'disconnected') {
      throw new JsapiError({
        code: 'conflict',
        kind: 'state',
        message: `The session is ${this.#state}; call disconnect() before connect().`,
      });
    }
    if (typeof token !== 'string' && typeof token !== 'function') {
      throw badRequest('connect() needs a token: a string, or a function that returns one.');
    }
    this.#url = url ?? this.#platform.defaultUrl();
    this.#tokens.use(token);
    this.#setState('connecting');
    const epoch = this.#epoch;
    try {
      return await this.#open();
    } catch (error) {
      if (epoch === this.#epoch) {
        // Sent over some later connection, a call would come as a surprise to everybody.
        this.#giveUp(error);
      }
      throw error;
    }
  }

  disconnect() {
    this.#epoch += 1;
    this.#resume = null;
    this.#giveUp(closedByDisconnect());
  }

  // Gives the server a fresh token before the old one expires.
  async renewToken(token) {
    await this.request('token', { token });
    this.#tokens.renewed(token);
  }

  // What the server's HTTP API says, as JSON; null where it says nothing.
  http(method, path) {
    if (this.#state === 'disconnected') return Promise.reject(connectionLost('There is no session; connect() first.'));
    return askHttp(this.#platform, { method, path, url: this.#url, token: this.#tokens.current });
  }

  // Resolves with the `ok`, rejects with a JsapiError. While the connection is lost, requests wait
  // for it. They go out again under the same id, by which the server knows them: all of them when
  // the session was resumed, those with `retry` also when it was not.
  request(type, members = {}, { id, retry = false, timeoutMs } = {}) {
    const canWait = this.#state === 'reconnecting' || (this.#state === 'connecting' && retry);
    if (this.#state !== 'connected' && !canWait) {
      return Promise.reject(connectionLost(`There is no connection to send ${type} over.`));
    }
    const request = this.#requests.add(type, members, { id, retry, timeoutMs });
    if (this.#state === 'connected') this.#requests.send(request, this.#link);
    return request.answer;
  }

  async #open() {
    const epoch = this.#epoch;
    this.#opening = true;
    try {
      const token = await this.#tokens.next();
      if (epoch !== this.#epoch) throw closedByDisconnect();
      const resume = this.#resume && { resume: this.#resume, lastSeq: this.#lastSeq };
      return await new Promise((resolve, reject) => {
        this.#abandon = () => reject(closedByDisconnect());
        const link = new Link(this.#platform, this.#url, { token, ...resume }, {
          welcome: (frame) => {
            resolve(frame);
            this.#welcomed(link, frame);
          },
          refused: reject,
          frame: (frame) => this.#receive(frame),
          lost: (bye) => this.#lost(bye),
        });
        this.#link = link;
      });
    } finally {
      if (epoch === this.#epoch) this.#opening = false;
    }
  }

  #welcomed(link, frame) {
    const waiting = this.#requests.list();
    const resumed = frame.resumed === true && this.#resume !== null;
    this.#resume = frame.resume ?? null;
    this.#attempt = 0;
    if (!resumed) this.#lastSeq = 0;
    this.#state = 'connected';
    this.#tokens.start();
    this.#watch();
    // First, so that whoever hears of the state finds everything as the welcome says.
    this.emit(resumed ? 'resumed' : 'welcome', frame);
    if (this.#link !== link) return;
    if (!resumed) this.#requests.fail(waiting.filter(({ retry }) => !retry));
    this.emit('state', this.#state, { resumed });
    for (const request of waiting) {
      if (this.#link === link && this.#requests.has(request)) this.#requests.send(request, link);
    }
  }

  #receive(frame) {
    if (frame.type === 'ok' || frame.type === 'error') {
      const awaited = this.#requests.answered(frame);
      // What had no id of ours was not understood at all. Other answers came too late.
      if (!awaited && frame.type === 'error' && !frame.ref) this.emit('error', new JsapiError(frame));
      return;
    }
    if (frame.seq !== undefined) {
      if (frame.seq <= this.#lastSeq) return; // had come already when the session was resumed
      this.#lastSeq = frame.seq;
    }
    this.emit('message', frame);
  }

  // Nothing answers any more.
  #silent(link) {
    if (this.#link !== link) return;
    link.close();
    this.#lost(null);
  }

  #lost(bye) {
    this.#link = null;
    this.#requests.pause();
    this.#tokens.stop();
    if (bye === 'replaced') {
      this.#resume = null;
      this.#end(
        unauthorized('This session was continued somewhere else; connect again to use it here.'),
      );
    } else if (bye === 'expired' && !this.#tokens.canFetch) {
      // The next connect() may still resume: calls outlive the token they were made with.
      this.#end(unauthorized('The access token has expired; connect again with a fresh one.'));
    } else {
      this.#setState('reconnecting');
      this.#scheduleAttempt();
    }
  }

  #scheduleAttempt() {
    const longestMs = Math.min(kFirstBackoffMs * 2 ** this.#attempt, kLastBackoffMs);
    this.#attempt += 1;
    const delayMs = longestMs * this.#platform.random();
    this.#backoffTimer = this.#platform.setTimeout(() => this.#reopen(), delayMs);
  }

  async #reopen() {
    const epoch = this.#epoch;
    this.#platform.clearTimeout(this.#backoffTimer);
    try {
      await this.#open();
    } catch (error) {
      if (epoch !== this.#epoch) return;
      if (error.kind === 'auth') this.#end(error);
      else this.#scheduleAttempt();
    }
  }

  // The browser says something of the network, or comes back from sleep: no time to wait, and a
  // socket may be dead without anybody having noticed.
  #watch() {
    this.#unwatch ??= this.#platform.watchNetwork((what) => {
      if (this.#state === 'reconnecting') {
        this.#attempt = 0;
        if (!this.#opening) void this.#reopen();
      } else if (this.#state === 'connected') {
        this.#probe();
      }
      this.emit('network', what);
    });
  }

  // Asks for something cheap: whether an answer comes is what counts.
  #probe() {
    if (this.#probing) return;
    this.#probing = true;
    const done = () => (this.#probing = false);
    this.request('chain.list', { limit: 1 }, { timeoutMs: kProbeTimeoutMs }).then(done, done);
  }

  // Ends the session for a reason that nobody has asked for.
  #end(error) {
    this.#giveUp(error);
    this.emit('error', error);
  }

  #giveUp(error) {
    const link = this.#link;
    this.#link = null;
    this.#opening = false;
    this.#platform.clearTimeout(this.#backoffTimer);
    this.#unwatch?.();
    this.#unwatch = null;
    this.#tokens.stop();
    link?.close();
    this.#abandon();
    this.#requests.fail(this.#requests.list(), error);
    this.#setState('disconnected');
  }

  #setState(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state, { resumed: false });
  }
}

function closedByDisconnect() {
  return connectionLost('The session was closed by disconnect().');
}

function unauthorized(message) {
  return new JsapiError({ code: 'unauthorized', kind: 'auth', message });
}

// ---- texts.js ----

// What texts and chains look like as requests and answers: checked on the way out, bare on the way in.


// The members of a `text` request. A text goes into a chain, or founds one with those it is `to`.
function textMembers({ from, chainId = null, to = null, body } = {}) {
  const receivers = to === null || Array.isArray(to) ? to : [to];
  if (typeof from !== 'string' || typeof body !== 'string') {
    throw badRequest('sendText needs `from`, one of your own profile ids, and `body`, the text.');
  }
  if ((chainId === null) === (receivers === null)) {
    throw badRequest('sendText needs either `chainId` or `to`: where the text belongs.');
  }
  return chainId === null ? { from, to: receivers, body } : { from, chainId, body };
}

// The members of a request for one page of a list.
function pageMembers({ before = null, limit = null } = {}) {
  return { ...(before !== null && { before }), ...(limit !== null && { limit }) };
}

// {items, more} of an answer.
function pageOf({ items = [], more = false }) {
  return { items, more };
}

// A text from its event, without what belongs to the envelope.
function messageOf({ id, chainId, members, from, body, at }) {
  return { id, chainId, members, from, body, at };
}

// ---- client.js ----

// JSAPI itself: the session, and the calls this connection knows of.


const kLongestPage = 200; // docs/PROTOCOL.md, chain.history
// A call one was in a moment ago is among the latest of its chain.
const kPagesLookedThrough = 5;

// Events: call:received (call) · call:accepted (call, acceptedBy, fromConnection) · call:end
// (call, outcome) · call:lost (call) · calls:changed () · text:received (message) ·
// connection:state (state, {resumed}) · token:expiring (expiresAt) · error (error).
class Client extends Emitter {
  #platform;
  #session;
  #calls = new Map(); // id -> live call
  #welcome = null;
  #links = 0; // how often the session was resumed
  #rung = new Set(); // calls that ring and that the application has been told of by call:received

  constructor(platform = browserPlatform()) {
    super();
    this.#platform = platform;
    this.#host.platform = platform;
    this.#session = new Session(platform);
    this.#session.on('state', (...args) => this.emit('connection:state', ...args));
    this.#session.on('expiring', (expiresAt) => this.emit('token:expiring', expiresAt));
    this.#session.on('error', (error) => this.emit('error', error));
    this.#session.on('welcome', (welcome) => this.#welcomed(welcome));
    this.#session.on('resumed', () => (this.#links += 1));
    this.#session.on('message', (message) => this.#received(message));
    this.#session.on('network', (what) => {
      // That the page is looked at again says nothing about its addresses.
      if (what !== 'visible') for (const call of this.calls) call.networkChanged();
    });
  }

  // 'disconnected', 'connecting', 'connected' or 'reconnecting'.
  get state() {
    return this.#session.state;
  }
  // This device's name at the server, and whose it is; null and empty before the first connect().
  get connectionId() {
    return this.#welcome?.connectionId ?? null;
  }
  get userId() {
    return this.#welcome?.userId ?? null;
  }
  get profiles() {
    return [...(this.#welcome?.profiles ?? [])];
  }
  // The calls that live, on this device or on another one of this user.
  get calls() {
    return [...this.#calls.values()];
  }

  // `url` is the server's wss:// address, by default that of this page; `token` an access token or
  // a function that returns one. Resolves with {connectionId, userId, profiles}.
  async connect(options) {
    const { connectionId, userId, profiles } = await this.#session.connect(options);
    return { connectionId, userId, profiles };
  }

  // Ends the session, and what this device has of its calls. Hang up first, or the others keep
  // waiting for this device until the server gives it up.
  disconnect() {
    this.#session.disconnect();
    for (const call of this.calls) call.finish({ outcome: null });
  }

  // Hands in a fresh token before the old one expires.
  renewToken(token) {
    return this.#session.renewToken(token);
  }

  // openCall(fromProfileId, toProfileIds, chainId, options) or openCall({from, to, chainId,
  // immediate, replace, settings}). Returns the call at once; `call.ready` tells what the server said.
  openCall(...args) {
    const { from, to, chainId, immediate, replace, wanted } = callArguments(args);
    const settings = { audio: wanted.audio !== false, video: wanted.video !== false };
    const id = this.#platform.uuid();
    const call = this.#add({ id, chainId, from, to, settings, profileId: from, wanted, opened: true });
    const init = {
      from,
      to,
      settings,
      ...(chainId && { chainId }),
      ...(immediate || { immediate }),
      ...(replace && { replace }),
    };
    const sentFrom = { connectionId: this.connectionId, links: this.#links };
    call.ready = this.#session.request('call.init', init, { id, retry: true }).then(
      (ok) => {
        if (ok.merged) return this.#merge(call, ok, sentFrom);
        // After a new connection the welcome has told the role; the answer may be an old one.
        if (call.role === null) call.confirm(ok);
        return call;
      },
      (error) => {
        call.finish({ outcome: 'failed', error });
        throw error;
      },
    );
    call.ready.catch((error) => this.#error(error, call));
    return call;
  }

  // Sends a text into a chain (`chainId`), or founds one with those it is `to`. Resolves, when it is
  // stored, with {id, chainId, from, body, at}. Is sent again under the same id when the connection
  // was lost, until it is answered; `id` is for a text that was refused and is tried once more.
  async sendText(text) {
    const members = textMembers(text);
    const id = text.id ?? this.#platform.uuid();
    const { chainId, at } = await this.#session.request('text', members, { id, retry: true });
    return { id, chainId: chainId ?? members.chainId ?? id, from: members.from, body: members.body, at };
  }

  // The chains this user is a member of, the latest first: {items: [{chainId, members, last}], more}.
  // `before` is a chain's id: those older than it.
  async chains(page) {
    return pageOf(await this.#session.request('chain.list', pageMembers(page), { retry: true }));
  }

  // Texts and calls of a chain, oldest first: {items, more}. `before` is an item's id.
  async history(chainId, page) {
    if (typeof chainId !== 'string') throw badRequest('history() needs the id of a chain.');
    const members = { chainId, ...pageMembers(page) };
    return pageOf(await this.#session.request('chain.history', members, { retry: true }));
  }

  // Recordings of calls this user took part in, the newest first: {items, more}. `before` is a
  // recording's id. The token needs the grant `record`.
  async recordings({ callId = null, before = null, limit = null } = {}) {
    const query = new URLSearchParams({ ...(callId !== null && { call: callId }), ...pageMembers({ before, limit }) });
    return pageOf(await this.#session.http('GET', `/api/v1/recordings?${query}`));
  }

  // One recording with its files.
  recording(recordingId) {
    return this.#session.http('GET', `/api/v1/recordings/${encodeURIComponent(recordingId)}`);
  }

  async deleteRecording(recordingId) {
    await this.#session.http('DELETE', `/api/v1/recordings/${encodeURIComponent(recordingId)}`);
  }

  // The call.init of `call` met a live call. Its object stands for that one from now on, unless
  // this device is in it already: then it goes on with the object it has.
  #merge(call, { callId, chainId, role }, { connectionId, links }) {
    const live = this.#calls.get(callId);
    this.#calls.delete(call.id);
    if (live?.isActive) {
      call.retire(live);
      return live;
    }
    this.#calls.set(callId, call);
    // After a new connection the answer's role is an old one; the welcome has told the role.
    const isNow = connectionId === this.connectionId;
    call.merge({ callId, chainId, role: isNow ? role : live?.role }, live);
    // A resumed session repeats events before answers: the offer came when nobody was active.
    if (call.isActive && links !== this.#links) void call.rejoin();
    this.emit('calls:changed');
    return call;
  }

  #add(description) {
    const call = new Call(this.#host, description);
    this.#calls.set(call.id, call);
    this.emit('calls:changed');
    return call;
  }

  // What a call needs of us.
  #host = {
    platform: null,
    connectionId: () => this.connectionId,
    iceServers: () => this.#welcome?.iceServers ?? [],
    request: (...args) => this.#session.request(...args),
    changed: (call) => {
      if (!call.rings) this.#rung.delete(call.id); // invited anew, it is received anew
      this.emit('calls:changed');
    },
    accepted: (call, acceptedBy, fromConnection) =>
      this.emit('call:accepted', call, acceptedBy, fromConnection),
    ended: (call) => this.#ended(call),
    lost: (call) => this.emit('call:lost', call),
    error: (error, call) => this.#error(error, call),
  };

  #ended(call) {
    if (this.#calls.get(call.id) === call) this.#calls.delete(call.id);
    this.#rung.delete(call.id);
    this.emit('call:end', call, call.outcome);
    this.emit('calls:changed');
  }

  #error(error, call) {
    if (error instanceof JsapiError && call) error.call = call;
    this.emit('error', error);
  }

  // The welcome of a new session lists every call that lives: what is missing has ended while
  // nobody was told.
  #welcomed(welcome) {
    this.#welcome = welcome;
    const snapshots = new Map((welcome.calls ?? []).map((snapshot) => [snapshot.callId, snapshot]));
    for (const call of this.calls) {
      if (!snapshots.has(call.id) && call.state !== 'opening') void this.#ascertain(call);
    }
    for (const snapshot of snapshots.values()) {
      const call = this.#calls.get(snapshot.callId) ?? this.#add(this.#described(snapshot));
      call.restore(snapshot);
    }
  }

  // Ends a call as the history of its chain says it ended; without an outcome where it does not.
  async #ascertain(call) {
    call.stop();
    const item = await this.#recorded(call).catch(() => null);
    const { outcomes = null, durationMs = null, reason = null } = item ?? {};
    call.finish({ outcome: outcomes?.[call.profileId] ?? reason, outcomes, durationMs });
  }

  // The item of a call in its chain; undefined when it is not among the latest.
  async #recorded({ id, chainId }) {
    let before = null;
    for (let page = 0; page < kPagesLookedThrough; page += 1) {
      const { items, more } = await this.history(chainId, { before, limit: kLongestPage });
      const found = items.find((item) => item.type === 'call' && item.id === id);
      if (found || !more) return found;
      before = items[0].id;
    }
    return undefined;
  }

  #received(message) {
    const { type, callId } = message;
    if (type === 'call.init') {
      this.#invited(message);
    } else if (type === 'text') {
      this.emit('text:received', messageOf(message));
    } else {
      this.#calls.get(callId)?.handle(message);
    }
  }

  // Another connection opened a call with us. What we do about it follows from our role.
  async #invited(message) {
    const call = this.#calls.get(message.callId) ?? this.#add(this.#described(message));
    call.handle(message);
    try {
      if (call.role === 'passive initiator') {
        await this.#session.request('call.pending', { callId: call.id });
      } else if (call.role === null) {
        await this.#session.request('call.ringing', { callId: call.id });
        call.ringing();
        if (!call.rings || this.#rung.has(call.id)) return;
        this.#rung.add(call.id);
        this.emit('call:received', call);
      }
    } catch (error) {
      // Over before we answered, or asked again on the next connection.
      const expected = ['ended', 'conflict'].includes(error.code) || error.kind === 'retry';
      if (!expected) this.#error(error, call);
    }
  }

  // A call somebody else opened: from an event or a snapshot.
  #described({ callId, chainId, from, to, settings }) {
    const own = this.#welcome.profiles;
    const profileId = own.includes(from) ? from : to.find((profile) => own.includes(profile)) ?? own[0];
    return { id: callId, chainId, from, to, settings, profileId };
  }
}

// Both ways to name the arguments of openCall, as one.
function callArguments(args) {
  const byName = args.length === 1 && typeof args[0] === 'object' && !Array.isArray(args[0]);
  const given = byName
    ? { ...args[0], options: args[0]?.settings }
    : { from: args[0], to: args[1], chainId: args[2], options: args[3] };
  const { from, chainId = null, immediate = true, replace = false, options } = given;
  const to = Array.isArray(given.to) ? [...given.to] : [given.to];
  if (typeof from !== 'string' || to.length === 0 || to.some((id) => typeof id !== 'string')) {
    throw badRequest('openCall needs the caller’s profile id and one or more profile ids to call.');
  }
  const wanted = { audio: options?.audio ?? true, video: options?.video ?? true };
  return { from, to, chainId, immediate, replace, wanted };
}

// ---- jsapi.js ----

// JSAPI: calls between users with several devices, from a web page. No dependencies, no UI.
//
//   import { JSAPI } from './jsapi.js';
//   await JSAPI.connect({ url: 'wss://calls.example.org/ws', token });
//   JSAPI.on('call:received', (call) => call.accept());
//   const call = JSAPI.openCall('alice', 'bob', null, { audio: true, video: true });
//   call.on('stream', ({ stream }) => (videoElement.srcObject = stream));



// A client of its own, for a page that holds more than one session.
function createClient(platform) {
  return new Client(platform);
}

const JSAPI = Object.assign(new Client(), { Call, Client, JsapiError, createClient });

globalThis.JSAPI = JSAPI;
})();
