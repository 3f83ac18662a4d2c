// The REST API from outside: roles, what they come to, access tokens, clients.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { signedIn } from './support/sign_in.js';

const config = {
  ...exampleConfig,
  users: [{ email: 'admin@acme.example', kind: 'admin', roles: [] }, ...exampleConfig.users],
};
let connek, closers, admin, finance;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config });
  admin = await signedInApi(connek, 'admin@acme.example');
  finance = await signedInApi(connek, 'finance@acme.example');
});

after(async () => {
  for (const close of closers) await close();
});

const problem = (answer, status, pattern) => {
  assert.equal(answer.status, status, answer.text);
  if (pattern) assert.match(answer.body.detail, pattern);
};

async function mcp(url, method, params, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  return { status: response.status, body: response.status === 200 ? await response.json() : undefined };
}
const toolNames = async (url) => (await mcp(url, 'tools/list')).body.result.tools.map(({ name }) => name).filter((name) => !name.startsWith('connek_'));

test('a role is made, says what it comes to, is edited by one of two, renamed, and deleted', async () => {
  const rules = [{ connection: 'ledger', does: ['read'] }, { connection: 'ledger', tools: ['query'], effect: 'deny' }];
  const role = await admin.post('./roles', { name: 'Bookkeeping', rules });
  assert.deepEqual(role.rules.map(({ id, ...rule }) => rule), [{ connection: 'ledger', does: ['read'], effect: 'allow' }, { connection: 'ledger', tools: ['query'], effect: 'deny' }]);
  problem(await admin.call('POST', './roles', { body: { name: 'Bookkeeping' } }), 409, /already/);
  const tools = await admin.get(`./roles/${role.id}/tools?denied=true&schemas=true`);
  const query = tools.items.find(({ tool }) => tool === 'sqlite_query');
  assert.equal(query.is_allowed, false);
  assert.match(query.sentence, /role Bookkeeping forbids it/);
  assert.ok(query.input_schema.properties);
  assert.match(tools.items.find(({ tool }) => tool === 'sqlite_list_tables').sentence, /^Can list tables in ledger, because role Bookkeeping allows it\.$/);
  assert.equal(tools.items.length, tools.n_allowed + tools.n_denied);
  const path = `./roles/${role.id}`;
  const kept = role.rules[0];
  const edited = await admin.put(path, { name: 'Books', rules: [kept] }, { 'If-Match': role.etag });
  assert.equal(edited.name, 'Books');
  assert.equal(edited.rules[0].id, kept.id);
  problem(await admin.call('PUT', path, { body: { name: 'Books', rules: [] }, headers: { 'If-Match': role.etag } }), 412);
  problem(await admin.call('PUT', path, { body: { name: 'finance', rules: [] }, headers: { 'If-Match': edited.etag } }), 409, /already/);
  await admin.delete(path);
  problem(await admin.call('GET', path), 404);
});

test('a rule that leads nowhere, or is none, is refused by its place, and nothing is left of it', async () => {
  const wrong = async (rules, pointer) => {
    const answer = await admin.call('POST', './roles', { body: { name: 'Wrong', rules } });
    problem(answer, 422);
    assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
  };
  await wrong([{ connection: 'ledger', does: ['read'] }, { connection: 'nowhere', does: ['read'] }], '/rules/1/connection');
  await wrong([{ connection: 'ledger', does: ['fly'] }], '/rules/0/does/0');
  await wrong([{ connection: 'ledger', file: '/etc/passwd' }], '/rules/0/file');
  const none = await admin.call('POST', './roles', { body: { name: 'Wrong', rules: [{ connection: 'ledger' }] } });
  problem(none, 422);
  assert.ok(!(await admin.get('./roles')).items.some(({ name }) => name === 'Wrong'));
});

test('what a role allows holds from the next call on, for everybody who has it', async () => {
  const { items } = await admin.get('./roles');
  const role = items.find(({ name }) => name === 'marketing');
  const { url } = await connek.token('marketing@acme.example');
  assert.deepEqual(await toolNames(url), []);
  const edited = await admin.put(`./roles/${role.id}`, { name: 'marketing', rules: [{ label: 'x=y', does: ['read'] }, { connector: 'sqlite', tools: ['query'] }] }, { 'If-Match': role.etag });
  assert.deepEqual(await toolNames(url), ['sqlite_query']);
  await admin.put(`./roles/${role.id}`, { name: 'marketing', rules: [] }, { 'If-Match': edited.etag });
  assert.deepEqual(await toolNames(url), []);
});

