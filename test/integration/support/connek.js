// One Connek for a test: a data folder of its own, commands on it, and the server, driven as an operator drives them.
// It must know nothing of how Connek works inside.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { once } from 'node:events';
import assert from 'node:assert/strict';

const root = resolve(import.meta.dirname, '../../..');
const flavours = ['build/asan/connek', 'build/release/connek'].map((path) => join(root, path));

export const binary = process.env.CONNEK_BINARY ?? flavours.find(existsSync) ?? flavours[0];
// A PostgreSQL server, where the tests are to run on one: libpq's words.
const server = process.env.CONNEK_TEST_DATABASE;
export const releaseBinary = process.env.CONNEK_RELEASE_BINARY ?? flavours[1];

const sanitizerReport = /(ERROR|WARNING): (Address|Leak|Thread|Undefined\w*|Memory)Sanitizer|runtime error: |SUMMARY: \w+Sanitizer/;
const startTimeoutMs = 60_000;
const stopTimeoutMs = 60_000;

function assertNoSanitizerReport(what, stderr) {
  if (sanitizerReport.test(stderr)) assert.fail(`${what}: a sanitizer's report:\n${stderr.slice(-20_000)}`);
}

// What a child sees of our environment: not a setting, proxy or secret of whoever runs the tests.
function environment(extra) {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    TSAN_OPTIONS: 'exitcode=66',
    ...extra,
  };
}

