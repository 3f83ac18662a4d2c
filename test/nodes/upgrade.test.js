// From one version to the next without an end: servers of both side by side on one database, under load. The next versions
// are this one with migrations made for the test (test/nodes/migrations/).
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { binary, run } from '../integration/support/connek.js';
import { Api, signedInApi } from '../integration/support/api.js';
import { begin, get } from '../integration/support/events.js';
import { callTool, legacy, modern, send } from '../integration/support/mcp.js';
import { hold } from '../integration/support/postgres.js';
import { freePort } from '../integration/support/process.js';
import { Load, holdAgainstTrail, loadConfig, loadLedger } from '../faults/load.js';
import { Cluster, list, readiness, skip, versionsOf } from './cluster.js';
import { eventually } from '../integration/support/wait.js';

const versions = versionsOf(binary);
const needs = { skip: skip || (versions.every(existsSync) ? false : `built without the next versions: ${versions[1]}`) };
const clients = 6;
const owner = 'owner@acme.example';
const config = { ...loadConfig(clients), users: [...loadConfig(clients).users, { email: owner, kind: 'owner', roles: ['finance'] }] };
const one = ['--workers', '1'];
const clusterListen = ['--cluster-listen', async () => `127.0.0.1:${await freePort()}`];

const migrations = async (node) => Number(await node.psql('SELECT count(*) FROM schema_migration'));
const hasTable = async (node, name) => (await node.psql(`SELECT to_regclass('${name}') IS NOT NULL`)).trim() === 't';

async function isRevoked(nodes, { id, token }, revoke) {
  for (const node of nodes) assert.equal((await list(node, token)).status, 200);
  await revoke(id);
  for (const node of nodes) assert.equal((await list(node, token)).status, 401, 'what was revoked is served');
}

// What holds between a server of the version before (`old`) and one of the next (`young`).
async function areAsOne(old, young, token, api) {
  const both = [old, young];
  const made = () => young.token('user0@acme.example');
  await isRevoked(both, await made(), (id) => young.ok('token', 'revoke', id));
  await isRevoked(both, await made(), (id) => new Api(old.base, api.person, api.organisation).delete(`./tokens/${id}`));
  await isRevoked(both, await made(), (id) => new Api(young.base, api.person, api.organisation).delete(`./tokens/${id}`));
  for (const [home, other] of [both, [...both].reverse()]) {
    const { session } = await begin(home.url(token));
    assert.equal((await send(other.url(token), legacy('tools/list'), session)).status, 200);
    const ears = await get(other.url(token), session);
    assert.equal((await ears.next()).data, '');
    assert.equal((await fetch(other.url(token), { method: 'DELETE', headers: session })).status, 200);
    assert.equal(await ears.nextMessage(), undefined);
    for (const node of both) assert.equal((await send(node.url(token), legacy('tools/list'), session)).status, 404);
  }
  const refused = await old.command('token', 'list');
  assert.equal(refused.code, 1, refused.stdout);
  assert.match(refused.stderr, /has version \d+, this Connek knows up to \d+: use a newer one/);
}

test('three servers go on to the next version one after the other, and nobody who calls them notices', needs, async (t) => {
  const cluster = await Cluster.start(t, { config, args: [...one, ...clusterListen], ledger: loadLedger });
  const { first, nodes } = cluster;
  const base = await cluster.balance();
  const api = await signedInApi(first, owner);
  const { token } = await first.token(owner);
  const people = await Load.clients(first, clients, [base]);
  const before = await migrations(first);
  const load = new Load(people, { pauseMs: 2 }).start();
  t.after(() => load.stop());
  const more = async () => {
    const { calls } = load;
    await eventually(() => assert.ok(load.calls > calls + clients));
  };
  await more();
  for (const [i, node] of nodes.entries()) {
    await cluster.replace(node, versions[1]);
    assert.equal(await migrations(node), before + 1);
    await more();
    // What the next version brought in is taken in by all, also by those that cannot read all of it.
    const file = await first.writeFile('config.json', { ...config, limits: { per_minute: 999_999 - i } });
    await node.ok('apply', file);
    if (i + 1 < nodes.length) await areAsOne(nodes[i + 1], node, token, api);
    await more();
    for (const each of nodes) assert.equal((await readiness(each)).code, 200);
  }
  await load.stop();
  assert.deepEqual({ wrong: load.wrong.slice(0, 3), broken: load.broken, refusals: load.refusals }, { wrong: [], broken: 0, refusals: [] });
  const { acknowledged, written } = await holdAgainstTrail(first, load.acknowledged);
  const { code, stdout, stderr } = await first.verify();
  assert.equal(code, 0, stdout + stderr);
  t.diagnostic(`${acknowledged} calls answered, ${written} written`);
  assert.ok(nodes.every(({ log }) => !log.some(({ level }) => level === 'error')), JSON.stringify(nodes.flatMap(({ log }) => log.filter(({ level }) => level === 'error'))));
});

