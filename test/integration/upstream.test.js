// A manifest before a real HTTP service: what is sent, what comes back, and what happens when either side leaves.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { callTool, legacy, legacyRevision, modern, post, send } from './support/mcp.js';
import { until } from './support/wait.js';

const key = 'canary-5f3759df';
const manifest = {
  manifest: 1,
  id: 'orders',
  name: 'Orders',
  base: '{conn.base}',
  auth: [{ type: 'key', in: 'header', name: 'X-Orders-Key' }],
  tools: [
    {
      name: 'find',
      does: 'read',
      description: 'Finds orders by customer and status.',
      input: {
        type: 'object',
        properties: { customer: { type: 'string' }, status: { type: 'array', items: { type: 'string' } }, limit: { type: 'integer' } },
        additionalProperties: false,
      },
      call: 'GET /orders',
      query: { customer: '{customer}', status: '{status|csv}', limit: '{limit}', order: 'newest' },
    },
    {
      name: 'get',
      does: 'read',
      description: 'Gets one order by its number.',
      input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
      call: 'GET /orders/{id}',
    },
    {
      name: 'cancel',
      does: 'destroy',
      description: 'Cancels one order. This cannot be undone.',
      input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
      call: 'GET /cancel/{id}',
    },
  ],
};

async function serving(t, { answer, args = [], auth = manifest.auth, allow = true } = {}) {
  const upstream = await Upstream.start(t, answer);
  const connek = await Connek.create(t, { env: { ORDERS_KEY: key } });
  await connek.writeFile('orders.json', { ...manifest, auth });
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['orders.json'],
    connections: [{ name: 'orders', connector: 'orders', settings: { base: upstream.base }, credential: { key: { env: 'ORDERS_KEY' } } }],
    roles: [{ name: 'sales', rules: [{ connection: 'orders', tools: ['*'] }] }],
    users: [{ email: 'sales@acme.example', roles: ['sales'] }],
  });
  await connek.start(...(allow ? ['--allow-upstream', upstream.host] : []), ...args);
  const { url } = await connek.token('sales@acme.example');
  return { upstream, connek, url };
}

