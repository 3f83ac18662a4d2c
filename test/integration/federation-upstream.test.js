// MCP servers as they are found: real ones over each transport behind Connek, and what becomes of them and of others when
// they die.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Connek } from './support/connek.js';
import { legacy, modern, send } from './support/mcp.js';
import { freePort } from './support/process.js';
import { Served, eventually, tool, user } from './support/served.js';
import { fixtureProgram } from '../fixtures/mcp/process.js';

const modules = resolve(import.meta.dirname, '../../node_modules');
const everythingProgram = join(modules, '@modelcontextprotocol/server-everything/dist/index.js');

const config = (...connectors) => ({
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connectors: connectors.map((connector) => ({ kind: 'mcp', ...connector })),
  connections: connectors.map(({ id }) => ({ name: id, connector: id, trust: 'accept' })),
  roles: [{ name: 'all', rules: connectors.map(({ id }) => ({ connector: id, does: ['read', 'write', 'destroy'] })) }],
  users: [{ email: user, roles: ['all'] }],
});

const call = (url, name, args = {}) => send(url, legacy('tools/call', { name, arguments: args })).then(({ body }) => body);
const names = async (url) => (await send(url, modern('tools/list'))).body.result.tools.map(({ name }) => name);
const textOf = (body) => body.result?.content?.[0]?.text ?? JSON.stringify(body);

