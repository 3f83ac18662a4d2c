// More access tokens, more connections: a call costs what it did.
import { resolve } from 'node:path';
import { Connek, releaseBinary, run } from '../../integration/support/connek.js';
import { Load, loadConfig, loadLedger } from '../../faults/load.js';
import { compareCosts, us } from '../cost.js';
import { memoryBytes } from '../process.js';

const clients = 16;
const fillTokens = resolve(import.meta.dirname, '../../../build/release/test/bench/million_tokens');
const words = (n) => n.toLocaleString('en');

async function serving(scope, config, prepare = async () => {}) {
  const connek = await Connek.create(scope, { binary: releaseBinary, isOnSqlite: true });
  await connek.makeDatabase('ledger.db', loadLedger);
  await connek.apply(config);
  await prepare(connek);
  await connek.start('--workers', '1');
  const memory = memoryBytes(connek.pid);
  return { servers: [connek], people: await Load.clients(connek, clients), memory };
}

// `make` gives a server with so many of them.
function scale(title, counts, make) {
  return {
    title,
    aim: 'CPU per call within 10%; memory of each is told',
    async run(scope, { rounds }) {
      const sides = [];
      for (const n of counts) sides.push(await make(scope, n));
      const { costs, ratios } = await compareCosts(sides, { rounds: rounds(9, 25), calls: 4000 });
      const each = Math.round((sides.at(-1).memory - sides[0].memory) / (counts.at(-1) - counts[0]));
      const figure = `${counts.map((n, i) => `${words(n)}: ${us(costs[i])} (${ratios[i].toFixed(2)})`).join(', ')}; ${words(each)} bytes of memory each`;
      return { held: ratios.every((ratio) => ratio <= 1.1), figure };
    },
  };
}

export default [
  scale('access tokens', [100, 10_000, 1_000_000], (scope, n) =>
    serving(scope, loadConfig(clients), async (connek) => {
      const { code, stderr } = await run(fillTokens, ['fill', connek.data, 'acme', 'user0@acme.example', String(n)], { timeoutMs: 300_000 });
      if (code !== 0) throw new Error(`million_tokens: ${stderr}`);
    }),
  ),
  scale('connections', [10, 1000, 10_000], (scope, n) => {
    const config = loadConfig(clients);
    const tool = { name: 'get', does: 'read', description: 'Gets it.', input: { type: 'object', properties: {} }, call: 'GET /get' };
    return serving(scope, {
      ...config,
      connectors: [{ manifest: 1, id: 'service', name: 'Service', tools: [tool] }],
      connections: [...config.connections, ...Array.from({ length: n }, (_, i) => ({ name: `service-${i}`, connector: 'service', settings: { base: `https://service-${i}.example` } }))],
    });
  }),
];
