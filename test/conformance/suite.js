// Runs the official suite and reads what it found. It must know nothing of what it runs against.
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

// Every client scenario of a revision that needs no authorization, with `command` as the client: as runSuite tells it.
export async function runClientSuite(command, revision, folder) {
  const told = [];
  for (const name of (await required(revision, 'client')).filter((one) => !one.startsWith('auth/'))) {
    const own = join(folder, name);
    const args = [program, 'client', '--command', command, '--scenario', name, '--spec-version', revision, '--timeout', '60000', '--output-dir', own];
    const { code } = await run(process.execPath, args, { timeoutMs: 120_000 });
    const why = [...(await checks(own)).values()].flatMap(({ failures }) => failures);
    told.push({ name, hasPassed: code === 0, failures: code === 0 ? [] : why, isRequired: true });
  }
  return told;
}
