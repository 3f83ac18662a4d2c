// Connek's own tools for people who run an organisation: the REST API as a connector, under the same rules.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { callTool, legacy, send } from './support/mcp.js';

const tools = ['audit_search', 'usage', 'list_users', 'user_tools', 'list_roles', 'connection_status', 'draft_role'].map((name) => `connek_${name}`);
const config = {
  ...exampleConfig,
  roles: [...exampleConfig.roles, { name: 'looks after it', rules: [{ connector: 'connek', does: ['read'] }] }, { name: 'no usage', rules: [{ connector: 'connek', tools: ['usage'], effect: 'deny' }] }],
  users: [
    { email: 'admin@acme.example', kind: 'admin', roles: ['looks after it', 'finance'] },
    { email: 'auditor@acme.example', kind: 'auditor', roles: ['looks after it', 'no usage'] },
    { email: 'bare@acme.example', kind: 'admin', roles: [] },
    { email: 'member@acme.example', kind: 'member', roles: ['looks after it'] },
    ...exampleConfig.users,
  ],
};
let connek, closers, admin;
const urls = {};

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config });
  admin = await signedInApi(connek, 'admin@acme.example');
  for (const name of ['admin', 'auditor', 'bare', 'member', 'finance']) urls[name] = (await connek.token(`${name}@acme.example`)).url;
});

after(async () => {
  for (const close of closers) await close();
});

const listed = async (url) => (await send(url, legacy('tools/list'))).body.result.tools.map(({ name }) => name).filter((name) => tools.includes(name));
async function ask(url, name, args = {}) {
  const { result } = (await callTool(url, `connek_${name}`, args)).body;
  return { isError: result.isError, text: result.content[0].text, answer: result.structuredContent };
}

test('they are seen by whom both kind and a rule allow them, and by nobody else', async () => {
  assert.deepEqual((await listed(urls.admin)).sort(), [...tools].sort());
  assert.deepEqual((await listed(urls.auditor)).sort(), tools.filter((name) => name !== 'connek_usage').sort());
  for (const name of ['bare', 'member', 'finance']) assert.deepEqual(await listed(urls[name]), [], name);
  assert.match((await ask(urls.bare, 'list_users')).text, /no role of yours allows it/);
  for (const [name, args] of [['audit_search'], ['list_users'], ['draft_role', { role: null, draft: { name: 'x', rules: [] } }]]) {
    const refused = await ask(urls.member, name, args);
    assert.equal(refused.isError, true);
    assert.match(refused.text, /for those who run acme/);
    assert.equal(refused.answer, undefined);
  }
  assert.match((await ask(urls.auditor, 'usage')).text, /not permitted/);
});

test('they answer what the API answers, and each call is on record as any other is', async () => {
  await callTool(urls.finance, 'sqlite_query', { sql: 'SELECT 1' });
  const users = (await ask(urls.admin, 'list_users')).answer;
  assert.deepEqual(users.items.map(({ email }) => email), (await admin.get('./users')).items.map(({ email }) => email));
  const finance = users.items.find(({ email }) => email.startsWith('finance'));
  const used = (await ask(urls.admin, 'audit_search', { user: finance.id, kind: 'call' })).answer;
  assert.deepEqual(used.items.map(({ tool, decision }) => [tool, decision]), [['sqlite_query', 'allowed']]);
  const may = (await ask(urls.admin, 'user_tools', { user: finance.id })).answer;
  assert.deepEqual(may, await admin.get(`./users/${finance.id}/tools`));
  assert.ok((await ask(urls.admin, 'usage', { by: 'tool' })).answer.items.some(({ key }) => key === 'sqlite_query'));
  assert.equal((await ask(urls.admin, 'connection_status')).answer.items[0].name, 'ledger');
  assert.equal((await ask(urls.admin, 'list_roles')).answer.items.length, config.roles.length);
  const page = (await ask(urls.admin, 'list_users', { limit: 2 })).answer;
  assert.equal((await ask(urls.admin, 'list_users', { limit: 2, cursor: page.next_cursor })).answer.items[0].email, users.items[2].email);
  const record = (await admin.get('./audit?tool=connek_audit_search&decision=allowed')).items[0];
  assert.deepEqual([record.user.email, record.decision, record.connector, record.outcome], ['admin@acme.example', 'allowed', 'connek', 'ok']);
  assert.match(record.reason, /^rule .* of role looks after it$/);
});

test('a draft of a role is held against what was called, and nothing is made of it', async () => {
  const before = await admin.get('./config');
  const role = (await admin.get('./roles')).items.find(({ name }) => name === 'finance');
  const tried = (await ask(urls.admin, 'draft_role', { role: role.id, draft: { name: 'finance', rules: [] } })).answer;
  assert.deepEqual(tried.newly_denied.map(({ tool, user }) => [tool, user]), [['sqlite_query', 'finance@acme.example']]);
  assert.deepEqual(await admin.get('./config'), before);
});

test('what cannot be is said in words, and nothing leads elsewhere', async () => {
  const nobody = await ask(urls.admin, 'user_tools', { user: '01935a10-4f00-7a11-9a54-5f0e6f1b2a00' });
  assert.deepEqual([nobody.isError, /no such user/.test(nobody.text)], [true, true]);
  const path = await ask(urls.admin, 'user_tools', { user: '../../config' });
  assert.equal(path.isError, true);
  assert.equal((await ask(urls.admin, 'list_users', { cursor: '***' })).isError, true);
  assert.equal((await ask(urls.admin, 'audit_search', { from: 'yesterday' })).isError, true);
});

test('who is no longer an admin has no such tools from the next call on', async () => {
  const { id, etag } = (await admin.get('./users?query=auditor')).items[0];
  assert.equal((await ask(urls.auditor, 'list_users')).isError, false);
  await admin.patch(`./users/${id}`, { kind: 'member' }, etag);
  assert.equal((await ask(urls.auditor, 'list_users')).isError, true);
  assert.deepEqual(await listed(urls.auditor), []);
  const shown = (await admin.get(`./users/${id}/tools?denied=true`)).items.find(({ tool }) => tool === 'connek_list_users');
  assert.deepEqual([shown.is_allowed, shown.reason], [false, 'no_permission']);
});
