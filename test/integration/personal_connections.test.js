// Accounts that people connect for themselves, and what a call is told whose connection has to be connected: by whom, and
// where; in clients that can show a link, by that.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { Browser, Vendor, manifestOf } from './support/vendor.js';
import { ageConsents } from './support/aged.js';
import { callTool, legacy, modern, post, send } from './support/mcp.js';
import { client2Auto, sdk1 } from './support/clients.js';
import { signedInApi } from './support/api.js';

const people = ['ann', 'bob', 'eve', 'boss'];
const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;
const linkIn = (text) => /http:\/\/\S+\/connect\/[0-9a-f]{64}/.exec(text)?.[0];

// ann and bob each have an account of their own; eve may use the connector and has none; boss is an admin with every rule.
async function serving(t) {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  await connek.writeFile('books.json', manifestOf(vendor));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json'],
    connections: [
      { name: 'ann-books', connector: 'books', owner: 'ann@acme.example' },
      { name: 'bob-books', connector: 'books', owner: 'bob@acme.example' },
      { name: 'shared', connector: 'books' },
      { name: 'other', connector: 'books' },
    ],
    roles: [{ name: 'reader', rules: [{ connector: 'books', does: ['read'] }] }, { name: 'shut-out', rules: [] }],
    users: [
      ...['ann', 'bob', 'eve'].map((name) => ({ email: `${name}@acme.example`, roles: ['reader'] })),
      { email: 'boss@acme.example', kind: 'owner', roles: ['reader'] },
    ],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  const url = Object.fromEntries(await Promise.all(people.map(async (name) => [name, (await connek.token(`${name}@acme.example`)).url])));
  return { vendor, connek, url };
}

const call = (url, account, era = legacy) => callTool(url, 'books_list', { account }, era);

test('people connect their own accounts by what their own calls tell them; nobody else\'s call ever uses one', async (t) => {
  const { vendor, connek, url } = await serving(t);
  const tokenOf = {};
  for (const name of ['ann', 'bob']) {
    const told = textOf(await call(url[name], `${name}-books`));
    assert.match(told, new RegExp(`^${name}-books is not connected yet\\. To connect it, open this link within 15 minutes: http`));
    assert.match((await new Browser().follow(linkIn(told))).text, new RegExp(`${name}-books of acme is connected`));
    const { body } = await call(url[name], `${name}-books`);
    assert.equal(body.result.isError, false, JSON.stringify(body));
    tokenOf[name] = vendor.calls.at(-1).authorization;
  }
  assert.notEqual(tokenOf.ann, tokenOf.bob);
  const before = vendor.calls.length;
  for (const [who, whose] of [['ann', 'bob'], ['bob', 'ann'], ['eve', 'ann'], ['eve', 'bob'], ['boss', 'ann'], ['boss', 'bob']]) {
    for (const era of [legacy, modern]) {
      const refused = await call(url[who], `${whose}-books`, era);
      assert.ok(refused.body.error ?? refused.body.result.isError, `${who} with the account of ${whose}`);
      assert.equal(linkIn(JSON.stringify(refused.body)), undefined, `${who} gets no link for the account of ${whose}`);
    }
    const { body } = await send(url[who], legacy('tools/list'));
    assert.ok(!JSON.stringify(body).includes(`${whose}-books`), `${who} does not see that there is one of ${whose}`);
  }
  assert.equal(vendor.calls.length, before, 'the service was not called');
  const own = await callTool(url.ann, 'connek_connections', {});
  if (own.body?.result?.isError === false) assert.ok(!JSON.stringify(own.body).includes('bob-books'));
  await call(url.ann, 'ann-books');
  await call(url.bob, 'bob-books');
  assert.deepEqual(vendor.calls.slice(before).map(({ authorization }) => authorization), [tokenOf.ann, tokenOf.bob]);

  // A dead one: its owner gets a link, and an admin does not; a shared one: the other way round.
  vendor.endAccess();
  vendor.answer = (_, response) => (vendor.json(response, { error: 'invalid_grant' }, 400), true);
  const dead = textOf(await call(url.ann, 'ann-books'));
  assert.match(dead, /^ann-books has to be connected again: .*invalid_grant/);
  assert.ok(linkIn(dead));
  assert.ok(linkIn(textOf(await call(url.boss, 'shared'))));
  const member = textOf(await call(url.ann, 'shared'));
  assert.match(member, /^shared is not connected yet\. Tell an admin of acme\.$/);

  // What their rules do not allow they do not use either.
  vendor.answer = null;
  assert.match((await new Browser().follow(linkIn(dead))).text, /is connected/);
  assert.equal((await call(url.ann, 'ann-books')).body.result.isError, false);
  await connek.apply({ organisation: 'acme', users: [{ email: 'ann@acme.example', roles: ['shut-out'] }] });
  const shut = await call(url.ann, 'ann-books');
  assert.ok(shut.body.error ?? shut.body.result.isError);
});

