// What a service is asked again, when, and how often: its hints, its limits, and its faults, from outside. Waits are of
// a second at most; every form of hint by a clock of the test's own is in test/unit/connector/.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Connek } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { callTool, modern, post, send } from './support/mcp.js';

const manifest = (id, more = {}) => ({
  manifest: 1,
  id,
  name: id,
  base: '{conn.base}',
  retry: { on: [429, 503], after: ['retry-after', 'x-reset@epoch', 'x-reset-ms@epoch_ms', 'x-wait@seconds', 'body:retry_in', 'body:wait_ms@ms'], max: 3 },
  errors: { ok: { path: 'error', absent: true }, message: ['error.text'], code: ['error.code'] },
  timeout_ms: 2000,
  tools: [
    { name: 'look', does: 'read', description: 'Looks.', call: 'GET /look' },
    { name: 'post', does: 'write', description: 'Posts.', call: 'POST /post', body: { a: 1 } },
    { name: 'pay', does: 'write', description: 'Pays once.', call: 'POST /pay', body: { a: 1 }, idempotency: 'Idempotency-Key' },
  ],
  ...more,
});

async function serving(t, { answer, limits, args = [] } = {}) {
  const upstream = await Upstream.start(t, answer);
  const other = await Upstream.start(t);
  const connek = await Connek.create(t);
  await connek.writeFile('shop.json', manifest('shop', limits && { limits }));
  await connek.writeFile('other.json', manifest('other'));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['shop.json', 'other.json'],
    connections: [
      { name: 'shop', connector: 'shop', settings: { base: upstream.base } },
      { name: 'other', connector: 'other', settings: { base: other.base } },
    ],
    roles: [{ name: 'buyer', rules: ['shop', 'other'].map((connection) => ({ connection, tools: ['*'] })) }],
    users: [{ email: 'ann@acme.example', roles: ['buyer'] }],
  });
  await connek.start('--allow-upstream', upstream.host, '--allow-upstream', other.host, ...args);
  const { url } = await connek.token('ann@acme.example');
  return { upstream, other, connek, url };
}

const call = async (url, name, args = {}) => (await callTool(url, name, args)).body.result;
const fail = (response, status, headers = {}, body = {}) =>
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));

test('a service\'s word on when is kept, in each form', async (t) => {
  const { upstream, url } = await serving(t);
  const forms = {
    'seconds': () => [{ 'Retry-After': '1' }],
    'a date': () => [{ 'Retry-After': new Date(Date.now() + 2000).toUTCString() }],
    'an epoch': () => [{ 'X-Reset': String(Math.ceil(Date.now() / 1000) + 1) }],
    'an epoch in milliseconds': () => [{ 'X-Reset-Ms': String(Date.now() + 1000) }],
    'another header': () => [{ 'X-Wait': '1.0' }],
    'the body, in seconds': () => [{}, { retry_in: 1 }],
    'the body, in milliseconds': () => [{}, { wait_ms: 1000 }],
  };
  for (const [name, hint] of Object.entries(forms)) {
    await t.test(name, async () => {
      const times = [];
      upstream.answer = (request, response) => {
        times.push(Date.now());
        return times.length === 1 ? fail(response, 429, ...hint()) : upstream.json(response, { done: true });
      };
      assert.deepEqual((await call(url, 'shop_look')).structuredContent, { done: true });
      assert.equal(times.length, 2);
      assert.ok(times[1] - times[0] >= 900, `${times[1] - times[0]} ms`);
    });
  }
});

test('a wait that is too long ends the call at once, and says when', async (t) => {
  const { upstream, url } = await serving(t, { answer: (request, response) => fail(response, 429, { 'Retry-After': '3600' }, { error: { text: 'slow down', code: 'rate' } }) });
  const result = await call(url, 'shop_look');
  assert.equal(result.isError, true);
  assert.match(result.content[0].text, /429 Too Many Requests: slow down \(rate\)\. Try again in 60 minutes\./);
  assert.equal(upstream.count, 1);
});

test('a write is repeated with an idempotency key, the same one, and never without', async (t) => {
  const { upstream, url } = await serving(t);
  const failing = () => {
    let n = 0;
    upstream.answer = (request, response) => (n++ < 2 ? fail(response, 503) : upstream.json(response, { done: true }));
  };
  failing();
  assert.equal((await call(url, 'shop_pay')).isError, false);
  const keys = upstream.requests.map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0], /^[0-9a-f-]{36}$/);
  failing();
  assert.equal((await call(url, 'shop_post')).isError, true);
  assert.equal(upstream.count, 4);
});

test('a write whose answer is lost is recorded as unknown, and is not made twice', async (t) => {
  const { upstream, connek, url } = await serving(t, { answer: (request) => request.socket.destroy() });
  assert.equal((await call(url, 'shop_post')).isError, true);
  assert.equal(upstream.count, 1);
  assert.equal((await connek.audit()).filter(({ tool }) => tool === 'shop_post').at(-1).outcome, 'unknown');
});

