// A device of a user: one page with one JSAPI client, and what the test wants to know of it.

import { until } from './until.mjs';

// Small pictures: the tests are about who sees whom, and the machine has few cores.
const kCamera = { width: 320, height: 240, frameRate: 15 };

// Runs in the page before anything else. Counts what the page makes, and gives the test a way to
// say things that JSAPI never would. With `noMedia` the page's media never gets through: it sends to
// the discard port (RFC 863), where nobody answers.
function watchPage({ flipFingerprint, noMedia }) {
  window.made = { peerConnections: 0, tracksHeard: 0, sockets: [] };
  const RealPeerConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends RealPeerConnection {
    constructor(...args) {
      super(...args);
      window.made.peerConnections += 1;
      // A track of somebody else is muted until its first packet has come.
      this.addEventListener('track', ({ track }) => {
        track.addEventListener('unmute', () => (window.made.tracksHeard += 1));
      });
    }
    setRemoteDescription(description) {
      if (!noMedia) return super.setRemoteDescription(description);
      const sdp = description.sdp.replace(/(a=candidate:\S+ \d udp \d+ \S+) \d+/gi, '$1 9');
      return super.setRemoteDescription({ type: description.type, sdp });
    }
  };
  const RealWebSocket = window.WebSocket;
  window.WebSocket = class extends RealWebSocket {
    constructor(...args) {
      super(...args);
      window.made.sockets.push(this);
    }
    send(text) {
      // One digit of the certificate's fingerprint, changed as somebody in between would.
      super.send(
        flipFingerprint && text.includes('"media.answer"')
          ? text.replace(/(a=fingerprint:sha-256 )(.)/g, (_, name, digit) => {
              return name + (digit === '0' ? '1' : '0');
            })
          : text,
      );
    }
  };
}

// Runs in the page: a client, and a diary of its events.
async function startClient(token) {
  const { createClient } = await import('/jsapi/jsapi.js');
  const client = createClient();
  const log = [];
  window.test = { client, log, calls: new Map() };
  for (const event of ['call:received', 'call:accepted', 'call:end']) {
    client.on(event, (call, ...details) => log.push([event, call.id, ...details]));
  }
  client.on('error', (error) => log.push(['error', error.code, error.message]));
  client.on('connection:state', (state) => log.push(['connection:state', state]));
  client.on('text:received', ({ from, body }) => log.push(['text:received', from, body]));
  client.on('calls:changed', () => {
    for (const call of client.calls) {
      if (window.test.calls.has(call.id)) continue;
      window.test.calls.set(call.id, call);
      // Shown, because a browser need not decode what nobody looks at.
      call.on('stream', ({ profileId, source, stream }) => {
        log.push(['stream', profileId, source]);
        const video = document.createElement('video');
        video.dataset.shows = `${profileId} ${source}`;
        video.muted = true;
        video.srcObject = stream;
        document.body.append(video);
        video.play().catch(() => {});
      });
      call.on('streamend', ({ profileId, source }) => log.push(['streamend', profileId, source]));
    }
  });
  await client.connect({ token });
  return client.connectionId;
}

export class Device {
  #page;

  // Opens a page of `server` in a fresh profile of `browser` and connects it as `profile`.
  // `url` is where, when not at the server itself.
  static async open(browser, server, profile, options = {}) {
    const { flipFingerprint = false, noMedia = false, url = server.url } = options;
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.evaluateOnNewDocument(watchPage, { flipFingerprint, noMedia });
    await page.goto(`${url}/`);
    const device = new Device(page, context, profile);
    device.connectionId = await page.evaluate(startClient, await server.token(profile));
    return device;
  }

  constructor(page, context, profile) {
    this.#page = page;
    this.context = context;
    this.profile = profile;
    this.callId = null;
  }

  // ---- acting -------------------------------------------------------------------------------

