import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  callLine, clock, day, ending, isMissed, names, others, preview, stateOf,
} from '../demo/words.js';

const call = (members) => ({ from: 'alice', to: ['bob'], profileId: 'bob', durationMs: 0, ...members });

test('people are listed as one would say it', () => {
  assert.equal(names(['bob']), 'bob');
  assert.equal(names(['bob', 'carol']), 'bob and carol');
  assert.equal(names(['bob', 'carol', 'dave']), 'bob, carol and dave');
  assert.equal(names(['bob', 'carol', 'dave', 'erin']), 'bob, carol and 2 others');
  assert.deepEqual(others({ from: 'alice', to: ['bob', 'carol'], profileId: 'bob' }), ['alice', 'carol']);
});

test('every outcome has words of its own for the caller and for who was called', () => {
  const outcomes = [
    'completed', 'cancelled', 'rejected', 'busy', 'missed', 'unreachable', 'lost', 'superseded',
    'kicked', 'shutdown', 'failed',
  ];
  for (const profileId of ['alice', 'bob']) {
    const told = outcomes.map((outcome) => ending(call({ outcome, profileId })));
    for (const { title, text } of told) assert.ok(title && text.endsWith('.'), `${title}: ${text}`);
    assert.equal(new Set(told.map(({ text }) => text)).size, outcomes.length);
  }
  assert.equal(ending(call({ outcome: null })).title, 'Call ended');
  assert.match(ending(call({ outcome: 'completed', durationMs: 83_000 })).text, /1 minute\./);
  assert.equal(ending(call({ outcome: 'failed', error: { message: 'Not yours.' } })).text, 'Not yours.');
});

test('who did not hear a call has missed it; who made it has not', () => {
  assert.equal(isMissed(call({ outcome: 'cancelled' })), true);
  assert.equal(isMissed(call({ outcome: 'missed' })), true);
  assert.equal(isMissed(call({ outcome: 'rejected' })), false);
  assert.equal(isMissed(call({ outcome: 'missed', profileId: 'alice' })), false);
});

test('participants and times are told in words', () => {
  assert.equal(stateOf({ state: 'ringing', outcome: null }), 'ringing…');
  assert.equal(stateOf({ state: 'left', outcome: 'rejected' }), 'declined');
  assert.equal(stateOf({ state: 'left', outcome: null }), 'left');
  assert.equal(clock(7_000), '0:07');
  assert.equal(clock(247_000), '4:07');
  assert.equal(clock(3_753_000), '1:02:33');
});

test('a call in the time line says who called, whether it was missed, and how it ended', () => {
  const item = (members) => ({
    type: 'call', id: 'c', from: 'alice', to: ['bob'], settings: { audio: true, video: true },
    at: 1, endedAt: 2, durationMs: 0, outcomes: {}, ...members,
  });
  const said = (own, members) => {
    const { title, detail, direction } = callLine(item(members), own);
    return [title, detail, direction];
  };
  const both = (outcome) => ({ outcomes: { alice: outcome, bob: outcome } });
  const lasted = { ...both('completed'), durationMs: 247_000 };
  assert.deepEqual(said(['alice'], lasted), ['Outgoing video call', '4 minutes', 'out']);
  assert.deepEqual(said(['bob'], lasted), ['Incoming video call', '4 minutes', 'in']);
  assert.deepEqual(said(['bob'], both('missed')), ['Missed video call', 'no answer', 'missed']);
  assert.deepEqual(said(['bob'], both('cancelled')), ['Missed video call', 'alice stopped calling', 'missed']);
  assert.deepEqual(said(['alice'], both('missed')), ['Outgoing video call', 'bob did not answer', 'out']);
  assert.deepEqual(said(['alice'], both('busy')), ['Outgoing video call', 'bob was busy', 'out']);
  assert.deepEqual(said(['bob'], both('rejected')), ['Incoming video call', 'you declined', 'in']);
  const audio = { ...both('unreachable'), settings: { audio: true, video: false } };
  assert.deepEqual(said(['bob'], audio), ['Missed audio call', 'no device was online', 'missed']);
  assert.deepEqual(said(['alice'], { endedAt: undefined }), ['Video call', 'going on', 'out']);
  const group = { to: ['bob', 'carol'], outcomes: { alice: 'completed', bob: 'missed' } };
  assert.deepEqual(said(['bob'], group), ['Missed group video call', 'no answer', 'missed']);
  // A member of the chain that had no part in this call.
  assert.deepEqual(said(['dave'], lasted), ['alice called bob', '4 minutes', 'none']);
});

test('a conversation is summed up by its last text or call', () => {
  const words = (from) => ({ type: 'text', id: 't', from, body: 'Hello', at: 1 });
  assert.equal(preview(words('alice'), ['alice'], ['alice', 'bob']).text, 'You: Hello');
  assert.equal(preview(words('bob'), ['alice'], ['alice', 'bob']).text, 'Hello');
  assert.equal(preview(words('bob'), ['alice'], ['alice', 'bob', 'carol']).text, 'bob: Hello');
  assert.equal(preview(null, ['alice'], ['alice', 'bob']).text, 'No messages yet');
});

test('days are named as one would say them', () => {
  const now = new Date(2026, 2, 15, 9, 30).getTime();
  assert.equal(day(new Date(2026, 2, 15, 0, 1).getTime(), now), 'Today');
  assert.equal(day(new Date(2026, 2, 14, 23, 59).getTime(), now), 'Yesterday');
  assert.match(day(new Date(2025, 2, 14).getTime(), now), /2025/);
});
