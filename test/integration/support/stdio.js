// MCP servers over stdio, of a few lines each, for what no SDK would let one do.
import { readFile, readdir } from 'node:fs/promises';

// A whole server: `on` has what its tools do, as JavaScript: (params, say) => text, or nothing. Each takes an object.
// `before` runs first. A legacy server, and no more than its tests need.
export function program(on, before = '') {
  const entries = Object.entries(on).map(([name, does]) => `${JSON.stringify(name)}: ${does}`);
  return `
    const tools = { ${entries.join(', ')} };
    const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
    ${before}
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      if (method === 'initialize') say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } } });
      else if (method === 'tools/list') say({ id, result: { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })) } });
      else if (method === 'tools/call') {
        const text = tools[params.name](params.arguments, id);
        if (text !== undefined) say({ id, result: { content: [{ type: 'text', text: String(text) }] } });
      } else if (id !== undefined) say({ id, error: { code: -32601, message: 'no' } });
    });`;
}

// In a sandbox a process sees a /tmp of its own: a checkout that is kept there, and its node, are run without one, or by
// the system's node.
export const isHidden = import.meta.dirname.startsWith('/tmp/');

// A definition that starts such a program.
const node = isHidden ? 'node' : process.execPath;
export const started = (id, script, more = {}) => ({ id, kind: 'mcp', command: [node, '-e', script], ...more });
export const unsandboxed = { env: { PATH: '/nowhere' } };

// The children of a process: { pid, state }.
export async function processesOf(pid) {
  const all = [];
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : '';
    const [, state, parent] = /^\d+ \(.*\) (\S) (\d+)/s.exec(stat) ?? [];
    if (Number(parent) === pid) all.push({ pid: Number(name), state });
  }
  return all;
}

// All processes that descend from Connek.
export async function descendants(pid) {
  const parents = new Map();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => null);
    if (stat) parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const found = [pid];
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found.slice(1);
}

export const commandOf = (pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
