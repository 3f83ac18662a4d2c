// The REST API from outside: the catalogue of connectors, connections with keys and by consent, what is never shown.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { Served } from './support/served.js';
import { until } from './support/wait.js';

const secret = 'sk_live_never_to_be_seen_again';
const config = {
  ...exampleConfig,
  users: [{ email: 'admin@acme.example', kind: 'admin', roles: [] }, ...exampleConfig.users],
};
let connek, closers, admin;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config, args: ['--allow-upstream', '127.0.0.1'] });
  admin = await signedInApi(connek, 'admin@acme.example');
});

after(async () => {
  for (const close of closers) await close();
});

const problem = (answer, status, pattern) => {
  assert.equal(answer.status, status, answer.text);
  if (pattern) assert.match(answer.body.detail, pattern);
};

test('the catalogue is searched and paged, and says what connecting takes', async () => {
  const all = [];
  for (let path = './connectors?limit=3'; ; ) {
    const page = await admin.get(path);
    all.push(...page.items.map(({ id }) => id));
    if (!page.next_cursor) break;
    path = `./connectors?limit=3&cursor=${page.next_cursor}`;
  }
  assert.deepEqual(all, [...all].sort());
  assert.ok(all.includes('xero') && all.includes('sqlite') && !all.includes('connek'));
  assert.deepEqual((await admin.get('./connectors?query=PAYMENT')).items.map(({ id }) => id).includes('stripe'), true);
  const stripe = await admin.get('./connectors/stripe');
  assert.deepEqual(stripe.credential.map(({ name, is_secret }) => ({ name, is_secret })), [{ name: 'key', is_secret: true }]);
  assert.deepEqual(stripe.settings.map(({ name }) => name), ['account']);
  assert.equal(stripe.client_app, null);
  assert.ok(stripe.tools.length > 5);
  const xero = await admin.get('./connectors/xero');
  assert.ok(xero.connector.ways.includes('oauth'));
  assert.equal(xero.client_app.is_needed, true);
  assert.equal(xero.client_app.redirect_uri, `${connek.base}/oauth/callback`);
  problem(await admin.call('GET', './connectors/nothing'), 404);
});

test('an account is connected with a key, edited, given another key, and deleted; nobody is shown the key', async () => {
  const made = await admin.call('POST', './connections', { body: { name: 'Payments', connector: 'stripe', labels: { client: 'Globex' }, credential: { key: secret } } });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.body.has_credential, true);
  assert.equal(made.body.status, 'active');
  assert.ok(made.body.n_tools === 0 || made.body.n_tools > 5);
  const path = `./connections/${made.body.id}`;
  const edited = await admin.patch(path, { name: 'Money', labels: { client: 'Initech' } }, made.body.etag);
  assert.equal(edited.name, 'Money');
  assert.deepEqual(edited.labels, { client: 'Initech' });
  assert.equal(edited.has_credential, true);
  problem(await admin.call('PATCH', path, { body: { labels: {} }, headers: { 'If-Match': made.body.etag } }), 412);
  assert.equal((await admin.put(`${path}/credential`, { credential: null })).has_credential, false);
  assert.equal((await admin.put(`${path}/credential`, { credential: { key: secret } })).has_credential, true);
  problem(await admin.call('PUT', `${path}/credential`, { body: { credential: { colour: secret } } }), 422);
  const tools = await admin.get(`${path}/tools?schemas=true`);
  assert.ok(tools.items.some(({ name, tool, input_schema }) => tool === `stripe_${name}` && input_schema));
  for (const read of [path, './connections', `${path}/tools`, `${path}/events`, './audit?limit=200'])
    assert.ok(!(await admin.call('GET', read)).text.includes(secret), read);
  await admin.delete(path);
  problem(await admin.call('GET', path), 404);
});

test('a connection that a rule names stays, and a new name of it goes through the rules', async () => {
  const ledger = (await admin.get('./connections?query=ledger')).items[0];
  problem(await admin.call('DELETE', `./connections/${ledger.id}`), 409, /rule of role "finance"/);
  // Its database file was named by the operator: an edit of anything else leaves it as it is.
  const renamed = await admin.patch(`./connections/${ledger.id}`, { name: 'Books', labels: { x: 'y' } }, ledger.etag);
  assert.deepEqual(renamed.settings, ledger.settings);
  const finance = (await admin.get('./roles')).items.find(({ name }) => name === 'finance');
  assert.equal(finance.rules[0].connection, 'Books');
  await admin.patch(`./connections/${ledger.id}`, { name: 'ledger', labels: {} }, renamed.etag);
});

