// Chromium and Firefox in one call, each as the caller once.

import { after, before, test } from 'node:test';

import { launchChromium, launchFirefox } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';

let server;
let chromium;
let firefox;
before(async () => {
  server = await Parleyd.start();
  [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
});
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await server?.stop();
});

async function talk(callerBrowser, receiverBrowser) {
  const caller = await Device.open(callerBrowser, server, 'alice');
  const receiver = await Device.open(receiverBrowser, server, 'bob');
  const callId = await caller.call('bob');
  await receiver.rings(callId);
  await receiver.accept();
  await Promise.all([caller.receives('bob'), receiver.receives('alice')]);
  await receiver.mute('video');
  await receiver.unmute('video');
  await caller.receives('bob');
  await caller.hangup();
  await Promise.all([caller.ends('completed'), receiver.ends('completed')]);
  await Promise.all([caller.close(), receiver.close()]);
}

test('Firefox calls, Chromium answers', () => talk(firefox, chromium));
test('Chromium calls, Firefox answers', () => talk(chromium, firefox));
