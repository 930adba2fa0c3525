// Recording, going live and mixing by the demo page, in a real call.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { Screen } from './support/screen.mjs';
import { until } from './support/until.mjs';

const kGrants = ['record', 'mix', 'bridge'];

let server;
let browser;
before(async () => {
  server = await Parleyd.start({ grants: kGrants });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (...args) => Screen.open(browser, server, ...args);
const visible = (screen, id) =>
  screen.page.evaluate((name) => document.getElementById(name).checkVisibility(), id);
// Waits until the video `selector` names plays.
const plays = (screen, selector) =>
  until(`${screen.name} plays ${selector}`, () =>
    screen.page.evaluate((name) => {
      const video = document.querySelector(name);
      return Boolean(video) && video.videoWidth > 0 && video.currentTime > 0.5;
    }, selector), { timeoutMs: 30_000, describe: () => screen.text() });

test('a call is recorded with consent, sent live, mixed, and looked at afterwards', async () => {
  const alice = await open('alice', 'Laptop', { contacts: 'bob' });
  const bob = await open('bob', 'Laptop', { contacts: 'alice', dark: true });
  await alice.press('bob');
  await alice.press('Video call');
  await bob.press('Accept');
  await Promise.all([alice.shows(2), bob.shows(2)]);

  // Recording: who asks for it agrees by that, the other one is asked.
  await alice.press('Record');
  await bob.says('May you be in the recording?');
  await bob.picture('13-consent');
  await bob.press('I agree');
  for (const screen of [alice, bob]) {
    await until(`${screen.name} shows that it is recorded`, async () =>
      (await screen.page.evaluate(() => document.getElementById('call-recording').innerText)).includes('Recording'));
  }

  // Live, with a preview by hls.js.
  await alice.press('More');
  await alice.press('Go live');
  await plays(alice, '#live-preview');
  await alice.picture('14-live');
  await until('bob is told', () => visible(bob, 'call-live'));
  await alice.press('End the broadcast');
  await until('bob is told of the end', async () => !(await visible(bob, 'call-live')));

  // One picture of all, for one of them; bob's call goes on as it was.
  await alice.press('for me');
  await plays(alice, '.tile.mix-tile video');
  await alice.press('Close');
  await alice.picture('15-mixed');
  await bob.shows(2);
  await alice.press('More');
  await alice.press('for me');
  await alice.press('Close');
  await alice.shows(2);

  await alice.press('Stop');
  await until('bob is not recorded any more', async () => !(await visible(bob, 'call-recording')));
  await alice.press('Hang up');
  await bob.says('Call ended');

  // What was recorded plays, and can be deleted.
  await alice.press('Recordings');
  await alice.press('Play');
  await until('the recording is there', () =>
    alice.page.evaluate(() => document.querySelector('.recording-files video')?.readyState >= 1));
  await alice.page.evaluate(() => document.querySelector('.recording-files video').play());
  await plays(alice, '.recording-files video');
  const seconds = await alice.page.evaluate(() => document.querySelector('.recording-files video').duration);
  assert.ok(seconds > 1, `${seconds} s were recorded`);
  await alice.picture('16-recordings');
  alice.page.once('dialog', (dialog) => dialog.accept());
  await alice.press('Delete');
  await until('it is gone', () => alice.page.evaluate(() => !document.querySelector('.recording')));
  await Promise.all([alice, bob].map((screen) => screen.close()));
});
