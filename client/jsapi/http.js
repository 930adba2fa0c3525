// The part of the server's HTTP API that pages use, at the host of the WebSocket.

import { JsapiError, connectionLost } from './errors.js';

// Resolves with what the answer holds, or null. `url` is the WebSocket's; `path` begins with '/'.
export async function askHttp(platform, { method, path, url, token }) {
  let response;
  let text;
  try {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    response = await platform.fetch(addressOf(url, path), { method, headers });
    text = await response.text();
  } catch (error) {
    throw connectionLost(`The server could not be asked for ${path.split('?')[0]}: ${error.message}`);
  }
  const body = parsed(text);
  if (response.ok && body !== undefined) return body;
  throw new JsapiError(body ?? { code: 'internal', kind: 'server', message: `The server answered with HTTP ${response.status}.` });
}

// Undefined: it is no JSON, as what a proxy says of itself.
function parsed(text) {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}

// wss://HOST/ws -> https://HOST/path
export function addressOf(url, path) {
  const { protocol, host } = new URL(url);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}${path}`;
}
