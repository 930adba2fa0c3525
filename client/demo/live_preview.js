// A small player for what the call broadcasts as HLS: by hls.js, or by the browser where only that
// can. A browser's own player comes second, for some say that they can and then do not.

const kHls = './vendor/hls.light.min.js'; // a plain script that sets the global Hls

export class LivePreview {
  #video;
  #source = null;
  #player = null;

  constructor(video) {
    this.#video = video;
    video.muted = true; // it is the call itself, some seconds late
  }

  // Plays the playlist at `source`; null ends it.
  show(source) {
    if (source === this.#source) return;
    this.#source = source;
    this.#player?.destroy();
    this.#player = null;
    this.#video.hidden = source === null;
    if (source === null) {
      this.#video.removeAttribute('src');
      this.#video.load();
    } else {
      void this.#play(source);
    }
  }

  async #play(source) {
    const Hls = await library().catch(() => null);
    if (source !== this.#source) return;
    if (!Hls?.isSupported()) {
      this.#video.src = source;
      return;
    }
    this.#player = new Hls({ liveSyncDurationCount: 2, enableWorker: false });
    // A segment that is late is asked for again.
    this.#player.on(Hls.Events.ERROR, (_, { fatal, type }) => {
      if (!fatal) return;
      if (type === Hls.ErrorTypes.MEDIA_ERROR) this.#player?.recoverMediaError();
      else setTimeout(() => this.#player?.loadSource(source), 2_000);
    });
    this.#player.loadSource(source);
    this.#player.attachMedia(this.#video);
  }
}

let loading = null;
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = kHls;
    script.onload = () => resolve(globalThis.Hls);
    script.onerror = () => {
      loading = null; // the next one may
      reject(new Error(`${kHls} could not be loaded`));
    };
    document.head.append(script);
  });
  return loading;
}
