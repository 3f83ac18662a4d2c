// MCP servers that lie, and those that come and go: what is wrong ends in an error that names the server, and touches nobody
// else. `make proof` runs the long form of the cycles.
import test from 'node:test';
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { readFile, readdir } from 'node:fs/promises';
import { Connek, releaseBinary } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { held, isLong, rounds } from './support/proof.js';
import { json, lies, notice } from './support/lies.js';
import { Served, organisation, tool, user } from './support/served.js';
import { processesOf } from './support/stdio.js';
import { eventually } from './support/wait.js';

async function serving(t, servers) {
  const connek = await Connek.create(t);
  const config = organisation(servers.map((server) => ({ trust: 'accept', ...server })));
  for (const connector of config.connectors) connector.timeout_ms = servers.find(({ id }) => id === connector.id).timeout_ms ?? 1000;
  await connek.apply(config);
  await connek.start('--allow-upstream', '127.0.0.1');
  return { connek, url: (await connek.token(user)).url };
}
const residentKiB = async (pid) => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
const names = async (url) => (await send(url, legacy('tools/list'))).body.result.tools.map(({ name }) => name).filter((name) => !name.startsWith('connek_'));

// One server a lie, told to one method; and one that does as it should.
async function liarsOf(t, method) {
  const good = await Served.start(t, { name: 'good', tools: [tool('echo')] });
  const liars = [];
  for (const [what, lie] of Object.entries(lies)) {
    const liar = { id: `liar${liars.length}`, what, ...lie, server: await Served.start(t, { tools: [tool('lie')] }) };
    liar.server.lie = (message, response) => {
      if (message.method !== method) return false;
      liar.ended = Promise.resolve(lie.lie(message, response));
      return true;
    };
    liars.push(liar);
  }
  // Only those who are to be waited for in vain are given a second: on a busy machine others may need longer.
  const servers = [{ id: 'good', server: good }, ...liars].map(({ id, server, isSlow }) => ({ id, url: server.url, timeout_ms: isSlow ? 1000 : 30_000 }));
  return { good, liars, ...(await serving(t, servers)) };
}

async function assertCutOff({ most, ended, what }) {
  assert.ok(!most || (await ended) < most, `${what}: cut off`);
}

test('a server that lies gets an error of its own, and its neighbour is untouched', { timeout: 120_000 }, async (t) => {
  const { liars, connek, url } = await liarsOf(t, 'tools/call');
  await eventually(async () => assert.equal((await names(url)).length, liars.length + 1));
  const before = await residentKiB(connek.pid);
  await Promise.all(liars.filter(({ isSlow }) => isSlow).map(checkCall));
  for (const liar of liars.filter(({ isSlow }) => !isSlow)) await checkCall(liar);

  async function checkCall(liar) {
    const { id, what, told, server } = liar;
    const lying = callTool(url, `${id}_lie`);
    const other = await callTool(url, 'good_echo', { while: what });
    assert.ok(!other.body.result.isError, what);
    const { body, text } = await lying;
    assert.ok(body.error || body.result.isError, `${what}: ${text}`);
    assert.match(text, told, what);
    assert.match(text, new RegExp(id), `${what}: the server is named`);
    assert.ok(text.length < 2000, `${what}: a short error`);
    await assertCutOff(liar);
    assert.equal(server.of('tools/call').length, 1, `${what}: what may have been done is not asked for twice`);
  }

  const after = await residentKiB(connek.pid);
  assert.ok(after - before < 400 * 1024, `${before} KiB have become ${after}`);
  assert.equal((await names(url)).length, liars.length + 1, 'all are still listed');
  for (const { server, id } of liars) {
    server.lie = null;
    await eventually(async () => assert.ok(!(await callTool(url, `${id}_lie`)).body.result.isError, id));
  }
  assert.equal((await connek.verify()).code, 0);
});

