// What a call costs on one database and on the other: CPU time of the server, not of PostgreSQL.
import { Connek, releaseBinary } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { compareCosts, us } from '../cost.js';

const clients = 16;

async function serving(scope, isOnSqlite) {
  const connek = await Connek.serving(scope, { binary: releaseBinary, isOnSqlite, config: loadConfig(clients), ledger: loadLedger, args: ['--workers', '1'] });
  return { servers: [connek], people: await Load.clients(connek, clients) };
}

export default [
  {
    title: 'a call, strict, on PostgreSQL against SQLite',
    aim: 'CPU per call at most 1.3 times',
    async run(scope, { rounds }) {
      const sides = [await serving(scope, true), await serving(scope, false)];
      const { costs, ratios } = await compareCosts(sides, { rounds: rounds(9, 25), calls: 5000 });
      return { held: ratios[1] <= 1.3, figure: `${us(costs[0])} on SQLite, ${us(costs[1])} on PostgreSQL: ${ratios[1].toFixed(2)} times (median of pairs)` };
    },
  },
];