test('faults are bounded, with repetitions too, and leave other connections alone', async (t) => {
  const { upstream, other, url } = await serving(t);
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '), { level: 9 });
  const faults = {
    hang: [() => {}, 1],
    'reset in the body': [(request, response) => response.writeHead(200, { 'Content-Length': '100' }).write('{"half":', () => request.socket.destroy()), 4],
    'reset at once': [(request) => request.socket.destroy(), 4],
    '503 without end': [(request, response) => fail(response, 503), 4],
    '500': [(request, response) => fail(response, 500), 1],
    drip: [
      (request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 50);
        response.on('close', () => clearInterval(timer));
      },
      1,
    ],
    huge: [
      (request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        const more = () => response.destroyed || (response.write('x'.repeat(65536)) ? setImmediate(more) : response.once('drain', more));
        more();
      },
      1,
    ],
    'bad JSON': [(request, response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"a":'), 1],
    'a gzip bomb': [(request, response) => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end(bomb), 1],
    'an endless SSE': [
      (request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        const timer = setInterval(() => response.write(': still here\n\ndata: {"jsonrpc":"2.0","method":"x"}\n\n'), 20);
        response.on('close', () => clearInterval(timer));
      },
      1,
    ],
    'a redirect to a metadata address': [(request, response) => response.writeHead(307, { Location: 'http://169.254.169.254/latest/meta-data/' }).end(), 1],
    redirect: [(request, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(), 1],
    'a Link without end': [(request, response) => response.writeHead(200, { Link: `<${'x'.repeat(10000)}`, 'Content-Type': 'application/json' }).end('nonsense'), 1],
  };
  for (const [name, [answer, requests]] of Object.entries(faults)) {
    await t.test(name, async () => {
      upstream.answer = answer;
      const before = upstream.count;
      const begun = Date.now();
      const [result, alive] = await Promise.all([call(url, 'shop_look'), call(url, 'other_look')]);
      assert.equal(result.isError, true);
      assert.equal(alive.isError, false);
      assert.equal(upstream.count - before, requests);
      assert.ok(Date.now() - begun < 30_000);
    });
  }
  assert.equal(other.count, Object.keys(faults).length);
});

test('over all workers, no more calls at once than the connection may have, and each gets its turn', async (t) => {
  let inside = 0;
  let most = 0;
  const { url } = await serving(t, {
    limits: { concurrent: 3 },
    args: ['--workers', '4'],
    answer: async (request, response) => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside--;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    },
  });
  const results = await Promise.all(Array.from({ length: 100 }, () => call(url, 'shop_look')));
  assert.ok(results.every(({ isError }) => !isError));
  assert.ok(most <= 3, `${most} at once`);
});

test('a rate is kept, and what would come too late is refused at once', async (t) => {
  const { upstream, url } = await serving(t, { limits: { per_minute: 8 } }); // two at once, then one in nine seconds
  const begun = Date.now();
  const settled = [];
  const leaving = new AbortController();
  const { message, headers } = modern('tools/call', { name: 'shop_look', arguments: {} });
  const calls = Array.from({ length: 12 }, () => post(url, message, headers, { signal: leaving.signal }).then(({ body }) => settled.push(body.result)));
  while (settled.length < 3 && Date.now() - begun < 5000) await sleep(50);
  assert.equal(upstream.count, 2);
  assert.ok(settled.some(({ isError, content }) => isError && /limit of calls is reached\. Try again in \d+ seconds/.test(content[0].text)));
  leaving.abort();
  const ends = await Promise.allSettled(calls);
  assert.ok(ends.some(({ status }) => status === 'rejected'), 'some were still waiting');
});

test('when the service says that nothing is left, nothing is sent until it is', async (t) => {
  const { upstream, url } = await serving(t, {
    limits: { remaining: { header: 'x-left', reset: 'x-reset-at', reset_is: 'epoch' } },
    answer: (request, response) =>
      response.writeHead(200, { 'Content-Type': 'application/json', 'X-Left': '0', 'X-Reset-At': String(Math.floor(Date.now() / 1000) + 600) }).end('{}'),
  });
  assert.equal((await call(url, 'shop_look')).isError, false);
  const refused = await call(url, 'shop_look');
  assert.equal(refused.isError, true);
  assert.match(refused.content[0].text, /Try again in (10 minutes|5\d\d seconds)/);
  assert.equal(upstream.count, 1);
});

test('a client that leaves while its call waits to repeat ends it', async (t) => {
  const { upstream, connek, url } = await serving(t, { answer: (request, response) => fail(response, 429, { 'Retry-After': '2' }) });
  const leaving = new AbortController();
  const { message, headers } = modern('tools/call', { name: 'shop_look', arguments: {} });
  const left = fetch(url, { method: 'POST', signal: leaving.signal, body: JSON.stringify(message), headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers } });
  while (upstream.count === 0) await sleep(20);
  await sleep(200);
  leaving.abort();
  await assert.rejects(left);
  await sleep(2500);
  assert.equal(upstream.count, 1);
  assert.equal((await connek.audit()).at(-1).outcome, 'cancelled');
  assert.equal((await send(url, modern('tools/list'))).status, 200);
});
