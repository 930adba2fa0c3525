// The view of the call in front: tiles, people, and the controls.

import { announce, element, people, toggle } from './dom.js';
import { Tiles } from './tiles.js';
import { clock, names, others, stateOf } from './words.js';

export class CallView {
  call = null;
  #tell;
  #onHangup;
  #onAdd;
  #tiles;
  #listening = [];
  #screens = new WeakMap(); // call -> what this device shares in it
  #speaking = new Set();
  #media = new WeakMap(); // call -> state of this device's media connection in it

  // `tell` (error or sentence); `onHangup` (call), `onAdd` (call), `onChat` () are wishes.
  constructor({ tell, onHangup, onAdd, onChat }) {
    this.#tell = tell;
    this.#onHangup = onHangup;
    this.#onAdd = onAdd;
    this.#tiles = new Tiles(element('stage'), () => this.#silent());
    element('hangup').addEventListener('click', () => this.#onHangup(this.call));
    element('toggle-audio').addEventListener('click', () => this.#toggle('audio'));
    element('toggle-video').addEventListener('click', () => this.#toggle('video'));
    element('toggle-screen').addEventListener('click', () => this.#toggleScreen());
    element('call-add').addEventListener('click', () => this.#onAdd(this.call));
    for (const id of ['call-chat', 'call-back']) element(id).addEventListener('click', onChat);
    addEventListener('keydown', (event) => this.#shortcut(event));
    setInterval(() => this.#tick(), 500);
  }

  // Shows `call`, or nothing.
  show(call) {
    if (call !== this.call) this.#change(call);
    if (call) this.#render();
  }

  #change(call) {
    for (const off of this.#listening) off();
    this.#tiles.clear();
    this.#listening = [];
    this.#speaking.clear();
    this.call = call;
    if (!call) return;
    const render = () => this.#render();
    this.#listening = [
      ...['stream', 'streamend', 'localstream', 'participant', 'state'].map((event) => call.on(event, render)),
      call.on('screenend', () => {
        this.#screens.delete(call);
        announce('You stopped sharing your screen');
        render();
      }),
      call.on('speaker', (profileIds) => {
        this.#speaking = new Set(profileIds);
        this.#tiles.speaking(this.#speaking);
      }),
    ];
    if (this.#media.has(call)) return;
    // For as long as the call lives, also while it is on hold.
    this.#media.set(call, 'new');
    call.on('connection', (state) => {
      this.#media.set(call, state);
      if (call === this.call) this.#render();
    });
    call.on('quality', ({ profileId, level }) => {
      if (call === this.call) this.#tiles.quality(profileId, level);
    });
    call.on('device', ({ source, state, error }) => {
      const word = source === 'mic' ? 'microphone' : 'camera';
      if (state === 'failed' || state === 'waiting') this.#tell(error ?? `Your ${word} is gone.`);
      if (state === 'back') announce(`Your ${word} is back`);
    });
  }

  #render() {
    const { call } = this;
    if (!call || call.state === 'ended') return;
    element('call-title').textContent = names(others(call));
    element('call-status').textContent = this.#status();
    const group = call.participants.length > 2;
    people(element('call-people'), !group ? [] : call.participants.map((participant) => ({
      name: participant.profileId === call.profileId ? 'You' : participant.profileId,
      state:
        participant.profileId === call.profileId
          ? 'this device'
          : stateOf(participant, participant.profileId === call.from),
      live: participant.state === 'active' || participant.profileId === call.profileId,
    })));
    this.#tiles.show(call, {
      screenStream: this.#screens.get(call) ?? null,
      speaking: this.#speaking,
      away: this.#away,
    });
    this.#renderControls();
    this.#tick();
  }

  get #away() {
    return this.call.me.state === 'reconnecting' || ['disconnected', 'failed'].includes(this.#media.get(this.call));
  }

  #status() {
    const { call } = this;
    if (call.state === 'opening') return 'Calling…';
    if (this.#away) return 'Your connection is being restored…';
    const away = call.participants.filter(
      ({ state, profileId }) => state === 'reconnecting' && profileId !== call.profileId,
    );
    if (away.length > 0) return `${names(away.map(({ profileId }) => profileId))} is reconnecting…`;
    if (call.state !== 'ringing') return this.#media.get(call) === 'connected' ? '' : 'Connecting…';
    return call.participants.some(({ state }) => state === 'ringing') ? 'Ringing…' : 'Calling…';
  }

  #tick() {
    const { call } = this;
    const runs = call?.state === 'running' && call.acceptedAt;
    element('call-time').textContent = runs ? clock(Date.now() - call.acceptedAt) : '';
  }

  // The browser holds the sound back until somebody clicks.
  #silent() {
    this.#tell('Your browser holds the sound back. Click anywhere to hear the call.');
    addEventListener('pointerdown', () => this.#tiles.play(), { once: true });
  }

  // ---- controls -----------------------------------------------------------------------------

  #renderControls() {
    const { call } = this;
    const ready = call.isActive;
    const local = call.localStream?.getTracks() ?? [];
    // While the devices are being opened, what they will be.
    const opening = local.length === 0;
    const hears = local.some(({ kind, enabled }) => kind === 'audio' && enabled) || (opening && call.me.audio);
    const sees = local.some(({ kind }) => kind === 'video') || (opening && call.me.video);
    toggle(element('toggle-audio'), {
      pressed: !hears, icon: hears ? 'i-mic' : 'i-mic-off', text: hears ? 'Mute' : 'Unmute', disabled: !ready,
    });
    toggle(element('toggle-video'), {
      pressed: !sees, icon: sees ? 'i-video' : 'i-video-off', text: sees ? 'Camera off' : 'Camera on', disabled: !ready,
    });
    const sharing = this.#screens.has(call);
    toggle(element('toggle-screen'), {
      pressed: sharing, icon: 'i-screen', text: sharing ? 'Stop' : 'Share', disabled: !ready,
    });
    // Telephones cannot share their screen.
    element('toggle-screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
    element('call-add').disabled = !ready;
  }

  #toggle(kind) {
    const off = element(`toggle-${kind}`).dataset.pressed === 'true';
    const word = kind === 'audio' ? 'Microphone' : 'Camera';
    return this.#try(async (call) => {
      await (off ? call.unmute(kind) : call.mute(kind));
      announce(`${word} ${off ? 'on' : 'off'}`);
    });
  }

  #toggleScreen() {
    return this.#try(async (call) => {
      if (this.#screens.has(call)) {
        await call.stopScreen();
      } else {
        this.#screens.set(call, await call.shareScreen());
        announce('You are sharing your screen');
      }
    });
  }

  // The call may be over while an action is under way; that is no error worth telling.
  async #try(act) {
    const { call } = this;
    try {
      await act(call);
    } catch (error) {
      if (call.state !== 'ended' && error.code !== 'media_aborted') this.#tell(error);
    }
    this.#render();
  }

  #shortcut(event) {
    if (!this.call?.isActive || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, dialog')) return;
    if (event.key.toLowerCase() === 'm') void this.#toggle('audio');
    if (event.key.toLowerCase() === 'v') void this.#toggle('video');
  }
}