test('an account that a person may not use any more is never exchanged for the one that is left', async (t) => {
  const { vendor, connek, url } = await serving(t);
  for (const account of ['shared', 'other']) {
    assert.match((await new Browser().follow((await connek.ok('connection', 'connect', '--connection', account)).trim())).text, /is connected/);
    assert.equal((await call(url.eve, account)).body.result.isError, false);
  }
  await connek.apply({ organisation: 'acme', roles: [{ name: 'reader', rules: [{ connection: 'shared', does: ['read'] }] }] });
  const n = vendor.calls.length;
  for (const era of [legacy, modern]) {
    for (const account of ['other', 'ann-books', 'nothing', 7, null]) {
      const refused = await call(url.eve, account, era);
      assert.ok(refused.body.error ?? refused.body.result.isError, JSON.stringify([account, refused.body]));
      assert.match(JSON.stringify(refused.body), /account: must be one of shared/);
    }
    assert.equal((await call(url.eve, 'shared', era)).body.result.isError, false);
    assert.equal((await callTool(url.eve, 'books_list', {}, era)).body.result.isError, false);
  }
  assert.equal(vendor.calls.length, n + 4);
});

test('a link connects its one account and nothing else, once and for a short time', async (t) => {
  const { vendor, connek } = await serving(t);
  const linkFor = async (name, ...args) => (await connek.ok('connection', 'connect', '--connection', name, ...args)).trim();
  const [ann, bob] = [await linkFor('ann-books'), await linkFor('bob-books')];
  const states = async () => JSON.parse(`[${(await connek.ok('connection', 'list', '--json')).trim().split('\n').join(',')}]`).map(({ status }) => status);
  // With the state of one link nothing of another is connected.
  const browser = new Browser();
  const begun = await browser.get(ann);
  const callback = (await browser.get(begun.headers.get('location'))).headers.get('location');
  await browser.get(bob);
  assert.match((await browser.follow(callback)).text, /ann-books of acme is connected/);
  assert.deepEqual(await states(), ['active', null, null, null]);
  assert.match((await browser.follow(ann)).text, /used already/);
  for (const path of ['', '/', '/choose', '/x']) {
    const { status } = await new Browser().follow(`${connek.base}/connect/${'f'.repeat(64)}${path}`);
    assert.ok([400, 404, 405].includes(status), path);
  }
  await ageConsents(connek, 3600);
  assert.match((await new Browser().follow(bob)).text, /too old/);
  assert.deepEqual(await states(), ['active', null, null, null]);
  assert.equal(vendor.exchanges.length, 1);
  const { code } = await connek.command('connection', 'connect', '--connection', 'bob-books', '--valid', '25h');
  assert.equal(code, 2, 'no link is good for longer than a day');
});

