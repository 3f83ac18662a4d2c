// kill -9 at random moments under load.
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { killUnderLoad } from '../../faults/kill.js';
import { loadConfig, loadLedger } from '../../faults/load.js';

const killed = (title, isOnSqlite) => ({
  title: `kill -9 under load, ${title}`,
  aim: 'no acknowledged call without its record, no write without its intent, chains whole',
  async run(scope, { rounds }) {
    const connek = await Connek.serving(scope, { binary: releaseBinary, isOnSqlite, config: loadConfig(8), ledger: loadLedger });
    const { acknowledged, written, unknown } = await killUnderLoad(connek, rounds(40, 400), () => sleep(20 + Math.random() * 400));
    return `${rounds(40, 400)} rounds: ${acknowledged} acknowledged, ${written} written, ${unknown} with unknown outcome`;
  },
});

export default [killed('SQLite', true), killed('PostgreSQL', false)];
