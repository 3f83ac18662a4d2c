// Requests that come twice, and edits that meet: every operation that makes something, and every one that edits, as
// schema/api.json lists them. One that is added there and not here fails this test.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { operations, signedInApi } from './support/api.js';
import { sql } from './support/aged.js';

const email = 'owner@acme.example';
let connek, owner, closers;

before(async () => {
  closers = [];
  const rules = ['stripe', 'xero'].map((connector) => ({ connector, does: ['read'] }));
  const config = { ...exampleConfig, personal: ['stripe', 'xero'], roles: [...exampleConfig.roles, { name: 'own', rules }], users: [{ email, kind: 'owner', roles: ['own'] }, ...exampleConfig.users] };
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config, args: ['--allow-sign-up'] });
  owner = await signedInApi(connek, email);
  await owner.put('./connectors/xero/client-app', { client_id: 'our-client', client_secret: 'secret-of-the-client' });
});

after(async () => {
  for (const close of closers.reverse()) await close();
});

const has = (operation, name) => operation.parameters?.some(({ $ref }) => $ref === `#/components/parameters/${name}`);
let n = 0;
const named = (what) => `${what} ${++n}`;
const newToken = () => ({ user: owner.user, kind: 'url', name: named('token') });
const newWebhook = () => ({ name: named('hook'), url: 'https://hooks.acme.example/', events: ['user.joined'] });
const made = {
  token: async () => (await owner.post('./tokens', newToken())).token.id,
  user: async () => (await owner.post('./users', { email: `${named('user').replace(' ', '')}@acme.example` })).user.id,
  webhook: async () => (await owner.post('./webhooks', newWebhook())).webhook.id,
  connection: async (where) => (await owner.post(`${where}/connections`, { name: named('xero'), connector: 'xero' })).id,
};

// What makes something: [path, body], what it needs being there.
const creations = {
  create_organisation: () => ['/organisations', { name: named('Organisation') }],
  create_my_token: () => ['./me/tokens', { kind: 'url', name: named('token') }],
  rotate_my_token: async () => [`./me/tokens/${await made.token()}/rotation`, {}],
  create_my_connection: () => ['./me/connections', { name: named('stripe'), connector: 'stripe', credential: { key: 'sk_secret-of-mine' } }],
  create_my_connect_link: async () => [`./me/connections/${await made.connection('./me')}/link`, {}],
  create_my_request: () => ['./me/requests', { name: named('HubSpot'), reason: 'Our leads are there.' }],
  invite_user: () => ['./users', { email: 'invited@acme.example' }],
  reinvite_user: async () => [`./users/${await made.user()}/invitation`, undefined],
  create_role: () => ['./roles', { name: named('role'), rules: [] }],
  create_connector: () => ['./connectors', { definition: { id: 'crm', kind: 'mcp', name: 'CRM', url: 'https://crm.acme.example/mcp' } }],
  create_connection: () => ['./connections', { name: named('stripe'), connector: 'stripe', credential: { key: 'sk_secret-of-ours' } }],
  create_connect_link: async () => [`./connections/${await made.connection('.')}/link`, {}],
  create_token: () => ['./tokens', newToken()],
  rotate_token: async () => [`./tokens/${await made.token()}/rotation`, {}],
  create_key: () => ['./keys', { name: named('key'), scopes: ['users:read'] }],
  create_webhook: () => ['./webhooks', newWebhook()],
  rotate_webhook: async () => [`./webhooks/${await made.webhook()}/rotation`, {}],
  test_webhook: async () => [`./webhooks/${await made.webhook()}/test`, {}],
};

// What is edited: [path, one body, another body, the member of what is read that says which one was taken].
const edits = {
  update_organisation: () => ['.', { name: 'Acme One' }, { name: 'Acme Two' }],
  update_settings: () => ['./settings', { per_minute: 7001 }, { per_minute: 7002 }],
  update_user: async () => [`./users/${await made.user()}`, { kind: 'auditor' }, { kind: 'admin' }],
  update_role: async () => {
    const { id, name } = await owner.post('./roles', { name: named('role') });
    return [`./roles/${id}`, { name, rules: [{ connector: 'stripe', does: ['read'] }] }, { name, rules: [{ connector: 'stripe', does: ['write'] }] }];
  },
  update_connection: async () => [`./connections/${await made.connection('.')}`, { labels: { client: 'Globex' } }, { labels: { client: 'Initech' } }],
  update_webhook: async () => [`./webhooks/${await made.webhook()}`, { is_on: false }, { events: ['user.invited'] }],
};

const lastChange = async () => (await owner.get('./audit?kind=change&limit=1')).items[0].id;