test('a client that can show a link is asked to: by the result, or by the error, as its era has it', async (t) => {
  const { connek, url } = await serving(t);
  const name = 'io.modelcontextprotocol/clientCapabilities';
  const asked = (capabilities, more = {}) => modern('tools/call', { name: 'books_list', arguments: { account: 'ann-books' }, ...more }, { meta: { [name]: capabilities } });
  const { body } = await send(url.ann, asked({ elicitation: { url: {} } }));
  assert.equal(body.result.resultType, 'input_required', JSON.stringify(body));
  const question = body.result.inputRequests['connek-connect'];
  assert.equal(question.method, 'elicitation/create');
  assert.equal(question.params.mode, 'url');
  assert.match(question.params.message, /^ann-books is not connected yet\. Open this link within 15 minutes to connect it/);
  assert.equal(linkIn(question.params.url), question.params.url);
  // Answered without having gone there: told plainly, not asked again for ever.
  const again = await send(url.ann, asked({ elicitation: { url: {} } }, { inputResponses: { 'connek-connect': { action: 'decline' } } }));
  assert.equal(again.body.result.isError, true);
  assert.ok(linkIn(textOf(again)));
  for (const capabilities of [{}, { elicitation: {} }, { elicitation: { form: {} } }]) {
    const plain = await send(url.ann, asked(capabilities));
    assert.equal(plain.body.result.isError, true, JSON.stringify(capabilities));
    assert.ok(linkIn(textOf(plain)));
  }
  const other = await send(url.eve, modern('tools/call', { name: 'books_list', arguments: { account: 'shared' } }, { meta: { [name]: { elicitation: { url: {} } } } }));
  assert.equal(other.body.result.isError, true, 'who may not connect it is not asked');

  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: { elicitation: { url: {} } }, clientInfo: { name: 'x', version: '1' } } };
  const session = (await post(url.ann, initialize)).headers.get('mcp-session-id');
  const old = await send(url.ann, legacy('tools/call', { name: 'books_list', arguments: { account: 'ann-books' } }), { 'Mcp-Session-Id': session });
  assert.equal(old.body.error.code, -32042, JSON.stringify(old.body));
  const [elicitation] = old.body.error.data.elicitations;
  assert.deepEqual(Object.keys(elicitation).sort(), ['elicitationId', 'message', 'mode', 'url']);
  assert.equal(elicitation.mode, 'url');
  assert.equal(linkIn(elicitation.url), elicitation.url);
  assert.match((await new Browser().follow(elicitation.url)).text, /ann-books of acme is connected/);
  const done = await send(url.ann, asked({ elicitation: { url: {} } }, { inputResponses: { 'connek-connect': { action: 'accept' } } }));
  assert.equal(done.body.result.isError, false, JSON.stringify(done.body));
  const outcomes = (await connek.audit()).filter(({ kind, connection }) => kind !== 'change' && connection === 'ann-books').map(({ outcome }) => outcome);
  assert.ok(outcomes.includes('ok') && outcomes.includes('error'));
});

test('real clients: the 2.x one opens the link and its call goes on; the 1.x one gets the error with the link', async (t) => {
  const { url } = await serving(t);
  const elicitation = { elicitation: { url: {} } };
  const client = await client2Auto(t, url.ann, {}, elicitation);
  const opened = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    opened.push(params);
    assert.match((await new Browser().follow(params.url)).text, /is connected/);
    return { action: 'accept' };
  });
  const result = await client.callTool({ name: 'books_list', arguments: { account: 'ann-books' } });
  assert.equal(result.isError ?? false, false, JSON.stringify(result));
  assert.equal(opened.length, 1);
  assert.equal(opened[0].mode, 'url');
  const older = await sdk1(t, url.bob, {}, elicitation);
  const error = await older.callTool({ name: 'books_list', arguments: { account: 'bob-books' } }).then(
    () => assert.fail('it is not connected'),
    (reason) => reason,
  );
  assert.equal(error.code, -32042);
  assert.equal(error.constructor.name, 'UrlElicitationRequiredError');
  assert.match((await new Browser().follow(error.elicitations[0].url)).text, /bob-books of acme is connected/);
  assert.equal((await older.callTool({ name: 'books_list', arguments: { account: 'bob-books' } })).isError ?? false, false);
});

// ---- made by people themselves ----

const problem = (answer, status, pattern) => {
  assert.equal(answer.status, status, answer.text);
  if (pattern) assert.match(answer.body.detail, pattern);
};
const signedInBrowser = (api) => Object.assign(new Browser(), { cookies: new Map(api.person.cookies) });

