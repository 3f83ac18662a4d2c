// A long trail: a million records, made by calls, and verified; a call costs what it did when there were none.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Connek, releaseBinary, run } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { costOf, us } from '../cost.js';
import { median } from '../process.js';

const n = 1_000_000;
const script = join(import.meta.dirname, '../../bench/load.lua');

// wrk asks who it is, again and again: a call, and so a record, each. How many.
async function makeRecords(connek, seconds) {
  const { token } = await connek.token('user0@acme.example');
  const body = await connek.writeFile('call.json', { jsonrpc: '2.0', id: 0, method: 'tools/call', params: { name: 'connek_whoami', arguments: {} } });
  const args = ['-t', '1', '-c', '64', '-d', `${seconds}s`, '-s', script, connek.url(token), '--', body, 'user0@acme.example', 'Content-Type: application/json'];
  const { code, stdout, stderr } = await run('wrk', args, { timeoutMs: (seconds + 30) * 1000 });
  assert.equal(code, 0, stderr);
  const { calls, wrong, socket_errors: broken, first_wrong: first } = JSON.parse(stdout.trim().split('\n').at(-1));
  assert.equal(wrong + broken, 0, `${first} of ${calls}: ${connek.stderr.split('\n').filter((line) => /error|warn/.test(line)).slice(0, 3).join(' ')}`);
  return calls;
}

async function cost(connek, people) {
  const costs = [];
  for (let i = 0; i < 9; i++) costs.push(await costOf({ servers: [connek], people }, 4000));
  return median(costs);
}

export default [
  {
    title: `${n.toLocaleString('en')} audit records verified`,
    aim: 'under 10 s; CPU per call within 10% of what it was with a thousandth of them',
    async run(scope) {
      const connek = await Connek.serving(scope, { binary: releaseBinary, isOnSqlite: true, config: loadConfig(16), args: ['--audit', 'relaxed', '--workers', '1'], ledger: loadLedger });
      const people = await Load.clients(connek, 16);
      const before = await cost(connek, people);
      let records = 0;
      for (let i = 0; i < 60 && records < n; i++) records += await makeRecords(connek, 10);
      assert.ok(records >= n, `${records} records only`);
      const after = await cost(connek, people);
      await connek.stop();
      const begun = performance.now();
      const { code, stdout, stderr } = await connek.verify();
      const seconds = (performance.now() - begun) / 1000;
      assert.equal(code, 0, stdout + stderr);
      const bytes = Math.round(statSync(join(connek.data, 'connek.db')).size / records);
      const figure = `${records.toLocaleString('en')} records of ${bytes} bytes, each made by a call, in ${seconds.toFixed(1)} s; a call ${us(before)} before, ${us(after)} after them`;
      return { held: seconds < 10 && after <= before * 1.1, figure };
    },
  },
];
