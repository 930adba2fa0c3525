// What can go wrong, in one shape: `code` and `kind` for programs, `message` for people.

export class JsapiError extends Error {
  // `kind` is one of request, auth, state, retry, server (from the server), or media (this device).
  constructor({ code, kind, message, ...details }) {
    super(message);
    this.name = 'JsapiError';
    this.code = code;
    this.kind = kind;
    Object.assign(this, details);
  }
}

export function badRequest(message) {
  return new JsapiError({ code: 'bad_request', kind: 'request', message });
}

export function notActive(message) {
  return new JsapiError({ code: 'not_active', kind: 'state', message });
}

export function connectionLost(message) {
  return new JsapiError({ code: 'unavailable', kind: 'retry', message });
}

export function callOver(message) {
  return new JsapiError({ code: 'ended', kind: 'state', message });
}
