// PgBouncer in transaction mode before the PostgreSQL server that CONNEK_TEST_DATABASE names, on a port of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import assert from 'node:assert/strict';
import { freePort } from './process.js';

const server = process.env.CONNEK_TEST_DATABASE;
const program = '/usr/sbin/pgbouncer';

export const skip = !server
  ? 'no PostgreSQL server is named; part postgres of make test runs it with one'
  : existsSync(program) ? false : 'PgBouncer is not installed (scripts/install test)';

// { port, signal(name) }. Its file stands in the folder of `connek`; as nobody where we are root; it ends with the test.
export async function startPooler(t, connek, { poolSize }) {
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
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await closed;
  });
  while (!said.includes('process up')) {
    assert.equal(child.exitCode, null, said);
    await new Promise((resume) => setTimeout(resume, 20));
  }
  return { port, signal: (name) => child.kill(name) };
}

// A database of its own at that server, which `connek` uses through a pooler from now on. What startPooler gives.
export async function usePooler(t, connek, name, options) {
  await connek.psql(`CREATE DATABASE "${name}"`);
  const pooler = await startPooler(t, connek, options);
  connek.env = { CONNEK_DATABASE: `host=127.0.0.1 port=${pooler.port} user=connek dbname=${name}` };
  return pooler;
}
