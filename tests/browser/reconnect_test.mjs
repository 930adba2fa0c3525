// The WebSocket is cut while a call rings or runs, in Chromium and in Firefox. Its media does not go
// through the proxy, and must not notice.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launchChromium, launchFirefox } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { Proxy } from './support/proxy.mjs';
import { until } from './support/until.mjs';

let server;
before(async () => (server = await Parleyd.start({ limits: ['resume-window = 6s'] })));
after(() => server?.stop());

for (const [name, launch] of [['Chromium', launchChromium], ['Firefox', launchFirefox]]) {
  describe(name, () => {
    let browser;
    let proxy;
    let alice;
    let bob;
    before(async () => {
      browser = await launch();
      proxy = await Proxy.start(server);
      alice = await Device.open(browser, server, 'alice');
      // The one whose network is bad.
      bob = await Device.open(browser, server, 'bob', { url: proxy.url });
    });
    after(async () => {
      await browser?.close();
      await proxy?.stop();
    });

    async function talk() {
      const callId = await alice.call('bob');
      await bob.rings(callId);
      await bob.accept();
      await Promise.all([alice.receives('bob'), bob.receives('alice')]);
    }
    const states = async () => (await bob.events('connection:state')).map(([, state]) => state);
    const isBack = (times) =>
      until(`bob is connected for the ${times}th time`, async () =>
        (await states()).filter((state) => state === 'connected').length === times,
      { describe: states });

    test('cut while it rings: it rings on, and is accepted over the next socket', async () => {
      const callId = await alice.call('bob');
      await bob.rings(callId);
      proxy.cut();
      await isBack(2);
      assert.equal((await bob.look()).state, 'ringing');
      await bob.accept();
      await Promise.all([alice.receives('bob'), bob.receives('alice')]);
      await alice.hangup();
      await Promise.all([alice.ends('completed'), bob.ends('completed')]);
      // Told once, not once for each socket.
      const received = await bob.events('call:received');
      assert.equal(received.filter(([, id]) => id === callId).length, 1);
    });

    test('cut while it rings, and the caller gives up meanwhile: bob learns how it ended', async () => {
      const callId = await alice.call('bob');
      await bob.rings(callId);
      proxy.down();
      await until('bob is without a connection', async () => (await states()).at(-1) === 'reconnecting');
      await alice.hangup();
      await alice.ends('cancelled');
      proxy.up();
      await bob.ends('cancelled');
      const ends = (await bob.events('call:end')).filter(([, id]) => id === callId);
      assert.equal(ends.length, 1);
    });

    test('cut in a call: media goes on, nothing is made anew, what was missed is told', async () => {
      const made = await bob.peerConnections();
      const endsBefore = (await bob.events('streamend')).length;
      await talk();
      const before = await bob.connectionIdNow();
      const times = (await states()).filter((state) => state === 'connected').length;
      proxy.down();
      await until('bob is without a connection', async () => (await states()).at(-1) === 'reconnecting');
      // Both sides go on hearing and seeing each other while there is no socket at all.
      await Promise.all([alice.receives('bob'), bob.receives('alice')]);
      assert.equal((await states()).at(-1), 'reconnecting');
      await alice.mute('audio');
      proxy.up();
      await isBack(times + 1);
      assert.equal(await bob.connectionIdNow(), before);
      await until('bob sees that alice is muted', async () => {
        const { participants } = await bob.look();
        return participants.some(({ profileId, audio }) => profileId === 'alice' && !audio);
      }, { describe: () => bob.look() });
      await alice.unmute('audio');
      await Promise.all([alice.receives('bob'), bob.receives('alice')]);
      assert.equal(await bob.peerConnections(), made + 1);
      assert.equal((await bob.events('streamend')).length, endsBefore);
      await bob.hangup();
      await Promise.all([alice.ends('completed'), bob.ends('completed')]);
    });

    test('cut for longer than the window: lost for the others, and bob learns it afterwards', async () => {
      await talk();
      proxy.down();
      await alice.ends('completed');
      const { participants } = await alice.look();
      assert.equal(participants.find(({ profileId }) => profileId === 'bob').outcome, 'lost');
      proxy.up();
      await bob.ends('lost');
      // And can be called again.
      await talk();
      await alice.hangup();
      await Promise.all([alice.ends('completed'), bob.ends('completed')]);
    });
  });
}
