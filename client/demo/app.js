// The demo: a telephone in a page, made of JSAPI alone. This file joins the screens with the calls.

import { JSAPI } from '/jsapi/jsapi.js';

import { CallScreen } from './call_screen.js';
import { Contacts } from './contacts.js';
import { announce, element, notice, people, show } from './dom.js';
import { play, audible, unlock } from './tones.js';
import { clock, ending, isMissed, names, others, stateOf } from './words.js';

// #token=JWT&device=Laptop&contacts=bob,carol, and quality=low for slow machines.
const settings = new URLSearchParams(location.hash.slice(1));
const kCamera =
  settings.get('quality') === 'low'
    ? { width: 320, height: 240, frameRate: 15 }
    : { width: { ideal: 1280 }, height: { ideal: 720 } };

const page = {
  incoming: [], // calls that ring here and wait for the user
  ended: null, // the call whose end is shown
  dismissed: new Set(), // calls that go on without this user, who does not want to see them
  passiveShown: null,
  connecting: false,
};
const contacts = new Contacts({ onCall: (to, video) => dial(to, video) });
const callScreen = new CallScreen({ onError: (error) => tell(error) });

// ---- connecting -----------------------------------------------------------------------------

async function connect(token) {
  page.connecting = true;
  render();
  try {
    const { profiles } = await JSAPI.connect({ token });
    element('whoami-profile').textContent = names(profiles);
    element('whoami-device').textContent = settings.get('device') ?? 'This device';
    element('whoami').hidden = false;
    contacts.setOwn(profiles);
    notice(null);
  } catch (error) {
    tell(error);
  }
  page.connecting = false;
  render();
}

element('connect-form').addEventListener('submit', (event) => {
  event.preventDefault();
  settings.set('token', element('connect-token').value.trim());
  const device = element('connect-device').value.trim();
  if (device) settings.set('device', device);
  settings.set('contacts', element('connect-contacts').value);
  contacts.set(list(settings.get('contacts')));
  void connect(settings.get('token'));
});

function list(text) {
  return (text ?? '').split(',').map((id) => id.trim()).filter(Boolean);
}

// ---- calls ----------------------------------------------------------------------------------

function dial(to, video) {
  page.ended = null;
  contacts.clearChoice();
  JSAPI.openCall({ from: JSAPI.profiles[0], to, settings: { audio: true, video: video && kCamera } });
  announce(`Calling ${names(to)}`);
  element('hangup').focus();
}

async function accept(call, choice) {
  page.incoming = page.incoming.filter((other) => other !== call);
  try {
    // One conversation at a time: taking this call ends the one that is on.
    await active()?.hangup();
    page.ended = null;
    await call.accept(choice);
  } catch (error) {
    // That another device was faster is no error: this page shows it as such.
    if (error.code !== 'already_accepted' && error.code !== 'ended') tell(error);
  }
  render();
}

async function decline(call) {
  page.incoming = page.incoming.filter((other) => other !== call);
  render();
  await call.reject('declined').catch((error) => error.code === 'ended' || tell(error));
}

JSAPI.on('call:received', (call) => {
  page.incoming.push(call);
  announce(`${call.from} is calling`);
  render();
  if (page.incoming.length === 1) element('incoming-video').focus();
});
JSAPI.on('call:accepted', (call, acceptedBy, fromConnection) => {
  if (fromConnection === JSAPI.connectionId) return;
  const where = acceptedBy === call.profileId ? 'on your other device' : 'the call';
  announce(acceptedBy === call.profileId ? `Answered ${where}` : `${acceptedBy} accepted ${where}`);
});
JSAPI.on('call:end', (call) => {
  const wasShown = call === callScreen.call || call === page.passiveShown || rings(call);
  page.incoming = page.incoming.filter((other) => other !== call);
  page.dismissed.delete(call);
  contacts.remember(call);
  if (wasShown && !active()) page.ended = isMissed(call) ? null : call;
  announce(ending(call).title);
  render();
});
JSAPI.on('calls:changed', () => render());
JSAPI.on('connection:state', () => render());
JSAPI.on('error', (error) => tell(error));

function tell(error) {
  // A call that could not be opened says so on its own end screen.
  if (error.call?.error === error) return;
  const next = error.kind === 'auth' ? ' Open a fresh link, or paste another token.' : '';
  notice((error.message ?? String(error)) + next);
}

// ---- what is shown --------------------------------------------------------------------------

const rings = (call) => page.incoming.includes(call);
const active = () =>
  JSAPI.calls.find((call) => call.state === 'opening' || call.role?.startsWith('active'));

// Calls that go on elsewhere: on another device of this user, or without this user after all.
function passive() {
  return JSAPI.calls.find((call) => {
    const elsewhere = call.role?.startsWith('passive') || call.me.state === 'left';
    return elsewhere && call !== active() && !page.dismissed.has(call);
  });
}

function render() {
  page.incoming = page.incoming.filter((call) => call.rings);
  renderLink();
  renderIncoming(page.incoming[0]);
  const call = active();
  const standby = call ? null : passive();
  callScreen.show(call ?? null);
  page.passiveShown = standby;
  if (JSAPI.state === 'disconnected' && !page.connecting && !page.ended) show('screen-connect');
  else if (call) show('screen-call');
  else if (standby) renderPassive(standby);
  else if (page.ended) renderEnded(page.ended);
  else show('screen-idle');
  const calling = call?.state === 'ringing' && call.role === 'active initiator';
  play(page.incoming.length > 0 ? 'ring' : calling ? 'ringback' : null);
  document.title = title(call ?? standby);
}

