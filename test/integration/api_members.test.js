// The REST API from outside: what members do for themselves, and where they are signed in.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { sql } from './support/aged.js';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { callTool, legacy, send } from './support/mcp.js';
import { Person } from './support/person.js';
import { member, password } from './support/sign_in.js';

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

test('a connector that somebody misses is asked for, seen by admins, and answered', async () => {
  const asked = await ann.post('./me/requests', { name: 'HubSpot', reason: '<b>Our leads</b> are there.' });
  assert.deepEqual([asked.status, asked.answer, asked.user.email], ['open', '', 'ann@acme.example']);
  assert.deepEqual((await eve.get('./me/requests')).items, []);
  assert.equal((await ann.call('GET', './requests')).status, 403);
  assert.equal((await ann.call('POST', `./requests/${asked.id}/answer`, { body: { status: 'done' } })).status, 403);
  assert.deepEqual((await admin.get('./requests?status=open')).items, [asked]);
  const answered = await admin.post(`./requests/${asked.id}/answer`, { status: 'declined', answer: 'Use the CRM.' });
  assert.deepEqual((await ann.get('./me/requests')).items, [answered]);
  assert.deepEqual([answered.status, answered.answer], ['declined', 'Use the CRM.']);
  assert.deepEqual((await admin.get('./requests?status=open')).items, []);
  assert.ok((await admin.get('./audit?tool=request.answer')).items.length === 1);
  const wrong = await ann.call('POST', './me/requests', { body: { name: '', reason: 'x' } });
  assert.deepEqual([wrong.status, wrong.body.errors[0].pointer], [422, '/name']);
  for (let i = 0; i < 20; i++) await ann.post('./me/requests', { name: `more ${i}`, reason: '' });
  assert.equal((await ann.call('POST', './me/requests', { body: { name: 'one too many', reason: '' } })).status, 409);
});

test('who listens hears that a connection was checked; a member does not', async (t) => {
  const control = new AbortController();
  t.after(() => control.abort());
  const open = async (api) => (await fetch(`${connek.base}/api/v1/organisations/${admin.organisation}/events`, { headers: api.headers(), signal: control.signal })).body;
  const [streams, heard] = [[await open(admin), await open(ann)], ['', '']];
  const read = async (i, until) => {
    for await (const chunk of streams[i]) {
      heard[i] += Buffer.from(chunk);
      if (until.test(heard[i])) return;
    }
  };
  const { id } = (await admin.get('./connections')).items[0];
  await admin.post(`./connections/${id}/check`);
  const whole = /event: connection\ndata: (.*)\n\n/; // it may come in pieces
  await read(0, whole);
  const data = JSON.parse(whole.exec(heard[0])[1]);
  assert.deepEqual([data.connection, data.name, data.what], [id, 'ledger', 'checked']);
  await ann.post('./me/call', { tool: 'sqlite_query', arguments: { sql: 'SELECT 1' } });
  await read(1, /event: call/);
  assert.ok(!heard[1].includes('event: connection') && !heard[1].includes('event: change'));
});

const finance = 'finance@acme.example';

test("an owner sees where a user of theirs is signed in, and ends it from the next request on; an admin not an owner's, nobody what is another organisation's too", async (t) => {
  const managers = ['owner', 'admin'].map((kind) => ({ email: `${kind}@acme.example`, kind, roles: [] }));
  const own = await Connek.serving(t, { config: { ...exampleConfig, users: [...exampleConfig.users, ...managers] } });
  await own.apply({ ...exampleConfig, organisation: 'globex', users: [{ email: finance, roles: [] }] });
  const [owner, admin] = [await signedInApi(own, 'owner@acme.example', 'acme'), await signedInApi(own, 'admin@acme.example', 'acme')];
  const one = await member(own, finance, '--organisation', 'acme');
  const two = new Person();
  await two.signIn(own.base, finance, password);
  const stillIn = async (who) => /\/account$/.test((await who.open(`${own.base}/account`)).url);
  const of = async (email) => `./users/${(await owner.get('./users')).items.find((user) => user.email === email).id}/sessions`;
  const path = await of(finance);

  const { items } = await owner.get(path); // newest first
  assert.deepEqual(items.map(({ is_this }) => is_this), [false, false]);
  assert.deepEqual([await stillIn(one), await stillIn(two)], [true, true]);
  await owner.delete(`${path}/${items[0].id}`);
  assert.deepEqual([await stillIn(one), await stillIn(two)], [true, false]);
  assert.equal((await owner.call('DELETE', `${path}/${items[0].id}`)).status, 404);
  assert.deepEqual((await admin.get(path)).items.map(({ id }) => id), [items[1].id]);
  const ended = (await own.audit()).filter(({ tool }) => tool === 'session.revoke');
  assert.deepEqual(ended.map(({ user }) => user), ['owner@acme.example']);

  const [mine] = (await owner.get(await of('owner@acme.example'))).items;
  assert.equal(mine.is_this, true);
  assert.equal((await admin.call('DELETE', `${await of('owner@acme.example')}/${mine.id}`)).status, 403);
  assert.equal((await owner.call('DELETE', `${await of('marketing@acme.example')}/${items[1].id}`)).status, 404, 'one of somebody else');
  assert.deepEqual((await owner.get(await of('marketing@acme.example'))).items, [], 'invited, and not here yet');

  // From the moment that they are somebody elsewhere as well, where they are signed in is no affair of one organisation.
  await sql(own, "UPDATE org_user SET accepted_at = 1 WHERE organisation_id = (SELECT id FROM organisation WHERE name = 'globex')");
  for (const [method, tail] of [['GET', ''], ['DELETE', `/${items[1].id}`]]) {
    const { status, body } = await owner.call(method, `${path}${tail}`);
    assert.equal(status, 409);
    assert.match(body.detail, /somebody in another organisation as well: .* the operator's to end/);
  }
  assert.equal(await stillIn(one), true);
});