test('a server two versions behind stops serving and says so; it starts no more, as what it knows is not what is there', needs, async (t) => {
  const cluster = await Cluster.start(t, { names: ['a', 'b'], config, args: one, ledger: loadLedger });
  const [a, b] = cluster.nodes;
  const { token } = await a.token(owner);
  const works = (node) => eventually(async () => assert.equal((await list(node, token)).status, 200));
  await b.stop();
  b.binary = versions[1];
  await cluster.begin(b);
  await works(a);
  const c = await cluster.folder();
  Object.assign(c, { binary: versions[2], name: 'c' });
  await cluster.begin(c);
  await eventually(async () => {
    const { code, reason } = await readiness(a);
    assert.equal(code, 503);
    assert.match(reason, /the database is of a newer version of Connek: use that one here as well/);
  });
  assert.equal((await list(a, token)).status, 503);
  assert.equal((await fetch(`${a.base}/healthz`)).status, 200);
  await works(b);
  await works(c);
  assert.equal((await callTool(b.url(token), 'sqlite_query', { sql: 'SELECT 1' }, modern)).body.result.isError, false);
  await a.stop();
  for (const program of versions.slice(0, 2)) {
    const { code, stderr } = await run(program, ['serve', '--data', a.data, '--node', 'a', '--listen', '127.0.0.1:0'], { env: a.env });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /has version \d+, this Connek knows up to \d+: use a newer one/);
  }
  a.binary = versions[2];
  await cluster.begin(a);
  await works(a);
});

test('a migration waits for those that use its tables, and they for nobody; killed in its middle it has done nothing; of two one does it', needs, async (t) => {
  const cluster = await Cluster.start(t, { names: ['a'], config, args: one, ledger: loadLedger });
  const [a] = cluster.nodes;
  const before = await migrations(a);
  const isMigrating = () =>
    eventually(async () => {
      const waiting = await a.psql("SELECT count(*) FROM pg_locks WHERE relation = 'connection'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted");
      assert.notEqual(waiting.trim(), '0');
    });
  const next = async (name) => Object.assign(await cluster.folder(), { binary: versions[1], name });
  const load = new Load(await Load.clients(a, clients, [a.base]), { pauseMs: 2 }).start();
  t.after(() => load.stop());
  const release = await hold(t, a, 'LOCK TABLE connection IN ROW EXCLUSIVE MODE');

  const killed = await next('killed');
  const started = cluster.begin(killed).then(() => assert.fail('it has migrated past a lock'), () => {});
  await isMigrating();
  assert.equal(await migrations(a), before, 'a migration that waits shows nothing of itself');
  await killed.kill();
  await started;
  await eventually(async () => assert.equal(await hasTable(a, 'next_note'), false));
  assert.equal(await migrations(a), before);

  const [b, c] = [await next('b'), await next('c')];
  const both = Promise.all([cluster.begin(b), cluster.begin(c)]);
  both.catch(() => {});
  await isMigrating();
  const { calls } = load;
  await eventually(() => assert.ok(load.calls > calls + 2 * clients, 'who serves waits for the migration'));
  await release();
  await both;
  assert.equal(await migrations(a), before + 1);
  assert.ok(await hasTable(a, 'next_note'));
  await load.stop();
  assert.deepEqual({ wrong: load.wrong.slice(0, 3), broken: load.broken, refusals: load.refusals }, { wrong: [], broken: 0, refusals: [] });
  for (const node of [a, b, c]) assert.equal((await readiness(node)).code, 200);
  a.binary = versions[1];
  await holdAgainstTrail(a, load.acknowledged);
  const { code, stdout, stderr } = await a.verify();
  assert.equal(code, 0, stdout + stderr);
});