// What is shown once: a secret, or a link of ours.
const isSecret = (name, value) => typeof value === 'string' && (name === 'secret' || (name === 'url' && value.startsWith(connek.base)));
const secretsOf = (value) => (typeof value !== 'object' || value === null ? [] : Object.entries(value).flatMap(([name, one]) => (isSecret(name, one) ? [one] : secretsOf(one))));
// The second answer is the first without them; what consists of them alone may be gone as a whole.
function assertSame(second, first, name) {
  if (second === null && (isSecret(name, first) || secretsOf(first).length > 0 || name === 'expires_at')) return;
  if (typeof first !== 'object' || first === null) return assert.deepEqual(second, first, name);
  assert.deepEqual(Object.keys(second), Object.keys(first));
  for (const one of Object.keys(first)) assertSame(second[one], first[one], one);
}

test('whatever makes something takes an Idempotency-Key: sent again it makes nothing, and shows no secret again', async (t) => {
  const making = operations.filter(({ method, responses }) => method === 'POST' && responses[201]);
  assert.deepEqual(making.filter((one) => has(one, 'IdempotencyKey')).map(({ operationId }) => operationId).sort(), Object.keys(creations).sort());
  assert.equal(making.length, Object.keys(creations).length);
  const secrets = [];
  for (const [name, prepare] of Object.entries(creations)) {
    await t.test(name, async () => {
      const [path, body] = await prepare();
      const headers = { 'Idempotency-Key': `key of ${name}` };
      const send = () => owner.call('POST', path, { body, headers });
      const before = await lastChange();
      const first = await send();
      assert.equal(first.status, 201, first.text);
      assert.equal(first.headers.get('idempotency-replayed'), null);
      const between = await lastChange();
      if (name !== 'create_organisation') assert.notEqual(between, before); // that one stands in its own trail
      const second = await send();
      assert.deepEqual([second.status, second.headers.get('idempotency-replayed'), second.headers.get('location')], [201, 'true', first.headers.get('location')], second.text);
      assert.equal(await lastChange(), between);
      assertSame(second.body, first.body);
      assert.deepEqual(secretsOf(second.body), []);
      secrets.push(...secretsOf(first.body));
      const other = path === '/organisations' ? [path, { name: 'Another' }] : ['./roles', { name: 'never' }];
      const misused = await owner.call('POST', other[0], { body: other[1], headers });
      assert.deepEqual([misused.status, /another request/.test(misused.body.detail)], [409, true], misused.text);
    });
  }
  assert.ok(!(await owner.get('./roles')).items.some(({ name }) => name === 'never'));
  assert.equal((await owner.get('/session')).organisations.length, 2);
  // What is kept for a repetition holds nothing that was shown once, and no credential that was sent.
  assert.ok(secrets.length >= 12, secrets.join());
  const kept = JSON.stringify(await sql(connek, 'SELECT location, body FROM api_answer'));
  assert.ok(kept.length > 1000);
  for (const one of [...secrets, 'secret-of-mine', 'secret-of-ours']) assert.ok(!kept.includes(one), one);
});

test('whatever edits is refused where somebody else was first, also at the same moment, and loses nothing', async (t) => {
  const editing = operations.filter((one) => has(one, 'IfMatch'));
  assert.deepEqual(editing.map(({ operationId }) => operationId).sort(), Object.keys(edits).sort());
  for (const { operationId, method } of editing) {
    await t.test(operationId, async () => {
      const [path, one, other] = await edits[operationId]();
      const read = await owner.call('GET', path);
      const etag = read.headers.get('etag');
      assert.equal(read.body.etag, etag);
      const edit = (body, match) => owner.call(method, path, { body, headers: match && { 'If-Match': match } });
      assert.equal((await edit(one)).status, 428);
      assert.equal((await edit(one, '"of nothing"')).status, 412);
      assert.equal((await owner.get(path)).etag, etag);
      const both = await Promise.all([edit(one, etag), edit(other, etag)]);
      assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412], both.map(({ text }) => text).join());
      const taken = both.find(({ status }) => status === 200);
      const now = await owner.get(path);
      assert.deepEqual([now.etag, taken.headers.get('etag')], [taken.body.etag, taken.body.etag]);
      assert.notEqual(now.etag, etag);
      const [kept] = [one, other].filter((_, i) => both[i] === taken);
      for (const name of Object.keys(kept)) assert.deepEqual(now[name], taken.body[name], name);
      const late = await edit(both[0] === taken ? other : one, etag);
      assert.deepEqual([late.status, (await owner.get(path)).etag], [412, now.etag]);
    });
  }
});
