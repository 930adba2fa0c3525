// What the library takes from the browser, in one place, so that tests can hand in their own.

// Every member is looked up when it is used, never when the library is loaded.
export function browserPlatform() {
  return {
    openSocket: (url, protocol) => new globalThis.WebSocket(url, protocol),
    createPeerConnection: (configuration) => new globalThis.RTCPeerConnection(configuration),
    createMediaStream: () => new globalThis.MediaStream(),
    // Undefined where pages may not capture at all: without https and not on localhost.
    mediaDevices: () => globalThis.navigator?.mediaDevices,
    fetch: (url, options) => globalThis.fetch(url, options),
    defaultUrl: () => {
      const { protocol, host } = globalThis.location;
      return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`;
    },
    watchNetwork,
    now: () => Date.now(),
    random: () => Math.random(),
    uuid,
    setTimeout: (callback, delayMs) => globalThis.setTimeout(callback, delayMs),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
  };
}

// crypto.randomUUID is missing in pages without https; getRandomValues is not.
function uuid() {
  if (globalThis.crypto.randomUUID) return globalThis.crypto.randomUUID();
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4 (RFC 9562, 5.4)
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // variant
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [8, 12, 16, 20, 32].map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end)).join('-');
}

// Calls `heard` with 'online', 'changed' (another network, where browsers tell) or 'visible' (the
// page is looked at again, perhaps after a sleep). Returns a function that ends it.
function watchNetwork(heard) {
  const { document, navigator } = globalThis;
  const watched = [
    [globalThis, 'online', () => heard('online')],
    [navigator?.connection, 'change', () => heard('changed')],
    [document, 'visibilitychange', () => document.visibilityState === 'visible' && heard('visible')],
  ].filter(([target]) => target?.addEventListener);
  for (const [target, event, listener] of watched) target.addEventListener(event, listener);
  return () => {
    for (const [target, event, listener] of watched) target.removeEventListener(event, listener);
  };
}
