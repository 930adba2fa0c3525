// This device's microphone, camera and screen. Nothing is opened before somebody asks.

import { JsapiError } from './errors.js';

const kWords = { mic: 'microphone', camera: 'camera', screen: 'screen' };

export class Capture {
  #platform;
  #onScreenEnded;
  #onLost;
  #tracks = new Map(); // source -> MediaStreamTrack
  #closed = false;

  // `onScreenEnded` is called when the user stops sharing by the browser's own button, `onLost`
  // with 'mic' or 'camera' when the system takes one away.
  constructor(platform, { onScreenEnded, onLost }) {
    this.#platform = platform;
    this.#onScreenEnded = onScreenEnded;
    this.#onLost = onLost;
  }

  // Source -> live track.
  get tracks() {
    return new Map(this.#tracks);
  }

  // Opens what `wanted` names ({mic, camera}: constraints or false) in one prompt, and each for
  // itself when that is refused: one device that is missing must not cost the other. Returns the
  // errors; what could be opened is in `tracks`.
  async open(wanted) {
    const both = wanted.mic && wanted.camera;
    if (both) {
      try {
        await this.#acquire({ audio: wanted.mic, video: wanted.camera });
        return [];
      } catch {
        // Tried one by one below, which also tells which of the two it was.
      }
    }
    const errors = [];
    for (const [source, kind] of [['mic', 'audio'], ['camera', 'video']]) {
      if (!wanted[source]) continue;
      try {
        await this.#acquire({ [kind]: wanted[source] });
      } catch (error) {
        errors.push(explain(error, source));
      }
    }
    return errors;
  }

  // Must be called from a click: browsers want to see that it was the user's wish.
  async openScreen() {
    const devices = this.#platform.mediaDevices();
    let stream;
    try {
      if (!devices?.getDisplayMedia) throw new DOMException('', 'NotSupportedError');
      stream = await devices.getDisplayMedia({ video: true, audio: true });
    } catch (error) {
      throw explain(error, 'screen');
    }
    if (this.#closed) {
      stopAll(stream.getTracks());
      throw explain(new DOMException('', 'AbortError'), 'screen');
    }
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    this.#put('screen', video);
    if (audio) this.#put('screen-audio', audio);
    video.onended = () => this.#onScreenEnded();
    return stream;
  }

  // Closes one device; its light goes out.
  stop(source) {
    const track = this.#tracks.get(source);
    if (!track) return;
    this.#tracks.delete(source);
    track.onended = null;
    track.stop();
  }

  close() {
    this.#closed = true;
    for (const source of [...this.#tracks.keys()]) this.stop(source);
  }

  async #acquire(constraints) {
    const devices = this.#platform.mediaDevices();
    if (!devices?.getUserMedia) throw new DOMException('', 'NotSupportedError');
    const stream = await devices.getUserMedia(constraints);
    if (this.#closed) {
      stopAll(stream.getTracks()); // the call ended in front of the permission prompt
      return;
    }
    for (const track of stream.getTracks()) {
      const source = track.kind === 'audio' ? 'mic' : 'camera';
      this.#put(source, track);
      track.onended = () => {
        this.stop(source);
        this.#onLost(source);
      };
    }
  }

  #put(source, track) {
    this.stop(source);
    this.#tracks.set(source, track);
  }
}

function stopAll(tracks) {
  for (const track of tracks) track.stop();
}

// Says what happened and what to do next, by the names browsers give their errors.
function explain(error, source) {
  const word = kWords[source];
  const [code, message] = {
    NotAllowedError: [
      'media_denied',
      source === 'screen'
        ? 'Sharing was not allowed. Choose a screen or window and confirm to share it.'
        : `The ${word} is not allowed for this page. Allow it in the address bar, then turn it on.`,
    ],
    NotFoundError: ['media_missing', `No ${word} was found. Connect one, then turn it on.`],
    OverconstrainedError: ['media_missing', `No ${word} fits the wanted settings.`],
    NotReadableError: [
      'media_busy',
      `The ${word} is in use by another program. Close that program, then turn it on.`,
    ],
    NotSupportedError: [
      'media_unavailable',
      `This page cannot use the ${word}. Open it by https or on localhost in a current browser.`,
    ],
    AbortError: ['media_aborted', `The call was over before the ${word} was ready.`],
  }[error?.name] ?? ['media_failed', `The ${word} could not be opened: ${error?.message ?? error}`];
  return new JsapiError({ code, kind: 'media', message, source });
}
