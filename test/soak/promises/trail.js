// A long trail: a million records (ten in the long form), made by calls, and verified; a call costs what it does where there are
// hardly any.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { compareCosts, costOf, us } from '../cost.js';
import { flood } from '../wrk.js';

const million = 1_000_000;

// It is asked who it is, again and again: a call, and so a record, each. How many.
async function makeRecords(connek, seconds) {
  const { token } = await connek.token('user0@acme.example');
  return flood(connek, { token, params: { name: 'connek_whoami', arguments: {} }, expected: 'user0@acme.example', connections: 64, seconds });
}

export default [
  {
    title: 'a long trail: verified, and a call beside it',
    aim: 'a million records verified in less than 10 s; CPU per call within 10% of what it is without them',
    async run(scope, { rounds, isFull }) {
      const n = (isFull ? 10 : 1) * million;
      const args = ['--audit', 'relaxed', '--workers', '1'];
      const serve = () => Connek.serving(scope, { binary: releaseBinary, isOnSqlite: true, config: loadConfig(16), args, ledger: loadLedger });
      const long = await serve();
      let records = 0;
      for (let i = 0; i < 120 && records < n; i++) records += await makeRecords(long, 10);
      assert.ok(records >= n, `${records} records only`);
      // Beside one that has hardly any, in turn. Both have put their log back into the database more than once before: the first
      // calls of all do not pay for that yet.
      const short = await serve();
      const side = async (connek) => ({ servers: [connek], people: await Load.clients(connek, 16) });
      const sides = [await side(short), await side(long)];
      await costOf(sides[0], 40_000);
      const { costs, ratios } = await compareCosts(sides, { rounds: rounds(15, 45), calls: 10_000 });
      await short.stop();
      await long.stop();
      const begun = performance.now();
      const { code, stdout, stderr } = await long.verify();
      const seconds = (performance.now() - begun) / 1000;
      assert.equal(code, 0, stdout + stderr);
      const bytes = Math.round(statSync(join(long.data, 'connek.db')).size / records);
      const figure = `${records.toLocaleString('en')} records of ${bytes} bytes, each made by a call, in ${seconds.toFixed(1)} s; a call ${us(costs[0])} without them, ${us(costs[1])} with them: ${ratios[1].toFixed(2)} times (median of pairs)`;
      return { held: seconds < (10 * n) / million && ratios[1] <= 1.1, figure };
    },
  },
];
