// The manifest format from outside: its JSON Schema and the program's own reader agree, `connector check` says all that is
// wrong with its line, and `connector try` shows and makes the very request.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Ajv2020 from 'ajv/dist/2020.js';
import { binary, run } from './support/connek.js';

const root = new URL('../../', import.meta.url).pathname;
const schema = JSON.parse(readFileSync(`${root}schema/manifest.schema.json`, 'utf8'));
const fits = new Ajv2020({ strict: false, allErrors: false, validateFormats: false }).compile(schema);

const tool = { name: 'get_order', does: 'read', description: 'Returns one order with all of its lines.', call: 'GET /orders' };
const write = { ...tool, does: 'write', call: 'POST /orders' };
const whole = (head = {}, one = tool) => ({ manifest: 1, id: 'orders', name: 'Orders', base: 'https://orders.example.com', ...head, tools: [one] });
const page = (more) => ({ ...tool, page: { by: 'page', send: 'query.page', ...more } });
const auth = (...ways) => ({ auth: ways });
const oauth = { type: 'oauth2', authorize: 'https://a.example/authorize', token: 'https://a.example/token' };

async function folder(t) {
  const dir = await mkdtemp(join(tmpdir(), 'connek-manifest-'));
  t.after(() => rm(dir, { recursive: true }));
  return {
    dir,
    async check(manifest) {
      const file = join(dir, 'm.json');
      await writeFile(file, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
      const { code, stdout } = await run(binary, ['connector', 'check', file]);
      return { file, code, stdout: stdout.replaceAll(file, 'm.json') };
    },
  };
}

const good = [
  whole(),
  whole({ $schema: './manifest.schema.json', kind: 'http', version: 3, description: 'Orders of a shop.', categories: ['commerce', 'b2b_sales'], source: { from: 'openapi.json', date: '2026-11-20' } }),
  whole({ '//': 'a comment', settings: { tenant: { '//': 'too', description: 'The tenant.', required: true } }, headers: { 'X-Tenant': '{conn.tenant}' }, query: { v: 7, all: true } }),
  whole({ base: '{conn.base}/v1' }),
  whole({ may_change_base: true, limits: { concurrent: 5, per_minute: 60, per_second: 10, remaining: { header: 'x-left', reset: 'x-reset', reset_is: 'epoch_ms' } } }),
  whole({ retry: { on: [429, { status: 403, header: 'retry-after' }, 'ratelimited'], after: ['retry-after', 'x-reset@epoch', 'body:a.b', 'body:a@ms'], max: 0 } }),
  whole({ errors: { ok: { path: 'ok', is: true }, message: ['error.message', 'error'], code: ['error.code'] } }),
  whole({ errors: { ok: [{ path: 'errors', absent: true }, { path: 'n', is: 1 }, { path: 'x', is: null }] } }),
  whole({ as: 'form', lists: 'brackets', idempotency: 'Idempotency-Key', timeout_ms: 1000 }, { ...write, body: { a: [1, { b: 'x' }] } }),
  whole({ idempotency: false }, { ...write, body: {} }),
  whole({}, { ...write, as: 'multipart', body: { file: { file: 'x', name: 'n', type: 'text/plain' }, t: 1 } }),
  whole({}, { ...write, as: 'raw', type: 'text/markdown', body: 'x' }),
  whole({}, { ...write, does: 'read', call: 'POST /graphql', graphql: ['query {', '  a', '}'], variables: {} }),
  whole({}, page({ size: 'query.per', default: 20, max: 100, first: 0, total: 'total', last: 'done' })),
  whole({}, { ...tool, page: { by: 'offset', send: 'query.offset' } }),
  whole({}, { ...tool, page: { by: 'cursor', send: 'query.after', next: 'meta.next', more: 'meta.more' } }),
  whole({}, { ...tool, page: { by: 'link' }, items: '', keep: 'id,lines(sku)' }),
  whole({}, { ...tool, page: { by: 'last_id', send: 'query.after', id: 'id' } }),
  whole({ page: { by: 'page', send: 'query.page' } }, { ...tool, page: true }),
  whole({ headers: { 'X-Old': '1' } }, { ...tool, headers: { 'X-Old': null }, query: { a: null }, result: 'data', max_result: 2048, example: { data: [] } }),
  whole({}, { ...tool, binary: true }),
  whole({}, { ...tool, text: true }),
  whole(auth({ type: 'key', in: 'header', name: 'Authorization', prefix: 'Bearer ' })),
  whole(auth({ type: 'key', in: 'query', name: 'k', value: 'k-{key}' }, { type: 'basic' })),
  whole({ ...auth({ type: 'key', in: 'path' }), base: 'https://a.example/bot{key}' }),
  whole(auth({ type: 'basic', user: 'any', password: '{credential.key}' })),
  whole(auth({ ...oauth, pkce: true, client: 'basic', scopes: { always: ['offline'], read: ['r'], write: ['w'] }, refresh: { rotates: true, idle: '60d', grace: '30m' },
    extra: { audience: 'x' }, capture: { tenant: 'tenant.id' }, scope_separator: ',', scope_parameter: 'user_scope', token_format: 'json', token_path: 'authed_user',
    discover: { call: 'GET https://a.example/connections', label: 'name', set: { tenant: 'id' } } }, { type: 'key', in: 'header', name: 'X-Key' })),
  whole(auth({ ...oauth, refresh: false, scopes: ['a', 'b'] }, { type: 'oauth1', signature: 'HMAC-SHA256' }, { type: 'jwt', algorithm: 'RS256', token: 'https://a.example/t', lifetime: '5m' })),
];

const bad = [
  [], 7, {},
  { ...whole(), manifest: 2 }, { ...whole(), manifest: '1' },
  whole({ id: 'Orders' }), whole({ id: '' }), whole({ id: 'a'.repeat(32) }), whole({ name: '' }), whole({ version: 0 }), whole({ colour: 1 }),
  whole({ categories: 'commerce' }), whole({ categories: ['Commerce'] }), whole({ categories: [7] }), whole({ categories: ['b2b-sales'] }), whole({ categories: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'] }),
  { ...whole(), tools: [] }, { ...whole(), tools: {} },
  whole({ base: 7 }), whole({ may_change_base: 1 }), whole({ source: 'x' }), whole({ source: { url: 'x' } }), whole({ description: '' }),
  whole({ settings: [] }), whole({ settings: { 'a b': {} } }), whole({ settings: { a: 'x' } }), whole({ settings: { a: { required: 1 } } }), whole({ settings: { a: { kind: 1 } } }),
  whole({ headers: [] }), whole({ headers: { 'X Y': '1' } }), whole({ headers: { X: 1 } }), whole({ headers: { HOST: 'a' } }), whole({ headers: { X: 'a\nb' } }), whole({ headers: { X: null } }),
  whole({ query: [] }), whole({ query: { '': 1 } }),
  whole({ limits: [] }), whole({ limits: { per_hour: 1 } }), whole({ limits: { concurrent: 0 } }), whole({ limits: { per_minute: 1.5 } }), whole({ limits: { remaining: {} } }),
  whole({ limits: { remaining: { header: 'a b' } } }), whole({ limits: { remaining: { header: 'a', reset_is: 'ms' } } }),
  whole({ retry: [] }), whole({ retry: { on: 429 } }), whole({ retry: { on: [200] } }), whole({ retry: { on: [''] } }), whole({ retry: { on: [{ header: 'x' }] } }),
  whole({ retry: { on: [{ status: 429, body: 1 }] } }), whole({ retry: { after: ['a b'] } }), whole({ retry: { after: ['x@week'] } }), whole({ retry: { max: 11 } }), whole({ retry: { times: 1 } }),
  whole({ errors: [] }), whole({ errors: { ok: {} } }), whole({ errors: { ok: { path: 'a' } } }), whole({ errors: { ok: { path: 'a', is: 1, absent: true } } }),
  whole({ errors: { ok: { path: 'a', absent: false } } }), whole({ errors: { ok: { path: 'a', is: [] } } }), whole({ errors: { message: 'a' } }), whole({ errors: { code: [1] } }),
  whole({ errors: { text: [] } }), whole({ as: 'xml' }), whole({ lists: 'x' }), whole({ timeout_ms: 0 }), whole({ idempotency: true }), whole({ idempotency: 'a b' }),
  whole({ auth: {} }), whole(auth('key')), whole(auth({})), whole(auth({ type: 'saml' })), whole(auth({ type: 'key' })), whole(auth({ type: 'key', in: 'body', name: 'x' })),
  whole(auth({ type: 'key', in: 'header' })), whole(auth({ type: 'key', in: 'header', name: 'Host' })), whole(auth({ type: 'key', in: 'query' })), whole(auth({ type: 'key', in: 'path', name: 'x' })),
  whole(auth({ type: 'key', in: 'header', name: 'X', prefix: 'a', value: 'b{key}' })), whole(auth({ type: 'key', in: 'header', name: 'X', value: '{key}!' })),
  whole(auth({ type: 'key', in: 'header', name: 'X', scopes: [] })), whole(auth({ type: 'basic', key: 1 })), whole(auth({ type: 'basic', user: 7 })),
  whole(auth({ type: 'oauth2' })), whole(auth({ ...oauth, token: undefined })), whole(auth({ ...oauth, scopes: 'a' })), whole(auth({ ...oauth, scopes: { all: [] } })),
  whole(auth({ ...oauth, client: 'x' })), whole(auth({ ...oauth, token_format: 'xml' })), whole(auth({ ...oauth, refresh: true })), whole(auth({ ...oauth, refresh: { idle: '60 days' } })),
  whole(auth({ ...oauth, scope_separator: ', ' })), whole(auth({ ...oauth, discover: { call: 'POST /x', set: {} } })), whole(auth({ ...oauth, discover: { call: 'GET /x' } })),
  whole(auth({ ...oauth, extra: { a: 1 } })), whole(auth({ ...oauth, capture: [] })), whole(auth({ ...oauth, grant: 'x' })), whole(auth({ type: 'oauth1', signature: 'MD5' })),
  whole(auth({ type: 'jwt', algorithm: 'none' })), whole(auth({ type: 'jwt', lifetime: 5 })),
  whole({}, 'get'), whole({}, { ...tool, name: 'Get' }), whole({}, { ...tool, name: undefined }), whole({}, { ...tool, description: '' }), whole({}, { ...tool, title: '' }),
  whole({}, { ...tool, does: 'fly' }), whole({}, { ...tool, input: [] }), whole({}, { ...tool, input: { type: 'array' } }), whole({}, { ...tool, call: undefined }),
  whole({}, { ...tool, call: 'HEAD /x' }), whole({}, { ...tool, call: 'GET x' }), whole({}, { ...tool, call: 'GET /x?a=1' }), whole({}, { ...tool, call: 'get /x' }),
  whole({}, { ...tool, body: {} }), whole({}, { ...write, as: 'x', body: {} }), whole({}, { ...write, body: {}, graphql: ['a'] }), whole({}, { ...tool, graphql: ['a'] }),
  whole({}, { ...write, graphql: [] }), whole({}, { ...write, graphql: [1] }), whole({}, { ...write, variables: {} }), whole({}, { ...write, graphql: ['a'], as: 'form' }),
  whole({}, { ...tool, query: 'a' }), whole({}, { ...tool, headers: { X: 1 } }), whole({}, { ...tool, headers: { Cookie: 'a' } }), whole({}, { ...tool, keep: ['id'] }),
  whole({}, { ...tool, items: 7 }), whole({}, { ...tool, result: [] }), whole({}, { ...tool, max_result: 1 }), whole({}, { ...tool, max_result: 1048577 }), whole({}, { ...tool, binary: 'yes' }),
  whole({}, { ...tool, binary: true, text: true }), whole({}, { ...tool, timeout_ms: '1' }), whole({}, { ...tool, retry: 3 }), whole({}, { ...tool, errors: 'x' }), whole({}, { ...tool, cursor: 1 }),
  whole({}, { ...tool, page: 'page' }), whole({}, page({ by: 'next' })), whole({}, page({ send: 'page' })), whole({}, page({ send: 'header.x' })), whole({}, page({ size: 'per' })),
  whole({}, page({ next: 'x' })), whole({}, page({ id: 'x' })), whole({}, page({ first: 2 })), whole({}, page({ max: 0 })), whole({}, page({ default: 'x' })), whole({}, page({ limit: 1 })),
  whole({}, page({ by: 'cursor' })), whole({}, page({ by: 'last_id' })), whole({}, page({ by: 'link' })), whole({}, page({ by: 'offset', first: 1 })),
];

test('what the schema accepts is accepted, and what it refuses is refused', async (t) => {
  const { check } = await folder(t);
  for (const manifest of good) {
    assert.ok(fits(manifest), `${JSON.stringify(manifest)}: ${JSON.stringify(fits.errors)}`);
    const { code, stdout } = await check(manifest);
    assert.equal(code, 0, `${JSON.stringify(manifest)}: ${stdout}`);
  }
  for (const manifest of bad) {
    const text = JSON.stringify(manifest);
    assert.ok(!fits(JSON.parse(text)), `the schema takes ${text}`);
    const { code, stdout } = await check(text);
    assert.equal(code, 1, `the program takes ${text}: ${stdout}`);
    assert.match(stdout, /error: /, text);
  }
});

test('the manifests of this repository fit the schema', () => {
  for (const name of readdirSync(`${root}connectors`)) {
    const manifest = JSON.parse(readFileSync(`${root}connectors/${name}`, 'utf8'));
    if (manifest.kind && manifest.kind !== 'http') continue;
    assert.ok(fits(manifest), `${name}: ${JSON.stringify(fits.errors)}`);
  }
});

test("the manual's example fits, and checks without a warning", async (t) => {
  const { check } = await folder(t);
  const manual = readFileSync(`${root}docs/manifest.md`, 'utf8');
  const [, text] = manual.match(/```json\n(\{\n  "\$schema"[^]*?)```/);
  const manifest = JSON.parse(text);
  assert.ok(fits(manifest), JSON.stringify(fits.errors));
  delete manifest.settings.tenant.pattern;
  const { stdout } = await check(manifest);
  assert.equal(stdout, 'm.json: ok, orders, 3 tools\n');
});

test('check says everything that is wrong, in the order of the file, each with its line', async (t) => {
  const { check } = await folder(t);
  const { code, stdout } = await check(`{
  "manifest": 1,
  "id": "orders",
  "name": "Orders",
  "base": "https://orders.example.com",
  "colour": "red",
  "headers": {"X/Y~Z Q": "1"},
  "tools": [
    {
      "name": "get_order",
      "does": "fly",
      "description": "Get order.",
      "input": {"type": "object", "properties": {"id": {}, "unused": {"description": "u"}}},
      "call": "GET /orders/{id}",
      "query": {"a": "{nobody}"},
      "example": {"id": 1},
      "keep": "id,totl"
    },
    {"name": "a_tool_with_a_name_that_is_far_too_long_for_clients", "description": "Changes an order's delivery address.", "call": "POST /x"}
  ]
}
`);
  assert.equal(code, 1);
  const lines = stdout.trim().split('\n').map((line) => line.replace(/: (error|warning): .*\(([^()]*)\)$/, ' $1 $2'));
  assert.deepEqual(lines, [
    'm.json:1:1 warning the whole',
    'm.json:6:3 error /colour',
    'm.json:7:15 error /headers/X~1Y~0Z Q',
    'm.json:11:7 error /tools/0/does',
    'm.json:12:7 warning /tools/0/description',
    'm.json:13:50 warning /tools/0/input/properties/id',
    'm.json:13:60 warning /tools/0/input/properties/unused',
    'm.json:14:7 error /tools/0/call',
    'm.json:15:17 error /tools/0/query/a',
    'm.json:17:7 warning /tools/0/keep',
    'm.json:19:5 warning /tools/1',
    'm.json:19:6 warning /tools/1/name',
    'm.json: 5 mistakes',
  ]);
});

test('warnings alone do not fail', async (t) => {
  const { check } = await folder(t);
  const { code, stdout } = await check(whole({}, { ...write, does: undefined }));
  assert.equal(code, 0);
  assert.match(stdout, /warning: "does" is missing/);
  assert.match(stdout, /ok, orders, 1 tool, \d warnings\n$/);
  const { stdout: silenced } = await check(whole({ source: { from: 'x' } }, { ...write, idempotency: false }));
  assert.equal(silenced, 'm.json: ok, orders, 1 tool\n');
  const broken = await check('{"manifest": 1,\n "id": }');
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /line 2/);
});

test('try shows the request with its secret hidden, and makes it with --send', async (t) => {
  const { dir } = await folder(t);
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ data: { id: 7, gone: '\u001b[31m', echo: request.headers.authorization } }));
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const file = join(dir, 'm.json');
  await writeFile(file, JSON.stringify(whole({ base: '{conn.base}', ...auth({ type: 'key', in: 'header', name: 'Authorization', prefix: 'Bearer ' }) }, {
    ...write, input: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }, call: 'POST /orders/{id}', body: { id: '{id}' }, result: 'data', keep: 'id' })));
  const words = ['connector', 'try', file, 'get_order', '{"id": 7}', '--setting', `base=http://127.0.0.1:${server.address().port}`, '--credential', 'key=env:ORDERS_KEY'];
  const env = { ...process.env, ORDERS_KEY: 's3cr3t-k3y' };
  const shown = await run(binary, words, { env });
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^POST http:\/\/127\.0\.0\.1:\d+\/orders\/7\n/);
  assert.match(shown.stdout, /\nAuthorization: Bearer \*\*\*\n/);
  assert.match(shown.stdout, /\n\n\{"id":7\}\n$/);
  assert.equal(seen.length, 0);
  const refused = await run(binary, [...words, '--send'], { env });
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /--allow-upstream/);
  assert.equal(seen.length, 0);
  const sent = await run(binary, [...words, '--send', '--allow-upstream', '127.0.0.1'], { env });
  assert.equal(sent.code, 0, sent.stderr);
  assert.equal(seen.length, 1);
  assert.equal(seen[0].headers.authorization, 'Bearer s3cr3t-k3y');
  assert.equal(seen[0].body, '{"id":7}');
  assert.match(sent.stdout, /--- the answer: 200 OK/);
  assert.match(sent.stdout, /gone/);
  assert.match(sent.stdout, /--- the result\n\{"id":7\}\n$/);
  for (const { stdout, stderr } of [shown, refused, sent]) assert.ok(!`${stdout}${stderr}`.includes('s3cr3t'), stdout);
  assert.ok(!sent.stdout.includes('\u001b'));
});

