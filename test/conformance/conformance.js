// The official conformance suite against the fixture server, through a real Connek or directly.
//
//   node test/conformance/conformance.js [--direct] [--client] [--authorization] [--tap] [--keep DIR]
//
// For each revision, what is required of a server is scored; what the suite runs beside it (extensions, what came later) is
// listed with what became of it, and has to pass as well. --client: the scenarios about clients instead, those that need no
// authorization: Connek's upstream half, driven through a running server (client.js). --authorization: those about
// authorization, on both sides: as a server that signs people in, and as a client of servers that want it (every one that
// the suite has for a revision). --tap prints a line a scenario; --keep leaves the suite's own records in DIR. Ends with 1
// under the full count.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Connek } from '../integration/support/connek.js';
import { legacy, send } from '../integration/support/mcp.js';
import { freePort } from '../integration/support/process.js';
import { startFixture } from '../fixtures/mcp/process.js';
import { member, register } from '../integration/support/sign_in.js';
import { clientScenarios, revisions, runAuthorizationSuite, runClientSuite, runSuite } from './suite.js';

const { values } = parseArgs({
  options: {
    direct: { type: 'boolean' },
    client: { type: 'boolean' },
    authorization: { type: 'boolean' },
    tap: { type: 'boolean' },
    keep: { type: 'string' },
  },
});

// A gateway whose one connection is the fixture, all of it open to one user; resolves with that user's personal URL.
async function gateway(scope, fixture) {
  const connek = await Connek.create(scope);
  await connek.apply({
    organisation: 'conformance',
    limits: { per_minute: 1_000_000 },
    connectors: [{ id: 'fixture', kind: 'mcp', url: fixture }],
    connections: [{ name: 'fixture', connector: 'fixture', names: 'plain', trust: 'accept' }],
    roles: [{ name: 'everything', rules: [{ connection: 'fixture', does: ['read', 'write', 'destroy'] }] }],
    users: [{ email: 'suite@conformance.example', roles: ['everything'] }],
  });
  await connek.start('--allow-upstream', new URL(fixture).host);
  const { url } = await connek.token('suite@conformance.example');
  // What the fixture has is asked once Connek serves: for a moment there is nothing yet.
  for (let tries = 0; tries < 100; tries++) {
    const { body } = await send(url, legacy('tools/list'));
    if (body?.result?.tools?.some(({ name }) => name === 'test_simple_text')) break;
    await new Promise((resume) => setTimeout(resume, 100));
  }
  return url;
}

function tapLine(revision, { name, isRequired, reason, hasPassed, isSkipped, failures }) {
  const what = `conformance ${revision}${isRequired ? '' : `, not scored (${reason})`}: ${name}`;
  console.log(`${hasPassed ? 'ok' : 'not ok'} - ${what}${isSkipped ? ' # SKIP the suite checks nothing in it yet' : ''}`);
  if (!hasPassed) failures.forEach((text) => console.log(`#   ${text}`));
}

function plainLine({ name, isRequired, reason, hasPassed, isSkipped, failures }) {
  if (isRequired && hasPassed) return;
  const became = isSkipped ? 'skipped by the suite' : hasPassed ? 'passes' : 'fails';
  console.log(`  ${became}  ${name}: ${isRequired ? 'required' : `not scored (${reason})`}`);
  if (!hasPassed) failures.forEach((text) => console.log(`            ${text}`));
}

const passing = (scenarios) => scenarios.filter(({ hasPassed }) => hasPassed).length;

function tell(revision, scenarios) {
  const required = scenarios.filter(({ isRequired }) => isRequired);
  const others = scenarios.filter(({ isRequired, isSkipped }) => !isRequired && !isSkipped);
  const mark = values.tap ? '# ' : '';
  if (values.tap) scenarios.forEach((scenario) => tapLine(revision, scenario));
  console.log(`${mark}conformance ${revision}: ${passing(required)}/${required.length}`);
  if (others.length > 0) console.log(`${mark}conformance ${revision}, not scored: ${passing(others)}/${others.length}`);
  if (!values.tap) scenarios.forEach(plainLine);
  return { isFull: required.length > 0 && passing(scenarios) === scenarios.length, n: scenarios.length };
}

const command = `${process.execPath} ${join(import.meta.dirname, 'client.js')}`;

// The scenarios about clients, of all revisions: one line counts them.
async function clients(folder) {
  const scenarios = [];
  for (const revision of revisions) {
    const { others } = await clientScenarios(revision);
    for (const scenario of await runClientSuite(command, revision, others, join(folder, revision))) {
      scenarios.push({ ...scenario, name: `${scenario.name} (${revision})` });
    }
  }
  return tell('client', scenarios);
}

// Connek as an authorization server: a person signs in and agrees where the suite says.
async function authorizationServer(scope) {
  const email = 'person@conformance.example';
  const connek = await Connek.create(scope);
  await connek.apply({ organisation: 'conformance', users: [{ email, kind: 'admin', roles: [] }] });
  await connek.start();
  const person = await member(connek, email);
  const port = await freePort();
  const { body } = await register(connek.base, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const follow = async (address) => {
    const page = await person.press(await person.open(address), 'Allow');
    await fetch(page.location);
  };
  return runAuthorizationSuite(connek.base, { clientId: body.client_id, resource: `${connek.base}/mcp`, port }, follow);
}

// Both sides of authorization. The first revision that had any is asked for where later servers may still be of it.
async function authorization(scope, folder) {
  const counts = [tell('authorization', await authorizationServer(scope))];
  for (const revision of ['2025-03-26', ...revisions]) {
    const { authorization: names } = await clientScenarios(revision);
    counts.push(tell(`client auth ${revision}`, await runClientSuite(command, revision, names, join(folder, revision), 3)));
  }
  const own = ['auth/client-credentials-basic', 'auth/client-credentials-jwt'];
  const newest = revisions.at(-1);
  counts.push(tell('client auth extensions', await runClientSuite(command, newest, own, join(folder, 'extensions'), 2)));
  return counts;
}

async function main(scope) {
  const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), 'conformance-'));
  if (!values.keep) scope.after(() => rm(folder, { recursive: true, force: true }));
  const counts = values.authorization ? await authorization(scope, folder) : values.client ? [await clients(folder)] : await servers(scope, folder);
  if (values.tap) console.log(`1..${counts.reduce((n, count) => n + count.n, 0)}`);
  return counts.every(({ isFull }) => isFull);
}

async function servers(scope, folder) {
  const fixture = await startFixture(scope);
  const url = values.direct ? fixture : await gateway(scope, fixture);
  const counts = [];
  for (const revision of revisions) counts.push(tell(revision, await runSuite(url, revision, join(folder, revision))));
  return counts;
}

const complain = (what, { message }) => {
  console.log(values.tap ? `not ok - ${what}\n${message.trimEnd().replace(/^/gm, '#   ')}` : `${what}: ${message.trimEnd()}`);
};

// What tests have in node:test: a place to say how to undo.
const undone = [];
const scope = { after: (undo) => undone.unshift(undo) };
let isFull = false;
try {
  isFull = await main(scope);
} catch (failure) {
  complain('conformance', failure);
}
for (const undo of undone) {
  await undo().catch((failure) => {
    isFull = false;
    complain('conformance: its end', failure);
  });
}
process.exitCode = isFull ? 0 : 1;
