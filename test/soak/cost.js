// What calls cost servers, compared in turn within one run: CPU time a call, of all threads of the servers, and of nothing else.
import assert from 'node:assert/strict';
import { Load } from '../faults/load.js';
import { cpuUs, median } from './process.js';

// `servers`: those that `people` ask. Microseconds a call.
export async function costOf({ servers, people }, calls) {
  const before = servers.map(({ pid }) => cpuUs(pid));
  const load = await new Load(people, { kind: 'reads', most: calls }).start().end();
  assert.deepEqual(load.wrong.slice(0, 3), []);
  assert.equal(load.refused + load.broken, 0);
  return servers.reduce((sum, { pid }, i) => sum + cpuUs(pid) - before[i], 0) / load.calls;
}

// Each of `sides` in turn, again and again. { costs, ratios }: medians; the ratios to the first, of each round's own. `cost`: what a
// call costs a side.
export async function compareCosts(sides, { rounds, calls, cost = (side) => costOf(side, calls) }) {
  for (const side of sides) await cost(side);
  const table = [];
  for (let round = 0; round < rounds; round++) {
    const row = [];
    for (const side of sides) row.push(await cost(side));
    table.push(row);
  }
  return { costs: sides.map((_, i) => median(table.map((row) => row[i]))), ratios: sides.map((_, i) => median(table.map((row) => row[i] / row[0]))) };
}

export const us = (cost) => `${cost.toFixed(0)} us`;