  // `options` are further ones of openCall. Resolves with the id of the call, which is another one's
  // when the two have met.
  async call(to, options = {}) {
    this.callId = await this.#page.evaluate(
      async (from, receivers, camera, more) => {
        const settings = { audio: true, video: camera };
        const call = await window.test.client.openCall({ from, to: receivers, settings, ...more }).ready;
        window.test.calls.set(call.id, call);
        return call.id;
      },
      this.profile,
      to,
      kCamera,
      options,
    );
    return this.callId;
  }

  // Waits until the call rings here, for the `times`th time.
  async rings(callId, times = 1) {
    this.callId = callId;
    const received = async () =>
      (await this.events('call:received')).filter(([, received]) => received === callId).length >= times;
    await until(`${this.profile} rings`, received, { describe: () => this.events() });
  }

  accept() {
    return this.#act((call, camera) => call.accept({ audio: true, video: camera }), kCamera);
  }
  // The same; resolves with the moment it was asked for, in ms since 1970.
  acceptTimed() {
    return this.#act((call, camera) => {
      const at = performance.timeOrigin + performance.now();
      return call.accept({ audio: true, video: camera }).then(() => at);
    }, kCamera);
  }
  reject() {
    return this.#act((call) => call.reject());
  }
  invite(profile) {
    return this.#act((call, who) => call.invite(who), profile);
  }
  hangup() {
    return this.#act((call) => call.hangup());
  }
  mute(kind) {
    return this.#act((call, which) => call.mute(which), kind);
  }
  unmute(kind) {
    return this.#act((call, which) => call.unmute(which), kind);
  }

  shareScreen() {
    return this.#act((call) => call.shareScreen().then(() => null));
  }
  stopScreen() {
    return this.#act((call) => call.stopScreen());
  }

  // Takes the call over from this user's other device; resolves when the server has switched, with how
  // long that took: {tookMs}. Without `camera` what was muted stays muted. The server wants some time
  // between two moves of a call; it is asked until it lets this one through.
  take({ camera = true } = {}) {
    const choice = camera ? { audio: true, video: kCamera } : {};
    return until(`${this.profile} may take the call over`, () =>
      this.#act(async (call, wanted) => {
        const asked = performance.now();
        try {
          await call.take(wanted);
        } catch (error) {
          if (error.kind === 'retry') return null;
          throw error;
        }
        return { tookMs: Math.round(performance.now() - asked) };
      }, choice));
  }
  // {code, message} of the take-over's failure.
  takeRefused() {
    return this.#act(
      (call, camera) =>
        call.take({ audio: true, video: camera }).then(
          () => null,
          ({ code, message }) => ({ code, message }),
        ),
      kCamera,
    );
  }

  // Sends any frame over this device's socket and returns the server's answer to it.
  say(frame) {
    return this.#page.evaluate((message) => {
      const socket = window.made.sockets.at(-1);
      const id = crypto.randomUUID();
      return new Promise((resolve) => {
        socket.addEventListener('message', function answered({ data }) {
          const answer = JSON.parse(data);
          if (answer.ref !== id) return;
          socket.removeEventListener('message', answered);
          resolve(answer);
        });
        socket.send(JSON.stringify({ id, ...message }));
      });
    }, frame);
  }

  close() {
    return this.context.close();
  }

  // ---- looking ------------------------------------------------------------------------------

  // As the server names this device now.
  connectionIdNow() {
    return this.#page.evaluate(() => window.test.client.connectionId);
  }

  // {state, role, participants, outcome} of the call.
  look() {
    return this.#act((call) => ({
      state: call.state,
      role: call.role,
      outcome: call.outcome,
      participants: call.participants,
    }));
  }

  async events(name) {
    const log = await this.#page.evaluate(() => window.test.log);
    return name ? log.filter(([event]) => event === name) : log;
  }

  peerConnections() {
    return this.#page.evaluate(() => window.made.peerConnections);
  }

  // How many tracks of others anything has ever come in on.
  tracksHeard() {
    return this.#page.evaluate(() => window.made.tracksHeard);
  }

  // Whether this device has no media of the call.
  isSilent() {
    return this.#act((call) => !call.isActive && call.localStream === null && call.streams.length === 0);
  }

  // What comes in now: {"bob": {packets, frames}}, packets of the microphone, frames of the camera.
  async hears() {
    const tracks = await this.#act(async (call) => (await call.getStats()).tracks);
    const heard = {};
    for (const { profileId, source, direction, packets = 0, framesDecoded = 0 } of tracks) {
      if (direction !== 'in') continue;
      heard[profileId] ??= { packets: 0, frames: 0 };
      if (source === 'mic') heard[profileId].packets += packets;
      if (source === 'camera') heard[profileId].frames += framesDecoded;
    }
    return heard;
  }

  // {armed, at}: `armed` when the page watches out, `at` the moment the first picture of somebody
  // else in this call is on the screen, in ms since 1970.
  firstFrame() {
    const watching = this.#act((call) => {
      window.test.firstFrame = new Promise((resolve) => {
        call.on('stream', ({ stream }) => {
          const video = document.createElement('video');
          video.muted = true;
          video.srcObject = stream;
          video.requestVideoFrameCallback(() => resolve(performance.timeOrigin + performance.now()));
          document.body.append(video);
          video.play().catch(() => {});
        });
      });
    });
    return { armed: watching, at: watching.then(() => this.#page.evaluate(() => window.test.firstFrame)) };
  }

  // Notes from now on when each picture of `profile`'s camera is shown.
  async watchPictures(profile) {
    await this.#page.evaluate((shows) => {
      const video = [...document.querySelectorAll('video')].findLast((v) => v.dataset.shows === shows);
      const times = [];
      window.test.pictures = times;
      const noted = () => {
        times.push(performance.now());
        video.requestVideoFrameCallback(noted);
      };
      video.requestVideoFrameCallback(noted);
    }, `${profile} camera`);
  }
  // The longest time between two pictures since `from`, which counts pictures; with how many there
  // are: {gapMs, pictures}. A pause that has not ended counts too.
  pictureGap(from = 0) {
    return this.#page.evaluate((start) => {
      const times = window.test.pictures.slice(Math.max(0, start - 1));
      const ends = [...times.slice(1), performance.now()];
      return {
        gapMs: Math.round(Math.max(...ends.map((at, i) => at - times[i]))),
        pictures: window.test.pictures.length,
      };
    }, from);
  }

  get page() {
    return this.#page;
  }

  // What comes in over the PeerConnection, track by track, as the browser counts it.
  incoming() {
    return this.#act(async (call) => (await call.getStats()).tracks.filter((t) => t.direction === 'in'));
  }

  // What names the tracks of `profile` here: ["audio ID", "video ID"], and the stream's.
  trackIds(profile) {
    return this.#act((call, wanted) => {
      const { stream } = call.streams.find(({ profileId, source }) => profileId === wanted && source === 'camera');
      return [stream.id, ...stream.getTracks().map(({ kind, id }) => `${kind} ${id}`).sort()];
    }, profile);
  }

  // Pictures of the screen that `profile` shares; null while it shares none.
  async screenFrames(profile) {
    const tracks = await this.#act(async (call) => (await call.getStats()).tracks);
    const screen = tracks.find((t) => t.profileId === profile && t.source === 'screen');
    return screen ? screen.framesDecoded ?? 0 : null;
  }

  // Waits until both microphone and camera of each of `profiles` keep coming in.
  async receives(...profiles) {
    for (const profile of profiles) {
      const start = (await this.hears())[profile] ?? { packets: 0, frames: 0 };
      await until(
        `${this.profile} hears and sees ${profile}`,
        async () => {
          const { packets = 0, frames = 0 } = (await this.hears())[profile] ?? {};
          // A second of sound, and more than one picture: it is not the first key frame only.
          return packets >= start.packets + 50 && frames >= start.frames + 5;
        },
        { describe: () => this.#act((call) => call.getStats()) },
      );
    }
  }

  async becomes(role, state = 'running') {
    await until(
      `${this.profile} is ${role}, ${state}`,
      async () => {
        const seen = await this.look();
        return seen.role === role && seen.state === state;
      },
      { describe: () => this.look() },
    );
  }

  async ends(outcome) {
    await until(
      `the call has ended for ${this.profile} as ${outcome}`,
      async () => (await this.look()).outcome === outcome,
      { describe: () => this.look() },
    );
  }

  async #act(act, ...args) {
    const call = await this.#page.evaluateHandle((id) => window.test.calls.get(id), this.callId);
    try {
      return await this.#page.evaluate(act, call, ...args);
    } finally {
      await call.dispose();
    }
  }
}