test('no file, no variable and no command can be named', async () => {
  const refused = async (path, body, pointer) => {
    const answer = await admin.call('POST', path, { body });
    problem(answer, 422);
    assert.match(answer.body.errors[0].pointer, pointer, answer.text);
  };
  await refused('./connections', { name: 'x', connector: 'sqlite', settings: { file: '/etc/passwd' } }, /^\/settings\/file/);
  await refused('./connections', { name: 'x', connector: 'stripe', credential: { key: { env: 'HOME' } } }, /^\/credential\/key/);
  await refused('./connections', { name: 'x', connector: 'stripe', settings: { account: { env: 'HOME' } } }, /^\/settings\/account/);
  await refused('./connectors', { definition: { id: 'shell', kind: 'mcp', command: ['/bin/sh'] } }, /^\/definition\/command/);
  await refused('./connectors', { definition: { id: 'stripe2', kind: 'sqlite' } }, /^\/definition/);
  problem(await admin.call('POST', './connectors', { body: { definition: { id: 'stripe', kind: 'mcp', url: 'https://x.example/mcp' } } }), 409);
  problem(await admin.call('POST', './connections', { body: { name: 'x', connector: 'nothing' } }), 422);
  assert.ok(!(await admin.get('./connections')).items.some(({ name }) => name === 'x'));
});

test('a key that nobody is shown cannot be led to another server', async () => {
  const manifest = (base) => ({ manifest: 1, id: 'ours', name: 'Ours', kind: 'http', version: 1, base, may_change_base: true, auth: [{ type: 'key', in: 'header', name: 'X-Key' }], tools: [{ name: 'get', description: 'Gets.', does: 'read', input: { type: 'object' }, call: 'GET /x' }] });
  await admin.post('./connectors', { definition: manifest('https://api.example.com') });
  const made = await admin.post('./connections', { name: 'ours', connector: 'ours', credential: { key: secret } });
  const path = `./connections/${made.id}`;
  const moved = await admin.call('PATCH', path, { body: { settings: { base: 'https://evil.example' } }, headers: { 'If-Match': made.etag } });
  problem(moved, 422, /credential/);
  const file = (definition, connections = []) => ({ config: { organisation: 'acme', connectors: [definition], connections } });
  const elsewhere = await admin.call('POST', './config', { body: file(manifest('https://evil.example')) });
  problem(elsewhere, 422, /credential/);
  problem(await admin.call('POST', './config', { body: file(manifest('https://api.example.com'), [{ name: 'ours', connector: 'ours', settings: { base: 'https://evil.example' } }]) }), 422, /credential/);
  const more = manifest('https://api.example.com');
  more.tools[0].description = 'Gets it.';
  await admin.post('./config', file(more));
  await admin.delete(path);
  await admin.delete('./connectors/ours');
});

test('an MCP server is added, connected, and taken away again', async (t) => {
  const served = await Served.start(t, { tools: [{ name: 'search', description: 'Searches.', inputSchema: { type: 'object' } }] });
  const added = await admin.post('./connectors', { definition: { id: 'crm', kind: 'mcp', name: 'CRM', url: served.url } });
  assert.equal(added.connector.name, 'CRM');
  const connection = await admin.post('./connections', { name: 'crm', connector: 'crm', trust: 'accept' });
  const path = `./connections/${connection.id}`;
  await until('its tools', async () => (await admin.get(path)).n_tools > 0);
  assert.deepEqual((await admin.get(`${path}/tools`)).items.map(({ name }) => name), ['search']);
  problem(await admin.call('DELETE', './connectors/crm'), 409, /delete that first/);
  await admin.delete(path);
  await admin.delete('./connectors/crm');
  problem(await admin.call('DELETE', './connectors/stripe'), 409, /built-in/);
});

test('by consent: a client is registered at the service, then a link leads a person there', async () => {
  const { id } = await admin.post('./connections', { name: 'books', connector: 'xero', settings: { tenant_id: '01935a10-4f00-7a11-9a54-5f0e6f1b2a00' } });
  assert.equal((await admin.get(`./connections/${id}`)).status, 'new');
  problem(await admin.call('POST', `./connections/${id}/link`, { body: {} }), 409);
  await admin.put('./connectors/xero/client-app', { client_id: 'our-client', client_secret: secret });
  assert.equal((await admin.get('./connectors/xero')).client_app.client_id, 'our-client');
  const { url } = await admin.post(`./connections/${id}/link`, { return_path: '/sources' });
  const page = await fetch(url, { redirect: 'manual' });
  assert.equal(page.status, 302);
  assert.match(page.headers.get('location'), /^https:\/\/login\.xero\.com\/.*client_id=our-client/);
  assert.ok(!page.headers.get('location').includes(secret));
  problem(await admin.call('POST', `./connections/${id}/link`, { body: { return_path: '//evil.example' } }), 422);
  const ended = await admin.post(`./connections/${id}/disconnect`, {});
  assert.equal(ended.is_revoked, false);
  await admin.delete('./connectors/xero/client-app');
  assert.equal((await admin.get('./connectors/xero')).client_app.is_needed, true);
});

test('nothing of it breaks the trail', async () => {
  assert.equal((await connek.verify()).code, 0);
});
