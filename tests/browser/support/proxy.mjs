// A TCP proxy in front of a server, for what networks do to connections: they cut them, and are not
// there for a while. UDP does not go through it, so media is never concerned.

import { connect, createServer } from 'node:net';

export class Proxy {
  #target;
  #listener;
  #pairs = new Set();
  #up = true;

  // In front of `server`, on a free port.
  static async start(server) {
    const proxy = new Proxy();
    proxy.#target = Number(new URL(server.url).port);
    proxy.#listener = createServer((socket) => proxy.#pass(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.#listener.once('listening', resolve));
    proxy.url = `http://localhost:${proxy.#listener.address().port}`;
    return proxy;
  }

  // Cuts what is there; new connections get through.
  cut() {
    for (const end of this.#pairs) end();
  }

  // From now on nothing gets through.
  down() {
    this.#up = false;
    this.cut();
  }

  up() {
    this.#up = true;
  }

  async stop() {
    this.down();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #pass(socket) {
    if (!this.#up) {
      socket.resetAndDestroy();
      return;
    }
    const server = connect(this.#target, '127.0.0.1');
    // As a network that is gone: neither side is told by a proper close of the WebSocket.
    const end = () => {
      this.#pairs.delete(end);
      socket.resetAndDestroy();
      server.destroy();
    };
    this.#pairs.add(end);
    for (const half of [socket, server]) half.on('error', end).on('close', end);
    socket.pipe(server);
    server.pipe(socket);
  }
}
