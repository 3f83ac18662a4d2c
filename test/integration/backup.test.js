// A whole installation as one file: written while it is served, put back somewhere else, moved to PostgreSQL. All of it or
// nothing, and what is refused says why. Where CONNEK_TEST_DATABASE names a server, both databases take part.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { tmpdir } from 'node:os';
import { Connek, exampleConfig, exampleLedger, run } from './support/connek.js';
import { sql } from './support/aged.js';
import { callTool, modern } from './support/mcp.js';
import { hold } from './support/postgres.js';
import { Load, loadConfig, loadLedger } from '../faults/load.js';
import { eventually } from './support/wait.js';

const finance = 'finance@acme.example';
const hasServer = Boolean(process.env.CONNEK_TEST_DATABASE);
const needsServer = { skip: hasServer ? false : 'no PostgreSQL server is named; part postgres of make test runs it with one' };

const config = exampleConfig;

// Another place, empty but for the key (of `from`, or a folder of its own).
async function place(t, { key, postgres = false, env = {} } = {}) {
  const other = new Connek({ env });
  other.home = await mkdtemp(join(tmpdir(), 'connek-'));
  other.data = join(other.home, 'data');
  t.after(() => other.close());
  if (postgres) await other.usePostgres();
  await mkdir(other.data, { mode: 0o700 });
  if (key) {
    await copyFile(join(key.data, 'master.key'), join(other.data, 'master.key'));
    await chmod(join(other.data, 'master.key'), 0o400);
  }
  await other.makeDatabase('ledger.db', exampleLedger);
  return other;
}

const query = (connek, token) => callTool(connek.url(token), 'sqlite_query', { sql: 'SELECT count(*) FROM customer' }, modern);

async function isServed(connek, token, text) {
  const { status, body } = await query(connek, token);
  assert.equal(status, 200);
  assert.ok(JSON.stringify(body.result).includes(text), JSON.stringify(body));
}

async function refused(promise, pattern) {
  const { code, stdout, stderr } = await promise;
  assert.equal(code, 1, stdout);
  assert.match(stderr, pattern);
}

test('a backup of a running server is put back elsewhere: tokens work, the trail holds, the same backup comes from it', async (t) => {
  const connek = await Connek.serving(t, { config });
  const { token } = await connek.token(finance);
  await isServed(connek, token, '2');
  const said = await connek.ok('backup', connek.path('all.backup'));
  assert.match(said, /tables with \d+ rows/);
  assert.match(said, /master key is not in it/);
  const bytes = await readFile(connek.path('all.backup'));
  assert.equal((await stat(connek.path('all.backup'))).mode & 0o777, 0o600);
  const key = (await readFile(join(connek.data, 'master.key'), 'utf8')).trim();
  assert.ok(!bytes.includes(key) && !bytes.includes(Buffer.from(key, 'hex')), 'the master key is in the backup');
  assert.ok(!bytes.includes(token), 'a token is in the backup');
  assert.deepEqual((await readdir(connek.home)).filter((name) => name.startsWith('all.backup')), ['all.backup']);
  const records = (await connek.audit()).length;
  await connek.stop();

  for (const postgres of hasServer ? [false, true] : [false]) {
    const other = await place(t, { key: connek, postgres });
    // The ledger's path is in the settings, relative to where the organisation was applied from.
    const restored = await other.ok('restore', connek.path('all.backup'));
    assert.match(restored, /are back as they were at 20.*audit records in \d+ chains hold/);
    assert.equal((await other.audit()).length, records);
    await other.ok('backup', other.path('again.backup'));
    const again = await readFile(other.path('again.backup'));
    const rows = (file) => file.subarray(file.indexOf('\n') + 1, -80); // without the label's time, the digest over it and its seal
    assert.ok(rows(again).equals(rows(bytes)), 'what was put back is not what was saved');
    await other.start();
    await isServed(other, token, '2');
    await other.stop();
  }
});

