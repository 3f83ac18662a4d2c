// What a call costs, in pairs: on one database and the other, by one node and by two. CPU time of the servers alone, not of PostgreSQL.
import assert from 'node:assert/strict';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { cpuUs, median } from '../process.js';

const clients = 16;

// `servers`: those that `people` ask. Microseconds a call.
async function costOf(servers, people, calls) {
  const before = servers.map(({ pid }) => cpuUs(pid));
  const load = await new Load(people, { kind: 'reads', most: calls }).start().end();
  assert.deepEqual(load.wrong.slice(0, 3), []);
  assert.equal(load.refused + load.broken, 0);
  return servers.reduce((sum, { pid }, i) => sum + cpuUs(pid) - before[i], 0) / load.calls;
}

async function compare(one, other, rounds, calls) {
  await costOf(...one, calls);
  await costOf(...other, calls);
  const pairs = [];
  for (let round = 0; round < rounds; round++) pairs.push([await costOf(...one, calls), await costOf(...other, calls)]);
  return { one: median(pairs.map(([a]) => a)), other: median(pairs.map(([, b]) => b)), ratio: median(pairs.map(([a, b]) => b / a)) };
}

const serving = (scope, options) => Connek.serving(scope, { binary: releaseBinary, config: loadConfig(clients), ledger: loadLedger, args: ['--workers', '1'], ...options });

export default [
  {
    title: 'a call, strict, on PostgreSQL against SQLite',
    aim: 'CPU per call at most 1.3 times',
    async run(scope, { rounds }) {
      const sqlite = await serving(scope, { isOnSqlite: true });
      const postgres = await serving(scope);
      const { one, other, ratio } = await compare([[sqlite], await Load.clients(sqlite, clients)], [[postgres], await Load.clients(postgres, clients)], rounds(7, 25), 5000);
      return { held: ratio <= 1.3, figure: `${one.toFixed(0)} us on SQLite, ${other.toFixed(0)} us on PostgreSQL: ${ratio.toFixed(2)} times (median of pairs)` };
    },
  },
];
