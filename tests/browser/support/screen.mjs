// The demo page in a browser, as a person sees and uses it: by its words and buttons. A picture of
// each step is kept in test-output/screenshots.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from './until.mjs';

const kPictures = fileURLToPath(new URL('../../../test-output/screenshots', import.meta.url));
export const kLaptop = { width: 1200, height: 760 };
export const kPhone = { width: 375, height: 700, isMobile: true, hasTouch: true };

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

export class Screen {
  // Opens the demo of `server` as `profile`, or of nobody when that is ''. `context` is a browser
  // context to share with another device.
  static async open(browser, server, profile, device, options = {}) {
    const { viewport = kLaptop, dark = false, contacts = '', url = server.url } = options;
    mkdirSync(kPictures, { recursive: true });
    const context = options.context ?? (await browser.createBrowserContext());
    const page = await context.newPage();
    const screen = new Screen();
    await page.evaluateOnNewDocument(drawnCamera, kHues[profile] ?? 0);
    Object.assign(screen, { context, page, name: `${profile}’s ${device}`, problems: [] });
    page.on('pageerror', (error) => screen.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') screen.problems.push(message.text());
    });
    if (!isFirefox(browser)) {
      await page.setViewport(viewport);
      const scheme = dark ? 'dark' : 'light';
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    }
    const token = profile ? await server.token(profile) : '';
    const hash = new URLSearchParams({ token, device, contacts, quality: 'low' });
    await page.goto(`${url}/#${hash}`);
    if (profile) await screen.says('Online');
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
  // Waits until `words` can no longer be read.
  saysNoMore(words) {
    return until(`${this.name} no longer says "${words}"`, async () => !(await this.text()).includes(words), {
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
  // Presses what bears `words`, or has them as its name, when it is there and may be pressed.
  press(words) {
    return until(
      `${this.name} has "${words}" to press`,
      () =>
        this.page.evaluate((wanted) => {
          const bears = (element) =>
            [element.innerText.trim(), element.getAttribute('aria-label')].includes(wanted) ||
            element.querySelector('.name')?.innerText.trim() === wanted;
          const within = document.querySelector('dialog[open]') ?? document;
          const named = [...within.querySelectorAll('button, label')].find(
            (element) => element.checkVisibility() && bears(element) && !element.disabled && !element.closest('[inert]'),
          );
          named?.click();
          return Boolean(named);
        }, words),
      { describe: () => this.text() },
    );
  }
  // Writes `words` into the open conversation and sends them by Enter.
  async write(words) {
    await this.page.type('#composer-input', words);
    await this.page.keyboard.press('Enter');
  }
  // What stands in the open conversation: [{kind, text, mine, state}].
  line() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('#line .entry:not(.day)')].map((entry) => ({
        kind: entry.classList.contains('call') ? 'call' : 'text',
        mine: entry.classList.contains('mine'),
        state: ['sending', 'failed'].find((state) => entry.classList.contains(state)) ?? 'sent',
        text: (entry.querySelector('.words') ?? entry).innerText.trim(),
      })),
    );
  }
  async picture(name) {
    await this.page.bringToFront();
    await this.page.screenshot({ path: join(kPictures, `${name}.png`) });
    // Nothing may stick out to the side.
    const [width, room] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(width <= room, `${name} is ${width} pixels wide`);
  }
  // Closes the page; what a browser said about lost connections is expected with `offline`.
  async close({ offline = false } = {}) {
    const problems = this.problems.filter((problem) => !offline || !/WebSocket|ERR_CONNECTION|can.t establish/.test(problem));
    assert.deepEqual(problems, [], this.name);
    await this.page.close();
    await this.context.close().catch(() => {}); // shared with another device, which closed it
  }
}

function isFirefox(browser) {
  return /firefox/i.test(browser.process()?.spawnfile ?? '');
}
