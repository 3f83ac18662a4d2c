// kill -9 at random moments under load.
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { killUnderLoad } from '../../faults/kill.js';
import { loadConfig, loadLedger } from '../../faults/load.js';

// On PostgreSQL most of a round goes by until the old lease has ended: two servers, each on a database of its own, are killed beside
// each other.
const killed = (title, isOnSqlite, servers) => ({
  title: `kill -9 under load, ${title}`,
  aim: 'no acknowledged call without its record, no write without its intent, chains whole',
  async run(scope, { rounds }) {
    const n = Math.ceil(rounds(40, 400) / servers);
    const sums = { acknowledged: 0, written: 0, unknown: 0 };
    const kill = async () => {
      const connek = await Connek.serving(scope, { binary: releaseBinary, isOnSqlite, config: loadConfig(8), ledger: loadLedger });
      const counts = await killUnderLoad(connek, n, () => sleep(20 + Math.random() * 400));
      for (const name of Object.keys(sums)) sums[name] += counts[name];
    };
    await Promise.all(Array.from({ length: servers }, kill));
    return `${n * servers} rounds: ${sums.acknowledged} acknowledged, ${sums.written} written, ${sums.unknown} with unknown outcome`;
  },
});

export default [killed('SQLite', true, 1), killed('PostgreSQL', false, 2)];
