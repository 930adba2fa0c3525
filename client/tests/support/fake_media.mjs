// Stand-ins for the browser's media objects. A session description is a JSON list of m-lines,
// [{mid, kind, direction, stopped}], which is all that JSAPI ever acts on.

export class FakeTrack {
  constructor(kind, label) {
    this.kind = kind;
    this.label = label;
    this.enabled = true;
    this.readyState = 'live';
  }
  stop() {
    this.readyState = 'ended';
  }
  // The system takes the device away.
  vanishes() {
    this.readyState = 'ended';
    this.onended?.();
  }
}

export class FakeStream {
  #tracks;
  constructor(tracks = []) {
    this.#tracks = [...tracks];
  }
  getTracks() {
    return [...this.#tracks];
  }
  getAudioTracks() {
    return this.#tracks.filter((track) => track.kind === 'audio');
  }
  getVideoTracks() {
    return this.#tracks.filter((track) => track.kind === 'video');
  }
  addTrack(track) {
    if (!this.#tracks.includes(track)) this.#tracks.push(track);
  }
  removeTrack(track) {
    this.#tracks = this.#tracks.filter((other) => other !== track);
  }
}

// navigator.mediaDevices; `refuse` names the kinds that are not allowed, by error name.
export class FakeDevices {
  opened = []; // every track ever handed out
  calls = []; // constraints asked for
  refuse = {};
  gate = Promise.resolve(); // the permission prompt
  listeners = new Set(); // to devicechange

  get api() {
    return {
      addEventListener: (event, listener) => this.listeners.add(listener),
      removeEventListener: (event, listener) => this.listeners.delete(listener),
      getUserMedia: (constraints) => this.#open(constraints, 'audio', 'video'),
      getDisplayMedia: () => this.#open({ screen: true }, 'screen'),
    };
  }
  get live() {
    return this.opened.filter((track) => track.readyState === 'live');
  }
  // Something was plugged in or out.
  change() {
    for (const listener of [...this.listeners]) listener();
  }
  async #open(constraints, ...kinds) {
    this.calls.push(constraints);
    await this.gate;
    const wanted = kinds.filter((kind) => constraints[kind]);
    for (const kind of wanted) {
      if (this.refuse[kind]) throw new DOMException('refused', this.refuse[kind]);
    }
    const tracks = wanted.map((kind) => new FakeTrack(kind === 'screen' ? 'video' : kind, kind));
    this.opened.push(...tracks);
    return new FakeStream(tracks);
  }
}

class FakeTransceiver {
  currentDirection = null;
  direction = 'recvonly';
  parameters = { encodings: [{}] };
  constructor(mid, kind) {
    this.mid = mid;
    const transceiver = this;
    this.receiver = {
      track: new FakeTrack(kind, `remote ${mid}`),
      sources: [],
      getSynchronizationSources() {
        return this.sources;
      },
      counted: { packetsReceived: 7, jitter: 0.002 },
      async getStats() {
        return new Map([
          ['C', { id: 'C', type: 'codec', mimeType: 'audio/opus' }],
          ['I', { id: 'I', type: 'inbound-rtp', codecId: 'C', ...this.counted }],
        ]);
      },
    };
    this.sender = {
      track: null,
      async replaceTrack(track) {
        this.track = track;
      },
      getParameters: () => structuredClone(transceiver.parameters),
      async setParameters(parameters) {
        transceiver.parameters = parameters;
      },
      counted: { packetsSent: 5 },
      reported: { packetsLost: 1, jitter: 0.001 }, // by whoever receives it
      async getStats() {
        return new Map([
          ['O', { id: 'O', type: 'outbound-rtp', ...this.counted }],
          ['R', { id: 'R', type: 'remote-inbound-rtp', ...this.reported }],
        ]);
      },
    };
  }
}

export class FakePeerConnection {
  connectionState = 'new';
  closed = false;
  localDescription = null;
  roundTripS = 0.004;
  #lines = [];
  #transceivers = [];

  constructor(configuration) {
    this.configuration = configuration;
  }
  getTransceivers() {
    return [...this.#transceivers];
  }
  transceiver(mid) {
    return this.#transceivers.find((transceiver) => transceiver.mid === mid);
  }
  async setRemoteDescription({ type, sdp }) {
    if (type !== 'offer') throw new Error('only offers come from the server');
    this.#lines = JSON.parse(sdp.replace(/^o=.*\n/, ''));
    for (const line of this.#lines) {
      const known = this.transceiver(line.mid);
      if (line.stopped) {
        if (known) known.direction = 'stopped';
      } else if (!known) {
        this.#transceivers.push(new FakeTransceiver(line.mid, line.kind));
      }
    }
  }
  async createAnswer() {
    const lines = this.#lines.map(({ mid, kind, direction, stopped }) => {
      const ours = stopped ? 'inactive' : this.transceiver(mid).direction;
      const fits = { sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' }[direction];
      return { mid, kind, direction: ours === fits ? ours : 'inactive' };
    });
    return { type: 'answer', sdp: JSON.stringify(lines) };
  }
  async setLocalDescription(description) {
    this.localDescription = description;
    for (const { mid, direction } of JSON.parse(description.sdp)) {
      const transceiver = this.transceiver(mid);
      if (transceiver) transceiver.currentDirection = direction;
    }
  }
  async getStats() {
    return new Map([['P', { type: 'candidate-pair', currentRoundTripTime: this.roundTripS }]]);
  }
  becomes(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  close() {
    this.closed = true;
  }
}

// The server's two base m-lines, as in every offer.
export const kBase = [
  { mid: '00', kind: 'audio', direction: 'recvonly' },
  { mid: '01', kind: 'video', direction: 'recvonly' },
];

// An offer with the base m-lines of `own` and further ones: [{mid, profileId, source, …}].
export function offer(rev, own, others = []) {
  const kindOf = (source) => (source === 'mic' || source === 'screen-audio' ? 'audio' : 'video');
  const lines = others.map(({ mid, profileId, source, stopped }) => ({
    mid,
    stopped,
    kind: kindOf(source),
    direction: stopped ? 'inactive' : profileId === own ? 'recvonly' : 'sendonly',
  }));
  const base = [
    { mid: '00', profileId: own, source: 'mic', kind: 'audio' },
    { mid: '01', profileId: own, source: 'camera', kind: 'video' },
  ];
  const tracks = others
    .filter(({ stopped }) => !stopped)
    .map(({ mid, profileId, source }) => ({ mid, profileId, source, kind: kindOf(source) }));
  return { rev, sdp: JSON.stringify([...kBase, ...lines]), tracks: [...base, ...tracks] };
}
