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
export async function trackStats(lines) {
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
export function roundTripMs(reports) {
  const pair = [...reports.values()].find(
    (report) => report.type === 'candidate-pair' && report.currentRoundTripTime !== undefined,
  );
  return pair && pair.currentRoundTripTime * 1000;
}
