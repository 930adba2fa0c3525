// Texts, history and several devices in the demo page, and that it comes back to a true picture by
// itself: after a reload, without a network, and after the server was killed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launchChromium, launchFirefox } from './support/browsers.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { Proxy } from './support/proxy.mjs';
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

// Waits until the last entries of the open conversation are `wanted`: [kind, text, mine, state]; a
// text is compared by what it contains.
async function ends(screen, ...wanted) {
  await until(
    `${screen.name} shows ${JSON.stringify(wanted)}`,
    async () => {
      const line = (await screen.line()).slice(-wanted.length);
      return line.length === wanted.length && line.every(({ kind, text, mine, state }, i) => {
        const [wantedKind, part, isMine, wantedState = 'sent'] = wanted[i];
        return kind === wantedKind && text.includes(part) && mine === isMine && state === wantedState;
      });
    },
    { describe: async () => ({ line: await screen.line(), text: await screen.text() }) },
  );
}

test('texts, a call and a missed call in one time line, on both sides and after a reload', async () => {
  const alice = await open('ann', 'Laptop', { contacts: 'ben' });
  const ben = await open('ben', 'Phone', { contacts: 'ann', viewport: kPhone });
  await alice.press('ben');
  const nasty = '<b>Hi</b> <img src=x onerror=alert(1)> & "you"';
  await alice.write(nasty);
  await ends(alice, ['text', nasty, true]);
  await ben.says('ann');
  await ben.press('ann');
  await ends(ben, ['text', nasty, false]);
  await ben.write('Call me?');
  await ends(alice, ['text', nasty, true], ['text', 'Call me?', false]);

  await alice.press('Video call');
  await ben.press('Accept');
  await Promise.all([alice.shows(2), ben.shows(2)]);
  await ben.press('Hang up');
  await ends(alice, ['text', 'Call me?', false], ['call', 'Outgoing video call', true]);
  await ends(ben, ['call', 'Incoming video call', false]);

  await alice.press('Audio call');
  await ben.says('Audio call');
  await alice.press('Hang up');
  await ends(alice, ['call', 'you stopped calling', true]);
  await ben.says('Missed call from ann');
  await ends(ben, ['call', 'Missed audio call', false]);
  await ben.picture('10-time-line-phone');
  await alice.picture('10-time-line');

  // The server has all of it.
  await alice.page.reload();
  await alice.press('ben');
  await ends(
    alice,
    ['text', nasty, true],
    ['text', 'Call me?', false],
    ['call', 'Outgoing video call', true],
    ['call', 'you stopped calling', true],
  );
  await closeAll([alice, ben]);
});

test('who was not there finds the missed call with a badge, which goes when it is looked at', async () => {
  const cem = await open('cem', 'Laptop', { contacts: 'dora' });
  await cem.press('dora');
  await cem.write('Are you there?');
  await cem.press('Video call');
  await cem.press('Hang up');
  await ends(cem, ['call', 'Outgoing video call', true]);

  const dora = await open('dora', 'Phone', { viewport: kPhone });
  await dora.says('Missed video call');
  const badge = () => dora.page.evaluate(() => document.getElementById('missed-badge').checkVisibility());
  assert.equal(await badge(), true);
  await dora.picture('11-missed-badge-phone');
  await dora.press('cem');
  await ends(dora, ['text', 'Are you there?', false], ['call', 'Missed video call', false]);
  await until('the badge is gone', async () => !(await badge()));
  await closeAll([cem, dora]);
});

test('two tabs of one user: both ring, one accepts; what one writes the other shows', async () => {
  const one = await open('eve', 'Tab 1', { contacts: 'fred' });
  const two = await open('eve', 'Tab 2', { contacts: 'fred', context: one.context });
  const fred = await open('fred', 'Laptop', { contacts: 'eve' });
  await fred.press('eve');
  await fred.press('Video call');
  await Promise.all([one.says('fred is calling'), two.says('fred is calling')]);
  await one.press('Accept');
  await Promise.all([one.shows(2), fred.shows(2)]);
  await two.says('Answered on your other device');
  await two.says('In a call on another device');
  await until('the other tab rings no more', () =>
    two.page.evaluate(() => !document.getElementById('incoming').checkVisibility()));
  assert.equal(await two.page.evaluate(() => document.getElementById('missed-badge').hidden), true);

  // From one tab to the other, and fred sees nothing of it but the picture going on.
  await two.press('Take over here');
  await two.shows(2);
  await one.says('In a call on another device');
  await fred.shows(2);
  await one.picture('12-take-over-here');

  await two.press('Chat');
  await two.write('Written in the second tab');
  await one.press('fred');
  await ends(one, ['text', 'Written in the second tab', true]);
  await fred.press('Chat');
  await ends(fred, ['text', 'Written in the second tab', false]);
  await fred.press('Hang up');
  await Promise.all([one, two].map((tab) => tab.saysNoMore('In a call on another device')));
  await closeAll([two, one, fred]);
});