// All processes that descend from Connek.
async function descendants(pid) {
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

const commandOf = (pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');

// In a sandbox a server sees a /tmp of its own: one that is kept there, as a whole checkout may be, is run without.
const isHidden = import.meta.dirname.startsWith('/tmp/');
const unsandboxed = { env: { PATH: '/nowhere' } };

async function serving(t, connectors, args = [], options = isHidden ? unsandboxed : {}) {
  const connek = await Connek.create(t, options);
  await connek.apply(config(...connectors));
  await connek.start(...args);
  const { url } = await connek.token(user);
  return { connek, url };
}

for (const [eras, options] of [
  ['both', undefined],
  ['modern', undefined],
  ['both', unsandboxed],
]) {
  test(`a server over stdio (${eras}) is started, called, and ended with Connek${options ? ', unsandboxed' : ''}`, async (t) => {
    const command = [process.execPath, fixtureProgram, '--stdio', '--eras', eras];
    const { connek, url } = await serving(t, [{ id: 'fixture', command }], [], options);
    await eventually(async () => assert.ok((await names(url)).includes('fixture_test_simple_text')));
    assert.match(textOf(await call(url, 'fixture_test_simple_text')), /simple text/);
    const before = await descendants(connek.pid);
    assert.ok(before.length > 0);
    await connek.stop();
    for (const pid of before) assert.equal(await commandOf(pid), '', `${pid} is still there`);
  });
}

test('a server over stdio that is killed is started again; its environment is its own; its stderr is in the log', async (t) => {
  const script = `
    import { createInterface } from 'node:readline';
    const say = (id, result) => console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
    console.error('the probe is up, with ' + process.env.TOKEN);
    for await (const line of createInterface({ input: process.stdin })) {
      const { id, method, params } = JSON.parse(line);
      if (method === 'initialize') say(id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } });
      else if (method === 'tools/list') say(id, { tools: [{ name: 'env', inputSchema: { type: 'object' } }, { name: 'die', inputSchema: { type: 'object' } }] });
      else if (method === 'tools/call' && params.name === 'die') process.kill(process.pid, 'SIGKILL');
      else if (method === 'tools/call') say(id, { content: [{ type: 'text', text: JSON.stringify(process.env) }] });
      else if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }));
    }`;
  const command = [process.execPath, '--input-type=module', '-e', script];
  const env = { PROBE_TOKEN: 'secret-of-the-probe', OURS: 'canary', ...(isHidden && unsandboxed.env) };
  const { connek, url } = await serving(t, [{ id: 'probe', command, environment: { TOKEN: { env: 'PROBE_TOKEN' } } }], [], { env });
  await eventually(async () => assert.ok((await names(url)).includes('probe_env')));
  const environment = JSON.parse(textOf(await call(url, 'probe_env')));
  assert.equal(environment.TOKEN, 'secret-of-the-probe');
  assert.deepEqual(Object.keys(environment).filter((name) => !['HOME', 'LANG', 'PATH', 'PWD', 'TOKEN'].includes(name)), []);
  assert.match(textOf(await call(url, 'probe_die')), /probe was ended by signal 9|probe ended with status/);
  await eventually(async () => assert.match(textOf(await call(url, 'probe_env')), /secret-of-the-probe/));
  const lines = () => connek.log.map(({ line }) => line).join('\n');
  await eventually(() => assert.match(lines(), /stderr: the probe is up, with \*{19}/));
  assert.doesNotMatch(lines(), /secret-of-the-probe/);
});

test('a server over stdio has a folder of its own, which stays', async (t) => {
  const script = `
    import { createInterface } from 'node:readline';
    import { appendFileSync, readFileSync } from 'node:fs';
    const say = (id, result) => console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
    for await (const line of createInterface({ input: process.stdin })) {
      const { id, method } = JSON.parse(line);
      if (method === 'initialize') say(id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } });
      else if (method === 'tools/list') say(id, { tools: [{ name: 'keep', inputSchema: { type: 'object' } }] });
      else if (method === 'tools/call') {
        appendFileSync('kept', 'x');
        say(id, { content: [{ type: 'text', text: 'kept ' + readFileSync('kept', 'utf8') }] });
      } else if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }));
    }`;
  const { connek, url } = await serving(t, [{ id: 'probe', command: [process.execPath, '--input-type=module', '-e', script] }]);
  await eventually(async () => assert.ok((await names(url)).includes('probe_keep')));
  assert.equal(textOf(await call(url, 'probe_keep')), 'kept x');
  await connek.restart();
  const again = connek.base + new URL(url).pathname;
  await eventually(async () => assert.match(textOf(await call(again, 'probe_keep')), /^kept xx+$/));
});

for (const transport of ['streamableHttp', 'sse']) {
  test(`server-everything over ${transport} is spoken to`, async (t) => {
    const port = await freePort();
    const child = spawn(process.execPath, [everythingProgram, transport], { env: { ...process.env, PORT: port }, stdio: 'ignore' });
    const ended = once(child, 'close');
    t.after(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const address = `http://127.0.0.1:${port}/${transport === 'sse' ? 'sse' : 'mcp'}`;
    const { url } = await serving(t, [{ id: 'everything', url: address }], ['--allow-upstream', `127.0.0.1:${port}`]);
    await eventually(async () => assert.ok((await names(url)).includes('everything_echo')), { timeoutMs: 60_000 });
    assert.match(textOf(await call(url, 'everything_echo', { message: 'across' })), /across/);
    const sum = (await names(url)).find((name) => /sum/.test(name));
    assert.match(textOf(await call(url, sum, { a: 2, b: 40 })), /42/);
  });
}

test('a dead server hurts nobody but its own tools, and is back without a restart', async (t) => {
  const [well, ill] = [await Served.start(t, { tools: [tool('fine')] }), await Served.start(t, { tools: [tool('sick')] })];
  const { url } = await serving(t, [{ id: 'well', url: well.url }, { id: 'ill', url: ill.url }], ['--allow-upstream', '127.0.0.1']);
  const both = async () => assert.deepEqual((await names(url)).filter((name) => !name.startsWith('connek_')), ['ill_sick', 'well_fine']);
  await eventually(both);
  assert.match(textOf(await call(url, 'ill_sick')), /"tool":"sick"/);
  ill.failure = 503;
  for (let i = 0; i < 8; i++) {
    const body = await call(url, 'ill_sick');
    assert.equal(body.result.isError, true);
    assert.match(textOf(body), /^ill (failed \(HTTP 503\)|has failed several times and is left alone for now)/);
    await both();
    assert.match(textOf(await call(url, 'well_fine')), /"tool":"fine"/);
  }
  const asked = ill.of('tools/call').length;
  assert.ok(asked <= 10, `asked ${asked} times`);
  ill.failure = null;
  await eventually(async () => assert.match(textOf(await call(url, 'ill_sick')), /"tool":"sick"/));
});
