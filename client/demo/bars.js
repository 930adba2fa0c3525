// Strips across the top: no connection, calls on other devices, calls on hold, and the way back to
// the call in front when something else is shown.

import { button, element, icon, make, reconcile } from './dom.js';
import { clock, names, others } from './words.js';

export class Bars {
  #root = element('bars');
  #wishes;

  // `wishes`: take, join, hangup, resume, dismiss, show, each (call); and reconnect ().
  constructor(wishes) {
    this.#wishes = wishes;
    setInterval(() => this.#tick(), 500);
  }

  // `link`: state of the connection; `front` the call in front and not to be seen, or null.
  show({ link, everConnected, front, held, elsewhere }) {
    const bars = [
      ...this.#link(link, everConnected),
      ...(front ? [this.#front(front)] : []),
      ...held.map((call) => this.#held(call)),
      ...elsewhere.map((call) => this.#elsewhere(call)),
    ];
    reconcile(this.#root, bars, {
      // A strip is made anew when anything in it changes.
      key: (bar) => JSON.stringify([bar.kind, bar.id, bar.title, bar.detail, bar.actions.map(({ text }) => text)]),
      create: (bar) => strip(bar),
    });
    this.#tick();
  }

  #link(link, everConnected) {
    if (!everConnected || link === 'connected') return [];
    const lost = link === 'disconnected';
    return [{
      kind: 'offline',
      id: 'link',
      title: lost ? 'Not connected.' : 'Reconnecting…',
      detail: lost
        ? 'Nothing is sent or received.'
        : 'What you write is sent as soon as the connection is back.',
      actions: lost ? [{ text: 'Connect', act: () => this.#wishes.reconnect() }] : [],
    }];
  }

  #front(call) {
    return {
      kind: 'front',
      id: call.id,
      title: names(others(call)),
      detail: call.state === 'running' ? '' : 'calling…',
      call,
      actions: [
        { text: 'Back to call', act: () => this.#wishes.show(call) },
        { text: 'Hang up', className: 'danger', act: () => this.#wishes.hangup(call) },
      ],
    };
  }

  #held(call) {
    return {
      kind: 'held',
      id: call.id,
      title: names(others(call)),
      detail: 'on hold',
      call,
      actions: [
        { text: 'Switch', act: () => this.#wishes.resume(call) },
        { text: 'Hang up', className: 'danger', act: () => this.#wishes.hangup(call) },
      ],
    };
  }

  #elsewhere(call) {
    const who = names(others(call));
    const { take, join, hangup, dismiss } = this.#wishes;
    const bar = { kind: 'elsewhere', id: call.id, call };
    if (call.isTaking) {
      return { ...bar, title: `Moving the call with ${who} here…`, detail: '', busy: true, actions: [] };
    }
    const end = { text: 'Hang up', className: 'danger', act: () => hangup(call) };
    if (call.me.state === 'left') {
      const actions = [{ text: 'Dismiss', act: () => dismiss(call) }];
      if (call.canJoin) actions.unshift({ text: 'Join', className: 'primary', act: () => join(call) });
      return { ...bar, title: `Call with ${who}`, detail: 'goes on without you', actions };
    }
    if (call.me.state === 'reconnecting') {
      const actions = [{ text: 'Take over here', className: 'primary', act: () => join(call) }, end];
      return { ...bar, title: `Call with ${who}`, detail: 'Your other device has lost its connection', actions };
    }
    if (call.state === 'ringing') {
      return { ...bar, title: `Calling ${who}`, detail: 'from another device', actions: [end] };
    }
    const actions = [{ text: 'Take over here', className: 'primary', act: () => take(call) }, end];
    return { ...bar, title: 'In a call on another device', detail: `with ${who}`, actions };
  }

  #tick() {
    for (const time of this.#root.querySelectorAll('.time')) {
      const { call } = time.closest('.bar');
      const runs = call?.state === 'running' && call.acceptedAt;
      time.textContent = runs ? clock(Date.now() - call.acceptedAt) : '';
    }
  }
}

const kIcons = { offline: 'i-alert', front: 'i-phone', held: 'i-pause', elsewhere: 'i-device' };

function strip({ kind, title, detail, call, busy, actions }) {
  const root = make(
    'div',
    { class: `bar ${kind}` },
    busy ? make('span', { class: 'spinner', 'aria-hidden': 'true' }) : icon(kIcons[kind]),
    make('span', { class: 'bar-text' }, make('strong', {}, title), ' ', make('span', {}, detail)),
    make('span', { class: 'time', role: 'timer' }),
    make('span', { class: 'bar-actions' }, ...actions.map(({ text, act, className }) => button(text, act, { className }))),
  );
  root.call = call;
  return root;
}
