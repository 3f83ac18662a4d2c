// make bench: measures Connek beside nginx, all of it in one run and in turn; prints the figures, with their aims, and
// writes build/bench.json. docs/BENCHMARKS.md says how to read them.
//
//   bench.js [--build build/release] [--out build/bench.json] [--rounds 3] [--seconds 3] [--era legacy|modern]
//            [--only loads,micro,start,idle,tokens,pages,scrolling] [--cells TEXT] [--tokens 1000000]
//
// Exit 0 whether aims are met or missed; 1 where something could not be measured or an answer was wrong.
import { constants } from 'node:fs';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { judge } from './aims.js';
import { checkTrail, cores, makeBed, sample } from './bed.js';
import { Connek } from './connek.js';
import { measureConnections, measureStart, measureStreams } from './idle.js';
import { mcpLoads } from './mcp.js';
import { callKinds, makeLedger, organisations } from './organisation.js';
import { run, stopAll } from './process.js';
import { print } from './report.js';
import { inTurn, summarise } from './rounds.js';
import { measurePages } from './pages.js';
import { measureScrolling } from './scrolling.js';
import { measureTokens } from './tokens.js';
import { measure, verify } from './wrk.js';

// What is loaded: a name for people, the target of bed.js, and at how many connections.
const both = [64, 1];
const loads = [
  ['http, direct', 'http direct', both],
  ['http, nginx proxy', 'http nginx', both],
  ['http, strict', 'http strict', both],
  ['http, relaxed', 'http relaxed', [64, 16, 1]],
  ['manifest, minimal, 1 KB', 'minimal relaxed', [64]],
  ['manifest, full, 1 KB', 'full relaxed', [64]],
  ['manifest, minimal, 100 KB', 'minimal_large relaxed', [64]],
  ['manifest, full, 100 KB', 'full_large relaxed', [64]],
  ['http, toolbox', 'http toolbox', [16]],
  ['list, nginx return', 'list nginx', both],
  ['list, connek', 'list strict', both],
  ['list of 1,000, connek', 'wide strict', both],
  ['denied, strict', 'denied strict', both],
  ['sqlite, strict', 'sqlite strict', both],
  ['sqlite, relaxed', 'sqlite relaxed', both],
  ...mcpLoads,
];
const recorded = ['http', 'mcp', 'mcp_stdio', 'minimal', 'minimal_large', 'full', 'full_large', 'denied', 'sqlite'];

const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: 'build/release' },
    out: { type: 'string', default: 'build/bench.json' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    era: { type: 'string', default: 'legacy' },
    only: { type: 'string', default: 'loads,micro,start,idle,tokens,pages,scrolling' },
    cells: { type: 'string', default: '' },
    tokens: { type: 'string', default: '1000000' },
  },
});
const build = resolve(options.build);
const folder = join(build, 'bench');
const connekProgram = join(build, 'connek');
const benchProgram = (name) => join(build, 'test/bench', name);

const programs = ['upstream', 'mcp_upstream', 'commit_time', 'million_tokens', 'schema_floor', 'template_floor', 'lease_floor'];

const say = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);

async function machine() {
  const commits = async () => JSON.parse(await run([benchProgram('commit_time'), folder]));
  const version = async (command) => (await run(['sh', '-c', `${command} 2>&1 || true`])).split('\n')[0];
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memory: totalmem(),
    kernel: release(),
    nginx: await version('/usr/sbin/nginx -v'),
    wrk: await version('wrk -v'),
    connek: await version(`${connekProgram} --version`),
    commit: await commits(),
  };
}

