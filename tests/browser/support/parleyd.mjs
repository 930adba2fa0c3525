// The real parleyd: started on free ports with a configuration of its own in a temporary folder.

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { until } from './until.mjs';

const kRoot = fileURLToPath(new URL('../../..', import.meta.url));

// $PARLEYD, or what was built in a folder build* of the project.
function findBinary() {
  if (process.env.PARLEYD) return process.env.PARLEYD;
  const folders = readdirSync(kRoot).filter((name) => name.startsWith('build'));
  const built = folders.map((name) => join(kRoot, name, 'src/app/parleyd')).filter(existsSync);
  if (built.length === 0) throw new Error('There is no parleyd: build it, or name it in PARLEYD.');
  return built[0];
}

async function freeTcpPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function freeUdpPort() {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

export class Parleyd {
  #binary;
  #folder;
  #grants;
  #process;
  #config;
  output = '';

  // `limits` are lines for the group [limits] of the configuration; `grants` stand in its tokens.
  static async start({ limits = [], grants = [] } = {}) {
    const server = new Parleyd();
    server.#binary = findBinary();
    server.#grants = grants;
    server.#folder = mkdtempSync(join(tmpdir(), 'parleyd-'));
    const port = await freeTcpPort();
    server.url = `http://localhost:${port}`;
    server.#config = join(server.#folder, 'parleyd.conf');
    writeFileSync(join(server.#folder, 'secret'), randomBytes(32).toString('hex'), { mode: 0o600 });
    const lines = [
      '[http]',
      `port = ${port}`,
      `client = ${join(kRoot, 'client')}`,
      '[media]',
      `udp-port = ${await freeUdpPort()}`,
      '[store]',
      `path = ${join(server.#folder, 'parley.db')}`,
      '[recordings]',
      `folder = ${join(server.#folder, 'recordings')}`,
      '[key "test"]',
      'algorithm = HS256',
      'secret-file = secret',
      '[limits]',
      ...limits,
      '',
    ];
    writeFileSync(server.#config, lines.join('\n'));
    await server.#run();
    return server;
  }

  async #run() {
    this.#process = spawn(this.#binary, ['--config', this.#config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (process.env.PARLEYD_LOG) this.#process.stderr.on('data', (text) => process.stderr.write(text));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on('data', (text) => (this.output += text));
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => resolve(code ?? signal));
    });
    let over;
    void this.exited.then((how) => (over = how));
    await until('parleyd answers', async () => {
      if (over !== undefined) throw new Error(`parleyd ended with ${over}:\n${this.output}`);
      return fetch(`${this.url}/healthz`).then((answer) => answer.ok, () => false);
    }, { describe: () => this.output });
  }

  // Where its configuration is, its store, and what it records.
  get folder() {
    return this.#folder;
  }

  get pid() {
    return this.#process.pid;
  }

  async token(profile) {
    const { stdout } = await promisify(execFile)(this.#binary, [
      '--config', this.#config, '--print-token', profile,
      ...(this.#grants.length > 0 ? ['--grants', this.#grants.join()] : []),
    ]);
    return stdout.trim();
  }

  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    if (!line) throw new Error(`/metrics has no ${name}:\n${text}`);
    return Number(line.split(' ')[1]);
  }

  // What the process holds now. What comes and goes by itself is not counted: connections of clients
  // (HTTP keep-alive), and the idle threads of GLib's pool, which end when they like.
  async holdings() {
    const legs = (await this.metric('parley_legs')) + (await this.metric('parley_legs_reaping'));
    const proc = `/proc/${this.pid}`;
    const tasks = readdirSync(`${proc}/task`).map((task) => textOf(`${proc}/task/${task}/comm`));
    const tcp = new Set(['tcp', 'tcp6'].flatMap((name) => socketsIn(`${proc}/net/${name}`)));
    const fds = readdirSync(`${proc}/fd`).map((fd) => linkOf(`${proc}/fd/${fd}`));
    return {
      legs,
      threads: tasks.filter((name) => name && !name.startsWith('pool-')).length,
      fds: fds.filter((target) => target && !tcp.has(target)).length,
    };
  }

  // Ends it without any warning, as a crash or a power cut would.
  async kill() {
    this.#process.kill('SIGKILL');
    await this.exited;
  }

  // Starts it again as it was, after kill().
  restart() {
    return this.#run();
  }

  // Ends it as an operator would; rejects when it does not end well.
  async stop() {
    this.#process.kill('SIGTERM');
    const how = await this.exited;
    rmSync(this.#folder, { recursive: true });
    if (how !== 0) throw new Error(`parleyd ended with ${how}:\n${this.output}`);
  }
}

// The sockets of a table of the kernel, as /proc/PID/fd names them (proc(5), /proc/net/tcp).
function socketsIn(table) {
  const lines = readFileSync(table, 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => `socket:[${line.trim().split(/\s+/)[9]}]`);
}

// Null for what ended while we looked.
const textOf = (path) => unlessGone(() => readFileSync(path, 'utf8').trim());
const linkOf = (path) => unlessGone(() => readlinkSync(path));

function unlessGone(read) {
  try {
    return read();
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}
