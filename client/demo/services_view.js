// What the server does with the call in front beside carrying it: the marks that say so, the question
// whether one may be recorded, and the dialog to record, go live, or have the call mixed.

import { LivePreview } from './live_preview.js';
import { announce, element, toggle } from './dom.js';
import { names } from './words.js';

const kStates = {
  asking: 'Waiting for everybody to agree',
  starting: 'Starting…',
  on: 'Recording',
  live: 'Live',
  reconnecting: 'Reconnecting…',
};

export class ServicesView {
  #call = null;
  #tell;
  #listening = [];
  #busy = false; // something was asked of the server
  #preview = new LivePreview(element('live-preview'));

  // `tell` (error or sentence).
  constructor({ tell }) {
    this.#tell = tell;
    element('call-more').addEventListener('click', () => element('services-dialog').showModal());
    element('toggle-record').addEventListener('click', () => this.#toggleRecording());
    element('record-start').addEventListener('click', () => this.#toggleRecording());
    element('consent-yes').addEventListener('click', () => this.#try((call) => call.consent(true)));
    element('consent-no').addEventListener('click', () => this.#try((call) => call.consent(false)));
    element('consent-change').addEventListener('click', () => this.#changeMind());
    element('live-start').addEventListener('click', () => this.#toggleLive('hls'));
    element('rtmp-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#toggleLive('rtmp', element('rtmp-url').value.trim());
    });
    element('mix-me').addEventListener('change', (event) => this.#mix(event.target, { profileId: this.#call.profileId }));
    element('mix-all').addEventListener('change', (event) => this.#mix(event.target));
  }

  // Of `call`, or of nothing.
  show(call) {
    if (call !== this.#call) this.#change(call);
    this.#render();
  }

  #change(call) {
    for (const off of this.#listening) off();
    this.#call = call;
    this.#listening = [];
    element('services-dialog').close();
    element('mix-all').checked = false;
    if (!call) return;
    this.#listening = [
      call.on('recording', (recording) => this.#recorded(recording)),
      call.on('bridge', (bridge) => this.#bridged(bridge)),
      call.on('mode', () => this.#render()),
    ];
  }

  #recorded(recording) {
    if (recording?.state === 'on') announce('This call is being recorded');
    if (recording?.state === 'ended') announce('The recording has ended');
    if (recording?.state === 'failed') this.#tell(`The recording failed: ${recording.message ?? 'the server did not say why'}`);
    this.#render();
  }

  #bridged({ kind, state, message, direction }) {
    const what = direction === 'in' ? 'The source' : kind === 'hls' ? 'The broadcast' : 'The stream';
    if (state === 'live') announce(`${what} is live`);
    if (state === 'failed') this.#tell(`${what} failed: ${message ?? 'the server did not say why'}`);
    this.#render();
  }

  // ---- what is shown ------------------------------------------------------------------------

  #render() {
    const call = this.#call;
    const recording = call?.recording ?? null;
    const live = (call?.bridges ?? []).filter(({ direction }) => direction === 'out');
    badge(element('call-recording'), recording && kStates[recording.state]);
    badge(element('call-live'), live.length > 0 && (live.some(({ state }) => state === 'live') ? kStates.live : 'Going live…'));
    const asks = Boolean(call?.asksConsent);
    if (asks && element('consent').hidden) announce(element('consent-text').textContent);
    element('consent').hidden = !asks;
    if (!call) {
      this.#preview.show(null);
      return;
    }
    const ready = call.isActive && !this.#busy;
    toggle(element('toggle-record'), {
      pressed: recording !== null, icon: recording ? 'i-stop' : 'i-record', text: recording ? 'Stop' : 'Record', disabled: !ready,
    });
    element('call-more').disabled = !call.isActive;
    this.#renderRecording(recording, ready);
    this.#renderLive(live, ready);
    const mixed = call.mode === 'mix';
    element('mix-me').checked = mixed;
    for (const id of ['mix-me', 'mix-all']) element(id).disabled = !ready;
    element('mix-state').textContent = mixed ? 'This device gets one picture and one sound of all.' : '';
  }

  #renderRecording(recording, ready) {
    const start = element('record-start');
    start.disabled = !ready;
    start.textContent = recording ? 'Stop recording' : 'Start recording';
    start.className = recording ? 'danger' : 'primary';
    for (const id of ['record-layout', 'record-consent']) element(id).disabled = !ready || recording !== null;
    element('record-state').textContent = recording ? recordingWords(recording) : '';
    const mine = recording?.consents[this.#call.profileId];
    element('consent-change').hidden = !recording || typeof mine !== 'boolean';
    element('consent-change').textContent = mine ? 'Leave me out of it' : 'You may record me';
  }

  #renderLive(live, ready) {
    const hls = live.find(({ kind }) => kind === 'hls');
    const rtmp = live.find(({ kind }) => kind === 'rtmp');
    element('live-start').disabled = !ready;
    element('live-start').textContent = hls ? 'End the broadcast' : 'Go live';
    element('live-start').className = hls ? 'danger' : 'primary';
    element('live-state').textContent = hls ? `${kStates[hls.state]}${hls.message ? `: ${hls.message}` : ''}` : '';
    element('live-link').hidden = hls?.state !== 'live';
    if (hls?.watch) element('live-link').href = hls.watch;
    element('rtmp-url').disabled = !ready || Boolean(rtmp);
    element('rtmp-start').disabled = !ready;
    element('rtmp-start').textContent = rtmp ? 'Stop' : 'Send';
    element('rtmp-state').textContent = rtmp ? `${kStates[rtmp.state]}${rtmp.message ? `: ${rtmp.message}` : ''}` : '';
    this.#preview.show(hls?.state === 'live' ? hls.watch : null);
  }

  // ---- what is asked for ---------------------------------------------------------------------

  #toggleRecording() {
    return this.#try((call) => {
      if (call.recording) return call.stopRecording();
      const policy = element('record-consent').checked ? 'consent' : 'notify';
      return call.startRecording({ layout: element('record-layout').value, policy });
    });
  }

  #changeMind() {
    return this.#try((call) => call.consent(!call.recording?.consents[call.profileId]));
  }

  #toggleLive(kind, url) {
    return this.#try((call) => {
      const running = call.bridges.find((bridge) => bridge.direction === 'out' && bridge.kind === kind);
      return running ? call.stopBridge(running.bridgeId) : call.startBridge({ kind, url });
    });
  }

  async #mix(box, options) {
    const wanted = box.checked;
    const done = await this.#try((call) => call.setMode(wanted ? 'mix' : 'forward', options));
    if (!done) box.checked = !wanted;
  }

  // Returns whether the server did it. The call may be over meanwhile; that is no error worth telling.
  async #try(act) {
    const call = this.#call;
    this.#busy = true;
    this.#render();
    let done = false;
    try {
      await act(call);
      done = true;
    } catch (error) {
      if (call.state !== 'ended') this.#tell(error);
    }
    this.#busy = false;
    this.#render();
    return done;
  }
}

function badge(node, text) {
  node.hidden = !text;
  node.querySelector('span').textContent = text || '';
}

function recordingWords({ state, consents }) {
  const refused = Object.keys(consents).filter((profileId) => consents[profileId] === false);
  return refused.length > 0 ? `${kStates[state]}, without ${names(refused)}` : kStates[state];
}