test("what a person's assistant may do is what it is shown", async () => {
  const { url } = await connek.token('finance@acme.example');
  const mine = await finance.get('./me/tools');
  const seen = (await mcp(url, 'tools/list')).body.result.tools.map(({ name }) => name);
  assert.deepEqual(mine.items.map(({ tool }) => tool).sort(), seen.sort());
  const users = await admin.get('./users');
  const { id } = users.items.find(({ email }) => email === 'finance@acme.example');
  assert.deepEqual((await admin.get(`./users/${id}/tools`)).items, mine.items);
  problem(await finance.call('GET', `./users/${id}/tools`), 403);
});

test('an access token is shown once, works at once, is rotated with an overlap, and revoked', async () => {
  const { items } = await admin.get('./users?query=finance');
  const body = { user: items[0].id, kind: 'url', name: 'laptop', per_minute: 1000 };
  const first = await admin.call('POST', './tokens', { body, headers: { 'Idempotency-Key': 'laptop' } });
  assert.equal(first.status, 201, first.text);
  const { token, secret, url } = first.body;
  assert.equal(url, `${connek.base}/mcp/${secret}`);
  assert.equal((await mcp(url, 'ping')).status, 200);
  const again = await admin.call('POST', './tokens', { body, headers: { 'Idempotency-Key': 'laptop' } });
  assert.deepEqual(again.body, { token, secret: null, url: null });
  assert.ok(!(await admin.call('GET', './tokens')).text.includes(secret));
  const rotated = await admin.post(`./tokens/${token.id}/rotation`, { overlap_s: 3600 });
  assert.equal((await mcp(url, 'ping')).status, 200);
  assert.equal((await mcp(rotated.url, 'ping')).status, 200);
  assert.ok((await admin.get(`./tokens/${token.id}`)).expires_at);
  await admin.delete(`./tokens/${token.id}`);
  assert.equal((await mcp(url, 'ping')).status, 401);
  assert.equal((await admin.get(`./tokens/${token.id}`)).status, 'revoked');
  problem(await admin.call('POST', `./tokens/${token.id}/rotation`, { body: {} }), 409, /ended/);
  const cut = await admin.post(`./tokens/${rotated.token.id}/rotation`, { overlap_s: 0 });
  assert.equal((await mcp(rotated.url, 'ping')).status, 401);
  assert.equal((await mcp(cut.url, 'ping')).status, 200);
  const key = await admin.post('./tokens', { user: items[0].id, kind: 'key', name: 'script', expires_at: '2099-01-01T00:00:00Z' });
  assert.match(key.secret, /^ck_/);
  assert.equal((await mcp(key.url, 'ping', undefined, { Authorization: `Bearer ${key.secret}` })).status, 200);
  const past = await admin.call('POST', './tokens', { body: { ...body, expires_at: '2001-01-01T00:00:00Z' } });
  assert.equal(past.body.errors[0].pointer, '/expires_at');
});

test('a member has their own tokens, and sees no other', async () => {
  const own = await finance.post('./me/tokens', { kind: 'url', name: 'mine' });
  assert.equal((await mcp(own.url, 'ping')).status, 200);
  const { items } = await admin.get('./users?query=marketing');
  const other = await admin.post('./tokens', { user: items[0].id, kind: 'url', name: 'theirs' });
  assert.ok((await finance.get('./me/tokens')).items.every(({ user }) => user.email === 'finance@acme.example'));
  problem(await finance.call('DELETE', `./me/tokens/${other.token.id}`), 404);
  problem(await finance.call('POST', `./me/tokens/${other.token.id}/rotation`, { body: {} }), 404);
  problem(await finance.call('DELETE', `./tokens/${own.token.id}`), 403);
  const rotated = await finance.post(`./me/tokens/${own.token.id}/rotation`, {});
  assert.equal((await mcp(rotated.url, 'ping')).status, 200);
  await finance.delete(`./me/tokens/${own.token.id}`);
  assert.equal((await mcp(own.url, 'ping')).status, 401);
});

test('a client that was let in is seen, and put out', async () => {
  const { access_token } = await signedIn(connek.base, finance.person);
  const headers = { Authorization: `Bearer ${access_token}` };
  assert.equal((await mcp(`${connek.base}/mcp`, 'ping', undefined, headers)).status, 200);
  const [client] = (await admin.get('./clients')).items;
  assert.equal(client.name, 'Test client');
  assert.equal(client.user.email, 'finance@acme.example');
  assert.equal((await finance.get('./me/clients')).items.length, 1);
  problem(await finance.call('DELETE', `./clients/${client.id}`), 403);
  problem(await admin.call('DELETE', `./me/clients/${client.id}`), 404);
  await admin.delete(`./clients/${client.id}`);
  assert.equal((await mcp(`${connek.base}/mcp`, 'ping', undefined, headers)).status, 401);
  assert.equal((await admin.get('./clients')).items[0].status, 'revoked');
});

test('nothing of it breaks the trail', async () => {
  assert.equal((await connek.verify()).code, 0);
});
