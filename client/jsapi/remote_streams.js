// The others' tracks as MediaStreams: microphone and camera of a participant make one stream,
// screen and screen sound another, what the server mixed a third. An m-line may serve one participant now and another later, so
// streams are rebuilt from what the latest offer says and never from what a track was before.

// 'camera' or 'screen': which of a participant's two streams a track belongs to; or 'mix'.
function streamOf(source) {
  if (source === 'mix') return source;
  return source === 'screen' || source === 'screen-audio' ? 'screen' : 'camera';
}

export class RemoteStreams {
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
