// Ring tones made in the page: no sound files. Browsers play sound only after a first click or key.

// [frequencies in Hz, start in s, length in s], and the length of one round in s.
const kPatterns = {
  // What somebody hears who is called: a rising chime, twice.
  ring: {
    round: 3,
    notes: [0, 0.55].flatMap((at) => [
      [[659.3], at, 0.16],
      [[784], at + 0.15, 0.16],
      [[987.8], at + 0.3, 0.3],
    ]),
    volume: 0.22,
  },
  // What somebody hears who is called during a call: two short beeps, softly.
  waiting: { round: 4, notes: [[[440], 0, 0.12], [[440], 0.25, 0.12]], volume: 0.08 },
  // What the caller hears meanwhile: the ringing tone of European telephones, 425 Hz, 1 s of 5.
  ringback: { round: 5, notes: [[[425], 0, 1]], volume: 0.06 },
};

let context = null;
let playing = null; // {name, timer}

// Whether the browser lets this page be heard.
export function audible() {
  return context?.state === 'running';
}

// Makes sound possible; to be called in a click or key handler.
export function unlock() {
  context ??= new AudioContext();
  return context.state === 'suspended' ? context.resume().catch(() => {}) : Promise.resolve();
}

// Plays 'ring', 'waiting' or 'ringback' until told otherwise; null is silence.
export function play(name) {
  if ((playing?.name ?? null) === name) return;
  stop();
  if (!name) return;
  void unlock();
  const pattern = kPatterns[name];
  const round = () => {
    if (audible()) for (const note of pattern.notes) sound(note, pattern.volume);
    // Before the first touch a browser only complains.
    if (name === 'ring' && navigator.userActivation?.hasBeenActive) navigator.vibrate?.([300, 150, 300]);
  };
  const gain = context.createGain();
  gain.connect(context.destination);
  playing = { name, gain, timer: setInterval(round, pattern.round * 1000) };
  round();
  // The first click of the user, when there was none yet, is heard at once.
  playing.heard = () => context.state === 'running' && round();
  context.addEventListener('statechange', playing.heard);
}

function stop() {
  if (!playing) return;
  clearInterval(playing.timer);
  context.removeEventListener('statechange', playing.heard);
  playing.gain.disconnect(); // silences what is already scheduled
  playing = null;
}

function sound([frequencies, start, length], volume) {
  const begin = context.currentTime + start;
  const envelope = context.createGain();
  envelope.connect(playing?.gain ?? context.destination);
  envelope.gain.setValueAtTime(0, begin);
  envelope.gain.linearRampToValueAtTime(volume, begin + 0.02); // 20 ms against clicks
  envelope.gain.setValueAtTime(volume, begin + length - 0.05);
  envelope.gain.linearRampToValueAtTime(0, begin + length);
  for (const frequency of frequencies) {
    const oscillator = new OscillatorNode(context, { frequency, type: 'sine' });
    oscillator.connect(envelope);
    oscillator.start(begin);
    oscillator.stop(begin + length);
  }
}
