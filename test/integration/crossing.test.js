// Many clients at once that all use the same ids: no answer goes to the wrong one. `make proof` runs the long form.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek, releaseBinary } from './support/connek.js';
import { held, isLong, rounds } from './support/proof.js';
import { Load, loadConfig, loadLedger } from '../faults/load.js';

const clients = 100;
const calls = rounds(10_000, 1_000_000);

test(`${clients} clients that all use id 0, ${calls} calls: none crossed`, async (t) => {
  const connek = await Connek.serving(t, { config: loadConfig(clients), ledger: loadLedger, args: ['--workers', '3'], ...(isLong && { binary: releaseBinary }) });
  const load = new Load(await Load.clients(connek, clients), { kind: 'reads', most: calls });
  await load.start().end();
  t.diagnostic(`${load.calls} calls`);
  assert.deepEqual(load.wrong.slice(0, 3), []);
  assert.equal(load.refused + load.broken, 0);
  assert.ok(load.calls >= calls);
  held(`${clients} clients that all use id 0: calls, none crossed`, load.calls);
});
