import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clock, ending, isMissed, names, others, stateOf } from '../demo/words.js';

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