test('a backup that is cut, damaged, newer, of another build, or no backup at all is refused, and nothing is left behind', async (t) => {
  const connek = await Connek.create(t);
  await connek.makeDatabase('ledger.db', exampleLedger);
  await connek.apply(config);
  await connek.ok('backup', connek.path('all.backup'));
  const whole = await readFile(connek.path('all.backup'));
  const sealed = (change) => {
    const body = change(whole.subarray(0, -80));
    return Buffer.concat([body, createHash('sha256').update(body).digest(), whole.subarray(-48)]);
  };
  const label = (from, to) => sealed((body) => Buffer.from(body.toString('latin1').replace(from, to), 'latin1'));
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1] ^= 1;
  const cases = [
    ['cut', whole.subarray(0, -1), /cut off/],
    ['cut to its label', whole.subarray(0, 60), /cut off/],
    ['one bit', flipped, /damaged/],
    ['newer', label(/"migration":\d+/, '"migration":9999'), /has version 9999, this Connek knows up to \d+: use a newer one/],
    ['newer form', label('{"connek_backup":2', '{"connek_backup":3'), /made by a newer Connek/],
    ['an older form, which had no seal', label('{"connek_backup":2', '{"connek_backup":1'), /made by an older Connek/],
    ['another build', label(/"migrations":"../, '"migrations":"zz'.replace('zz', '00')), /made by a different build|damaged/],
    ['a row lost, the digest made anew', sealed((body) => Buffer.concat([body.subarray(0, -40), body.subarray(-30)])), /changed since it was made/],
    ['its time is another, the digest made anew', label(/"time":"\d{4}/, '"time":"2001'), /changed since it was made: its seal is not what this master key makes/],
    // A label is watched by the last digest alone; rows have their table's as well.
    ['its time is another, the digest left', Buffer.from(whole.toString('latin1').replace(/"time":"\d{4}/, '"time":"2001'), 'latin1'), /damaged/],
    ['newer, the digest left', Buffer.from(whole.toString('latin1').replace(/"migration":\d+/, '"migration":9999'), 'latin1'), /damaged/],
    ['another file', Buffer.from('PGDMP or something else entirely'), /no backup of Connek/],
    ['empty', Buffer.alloc(0), /no backup of Connek/],
  ];
  const other = await place(t, { key: connek, postgres: hasServer });
  for (const [name, bytes, pattern] of cases) {
    await writeFile(other.path('bad.backup'), bytes);
    const answer = await other.command('restore', other.path('bad.backup'));
    assert.equal(answer.code, 1, name);
    assert.match(answer.stderr, pattern, name);
    assert.match(answer.stderr, /nothing has been restored/);
    assert.deepEqual(await readdir(other.data), ['master.key'], name);
  }
  await refused(other.command('restore', other.path('absent')), /absent: cannot be opened: No such file/);
  await other.ok('restore', connek.path('all.backup')); // the control: the whole one goes in
  await refused(other.command('restore', connek.path('all.backup')), /holds data already/);
});

test("a backup needs its own master key, an empty place, and nobody who serves there", async (t) => {
  const connek = await Connek.serving(t, { config });
  await connek.ok('backup', connek.path('all.backup'));
  const stranger = await place(t);
  await refused(stranger.command('restore', connek.path('all.backup')), /put the installation's into .*master\.key \(0400\) first/);
  await writeFile(join(stranger.data, 'master.key'), `${'5'.repeat(64)}\n`, { mode: 0o400 });
  await refused(stranger.command('restore', connek.path('all.backup')), /master\.key is not the master key of this backup/);
  assert.deepEqual(await readdir(stranger.data), ['master.key']);
  await refused(connek.command('restore', connek.path('all.backup')), /connek serve runs on this data folder: stop it first/);
  await connek.stop();
  await refused(connek.command('restore', connek.path('all.backup')), /holds data already/);
});

test('a trail that does not hold is not restored', async (t) => {
  const connek = await Connek.create(t);
  await connek.makeDatabase('ledger.db', exampleLedger);
  await connek.apply(config);
  await sql(connek, 'UPDATE audit_record SET time = time + 1 WHERE seq = 1');
  await connek.ok('backup', connek.path('all.backup'));
  const other = await place(t, { key: connek, postgres: hasServer });
  await refused(other.command('restore', connek.path('all.backup')), /its audit trail does not hold: organisation .* record 1/);
  assert.deepEqual(await readdir(other.data), ['master.key']);
  if (hasServer) assert.equal(await other.psql(`SELECT count(*) FROM pg_class WHERE relnamespace = '"${basename(other.home)}"'::regnamespace`), '0\n');
});

test('an older backup that is there stays until the new one is whole', async (t) => {
  const connek = await Connek.create(t);
  await connek.apply({ ...config, connections: [], roles: [], users: [] });
  await writeFile(connek.path('all.backup'), 'the older one');
  const answer = await run(connek.binary, ['backup', connek.path('all.backup'), '--data', connek.path('nowhere')], { env: connek.env });
  assert.equal(answer.code, 1);
  assert.equal(await readFile(connek.path('all.backup'), 'utf8'), 'the older one');
  await connek.ok('backup', connek.path('all.backup'));
  assert.match(await readFile(connek.path('all.backup'), 'latin1'), /^\{"connek_backup":2,/);
  await refused(connek.command('backup', '/dev/null'), /not a file/);
  await refused(connek.command('backup', connek.path('no/folder/file')), /cannot be made there: No such file/);
});

test('a backup that is made under load is one moment: its trail holds, and every call that was answered before is in it', async (t) => {
  const clients = 6;
  const connek = await Connek.serving(t, { config: loadConfig(clients), ledger: loadLedger });
  const load = new Load(await Load.clients(connek, clients), { pauseMs: 1 }).start();
  t.after(() => load.stop());
  const other = await place(t, { key: connek, postgres: hasServer });
  await eventually(() => assert.ok(load.calls > 5 * clients));
  const before = [...load.acknowledged];
  await connek.ok('backup', connek.path('all.backup'));
  const { calls } = load;
  await eventually(() => assert.ok(load.calls > calls + clients, 'calls went on'));
  await load.stop();
  assert.deepEqual([load.wrong.slice(0, 3), load.broken, load.refused], [[], 0, 0]);
  assert.match(await other.ok('restore', connek.path('all.backup')), /audit records in \d+ chains hold/);
  assert.equal((await other.verify()).code, 0);
  const restored = new Map((await other.audit()).map((record) => [record.trace_id, record]));
  for (const { mark } of before) assert.equal(restored.get(mark)?.outcome, 'ok', `${mark} is not in the backup`);
  assert.ok(restored.size < (await connek.audit()).length, 'it was made before the end');
});

test('nothing is left of a backup that was killed', needsServer, async (t) => {
  const connek = await Connek.create(t);
  await connek.apply({ ...config, connections: [], roles: [], users: [] });
  const release = await hold(t, connek, 'LOCK TABLE usage_day');
  const child = spawn(connek.binary, ['backup', connek.path('all.backup'), '--data', connek.data], { env: { PATH: process.env.PATH, ...connek.env }, stdio: 'ignore' });
  const died = once(child, 'close');
  await eventually(async () => assert.equal((await connek.psql("SELECT count(*) FROM pg_locks WHERE relation = 'usage_day'::regclass AND NOT granted")).trim(), '1'));
  child.kill('SIGKILL');
  await died;
  await release();
  assert.deepEqual((await readdir(connek.home)).filter((name) => name.includes('backup')), []);
  await connek.ok('backup', connek.path('all.backup'));
});

test('an installation moves from SQLite to PostgreSQL: its tokens go on working, and what is wrong moves nothing', needsServer, async (t) => {
  const connek = await Connek.create(t);
  const { CONNEK_DATABASE: database } = connek.env;
  connek.env = {};
  await connek.makeDatabase('ledger.db', exampleLedger);
  await connek.apply(config);
  await connek.start();
  const { token } = await connek.token(finance);
  await isServed(connek, token, '2');
  const migrate = () => run(connek.binary, ['migrate', '--from', connek.data, '--database', database]);
  await refused(migrate(), /connek serve runs on this data folder: stop it first/);
  await connek.stop();
  const records = (await connek.audit()).length;
  await refused(run(connek.binary, ['migrate', '--from', connek.data, '--database', 'postgres://u:secret@h/d']), /--database holds a password/);
  await refused(run(connek.binary, ['migrate', '--from', connek.data, '--database', 'host=/nowhere dbname=x']), /does not answer/);

  const done = await migrate();
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /tables with \d+ rows have moved; \d+ audit records in \d+ chains hold/);
  assert.match(done.stderr, /connek migrate: access_token: 1/);
  await refused(migrate(), /holds data already/);
  await rm(join(connek.data, 'connek.db'));
  connek.env = { CONNEK_DATABASE: database };
  assert.equal((await connek.audit()).length, records);
  await connek.start();
  await isServed(connek, token, '2');
  await connek.stop();
  assert.equal((await connek.verify()).code, 0);
});
