// Where the data is: what --database says, and what becomes of a password in it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Connek } from './support/connek.js';
import { sql } from './support/aged.js';
import { callTool, modern } from './support/mcp.js';
import { hold, runPostgres } from './support/postgres.js';
import { eventually } from './support/wait.js';

const secret = 'swordfish-0815';
const address = `postgres://connek:${secret}@127.0.0.1:1/books?connect_timeout=2`;

test('a password in an argument is refused before anybody is asked, and never repeated', async (t) => {
  const connek = await Connek.create(t);
  for (const command of [['serve'], ['apply', await connek.writeFile('config.json', { organisation: 'acme' })]]) {
    const { code, stdout, stderr } = await connek.command(...command, '--database', address);
    assert.equal(code, 1);
    assert.match(stderr, /CONNEK_DATABASE/);
    assert.ok(!`${stdout}${stderr}`.includes(secret));
  }
});

test('in the variable it is taken, and a server that cannot be reached is named without it', async (t) => {
  const connek = await Connek.create(t);
  connek.env = { CONNEK_DATABASE: address };
  const { code, stdout, stderr } = await connek.command('apply', await connek.writeFile('config.json', { organisation: 'acme' }));
  assert.equal(code, 1);
  assert.match(stderr, /the database books at 127\.0\.0\.1/);
  assert.ok(!`${stdout}${stderr}`.includes(secret));
});

test('a serving process keeps the address out of its environment', async (t) => {
  if (!process.env.CONNEK_TEST_DATABASE) return t.skip('no PostgreSQL server is named; part postgres of make test runs it with one');
  const connek = await Connek.serving(t);
  const environment = await readFile(`/proc/${connek.pid}/environ`, 'utf8');
  assert.ok(environment.includes('PATH='));
  assert.ok(!environment.includes(connek.env.CONNEK_DATABASE), 'the address');
});

async function isRefused(connek, pattern) {
  for (const command of [['serve', '--listen', '127.0.0.1:0'], ['apply', await connek.writeFile('config.json', { organisation: 'acme' })]]) {
    const { code, stdout, stderr } = await connek.command(...command);
    assert.equal(code, 1, stdout);
    assert.match(stderr, pattern);
    assert.equal(stderr.split('\n').filter((line) => line.startsWith('connek ')).length, 1, stderr);
  }
}