test('arguments become the query, the credential its header, the trace goes on', async (t) => {
  const { upstream, connek, url } = await serving(t);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const args = { customer: 'Globex & Söhne', status: ['open', 'late'], limit: 5 };
  const { body } = await callTool(url, 'orders_find', args, modern, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  assert.equal(body.result.isError, false, JSON.stringify(body));
  const [{ method, url: target, headers }] = upstream.requests;
  assert.equal(method, 'GET');
  const sent = new URL(target, upstream.base);
  assert.equal(sent.pathname, '/orders');
  assert.deepEqual(Object.fromEntries(sent.searchParams), { customer: 'Globex & Söhne', status: 'open,late', limit: '5', order: 'newest' });
  assert.equal(headers['x-orders-key'], key);
  assert.match(headers.traceparent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  const record = (await connek.audit()).find(({ tool }) => tool === 'orders_find');
  assert.equal(record.trace_id, trace);
});

test('an argument that is absent leaves no trace in the query', async (t) => {
  const { upstream, url } = await serving(t);
  await callTool(url, 'orders_find', {});
  assert.equal(upstream.requests[0].url, '/orders?order=newest');
});

test('whatever an argument says, it stays data', async (t) => {
  const { upstream, url } = await serving(t);
  const nasty = ['../admin', 'a/b', 'a?b=c', 'a#b', '%2e%2e%2f', '..%2fadmin', 'x\r\nX-Injected: 1', '\u{1f600}', '.', '..', ' ', 'a;b', 'a&b=c', '\\', '"'];
  for (const id of nasty) {
    const before = upstream.count;
    const { body } = await callTool(url, 'orders_get', { id });
    if (body.result?.isError) continue; // refused is as good as kept
    assert.equal(upstream.count, before + 1, id);
    const { url: target, headers } = upstream.requests.at(-1);
    assert.equal(headers['x-injected'], undefined);
    assert.match(target, /^\/orders\/[^/?#]+$/, id);
    assert.equal(decodeURIComponent(target.slice('/orders/'.length)), id);
  }
  for (const customer of nasty) {
    await callTool(url, 'orders_find', { customer });
    const sent = new URL(upstream.requests.at(-1).url, upstream.base);
    assert.equal(sent.pathname, '/orders');
    assert.equal(sent.searchParams.get('customer'), customer);
    assert.equal([...sent.searchParams].length, 2);
  }
  const { status } = await callTool(url, 'orders_get', { id: 'a\u0000b' });
  assert.equal(status, 400);
});

test('a caller\'s own headers never travel', async (t) => {
  const { upstream, url } = await serving(t);
  await callTool(url, 'orders_find', {}, legacy, { 'X-Orders-Key': 'mine', Cookie: 'a=b', 'X-Forwarded-For': '1.2.3.4', 'X-Api-Version': '9' });
  const [{ headers, rawHeaders }] = upstream.requests;
  assert.equal(headers['x-orders-key'], key);
  for (const name of ['cookie', 'x-forwarded-for', 'x-api-version', 'authorization']) assert.equal(headers[name], undefined, name);
  assert.equal(rawHeaders.filter((word) => word.toLowerCase() === 'x-orders-key').length, 1);
});

test('a key in the query is sent there and shown nowhere', async (t) => {
  const auth = [{ type: 'key', in: 'query', name: 'api_key' }];
  const { upstream, connek, url } = await serving(t, { auth, answer: (request, response) => upstream0(request, response) });
  const upstream0 = (request, response) => response.destroy();
  const { text } = await callTool(url, 'orders_find', { customer: 'x' });
  assert.equal(new URL(upstream.requests[0].url, upstream.base).searchParams.get('api_key'), key);
  assert.ok(!text.includes(key) && !connek.stderr.includes(key));
});

test('the credential is in no answer, log, record, command line, environment or file', async (t) => {
  const { upstream, connek, url } = await serving(t, {
    answer: (request, response) => response.writeHead(500, { 'Content-Type': 'text/plain' }).end('broken'),
  });
  const texts = [];
  for (const era of [legacy, modern]) texts.push((await callTool(url, 'orders_find', {}, era)).text, (await send(url, era('tools/list'))).text);
  texts.push((await callTool(url, 'connek_whoami')).text, (await callTool(url, 'connek_list_connections')).text);
  texts.push(await connek.ok('export'), await connek.ok('audit', 'list', '--json'), await connek.ok('connector', 'list'), connek.stderr);
  const { run } = await import('./support/connek.js');
  texts.push((await run('sh', ['-c', `tr '\\0' '\\n' < /proc/${connek.pid}/cmdline`])).stdout);
  texts.push((await run('sh', ['-c', `cat ${connek.data}/connek.db* | strings -n 6`])).stdout);
  for (const text of texts) assert.ok(!text.includes(key), text.slice(0, 300));
  assert.ok(upstream.count >= 2);
  const { token } = await connek.token('sales@acme.example');
  for (const text of [connek.stderr, await connek.ok('audit', 'list', '--json'), await connek.ok('token', 'list', '--json')]) assert.ok(!text.includes(token));
  assert.ok(!(await run('sh', ['-c', `cat ${connek.data}/connek.db* | strings -n 6`])).stdout.includes(token));
});

test('private addresses are refused unless the operator allowed them; metadata addresses always are', async (t) => {
  const { upstream, url } = await serving(t, { allow: false });
  const { body } = await callTool(url, 'orders_find', {});
  assert.equal(body.result.isError, true);
  assert.match(body.result.content[0].text, /private|not allowed|--allow-upstream/i);
  assert.equal(upstream.count, 0);
});

for (const status of [400, 401, 404, 429, 500, 503])
  test(`an upstream's ${status} is an error result, recorded as such`, async (t) => {
    const { connek, url } = await serving(t, {
      answer: (request, response) =>
        response.writeHead(status, { 'Content-Type': 'application/json' }).end('{"message":"the reason why"}'),
    });
    const { body } = await callTool(url, 'orders_find', {});
    assert.equal(body.result.isError, true);
    assert.match(body.result.content[0].text, new RegExp(`${status}`));
    assert.match(body.result.content[0].text, /the reason why/);
    assert.equal((await connek.audit()).find(({ tool }) => tool === 'orders_find').outcome, 'error');
  });

test('an upstream that breaks off, lies about its length, sends no JSON or a redirect is an error, not a crash', async (t) => {
  const answers = [
    (request, response) => response.destroy(),
    (request, response) => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' }).write('{', () => response.destroy()),
    (request, response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"a":1,"a":2}'),
    (request, response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('not json'),
    (request, response) => response.writeHead(302, { Location: 'http://169.254.169.254/latest/meta-data' }).end(),
    (request, response) => response.socket.end('HTTP/1.1 banana\r\n\r\n'),
  ];
  let answer;
  const { upstream, url } = await serving(t, { answer: (request, response) => answer(request, response) });
  for (answer of answers) {
    const { status, body } = await callTool(url, 'orders_find', {});
    assert.equal(status, 200, String(answer));
    assert.equal(body.result.isError, true, String(answer));
  }
  answer = (request, response) => upstream.json(response, { fine: true });
  const { body } = await callTool(url, 'orders_find', {});
  assert.equal(body.result.structuredContent.fine, true);
});

test('an upstream that is not there is named by its host alone', async (t) => {
  const { upstream, url } = await serving(t);
  await upstream.close();
  const { body } = await callTool(url, 'orders_find', { customer: 'private-name' });
  assert.equal(body.result.isError, true);
  assert.ok(!body.result.content[0].text.includes('private-name'));
});

const hanging = { answer: () => {} };

test('a modern client that leaves cancels its call, and the record says so', async (t) => {
  const { upstream, connek, url } = await serving(t, hanging);
  const leaving = new AbortController();
  const { message, headers } = modern('tools/call', { name: 'orders_find', arguments: {} });
  const pending = post(url, message, headers, { signal: leaving.signal }).catch(() => 'left');
  await until('the call reached the upstream', () => upstream.count === 1);
  leaving.abort();
  assert.equal(await pending, 'left');
  await until('the upstream request was ended', () => upstream.departures === 1);
  await until('recorded', async () => (await connek.audit()).some(({ tool, outcome }) => tool === 'orders_find' && outcome === 'cancelled'));
});

test('a legacy client that leaves does not cancel: its call runs to its end', async (t) => {
  let finish;
  const { upstream, connek, url } = await serving(t, { answer: (request, response) => (finish = () => upstream0.json(response, { ok: true })) });
  const upstream0 = upstream;
  const leaving = new AbortController();
  const { message, headers } = legacy('tools/call', { name: 'orders_find', arguments: {} });
  const pending = post(url, message, headers, { signal: leaving.signal }).catch(() => 'left');
  await until('the call reached the upstream', () => upstream.count === 1);
  leaving.abort();
  await pending;
  await sleep(100);
  assert.equal(upstream.departures, 0);
  finish();
  await until('recorded', async () => (await connek.audit()).some(({ tool, outcome }) => tool === 'orders_find' && outcome === 'ok'));
});

test('notifications/cancelled ends the call of that session and id, and no other', async (t) => {
  const { upstream, connek, url } = await serving(t, hanging);
  const begin = async () => {
    const { headers } = await post(url, {
      jsonrpc: '2.0', id: 0, method: 'initialize',
      params: { protocolVersion: legacyRevision, capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    });
    return { 'Mcp-Session-Id': headers.get('mcp-session-id') };
  };
  const [one, two] = [await begin(), await begin()];
  const first = send(url, legacy('tools/call', { name: 'orders_find', arguments: {} }, { id: 7 }), one);
  const second = send(url, legacy('tools/call', { name: 'orders_find', arguments: {} }, { id: 7 }), two);
  await until('both reached the upstream', () => upstream.count === 2);
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7, reason: 'enough' } };
  assert.equal((await post(url, cancel, { 'MCP-Protocol-Version': legacyRevision, ...one })).status, 202);
  assert.equal((await first).body, undefined, 'a cancelled request gets no response');
  await until('the upstream request of the first was ended', () => upstream.departures > 0);
  assert.equal(upstream.departures, 1);
  await post(url, cancel, { 'MCP-Protocol-Version': legacyRevision, ...two });
  await second;
  await until('both recorded', async () => (await connek.audit()).filter(({ outcome }) => outcome === 'cancelled').length === 2);
});

test('a destroying call is on record before it is made', async (t) => {
  let atUpstream;
  const { connek, url } = await serving(t, {
    answer: async (request, response) => {
      atUpstream = await connek0.audit();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    },
  });
  const connek0 = connek;
  const { body } = await callTool(url, 'orders_cancel', { id: '1' });
  assert.equal(body.result.isError, false);
  const seen = atUpstream.find(({ tool }) => tool === 'orders_cancel');
  assert.equal(seen.outcome, 'unknown');
  assert.equal(seen.decision, 'allowed');
  const records = (await connek.audit()).filter(({ tool }) => tool === 'orders_cancel');
  assert.equal(records.length, 1, 'intent and outcome are one line');
  assert.equal(records[0].outcome, 'ok');
});
