// Audit records that an organisation no longer keeps. What is old here was written by a server whose clock was set back by
// libfaketime; the one that removes it has the time of day.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, exampleConfig, releaseBinary } from './support/connek.js';
import { ageJobs, sql } from './support/aged.js';
import { signedInApi } from './support/api.js';
import { callTool } from './support/mcp.js';
import { held, rounds } from './support/proof.js';
import { until } from './support/wait.js';

const finance = 'finance@acme.example';
const libraries = '/usr/lib';
const faketime = readdirSync(libraries)
  .map((folder) => `${libraries}/${folder}/faketime/libfaketimeMT.so.1`)
  .find(existsSync);
const skip = !faketime ? 'libfaketime is not installed (scripts/install test)' : !existsSync(releaseBinary) ? 'no release build: a sanitizer does not go with libfaketime' : false;
const config = {
  ...exampleConfig,
  users: [
    { email: finance, kind: 'owner', roles: ['finance'] },
    { email: 'admin@acme.example', kind: 'admin', roles: [] },
  ],
};

// A server that ran a hundred days ago and recorded `n` calls there. It has been stopped.
async function ranLongAgo(t, n) {
  const connek = await Connek.create(t);
  const { binary, env } = connek;
  connek.binary = releaseBinary;
  connek.env = { ...env, LD_PRELOAD: faketime, FAKETIME: '-100d', FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1' };
  await connek.makeDatabase('ledger.db', 'CREATE TABLE entry (id INTEGER PRIMARY KEY)');
  await connek.apply(config);
  await connek.start();
  const { token } = await connek.token(finance);
  const call = () => callTool(connek.url(token), 'sqlite_query', { sql: 'SELECT 1' });
  for (let done = 0; done < n; done += 20) await Promise.all(Array.from({ length: Math.min(20, n - done) }, call));
  await connek.writeFile('checkpoint.json', await connek.ok('audit', 'checkpoint'));
  await connek.stop();
  Object.assign(connek, { binary, env: { ...env } });
  return { connek, token };
}

const call = (connek, token) => callTool(connek.url(token), 'sqlite_query', { sql: 'SELECT 1' });
const node = `FROM audit_record WHERE writer = 'node1'`;
const count = async (connek, from) => Number((await sql(connek, `SELECT count(*) AS n ${from}`))[0].n);
const nOld = (connek) => count(connek, `FROM audit_record WHERE time < ${(Date.now() - 95 * 86_400_000) * 1000}`);
const isOver = async (connek) => (await nOld(connek)) === 0;

test('records that are older than an owner keeps are removed an hour after, on record, and the trail holds', { skip }, async (t) => {
  const { connek, token } = await ranLongAgo(t, 40);
  await connek.start();
  for (let i = 0; i < 5; i++) assert.equal((await call(connek, token)).body.result.isError, false);
  const owner = await signedInApi(connek, finance);
  const before = await owner.get('./settings');
  assert.equal(before.audit.retention_days, null);
  assert.ok(Date.parse(before.audit.first_at) < Date.now() - 99 * 86_400_000);

  const admin = await signedInApi(connek, 'admin@acme.example');
  const refused = await admin.call('PATCH', './settings', { body: { audit_retention_days: 90 }, headers: { 'If-Match': before.etag } });
  assert.equal(refused.status, 403);
  assert.match(refused.body.detail, /owner/);
  const file = await admin.call('POST', './config', { body: { config: { organisation: 'acme', audit: { retention_days: 90 } } } });
  assert.equal(file.status, 403);
  for (const days of [0, 29, 36_501, '90']) {
    const wrong = await owner.call('PATCH', './settings', { body: { audit_retention_days: days }, headers: { 'If-Match': before.etag } });
    assert.equal(wrong.status, 422, JSON.stringify(days));
  }
  const changed = await owner.patch('./settings', { audit_retention_days: 90 }, before.etag);
  assert.equal(changed.audit.retention_days, 90);
  assert.match(await connek.ok('audit', 'retention'), /kept for 90 days[\s\S]*from an hour after the change on/);
  const told = (await connek.audit()).find(({ tool }) => tool === 'audit.retention');
  assert.equal(told.user, finance);

  const [{ due_at: due }] = await sql(connek, `SELECT due_at FROM job WHERE kind = 'retention'`);
  assert.ok(due > (Date.now() + 50 * 60_000) * 1000, 'it can be taken back for an hour');
  assert.equal(await count(connek, `${node} AND seq = 1`), 1);
  await ageJobs(connek, 3600);
  await until('the removal', () => isOver(connek), { timeoutMs: 120_000 });

  const after = await owner.get('./settings');
  assert.ok(after.audit.removed >= 40, JSON.stringify(after.audit));
  assert.ok(Date.parse(after.audit.first_at) > Date.now() - 86_400_000);
  const list = await connek.audit();
  assert.equal(list.filter(({ tool }) => tool === 'sqlite_query').length, 5);
  const removals = list.filter(({ tool }) => tool === 'audit.remove');
  assert.deepEqual(new Set(removals.map(({ reason }) => reason)), new Set(['retention']));
  const page = await owner.get('./audit?limit=100');
  assert.equal(page.items.filter(({ tool }) => tool === 'sqlite_query').length, 5);
  const usage = await owner.get(`./usage?from=${new Date(Date.now() - 101 * 86_400_000).toISOString()}`);
  assert.equal(usage.total.ok, 45, 'what was counted stays counted');

  const verified = await connek.verify('--since', connek.path('checkpoint.json'));
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.match(verified.stdout, /\d+ before them were removed by retention/);
  assert.match(verified.stdout, /of the checkpoint's records are among those/);
  assert.equal((await call(connek, token)).body.result.isError, false);
  await connek.stop();
  await sql(connek, `DELETE FROM audit_tombstone WHERE writer = 'node1'`);
  const broken = await connek.verify();
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /"node1", record 1: it is missing/);
});

const kills = rounds(6, 60);
test(`killed ${kills} times while records are removed: nothing is half gone, and what is left holds`, { skip }, async (t) => {
  const { connek, token } = await ranLongAgo(t, rounds(1500, 20_000));
  await connek.ok('audit', 'retention', '90');
  await ageJobs(connek, 3600);
  const left = [await nOld(connek)];
  for (let n = 0; n < kills; n++) {
    await connek.start();
    const calls = Array.from({ length: 4 }, () => call(connek, token).catch(() => {}));
    await sleep(Math.random() * 400);
    await connek.kill();
    await Promise.all(calls);
    const { code, stdout, stderr } = await connek.verify();
    assert.equal(code, 0, stdout + stderr);
    const [{ gap }] = await sql(connek, `SELECT (SELECT min(seq) ${node}) - COALESCE((SELECT max(seq) FROM audit_tombstone WHERE writer = 'node1'), 0) AS gap`);
    assert.equal(Number(gap), 1, 'the records begin where the tombstone ends');
    left.push(await nOld(connek));
  }
  t.diagnostic(`old records left after each kill: ${left.join(' ')}`);
  await connek.start();
  await until('the end of the removal', () => isOver(connek), { timeoutMs: 120_000 });
  assert.equal((await call(connek, token)).body.result.isError, false);
  const { code, stdout, stderr } = await connek.verify('--since', connek.path('checkpoint.json'));
  assert.equal(code, 0, stdout + stderr);
  held('kill -9 while records are removed: nothing half gone, the trail holds', kills);
});
