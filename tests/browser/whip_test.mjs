// A page that publishes into a call by WHIP, and one that watches it by WHEP, with the module of
// docs/examples.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { launchChromium } from './support/browsers.mjs';
import { Device } from './support/device.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { until } from './support/until.mjs';

const kModule = readFileSync(new URL('../../docs/examples/whip.mjs', import.meta.url), 'utf8');

let server;
let browser;
let alice;
let bob;
before(async () => {
  server = await Parleyd.start({ grants: ['bridge'] });
  browser = await launchChromium();
  alice = await Device.open(browser, server, 'alice');
  bob = await Device.open(browser, server, 'bob');
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// A page without JSAPI, that has window.whip.
async function openPage() {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(`${server.url}/healthz`);
  await page.evaluate(`${kModule.replaceAll('export ', '')}; window.whip = { publish, watch };`);
  return page;
}

test('who publishes by WHIP is seen in the call, and by who watches by WHEP', async () => {
  const callId = await alice.call('bob');
  await bob.rings(callId);
  await bob.accept();
  await Promise.all([alice.receives('bob'), bob.receives('alice')]);

  const studio = await openPage();
  await studio.evaluate(
    async (url, token) => {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: true,
        video: { width: 320, height: 240, frameRate: 15 },
      });
      window.session = await window.whip.publish(url, token, stream);
    },
    `/whip/${callId}`,
    await server.token('studio'),
  );
  await Promise.all([alice.receives('studio'), bob.receives('studio')]);

  const viewer = await openPage();
  const token = await server.token('viewer');
  for (const shown of ['studio', 'alice']) {
    await viewer.evaluate(
      async (url, bearer) => {
        window.session = await window.whip.watch(url, bearer);
        const video = document.createElement('video');
        video.muted = true;
        video.srcObject = window.session.stream;
        document.body.replaceChildren(video);
        video.play().catch(() => {});
      },
      `/whep/${callId}?profile=${shown}`,
      token,
    );
    // Decoded pictures, and sound that is no silence of the decoder's own making.
    const figures = () => viewer.evaluate(async () => {
      const got = { frames: 0, samples: 0 };
      for (const s of (await window.session.pc.getStats()).values()) {
        if (s.type !== 'inbound-rtp') continue;
        if (s.kind === 'video') got.frames += s.framesDecoded;
        else got.samples += s.totalSamplesReceived - s.concealedSamples;
      }
      return got;
    });
    await until(`${shown} is watched`, async () => {
      const { frames, samples } = await figures();
      return frames > 5 && samples > 4800;
    }, { describe: figures });
    await viewer.evaluate(() => window.session.end());
  }

  await studio.evaluate(() => window.session.end());
  await until('the studio has left', async () =>
    (await alice.events('streamend')).some(([, profile]) => profile === 'studio'));
  const refused = await viewer.evaluate(
    (url, bearer) => window.whip.watch(url, bearer).catch((error) => error.message),
    `/whep/${callId}?profile=nobody`,
    token,
  );
  assert.match(refused, /no part/);
});
