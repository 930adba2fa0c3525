// Small things about the document. Text goes in as text only: nothing anybody wrote is ever read as
// HTML.

const kSvg = 'http://www.w3.org/2000/svg';

export function element(id) {
  return document.getElementById(id);
}

// make('button', {class: 'quiet', type: 'button'}, 'Retry'): an element with attributes, and with
// texts and elements in it. A value of true is an empty attribute; false and null are none.
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// One of the drawings in index.html; `label` makes it say something to screen readers.
export function icon(name, label) {
  const svg = document.createElementNS(kSvg, 'svg');
  svg.classList.add('icon');
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  const use = document.createElementNS(kSvg, 'use');
  use.setAttribute('href', `#${name}`);
  svg.append(use);
  return svg;
}

// A button; `act` is called when it is pressed.
export function button(text, act, { className = '', iconName, label } = {}) {
  const node = make('button', { type: 'button', class: className, 'aria-label': label });
  if (iconName) node.append(icon(iconName));
  if (text) node.append(make('span', {}, text));
  node.addEventListener('click', act);
  return node;
}

// Brings the children of `parent` in line with `entries`, in their order, keeping the elements of
// those whose key is still there: focus, selection and scrolling survive.
export function reconcile(parent, entries, { key, create, update }) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const entry of entries) {
    const name = key(entry);
    let child = present.get(name);
    present.delete(name);
    if (!child) {
      child = create(entry);
      child.dataset.key = name;
    }
    update?.(child, entry);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of present.values()) child.remove();
}

// Says `text` to screen readers.
export function announce(text) {
  element('live').textContent = text;
}

// Puts the focus where it does something, when what had it is gone.
export function keepFocus(target) {
  const focus = document.activeElement;
  const lost = !focus || focus === document.body || !focus.checkVisibility();
  if (lost && target) target.focus({ preventScroll: true });
}

// A round badge with initials, in a colour of its own.
export function avatar(ids, className = '') {
  const node = make('span', { class: `avatar ${className}`, 'aria-hidden': 'true' });
  paintAvatar(node, ids);
  return node;
}

export function paintAvatar(node, ids) {
  node.textContent = ids.length > 2 ? String(ids.length) : ids.length === 2
    ? ids.map((id) => id.slice(0, 1).toUpperCase()).join('')
    : initials(ids[0] ?? '?');
  node.style.setProperty('--hue', hue(ids.join(' ')));
}

export function initials(id) {
  const words = id.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const letters = words.length > 1 ? words[0][0] + words[1][0] : id.slice(0, 2);
  return letters.toUpperCase();
}

// The same id has the same colour everywhere; similar ids have different ones (FNV-1a, 32 bits).
export function hue(id) {
  let sum = 0x811c9dc5;
  for (const character of id) sum = Math.imul(sum ^ character.codePointAt(0), 0x01000193) >>> 0;
  return sum % 360;
}

// Fills a list of people with {name, state, live}.
export function people(target, entries) {
  const items = entries.map(({ name, state, live }) =>
    make('li', { class: live ? 'live' : '' }, make('strong', {}, name), make('span', {}, state)),
  );
  target.hidden = items.length === 0;
  target.replaceChildren(...items);
}

// A button with an icon says what it will do, and shows by `pressed` what is in effect. Not as
// aria-pressed: "Unmute, pressed" would say the opposite of what is meant.
export function toggle(target, { pressed, icon: name, text, disabled = false }) {
  target.dataset.pressed = String(pressed);
  target.disabled = disabled;
  target.querySelector('use').setAttribute('href', `#${name}`);
  target.querySelector('span').textContent = text;
}
