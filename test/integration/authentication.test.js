// Who is let in: by URL, by key, by both; and who is not.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { legacy, modern, post, send, sendRaw } from './support/mcp.js';
import { eventually } from './support/wait.js';

const finance = 'finance@acme.example';
const marketing = 'marketing@acme.example';
const list = legacy('tools/list');

let connek, closers, byUrl, byKey, other;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  byUrl = await connek.token(finance);
  byKey = await connek.token(finance, '--kind', 'key');
  other = await connek.token(marketing, '--kind', 'key');
});

after(async () => {
  for (const close of closers) await close();
});

const ask = (path, headers) => send(`${connek.base}${path}`, list, headers);

test('a personal URL is 64 hex digits, a key has its prefix', () => {
  assert.match(byUrl.token, /^[0-9a-f]{64}$/);
  assert.match(byKey.token, /^ck_[A-Za-z0-9_-]{51}$/);
  assert.ok(byUrl.url.endsWith(`/mcp/${byUrl.token}`));
});

test('a key is taken from Authorization and from X-API-Key', async () => {
  assert.equal((await ask('/mcp', { Authorization: `Bearer ${byKey.token}` })).status, 200);
  assert.equal((await ask('/mcp', { authorization: `bearer ${byKey.token}` })).status, 200);
  assert.equal((await ask('/mcp', { 'X-API-Key': byKey.token })).status, 200);
});

test('two credentials of one person are one person; of two people, or one of them bad, nobody', async () => {
  const url = `/mcp/${byUrl.token}`;
  assert.equal((await ask(url, { Authorization: `Bearer ${byKey.token}` })).status, 200);
  assert.equal((await ask('/mcp', { Authorization: `Bearer ${byKey.token}`, 'X-API-Key': byKey.token })).status, 200);
  assert.equal((await ask(url, { Authorization: `Bearer ${other.token}` })).status, 401);
  assert.equal((await ask('/mcp', { Authorization: `Bearer ${byKey.token}`, 'X-API-Key': other.token })).status, 401);
  for (const junk of ['Bearer x', 'Basic Zm9v', 'Bearer', 'x', `Bearer ${'0'.repeat(64)}`, `Bearer ${byKey.token}x`])
    assert.equal((await ask(url, { Authorization: junk })).status, 401, junk);
  assert.equal((await ask(url, { 'X-API-Key': '' })).status, 401);
  assert.equal((await ask('/mcp', { 'X-API-Key': 'x', Authorization: `Bearer ${byKey.token}` })).status, 401);
});

test('a credential given twice is refused, whatever it says', async () => {
  const body = JSON.stringify(list.message);
  const request =
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n` +
    `Authorization: Bearer ${byKey.token}\r\nAuthorization: Bearer ${byKey.token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  assert.equal((await sendRaw(connek.base, request)).status, 401);
});

test('wrong tokens are 401 on every path, whatever the method', async () => {
  const wrong = [
    '0'.repeat(64),
    byUrl.token.slice(0, 63),
    `${byUrl.token}0`,
    byUrl.token.toUpperCase(),
    byKey.token,
    'ck_',
    'x',
    '',
    '%00',
    '..%2f..%2fetc%2fpasswd',
    `${byUrl.token}%00`,
    "'%20OR%201=1--",
  ];
  for (const token of wrong) {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const options = { method, headers: { 'Content-Type': 'application/json' }, ...(method === 'POST' && { body: '{}' }) };
      assert.equal((await fetch(`${connek.base}/mcp/${token}`, options)).status, 401, `${method} ${token}`);
    }
    assert.equal((await ask(`/mcp/${token}/sqlite`)).status, 401, token);
  }
  const crc = byKey.token.slice(0, -1) + (byKey.token.endsWith('0') ? '1' : '0');
  for (const token of [crc, byKey.token.toLowerCase(), `${byKey.token}a`, "' OR 1=1 --", 'null', 'undefined'])
    assert.equal((await ask('/mcp', { Authorization: `Bearer ${token}` })).status, 401, token);
});

test('a refusal names the scheme, and tells nothing about the token', async () => {
  const { headers, text } = await ask(`/mcp/${'f'.repeat(64)}`);
  assert.match(headers.get('www-authenticate'), /^Bearer/);
  assert.ok(!text.includes('ffff'));
});

test('a large body of somebody unknown is refused before it is read', async () => {
  const head =
    `POST /mcp/${'0'.repeat(64)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Content-Length: 4000000\r\n\r\n`;
  const { status, isClosed } = await sendRaw(connek.base, head);
  assert.equal(status, 401);
  assert.ok(isClosed);
});

test('a token that has expired is refused, one that has not is taken', async (t) => {
  const brief = await connek.token(finance, '--expires', '1s');
  const long = await connek.token(finance, '--expires', '30d');
  t.diagnostic('waits for a token of one second to expire');
  await eventually(async () => assert.equal((await send(brief.url, list)).status, 401));
  assert.equal((await send(long.url, list)).status, 200);
});

