// Accounts that people connect for themselves, and what a call is told whose connection has to be connected: by whom, and
// where; in clients that can show a link, by that.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { Browser, Vendor, manifestOf } from './support/vendor.js';
import { ageConsents } from './support/aged.js';
import { callTool, legacy, modern, post, send } from './support/mcp.js';
import { client2Auto, sdk1 } from './support/clients.js';

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
