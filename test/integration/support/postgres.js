// A PostgreSQL server for a test: a folder and a port of its own, an ordinary user's, with passwords (SCRAM) and TLS. It
// is somebody's database that Connek connects to, not Connek's own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { run } from './connek.js';
import { freePort } from './process.js';

const versions = '/usr/lib/postgresql';
const programs = () => join(versions, readdirSync(versions).sort((a, b) => a - b).at(-1), 'bin');
const nobody = 65534;

// One of PostgreSQL's programs, as the folder's owner: it does not run as root.
export async function runPostgres(dir, program, ...args) {
  const words = [join(programs(), program), ...args];
  const as = process.getuid() === 0 ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...words] : words;
  const { code, stdout, stderr } = await run(as[0], as.slice(1), { cwd: dir, env: { LC_ALL: 'C' } });
  assert.equal(code, 0, `${program}: ${stderr}${stdout}`);
  return stdout;
}

// A transaction of somebody else's in Connek's own database that has done `words` (LOCK TABLE ...), until what this returns
// is called.
export async function hold(t, connek, words) {
  const psql = spawn('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', connek.env.CONNEK_DATABASE], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(psql, 'close');
  const release = async () => {
    if (!psql.stdin.writableEnded) psql.stdin.end('ROLLBACK;\n');
    await closed;
  };
  t.after(release);
  const said = once(psql.stdout, 'data');
  psql.stdin.write(`BEGIN; ${words};\n\\echo held\n`);
  await said;
  return release;
}

export class Postgres {
  admin = 'admin-swordfish';

  static async start(t) {
    const postgres = new Postgres();
    postgres.dir = await mkdtemp(join(tmpdir(), 'connek-pg-'));
    postgres.port = await freePort();
    if (process.getuid() === 0) await chown(postgres.dir, nobody, nobody);
    t.after(() => postgres.close());
    const password = join(postgres.dir, 'password');
    await writeFile(password, `${postgres.admin}\n`, { mode: 0o644 });
    await postgres.do('initdb', '-D', 'data', '-U', 'admin', '-A', 'scram-sha-256', `--pwfile=${password}`, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync');
    await postgres.makeCertificates();
    await postgres.configure([
      "listen_addresses = '127.0.0.1'",
      `port = ${postgres.port}`,
      `unix_socket_directories = '${postgres.dir}'`,
      'fsync = off',
      'max_connections = 40',
      'ssl = on',
      "ssl_cert_file = '../server.crt'",
      "ssl_key_file = '../server.key'",
    ]);
    await postgres.begin();
    return postgres;
  }

  do(program, ...args) {
    return runPostgres(this.dir, program, ...args);
  }

  // An authority, and a certificate of its own for localhost alone.
  async makeCertificates() {
    const openssl = async (...args) => {
      const { code, stderr } = await run('openssl', args, { cwd: this.dir });
      assert.equal(code, 0, stderr);
    };
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '3650');
    await openssl('req', ...ec, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost');
    await openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-copy_extensions', 'copy', '-out', 'server.crt', '-days', '3650');
    this.ca = await readFile(join(this.dir, 'ca.crt'), 'utf8');
    if (process.getuid() === 0) for (const name of ['server.key', 'server.crt']) await chown(join(this.dir, name), nobody, nobody);
  }

  async configure(lines) {
    const path = join(this.dir, 'data', 'postgresql.conf');
    await writeFile(path, `${await readFile(path, 'utf8')}\n${lines.join('\n')}\n`);
  }

  begin() {
    return this.do('pg_ctl', '-D', 'data', '-l', 'server.log', '-w', 'start');
  }

  stop(mode = 'fast') {
    return this.do('pg_ctl', '-D', 'data', '-m', mode, '-w', 'stop');
  }

  // As its superuser; what the statement prints.
  async sql(sql, database = 'postgres') {
    const address = `host=127.0.0.1 port=${this.port} user=admin dbname=${database} sslmode=disable`;
    const { code, stdout, stderr } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', address, '-c', sql], {
      env: { PGPASSWORD: this.admin },
    });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  async close() {
    await this.stop('immediate').catch(() => {});
    await rm(this.dir, { recursive: true, force: true });
  }
}
