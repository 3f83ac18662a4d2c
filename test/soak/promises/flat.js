// Load for a while at about two thirds of what the machine can do: memory and descriptors stay what they were.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { descriptors, memoryBytes } from '../process.js';

const MiB = 1024 * 1024;
const clients = 16;

export default [
  {
    title: 'memory and descriptors under load that goes on',
    aim: 'flat: no more than 8 MiB and no descriptor more in the second half than in the first',
    async run(scope, { rounds, isFull }) {
      const connek = await Connek.serving(scope, { binary: releaseBinary, isOnSqlite: true, config: loadConfig(clients), ledger: loadLedger });
      const load = new Load(await Load.clients(connek, clients), { kind: 'reads', pauseMs: 5 }).start();
      const samples = [];
      const turns = rounds(60, 1800);
      for (let i = 0; i < turns; i++) {
        await sleep(1000);
        // The load keeps what was acknowledged: that is its memory, not the server's.
        load.acknowledged.length = 0;
        if (i >= turns / 6) samples.push({ memory: memoryBytes(connek.pid), descriptors: descriptors(connek.pid) });
      }
      await load.stop();
      assert.deepEqual(load.wrong.slice(0, 3), []);
      assert.equal(load.refused + load.broken, 0);
      const most = (list, what) => Math.max(...list.map((sample) => sample[what]));
      const [first, second] = [samples.slice(0, samples.length / 2), samples.slice(samples.length / 2)];
      const grown = most(second, 'memory') - most(first, 'memory');
      const more = most(second, 'descriptors') - most(first, 'descriptors');
      const figure = `${load.calls} calls in ${isFull ? `${turns / 60} minutes` : `${turns} s`}: ${(most(first, 'memory') / MiB).toFixed(1)} MiB and ${most(first, 'descriptors')} descriptors in the first half, ${(grown / MiB).toFixed(1)} MiB and ${more} more in the second`;
      return { held: grown <= 8 * MiB && more <= 0, figure };
    },
  },
];
