// What texts and chains look like as requests and answers: checked on the way out, bare on the way in.

import { badRequest } from './errors.js';

// The members of a `text` request. A text goes into a chain, or founds one with those it is `to`.
export function textMembers({ from, chainId = null, to = null, body } = {}) {
  const receivers = to === null || Array.isArray(to) ? to : [to];
  if (typeof from !== 'string' || typeof body !== 'string') {
    throw badRequest('sendText needs `from`, one of your own profile ids, and `body`, the text.');
  }
  if ((chainId === null) === (receivers === null)) {
    throw badRequest('sendText needs either `chainId` or `to`: where the text belongs.');
  }
  return chainId === null ? { from, to: receivers, body } : { from, chainId, body };
}

// The members of a request for one page of a list.
export function pageMembers({ before = null, limit = null } = {}) {
  return { ...(before !== null && { before }), ...(limit !== null && { limit }) };
}

// {items, more} of an answer.
export function pageOf({ items = [], more = false }) {
  return { items, more };
}

// A text from its event, without what belongs to the envelope.
export function messageOf({ id, chainId, members, from, body, at }) {
  return { id, chainId, members, from, body, at };
}