test('revoking all of a person\'s tokens ends each at once', async () => {
  const person = 'leaver@acme.example';
  await connek.apply({
    ...exampleConfig,
    users: [...exampleConfig.users, { email: person, roles: ['finance'] }],
  });
  const tokens = [await connek.token(person), await connek.token(person, '--kind', 'key')];
  const statuses = async () => [
    (await ask(`/mcp/${tokens[0].token}`)).status,
    (await ask('/mcp', { 'X-API-Key': tokens[1].token })).status,
  ];
  assert.deepEqual(await statuses(), [200, 200]);
  await connek.ok('token', 'revoke', '--user', person);
  assert.deepEqual(await statuses(), [401, 401]);
});

test('a person who is removed is out at once, tokens and all', async () => {
  const person = 'removed@acme.example';
  await connek.apply({ ...exampleConfig, users: [...exampleConfig.users, { email: person, roles: ['finance'] }] });
  const { url } = await connek.token(person);
  assert.equal((await send(url, list)).status, 200);
  await connek.apply(exampleConfig, '--prune');
  assert.equal((await send(url, list)).status, 401);
});

test('/mcp/<token>/<connector> shows and serves that connector alone', async () => {
  const names = async (path) => (await ask(path)).body.result.tools.map((tool) => tool.name);
  const all = await names(`/mcp/${byUrl.token}`);
  const alone = await names(`/mcp/${byUrl.token}/sqlite`);
  assert.ok(all.some((name) => name.startsWith('connek_')));
  assert.ok(alone.length > 0 && alone.every((name) => name.startsWith('sqlite_')), alone.join());
  const self = { name: 'connek_whoami', arguments: {} };
  const { body } = await send(`${connek.base}/mcp/${byUrl.token}/sqlite`, legacy('tools/call', self));
  assert.equal(body.error?.code ?? (body.result.isError ? 'denied' : 'served'), -32602);
});

test('a page of another site cannot reach us: Host and Origin are held against what we serve', async () => {
  const { hostname, port } = new URL(connek.base);
  const body = JSON.stringify(list.message);
  const request = (fields) =>
    `POST /mcp/${byUrl.token} HTTP/1.1\r\n${fields}Content-Type: application/json\r\nConnection: close\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
  const status = async (fields) => (await sendRaw(connek.base, request(fields))).status;
  assert.equal(await status(`Host: ${hostname}:${port}\r\n`), 200);
  assert.equal(await status(`Host: localhost:${port}\r\n`), 200);
  assert.equal(await status(`Host: ${hostname}:${port}\r\nOrigin: http://${hostname}:${port}\r\n`), 200);
  assert.equal(await status(`Host: evil.example:${port}\r\n`), 403);
  for (const origin of ['null', 'https://evil.example', 'http://localhost:1', `https://${hostname}:${port}`])
    assert.equal(await status(`Host: ${hostname}:${port}\r\nOrigin: ${origin}\r\n`), 403, origin);
});

test('an origin that the operator allows may ask from a browser', async (t) => {
  const origin = 'https://app.example.com';
  const own = await Connek.serving(t, { args: ['--allow-origin', origin] });
  const { url } = await own.token(finance);
  const preflight = await fetch(url, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
  const answer = await send(url, list, { Origin: origin });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('access-control-allow-origin'), origin);
  assert.equal((await send(url, list, { Origin: 'https://other.example.com' })).status, 403);
});

test('behind a public URL its host is served, and URLs are printed with it', async (t) => {
  const own = await Connek.serving(t, { args: ['--public-url', 'https://connek.example.com'] });
  const created = JSON.parse(await own.ok('token', 'create', '--user', finance, '--json'));
  assert.equal(created.url, `https://connek.example.com/mcp/${created.token}`);
  const body = JSON.stringify(list.message);
  const request =
    `POST /mcp/${created.token} HTTP/1.1\r\nHost: connek.example.com\r\nContent-Type: application/json\r\nConnection: close\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
  assert.equal((await sendRaw(own.base, request)).status, 200);
});

test('an address that keeps failing to authenticate has to wait; those who are known do not pay for others', async (t) => {
  const own = await Connek.serving(t, { args: ['--peer-limit', '20'] });
  const { url } = await own.token(finance);
  for (let i = 0; i < 100; i++) assert.equal((await send(url, list)).status, 200);
  const statuses = [];
  for (let i = 0; i < 30; i++) statuses.push((await send(own.url('0'.repeat(64)), list)).status);
  assert.equal(statuses[0], 401);
  assert.equal(statuses.at(-1), 429);
});

test('60 calls a minute by default, then 429 with Retry-After; others are not touched', async (t) => {
  const { limits, ...config } = exampleConfig;
  const own = await Connek.serving(t, { config });
  const [a, b] = [await own.token(finance), await own.token(marketing)];
  const statuses = [];
  let last;
  for (let i = 0; i < 80 && last?.status !== 429; i++) {
    last = await send(a.url, i % 2 ? list : modern('tools/list'));
    statuses.push(last.status);
  }
  assert.ok(statuses.length >= 60, `refused after ${statuses.length}`);
  assert.equal(last.status, 429);
  assert.ok(Number(last.headers.get('retry-after')) >= 1);
  assert.match(last.body.error.message, /rate/i);
  assert.equal((await send(b.url, list)).status, 200);
});

test('a message of the wrong size or kind never tells who would have been let in', async () => {
  const answer = await post(`${connek.base}/mcp`, 'x'.repeat(100), {});
  assert.equal(answer.status, 401);
});
