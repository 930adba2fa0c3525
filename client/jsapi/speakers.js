// Who is speaking, from the audio level that stands in each RTP packet (RFC 6464).

// Our choice: five looks a second follow speech without flicker.
const kLookEveryMs = 200;
// About -40 dBov; background noise of a quiet room is below.
const kSpeakingLevel = 0.01;
// Pauses between words are shorter.
const kHoldMs = 600;

export class Speakers {
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
