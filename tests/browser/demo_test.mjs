// The demo page as people use it for calls, by its buttons and words.

import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { Screen, kPhone } from './support/screen.mjs';
import { until } from './support/until.mjs';

let server;
let browser;
before(async () => {
  server = await Parleyd.start();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (...args) => Screen.open(browser, server, ...args);
const closeAll = (screens) => Promise.all(screens.map((screen) => screen.close()));

test('two people with two devices each hold a call by the demo page', async () => {
  const laptop = await open('alice', 'Laptop', { contacts: 'bob,carol' });
  const phone = await open('alice', 'Phone', { viewport: kPhone, contacts: 'bob,carol' });
  const bob = await open('bob', 'Laptop', { contacts: 'alice,carol', dark: true });
  const bobsPhone = await open('bob', 'Phone', { viewport: kPhone, dark: true, contacts: 'alice' });

  await laptop.press('bob');
  await laptop.says('Write to bob, or call.');
  await laptop.picture('1-idle');
  await phone.picture('1-idle-phone');
  await laptop.press('Video call');
  await bob.says('alice is calling');
  await bobsPhone.says('alice is calling');
  await laptop.says('Ringing…');
  await phone.says('Calling bob');
  await laptop.picture('2-ringing');
  await bob.picture('2-incoming');
  await bobsPhone.picture('2-incoming-phone');
  await phone.picture('2-elsewhere-phone');

  await bob.press('Accept');
  await Promise.all([laptop.shows(2), bob.shows(2)]);
  await phone.says('In a call on another device');
  await bobsPhone.says('In a call on another device');
  await bobsPhone.says('Answered on your other device');
  await laptop.picture('3-call');
  await bob.picture('3-call-dark');
  await bobsPhone.picture('3-elsewhere-phone');

  await bob.press('Mute');
  await until('alice sees that bob is muted', () =>
    laptop.page.evaluate(() => document.querySelector('[data-key=bob] .muted')?.checkVisibility()));
  await bob.press('Camera off');
  await laptop.shows(1);
  await laptop.picture('4-muted');
  await bob.press('Camera on');
  await bob.press('Unmute');
  await laptop.shows(2);

  await bobsPhone.press('Hang up'); // a passive device may
  for (const screen of [laptop, bob]) await screen.says('Call ended');
  for (const screen of [phone, bobsPhone]) await screen.saysNoMore('In a call on another device');
  // Where it was taken it was not missed, nor on the devices that stopped ringing.
  for (const screen of [bob, bobsPhone]) await screen.saysNoMore('Missed');
  await laptop.picture('5-ended');
  await closeAll([laptop, phone, bob, bobsPhone]);
});

test('a group call, shown on a phone too: leave, join again, and the end', async () => {
  const alice = await open('alice', 'Laptop', { contacts: 'bob,carol' });
  const bob = await open('bob', 'Phone', { viewport: kPhone, contacts: 'alice,carol', dark: true });
  const carol = await open('carol', 'Laptop', { contacts: 'alice,bob' });
  await alice.press('New');
  await alice.press('bob');
  await alice.press('carol');
  await alice.press('Start');
  await alice.press('Video call');
  await bob.press('Accept');
  await carol.press('Accept with audio only');
  await Promise.all([alice.shows(2), bob.shows(2), carol.shows(2)]);
  await alice.picture('6-group');
  await bob.picture('6-group-phone');

  await carol.press('Hang up');
  await carol.says('goes on without you');
  await carol.picture('7-left');
  await carol.press('Join');
  await alice.shows(3);
  await alice.picture('7-joined');
  for (const screen of [alice, bob, carol]) await screen.press('Hang up');
  for (const screen of [alice, bob, carol]) await screen.saysNoMore('goes on without you');
  await closeAll([alice, bob, carol]);
});

test('somebody is added to a call, declines, is added again, and writes to both afterwards', async () => {
  const ina = await open('ina', 'Laptop', { contacts: 'jon' });
  const jon = await open('jon', 'Laptop', { contacts: 'ina' });
  const kim = await open('kim', 'Phone', { viewport: kPhone });
  await ina.press('jon');
  await ina.press('Video call');
  await jon.press('Accept');
  await ina.shows(2);
  await jon.press('Add');
  await jon.page.type('#people-name', 'kim');
  await jon.press('Call');
  await kim.press('Decline');
  await jon.says('declined');
  await jon.press('Add');
  await jon.press('kim'); // is offered now
  await jon.press('Call');
  await kim.press('Accept');
  await Promise.all([ina, jon, kim].map((screen) => screen.shows(3)));
  await kim.picture('7-added-phone');
  for (const screen of [ina, jon, kim]) await screen.press('Hang up');
  await kim.says('This is where it began.');
  await kim.write('It was good to hear you both');
  for (const screen of [ina, jon]) await screen.says('It was good to hear you both');
  await closeAll([ina, jon, kim]);
});

test('a second call waits: hold the first, switch between them, and come back to it', async () => {
  const alice = await open('alice', 'Laptop', { contacts: 'bob,carol' });
  const bob = await open('bob', 'Laptop', { contacts: 'alice' });
  const carol = await open('carol', 'Laptop', { contacts: 'alice' });
  await alice.press('bob');
  await alice.press('Video call');
  await bob.press('Accept');
  await alice.shows(2);

  await carol.press('alice');
  await carol.press('Video call');
  await alice.says('carol is calling');
  await alice.shows(2); // the call with bob goes on meanwhile
  await alice.picture('8-waiting');
  await alice.press('Hold and accept');
  await alice.says('on hold');
  await Promise.all([alice.shows(2), carol.shows(2)]);
  await bob.shows(1); // nothing of alice
  await alice.picture('8-held');
  await alice.press('Switch');
  await Promise.all([bob.shows(2), carol.shows(1)]);
  await alice.press('Hang up'); // the first of two: the strip of carol's call
  await carol.says('Call ended');
  await bob.shows(2);
  await alice.press('Hang up');
  await bob.says('Call ended');
  await closeAll([alice, bob, carol]);
});

test('who is called and says "busy" is not missed; who does not answer is', async () => {
  const alice = await open('alice', 'Laptop', { contacts: 'bob' });
  const bob = await open('bob', 'Phone', { viewport: kPhone, contacts: 'alice' });
  await alice.press('bob');
  await alice.press('Audio call');
  await bob.press('I’m busy');
  await alice.says('bob is busy');
  await bob.saysNoMore('is calling');
  await bob.saysNoMore('Missed');

  await alice.press('Audio call');
  await bob.says('Audio call');
  await alice.press('Hang up');
  await alice.says('Call cancelled');
  await bob.says('Missed call from alice');
  await bob.picture('9-missed-phone');
  await closeAll([alice, bob]);
});

test('a page without a token asks for one, and says what is wrong with a bad one', async () => {
  const nobody = await open('', 'Laptop', { viewport: kPhone });
  await nobody.says('Connect this device');
  await nobody.picture('0-connect-phone');
  await nobody.page.type('#connect-token', 'not a token');
  await nobody.press('Connect');
  await until('the page says what is wrong', () =>
    nobody.page.evaluate(() => document.querySelector('.toast.error')?.checkVisibility()));
  await nobody.picture('0-refused-phone');
  await nobody.close();
});
