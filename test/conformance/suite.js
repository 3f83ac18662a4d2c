// Runs the official suite and reads what it found. It must know nothing of what it runs against.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from '../integration/support/connek.js';

export const revisions = ['2025-11-25', '2026-07-28'];

const suite = resolve(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance');
const program = join(suite, 'dist/index.js');
const requirements = (revision) => join(suite, 'requirements', `${revision}.yaml`);

// The names under the top-level key `leg`, server or client: all of that file's form that we need.
async function required(revision, leg) {
  const names = [];
  let isInside = false;
  for (const line of (await readFile(requirements(revision), 'utf8')).split('\n')) {
    if (/^\S/.test(line) && !line.startsWith('#')) isInside = line.startsWith(`${leg}:`);
    const name = /^ {2}- (\S+)$/.exec(line)?.[1];
    if (isInside && name) names.push(name);
  }
  if (names.length === 0) throw new Error(`no requirements in ${requirements(revision)}`);
  return names;
}

// By scenario: the checks that failed, and whether there were any. The suite keeps them in a folder each, "server-NAME-TIME".
async function checks(folder) {
  const found = new Map();
  for (const entry of await readdir(folder).catch(() => [])) {
    const name = /^(?:server-)?(.*?)-\d{4}-\d{2}-\d{2}T.*$/.exec(entry)?.[1];
    // A scenario that was given up has no checks.
    const all = JSON.parse(await readFile(join(folder, entry, 'checks.json'), 'utf8').catch(() => '[]'));
    const isSkipped = all.length > 0 && all.every(({ status }) => status === 'SKIPPED');
    const failed = all.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    const words = ({ status, id, errorMessage }) => `${status === 'WARNING' ? 'warning: ' : ''}${id}: ${errorMessage ?? 'failed'}`;
    found.set(name, { isSkipped, failures: failed.map((check) => words(check).replace(/\s+/g, ' ').slice(0, 300)) });
  }
  return found;
}

// [{ name, isRequired, reason, hasPassed, isSkipped, failures }]: what is required first, in the suite's order. isSkipped: the
// suite has the scenario, and checks nothing in it yet.
export async function runSuite(url, revision, folder) {
  const names = await required(revision, 'server');
  const args = [program, 'server', '--url', url, '--requirements', revision, '--output-dir', folder];
  const { stdout, stderr } = await run(process.execPath, args, { timeoutMs: 600_000 });
  const passed = new Map([...stdout.matchAll(/^([✓✗]) ([\w-]+): \d+ passed/gmu)].map(([, mark, name]) => [name, mark === '✓']));
  const others = [...stdout.matchAll(/^ {2}([✓✗]) ([\w-]+) \(([\w-]+)\)$/gmu)];
  if (passed.size === 0) throw new Error(`the suite said nothing that can be read: ${stderr.slice(-2000)}${stdout.slice(-2000)}`);
  const found = await checks(folder);
  const told = (name) => ({ name, hasPassed: passed.get(name) === true, isSkipped: false, failures: [], ...found.get(name) });
  return [
    ...names.map((name) => ({ ...told(name), isRequired: true })),
    ...others.map(([, , name, reason]) => ({ ...told(name), isRequired: false, reason })),
  ];
}

// One scenario about clients, with `command` as the client. A warning is a failure too, and so is a scenario that was not
// run. Extensions are on no revision's list: they are run by force.
async function runClient(command, revision, name, folder) {
  const own = join(folder, name);
  const args = [program, 'client', '--command', command, '--scenario', name, '--spec-version', revision, '--timeout', '60000', '--force', '--output-dir', own];
  const { code, stderr } = await run(process.execPath, args, { timeoutMs: 120_000 });
  const records = name.startsWith('auth/') ? join(own, 'auth') : own;
  const found = [...(await checks(records)).values()];
  const failures = found.flatMap((one) => one.failures);
  const hasPassed = code === 0 && failures.length === 0 && found.length === 1 && !found[0].isSkipped;
  if (!hasPassed && failures.length === 0) failures.push(`ended with ${code}: ${stderr.slice(-300).replace(/\s+/g, ' ')}`);
  return { name, hasPassed, failures, isRequired: true };
}

// The scenarios about clients that the suite has for a revision: what it requires of them, and of authorization all that it
// knows.
export async function clientScenarios(revision) {
  const { stdout } = await run(process.execPath, [program, 'list', '--client']);
  const all = [...stdout.matchAll(/^ {2}- (\S+) \[([^\]]*)\]$/gm)].map(([, name, tags]) => ({ name, tags: tags.split(',') }));
  const authorization = all.filter(({ name, tags }) => name.startsWith('auth/') && tags.includes(revision)).map(({ name }) => name);
  const others = revisions.includes(revision) ? (await required(revision, 'client')).filter((name) => !name.startsWith('auth/')) : [];
  if (authorization.length === 0) throw new Error(`the suite has no scenarios about authorization for ${revision}`);
  return { authorization, others };
}

// A few at once: most of a scenario is waiting.
export async function runClientSuite(command, revision, names, folder, atOnce = 1) {
  const told = [];
  const left = [...names.entries()];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) told[next[0]] = await runClient(command, revision, next[1], folder);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return told;
}

// The scenarios about authorization servers against the one at `issuer`: `follow` is the person who goes where the suite
// says, and agrees.
export async function runAuthorizationSuite(issuer, { clientId, resource, port }, follow) {
  const args = [program, 'authorization', '--url', issuer, '--client-id', clientId, '--resource', resource, '--port', String(port)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let isFollowed = false;
  const read = (piece) => {
    text += piece;
    const address = /(https?:\/\/\S+\/authorize\?\S+)/.exec(text)?.[1];
    if (!address || isFollowed) return;
    isFollowed = true;
    follow(address).catch((error) => (text += error.stack));
  };
  child.stdout.setEncoding('utf8').on('data', read);
  child.stderr.setEncoding('utf8').on('data', read);
  const timer = setTimeout(() => child.kill(), 60_000);
  await once(child, 'close');
  clearTimeout(timer);
  const found = [...text.matchAll(/^([✓✗]) (\S+): \d+ passed, \d+ failed/gmu)];
  if (found.length === 0) throw new Error(`the suite said nothing that can be read: ${text.slice(-3000)}`);
  return found.map(([, mark, name]) => ({ name, hasPassed: mark === '✓', failures: mark === '✓' ? [] : [text.slice(-1000)], isRequired: true }));
}
