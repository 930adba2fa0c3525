// Waiting for what takes its time: a condition is looked at until it holds.

const kLookEveryMs = 100;

// Resolves with the first truthy value of `condition`; after `timeoutMs` it rejects and says what
// was waited for and, by `describe`, what was there instead.
export async function until(what, condition, { timeoutMs = 30_000, describe } = {}) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) {
      const instead = describe ? `; instead: ${JSON.stringify(await describe())}` : '';
      throw new Error(`Waited ${timeoutMs} ms for: ${what}${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, kLookEveryMs));
  }
}
