// Short notes that go away by themselves: news, missed calls, problems with their next step.

import { button, element, icon, make } from './dom.js';

// Our choice: long enough to read a sentence twice.
const kShownMs = 7_000;
const kMost = 4;
const kIcons = { info: 'i-device', missed: 'i-missed', error: 'i-alert', text: 'i-chat', ended: 'i-hangup' };

// `kind`: info, missed, error, text or ended. `action`: {text, act}. Errors and missed calls stay
// until somebody has seen to them; the same words are shown once.
export function toast(kind, title, text = '', action = null) {
  const root = element('toasts');
  const said = `${title} ${text}`;
  for (const other of root.children) if (other.dataset.said === said) other.remove();
  while (root.children.length >= kMost) root.firstElementChild.remove();
  const stays = kind === 'missed' || kind === 'error';
  const close = () => node.remove();
  const node = make(
    'div',
    { class: `toast ${kind}`, role: kind === 'error' ? 'alert' : 'status' },
    icon(kIcons[kind]),
    make('div', { class: 'toast-text' }, make('strong', {}, title), text ? make('span', {}, text) : null),
  );
  node.dataset.said = said;
  if (action) {
    node.append(button(action.text, () => {
      close();
      action.act();
    }));
  }
  node.append(button('', close, { className: 'quiet close', iconName: 'i-close', label: 'Dismiss' }));
  root.append(node);
  if (!stays) hideLater(node);
}

// Takes away the notes of one kind: what they told of is being looked at.
export function clearToasts(kind) {
  for (const node of document.querySelectorAll(`.toast.${kind}`)) node.remove();
}

// Not while somebody reads it, or has the focus in it.
function hideLater(node) {
  setTimeout(() => {
    if (!node.isConnected) return;
    if (node.matches(':hover') || node.contains(document.activeElement)) hideLater(node);
    else node.remove();
  }, kShownMs);
}
