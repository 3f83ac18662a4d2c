// MCP servers that lie, and those that come and go: what is wrong ends in an error that names the server, and touches nobody
// else. `make proof` runs the long form of the cycles.
import test from 'node:test';
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { readFile, readdir } from 'node:fs/promises';
import { Connek, releaseBinary } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { held, isLong, rounds } from './support/proof.js';
import { Served, eventually, organisation, tool, user } from './support/served.js';
import { processesOf } from './support/stdio.js';

async function serving(t, servers) {
  const connek = await Connek.create(t);
  await connek.apply(organisation(servers.map((server) => ({ trust: 'accept', ...server }))));
  await connek.start('--allow-upstream', '127.0.0.1');
  return { connek, url: (await connek.token(user)).url };
}
const names = async (url) => (await send(url, legacy('tools/list'))).body.result.tools.map(({ name }) => name).filter((name) => !name.startsWith('connek_'));

const json = (response, text) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);

// Writes `piece` until the other side has had enough: how much that was.
async function endless(response, type, first, piece) {
  response.writeHead(200, { 'Content-Type': type });
  response.write(first);
  const gone = new Promise((resolve) => response.on('close', resolve));
  let isOpen = true;
  gone.then(() => (isOpen = false));
  let written = 0;
  while (isOpen) {
    written += piece.length;
    if (!response.write(piece)) await Promise.race([gone, new Promise((resolve) => response.once('drain', resolve))]);
  }
  return written;
}

const mib = 1024 * 1024;
const notice = (method, params) => `data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;

// What each does to a call, and what the caller is told; `most`: what it gets rid of before it is cut off.
const lies = {
  'answers with another id': { lie: ({ id }, response) => json(response, `{"jsonrpc":"2.0","id":${id + 1000},"result":{"content":[]}}`), told: /another id/ },
  'answers with what is no JSON': { lie: (message, response) => json(response, '{"jsonrpc":"2.0","id":'), told: /no JSON/ },
  'answers with JSON that is no message': { lie: ({ id }, response) => json(response, `{"id":${id},"answer":42}`), told: /no JSON-RPC message/ },
  'answers with a result that is no object': { lie: ({ id }, response) => json(response, `{"jsonrpc":"2.0","id":${id},"result":7}`), told: /no object/ },
  'nests without end': { lie: (message, response) => json(response, '['.repeat(mib)), told: /no JSON/ },
  'ends its stream without an answer': {
    lie: (message, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(': nothing\n\n'),
    told: /without answering/,
  },
  'hangs up': { lie: (message, response) => response.destroy(), told: /broke off/ },
  'streams comments without end': { lie: (message, response) => endless(response, 'text/event-stream', '', `: ${'x'.repeat(mib)}\n\n`), told: /larger than allowed/, most: 80 * mib },
  'sends an event without end': { lie: (message, response) => endless(response, 'text/event-stream', 'data: {', 'x'.repeat(mib)), told: /too large/, most: 40 * mib },
  'sends a body without end': { lie: ({ id }, response) => endless(response, 'application/json', `{"jsonrpc":"2.0","id":${id},"result":{"a":"`, 'x'.repeat(mib)), told: /more than \d+ bytes/, most: 40 * mib },
  'is redirected elsewhere': { lie: (message, response) => response.writeHead(307, { Location: 'http://127.0.0.1:1/' }).end(), told: /another address/ },
};

test('a server that lies gets an error of its own, and its neighbour is untouched', { timeout: 120_000 }, async (t) => {
  const good = await Served.start(t, { name: 'good', tools: [tool('echo')] });
  const liars = [];
  for (const [what, { lie, told, most }] of Object.entries(lies)) {
    const liar = { id: `liar${liars.length}`, what, told, most, server: await Served.start(t, { tools: [tool('lie')] }) };
    liar.server.lie = (message, response) => {
      if (message.method !== 'tools/call') return false;
      liar.ended = Promise.resolve(lie(message, response));
      return true;
    };
    liars.push(liar);
  }
  const { connek, url } = await serving(t, [{ id: 'good', url: good.url }, ...liars.map(({ id, server }) => ({ id, url: server.url }))]);
  await eventually(async () => assert.equal((await names(url)).length, liars.length + 1));
  for (const liar of liars) {
    const { id, what, told, most } = liar;
    const lying = callTool(url, `${id}_lie`);
    const other = await callTool(url, 'good_echo', { while: what });
    assert.ok(!other.body.result.isError, what);
    const { body, text } = await lying;
    assert.ok(body.error || body.result.isError, `${what}: ${text}`);
    assert.match(text, told, what);
    assert.match(text, new RegExp(id), `${what}: the server is named`);
    assert.ok(text.length < 2000, `${what}: a short error`);
    assert.ok(!most || (await liar.ended) < most, `${what}: cut off`);
  }
  assert.equal((await names(url)).length, liars.length + 1, 'all are still listed');
  for (const { server, id } of liars) {
    server.lie = null;
    await eventually(async () => assert.ok(!(await callTool(url, `${id}_lie`)).body.result.isError, id));
  }
  assert.equal((await connek.verify()).code, 0);
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
    kib: Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${connek.pid}/status`, 'utf8'))[1]),
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
