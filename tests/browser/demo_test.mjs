// The demo page as people use it, by its buttons and words; a picture of each step is kept in
// test-output/screenshots.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launchChromium } from './support/browsers.mjs';
import { Parleyd } from './support/parleyd.mjs';
import { until } from './support/until.mjs';

const kPictures = fileURLToPath(new URL('../../test-output/screenshots', import.meta.url));
const kLaptop = { width: 1100, height: 720 };
const kPhone = { width: 375, height: 700, isMobile: true, hasTouch: true };

let server;
let browser;
before(async () => {
  mkdirSync(kPictures, { recursive: true });
  server = await Parleyd.start();
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// Runs in the page: a camera that shows somebody, in place of the browser's test card.
function drawnCamera(hue) {
  if (!navigator.mediaDevices) return; // the blank page before ours
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = await real(constraints);
    const [testCard] = stream.getVideoTracks();
    if (!testCard) return stream;
    const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 270 });
    const brush = canvas.getContext('2d');
    const draw = () => {
      const sway = Math.sin(performance.now() / 700) * 8;
      const wall = brush.createLinearGradient(0, 0, 480, 270);
      wall.addColorStop(0, `hsl(${hue} 45% 78%)`);
      wall.addColorStop(1, `hsl(${hue + 40} 40% 55%)`);
      brush.fillStyle = wall;
      brush.fillRect(0, 0, 480, 270);
      brush.save();
      brush.translate(60, 5); // the person is drawn on 480 by 360
      brush.scale(0.75, 0.75);
      const ellipse = (colour, x, y, width, height) => {
        brush.fillStyle = colour;
        brush.beginPath();
        brush.ellipse(x, y, width, height, 0, 0, 2 * Math.PI);
        brush.fill();
      };
      ellipse(`hsl(${hue + 180} 40% 34%)`, 240 + sway / 2, 385, 150, 130); // shoulders
      ellipse('hsl(25 45% 62%)', 240 + sway, 255, 30, 45); // neck
      ellipse(`hsl(${hue / 8} 40% 22%)`, 240 + sway, 158, 78, 86); // hair
      ellipse('hsl(25 50% 70%)', 240 + sway, 178, 62, 76); // face
      ellipse('hsl(25 30% 25%)', 217 + sway, 170, 6, 7);
      ellipse('hsl(25 30% 25%)', 263 + sway, 170, 6, 7);
      brush.strokeStyle = 'hsl(5 45% 42%)';
      brush.lineWidth = 5;
      brush.beginPath();
      brush.arc(240 + sway, 198, 24, 0.15 * Math.PI, 0.85 * Math.PI);
      brush.stroke();
      brush.restore();
    };
    draw();
    const timer = setInterval(draw, 66);
    const [drawn] = canvas.captureStream(15).getVideoTracks();
    const stop = drawn.stop.bind(drawn);
    drawn.stop = () => {
      clearInterval(timer);
      testCard.stop();
      stop();
    };
    return new MediaStream([...stream.getAudioTracks(), drawn]);
  };
}
const kHues = { alice: 200, bob: 90, carol: 300 };

// A device with the demo page open, as a person sees it.
class Screen {
  static async open(profile, device, { viewport = kLaptop, dark = false, contacts = '' } = {}) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    const screen = new Screen();
    await page.evaluateOnNewDocument(drawnCamera, kHues[profile] ?? 0);
    Object.assign(screen, { context, page, name: `${profile}’s ${device}`, problems: [] });
    page.on('pageerror', (error) => screen.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') screen.problems.push(message.text());
    });
    await page.setViewport(viewport);
    const scheme = dark ? 'dark' : 'light';
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    const token = profile ? await server.token(profile) : '';
    const hash = new URLSearchParams({ token, device, contacts, quality: 'low' });
    await page.goto(`${server.url}/#${hash}`);
    if (profile) await screen.says('Who do you want to call?');
    return screen;
  }

  text() {
    return this.page.evaluate(() => document.body.innerText);
  }
  // Waits until `words` can be read.
  says(words) {
    return until(`${this.name} says "${words}"`, async () => (await this.text()).includes(words), {
      describe: () => this.text(),
    });
  }
  // Waits until `count` videos show moving pictures.
  shows(count) {
    return until(
      `${this.name} shows ${count} moving pictures`,
      async () =>
        (await this.page.evaluate(() =>
          [...document.querySelectorAll('.tile:not(.no-video) video')].filter(
            (video) => video.videoWidth > 0 && video.currentTime > 0.5,
          ).length,
        )) === count,
      { describe: () => this.text() },
    );
  }
  // Presses what bears `words`, as long as it is there and may be pressed.
  press(words) {
    return until(
      `${this.name} has "${words}" to press`,
      () =>
        this.page.evaluate((wanted) => {
          const named = [...document.querySelectorAll('button, label .name')].find(
            (element) => element.innerText.trim() === wanted && element.checkVisibility(),
          );
          if (!named || named.disabled || named.closest('[inert]')) return false;
          named.click();
          return true;
        }, words),
      { describe: () => this.text() },
    );
  }
  async picture(name) {
    await this.page.bringToFront();
    await this.page.screenshot({ path: join(kPictures, `${name}.png`) });
    // Nothing may stick out to the side.
    const width = await this.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= this.page.viewport().width, `${name} is ${width} pixels wide`);
  }
  async close() {
    assert.deepEqual(this.problems, [], this.name);
    await this.context.close();
  }
}

