// The screen of a call this device is active in: tiles, people, and the controls.

import { hue, initials } from './contacts.js';
import { announce, element, people, toggle } from './dom.js';
import { names, others, stateOf } from './words.js';

export class CallScreen {
  call = null;
  #onError;
  #tiles = new Map(); // key -> tile
  #listening = [];
  #screenStream = null;
  #speaking = new Set();

  constructor({ onError }) {
    this.#onError = onError;
    element('hangup').addEventListener('click', () => this.#try(() => this.call.hangup()));
    element('toggle-audio').addEventListener('click', () => this.#toggle('audio'));
    element('toggle-video').addEventListener('click', () => this.#toggle('video'));
    element('toggle-screen').addEventListener('click', () => this.#toggleScreen());
    addEventListener('keydown', (event) => this.#shortcut(event));
  }

  // Shows `call`, or nothing.
  show(call) {
    if (call !== this.call) this.#change(call);
    if (call) this.#render();
  }

  #change(call) {
    for (const off of this.#listening) off();
    for (const key of [...this.#tiles.keys()]) this.#removeTile(key);
    this.#listening = [];
    this.#screenStream = null;
    this.#speaking.clear();
    this.call = call;
    if (!call) return;
    this.#listening = [
      call.on('stream', () => this.#render()),
      call.on('streamend', () => this.#render()),
      call.on('localstream', () => this.#render()),
      call.on('screenend', () => {
        this.#screenStream = null;
        announce('You stopped sharing your screen');
        this.#render();
      }),
      call.on('speaker', (profileIds) => {
        this.#speaking = new Set(profileIds);
        for (const tile of this.#tiles.values()) tile.root.classList.toggle('speaking', this.#speaking.has(tile.owner));
      }),
    ];
  }

  #render() {
    const { call } = this;
    if (!call) return;
    element('call-title').textContent = names(others(call));
    element('call-status').textContent = this.#status();
    people(element('call-people'), call.participants.map((participant) => ({
      name: participant.profileId === call.profileId ? 'You' : participant.profileId,
      state:
        participant.profileId === call.profileId
          ? 'this device'
          : stateOf(participant, participant.profileId === call.from),
      live: participant.state === 'active' || participant.profileId === call.profileId,
    })));
    this.#renderTiles();
    this.#renderControls();
  }

  #status() {
    const { call } = this;
    if (call.state === 'opening') return 'Calling…';
    const away = call.participants.filter(({ state }) => state === 'reconnecting');
    if (away.length > 0) return `${names(away.map(({ profileId }) => profileId))} is reconnecting…`;
    if (call.state !== 'ringing') return '';
    const ringing = call.participants.filter(({ state }) => state === 'ringing');
    return ringing.length > 0 ? 'Ringing…' : 'Calling…';
  }

  // ---- tiles --------------------------------------------------------------------------------

  #renderTiles() {
    const wanted = this.#wantedTiles();
    for (const key of [...this.#tiles.keys()]) {
      if (!wanted.some((tile) => tile.key === key)) this.#removeTile(key);
    }
    for (const tile of wanted) this.#fillTile(tile);
    const stage = element('stage');
    const screens = wanted.filter(({ screen }) => screen).length;
    const remote = wanted.filter(({ own }) => !own).length;
    // With one other, one's own picture is small in a corner, as people know it from telephones.
    stage.dataset.layout = screens > 0 ? 'screen' : remote === 1 ? 'pair' : 'grid';
    stage.style.setProperty('--screens', screens);
    const columns = Math.ceil(Math.sqrt(wanted.length));
    stage.style.setProperty('--columns', columns);
    stage.style.setProperty('--rows', Math.ceil(wanted.length / columns));
  }

  #wantedTiles() {
    const { call } = this;
    const tiles = call.participants
      .filter(({ profileId, state }) => profileId !== call.profileId && state !== 'left')
      .filter(({ state }) => call.to.length === 1 || state !== 'inviting')
      .map((participant) => {
        const entry = call.streams.find(
          ({ profileId, source }) => profileId === participant.profileId && source === 'camera',
        );
        return {
          key: participant.profileId,
          owner: participant.profileId,
          label: participant.profileId,
          note: participant.state === 'active' ? '' : stateOf(participant),
          stream: entry?.stream ?? null,
          audio: participant.audio || participant.state !== 'active',
          video: participant.video && hasVideo(entry?.stream),
        };
      });
    for (const { profileId, source, stream } of call.streams) {
      if (source !== 'screen') continue;
      tiles.unshift({ key: `screen ${profileId}`, owner: null, label: `${profileId}’s screen`, stream, audio: true, video: true, screen: true });
    }
    if (this.#screenStream) {
      tiles.unshift({ key: 'own screen', owner: null, label: 'Your screen', stream: this.#screenStream, audio: true, video: true, screen: true, own: true });
    }
    const { localStream, me } = call;
    tiles.push({
      key: 'own',
      owner: null,
      label: 'You',
      id: call.profileId,
      stream: localStream,
      audio: me.audio,
      video: hasVideo(localStream),
      own: true,
    });
    return tiles;
  }

  #fillTile({ key, owner, label, id, note = '', stream, audio, video, screen, own }) {
    const tile = this.#tiles.get(key) ?? this.#makeTile(key, { owner, own, screen, id: id ?? owner });
    tile.name.textContent = note ? `${label} · ${note}` : label;
    tile.muted.hidden = audio;
    tile.root.classList.toggle('no-video', !video);
    if (tile.video.srcObject !== stream) tile.video.srcObject = stream;
    if (stream) tile.video.play().catch((error) => this.#playRefused(error));
  }

  #makeTile(key, { owner, own, screen, id }) {
    const root = document.createElement('figure');
    root.className = 'tile';
    root.classList.toggle('own', Boolean(own));
    root.classList.toggle('screen-tile', Boolean(screen));
    root.dataset.key = key;
    const video = document.createElement('video');
    video.autoplay = true;
    video.playsInline = true;
    video.muted = Boolean(own); // nobody wants to hear themselves
    const avatar = document.createElement('span');
    avatar.className = 'avatar';
    avatar.ariaHidden = 'true';
    avatar.textContent = initials(id ?? '');
    avatar.style.setProperty('--hue', hue(id ?? ''));
    const caption = document.createElement('figcaption');
    const name = document.createElement('span');
    const muted = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    muted.classList.add('icon');
    muted.setAttribute('role', 'img');
    muted.setAttribute('aria-label', 'microphone muted');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    use.setAttribute('href', '#i-mic-off');
    muted.append(use);
    const mutedBox = document.createElement('span');
    mutedBox.className = 'muted';
    mutedBox.append(muted);
    caption.append(mutedBox, name);
    root.append(video, avatar, caption);
    const stage = element('stage');
    if (screen) stage.prepend(root);
    else stage.append(root);
    const tile = { root, video, name, muted: mutedBox, owner };
    this.#tiles.set(key, tile);
    return tile;
  }

  #removeTile(key) {
    const tile = this.#tiles.get(key);
    tile.video.srcObject = null;
    tile.root.remove();
    this.#tiles.delete(key);
  }

  #playRefused(error) {
    if (error.name === 'NotAllowedError') {
      this.#onError(new Error('Your browser holds the sound back. Click anywhere to hear the call.'));
      addEventListener('pointerdown', () => this.#render(), { once: true });
    }
  }

  // ---- controls -----------------------------------------------------------------------------

  #renderControls() {
    const { call } = this;
    const ready = call.isActive;
    const local = call.localStream?.getTracks() ?? [];
    const hears = local.some(({ kind, enabled }) => kind === 'audio' && enabled);
    const sees = local.some(({ kind }) => kind === 'video');
    toggle(element('toggle-audio'), {
      pressed: !hears, icon: hears ? 'i-mic' : 'i-mic-off', text: hears ? 'Mute' : 'Unmute', disabled: !ready,
    });
    toggle(element('toggle-video'), {
      pressed: !sees, icon: sees ? 'i-video' : 'i-video-off', text: sees ? 'Camera off' : 'Camera on', disabled: !ready,
    });
    const sharing = this.#screenStream !== null;
    toggle(element('toggle-screen'), {
      pressed: sharing, icon: 'i-screen', text: sharing ? 'Stop' : 'Share', disabled: !ready,
    });
    // Telephones cannot share their screen.
    element('toggle-screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
  }

  #toggle(kind) {
    const button = element(`toggle-${kind}`);
    const off = button.dataset.pressed === 'true';
    const word = kind === 'audio' ? 'Microphone' : 'Camera';
    return this.#try(async () => {
      await (off ? this.call.unmute(kind) : this.call.mute(kind));
      announce(`${word} ${off ? 'on' : 'off'}`);
    });
  }

  #toggleScreen() {
    return this.#try(async () => {
      if (this.#screenStream) {
        await this.call.stopScreen();
      } else {
        this.#screenStream = await this.call.shareScreen();
        announce('You are sharing your screen');
      }
    });
  }

  // The call may be over while an action is under way; that is no error worth telling.
  async #try(act) {
    const { call } = this;
    try {
      await act();
    } catch (error) {
      if (call.state !== 'ended' && error.code !== 'media_aborted') this.#onError(error);
    }
    this.#render();
  }

  #shortcut(event) {
    if (!this.call?.isActive || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea')) return;
    if (event.key.toLowerCase() === 'm') void this.#toggle('audio');
    if (event.key.toLowerCase() === 'v') void this.#toggle('video');
  }
}

function hasVideo(stream) {
  return Boolean(stream?.getVideoTracks().length);
}
