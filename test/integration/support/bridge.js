// The bridges, as an assistant starts them: by a command, over standard input and output.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { once } from 'node:events';
import assert from 'node:assert/strict';
import { Client as Sdk1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Sdk1Transport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Client as Client2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Transport2 } from '@modelcontextprotocol/client/stdio';
import { binary, run } from './connek.js';
import { modernRevision } from './mcp.js';

const sources = resolve(import.meta.dirname, '../../../clients/npm');
// The commands' first line asks for `node`: ours, where the system has none or an older one than the test wants.
const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);

// The npm package as it would be published: packed, and installed from its tarball. Resolves with its command.
export async function installNpmBridge(scope) {
  const folder = await mkdtemp(join(tmpdir(), 'connek-bridge-'));
  scope.after(() => rm(folder, { recursive: true, force: true }));
  const npm = async (...args) => {
    const ended = await run('npm', [...args, '--no-audit', '--no-fund', '--offline'], { cwd: folder, env: { HOME: folder } });
    assert.equal(ended.code, 0, ended.stderr);
  };
  await npm('pack', sources, '--pack-destination', folder);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await npm('install', '--prefix', folder, join(folder, tarball));
  return join(folder, 'node_modules/.bin/connek-bridge');
}

// How each bridge is started for a URL; `npmCommand` is what installNpmBridge gave.
export const bridgeKinds = {
  'npm connek-bridge': (npmCommand, url, ...args) => ({ command: npmCommand, args: ['--url', url, ...args] }),
  'connek bridge': (npmCommand, url, ...args) => ({ command: binary, args: ['bridge', url, ...args] }),
};

const environment = { PATH, HOME: process.env.HOME ?? tmpdir(), ASAN_OPTIONS: 'detect_leaks=1', UBSAN_OPTIONS: 'halt_on_error=1' };
const who = { name: 'connek-tests', version: '1.0.0' };

// Clients that start `start` ({ command, args }); `capabilities` as they say theirs.
export const stdioClients = {
  'sdk 1.x': (t, start, capabilities = {}) =>
    connected(t, new Sdk1Client(who, { capabilities }), new Sdk1Transport({ ...start, env: environment, stderr: 'pipe' })),
  'client 2.x, legacy': (t, start, capabilities = {}) => client2(t, start, capabilities, 'legacy'),
  'client 2.x, modern': (t, start, capabilities = {}) => client2(t, start, capabilities, { pin: modernRevision }),
};

const client2 = (t, start, capabilities, mode) =>
  connected(
    t,
    new Client2(who, { capabilities, versionNegotiation: { mode } }),
    new Transport2({ ...start, env: environment, stderr: 'pipe' }),
  );

async function connected(t, client, transport) {
  t.after(() => client.close());
  await client.connect(transport);
  return client;
}

// A bridge spoken to by hand.
export class Piped {
  messages = [];
  stdout = '';
  stderr = '';
  #waiting = new Set();
  #nextId = 1;

  constructor(t, { command, args }, env = {}) {
    this.child = spawn(command, args, { env: { ...environment, ...env } });
    this.ended = once(this.child, 'close');
    this.ended.catch(() => {});
    let text = '';
    this.child.stdout.setEncoding('utf8').on('data', (piece) => {
      this.stdout += piece;
      text += piece;
      const lines = text.split('\n');
      text = lines.pop();
      this.messages.push(...lines.map((line) => JSON.parse(line)));
      this.#waiting.forEach((look) => look());
    });
    this.child.stderr.setEncoding('utf8').on('data', (piece) => {
      this.stderr += piece;
      this.#waiting.forEach((look) => look());
    });
    this.child.stdin.on('error', () => {});
    this.child.on('close', () => this.#waiting.forEach((look) => look()));
    t.after(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  send(message) {
    this.child.stdin.write(typeof message === 'string' ? `${message}\n` : `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  // Until `find()` is truthy; resolves with it.
  until(find, timeoutMs = 30_000) {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const fail = (why) => {
        stop();
        reject(new Error(`${why}; standard error: ${this.stderr}`));
      };
      const look = () => {
        const found = find();
        if (found) {
          stop();
          resolve(found);
        } else if (this.child.exitCode !== null) {
          fail(`the bridge ended with ${this.child.exitCode}`);
        }
      };
      const timer = setTimeout(() => fail('it did not come in time'), timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  answer(id) {
    return this.until(() => this.messages.find((message) => message.id === id && message.method === undefined));
  }

  ask(method, params, id = this.#nextId++) {
    this.send({ id, method, ...(params && { params }) });
    return this.answer(id);
  }

  async initialize() {
    const answer = await this.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: who });
    if (answer.result) this.send({ method: 'notifications/initialized' });
    return answer;
  }

  // Closes its standard input; resolves with its exit code.
  async end() {
    this.child.stdin.end();
    const [code] = await this.ended;
    return code;
  }
}
