// What a rate let in, held against what it may: by times that are read on our side of the wire, so that a machine that stands
// still for a while proves nothing wrong.
import assert from 'node:assert/strict';
import { legacy, send } from '../integration/support/mcp.js';

export const ping = (node, token) => send(node.url(token), legacy('ping'));

// Many at once, in turn at each of `nodes`: how many of them were let in, by what the time allows.
export async function exact(nodes, token, { cap, n }) {
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: n }, (_, i) => ping(nodes[i % nodes.length], token)));
  const seconds = (performance.now() - began) / 1000;
  const count = (wanted) => answers.filter(({ status }) => status === wanted).length;
  assert.equal(count(200) + count(429) + count(503), n);
  assert.ok(answers.every(({ status, headers }) => status === 200 || Number(headers.get('retry-after')) >= 1));
  assert.ok(count(200) <= cap + Math.floor((seconds * cap) / 60), `${count(200)} of ${cap} in ${seconds} s`);
  // Where the machine stood still, a server says that it may not serve, or could not ask.
  assert.ok(count(200) >= cap - count(503), `${count(200)} of ${cap}, ${count(503)} could not be asked for`);
  return count(200);
}

// `clients` call as fast as they are answered, each at the URLs in turn, until somebody was refused `ms` ago and still is. Who gets
// no answer has failed.
export async function flood(urls, { clients, ms }) {
  const run = { admitted: 0, refused: 0, failed: 0, begunAt: performance.now(), pauseMs: 0 };
  const lastAnswers = new Map();
  let firstRefused = Infinity;
  const one = async (client) => {
    for (let i = client; ; i++) {
      const sentAt = performance.now();
      const url = urls[i % urls.length];
      const { status, text } = await send(url, legacy('ping')).catch(() => ({ status: 503 })); // its server died
      const now = performance.now();
      run.firstAnswerAt ??= now;
      run.endedAt = now;
      run.pauseMs = Math.max(run.pauseMs, now - (lastAnswers.get(url) ?? now));
      lastAnswers.set(url, now);
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
// the last one was refused the bucket had been empty a moment before: what it had given by then is what was to be had. It is judged
// only where there were far more calls all the time: a server that does not run for a while loses its share.
export function judge(run, perMinute) {
  const perMs = perMinute / 60_000;
  const most = perMinute + (run.endedAt - run.begunAt) * perMs;
  const lease = 1000 * perMs;
  const toBeHad = perMinute + Math.max(0, run.lastRefusedAt - run.firstAnswerAt - 500) * perMs;
  const figure = `${run.admitted} let in and ${run.refused} refused in ${Math.round(run.endedAt - run.begunAt)} ms at ${perMinute} a minute: ` +
    `${((100 * run.admitted) / toBeHad).toFixed(1)}% of what was to be had, ${((100 * run.admitted) / most).toFixed(1)}% of the most`;
  assert.ok(run.admitted <= most + lease, `${figure}; the most is ${Math.floor(most)} and a lease of ${lease}`);
  const isJudged = run.pauseMs < 250 && run.admitted + run.refused > 1.5 * toBeHad;
  if (isJudged) assert.ok(run.admitted >= 0.9 * toBeHad - run.failed, figure);
  const why = isJudged ? '' : ` (not judged: the machine was too slow; a server paused for ${Math.round(run.pauseMs)} ms)`;
  return { figure: figure + why, isJudged, share: run.admitted / toBeHad };
}