test('a reloaded page gets its call back', async () => {
  const gina = await open('gina', 'Laptop', { contacts: 'hugo' });
  const hugo = await open('hugo', 'Laptop', { contacts: 'gina' });
  await gina.press('hugo');
  await gina.press('Video call');
  await hugo.press('Accept');
  await Promise.all([gina.shows(2), hugo.shows(2)]);
  await hugo.page.reload();
  await hugo.shows(2);
  await gina.saysNoMore('reconnecting');
  await gina.shows(2);
  await gina.press('Hang up');
  await hugo.says('Call ended');
  await closeAll([gina, hugo]);
});

test('without a network the page says so; what is written meanwhile is sent afterwards, in order', async () => {
  const proxy = await Proxy.start(server);
  const lara = await open('lara', 'Laptop', { contacts: 'max', url: proxy.url });
  const max = await open('max', 'Laptop', { contacts: 'lara' });
  await lara.press('max');
  await lara.write('First');
  await max.press('lara');
  await ends(max, ['text', 'First', false]);
  proxy.down();
  await lara.says('What you write is sent as soon as the connection is back.');
  await lara.write('Second');
  await lara.write('Third');
  await ends(lara, ['text', 'Second', true, 'sending'], ['text', 'Third', true, 'sending']);
  await lara.picture('14-no-network');
  await max.write('Meanwhile');
  proxy.up();
  await ends(max, ['text', 'Second', false], ['text', 'Third', false]);
  await until('lara has everything, once', async () => {
    const texts = (await lara.line()).map(({ text, state }) => `${text} ${state}`).sort();
    return texts.join() === ['First sent', 'Meanwhile sent', 'Second sent', 'Third sent'].join();
  }, { describe: () => lara.line() });
  await max.close();
  await lara.close({ offline: true });
  await proxy.stop();
});

test('the server is killed and comes back: pages reconnect to a true picture by themselves', async () => {
  const nora = await open('nora', 'Laptop', { contacts: 'otto' });
  const otto = await open('otto', 'Phone', { contacts: 'nora', viewport: kPhone });
  await nora.press('otto');
  await nora.write('Before the crash');
  await ends(nora, ['text', 'Before the crash', true]);
  await nora.press('Video call');
  await otto.press('Accept');
  await Promise.all([nora.shows(2), otto.shows(2)]);
  await server.kill();
  await nora.says('Reconnecting…');
  await server.restart();
  for (const screen of [nora, otto]) await screen.says('The call did not work');
  await ends(nora, ['text', 'Before the crash', true], ['call', 'it did not work', true]);
  await ends(otto, ['text', 'Before the crash', false], ['call', 'it did not work', false]);
  // And all is as before.
  await otto.write('After the crash');
  await ends(nora, ['text', 'After the crash', false]);
  await Promise.all([nora, otto].map((screen) => screen.close({ offline: true })));
});

test('the demo in Firefox: a text, a call with Chromium, and what stands there of it', async () => {
  const firefox = await launchFirefox();
  try {
    const pia = await Screen.open(firefox, server, 'pia', 'Laptop', { contacts: 'quinn' });
    const quinn = await open('quinn', 'Laptop', { contacts: 'pia' });
    await pia.press('quinn');
    await pia.write('From Firefox');
    await quinn.press('pia');
    await ends(quinn, ['text', 'From Firefox', false]);
    await quinn.press('Video call');
    await pia.press('Accept');
    await Promise.all([pia.shows(2), quinn.shows(2)]);
    await pia.press('Hang up');
    await ends(pia, ['text', 'From Firefox', true], ['call', 'Incoming video call', false]);
    await ends(quinn, ['call', 'Outgoing video call', true]);
    await pia.picture('15-firefox');
    await quinn.close();
    await pia.close();
  } finally {
    await firefox.close();
  }
});
