// Small things about the document.

export function element(id) {
  return document.getElementById(id);
}

// Shows one screen. Focus goes to its heading when what had it is gone, so that a screen reader and
// the keyboard start there.
export function show(id) {
  for (const screen of document.querySelectorAll('.screen')) screen.hidden = screen.id !== id;
  const focus = document.activeElement;
  const lost = !focus || focus === document.body || focus.closest('[hidden]');
  if (!lost || !element('incoming').hidden) return;
  const heading = element(id).querySelector('h1');
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

// Says `text` to screen readers.
export function announce(text) {
  element('live').textContent = text;
}

// A problem and its next step, until dismissed; null takes it away.
export function notice(text) {
  element('notice').hidden = text === null;
  element('notice-text').textContent = text ?? '';
}

// Fills a list of people with {name, state, live}.
export function people(target, entries) {
  const items = entries.map(({ name, state, live }) => {
    const item = document.createElement('li');
    const strong = document.createElement('strong');
    strong.textContent = name;
    const span = document.createElement('span');
    span.textContent = state;
    item.classList.toggle('live', Boolean(live));
    item.append(strong, span);
    return item;
  });
  target.hidden = items.length === 0;
  target.replaceChildren(...items);
}

// A button with an icon says what it will do, and shows by `pressed` what is in effect. Not as
// aria-pressed: "Unmute, pressed" would say the opposite of what is meant.
export function toggle(button, { pressed, icon, text, disabled = false }) {
  button.dataset.pressed = String(pressed);
  button.disabled = disabled;
  button.querySelector('use').setAttribute('href', `#${icon}`);
  button.querySelector('span').textContent = text;
}
