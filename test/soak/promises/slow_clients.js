// Thousands of clients that take their time: sending their headers, sending a body, reading an answer. Whoever behaves is served as
// if they were not there.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { descriptors, median } from '../process.js';

const n = 4000;
const secondsMs = 4000;

// Each says a byte of its request every few seconds, or asks for much and does not read.
async function slowClients(base, path) {
  const { hostname, port } = new URL(base);
  const list = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'tools/list' });
  const head = (length) => `POST ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`;
  const beginnings = [head(100) + 'X-Slow: ', `${head(100_000)}\r\n{"jsonrpc":"2.0",`, `${head(list.length)}\r\n${list}`.repeat(20)];
  const sockets = [];
  for (let i = 0; i < n; i++) {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {}).pause();
    sockets.push({ socket, kind: i % beginnings.length });
    if (i % 200 === 199) await once(socket, 'connect');
  }
  for (const { socket, kind } of sockets) socket.write(beginnings[kind]);
  const timer = setInterval(() => {
    for (const { socket, kind } of sockets) if (kind < 2 && socket.writable && Math.random() < 0.1) socket.write('x');
  }, 200);
  return {
    close: () => {
      clearInterval(timer);
      for (const { socket } of sockets) socket.destroy();
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
        slow.close();
        await sleep(500);
        pairs.push({ quiet, beside, ratio: beside / quiet });
      }
      const ratio = median(pairs.map((pair) => pair.ratio));
      const figure = `p99 ${median(pairs.map(({ quiet }) => quiet)).toFixed(1)} ms quiet, ${median(pairs.map(({ beside }) => beside)).toFixed(1)} ms beside them: ${ratio.toFixed(2)} times (median of ${pairs.length} pairs); the server still had ${fewest} of them at the end`;
      return { held: ratio < 2, figure };
    },
  },
];
