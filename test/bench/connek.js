// Connek as an operator drives it: commands on a data folder, and the server.
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { freePort, run, Server } from './process.js';

// One data folder. Commands and servers of it.
export class Connek {
  constructor(program, folder) {
    this.program = program;
    this.folder = folder;
    this.dir = join(folder, 'data');
  }

  command(...args) {
    return run([this.program, ...args, '--data', this.dir], { cwd: this.folder });
  }

  async apply(name, config) {
    const file = join(this.folder, `${name}.json`);
    await writeFile(file, JSON.stringify(config, null, 1));
    await this.command('apply', file);
  }

  // { id, token }
  async token(email, ...args) {
    return JSON.parse(await this.command('token', 'create', '--user', email, ...args, '--json'));
  }

  // `{ server, base, port, readyMs }` once /readyz says so.
  async serve({ core = null, args = [], name = 'connek' } = {}) {
    const port = await freePort();
    const command = [this.program, 'serve', '--data', this.dir, '--listen', `127.0.0.1:${port}`, ...args];
    const server = Server.start(name, command, { core, log: join(this.folder, `${name}.log`), cwd: this.folder });
    const readyMs = await server.ready(() => isReady(port), { timeoutMs: 120_000 });
    return { server, port, base: `http://127.0.0.1:${port}`, readyMs };
  }
}

function isReady(port) {
  return new Promise((resume) => {
    const asked = request({ host: '127.0.0.1', port, path: '/readyz', agent: false, timeout: 2000 }, (response) => {
      response.resume();
      resume(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resume(false));
    asked.end();
  });
}

// Posts a message to an MCP endpoint: { status, text, body }.
export async function post(url, body, headers) {
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The text tells.
  }
  return { status: response.status, text, body: parsed };
}
