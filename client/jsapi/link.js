// One WebSocket to the server, from its hello to its end.

import { JsapiError, badRequest, connectionLost } from './errors.js';

const kSubprotocol = 'jsapi.v1';
// Our choice: an answer takes milliseconds; a server that is silent for this long is not there.
const kWelcomeTimeoutMs = 10_000;

export class Link {
  #platform;
  #url;
  #socket = null;
  #handlers;
  #timer;
  #welcomed = false;
  #bye = null;

  // `hello` are the members of the first frame. One of these is called, once: welcome(frame), or
  // refused(JsapiError); after welcome: frame(frame) for each, and lost(bye) at the end, with the
  // reason the server gave, if any. None of them is called after close().
  constructor(platform, url, hello, handlers) {
    this.#platform = platform;
    this.#url = url;
    this.#handlers = handlers;
    try {
      this.#socket = platform.openSocket(url, kSubprotocol);
    } catch (error) {
      this.#refuse(badRequest(`"${url}" is not an address to connect to: ${error.message}`));
      return;
    }
    const id = platform.uuid();
    this.#socket.onopen = () => this.send({ type: 'hello', id, ...hello });
    this.#socket.onmessage = ({ data }) => this.#received(parse(data));
    this.#socket.onclose = ({ code } = {}) => this.#closed(code);
    this.#timer = platform.setTimeout(() => this.#closed(), kWelcomeTimeoutMs);
  }

  send(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  // Gives the socket up. Browsers take minutes to find out that nobody is there any more: what
  // they say of this socket from now on is of no interest.
  close() {
    const socket = this.#socket;
    this.#socket = null;
    this.#platform.clearTimeout(this.#timer);
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(1000);
  }

  #received(frame) {
    if (!frame) return;
    if (frame.type === 'bye') {
      this.#bye = frame.reason;
    } else if (this.#welcomed) {
      this.#handlers.frame(frame);
    } else if (frame.type === 'welcome') {
      this.#welcomed = true;
      this.#platform.clearTimeout(this.#timer);
      this.#handlers.welcome(frame);
    } else if (frame.type === 'error') {
      this.close();
      this.#refuse(new JsapiError(frame));
    }
  }

  #closed(code) {
    const bye = this.#bye;
    this.close();
    if (this.#welcomed) this.#handlers.lost(bye);
    else this.#refuse(refusedBy(this.#url, code, bye));
  }

  #refuse(error) {
    this.#platform.clearTimeout(this.#timer);
    this.#handlers.refused(error);
  }
}

// The frame in a text, or null when it is none of the protocol.
function parse(data) {
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === 'string' ? frame : null;
  } catch {
    return null;
  }
}

function refusedBy(url, closeCode, bye) {
  if (closeCode === 1008) {
    return new JsapiError({
      code: 'unauthorized',
      kind: 'auth',
      message: 'The server refused this page or its token; check both with whoever runs it.',
    });
  }
  const why = bye ? ` (${bye})` : '';
  // A browser does not tell a page that it was turned away for where it comes from.
  return connectionLost(
    `No connection to ${url}${why}; check the address and the network, and whether the server's ` +
      'setting "origins" lets this page in.',
  );
}
