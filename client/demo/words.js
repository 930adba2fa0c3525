// What the page says, in plain words.

// "bob", "bob and carol", "bob, carol and 2 others".
export function names(ids) {
  if (ids.length <= 2) return ids.join(' and ');
  if (ids.length === 3) return `${ids[0]}, ${ids[1]} and ${ids[2]}`;
  return `${ids[0]}, ${ids[1]} and ${ids.length - 2} others`;
}

// The others in `call`, from this device's point of view.
export function others(call) {
  return [call.from, ...call.to].filter((id) => id !== call.profileId);
}

const kStates = {
  inviting: 'calling…',
  ringing: 'ringing…',
  active: 'in the call',
  reconnecting: 'reconnecting…',
  left: 'left',
};
const kOutcomes = {
  completed: 'left',
  cancelled: 'cancelled',
  rejected: 'declined',
  busy: 'busy',
  missed: 'no answer',
  unreachable: 'not reachable',
  lost: 'connection lost',
  superseded: 'replaced',
  kicked: 'removed',
  shutdown: 'server stopped',
  failed: 'failed',
};

// One participant of a live call: "ringing…", "declined".
export function stateOf({ state, outcome }, isCaller) {
  if (state === 'left' && outcome) return kOutcomes[outcome];
  if (isCaller && state === 'inviting') return 'caller';
  return kStates[state];
}

// How an ended call is told: {title, text}.
export function ending(call) {
  const who = names(others(call));
  const mine = call.from === call.profileId;
  const lasted = call.durationMs > 0 ? `It lasted ${duration(call.durationMs)}.` : '';
  const told = {
    completed: ['Call ended', lasted || `The call with ${who} is over.`],
    cancelled: mine
      ? ['Call cancelled', `You stopped calling ${who}.`]
      : ['Missed call', `${call.from} stopped calling before anybody answered.`],
    rejected: mine
      ? ['Call declined', `${who} did not take the call. Try again later.`]
      : ['Call declined', `You declined the call from ${call.from}.`],
    busy: mine
      ? ['Busy', `${who} is busy. Try again later.`]
      : ['Call declined', `You told ${call.from} that you are busy.`],
    missed: mine
      ? ['No answer', `${who} did not answer. Try again later.`]
      : ['Missed call', `${call.from} called and you did not answer.`],
    unreachable: mine
      ? ['Not reachable', `${who} has no device online. Try again later.`]
      : ['Missed call', `${call.from} called while no device answered.`],
    lost: ['Connection lost', `This device lost its connection to the call. Call ${who} again.`],
    superseded: ['Call replaced', 'A newer call took the place of this one.'],
    kicked: ['Removed from the call', 'Somebody in charge removed you from the call.'],
    shutdown: ['The server was stopped', 'Wait until it is back, then call again.'],
    failed: ['The call did not work', call.error?.message ?? 'Check the connection, then try again.'],
  }[call.outcome] ?? ['Call ended', 'It ended while this device had no connection.'];
  return { title: told[0], text: told[1] };
}

// Whether the call shall stand in the list of missed ones.
export function isMissed(call) {
  const unheard = ['missed', 'cancelled', 'unreachable'].includes(call.outcome);
  return unheard && call.from !== call.profileId;
}

// "4:07", "1:02:33".
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? part : String(part).padStart(2, '0'))).join(':');
}

function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} second${seconds === 1 ? '' : 's'}`;
  const minutes = Math.round(seconds / 60);
  return `${minutes} minute${minutes === 1 ? '' : 's'}`;
}