async function measureLoads(failed) {
  const bed = await makeBed({ folder, connekProgram, upstreamProgram: benchProgram('upstream'), mcpUpstreamProgram: benchProgram('mcp_upstream'), era: options.era });
  const calls = { strict: 0, relaxed: 0 };
  const count = (target, n) => {
    const [kind, mode] = target.split(' ');
    if (recorded.includes(kind) && mode in calls) calls[mode] += n;
  };
  const take = async (target, connections) => {
    const request = bed.targets[target];
    await sample(request);
    const cell = await measure(request, { cores, connections, seconds: Number(options.seconds), servers: request.servers, upstream: bed.upstream });
    await sample(request);
    count(target, cell.calls - cell.failed);
    if (cell.failed > 0) throw new Error(`${cell.failed} of ${cell.calls} requests failed`);
    return { ...cell, has_server: request.servers.length > 0 };
  };
  const right = [];
  for (const load of loads.filter(([name]) => name.includes(options.cells))) {
    const [name, target] = load;
    if (!bed.targets[target]) continue; // as bed.missing says
    say(`every answer of ${name}`);
    try {
      count(target, await verify(bed.targets[target], { core: cores.load, expected: bed.targets[target].expected }));
      right.push(load);
    } catch (error) {
      failed(error.message);
    }
  }
  const cells = [64, 16, 1].flatMap((connections) =>
    right
      .filter(([, , wanted]) => wanted.includes(connections))
      .map(([name, target]) => ({ name: `${name}, ${connections}`, take: () => take(target, connections) })),
  );
  const taken = await inTurn(cells, Number(options.rounds), say, failed);
  const summed = Object.fromEntries(Object.entries(taken).map(([name, rounds]) => [name, summarise(rounds)]));
  say('the audit trail');
  await stopAll();
  const trail = {};
  for (const mode of Object.keys(calls)) {
    try {
      trail[mode] = await checkTrail(bed.connek[mode], calls[mode]);
    } catch (error) {
      failed(`audit trail, ${mode}: ${error.message}`);
    }
  }
  return { loads: summed, reply_bytes: bed.sizes, trail, missing: bed.missing };
}

// What one thing of the engine costs by itself: { name: { check: ns, compile: ns, bytes } }, from lines of
// "NAME  VERB NUMBER ns ... NUMBER bytes".
async function measureParts(program) {
  const kinds = {};
  for (const line of (await run([program], { core: cores.server })).trim().split('\n')) {
    const name = line.trim().split(/\s+/)[0];
    kinds[name] = Object.fromEntries([...line.matchAll(/(\w+) +([\d.]+) ns/g)].map(([, verb, ns]) => [`${verb}_ns`, Number(ns)]));
    kinds[name].bytes = Number(/(\d+) bytes/.exec(line)?.[1] ?? 0);
  }
  return kinds;
}

// A data folder with the smaller organisation: what start, idle and tokens are measured with.
async function quietConnek(name) {
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  const connek = new Connek(connekProgram, home);
  const ledger = join(home, 'ledger.db');
  await makeLedger(ledger);
  await connek.apply('twenty', organisations({ upstream: 'http://127.0.0.1:9', ledger }).twenty);
  return connek;
}

const parts = {
  loads: measureLoads,
  async micro() {
    say('validator, templates, leases');
    return { micro: { schema: await measureParts(benchProgram('schema_floor')), template: await measureParts(benchProgram('template_floor')), 'lease and wipe': await measureParts(benchProgram('lease_floor')) } };
  },
  async start() {
    say('start');
    return { start: await measureStart(await quietConnek('start')) };
  },
  async idle() {
    say('idle connections');
    const connek = await quietConnek('idle');
    const asked = callKinds(options.era).list;
    const { token } = await connek.token(asked.email);
    return { idle: await measureConnections(connek, { ...asked, token }), streams: await measureStreams(connek, { token }) };
  },
  async tokens() {
    say('a million access tokens');
    const connek = await quietConnek('tokens');
    const asked = callKinds(options.era).list;
    return { tokens: await measureTokens(connek, benchProgram('million_tokens'), Number(options.tokens), asked) };
  },
  async pages() {
    say('pages of a million rows');
    return { pages: await measurePages(connekProgram, 1_000_000) };
  },
  async scrolling() {
    say('Activity, scrolled in Chromium');
    return { scrolling: await measureScrolling(connekProgram, 10_000) };
  },
};

async function main() {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const program of [connekProgram, ...programs.map(benchProgram)]) await access(program, constants.X_OK);
  if (cpus().length < 2) throw new Error('the bench needs two cores: one for the server, one for the load');
  const results = { at: new Date().toISOString(), options: { ...options }, machine: await machine(), failures: [] };
  for (const part of options.only.split(',')) {
    try {
      Object.assign(results, await parts[part]((failure) => results.failures.push(failure)));
    } catch (error) {
      results.failures.push(`${part}: ${error.message}`);
    } finally {
      await stopAll();
    }
  }
  results.aims = judge(results);
  results.seconds = Math.round(performance.now() / 1000);
  say('');
  await writeFile(options.out, `${JSON.stringify(results, null, 1)}\n`);
  print(results);
  if (results.failures.length === 0) await rm(folder, { recursive: true, force: true });
  return results.failures.length === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await stopAll();
    process.exit(130);
  });
}
process.exitCode = await main();
