// Connek behind PgBouncer in transaction mode: each transaction may be another session of PostgreSQL, and nothing is lost by it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { Connek, exampleConfig, exampleLedger, run } from './support/connek.js';
import { callTool, legacy, modern } from './support/mcp.js';
import { skip, usePooler } from './support/pooler.js';

const finance = 'finance@acme.example';
const poolSize = 3;

test('the server and its commands work behind PgBouncer in transaction mode, on few sessions of PostgreSQL', { skip }, async (t) => {
  const connek = await Connek.create(t);
  const name = basename(connek.home);
  await usePooler(t, connek, name, { poolSize });
  const direct = process.env.CONNEK_TEST_DATABASE.replace(/dbname=\S+/, `dbname=${name}`);
  await connek.makeDatabase('ledger.db', exampleLedger);
  await connek.apply(exampleConfig);
  await connek.start();
  const { token, id } = await connek.token(finance);
  const url = connek.url(token);
  const calls = Array.from({ length: 60 }, (_, i) => callTool(url, 'sqlite_query', { sql: 'SELECT count(*) FROM customer' }, i % 2 ? legacy : modern));
  for (const { status, body } of await Promise.all(calls)) {
    assert.equal(status, 200);
    assert.ok(!body.result.isError, JSON.stringify(body));
  }
  await connek.ok('backup', connek.path('all.backup'));
  await connek.ok('token', 'revoke', id);
  assert.equal((await callTool(url, 'sqlite_query', { sql: 'SELECT 1' }, legacy)).status, 401);
  const { stdout } = await run('psql', ['-XAtq', '-d', direct, '-c', `SELECT count(*) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`]);
  const n = Number(stdout);
  assert.ok(n >= 1 && n <= poolSize, `${n} sessions: the control`);
  await connek.stop();
  const { code, stdout: verified, stderr } = await connek.verify();
  assert.equal(code, 0, stderr);
  assert.ok(Number(/^(\d+) records/.exec(verified)[1]) > 60, verified);
});