// Runs a program to its end. { code, signal, stdout, stderr }. `isReportFine`: who asks looks for sanitizers' reports.
export async function run(program, args, { env = {}, input = '', cwd, timeoutMs = 120_000, isReportFine = false } = {}) {
  const child = spawn(program, args, { env: environment(env), cwd, timeout: timeoutMs, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  child.stdin.on('error', () => {}).end(input);
  const [code, signal] = await once(child, 'close');
  if (!isReportFine) assertNoSanitizerReport(`${program} ${args.join(' ')}`, stderr);
  return { code, signal, stdout, stderr };
}

// An organisation with one ledger that finance may read, and marketing not: the issue's own example, small.
export const exampleConfig = {
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' } }],
  roles: [
    { name: 'finance', rules: [{ connection: 'ledger', does: ['read'] }] },
    { name: 'marketing', rules: [] },
  ],
  users: [
    { email: 'finance@acme.example', roles: ['finance'] },
    { email: 'marketing@acme.example', roles: ['marketing'] },
  ],
};

export const exampleLedger = `
  CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id), cents INTEGER NOT NULL);
  INSERT INTO customer VALUES (1, 'Globex'), (2, 'Initech');
  INSERT INTO invoice VALUES (1, 1, 120000), (2, 1, 4550), (3, 2, 99);`;

export class Connek {
  #child = null;
  #arguments = [];

  // `t`: the test; what is made here ends with it. Options: env, binary; isOnSqlite: whatever the others are on; within: the
  // folder to make its own in.
  static async create(t, { isOnSqlite = false, within = tmpdir(), ...options } = {}) {
    const connek = new Connek(options);
    connek.home = await mkdtemp(join(within, 'connek-'));
    connek.data = join(connek.home, 'data');
    if (server && !isOnSqlite) await connek.usePostgres();
    t.after(() => connek.close());
    return connek;
  }

  // The usual beginning: the example's ledger and organisation (or another), and the server.
  static async serving(t, { config = exampleConfig, ledger = exampleLedger, args = [], ...options } = {}) {
    const connek = await Connek.create(t, options);
    if (ledger) await connek.makeDatabase('ledger.db', ledger);
    await connek.apply(config);
    await connek.start(...args);
    return connek;
  }

  // A schema of its own in the database that CONNEK_TEST_DATABASE names (scripts/suite/postgres); commands and server
  // learn of it as an operator's would.
  async usePostgres() {
    const schema = basename(this.home);
    await this.psql(`CREATE SCHEMA "${schema}"`);
    this.env = { ...this.env, CONNEK_DATABASE: `${server} options='-c search_path="${schema}"'` };
  }

  async psql(sql) {
    const options = this.env.CONNEK_DATABASE ?? server;
    const { code, stdout, stderr } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', options, '-c', "SET connek.organisation = '*'", '-c', sql]);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  constructor({ env = {}, binary: program = binary } = {}) {
    this.env = env;
    this.binary = program;
    this.stdout = ''; // of the server, all of its lives
    this.stderr = '';
  }

  path(name) {
    return join(this.home, name);
  }

  async makeDatabase(name, sql) {
    const { code, stderr } = await run('sqlite3', ['-bail', this.path(name)], { input: sql });
    assert.equal(code, 0, stderr);
    return this.path(name);
  }

  async writeFile(name, content) {
    await writeFile(this.path(name), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    return this.path(name);
  }

  // `connek ARGS... --data DIR`, whatever comes of it.
  command(...args) {
    return run(this.binary, [...args, '--data', this.data], { env: this.env, cwd: this.home });
  }

  // The same, where it has to succeed: its standard output.
  async ok(...args) {
    const { code, signal, stdout, stderr } = await this.command(...args);
    assert.equal(code, 0, `connek ${args.join(' ')} ended with ${code ?? signal}: ${stderr}${stdout}`);
    return stdout;
  }

  async apply(config = exampleConfig, ...args) {
    return this.ok('apply', await this.writeFile('config.json', config), ...args);
  }

  // { id, token, url }; the URL on this server's address. Extra arguments: --name, --expires, --organisation ...
  async token(email, ...args) {
    const created = JSON.parse(await this.ok('token', 'create', '--user', email, ...args, '--json'));
    return { ...created, url: this.url(created.token) };
  }

  url(token, connector) {
    return `${this.base}/mcp/${token}${connector ? `/${connector}` : ''}`;
  }

  async audit() {
    const lines = (await this.ok('audit', 'list', '--json')).split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  }

  async verify(...args) {
    return this.command('audit', 'verify', ...args);
  }

  // The server's log as objects; what is no JSON object is left out.
  get log() {
    return this.stderr.split('\n').flatMap((line) => {
      try {
        return line.startsWith('{') ? [JSON.parse(line)] : [];
      } catch {
        return [];
      }
    });
  }

  get isRunning() {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid() {
    return this.#child?.pid;
  }

  // Starts the server on a free port and waits until it says that it listens. Extra arguments go to `serve`.
  async start(...args) {
    assert.ok(!this.isRunning, 'it runs already');
    this.#arguments = args;
    const started = this.stderr.length;
    const workers = args.includes('--workers') ? [] : ['--workers', '2'];
    const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
    const own = ['serve', '--data', this.data, ...workers, ...listen];
    const child = spawn(this.binary, [...own, ...args], {
      env: environment(this.env),
      cwd: this.home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const closed = once(child, 'close');
    closed.catch(() => {});
    let wake = () => {};
    child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
      wake();
    });
    child.on('close', () => wake());
    const wantsAdmin = args.includes('--admin-listen');
    const deadline = Date.now() + startTimeoutMs;
    for (;;) {
      const addresses = this.#addresses(this.stderr.slice(started));
      if (addresses.listening && (!wantsAdmin || addresses.admin_listening)) {
        this.base = `http://${addresses.listening}`;
        this.adminBase = wantsAdmin ? `http://${addresses.admin_listening}` : null;
        return this;
      }
      if (!this.isRunning || Date.now() > deadline) {
        child.kill('SIGKILL');
        await closed;
        const why = child.exitCode === null ? 'did not listen in time' : `ended with ${child.exitCode}`;
        assert.fail(`connek serve ${why}: ${this.stderr.slice(started)}`);
      }
      await new Promise((resume) => {
        const timer = setTimeout(resume, 200);
        wake = () => {
          clearTimeout(timer);
          resume();
        };
      });
    }
  }

  #addresses(stderr) {
    const addresses = {};
    for (const line of stderr.split('\n').slice(0, -1)) {
      const found = /"event":"(listening|admin_listening)".*"address":"([^"]+)"/.exec(line);
      if (found) addresses[found[1]] = found[2];
    }
    return addresses;
  }

  // SIGTERM, and all that an orderly end promises: exit code 0, nothing reported by a sanitizer.
  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    if (!child) return;
    this.#child = null;
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (!hasEnded) {
      const closed = once(child, 'close');
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await closed;
      clearTimeout(timer);
    }
    assertNoSanitizerReport('connek serve', this.stderr);
    assert.equal(child.exitCode, 0, `connek serve ended with ${child.exitCode ?? child.signalCode}: ${this.stderr.slice(-4000)}`);
  }

  // kill -9: no goodbye.
  async kill() {
    const child = this.#child;
    this.#child = null;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    assertNoSanitizerReport('connek serve', this.stderr);
  }

  // On the same data, with the same arguments unless others are given.
  async restart(...args) {
    await this.stop();
    return this.start(...(args.length > 0 ? args : this.#arguments));
  }

  async close() {
    try {
      await this.stop();
    } finally {
      await rm(this.home, { recursive: true, force: true });
    }
  }
}
