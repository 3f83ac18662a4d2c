// Connek behind PgBouncer in transaction mode: each transaction may be another session of PostgreSQL, and nothing is lost by it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { Connek, exampleConfig, exampleLedger, run } from './support/connek.js';
import { callTool, legacy, modern } from './support/mcp.js';

const server = process.env.CONNEK_TEST_DATABASE;
const program = '/usr/sbin/pgbouncer';
const skip = !server
  ? 'no PostgreSQL server is named; part postgres of make test runs it with one'
  : existsSync(program) ? false : 'PgBouncer is not installed (scripts/install test)';
const finance = 'finance@acme.example';
const poolSize = 3;

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

// On a port of its own, as nobody where we are root; it ends with the test.
async function startPooler(t, connek) {
  const port = await freePort();
  const host = /host=(\S+)/.exec(server)[1];
  const settings = [
    '[databases]', `* = host=${host} user=connek`, '[pgbouncer]', 'listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =',
    'auth_type = any', 'pool_mode = transaction', `default_pool_size = ${poolSize}`, 'max_client_conn = 200',
  ];
  await chmod(connek.home, 0o755);
  const file = connek.path('pgbouncer.ini');
  await writeFile(file, settings.join('\n') + '\n');
  await chmod(file, 0o644);
  const child = spawn(program, [...(process.getuid() === 0 ? ['-u', 'nobody'] : []), file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await closed;
  });
  while (!said.includes('process up')) {
    assert.equal(child.exitCode, null, said);
    await new Promise((resume) => setTimeout(resume, 20));
  }
  return port;
}

test('the server and its commands work behind PgBouncer in transaction mode, on few sessions of PostgreSQL', { skip }, async (t) => {
  const connek = await Connek.create(t);
  const name = basename(connek.home);
  await connek.psql(`CREATE DATABASE "${name}"`);
  const direct = server.replace(/dbname=\S+/, `dbname=${name}`);
  const port = await startPooler(t, connek);
  connek.env = { CONNEK_DATABASE: `host=127.0.0.1 port=${port} user=connek dbname=${name}` };
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
