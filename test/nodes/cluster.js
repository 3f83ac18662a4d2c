// Several servers on one PostgreSQL database, each with a folder, a name and a port of its own, and nginx before them
// that gives each request to the next one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Connek, exampleConfig, exampleLedger } from '../integration/support/connek.js';
import { modern, send } from '../integration/support/mcp.js';
import { freePort } from '../integration/support/process.js';

// This version, and the next two as they might be (test/nodes/migrations/), as they were built beside `program`.
export const versionsOf = (program) => [program, ...['connek_next', 'connek_after_next'].map((name) => join(dirname(program), 'test/nodes', name))];

export const isThere = process.env.CONNEK_TEST_DATABASE !== undefined;
export const skip = isThere ? false : 'no PostgreSQL server: CONNEK_TEST_DATABASE names none (scripts/suite/postgres)';

// What a server says to somebody with a token, on a connection of its own; and whether it is ready: { code, reason }.
export const list = (node, token) => send(node.url(token), modern('tools/list'), { Connection: 'close' });
export async function readiness(node) {
  const response = await fetch(`${node.base}/readyz`);
  return { code: response.status, ...(await response.json()) };
}

export class Cluster {
  // `names`: of the servers; each runs when this returns. `prepare`, `finish`: what is done before and after the first one's
  // configuration is applied.
  static async start(t, { names = ['a', 'b', 'c'], config = exampleConfig, args = [], env = {}, binary, ledger = exampleLedger, prepare, finish } = {}) {
    const cluster = new Cluster();
    cluster.t = t;
    cluster.args = args;
    cluster.ledger = ledger;
    cluster.options = { env, ...(binary && { binary }) };
    cluster.nodes = [];
    const first = await Connek.create(t, cluster.options);
    cluster.first = first;
    await prepare?.(first);
    await first.makeDatabase('ledger.db', ledger);
    await first.apply(config);
    await finish?.(first);
    for (const name of names) await cluster.add(name);
    return cluster;
  }

  // A folder that has the key, and shares the database.
  async folder() {
    const connek = new Connek({ ...this.options, env: this.first.env });
    connek.home = await mkdtemp(join(tmpdir(), 'connek-'));
    connek.data = join(connek.home, 'data');
    await mkdir(connek.data, { mode: 0o700 });
    await copyFile(join(this.first.data, 'master.key'), join(connek.data, 'master.key'));
    await connek.makeDatabase('ledger.db', this.ledger);
    this.t.after(() => connek.close());
    return connek;
  }

  async add(name) {
    const connek = this.nodes.length > 0 ? await this.folder() : this.first;
    connek.name = name;
    this.nodes.push(connek);
    await this.begin(connek);
    return connek;
  }

  // Starts one of the servers: again under its name.
  async begin(connek, ...more) {
    return connek.start('--node', connek.name, ...(await this.argumentsOf()), ...more);
  }

  // One of the servers goes on as another program: out of the balancer, ended in order, begun again, back into the balancer.
  async replace(node, program) {
    await this.balanceOver(this.nodes.filter((other) => other !== node));
    await node.stop();
    node.binary = program;
    await this.begin(node);
    await this.balanceOver(this.nodes);
  }

  async argumentsOf() {
    return Promise.all(this.args.map((arg) => (typeof arg === 'function' ? arg() : arg)));
  }

  // What a signal does to one server, by its process.
  signal(node, name) {
    process.kill(node.pid, name);
  }

  // The base address of a balancer before all of them: one request each in turn.
  async balance() {
    const port = await freePort();
    const dir = await mkdtemp(join(tmpdir(), 'connek-nginx-'));
    const base = `http://127.0.0.1:${port}`;
    await this.#configure(dir, port, this.nodes);
    const nginx = spawn('nginx', ['-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')], { stdio: 'ignore' });
    this.t.after(async () => {
      const closed = once(nginx, 'close');
      if (nginx.exitCode === null) {
        nginx.kill('SIGTERM'); // its worker goes with it
        await closed;
      }
      await rm(dir, { recursive: true, force: true });
    });
    for (let i = 0; ; i++) {
      try {
        await fetch(`${base}/healthz`);
        break;
      } catch (error) {
        if (i > 100) throw error;
        await new Promise((resume) => setTimeout(resume, 50));
      }
    }
    // From now on requests go to these alone, and none is under way by the old words: nginx's workers end when they have nothing
    // more to do, and until then one of before may still accept.
    let n = 0;
    this.balanceOver = async (nodes) => {
      await this.#configure(dir, port, nodes, ++n);
      nginx.kill('SIGHUP');
      const has = async () => (await fetch(`${base}/balancer`, { headers: { Connection: 'close' } })).text();
      const workers = async () => (await readFile(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8')).trim().split(' ').length;
      while ((await has()) !== String(n) || (await workers()) > 1) await new Promise((resume) => setTimeout(resume, 20));
    };
    return base;
  }

  async #configure(dir, port, nodes, n = 0) {
    const servers = nodes.map(({ base }) => `server ${new URL(base).host} max_fails=0;`).join(' ');
    await writeFile(
      join(dir, 'nginx.conf'),
      `daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
       events { worker_connections 512; }
       http {
         access_log off; keepalive_timeout 0; client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f;
         uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
         upstream nodes { ${servers} }
         server {
           listen 127.0.0.1:${port};
           location = /balancer { return 200 '${n}'; }
           location / {
             proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host 127.0.0.1;
             proxy_read_timeout 300s; proxy_request_buffering off;
           }
         }
       }`,
    );
  }
}
