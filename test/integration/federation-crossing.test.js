// Before an MCP server nobody gets what is another's: not by chance, with the same ids everywhere, and not by replaying what
// another was given. `make proof` runs the long form of the first.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, releaseBinary } from './support/connek.js';
import { legacy, modern, post, send } from './support/mcp.js';
import { held, isLong, rounds } from './support/proof.js';
import { Served, organisation, tool } from './support/served.js';
import { startFixture } from '../fixtures/mcp/process.js';
import { eventually } from './support/wait.js';

const clients = 100;
const calls = rounds(5_000, 1_000_000);
const people = (n) => Array.from({ length: n }, (_, i) => ({ email: `user${i}@acme.example`, roles: ['all'] }));

async function serving(t, servers, n, options = {}) {
  const connek = await Connek.create(t, options);
  const users = people(n);
  await connek.apply({ ...organisation(servers.map((server) => ({ trust: 'accept', ...server }))), users });
  await connek.start('--workers', '3', '--allow-upstream', '127.0.0.1');
  const urls = [];
  for (const { email } of users) urls.push((await connek.token(email)).url);
  const names = async () => (await send(urls[0], legacy('tools/list'))).body.result.tools.map(({ name }) => name);
  await eventually(async () => assert.ok((await names()).some((name) => !name.startsWith('connek_'))));
  return { connek, urls };
}

function ask(agent, url, { message, headers }) {
  const body = JSON.stringify(message);
  const { hostname, port, pathname: path } = new URL(url);
  const all = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'Content-Length': Buffer.byteLength(body), ...headers };
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, hostname, port, path, method: 'POST', headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => (text += piece)).on('end', () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on('error', reject).end(body);
  });
}

test(`${clients} clients that all use id 0 before one MCP server, ${calls} calls over 3 workers: none crossed`, async (t) => {
  // It answers out of order, now as JSON and now as events: only the id tells what belongs to what.
  const served = await Served.start(t, { tools: [tool('echo')] });
  let n = 0;
  served.lie = async ({ id, method, params }, response) => {
    if (method !== 'tools/call') return false;
    served.requests.length = 0;
    const turn = n++;
    await sleep((turn * 7) % 11);
    const text = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: params.arguments.mark }] } });
    const isStream = turn % 3 === 0;
    response.writeHead(200, { 'Content-Type': isStream ? 'text/event-stream' : 'application/json' }).end(isStream ? `data: ${text}\n\n` : text);
    return true;
  };
  const { urls } = await serving(t, [{ id: 'x', url: served.url }], clients, isLong ? { binary: releaseBinary } : {});
  let crossed = 0, failed = 0, done = 0;
  let why;
  await Promise.all(
    urls.map(async (url, client) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; done < calls; i++) {
        done++;
        const mark = `${client}-${i}`;
        const era = client % 2 === 0 ? legacy : modern;
        const { status, text } = await ask(agent, url, era('tools/call', { name: 'x_echo', arguments: { mark } }, { id: 0 }));
        const answer = text.startsWith('{') ? text : /data: ?(\{.*)/.exec(text)?.[1];
        const body = status === 200 && answer ? JSON.parse(answer) : {};
        if (!body.result || body.result.isError) failed++, (why ??= text);
        else if (body.id !== 0 || body.result.content[0].text !== mark) crossed++;
      }
      agent.destroy();
    }),
  );
  assert.equal(failed, 0, why);
  assert.equal(crossed, 0);
  held(`${clients} clients that all use id 0 before an MCP server: calls, none crossed`, done);
});

// What one gets who shows this, but for what names the moment.
const seen = ({ status, body, text }) => ({ status, body: body ?? text });
const another = (id) => id.slice(0, -3) + (id.endsWith('AAA') ? 'BBB' : 'AAA');

test('another\'s session id is an unknown one: to POST, GET and DELETE', async (t) => {
  const served = await Served.start(t, { tools: [tool('echo')] });
  const { urls: [mine, theirs] } = await serving(t, [{ id: 'x', url: served.url }], 2);
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'probe', version: '1' } };
  const session = (await post(mine, { jsonrpc: '2.0', id: 0, method: 'initialize', params })).headers.get('mcp-session-id');
  const show = (url, id) => send(url, legacy('tools/call', { name: 'x_echo', arguments: {} }), { 'Mcp-Session-Id': id });
  assert.equal((await show(mine, session)).status, 200);
  const unknown = await show(theirs, another(session));
  assert.equal(unknown.status, 404);
  assert.deepEqual(seen(await show(theirs, session)), seen(unknown));
  for (const method of ['GET', 'DELETE']) {
    const bare = async (id) => {
      const response = await fetch(theirs, { method, headers: { Accept: 'text/event-stream', 'Mcp-Session-Id': id } });
      return { status: response.status, text: await response.text() };
    };
    const other = await bare(another(session));
    assert.equal(other.status, 404);
    assert.deepEqual(await bare(session), other, method);
  }
  assert.equal((await show(mine, session)).status, 200, 'it is as it was');
});

