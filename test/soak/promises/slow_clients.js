// Thousands of clients that take their time: sending their headers, sending a body, reading an answer. Whoever behaves is served as
// if they were not there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { descriptors, median } from '../process.js';

const n = 4000;
const secondsMs = 4000;

// All of them there (test/soak/crowd.js): { leave }
async function slowClients(base, path) {
  const crowd = new Worker(new URL('../crowd.js', import.meta.url), { workerData: { base, path, n } });
  await once(crowd, 'message');
  return {
    leave: async () => {
      crowd.postMessage('leave');
      await once(crowd, 'exit');
    },
  };
}

async function p99(people) {
  const load = new Load(people, { kind: 'reads', pauseMs: 5, wantsLatencies: true });
  load.start();
  await sleep(secondsMs);
  await load.stop();
  assert.deepEqual(load.wrong.slice(0, 3), []);
  assert.equal(load.refused + load.broken, 0);
  return load.percentile(0.99);
}

export default [
  {
    title: `${n.toLocaleString('en')} slow clients`,
    aim: "a good client's p99 under twice its quiet value",
    async run(scope, { rounds }) {
      const connek = await Connek.serving(scope, { binary: releaseBinary, isOnSqlite: true, config: loadConfig(8), ledger: loadLedger });
      const people = await Load.clients(connek, 8);
      await p99(people);
      const before = descriptors(connek.pid);
      const pairs = [];
      let fewest = n;
      for (let round = 0; round < rounds(3, 10); round++) {
        const quiet = await p99(people);
        const slow = await slowClients(connek.base, people[0].path);
        await sleep(500);
        const beside = await p99(people);
        fewest = Math.min(fewest, descriptors(connek.pid) - before);
        await slow.leave();
        await sleep(500);
        pairs.push({ quiet, beside, ratio: beside / quiet });
      }
      const ratio = median(pairs.map((pair) => pair.ratio));
      const figure = `p99 ${median(pairs.map(({ quiet }) => quiet)).toFixed(1)} ms quiet, ${median(pairs.map(({ beside }) => beside)).toFixed(1)} ms beside them: ${ratio.toFixed(2)} times (median of ${pairs.length} pairs); the server still had ${fewest} of them at the end`;
      return { held: ratio < 2, figure };
    },
  },
];
