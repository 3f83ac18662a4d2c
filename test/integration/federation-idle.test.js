// What MCP servers hold for us and nobody uses is given back: sessions, processes, folders. And what an operator is told of
// servers that answer, and that do not.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connek } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { Served, organisation, tool, user } from './support/served.js';
import { processesOf, program, started } from './support/stdio.js';
import { eventually } from './support/wait.js';

const names = async (url) => (await send(url, legacy('tools/list'))).body.result.tools.map(({ name }) => name);
const textOf = ({ body }) => body.result?.content?.[0]?.text ?? JSON.stringify(body);

// `connectors`: definitions, a connection for each.
async function serving(t, connectors, args = ['--allow-upstream', '127.0.0.1']) {
  const connek = await Connek.create(t);
  const config = organisation(connectors.map(({ id }) => ({ id, trust: 'accept' })));
  config.connectors = connectors;
  await connek.apply(config);
  await connek.start(...args);
  const { url } = await connek.token(user);
  return { connek, config, url };
}

test('a session that nobody uses is ended at its server, and a later call begins another', async (t) => {
  const server = await Served.start(t, { tools: [tool('echo')], sessions: [] });
  const { url } = await serving(t, [{ id: 'x', kind: 'mcp', url: server.url, idle_ms: 1000 }]);
  await eventually(async () => assert.ok((await names(url)).includes('x_echo')));
  for (let round = 1; round <= 2; round++) {
    assert.match(textOf(await callTool(url, 'x_echo')), /"tool":"echo"/);
    await eventually(() => assert.ok(server.sessions.length > 0 && server.sessions.every(({ ended }) => ended), JSON.stringify(server.sessions)));
  }
  assert.ok(server.sessions.length >= 2, 'another session for another call');
});

test('a process that nobody uses is stopped, and a later call starts another', async (t) => {
  const { connek, url } = await serving(t, [started('p', program({ who: '() => born' }, 'const born = process.hrtime.bigint();'), { idle_ms: 1000 })]);
  await eventually(async () => assert.ok((await names(url)).includes('p_who')));
  const seen = new Set();
  for (let round = 0; round < 2; round++) {
    seen.add(textOf(await callTool(url, 'p_who')));
    await eventually(async () => assert.deepEqual(await processesOf(connek.pid), []));
  }
  assert.equal(seen.size, 2, 'another process');
  assert.ok(connek.log.every(({ line = '' }) => !/started again/.test(line)), 'no crash');
});

test('a process that keeps ending is left alone for longer and longer; others go on', async (t) => {
  const good = await Served.start(t, { tools: [tool('echo')] });
  const { connek, url } = await serving(t, [started('bad', program({ die: '() => process.exit(3)' })), { id: 'good', kind: 'mcp', url: good.url }]);
  await eventually(async () => assert.ok((await names(url)).includes('bad_die') && (await names(url)).includes('good_echo')));
  const waits = () => connek.log.map(({ line = '' }) => Number(/^ended with status 3; it is started again in (\d+) ms at the earliest$/.exec(line)?.[1])).filter(Boolean);
  for (let round = 0; round < 3; round++) {
    await eventually(async () => assert.equal(textOf(await callTool(url, 'bad_die')), 'bad ended with status 3 before it had answered'));
    assert.match(textOf(await callTool(url, 'bad_die')), /^bad keeps ending and is left alone; it is started again in \d+ seconds$/);
    assert.match(textOf(await callTool(url, 'good_echo')), /"tool":"echo"/);
  }
  await eventually(() => assert.deepEqual(waits(), [500, 1000, 2000]));
});

test('the folder of a connection that is gone is removed, that of another stays', async (t) => {
  const keeper = program({ keep: "() => (require('fs').writeFileSync('kept', 'x'), 'kept')" });
  const { connek, config, url } = await serving(t, [started('one', keeper), started('two', keeper)]);
  await eventually(async () => assert.ok((await names(url)).includes('one_keep') && (await names(url)).includes('two_keep')));
  for (const id of ['one', 'two']) assert.equal(textOf(await callTool(url, `${id}_keep`)), 'kept');
  const children = join(connek.data, 'children');
  assert.equal((await readdir(children)).length, 2);
  config.connections = config.connections.filter(({ name }) => name === 'two');
  config.connectors = config.connectors.filter(({ id }) => id === 'two');
  config.roles = [{ name: 'all', rules: [{ connector: 'two', does: ['destroy'] }] }];
  await connek.apply(config, '--prune');
  await connek.restart();
  await eventually(async () => assert.equal((await readdir(children)).length, 1));
  const [left] = await readdir(children);
  assert.ok(existsSync(join(children, left, 'kept')));
  assert.equal(connek.log.filter(({ event }) => event === 'child_folders_removed').at(-1)?.folders, 1);
});

test('connection list says which servers answer, and why one does not', async (t) => {
  const [well, ill] = [await Served.start(t, { tools: [tool('fine')] }), await Served.start(t, { tools: [tool('sick')] })];
  const { connek, url } = await serving(t, [{ id: 'well', kind: 'mcp', url: well.url }, { id: 'ill', kind: 'mcp', url: ill.url }]);
  const listed = async () => {
    const lines = (await connek.ok('connection', 'list', '--json')).trim().split('\n').map((line) => JSON.parse(line));
    return Object.fromEntries(lines.map(({ connection, status, last_error }) => [connection, { status, last_error }]));
  };
  await eventually(async () => {
    const { well: one, ill: other } = await listed();
    assert.deepEqual([one.status, other.status], ['active', 'active']);
  });
  ill.failure = 503;
  for (let i = 0; i < 6; i++) await callTool(url, 'ill_sick');
  await eventually(async () => {
    const { well: one, ill: other } = await listed();
    assert.equal(one.status, 'active');
    assert.equal(other.status, 'error');
    assert.match(other.last_error, /^ill .*HTTP 503/);
  });
  assert.match(await connek.ok('connection', 'list'), /^ill +ill +error .*HTTP 503/m);
  ill.failure = null;
  await eventually(async () => assert.equal((await listed()).ill.status, 'active'), { timeoutMs: 60_000 });
});
