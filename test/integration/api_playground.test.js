// The REST API from outside: calls for a user or a role, and whether a connection works now.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { Served } from './support/served.js';

const config = {
  ...exampleConfig,
  connections: [...exampleConfig.connections, { name: 'own', connector: 'sqlite', owner: 'finance@acme.example', settings: { file: 'ledger.db' } }],
  roles: [...exampleConfig.roles, { name: 'all', rules: [{ connector: 'sqlite', does: ['read'] }] }],
  users: [
    { email: 'admin@acme.example', kind: 'admin', roles: [] },
    { email: 'finance@acme.example', roles: ['all'] },
    { email: 'marketing@acme.example', roles: ['marketing'] },
  ],
};
let connek, closers, admin, finance, marketing;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config, args: ['--allow-upstream', '127.0.0.1'] });
  [admin, finance, marketing] = [
    await signedInApi(connek, 'admin@acme.example'),
    await signedInApi(connek, 'finance@acme.example'),
    await signedInApi(connek, 'marketing@acme.example'),
  ];
});

after(async () => {
  for (const close of closers) await close();
});

const query = { tool: 'sqlite_query', arguments: { account: 'ledger', sql: 'SELECT name FROM customer ORDER BY name' } };
const alone = { tool: 'sqlite_query', arguments: { sql: 'SELECT name FROM customer ORDER BY name' } };

test('a call for a role or a user is a real one, decided by their rules, and on record as what it is', async () => {
  const roles = (await admin.get('./roles')).items;
  const role = roles.find(({ name }) => name === 'finance');
  const called = await admin.post('./playground/call', { role: role.id, ...alone });
  assert.deepEqual([called.decision, called.is_error], ['allowed', false]);
  assert.match(called.reason, /of role finance$/);
  assert.match(JSON.stringify(called.result), /Globex/);
  const { record, arguments: kept } = await admin.get(`./audit/${called.call}`);
  assert.deepEqual([record.user.email, record.client, record.roles, record.tool], ['admin@acme.example', 'playground of admin@acme.example', ['finance'], 'sqlite_query']);
  assert.deepEqual(kept, alone.arguments);
  const denied = await admin.post('./playground/call', { user: marketing.user, ...alone });
  assert.deepEqual([denied.decision, denied.is_error, denied.reason], ['denied', true, 'no_rule']);
  assert.equal((await admin.get(`./audit/${denied.call}`)).record.user.email, 'marketing@acme.example');
  const failed = await admin.post('./playground/call', { role: role.id, tool: 'sqlite_query', arguments: { sql: 'SELECT nonsense' } });
  assert.equal(failed.is_error, true);
  const wrong = await admin.post('./playground/call', { role: role.id, tool: 'sqlite_query', arguments: { colour: 'red' } });
  assert.equal(wrong.is_error, true);
});

test("nobody gets at another person's own connection that way", async () => {
  const own = { tool: 'sqlite_query', arguments: { account: 'own', sql: 'SELECT 1' } };
  assert.equal((await finance.post('./me/call', own)).decision, 'allowed');
  assert.equal((await finance.post('./me/call', query)).decision, 'allowed');
  const tried = await admin.post('./playground/call', { user: finance.user, ...own });
  assert.notEqual(tried.result?.isError ?? true, false);
  const role = (await admin.get('./roles')).items.find(({ name }) => name === 'all');
  const asRole = await admin.post('./playground/call', { role: role.id, ...own });
  assert.equal(asRole.is_error, true);
  assert.equal((await finance.call('POST', './playground/call', { body: { user: finance.user, ...alone } })).status, 403);
});

test('who or what is not there is named by its place', async () => {
  const wrong = await admin.call('POST', './playground/call', { body: { user: '01935a10-4f00-7a11-9a54-5f0e6f1b2a00', ...alone } });
  assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [422, '/user']);
  const both = await admin.call('POST', './playground/call', { body: { user: finance.user, role: finance.user, ...alone } });
  assert.equal(both.status, 422);
  const unknown = await admin.post('./playground/call', { user: finance.user, tool: 'nothing_at_all', arguments: {} });
  assert.equal(unknown.is_error, true);
});

test('a connection is checked by one harmless call, and how it went is kept', async (t) => {
  const ledger = (await admin.get('./connections?query=ledger')).items[0];
  const checked = await admin.post(`./connections/${ledger.id}/check`, {});
  assert.equal(checked.is_ok, true, checked.text);
  assert.ok(checked.tool);
  assert.equal((await admin.get(`./connections/${ledger.id}`)).status, 'active');
  assert.equal((await admin.get('./audit?tool=connection.check')).items[0].user.email, 'admin@acme.example');

  const served = await Served.start(t, { tools: [{ name: 'search', description: 'Searches.', inputSchema: { type: 'object' } }] });
  await admin.post('./connectors', { definition: { id: 'crm', kind: 'mcp', url: served.url } });
  const crm = await admin.post('./connections', { name: 'crm', connector: 'crm' });
  assert.match((await admin.post(`./connections/${crm.id}/check`, {})).text, /it offers 1 tools/);
  served.failure = 500;
  const failed = await admin.post(`./connections/${crm.id}/check`, {});
  assert.equal(failed.is_ok, false);
  assert.equal((await admin.get(`./connections/${crm.id}`)).status, 'error');
});

test('nothing of it breaks the trail', async () => {
  assert.equal((await connek.verify()).code, 0);
});
