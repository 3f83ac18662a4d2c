// What a rate let in, held against what it may: by times that are read on our side of the wire, so that a machine that stands
// still for a while proves nothing wrong.
import assert from 'node:assert/strict';
import { legacy, send } from '../integration/support/mcp.js';

// `clients` call as fast as they are answered, each at the URLs in turn, until somebody was refused `ms` ago and still is.
export async function flood(urls, { clients, ms }) {
  const run = { admitted: 0, refused: 0, failed: 0, begunAt: performance.now() };
  let firstRefused = Infinity;
  const one = async (client) => {
    for (let i = client; ; i++) {
      const sentAt = performance.now();
      const { status, text } = await send(urls[i % urls.length], legacy('ping'));
      const now = performance.now();
      run.firstAnswerAt ??= now;
      run.endedAt = now;
      if (status === 200) run.admitted++;
      else if (status === 503) run.failed++;
      else {
        assert.equal(status, 429, text);
        run.refused++;
        firstRefused = Math.min(firstRefused, now);
        run.lastRefusedAt = Math.max(run.lastRefusedAt ?? 0, sentAt);
        if (now - firstRefused > ms) return;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
  return run;
}

// A bucket that was full at the beginning gives `perMinute` at once and the rate from then on. One lease is a second of it. When
// the last one was refused the bucket had been empty a moment before: what it had given by then is what was to be had.
export function judge(run, perMinute) {
  const perMs = perMinute / 60_000;
  const most = perMinute + (run.endedAt - run.begunAt) * perMs;
  const lease = 1000 * perMs;
  const toBeHad = perMinute + Math.max(0, run.lastRefusedAt - run.firstAnswerAt - 500) * perMs;
  const figure = `${run.admitted} let in and ${run.refused} refused in ${Math.round(run.endedAt - run.begunAt)} ms at ${perMinute} a minute: ` +
    `${((100 * run.admitted) / toBeHad).toFixed(1)}% of what was to be had, ${((100 * run.admitted) / most).toFixed(1)}% of the most`;
  assert.ok(run.admitted <= most + lease, `${figure}; the most is ${Math.floor(most)} and a lease of ${lease}`);
  assert.ok(run.admitted >= 0.9 * toBeHad - run.failed, figure);
  return { figure, share: run.admitted / toBeHad };
}