test('another\'s cursor is an unknown one', async (t) => {
  const tools = Array.from({ length: 300 }, (_, i) => tool(`t${i}`));
  const served = await Served.start(t, { tools });
  const { urls: [mine, theirs] } = await serving(t, [{ id: 'x', url: served.url }], 2);
  for (const era of [legacy, modern]) {
    const { nextCursor } = (await send(mine, era('tools/list', {}))).body.result;
    assert.ok(nextCursor, 'a second page');
    const show = (url, cursor) => send(url, era('tools/list', { cursor }));
    assert.ok((await show(mine, nextCursor)).body.result.tools.length > 0);
    const unknown = await show(theirs, another(nextCursor));
    assert.equal(unknown.body.error?.code, -32602);
    assert.deepEqual(seen(await show(theirs, nextCursor)), seen(unknown));
  }
});

test('another\'s requestState is an unknown one', async (t) => {
  const { urls: [mine, theirs] } = await serving(t, [{ id: 'x', url: await startFixture(t) }], 2);
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const params = { name: 'x_test_input_required_result_request_state', arguments: {} };
  const { requestState, inputRequests } = (await send(mine, modern('tools/call', params, { meta }))).body.result;
  const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: { ok: true } }]));
  const show = (url, state) => send(url, modern('tools/call', { ...params, requestState: state, inputResponses }, { meta }));
  const unknown = await show(theirs, another(requestState));
  assert.equal(unknown.body.error?.code, -32602);
  assert.deepEqual(seen(await show(theirs, requestState)), seen(unknown));
  assert.equal((await show(mine, requestState)).body.result.content[0].text, 'state-ok');
});

test('another\'s task id is an unknown one: to ask about, to answer, to cancel', async (t) => {
  const task = { taskId: 'theirs-1', status: 'working', createdAt: '2026-01-01T00:00:00Z', lastUpdatedAt: '2026-01-01T00:00:00Z', ttlMs: 600000 };
  const tasks = { 'io.modelcontextprotocol/tasks': {} };
  const served = await Served.start(t, { tools: [tool('slow')] });
  const results = {
    'server/discover': {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {}, extensions: tasks },
      serverInfo: { name: 'tasks', version: '1' },
    },
    'tools/list': { resultType: 'complete', tools: served.tools, ttlMs: 0, cacheScope: 'public' },
    'tools/call': { resultType: 'task', ...task },
    'tasks/get': { resultType: 'complete', ...task },
    'tasks/update': { resultType: 'complete' },
    'tasks/cancel': { resultType: 'complete' },
  };
  served.lie = ({ id, method }, response) => {
    const result = results[method];
    if (result) response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    return Boolean(result);
  };
  const { urls: [mine, theirs] } = await serving(t, [{ id: 'x', url: served.url }], 2);
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { extensions: tasks } };
  const begun = await send(mine, modern('tools/call', { name: 'x_slow', arguments: {} }, { meta }));
  const { taskId } = begun.body.result;
  assert.ok(taskId && taskId !== task.taskId, begun.text);
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
    const more = method === 'tasks/update' ? { inputResponses: {} } : {};
    const show = (url, id) => send(url, modern(method, { taskId: id, ...more }, { meta }));
    const unknown = await show(theirs, another(taskId));
    assert.ok(unknown.body.error, unknown.text);
    const before = served.of(method).length;
    assert.deepEqual(seen(await show(theirs, taskId)), seen(unknown), method);
    assert.deepEqual(seen(await show(theirs, task.taskId)), seen(unknown), `${method}: the server's own id`);
    assert.equal(served.of(method).length, before, `${method}: the server is not asked`);
    const own = await show(mine, taskId);
    assert.ok(own.body.result, own.text);
  }
});

test('what a server says of another\'s task on a call\'s stream leads nobody to it', async (t) => {
  const served = await Served.start(t, { tools: [tool('slow')] });
  const said = (method) => ({ jsonrpc: '2.0', method, params: { taskId: 'theirs-1', status: 'completed', result: { content: [] } } });
  served.lie = ({ id, method }, response) => {
    if (method !== 'tools/call') return false;
    const result = { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'done' }] } };
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const message of [said('notifications/tasks'), said('notifications/tasks/status'), result]) response.write(`data: ${JSON.stringify(message)}\n\n`);
    response.end();
    return true;
  };
  const { urls: [url] } = await serving(t, [{ id: 'x', url: served.url }], 1);
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
  for (const request of [modern('tools/call', { name: 'x_slow', arguments: {} }, { meta }), legacy('tools/call', { name: 'x_slow', arguments: {} })]) {
    const { text } = await send(url, request);
    assert.match(text, /done/);
    assert.doesNotMatch(text, /taskId/);
  }
});