test('try says what is wrong before anything is sent', async (t) => {
  const { dir } = await folder(t);
  const file = join(dir, 'm.json');
  await writeFile(file, JSON.stringify(whole(auth({ type: 'basic' }), { ...tool, input: { type: 'object', properties: { id: { type: 'integer', description: 'x' } } }, query: { id: '{id}' } })));
  const attempt = async (...words) => run(binary, ['connector', 'try', file, ...words], { env: { ...process.env, PASS: 'p4ss' } });
  for (const [words, code, text] of [
    [['get_ordr'], 2, /did you mean get_order/],
    [['get_order', '{"id": "x"}'], 1, /id/],
    [['get_order', '{'], 1, /the arguments/],
    [['get_order', '{}', '--setting', 'x'], 2, /NAME=VALUE/],
    [['get_order', '{}', '--setting', 'x=1'], 1, /no setting "x"/],
    [['get_order', '{}', '--credential', 'key=p4ss'], 2, /not the secret itself/],
    [['get_order', '{}', '--credential', 'user=env:NO_SUCH_VARIABLE'], 2, /no such variable/],
    [['get_order', '{}', '--credential', 'user=env:PASS'], 1, /needs the member "password"/],
    [['get_order', '{}', '--credential', 'key=env:PASS'], 1, /no member "key"/],
  ]) {
    const result = await attempt(...words);
    assert.equal(result.code, code, `${words}: ${result.stderr}`);
    assert.match(result.stderr, text);
    assert.ok(!`${result.stdout}${result.stderr}`.includes('p4ss'), result.stderr);
  }
  const shown = await attempt('orders_get_order', '{"id": 5}', '--credential', 'user=env:PASS', '--credential', 'password=env:PASS');
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^GET https:\/\/orders\.example\.com\/orders\?id=5\n[^]*Authorization: Basic \*\*\*\n$/);
});
