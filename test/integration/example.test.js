// What `make run` does once all is built: the example organisation, its personal URLs, and snippets that work as pasted.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { binary, run } from './support/connek.js';
import { callTool } from './support/mcp.js';
import { freePort } from './support/process.js';

const root = resolve(import.meta.dirname, '../..');

// One `make run`, on data and a port of its own.
class Example {
  static async create(t) {
    const example = new Example();
    example.data = await mkdtemp(join(tmpdir(), 'connek-run-'));
    example.env = { CONNEK_DATA: example.data, CONNEK_LISTEN: `127.0.0.1:${await freePort()}`, CONNEK_BINARY: binary };
    t.after(async () => {
      await example.stop();
      await rm(example.data, { recursive: true, force: true });
    });
    return example;
  }

  async start() {
    this.output = '';
    this.child = spawn(join(root, 'scripts/run'), { env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.closed = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    for (let tries = 0; !this.output.includes('"event":"listening"'); tries++) {
      assert.ok(this.child.exitCode === null && tries < 1200, `scripts/run ended with ${this.child.exitCode}: ${this.output}`);
      await new Promise((resume) => setTimeout(resume, 50));
    }
  }

  // Ctrl-C.
  async stop() {
    if (!this.child) return null;
    this.child.kill('SIGINT');
    const [code] = await this.closed;
    return code;
  }

  section(user) {
    return this.output.split(/^── /m).find((section) => section.startsWith(user));
  }

  url(user) {
    return /^ +(http:\S+\/mcp\/[0-9a-f]{64})$/m.exec(this.section(user))[1];
  }

  // The line, or the JSON, under a client's name.
  snippet(user, client) {
    return new RegExp(`^  ${client} +(?:\\S+\\.json:\\n +)?(.*)$`, 'm').exec(this.section(user))[1];
  }

  again() {
    return run(join(root, 'scripts/run'), [], { env: this.env });
  }
}

const finance = 'finance@acme.example';
const marketing = 'marketing@acme.example';

test('it prints a personal URL each, which finance may use for the ledger and marketing may not', async (t) => {
  const example = await Example.create(t);
  await example.start();
  const sum = { sql: 'SELECT count(*) AS n FROM invoices' };
  const allowed = await callTool(example.url(finance), 'sqlite_query', sum);
  assert.ok(!allowed.body.result.isError, allowed.text);
  const denied = await callTool(example.url(marketing), 'sqlite_query', sum);
  assert.equal(denied.body.result.isError, true, denied.text);

  const kept = join(example.data, 'urls.txt');
  assert.equal((await stat(kept)).mode & 0o777, 0o600);
  assert.equal(await readFile(kept, 'utf8'), `${finance} ${example.url(finance)}\n${marketing} ${example.url(marketing)}\n`);
  assert.equal(await example.stop(), 0, 'Ctrl-C is an orderly end');
});

test('a second run prints the same URLs, and changes nothing', async (t) => {
  const example = await Example.create(t);
  await example.start();
  const before = [finance, marketing].map((user) => example.url(user));
  await example.stop();
  await example.start();
  assert.deepEqual([finance, marketing].map((user) => example.url(user)), before);
  assert.doesNotMatch(example.output, /^[+~-] /m);
});

test('the snippets work as they are', async (t) => {
  const example = await Example.create(t);
  await example.start();
  for (const [user, mayQuery] of [[finance, true], [marketing, false]]) {
    const url = example.url(user);
    const curl = await run('bash', ['-c', example.snippet(user, 'curl')]);
    const tools = JSON.parse(curl.stdout).result.tools.map(({ name }) => name);
    assert.equal(tools.includes('sqlite_query'), mayQuery);
    assert.equal(example.snippet(user, 'Claude Code'), `claude mcp add --transport http connek ${url}`);
    assert.deepEqual(JSON.parse(example.snippet(user, 'Cursor')), { mcpServers: { connek: { url } } });
  }

  // Claude Desktop starts mcp-remote through npx; here the one that npm ci installed.
  const { command, args } = JSON.parse(example.snippet(finance, 'Claude Desktop')).mcpServers.connek;
  assert.deepEqual([command, ...args.slice(0, 2)], ['npx', '-y', 'mcp-remote']);
  const client = new Client({ name: 'connek-tests', version: '1' });
  const remote = join(root, 'node_modules/mcp-remote/dist/proxy.js');
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [remote, ...args.slice(2)], env: process.env, stderr: 'ignore' }));
  t.after(() => client.close());
  assert.ok((await client.listTools()).tools.some(({ name }) => name === 'sqlite_query'));
});

test('a port that is taken, and data that is in use, are named', async (t) => {
  const example = await Example.create(t);
  await example.start();
  const inUse = await example.again();
  assert.equal(inUse.code, 1);
  assert.match(inUse.stderr, new RegExp(example.data.replaceAll('.', '\\.')));

  const other = await Example.create(t);
  other.env.CONNEK_LISTEN = example.env.CONNEK_LISTEN;
  const taken = await other.again();
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, new RegExp(`127\\.0\\.0\\.1\\D+${example.env.CONNEK_LISTEN.split(':')[1]}`));
});