test('two people with two devices each hold a call by the demo page', async () => {
  const laptop = await Screen.open('alice', 'Laptop', { contacts: 'bob,carol' });
  const phone = await Screen.open('alice', 'Phone', { viewport: kPhone, contacts: 'bob,carol' });
  const bob = await Screen.open('bob', 'Laptop', { contacts: 'alice,carol', dark: true });
  const bobsPhone = await Screen.open('bob', 'Phone', { viewport: kPhone, dark: true, contacts: 'alice' });

  await laptop.press('bob');
  await laptop.says('Calls bob on all their devices.');
  await laptop.picture('1-idle');
  await phone.picture('1-idle-phone');
  await laptop.press('Video call');
  await bob.says('alice is calling');
  await bobsPhone.says('alice is calling');
  await laptop.says('Ringing…');
  await phone.says('You are calling on your other device.');
  await laptop.picture('2-ringing');
  await bob.picture('2-incoming');
  await bobsPhone.picture('2-incoming-phone');
  await phone.picture('2-passive-phone');

  await bob.press('Accept');
  await Promise.all([laptop.shows(2), bob.shows(2)]);
  await phone.says('You are in this call on your other device.');
  await bobsPhone.says('You are in this call on your other device.');
  await laptop.picture('3-call');
  await bob.picture('3-call-dark');
  await bobsPhone.picture('3-passive-phone');

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
  for (const screen of [laptop, phone, bob, bobsPhone]) await screen.says('Call ended');
  await laptop.picture('5-ended');
  await bobsPhone.picture('5-ended-phone');
  for (const screen of [laptop, phone, bob, bobsPhone]) await screen.close();
});

test('a group call, shown on a phone too; who was not there finds it among the missed', async () => {
  const alice = await Screen.open('alice', 'Laptop', { contacts: 'bob,carol' });
  const bob = await Screen.open('bob', 'Phone', { viewport: kPhone, contacts: 'alice,carol', dark: true });
  const carol = await Screen.open('carol', 'Laptop', { contacts: 'alice,bob' });
  await alice.press('bob');
  await alice.press('carol');
  await alice.press('Video call');
  await bob.press('Accept');
  await carol.press('Accept with audio only');
  await Promise.all([alice.shows(2), bob.shows(2), carol.shows(2)]);
  await alice.picture('6-group');
  await bob.picture('6-group-phone');

  await carol.press('Hang up');
  await carol.says('You are not in this call; it goes on without you.');
  await carol.picture('7-left');
  await carol.press('Join on this device');
  await alice.shows(3);
  await alice.picture('7-joined');
  await alice.press('Hang up');
  await bob.press('Hang up');
  await carol.press('Hang up');
  for (const screen of [alice, bob, carol]) await screen.says('Call ended');

  await carol.press('Close');
  await alice.press('Close');
  await alice.press('carol');
  await alice.press('Audio call');
  await carol.says('Audio call.');
  await alice.press('Hang up');
  await alice.says('Call cancelled');
  await carol.says('Missed call');
  await carol.picture('8-missed');
  for (const screen of [alice, bob, carol]) await screen.close();
});

test('a page without a token asks for one, and says what is wrong with a bad one', async () => {
  const nobody = await Screen.open('', 'Laptop', { viewport: kPhone });
  await nobody.says('Connect this device');
  await nobody.picture('0-connect-phone');
  await nobody.page.type('#connect-token', 'not a token');
  await nobody.press('Connect');
  await until('the page says what is wrong', () =>
    nobody.page.evaluate(() => document.getElementById('notice').checkVisibility()));
  await nobody.picture('0-refused-phone');
  await nobody.close();
});