test('a database that is newer, of another build, or somebody else’s is left alone, each with its sentence', async (t) => {
  const connek = await Connek.create(t);
  await connek.apply({ organisation: 'acme' });
  await sql(connek, 'INSERT INTO schema_migration (version, hash, applied_at) SELECT 9999, hash, 0 FROM schema_migration WHERE version = 1');
  await isRefused(connek, /has version 9999, this Connek knows up to \d+: use a newer one/);
  await sql(connek, 'DELETE FROM schema_migration WHERE version = 9999');
  await sql(connek, 'UPDATE schema_migration SET hash = (SELECT s.hash FROM schema_migration s WHERE s.version = 2) WHERE version = 1');
  await isRefused(connek, /was made by a different build: its migration 0001_spine\.sql is another one/);
  if (connek.env.CONNEK_DATABASE) {
    await sql(connek, 'DROP TABLE audit_head');
    await isRefused(connek, /holds tables that are not Connek's: give it a database of its own/);
  } else {
    await sql(connek, 'PRAGMA application_id = 7');
    await isRefused(connek, /connek\.db is not a Connek database/);
  }
});

test('a database that takes no more connections, or is not there, says so', async (t) => {
  if (!process.env.CONNEK_TEST_DATABASE) return t.skip('no PostgreSQL server is named; part postgres of make test runs it with one');
  const connek = await Connek.create(t);
  const name = basename(connek.home);
  await connek.psql(`CREATE DATABASE "${name}"`);
  const own = process.env.CONNEK_TEST_DATABASE.replace(/dbname=\S+/, `dbname=${name}`);
  await connek.psql(`ALTER DATABASE "${name}" CONNECTION LIMIT 0`);
  connek.env = { CONNEK_DATABASE: own };
  await isRefused(connek, /PostgreSQL lets us not in: it takes no more connections: raise its max_connections, or our role's limit \(.*too many connections for database/);
  connek.env = { CONNEK_DATABASE: `${own}-absent` };
  await isRefused(connek, /PostgreSQL lets us not in: there is no such database \(.*-absent.* does not exist/s);
});

const needsServer = { skip: process.env.CONNEK_TEST_POSTGRES ? false : 'no PostgreSQL server is named; part postgres of make test runs it with one' };

test('a wrong password is told as that, and not repeated; the right one is taken', needsServer, async (t) => {
  const connek = await Connek.create(t);
  const schema = basename(connek.home);
  const address = (password) => ({ CONNEK_DATABASE: connek.env.CONNEK_DATABASE.replace(/user=\S+/, `user=connek_locked password=${password}`) });
  await connek.psql(`CREATE ROLE connek_locked LOGIN PASSWORD 'the-right-one'; GRANT ALL ON SCHEMA "${schema}" TO connek_locked`); // scripts/suite/postgres asks it for one
  const { env } = connek;
  const [wrong, right] = [address(secret), address('the-right-one')];
  connek.env = wrong;
  await isRefused(connek, /PostgreSQL lets us not in: the password is wrong \(.*password authentication failed/);
  const { stdout, stderr } = await connek.command('serve');
  assert.ok(!`${stdout}${stderr}`.includes(secret));
  connek.env = right;
  await connek.apply({ organisation: 'acme' });
  assert.match(await connek.ok('export', '--organisation', 'acme'), /"acme"/);
  await connek.start();
  connek.env = env;
  const change = (password) =>
    connek.psql(`ALTER ROLE connek_locked PASSWORD '${password}'; GRANT connek_locked TO CURRENT_USER; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'connek_locked'`);
  await change('another-one');
  await isNotReady(connek, /PostgreSQL lets us not in: the password is wrong$/);
  await change('the-right-one');
  await isReady(connek);
});

// What a server says once its database is not what it was.
const readiness = async (connek) => {
  const response = await fetch(`${connek.base}/readyz`);
  return { code: response.status, ...(await response.json()) };
};
const isReady = (connek) => eventually(async () => assert.equal((await readiness(connek)).code, 200));
const isNotReady = (connek, reason) =>
  eventually(async () => {
    const said = await readiness(connek);
    assert.equal(said.code, 503);
    assert.match(said.reason, reason);
  });

test('a database that goes away in the middle of a transaction has kept nothing of it, and the command and the server say so', needsServer, async (t) => {
  const connek = await Connek.serving(t);
  const { token } = await connek.token('finance@acme.example');
  const call = () => callTool(connek.url(token), 'sqlite_query', { sql: 'SELECT count(*) FROM customer' }, modern);
  assert.equal((await call()).status, 200);
  const tokens = Number(await connek.psql('SELECT count(*) FROM access_token'));
  const waiting = "SELECT l.pid FROM pg_locks l WHERE NOT l.granted AND l.relation = ANY (ARRAY['access_token'::regclass, 'audit_head'::regclass])";
  // Seen and ended in one statement: who waits for a lock gives up after a while.
  const takeAway = () => eventually(async () => assert.notEqual((await connek.psql(`SELECT pg_terminate_backend(w.pid) FROM (${waiting}) w`)).trim(), ''));
  let release = await hold(t, connek, 'LOCK TABLE access_token');
  const command = connek.command('token', 'create', '--user', 'finance@acme.example');
  await takeAway();
  const { code, stdout, stderr } = await command;
  assert.equal(code, 1, stdout);
  assert.match(stderr, /the database server (does not answer|is stopping or starting)/);
  await release();
  assert.equal(Number(await connek.psql('SELECT count(*) FROM access_token')), tokens);

  release = await hold(t, connek, 'LOCK TABLE audit_head');
  const answer = call();
  await takeAway();
  await release();
  const { status, text } = await answer;
  assert.ok(status === 503 || status === 200, text);
  await isReady(connek);
  const { length } = (await connek.audit()).filter(({ tool, outcome }) => tool === 'sqlite_query' && outcome === 'ok');
  assert.ok(length >= (status === 200 ? 2 : 1), 'what was answered is not on record');
  assert.equal((await call()).status, 200);
  assert.equal((await connek.verify()).code, 0);
});

// A standby of the suite's server, beside it, as its user.
async function standby(t, folder) {
  const postgres = (...words) => runPostgres(folder, ...words);
  const copy = join(folder, 'standby');
  await postgres('pg_basebackup', '-h', folder, '-U', 'postgres', '-D', copy, '-R', '-c', 'fast', '--no-sync');
  t.after(() => postgres('pg_ctl', '-D', copy, '-m', 'immediate', '-w', 'stop'));
  await postgres('pg_ctl', '-D', copy, '-l', join(folder, 'standby.log'), '-o', '-p 5433', '-w', 'start');
}

test('a database that may only be read, as a standby, says so', needsServer, async (t) => {
  const connek = await Connek.create(t);
  await connek.apply({ organisation: 'acme' });
  await standby(t, process.env.CONNEK_TEST_POSTGRES);
  const whole = connek.env.CONNEK_DATABASE;
  connek.env.CONNEK_DATABASE += ' port=5433';
  await isRefused(connek, /the database may not be written: it is read-only, or a standby/);

  // Somebody switches over while it is served: what was the database is now a standby.
  const way = await switched(t, process.env.CONNEK_TEST_POSTGRES);
  connek.env.CONNEK_DATABASE = whole.replace(/host=\S+/, `host=${way.folder}`);
  await connek.start();
  await isReady(connek);
  way.turn(5433);
  await isNotReady(connek, /the database may not be written: it is read-only, or a standby/);
  way.turn(5432);
  await isReady(connek);
});

// A way to one of the servers of a folder, by its port.
async function switched(t, folder) {
  const way = { folder: await mkdtemp(join(tmpdir(), 'connek-way-')), port: 5432, sockets: new Set() };
  const server = createServer((near) => {
    const far = connect(join(folder, `.s.PGSQL.${way.port}`));
    for (const [from, to] of [[near, far], [far, near]]) {
      way.sockets.add(from);
      from.on('error', () => {}).on('close', () => to.destroy()).pipe(to);
    }
  }).listen(join(way.folder, '.s.PGSQL.5432'));
  await once(server, 'listening');
  way.turn = (port) => {
    way.port = port;
    for (const socket of way.sockets) socket.destroy();
    way.sockets.clear();
  };
  t.after(async () => {
    way.turn(0);
    server.close();
    await rm(way.folder, { recursive: true, force: true });
  });
  return way;
}
