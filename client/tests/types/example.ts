// Compiles only while the declarations fit what an application does with JSAPI.
import JSAPI, { createClient, type Call, JsapiError } from '../../jsapi/jsapi.js';

export async function ring(video: HTMLVideoElement): Promise<Call> {
  await JSAPI.connect({ url: 'wss://calls.example.org/ws', token: async () => 'JWT' });
  const off = JSAPI.on('call:received', (call) => {
    void call.accept({ audio: true, video: { width: 640 } });
  });
  off();
  JSAPI.once('call:end', (call, outcome) => {
    const words: string = outcome ?? 'unknown';
    console.log(call.chainId, words, call.outcomes?.bob);
  });
  JSAPI.on('error', (error) => error instanceof JsapiError && console.log(error.kind));
  const call = JSAPI.openCall('alice', ['bob', 'carol'], null, { audio: true, video: true });
  call.on('stream', ({ stream, source }) => {
    if (source === 'camera') video.srcObject = stream;
  });
  call.on('state', (state, role) => {
    if (state === 'running' && role === 'active initiator') void call.shareScreen();
  });
  const { tracks } = await call.getStats();
  console.log(tracks.map((track) => track.framesDecoded ?? 0));
  // @ts-expect-error: there is no such event
  call.on('dance', () => {});
  // @ts-expect-error: there is no such kind
  await call.mute('smell');
  return call.ready;
}

export const other = createClient().openCall({ from: 'alice', to: 'bob', immediate: false });
