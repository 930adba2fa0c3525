// Chromium and Firefox as Debian ships them, with made-up cameras and microphones.

import puppeteer from 'puppeteer-core';

const kChromiumArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  // Several pages stand for several devices: none of them is in the background.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];
const kFirefoxPreferences = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.gmp-manager.updateEnabled': false,
  'app.update.enabled': false,
};

export function launchChromium() {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: kChromiumArguments,
    headless: true,
    protocolTimeout: 60_000,
  });
}

export function launchFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    extraPrefsFirefox: kFirefoxPreferences,
    headless: true,
    protocolTimeout: 60_000,
  });
}
