// The demo: a messenger with a telephone in it, made of JSAPI alone. This file joins what the
// server tells with what is shown.

import { JSAPI } from '/jsapi/jsapi.js';

import { Bars } from './bars.js';
import { CallView } from './call_view.js';
import { ChainList } from './chain_list.js';
import { ConversationView } from './conversation_view.js';
import { Conversations } from './conversations.js';
import { announce, element, keepFocus } from './dom.js';
import { IncomingView } from './incoming_view.js';
import { PeopleDialog } from './people_dialog.js';
import { Phone } from './phone.js';
import { RecordingsDialog } from './recordings_dialog.js';
import { ServicesView } from './services_view.js';
import { clearToasts, toast } from './toasts.js';
import { play } from './tones.js';
import { ending, isMissed, names, others } from './words.js';

// #token=JWT&device=Laptop&contacts=bob,carol, and quality=low for slow machines.
const settings = new URLSearchParams(location.hash.slice(1));
const kCamera =
  settings.get('quality') === 'low'
    ? { width: 320, height: 240, frameRate: 15 }
    : { width: { ideal: 1280 }, height: { ideal: 720 } };

const page = {
  connecting: false,
  everConnected: false,
  open: null, // the conversation that is shown
  callShown: false, // whether the call in front is what is shown
  contacts: list(settings.get('contacts')),
};

const device = settings.get('device') ?? 'This device';
const chains = new Conversations({ api: JSAPI, device, onChange: () => renderSoon() });
const phone = new Phone({ api: JSAPI, camera: kCamera, onChange: () => renderSoon(), tell });
const dialog = new PeopleDialog();
const callView = new CallView({
  tell,
  onHangup: (call) => void phone.hangup(call),
  onAdd: (call) => void addPeople(call),
  onChat: () => openConversation(chains.ofCall(phone.front)),
});
const services = new ServicesView({ tell });
const recordings = new RecordingsDialog({ api: JSAPI });
const incoming = new IncomingView({
  accept: (call, video) => void accept(call, video),
  decline: (call, reason) => void phone.decline(call, reason),
});
const bars = new Bars({
  take: (call) => void showCall(() => phone.take(call)),
  join: (call) => void accept(call, call.me.state === 'reconnecting' ? call.me.video : call.settings.video),
  hangup: (call) => void phone.hangup(call),
  resume: (call) => void showCall(() => phone.resume(call)),
  dismiss: (call) => phone.dismiss(call),
  show: () => void showCall(() => {}),
  reconnect: () => void connect(settings.get('token')),
});
const chainList = new ChainList({
  onOpen: (known) => openConversation(known),
  onPerson: (id) => openConversation(chains.with([id])),
  onMore: () => void chains.loadMore(),
  onRetry: () => void chains.refresh(),
});
const conversationView = new ConversationView({
  onCall: (known, video) => void dial(known, video),
  onBack: () => openConversation(null),
  onSeen: (known) => {
    if (!document.hidden && !callCovers()) chains.sawAll(known);
  },
});

function list(text) {
  return [...new Set((text ?? '').split(',').map((id) => id.trim()).filter(Boolean))];
}

// ---- connecting -----------------------------------------------------------------------------

async function connect(token) {
  page.connecting = true;
  render();
  try {
    const { profiles } = await JSAPI.connect({ token });
    element('whoami-profile').textContent = names(profiles);
    element('whoami-device').textContent = settings.get('device') ?? 'This device';
    element('whoami').hidden = false;
    phone.comeBack();
  } catch (error) {
    tell(error);
  }
  page.connecting = false;
  render();
}

JSAPI.on('connection:state', (state, { resumed }) => {
  // What happened meanwhile is asked for, not guessed, where the server did not tell it by itself.
  if (state === 'connected' && !resumed) {
    if (page.everConnected) chains.suspect();
    page.everConnected = true;
    void chains.refresh();
  }
  render();
});

element('connect-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = element('connect-token').value.trim();
  const name = element('connect-device').value.trim();
  settings.set('token', token);
  if (name) settings.set('device', name);
  settings.set('contacts', element('connect-contacts').value);
  page.contacts = list(settings.get('contacts'));
  // A reloaded page shall find them again.
  history.replaceState(null, '', `#${settings}`);
  void connect(token);
});

// ---- conversations --------------------------------------------------------------------------

function openConversation(known) {
  const from = page.open;
  page.open = known;
  page.callShown = false;
  if (known) clearToasts('text');
  render();
  // On a phone the keyboard must not jump up by itself.
  if (known && matchMedia('(hover: hover)').matches) conversationView.focus();
  if (!known && from) keepFocus(element('chain-list').querySelector('button') ?? element('new-conversation'));
}

JSAPI.on('text:received', (message) => {
  const known = chains.received(message);
  const mine = JSAPI.profiles.includes(message.from);
  const inView = known === page.open && !callCovers() && !document.hidden;
  if (mine || inView) return;
  const show = { text: 'Open', act: () => openConversation(known) };
  toast('text', message.from, message.body.slice(0, 140), show);
});

element('new-conversation').addEventListener('click', async () => {
  const ids = await dialog.choose({ title: 'New conversation', submit: 'Start', ids: callable() });
  if (ids) openConversation(chains.with(ids));
});

element('show-recordings').addEventListener('click', () => void recordings.open());

// Everybody this page knows of, but this user.
function callable() {
  const known = chains.list().flatMap((conversation) => conversation.others);
  return [...new Set([...page.contacts, ...known])].filter((id) => !JSAPI.profiles.includes(id));
}

// ---- calls ----------------------------------------------------------------------------------

