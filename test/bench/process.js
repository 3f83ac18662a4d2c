// Processes that are measured: started on one core, asked for their CPU time and memory, stopped by their own id.
// It must know nothing of what they are.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync, readdirSync } from 'node:fs';

const stopTimeoutMs = 35_000;

// What a child sees of our environment: no setting, proxy or secret of whoever runs the bench.
const environment = { PATH: process.env.PATH, HOME: process.env.HOME ?? '/' };

const onCore = (core, command) => (core === null ? command : ['taskset', '-c', String(core), ...command]);

// Runs a command to its end; throws where it fails. Its standard output.
export async function run(command, { core = null, cwd, timeoutMs = 120_000 } = {}) {
  const [program, ...args] = onCore(core, command);
  const child = spawn(program, args, { env: environment, cwd, timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command.slice(0, 4).join(' ')} ended with ${code ?? signal}: ${(stderr + stdout).slice(-2000)}`);
  return stdout;
}

export { freePort } from '../integration/support/process.js';

const running = new Set();

// Whatever happens, nothing of ours is left behind.
export async function stopAll() {
  await Promise.all([...running].map((server) => server.stop()));
}

export class Server {
  #child;
  #closed;

  // `core`: null for any. `log`: the file that takes what it says on standard error.
  static start(name, command, { core = null, log, cwd } = {}) {
    const server = new Server();
    const [program, ...args] = onCore(core, command);
    const fd = openSync(log, 'a');
    server.name = name;
    server.log = log;
    server.startedMs = performance.now();
    server.#child = spawn(program, args, { env: environment, cwd, stdio: ['ignore', 'pipe', fd] });
    closeSync(fd);
    server.stdout = server.#child.stdout.setEncoding('utf8');
    server.#closed = once(server.#child, 'close').finally(() => running.delete(server));
    server.#closed.catch(() => {});
    running.add(server);
    return server;
  }

  get pid() {
    return this.#child.pid;
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  // Until `isReady()` resolves with true.
  async ready(isReady, { timeoutMs = 30_000, everyMs = 1 } = {}) {
    while (!(await isReady())) {
      if (!this.isRunning) throw new Error(`${this.name} ended at once: ${readFileSync(this.log, 'utf8').slice(-2000)}`);
      if (performance.now() - this.startedMs > timeoutMs) throw new Error(`${this.name} was not ready in time`);
      await new Promise((resume) => setTimeout(resume, everyMs));
    }
    return performance.now() - this.startedMs;
  }

  async stop() {
    if (this.isRunning) {
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs);
      await this.#closed;
      clearTimeout(timer);
    }
  }

  // Nanoseconds of CPU that its threads and its children's have had, by the threads' names without their numbers.
  cpuNs() {
    const ns = {};
    for (const pid of withChildren(this.pid)) {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const folder = `/proc/${pid}/task/${task}`;
        const name = readFileSync(`${folder}/comm`, 'utf8').trim().replace(/-\d+$/, '');
        ns[name] = (ns[name] ?? 0) + Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]);
      }
    }
    return ns;
  }

  // Bytes of memory that it and its children have in RAM.
  rss() {
    let bytes = 0;
    for (const pid of withChildren(this.pid)) {
      bytes += 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    }
    return bytes;
  }
}

export const sum = (numbers) => Object.values(numbers).reduce((all, one) => all + one, 0);

function withChildren(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.flatMap(withChildren)];
}

// What each core has done since it was started: { busy, total } in the same unit.
export function coreTimes() {
  const cores = [];
  for (const line of readFileSync('/proc/stat', 'utf8').split('\n')) {
    const found = /^cpu(\d+) (.*)/.exec(line);
    if (!found) continue;
    const [user, nice, system, idle, iowait, irq, softirq, steal] = found[2].split(' ').map(Number);
    const busy = user + nice + system + irq + softirq + steal;
    cores[Number(found[1])] = { busy, total: busy + idle + iowait };
  }
  return cores;
}

export const busyShare = (before, after) => (after.busy - before.busy) / Math.max(1, after.total - before.total);
