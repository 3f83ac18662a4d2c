// MCP servers as they are found: real ones over each transport behind Connek, and what becomes of them and of others when
// they die.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { Connek } from './support/connek.js';
import { legacy, modern, send } from './support/mcp.js';
import { freePort } from './support/process.js';
import { Served, tool, user } from './support/served.js';
import { commandOf, descendants, isHidden, program, started, unsandboxed } from './support/stdio.js';
import { fixtureProgram } from '../fixtures/mcp/process.js';
import { eventually } from './support/wait.js';

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
  const script = program(
    { env: '() => JSON.stringify(process.env)', length: '() => process.env.TOKEN.length', die: "() => void process.kill(process.pid, 'SIGKILL')" },
    "console.error('the probe is up, with ' + process.env.TOKEN);",
  );
  const env = { PROBE_TOKEN: 'secret-of-the-probe', OURS: 'canary', ...(isHidden && unsandboxed.env) };
  const { connek, url } = await serving(t, [started('probe', script, { environment: { TOKEN: { env: 'PROBE_TOKEN' } } })], [], { env });
  await eventually(async () => assert.ok((await names(url)).includes('probe_env')));
  const environment = JSON.parse(textOf(await call(url, 'probe_env')));
  assert.deepEqual(Object.keys(environment).filter((name) => !['HOME', 'LANG', 'PATH', 'PWD', 'TOKEN'].includes(name)), []);
  assert.equal(textOf(await call(url, 'probe_length')), `${env.PROBE_TOKEN.length}`); // what it repeats of a secret is covered
  assert.match(textOf(await call(url, 'probe_die')), /probe was ended by signal 9|probe ended with status/);
  await eventually(async () => assert.equal(textOf(await call(url, 'probe_length')), `${env.PROBE_TOKEN.length}`));
  const lines = () => connek.log.map(({ line }) => line).join('\n');
  await eventually(() => assert.match(lines(), /stderr: the probe is up, with \*{19}/));
  assert.doesNotMatch(lines(), /secret-of-the-probe/);
});

test('a server over stdio has a folder of its own, which stays', async (t) => {
  const keep = "() => { const fs = require('fs'); fs.appendFileSync('kept', 'x'); return 'kept ' + fs.readFileSync('kept', 'utf8'); }";
  const { connek, url } = await serving(t, [started('probe', program({ keep }))]);
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

test('what a server answers passes as it is written: digits and escapes; only line ends do not, where events are lines', async (t) => {
  const server = await Served.start(t, { tools: [tool('exact')] });
  const content = '{"content":[{"type":"text","text":"café \\/ \\"_meta\\" {"}],"structuredContent":{"n":1.50,"big":123456789012345678901234567890}}';
  let isPretty = false;
  server.lie = ({ id, method }, response) => {
    if (method !== 'tools/call') return false;
    const text = `{"jsonrpc":"2.0","id":${id},"result":${content}}`;
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(isPretty ? text.replaceAll('":', '":\r\n  ') : text);
    return true;
  };
  const { url } = await serving(t, [{ id: 'x', url: server.url }], ['--allow-upstream', '127.0.0.1']);
  await eventually(async () => assert.ok((await names(url)).includes('x_exact')));
  const plain = await send(url, legacy('tools/call', { name: 'x_exact' }));
  assert.ok(plain.text.includes(content), plain.text);
  const now = await send(url, modern('tools/call', { name: 'x_exact' }));
  assert.ok(now.text.includes(content.slice(1, -1)), now.text);
  assert.equal(now.body.result.resultType, 'complete');
  isPretty = true;
  const pretty = await send(url, legacy('tools/call', { name: 'x_exact' }));
  assert.doesNotMatch(pretty.text, /\r|\n/);
  assert.deepEqual(pretty.body, plain.body);
  assert.match(pretty.text, /"n":1\.50,"big":123456789012345678901234567890/);
});

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