// ann and bob may use the connector, eve may not; boss is the owner of the organisation. Nothing is connected.
async function open(t) {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  const keyed = { ...manifestOf(vendor), id: 'keyed', auth: [{ type: 'key', in: 'header', name: 'Authorization', prefix: 'Bearer ' }] };
  await connek.writeFile('books.json', manifestOf(vendor));
  await connek.writeFile('keyed.json', keyed);
  const config = {
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json', 'keyed.json'],
    personal: ['books', 'keyed'],
    roles: [{ name: 'reader', rules: [{ connector: 'books', does: ['read'] }, { connector: 'keyed', does: ['read'] }] }],
    users: [
      ...['ann', 'bob'].map((name) => ({ email: `${name}@acme.example`, roles: ['reader'] })),
      { email: 'eve@acme.example', roles: [] },
      { email: 'boss@acme.example', kind: 'owner', roles: ['reader'] },
    ],
  };
  await connek.apply(config);
  await connek.ok('client-app', 'set', 'books', '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  const api = {}, url = {};
  for (const name of people) {
    api[name] = await signedInApi(connek, `${name}@acme.example`, 'acme');
    url[name] = (await connek.token(`${name}@acme.example`)).url;
  }
  return { vendor, connek, api, url, config };
}

test('a member makes a connection of their own, goes through consent, and calls; everybody else\'s attempts fail', async (t) => {
  const { vendor, connek, api, url } = await open(t);
  const offered = (await api.ann.get('./me/connectors')).items;
  assert.deepEqual(offered.map(({ id, ways, is_client_needed, n_connections }) => [id, ways, is_client_needed, n_connections]), [['books', ['oauth'], false, 0], ['keyed', ['key'], false, 0]]);
  const made = await api.ann.post('./me/connections', { connector: 'books', name: 'work' });
  assert.equal(made.name, 'work (ann@acme.example)');
  assert.equal(made.owner.email, 'ann@acme.example');
  assert.deepEqual([made.status, made.is_made_by_owner, made.labels], ['new', true, {}]);
  const path = `./me/connections/${made.id}`;
  const link = (await api.ann.post(`${path}/link`, {})).url;

  // A link is its person's: whoever else opens it would give their own account to somebody else's assistant.
  for (const browser of [signedInBrowser(api.bob), signedInBrowser(api.boss)])
    assert.match((await browser.follow(link)).text, /for the person alone whose connection it is/);
  const stranger = await new Browser().follow(link);
  assert.equal(stranger.url, `${connek.base}/sign-in?return=${new URL(link).pathname}`);
  assert.equal(vendor.exchanges.length, 0);
  assert.match((await signedInBrowser(api.ann).follow(link)).text, /work \(ann@acme\.example\) of acme is connected/);
  assert.equal((await api.ann.get(path)).status, 'active');
  assert.equal((await api.ann.post(`${path}/check`, {})).is_ok, true);
  const { body } = await callTool(url.ann, 'books_list', {});
  assert.equal(body.result.isError, false, JSON.stringify(body));

  // Nobody else sees it in what they have, or gets at it; whoever manages the organisation sees that it is there.
  const before = vendor.calls.length;
  for (const who of ['bob', 'eve', 'boss']) {
    assert.deepEqual((await api[who].get('./me/connections')).items, []);
    for (const [method, tail, given] of [['GET', ''], ['DELETE', ''], ['PUT', '/credential', { credential: { key: 'k' } }], ['POST', '/link', {}], ['POST', '/check', {}], ['POST', '/disconnect', {}], ['GET', '/events']])
      problem(await api[who].call(method, `${path}${tail}`, { body: given }), 404);
    for (const era of [legacy, modern]) {
      const refused = await call(url[who], made.name, era);
      assert.ok(refused.body.error ?? refused.body.result.isError, who);
      assert.ok(!JSON.stringify((await send(url[who], era('tools/list'))).body).includes('ann@acme'), who);
    }
  }
  const shown = (await api.boss.get('./connections')).items;
  assert.deepEqual(shown.map(({ name, status, owner, is_made_by_owner }) => [name, status, owner.email, is_made_by_owner]), [[made.name, 'active', 'ann@acme.example', true]]);
  const managed = `./connections/${made.id}`;
  problem(await api.boss.call('POST', `${managed}/link`, { body: {} }), 403, /made this connection for themselves/);
  problem(await api.boss.call('POST', `${managed}/check`, { body: {} }), 403, /a user's own/);
  problem(await api.boss.call('PUT', `${managed}/credential`, { body: { credential: null } }), 403);
  for (const change of [{ name: 'mine' }, { labels: { team: 'all' } }, { owner: null }, { owner: api.boss.user }, { settings: {} }])
    problem(await api.boss.call('PATCH', managed, { body: change, headers: { 'If-Match': shown[0].etag } }), 403);
  problem(await api.boss.call('POST', './config', { body: { config: { organisation: 'acme', connections: [{ name: made.name, connector: 'books' }] } } }), 422, /made for themselves/);
  for (const words of [['connect'], ['check']])
    assert.notEqual((await connek.command('connection', ...words, '--connection', made.name)).code, 0, words);
  problem(await api.bob.call('GET', './connections'), 403);
  assert.equal(vendor.calls.length, before, 'the service was not called');
  // A rule may name it; then it stays until the rule is another one.
  const named = { organisation: 'acme', roles: [{ name: 'writer', rules: [{ connection: made.name, does: ['write'] }] }] };
  await connek.apply(named);
  const kept = await api.ann.call('DELETE', path);
  problem(kept, 409, /ask an admin/);
  assert.doesNotMatch(kept.text, /writer/);
  named.roles[0].rules = [];
  await connek.apply(named);
  const still = await callTool(url.ann, 'books_list', {});
  assert.equal(still.body.result.isError, false);

  // Two people may give theirs the same name, and neither learns of the other's.
  const other = await api.bob.post('./me/connections', { connector: 'books', name: 'work' });
  assert.equal(other.name, 'work (bob@acme.example)');
  problem(await api.bob.call('POST', './me/connections', { body: { connector: 'books', name: 'work' } }), 409, /already/);
  assert.equal((await api.ann.get('./me/connections')).items.length, 1);

  assert.equal((await api.ann.post(`${path}/disconnect`, {})).is_revoked, true);
  assert.equal((await api.ann.get(path)).status, 'disconnected');
  assert.ok((await callTool(url.ann, 'books_list', {})).body.result.isError);
  await api.ann.delete(path);
  problem(await api.ann.call('GET', path), 404);
  await api.boss.delete(`./connections/${other.id}`);
  assert.deepEqual((await api.bob.get('./me/connections')).items, []);

  const changes = (await connek.audit()).filter(({ kind, tool }) => kind === 'change' && /^connection\./.test(tool));
  const done = (who, id) => changes.filter((one) => one.connection === id && one.user === `${who}@acme.example`).map(({ tool }) => tool);
  assert.deepEqual(done('ann', made.name), ['connection.create', 'connection.link', 'connection.check', 'connection.disconnect', 'connection.delete']);
  assert.deepEqual(done('boss', other.name), ['connection.delete']);
});

test('a key of one\'s own is put in, replaced and never shown; what one may have has an end', async (t) => {
  const { vendor, api, url } = await open(t);
  const { access_token: first } = vendor.issue(), { access_token: second } = vendor.issue();
  const made = await api.ann.post('./me/connections', { connector: 'keyed', credential: { key: first } });
  assert.equal(made.name, 'keyed (ann@acme.example)');
  const list = async () => (await callTool(url.ann, 'keyed_list', {})).body.result.isError;
  assert.equal(await list(), false);
  assert.equal(vendor.calls.at(-1).authorization, `Bearer ${first}`);
  const answer = await api.ann.call('PUT', `./me/connections/${made.id}/credential`, { body: { credential: { key: second } } });
  assert.equal(await list(), false);
  assert.equal(vendor.calls.at(-1).authorization, `Bearer ${second}`);
  for (const read of [answer, await api.ann.call('GET', './me/connections'), await api.boss.call('GET', './connections'), await api.boss.call('GET', './config')])
    for (const secret of [first, second]) assert.ok(!read.text.includes(secret));
  problem(await api.ann.call('POST', `./me/connections/${made.id}/link`, { body: {} }), 409, /give its key/);
  // What would say more than a person may of their own is no part of it.
  for (const more of [{ labels: { team: 'all' } }, { owner: api.bob.user }, { trust: 'accept' }, { names: 'plain' }])
    problem(await api.ann.call('POST', './me/connections', { body: { connector: 'keyed', name: 'more', ...more } }), 422);
  problem(await api.ann.call('POST', './me/connections', { body: { connector: 'keyed', name: 'x', credential: { key: { env: 'HOME' } } } }), 422);
  for (let i = 1; i < 32; i++) await api.ann.post('./me/connections', { connector: 'keyed', name: `n${i}` });
  problem(await api.ann.call('POST', './me/connections', { body: { connector: 'keyed', name: 'one more' } }), 409, /32 connections/);
  assert.equal((await api.bob.post('./me/connections', { connector: 'keyed' })).name, 'keyed (bob@acme.example)');
});

test('only what the organisation has set free, and a role lets somebody use; switched off, nothing new is made', async (t) => {
  const { vendor, connek, api, url, config } = await open(t);
  const { access_token: key } = vendor.issue();
  problem(await api.eve.call('POST', './me/connections', { body: { connector: 'books' } }), 409, /no role of yours lets you use "books"/);
  assert.deepEqual((await api.eve.get('./me/connectors')).items, []);
  for (const connector of ['stripe', 'nothing'])
    problem(await api.ann.call('POST', './me/connections', { body: { connector } }), 409, /nobody connects an account of their own to/);
  const made = await api.ann.post('./me/connections', { connector: 'keyed', credential: { key } });
  const allowed = async (id) => (await api.boss.get(`./connectors/${id}`)).connector.allows_personal;
  assert.equal(await allowed('keyed'), true);
  await api.boss.put('./connectors/keyed/personal', { is_allowed: false });
  assert.equal(await allowed('keyed'), false);
  assert.deepEqual((await api.ann.get('./me/connectors')).items.map(({ id }) => id), ['books']);
  problem(await api.ann.call('POST', './me/connections', { body: { connector: 'keyed', name: 'two' } }), 409, /an admin may set it free/);
  problem(await api.ann.call('PUT', './connectors/keyed/personal', { body: { is_allowed: true } }), 403);
  // What is there stays its person's.
  assert.equal((await callTool(url.ann, 'keyed_list', {})).body.result.isError, false);
  const exported = JSON.parse(await connek.ok('export', '--organisation', 'acme'));
  assert.deepEqual(exported.personal, ['books']);
  assert.deepEqual(exported.connections, [], 'what a person made is no part of the file');
  const again = await connek.ok('apply', await connek.writeFile('again.json', JSON.stringify(exported)), '--prune');
  assert.doesNotMatch(again, /keyed \(ann/);
  assert.equal((await api.ann.get(`./me/connections/${made.id}`)).has_credential, true);
  problem(await api.boss.call('PUT', './connectors/sqlite/personal', { body: { is_allowed: true } }), 409, /works on this machine/);
  const local = { organisation: 'acme', connectors: [{ id: 'local', kind: 'mcp', command: ['true'] }], personal: ['local'] };
  assert.match((await connek.command('apply', await connek.writeFile('local.json', local))).stderr, /\/personal\/0: "local" works on this machine/);
  // Its definition leads elsewhere now: the key does not go along.
  const other = await Vendor.start(t);
  await connek.writeFile('keyed.json', { ...manifestOf(other), id: 'keyed', auth: [{ type: 'key', in: 'header', name: 'Authorization', prefix: 'Bearer ' }] });
  await connek.apply({ ...config, personal: ['books', 'keyed'] });
  assert.equal((await api.ann.get(`./me/connections/${made.id}`)).has_credential, false);
  assert.ok((await callTool(url.ann, 'keyed_list', {})).body.result.isError);
  assert.deepEqual(other.calls.filter(({ authorization }) => authorization), []);
  const changes = (await connek.audit()).filter(({ tool }) => tool?.startsWith('personal.')).map(({ tool, user }) => [tool, user]);
  assert.deepEqual(changes, [['personal.allow', 'operator'], ['personal.allow', 'operator'], ['personal.end', 'boss@acme.example'], ['personal.allow', 'operator']]);
});
