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
    lost: ['Connection lost', `Your device lost its connection to the call. Call ${who} again.`],
    superseded: ['Call replaced', 'A newer call took the place of this one.'],
    kicked: ['Removed from the call', 'Somebody in charge removed you from the call.'],
    shutdown: ['The server was stopped', 'Wait until it is back, then call again.'],
    failed: ['The call did not work', call.error?.message ?? 'Check the connection, then try again.'],
  }[call.outcome] ?? ['Call ended', 'It ended while this device had no connection.'];
  return { title: told[0], text: told[1] };
}

// Whether the call shall stand among the missed ones.
export function isMissed(call) {
  const unheard = ['missed', 'cancelled', 'unreachable'].includes(call.outcome);
  return unheard && call.from !== call.profileId;
}

// A call of the history for `own` (this user's profiles), in the shape of a call that has ended.
export function pastCall(item, own) {
  const profileId = [item.from, ...item.to].find((id) => own.includes(id)) ?? null;
  return { ...item, profileId, outcome: item.outcomes?.[profileId] ?? null };
}

// What stands in the time line for a call: {title, detail, direction, missed, live}. `direction` is
// 'out', 'in', 'missed', or 'none' for a call that this user had no part in.
export function callLine(item, own) {
  const call = pastCall(item, own);
  const kind = item.settings?.video === false ? 'audio call' : 'video call';
  const group = item.to.length > 1 ? 'group ' : '';
  const mine = call.profileId === item.from;
  const live = item.endedAt === undefined || item.endedAt === null;
  if (call.profileId === null) {
    const detail = live ? 'going on' : item.durationMs > 0 ? duration(item.durationMs) : '';
    return { title: `${item.from} called ${names(item.to)}`, detail, direction: 'none', missed: false, live };
  }
  if (live) {
    return { title: capital(`${group}${kind}`), detail: 'going on', direction: mine ? 'out' : 'in', missed: false, live };
  }
  if (isMissed(call)) {
    return { title: capital(`missed ${group}${kind}`), detail: whyMissed(call), direction: 'missed', missed: true, live };
  }
  const lasted = item.durationMs > 0 ? duration(item.durationMs) : '';
  const how = howItEnded(call, mine);
  return {
    title: capital(`${mine ? 'outgoing' : 'incoming'} ${group}${kind}`),
    detail: [lasted, how].filter(Boolean).join(' · '),
    direction: mine ? 'out' : 'in',
    missed: false,
    live,
  };
}

function whyMissed(call) {
  if (call.outcome === 'cancelled') return `${call.from} stopped calling`;
  return call.outcome === 'unreachable' ? 'no device was online' : 'no answer';
}

function howItEnded(call, mine) {
  const who = names(others(call));
  const words = {
    completed: call.durationMs > 0 ? '' : 'ended',
    cancelled: 'you stopped calling',
    rejected: mine ? `${who} declined` : 'you declined',
    busy: mine ? `${who} was busy` : 'you were busy',
    missed: `${who} did not answer`,
    unreachable: `${who} could not be reached`,
    lost: 'connection lost',
    superseded: 'replaced by a newer call',
    kicked: 'you were removed',
    shutdown: 'the server was stopped',
    failed: 'it did not work',
  };
  return words[call.outcome] ?? 'ended';
}

// One line about a conversation: {text, missed} of its last text or call.
export function preview(item, own, members) {
  if (!item) return { text: 'No messages yet', missed: false };
  if (item.type === 'text') {
    const mine = own.includes(item.from);
    const from = mine ? 'You: ' : members.length > 2 ? `${item.from}: ` : '';
    return { text: from + item.body.slice(0, 200), missed: false };
  }
  const line = callLine(item, own);
  return { text: line.missed || !line.detail ? line.title : `${line.title} · ${line.detail}`, missed: line.missed };
}

// "4:07", "1:02:33".
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? part : String(part).padStart(2, '0'))).join(':');
}

export function timeOfDay(at) {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

// "Today", "Yesterday", "Monday", "3 March 2026".
export function day(at, now = Date.now()) {
  const ago = daysBetween(at, now);
  if (ago === 0) return 'Today';
  if (ago === 1) return 'Yesterday';
  if (ago > 1 && ago < 7) return new Date(at).toLocaleDateString([], { weekday: 'long' });
  return new Date(at).toLocaleDateString([], { day: 'numeric', month: 'long', year: 'numeric' });
}

// For a list: the time of today, else the day.
export function shortTime(at, now = Date.now()) {
  const ago = daysBetween(at, now);
  if (ago === 0) return timeOfDay(at);
  if (ago === 1) return 'Yesterday';
  if (ago > 1 && ago < 7) return new Date(at).toLocaleDateString([], { weekday: 'short' });
  return new Date(at).toLocaleDateString([], { day: 'numeric', month: 'short' });
}

// Whole days as calendars count them: midnights in between. Rounded, for the days of 23 and 25 h.
function daysBetween(at, now) {
  const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} second${seconds === 1 ? '' : 's'}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} minute${minutes === 1 ? '' : 's'}`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return `${hours} h${rest > 0 ? ` ${rest} min` : ''}`;
}
