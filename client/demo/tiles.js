// The pictures of a call: one tile for each camera and each shared screen.

import { hue, icon, initials, make } from './dom.js';
import { stateOf } from './words.js';

export class Tiles {
  #stage;
  #onSilent;
  #tiles = new Map(); // key -> tile

  // `onSilent` () is called when the browser plays no sound before a click.
  constructor(stage, onSilent) {
    this.#stage = stage;
    this.#onSilent = onSilent;
  }

  // Shows everybody in `call`; `screenStream` is what this device shares, or null; `away` says that
  // this device's own media is interrupted.
  show(call, { screenStream, speaking, away }) {
    const wanted = wantedTiles(call, screenStream, away);
    for (const key of [...this.#tiles.keys()]) {
      if (!wanted.some((tile) => tile.key === key)) this.#remove(key);
    }
    for (const tile of wanted) this.#fill(tile, speaking);
    const screens = wanted.filter(({ screen }) => screen).length;
    const remote = wanted.filter(({ own }) => !own).length;
    // With one other, one's own picture is small in a corner, as people know it from telephones.
    this.#stage.dataset.layout = screens > 0 ? 'screen' : remote === 1 ? 'pair' : 'grid';
    this.#stage.style.setProperty('--screens', screens);
    this.#stage.style.setProperty('--count', wanted.length);
    const columns = Math.ceil(Math.sqrt(wanted.length));
    this.#stage.style.setProperty('--columns', columns);
    this.#stage.style.setProperty('--rows', Math.ceil(wanted.length / columns));
  }

  clear() {
    for (const key of [...this.#tiles.keys()]) this.#remove(key);
  }

  speaking(profileIds) {
    for (const { root, owner } of this.#tiles.values()) {
      root.classList.toggle('speaking', profileIds.has(owner));
    }
  }

  // How well somebody gets through: 'good', 'fair' or 'poor'.
  quality(profileId, level) {
    for (const { owner, poor } of this.#tiles.values()) {
      if (owner === profileId) poor.hidden = level !== 'poor';
    }
  }

  // After a click the browser allows sound.
  play() {
    for (const { video } of this.#tiles.values()) if (video.srcObject) video.play().catch(() => {});
  }

  #fill({ key, owner, label, id, note = '', away, stream, audio, video, screen, own, mix }, speaking) {
    const tile = this.#tiles.get(key) ?? this.#make(key, { owner, own, screen, mix, id: id ?? owner });
    tile.name.textContent = note ? `${label} · ${note}` : label;
    tile.muted.hidden = audio;
    tile.away.hidden = !away;
    tile.root.classList.toggle('no-video', !video);
    tile.root.classList.toggle('is-away', Boolean(away));
    tile.root.classList.toggle('speaking', speaking.has(owner));
    if (tile.video.srcObject !== stream) tile.video.srcObject = stream;
    if (stream && tile.video.paused) tile.video.play().catch((error) => this.#refused(error));
  }

  #make(key, { owner, own, screen, mix, id }) {
    const video = make('video', { autoplay: true, playsinline: true });
    video.muted = Boolean(own); // nobody wants to hear themselves
    const badge = make('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(id ?? '?'));
    badge.style.setProperty('--hue', hue(id ?? ''));
    const name = make('span');
    const muted = make('span', { class: 'muted' }, icon('i-mic-off', 'microphone muted'));
    const away = make('span', { class: 'away' }, make('span', { class: 'spinner' }), 'Reconnecting…');
    const poor = make('span', { class: 'poor', hidden: true }, 'Poor connection');
    const root = make('figure', { class: 'tile' }, video, badge, away, poor, make('figcaption', {}, muted, name));
    root.classList.toggle('own', Boolean(own));
    root.classList.toggle('screen-tile', Boolean(screen));
    root.classList.toggle('mix-tile', Boolean(mix));
    root.dataset.key = key;
    if (screen) this.#stage.prepend(root);
    else this.#stage.append(root);
    const tile = { root, video, name, muted, away, poor, owner };
    this.#tiles.set(key, tile);
    return tile;
  }

  #remove(key) {
    const tile = this.#tiles.get(key);
    tile.video.srcObject = null;
    tile.root.remove();
    this.#tiles.delete(key);
  }

  #refused(error) {
    if (error.name === 'NotAllowedError') this.#onSilent();
  }
}

function wantedTiles(call, screenStream, away) {
  const mixed = call.streams.find(({ source }) => source === 'mix');
  const tiles = call.participants
    .filter(({ profileId, state }) => profileId !== call.profileId && state !== 'left')
    .filter(({ state }) => call.to.length === 1 || state !== 'inviting')
    // What the server mixed shows them all.
    .filter(({ state }) => !mixed || state === 'inviting' || state === 'ringing')
    .map((participant) => {
      const { profileId, state } = participant;
      const entry = call.streams.find((other) => other.profileId === profileId && other.source === 'camera');
      const waits = state === 'inviting' || state === 'ringing';
      return {
        key: profileId,
        owner: profileId,
        label: profileId,
        note: waits ? stateOf(participant, profileId === call.from) : '',
        away: state === 'reconnecting',
        stream: entry?.stream ?? null,
        audio: participant.audio || waits,
        video: participant.video && hasVideo(entry?.stream),
      };
    });
  if (mixed) {
    const { stream } = mixed;
    tiles.unshift({ key: 'mix', owner: null, label: 'Everybody', stream, audio: true, video: hasVideo(stream), mix: true });
  }
  for (const { profileId, source, stream } of call.streams) {
    if (source !== 'screen') continue;
    tiles.unshift({ key: `screen ${profileId}`, owner: null, label: `${profileId}’s screen`, stream, audio: true, video: true, screen: true });
  }
  if (screenStream) {
    tiles.unshift({ key: 'own screen', owner: null, label: 'Your screen', stream: screenStream, audio: true, video: true, screen: true, own: true });
  }
  if (mixed) return tiles; // one is in it oneself
  const { localStream, me } = call;
  const own = { key: 'own', owner: call.profileId, label: 'You', id: call.profileId, own: true };
  tiles.push({ ...own, away, stream: localStream, audio: me.audio, video: hasVideo(localStream) });
  return tiles;
}

function hasVideo(stream) {
  return Boolean(stream?.getVideoTracks().length);
}