function title(call) {
  if (page.incoming[0]) return `${page.incoming[0].from} is calling – Parley`;
  return call ? `${names(others(call))} – Parley` : 'Parley';
}

function renderLink() {
  const words = {
    disconnected: 'Not connected',
    connecting: 'Connecting…',
    connected: 'Online',
    reconnecting: 'Reconnecting…',
  };
  element('link').dataset.state = JSAPI.state;
  element('link-text').textContent = words[JSAPI.state];
}

function renderIncoming(call) {
  const sheet = element('incoming');
  const wasHidden = sheet.hidden;
  sheet.hidden = !call;
  element('main').inert = Boolean(call);
  if (!call) return;
  contacts.paintAvatar(element('incoming-avatar'), call.from);
  element('incoming-title').textContent = `${call.from} is calling`;
  const more = others(call).filter((id) => id !== call.from);
  const kind = call.settings.video ? 'Video call' : 'Audio call';
  const group = more.length > 0 ? ` with ${names(more)}` : '';
  const ends = active() ? ' Accepting it ends the call you are in.' : '';
  element('incoming-text').textContent = `${kind}${group}.${ends}`;
  element('incoming-video').hidden = !call.settings.video;
  element('incoming-audio').querySelector('span').textContent = call.settings.video
    ? 'Accept with audio only'
    : 'Accept';
  if (wasHidden) void showWhetherHeard();
  if (wasHidden) sheet.querySelector('button:not([hidden])').focus();
}

async function showWhetherHeard() {
  element('incoming-sound').hidden = audible();
  await unlock(); // browsers that want a click first resolve this after it
  element('incoming-sound').hidden = audible();
}

function renderPassive(call) {
  const who = names(others(call));
  const elsewhere = ['active', 'reconnecting'].includes(call.me.state);
  const lost = call.me.state === 'reconnecting';
  const calling = call.state === 'ringing';
  element('passive-title').textContent = calling ? `Calling ${who}` : `Call with ${who}`;
  element('passive-where').textContent = lost
    ? 'Your other device has lost its connection to this call.'
    : elsewhere
      ? `${calling ? 'You are calling' : 'You are in this call'} on your other device.`
      : 'You are not in this call; it goes on without you.';
  people(element('passive-people'), call.participants.map((participant) => ({
    name: participant.profileId === call.profileId ? 'You' : participant.profileId,
    state:
      participant.profileId === call.profileId && elsewhere
        ? `on your other device${lost ? ', reconnecting…' : ''}`
        : stateOf(participant, participant.profileId === call.from),
    live: participant.state === 'active',
  })));
  element('passive-join').hidden = !call.canJoin;
  element('passive-hangup').hidden = call.me.state === 'left';
  element('passive-close').hidden = call.me.state !== 'left';
  show('screen-passive');
}

function renderEnded(call) {
  const { title: heading, text } = ending(call);
  element('ended-title').textContent = heading;
  element('ended-text').textContent = text;
  const group = call.to.length > 1;
  people(element('ended-people'), group
    ? call.participants
        .filter(({ profileId }) => profileId !== call.profileId)
        .map((participant) => ({ name: participant.profileId, state: stateOf(participant) }))
    : []);
  show('screen-ended');
}

function tick() {
  const call = active() ?? page.passiveShown;
  const text = call?.acceptedAt && call.state === 'running' ? clock(Date.now() - call.acceptedAt) : '';
  element('call-time').textContent = text;
  element('passive-time').textContent = text;
}

// ---- buttons --------------------------------------------------------------------------------

const on = (id, act) => element(id).addEventListener('click', act);
on('incoming-video', () => accept(page.incoming[0], { audio: true, video: kCamera }));
on('incoming-audio', () => accept(page.incoming[0], { audio: true, video: false }));
on('incoming-decline', () => decline(page.incoming[0]));
on('passive-join', () => {
  const { me, settings: wanted } = page.passiveShown;
  // In the place of a lost device, what was muted there stays so: nobody is heard or seen without
  // having wished it.
  const choice =
    me.state === 'reconnecting'
      ? { video: me.video && kCamera }
      : { audio: true, video: wanted.video && kCamera };
  void accept(page.passiveShown, choice);
});
on('passive-hangup', () => page.passiveShown.hangup().catch(tell));
on('passive-close', () => {
  page.dismissed.add(page.passiveShown);
  render();
});
on('ended-again', () => dial(others(page.ended), page.ended.settings.video));
on('ended-close', () => {
  page.ended = null;
  render();
});
on('notice-close', () => notice(null));

// The first click or key makes sound possible.
for (const event of ['pointerdown', 'keydown']) {
  addEventListener(event, showWhetherHeard);
}
// Who closes the page leaves the call, instead of being lost after a while.
addEventListener('pagehide', () => void active()?.hangup().catch(() => {}));

contacts.set(list(settings.get('contacts')));
setInterval(tick, 500);
render();
if (settings.get('token')) void connect(settings.get('token'));