test('a server that lies about its lists is named with its reason in the review; others are taken', { timeout: 120_000 }, async (t) => {
  const { liars, connek, url } = await liarsOf(t, 'tools/list');
  await eventually(async () => assert.deepEqual(await names(url), ['good_echo']), { timeoutMs: 60_000 });
  await eventually(
    async () => {
      const lines = (await connek.ok('connector', 'review', '--all')).split('\n');
      for (const { id, what, told } of liars) {
        const line = lines.find((each) => each.startsWith(`${id}: its server could not be asked: ${id}`)) ?? '';
        assert.match(line, told, `${what}: ${lines.join('\n')}`);
        assert.ok(line.length < 500, `${what}: a short line`);
      }
      assert.ok(!lines.some((each) => each.startsWith('good:')));
    },
    { timeoutMs: 60_000 },
  );
  for (const liar of liars) await assertCutOff(liar);
  assert.ok(!(await callTool(url, 'good_echo')).body.result.isError);
});

test('a storm of notifications passes bounded, and asks for no storm of questions', { timeout: 120_000 }, async (t) => {
  const stormy = await Served.start(t, { tools: [tool('storm')] });
  let storm = 20_000;
  stormy.lie = ({ id, method, params }, response) => {
    if (method !== 'tools/call') return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const progressToken = params._meta?.progressToken;
    for (let i = 0; i < storm; i++) response.write(notice('notifications/progress', { progressToken, progress: i }));
    for (let i = 0; i < storm; i++) response.write(notice('notifications/tools/list_changed'));
    response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'after the storm' }] } })}\n\n`);
    return true;
  };
  const { url } = await serving(t, [{ id: 'x', url: stormy.url }]);
  await eventually(async () => assert.deepEqual(await names(url), ['x_storm']));
  const listed = stormy.of('tools/list').length;
  const call = legacy('tools/call', { name: 'x_storm', arguments: {}, _meta: { progressToken: 'mine' } });
  const { body, text } = await send(url, call);
  assert.equal(body.result?.content[0].text, 'x sends notifications without end', text.slice(-500));
  const passed = text.split('notifications/progress').length - 1;
  assert.ok(passed > 0 && passed <= 10_000, `${passed} passed`);
  assert.equal(text.split('notifications/tools/list_changed').length - 1, 0);

  storm = 4_000; // as much as may be
  const calm = await send(url, call);
  assert.equal(calm.body.result?.content[0].text, 'after the storm', calm.text.slice(-500));
  const heard = calm.text.split('notifications/progress').length - 1; // all of them, unless this client reads too slowly
  assert.ok(heard > 0 && heard <= storm, `${heard} heard`);
  assert.ok(stormy.of('tools/list').length - listed < 10);
});

test('what a list must not have is refused, item by item, with its reason', { timeout: 120_000 }, async (t) => {
  const schema = (inputSchema) => ({ inputSchema: { type: 'object', ...inputSchema } });
  const bad = await Served.start(t, {
    tools: [
      tool('fine'),
      tool('network', schema({ properties: { a: { $ref: 'https://example.com/schema.json' } } })),
      tool('cycle', schema({ properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } })),
      tool('marked', schema({ properties: { a: { type: 'number', 'x-mcp-header': 'A' } } })),
      tool('twice'),
      tool('twice', { description: 'Another.' }),
      tool('connek_whoami'),
    ],
  });
  const good = await Served.start(t, { tools: [tool('echo')] });
  const { connek, url } = await serving(t, [{ id: 'bad', url: bad.url, names: 'plain' }, { id: 'good', url: good.url }]);
  await eventually(async () => assert.ok((await names(url)).includes('good_echo') && (await names(url)).includes('fine')));
  const found = await names(url);
  for (const name of ['network', 'cycle', 'marked']) assert.ok(!found.some((each) => each.includes(name)), found.join());
  assert.ok(found.filter((name) => name.includes('twice')).length <= 1, found.join());
  const review = await connek.ok('connector', 'review', '--all');
  const reasons = { network: 'reference', cycle: 'refer', marked: 'x-mcp-header of "a" is on what is neither a string', twice: 'lists it twice', connek_whoami: "like one of Connek's own" };
  for (const [name, why] of Object.entries(reasons)) assert.match(review, new RegExp(`^bad tool .*${name}.*refused.*\\n.*${why}`, 'm'), review);
  assert.doesNotMatch(review, /^good .*refused/m);
  assert.match(JSON.stringify((await callTool(url, 'connek_whoami')).body), /all@acme\.example/);
});

for (const [what, isEndless] of [['100,000 tools', false], ['tools without end', true]]) {
  test(`a server of ${what} is cut off, and said to be`, { timeout: 120_000 }, async (t) => {
    const many = await Served.start(t, { tools: [tool('first')] });
    many.lie = ({ id, method, params }, response) => {
      if (method !== 'tools/list') return false;
      const page = Number(params?.cursor ?? 0);
      const tools = Array.from({ length: 1000 }, (_, i) => tool(`t${page * 1000 + i}`));
      const hasMore = isEndless || page < 99;
      json(response, JSON.stringify({ jsonrpc: '2.0', id, result: { tools, ...(hasMore && { nextCursor: `${page + 1}` }) } }));
      return true;
    };
    const good = await Served.start(t, { tools: [tool('echo')] });
    const { connek, url } = await serving(t, [{ id: 'many', url: many.url }, { id: 'good', url: good.url }]);
    await eventually(async () => assert.match(await connek.ok('connector', 'review', '--all'), /^many: .*lists more than is taken from one server/m));
    await eventually(async () => assert.equal((await callTool(url, 'good_echo')).body.result?.content.length, 1));
    assert.ok((await names(url)).includes('good_echo'));
    assert.ok((await names(url)).length <= 2001);
    assert.ok(many.of('tools/list').length <= 1000, 'it was not read to its end');
  });
}

// A server on stdio, whole: tells its own process and the round that it was started for.
const program = `
  const tools = [{ name: 'who', inputSchema: { type: 'object' } }];
  const results = {
    initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'who', version: '1' } },
    'tools/list': { tools }, ping: {},
  };
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line);
    if (id === undefined) return;
    const who = { content: [{ type: 'text', text: process.env.ROUND }] };
    const result = method === 'tools/call' ? who : results[method];
    console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'no' } }) }));
  });`;

const cycles = rounds(20, 1_000);

test(`a process is started and stopped ${cycles} times: no zombie, no descriptor, no memory is left`, async (t) => {
  const connek = await Connek.create(t, isLong ? { binary: releaseBinary } : {});
  const config = organisation([{ id: 'x', trust: 'accept' }]);
  const apply = (round) => {
    config.connectors = [{ id: 'x', kind: 'mcp', command: [process.execPath, '-e', program], directory: dirname(process.execPath), environment: { ROUND: `${round}` } }];
    return connek.apply(config);
  };
  await apply(0);
  await connek.start('--workers', '2');
  const { url } = await connek.token(user);
  await eventually(async () => assert.deepEqual(await names(url), ['x_who']));
  const state = async () => ({
    processes: (await processesOf(connek.pid)).length,
    descriptors: (await readdir(`/proc/${connek.pid}/fd`)).length,
    kib: await residentKiB(connek.pid),
  });
  const warm = Math.floor(cycles / 4);
  let first;
  for (let round = 1; round <= cycles; round++) {
    await apply(round);
    await eventually(async () => assert.equal((await callTool(url, 'x_who')).body.result?.content[0].text, `${round}`));
    if (round === warm) {
      await eventually(async () => assert.equal((await state()).processes, 1));
      first = await state();
    }
  }
  await eventually(async () => {
    const { processes, descriptors } = await state();
    assert.equal(processes, 1, 'the last one alone');
    assert.ok((await processesOf(connek.pid)).every((each) => each.state !== 'Z'));
    assert.ok(descriptors <= first.descriptors + 2, `${first.descriptors} descriptors have become ${descriptors}`);
  });
  const { kib } = await state();
  t.diagnostic(`${first.kib} KiB, and at the end ${kib}`);
  if (isLong) assert.ok(kib - first.kib < 16 * 1024, `${first.kib} KiB have become ${kib}`);
  held('a process of an MCP server started and stopped: cycles, nothing left', cycles);
});
