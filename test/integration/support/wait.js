// Waiting for what another process brings about, a moment later.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

// Until `check` throws no more; what it returns.
export async function eventually(check, { timeoutMs = 30_000 } = {}) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

// Until it is so; what `isSo` returns then. `what`: what is said where that never comes, or a function that says it.
export function until(what, isSo, options) {
  return eventually(async () => (await isSo()) || assert.fail(`never: ${typeof what === 'function' ? what() : what}`), options);
}