async function showCall(act) {
  page.callShown = true;
  await act();
  render();
}

async function dial(known, video) {
  announce(`Calling ${names(known.others)}`);
  const chainId = await known.decided();
  page.callShown = true;
  const call = await phone.dial({ from: known.me, to: known.others, chainId }, video);
  known.foundedBy(call);
  render();
  element('hangup').focus({ preventScroll: true });
}

function accept(call, video) {
  page.open = chains.ofCall(call);
  return showCall(() => phone.accept(call, { video }));
}

async function addPeople(call) {
  // Who declined or left may be rung once more; who began the call joins again by itself.
  const gone = call.participants.filter(({ state }) => state === 'left').map(({ profileId }) => profileId);
  const present = call.participants.map(({ profileId }) => profileId).filter((id) => !gone.includes(id));
  const known = new Set([...callable(), ...gone]);
  const ids = [...known].filter((id) => id !== call.from && !present.includes(id));
  const chosen = await dialog.choose({ title: 'Add people to this call', submit: 'Call', ids });
  if (!chosen || call.state === 'ended') return;
  try {
    await call.invite(chosen);
    announce(`Calling ${names(chosen)}`);
  } catch (error) {
    if (call.state !== 'ended') tell(error);
  }
}

JSAPI.on('call:accepted', (call, acceptedBy, fromConnection) => {
  if (fromConnection === JSAPI.connectionId) return;
  if (acceptedBy === call.profileId) toast('info', 'Answered on your other device', names(others(call)));
  else announce(`${acceptedBy} accepted the call`);
});
JSAPI.on('call:end', (call) => {
  const covered = callView.call === call;
  chains.callEnded(call);
  phone.update();
  if (covered && !phone.front) leaveCallView(call);
  tellEnding(call, covered);
  renderSoon();
});
JSAPI.on('calls:changed', () => {
  for (const call of JSAPI.calls) if (call.state !== 'opening') chains.callGoesOn(call);
  phone.update();
  renderSoon();
});
JSAPI.on('error', (error) => tell(error));

// From the call back to the conversation it belongs to.
function leaveCallView(call) {
  page.callShown = false;
  page.open = chains.ofCall(call);
}

function tellEnding(call, covered) {
  const { title, text } = ending(call);
  const known = chains.ofCall(call);
  if (isMissed(call)) {
    const back = { text: 'Call back', act: () => void dial(known, call.settings.video) };
    toast('missed', `Missed call from ${call.from}`, '', back);
  } else if (call.outcome === 'failed' || call.error) {
    toast('error', title, text);
  } else if (covered || call.from === call.profileId) {
    toast('ended', title, text);
  } else {
    announce(title);
  }
}

// `error`, or a sentence.
function tell(error) {
  // A call that could not be opened says so at its end.
  if (error.call?.error && error.call.error === error) return;
  const next = error.kind === 'auth' ? 'Open a fresh link, or paste another token.' : '';
  toast('error', error.message ?? String(error), next);
}

// ---- what is shown --------------------------------------------------------------------------

function callCovers() {
  return page.callShown && phone.front !== null;
}

let planned = false;
function renderSoon() {
  if (planned) return;
  planned = true;
  queueMicrotask(() => {
    planned = false;
    render();
  });
}

function render() {
  phone.update();
  const { front } = phone;
  const own = JSAPI.profiles;
  const signedOut = JSAPI.state === 'disconnected' && !page.connecting && !page.everConnected;
  element('connect').hidden = !signedOut;
  element('messenger').hidden = signedOut;
  // A call that came to the front by itself is shown: one reloaded, or the next one waiting.
  if (front && front !== callView.call) page.callShown = true;
  const covers = callCovers();
  element('messenger').dataset.pane = covers ? 'call' : page.open ? 'conversation' : 'list';
  element('call').hidden = !covers;
  element('conversation').hidden = covers || !page.open;
  element('nothing').hidden = covers || Boolean(page.open);

  renderLink();
  callView.show(front);
  services.show(front);
  incoming.show(phone.ringing, front);
  bars.show({
    link: page.connecting ? 'connected' : JSAPI.state,
    everConnected: page.everConnected,
    front: covers ? null : front,
    held: phone.held,
    elsewhere: phone.elsewhere,
  });
  const liveIn = (known) =>
    JSAPI.calls.find(({ chainId, state }) => chainId === known.chainId && state !== 'opening') ?? null;
  chainList.show({ chains, own, open: page.open, contacts: page.contacts, liveIn });
  const shown = covers ? null : page.open;
  if (shown) {
    conversationView.show(shown, { own, live: liveIn(shown), online: JSAPI.state !== 'disconnected' });
  }
  const calling = front?.state === 'ringing' && front.role === 'active initiator';
  play(phone.ringing.length > 0 ? (front ? 'waiting' : 'ring') : calling ? 'ringback' : null);
  document.title = title(front);
}

function title(front) {
  const [ringing] = phone.ringing;
  if (ringing) return `${ringing.from} is calling – Parley`;
  const news = chains.missed + chains.unread;
  const count = news > 0 ? `(${news}) ` : '';
  return front ? `${count}${names(others(front))} – Parley` : `${count}Parley`;
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
  const { missed } = chains;
  element('missed-badge').hidden = missed === 0;
  element('missed-count').textContent = String(missed);
  element('missed-badge').title = `${missed} missed call${missed === 1 ? '' : 's'}`;
}

// What came in while nobody looked is seen now.
document.addEventListener('visibilitychange', () => renderSoon());

render();
if (settings.get('token')) void connect(settings.get('token'));
