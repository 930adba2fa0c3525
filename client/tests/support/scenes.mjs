// How a test begins: a connected client, one that is called, one that calls, one in a call.

import { Client } from '../../jsapi/client.js';
import { offer } from './fake_media.mjs';
import { ScriptedServer, fakePlatform, record, settled } from './scripted_server.mjs';

export const kEvents = ['call:received', 'call:accepted', 'call:end', 'error'];

// A connected client of `profile`, whose server answers call.init and call.accept as `role` says.
export async function connected(profile = 'alice', { initRole = 'active initiator' } = {}) {
  const server = new ScriptedServer();
  server.welcome = { connectionId: `${profile}-1`, userId: profile, profiles: [profile], calls: [] };
  server.answers['call.init'] = (frame) => ({ callId: frame.id, chainId: frame.chainId ?? frame.id, role: initRole });
  server.answers['call.accept'] = () => ({ role: 'active receiver' });
  const platform = fakePlatform(server);
  const client = new Client(platform);
  const log = record(client, ...kEvents);
  await client.connect({ token: 'T' });
  return { ...platform, server, client, log };
}
export const kInit = { chainId: 'k1', from: 'alice', to: ['bob'], settings: { audio: true, video: true } };

export async function invited(profile = 'bob', init = {}) {
  const made = await connected(profile);
  made.server.event('call.init', { ...kInit, role: null, ...init });
  await settled();
  return { ...made, call: made.client.calls[0] };
}
export async function calling(options) {
  const made = await connected('alice', options);
  const call = made.client.openCall('alice', 'bob', null, { audio: true, video: true });
  await settled();
  return { ...made, call };
}
export function states(call) {
  return Object.fromEntries(call.participants.map((p) => [p.profileId, p.state]));
}

// Bob, in a call from Alice that he has accepted or (accept: false) not yet.
export async function inCall({ accept = true, options, prepare = () => {}, to = ['bob'] } = {}) {
  const server = new ScriptedServer();
  server.welcome = { connectionId: 'b1', userId: 'bob', profiles: ['bob'], calls: [], iceServers: [] };
  server.answers['call.accept'] = () => ({ role: 'active receiver' });
  const platform = fakePlatform(server);
  prepare(platform);
  const client = new Client(platform);
  const errors = record(client, 'error');
  await client.connect({ token: 'T' });
  server.event('call.init', {
    chainId: 'k1', from: 'alice', to, settings: { audio: true, video: true }, role: null,
  });
  await settled();
  const [call] = client.calls;
  const log = record(call, 'stream', 'streamend', 'localstream', 'speaker', 'screenend', 'connection');
  if (accept) await call.accept(options);
  await settled();
  const offered = async (...args) => {
    server.event('media.offer', offer(...args));
    await settled();
  };
  return { ...platform, server, client, call, log, errors, offered, get pc() { return platform.peers.at(-1); } };
}
export const kAlice = [
  { mid: '02', profileId: 'alice', source: 'mic' },
  { mid: '03', profileId: 'alice', source: 'camera' },
];
export const answerOf = (server) => server.sent('media.answer').at(-1);
export const directions = (frame) => Object.fromEntries(JSON.parse(frame.sdp).map((l) => [l.mid, l.direction]));
export const published = (server) => server.sent('media.publish').map(({ sources }) => sources);

// ---- a call as a welcome tells of it ---------------------------------------------------------

export const kSnapshot = {
  callId: 'k1',
  ...kInit,
  role: null,
  state: 'ringing',
  canJoin: true,
  participants: [
    { profileId: 'alice', state: 'active', connectionId: 'alice-1', audio: true, video: false },
    { profileId: 'bob', state: 'ringing', audio: true, video: true },
  ],
};

// Bob's call as his new connection is told of it; `state` is what the server makes of his old one.
export function running(state) {
  const bob = { profileId: 'bob', state, connectionId: 'bob-1', audio: true, video: true };
  return {
    ...kSnapshot,
    state: 'running',
    role: 'passive receiver',
    canJoin: state === 'reconnecting',
    participants: [kSnapshot.participants[0], bob],
  };
}

export async function reconnect({ server, clock }, calls, connectionId = 'new') {
  server.welcome = { ...server.welcome, connectionId, calls };
  server.socket.drop();
  await settled();
  await clock.advance(1000);
}
