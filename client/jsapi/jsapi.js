// JSAPI: calls between users with several devices, from a web page. No dependencies, no UI.
//
//   import { JSAPI } from './jsapi.js';
//   await JSAPI.connect({ url: 'wss://calls.example.org/ws', token });
//   JSAPI.on('call:received', (call) => call.accept());
//   const call = JSAPI.openCall('alice', 'bob', null, { audio: true, video: true });
//   call.on('stream', ({ stream }) => (videoElement.srcObject = stream));

import { Call } from './call.js';
import { Client } from './client.js';
import { JsapiError } from './errors.js';

export { Call, Client, JsapiError };

// A client of its own, for a page that holds more than one session.
export function createClient(platform) {
  return new Client(platform);
}

export const JSAPI = Object.assign(new Client(), { Call, Client, JsapiError, createClient });
export default JSAPI;
