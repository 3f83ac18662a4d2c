// The REST API from outside: what members do for themselves.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { callTool, legacy, send } from './support/mcp.js';

const config = {
  ...exampleConfig,
  roles: [{ name: 'finance', rules: [{ connection: 'ledger', does: ['read'] }] }],
  users: [
    { email: 'admin@acme.example', kind: 'admin', roles: [] },
    { email: 'ann@acme.example', roles: ['finance'] },
    { email: 'bob@acme.example', roles: ['finance'] },
    { email: 'eve@acme.example', roles: [] },
  ],
};
let connek, closers, admin, ann, eve;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config });
  admin = await signedInApi(connek, 'admin@acme.example');
  ann = await signedInApi(connek, 'ann@acme.example');
  eve = await signedInApi(connek, 'eve@acme.example');
});

after(async () => {
  for (const close of closers) await close();
});

const toolsOf = async (url) => (await send(url, legacy('tools/list'))).body.result.tools.map(({ name }) => name);
const query = (url) => callTool(url, 'sqlite_query', { sql: 'SELECT name FROM customer WHERE id = 1' });

test('what somebody switches off for themselves is gone from their assistant at once, and not from anybody else', async () => {
  const [mine, theirs] = [(await connek.token('ann@acme.example')).url, (await connek.token('bob@acme.example')).url];
  assert.deepEqual((await ann.get('./me/switches')).items, [{ connector: 'sqlite', name: 'SQLite', is_on: true }]);
  assert.ok((await toolsOf(mine)).includes('sqlite_query'));
  assert.deepEqual(await ann.put('./me/switches/sqlite', { is_on: false }), { connector: 'sqlite', name: 'SQLite', is_on: false });
  assert.ok(!(await toolsOf(mine)).includes('sqlite_query'));
  const { result } = (await query(mine)).body;
  assert.equal(result.isError, true);
  assert.match(result.content[0].text, /You have switched SQLite off for yourself/);
  assert.match(JSON.stringify((await query(theirs)).body.result), /Globex/);
  assert.deepEqual((await ann.get('./me/switches')).items.map(({ is_on }) => is_on), [false]);
  // An admin sees it on the user's page, and why on record.
  assert.deepEqual((await admin.get(`./users/${ann.user}`)).switched_off, ['sqlite']);
  const shown = (await admin.get(`./users/${ann.user}/tools?denied=true`)).items.find(({ tool }) => tool === 'sqlite_query');
  assert.deepEqual([shown.is_allowed, shown.reason], [false, 'switched_off']);
  assert.match(shown.sentence, /switched SQLite off for themselves/);
  const records = (await admin.get('./audit?limit=20')).items;
  assert.ok(records.some(({ tool, decision, reason }) => tool === 'sqlite_query' && decision === 'denied' && reason === 'switched_off'));
  assert.ok(records.some(({ tool }) => tool === 'connector.switch_off'));
  await ann.put('./me/switches/sqlite', { is_on: true });
  assert.match(JSON.stringify((await query(mine)).body.result), /Globex/);
  assert.deepEqual((await admin.get(`./users/${ann.user}`)).switched_off, []);
});

test('a client that listens is told that its list is another one', async (t) => {
  const { url } = await connek.token('ann@acme.example');
  const began = await send(url, legacy('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'tests', version: '1' } }));
  const session = began.headers.get('mcp-session-id');
  const control = new AbortController();
  t.after(() => control.abort());
  const headers = { Accept: 'text/event-stream', 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2025-11-25' };
  const stream = await fetch(url, { headers, signal: control.signal });
  assert.equal(stream.status, 200);
  await ann.put('./me/switches/sqlite', { is_on: false });
  let text = '';
  for await (const chunk of stream.body) {
    text += Buffer.from(chunk);
    if (text.includes('notifications/tools/list_changed')) break;
  }
  assert.match(text, /tools\/list_changed/);
  await ann.put('./me/switches/sqlite', { is_on: true });
});

test('a switch is for what one may use, and opens nothing', async () => {
  assert.deepEqual((await eve.get('./me/switches')).items, []);
  for (const connector of ['sqlite', 'xero', 'nothing_such', 'connek']) assert.equal((await eve.call('PUT', `./me/switches/${connector}`, { body: { is_on: true } })).status, 404);
  const { url } = await connek.token('eve@acme.example');
  assert.match((await query(url)).body.result.content[0].text, /not permitted/);
  const wrong = await ann.call('PUT', './me/switches/sqlite', { body: { is_on: 'no' } });
  assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [422, '/is_on']);
});

test('what was switched off says nothing of the rules: a replay of a role leaves it aside', async () => {
  const { url } = await connek.token('ann@acme.example');
  await query(url);
  await ann.put('./me/switches/sqlite', { is_on: false });
  const role = (await admin.get('./roles')).items.find(({ name }) => name === 'finance');
  const same = await admin.post('./roles/replay', { role: role.id, draft: { name: role.name, rules: role.rules } });
  assert.deepEqual([same.newly_denied, same.newly_allowed, same.users], [[], [], []]);
  await ann.put('./me/switches/sqlite', { is_on: true });
});
