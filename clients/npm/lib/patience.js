// How long a message waits for a gateway that is not there, and what may be sent twice.
import { setTimeout as sleep } from 'node:timers/promises';

const firstMs = 250;
const longestMs = 5_000;

// RFC 9110, 9.2.2 in spirit: these change nothing, or the same thing again.
const repeatable =
  /^(initialize|ping|server\/discover|tools\/list|(resources|prompts|skills)\/.+|completion\/complete|logging\/setLevel|subscriptions\/listen|tasks\/(get|list|result))$/;

export const mayRepeat = (method) => repeatable.test(method);

export class Patience {
  constructor(totalMs) {
    this.totalMs = totalMs;
  }

  begin() {
    return { until: Date.now() + this.totalMs, tries: 0 };
  }

  // Sleeps before the next try; false where there is none. `leastMs`: what the other side asked for.
  async wait(state, signal, leastMs = 0) {
    const grown = Math.min(longestMs, firstMs * 2 ** state.tries++);
    const ms = Math.max(leastMs, grown * (0.75 + Math.random() / 2));
    if (Date.now() + ms > state.until) return false;
    await sleep(ms, undefined, { signal });
    return true;
  }
}

// RFC 9110, 10.2.3, its delay form; 0 where there is none.
export function retryAfterMs(headers) {
  const value = headers['retry-after'];
  return /^\d{1,6}$/.test(value ?? '') ? Number(value) * 1000 : 0;
}
