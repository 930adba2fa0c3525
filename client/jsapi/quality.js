// How well each participant gets through, from what the media connection has counted.

// Our choice: two seconds hold enough packets for a figure, and few enough to follow a change.
const kMeasureEveryMs = 2_000;
// The bounds of "good" and "fair". ITU-T G.114 calls 150 ms one way (300 ms there and back) fit for
// conversation, 400 ms the limit; Opus hides a few per cent of loss.
const kGood = { lossPercent: 2, roundTripMs: 300, jitterMs: 40 };
const kFair = { lossPercent: 8, roundTripMs: 800, jitterMs: 100 };
// Fewer packets than this in one look say nothing about loss.
const kFewPackets = 10;

export class Quality {
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
