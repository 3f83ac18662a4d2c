// How connections are: checked by one harmless real call, and told of before it is too late.
import test from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, binary, run } from './support/connek.js';
import { Browser, Vendor, manifestOf } from './support/vendor.js';
import { Upstream } from './support/upstream.js';
import { ageGrants, ageJobs, sql } from './support/aged.js';
import { callTool } from './support/mcp.js';
import { startFixture } from '../fixtures/mcp/process.js';
import { until } from './support/wait.js';

const day = 86_400;
const now = () => Math.floor(Date.now() / 1000);
const listOf = async (connek) => {
  const lines = (await connek.ok('connection', 'list', '--json')).trim().split('\n').map((line) => JSON.parse(line));
  return Object.fromEntries(lines.map((line) => [line.connection, line]));
};
const connect = async (connek, name) => {
  const link = (await connek.ok('connection', 'connect', '--connection', name)).trim();
  assert.match((await new Browser().follow(link)).text, /is connected/);
};

const keyed = (service, more = {}) => ({
  manifest: 1,
  id: 'keyed',
  name: 'Keyed',
  base: service.base,
  auth: [{ type: 'key', in: 'header', name: 'X-Key' }],
  tools: [
    { name: 'delete_all', does: 'destroy', description: 'Deletes everything.', input: { type: 'object', properties: {} }, call: 'DELETE /all' },
    { name: 'find', does: 'read', description: 'Finds one thing.', input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }, call: 'GET /things/{id}' },
    { name: 'me', does: 'read', description: 'Tells who this is.', input: { type: 'object', properties: {} }, call: 'GET /me' },
  ],
  ...more,
});

test('a check makes one harmless call of each kind of connection, and what it found is kept', async (t) => {
  const vendor = await Vendor.start(t);
  const service = await Upstream.start(t, (request, response) => {
    const isGood = request.headers['x-key'] === 'canary-key-31';
    service.json(response, isGood ? { ok: true } : { message: 'this key canary-key-32 is no good' }, isGood ? 200 : 401);
  });
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  await connek.makeDatabase('ledger.db', 'CREATE TABLE customer (id INTEGER);');
  await connek.writeFile('books.json', manifestOf(vendor));
  await connek.writeFile('keyed.json', keyed(service));
  await connek.apply({
    organisation: 'acme',
    connectors: ['books.json', 'keyed.json', { kind: 'mcp', id: 'fixture', name: 'Fixture', url: await startFixture(t) }, { kind: 'mcp', id: 'gone', name: 'Gone', url: 'http://127.0.0.1:9/mcp' }],
    connections: [
      { name: 'books', connector: 'books' },
      { name: 'good', connector: 'keyed', credential: { key: 'canary-key-31' } },
      { name: 'bad', connector: 'keyed', credential: { key: 'canary-key-32' } },
      { name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' } },
      { name: 'fixture', connector: 'fixture' },
      { name: 'gone', connector: 'gone' },
    ],
    roles: [],
    users: [{ email: 'boss@acme.example', kind: 'admin', roles: [] }],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  const check = async (...args) => {
    const { code, stdout } = await connek.command('connection', 'check', '--json', '--allow-upstream', '127.0.0.1', ...args);
    return { code, found: stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)) };
  };
  const all = await check();
  assert.equal(all.code, 1);
  assert.deepEqual(Object.fromEntries(all.found.map(({ connection, ok }) => [connection, ok])), { bad: false, books: false, fixture: true, gone: false, good: true, ledger: true });
  const text = Object.fromEntries(all.found.map(({ connection, text }) => [connection, text]));
  assert.equal(text.good, 'me was answered');
  assert.equal(text.ledger, 'query was answered');
  assert.match(text.fixture, /^it offers \d+ tools, \d+ prompts and \d+ resources$/);
  assert.match(text.bad, /401.*\[credential removed\]/);
  assert.match(text.books, /^books is not connected yet/);
  assert.ok(text.gone.length > 10);
  assert.deepEqual(service.requests.map(({ method, url }) => `${method} ${url}`), ['GET /me', 'GET /me'], 'nothing but what changes nothing was called');
  const health = await listOf(connek);
  assert.deepEqual(Object.fromEntries(Object.entries(health).map(([name, { status }]) => [name, status])), { bad: 'error', books: 'error', fixture: 'active', gone: 'error', good: 'active', ledger: 'active' });
  assert.match(health.bad.last_error, /401/);
  assert.ok(Date.parse(health.good.last_success) > Date.now() - 60_000);

  // An OAuth connection, through the keeper: renewed where that is due, and dead where it is.
  await connek.start('--allow-upstream', vendor.host);
  await connect(connek, 'books');
  assert.equal((await listOf(connek)).books.status, 'active', 'a check of the access before says nothing of this one');
  await ageGrants(connek, 3600);
  const again = await check('--connection', 'books');
  assert.deepEqual([again.code, again.found[0].text], [0, 'list was answered']);
  assert.equal(vendor.exchanges.at(-1).grant_type, 'refresh_token');
  vendor.endAccess();
  assert.equal((await check('--connection', 'books')).code, 0, 'a token that the service refuses is renewed');
  await ageGrants(connek, 3600);
  vendor.answer = (_, response) => (vendor.json(response, { error: 'invalid_grant' }, 400), true);
  const dead = await check('--connection', 'books');
  assert.equal(dead.code, 1);
  assert.match(dead.found[0].text, /has to be connected again: .*invalid_grant/);
  const { status, advice, history } = (await listOf(connek)).books;
  assert.equal(status, 'reconnect');
  assert.match(advice, /connek connection connect --connection books/);
  assert.deepEqual(history.map(({ what }) => what), ['reconnect', 'refreshed', 'refreshed', 'connected']);
  const shown = await connek.ok('connection', 'show', '--connection', 'books');
  assert.match(shown, /^status +reconnect$/m);
  assert.match(shown, /^\d{4}-\S+ refreshed$/m);
  assert.match(shown, /^\d{4}-\S+ reconnect: 127\.0\.0\.1:\d+ no longer accepts/m);
  const records = (await connek.audit()).filter(({ tool }) => tool === 'connection.check');
  assert.equal(records.length, 9);
  const everything = JSON.stringify(all) + shown + (await connek.ok('connection', 'list')) + JSON.stringify(await connek.audit()) + connek.stderr;
  assert.ok(!/canary-key/.test(everything));
  const missing = await connek.command('connection', 'check', '--connection', 'none');
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no connection "none"/);
});

test('what a manifest names for a check has to read, and to be a tool with arguments that it takes', async (t) => {
  const service = { base: 'https://keyed.example' };
  const connek = await Connek.create(t);
  const refused = [
    [{ tool: 'delete_all' }, /check names a tool of this connector that reads/],
    [{ tool: 'nothing' }, /check names a tool of this connector that reads/],
    [{ tool: 'find' }, /id/],
    [{ tool: 'find', arguments: [] }, /arguments is an object/],
    [{ tool: 'me', extra: 1 }, /there is no member "extra" here/],
  ];
  for (const [check, sentence] of refused) {
    await connek.writeFile('keyed.json', keyed(service, { check }));
    const { code, stdout, stderr } = await run(binary, ['connector', 'check', connek.path('keyed.json')]);
    assert.equal(code, 1, JSON.stringify(check));
    assert.match(stdout + stderr, sentence);
    assert.match(stdout + stderr, /\/check/);
  }
});

test('idle connections are renewed in the background, each at a time of its own, well before the service forgets them', async (t) => {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  const names = ['one', 'two', 'three'];
  for (const name of names) await connek.writeFile(`${name}.json`, { ...manifestOf(vendor, { refresh: { rotates: true, idle: '60d' } }), id: name });
  await connek.apply({ organisation: 'acme', connectors: names.map((name) => `${name}.json`), connections: names.map((name) => ({ name, connector: name })), roles: [], users: [{ email: 'boss@acme.example', kind: 'owner', roles: [] }] });
  for (const name of names) await connek.ok('client-app', 'set', name, '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  for (const name of names) {
    await connect(connek, name);
    vendor.refresh = null; // the vendor of the tests knows one at a time
  }
  const due = (await sql(connek, `SELECT (due_at / 1000000 - ${now()}) / 86400.0 AS days FROM job WHERE kind = 'refresh'`)).map(({ days }) => days);
  assert.equal(due.length, 3);
  assert.ok(due.every((days) => days > 14.9 && days < 30.1), JSON.stringify(due));
  assert.equal(new Set(due.map((days) => days.toFixed(2))).size, 3, 'not all at the same time');
  const { exchanges } = vendor;
  vendor.answer = (_, response) => (vendor.json(response, vendor.issue()), true);
  await ageJobs(connek, 14 * day);
  await new Promise((resume) => setTimeout(resume, 3000));
  assert.equal(exchanges.filter(({ grant_type }) => grant_type === 'refresh_token').length, 0, 'not yet');
  await ageJobs(connek, 17 * day);
  await until('each is renewed', async () => {
    const list = await listOf(connek);
    return names.every((name) => list[name].history[0].what === 'refreshed');
  });
  const after = await listOf(connek);
  for (const name of names) assert.deepEqual(after[name].history.map(({ what }) => what), ['refreshed', 'connected'], name);
  assert.ok((await sql(connek, `SELECT due_at / 1000000 - ${now()} AS seconds FROM job WHERE kind = 'refresh'`)).every(({ seconds }) => seconds > 14.9 * day), 'and again later');
});

test('an access that only a person can renew, and a key that has grown old, are spoken of ahead', async (t) => {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  await connek.writeFile('books.json', manifestOf(vendor, { refresh: false }));
  await connek.writeFile('keyed.json', keyed(vendor));
  await connek.apply({
    organisation: 'acme',
    connectors: ['books.json', 'keyed.json'],
    connections: [{ name: 'books', connector: 'books' }, { name: 'keyed', connector: 'keyed', credential: { key: 'k-12345678' } }],
    roles: [{ name: 'finance', rules: [{ connection: 'books', tools: ['*'] }] }],
    users: [{ email: 'finance@acme.example', roles: ['finance'] }],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  vendor.lifetime = 60 * day;
  await connect(connek, 'books');
  const before = await listOf(connek);
  assert.deepEqual([before.books.status, before.books.renews, before.keyed.status], ['active', false, 'active']);
  assert.deepEqual([before.books.advice, before.keyed.advice], [null, null]);
  await ageGrants(connek, 52 * day);
  await ageJobs(connek, 52 * day);
  assert.equal((await listOf(connek)).books.status, 'active');
  await ageGrants(connek, 2 * day);
  await ageJobs(connek, 2 * day);
  await sql(connek, `UPDATE connection SET credential_at = credential_at - ${400 * day}000000`);
  const { books, keyed: old } = await listOf(connek);
  assert.equal(books.status, 'expiring');
  assert.match(books.advice, /^its access ends on \d{4}-\d\d-\d\d, and only a person can renew it: connek connection connect --connection books$/);
  assert.equal(old.status, 'expiring');
  assert.match(old.advice, /^its credential is 400 days old: make a new one at the service/);
  const table = await connek.ok('connection', 'list');
  assert.match(table, /^books: its access ends on/m);
  assert.match(table, /^keyed: its credential is 400 days old/m);
  const warned = await until('a warning', () => connek.log.find(({ event }) => event === 'grant_expiring'));
  assert.match(JSON.stringify(warned), /only a person can renew it/);
  assert.equal((await callTool((await connek.token('finance@acme.example')).url, 'books_list')).body.result.isError, false, 'until then it works');
  await ageGrants(connek, 7 * day);
  assert.equal((await listOf(connek)).books.status, 'reconnect');
  // The same key applied again is as old as it was; another one is new.
  const config = { organisation: 'acme', connections: [{ name: 'keyed', connector: 'keyed', credential: { key: 'k-12345678' } }] };
  await connek.apply(config);
  assert.equal((await listOf(connek)).keyed.status, 'expiring');
  config.connections[0].credential.key = 'k-87654321';
  await connek.apply(config);
  assert.equal((await listOf(connek)).keyed.status, 'active');
});

// Two tools, so that a service can refuse one of them; what each call comes to.
async function refusing(t, more = {}) {
  const vendor = await Vendor.start(t);
  const key = { manifest: 1, id: 'keyed', name: 'Keyed', base: vendor.base, auth: [{ type: 'key', in: 'header', name: 'Authorization', prefix: 'Bearer ' }] };
  const tools = ['list', 'find', 'count'].map((name) => ({ name, does: 'read', description: `Does ${name}.`, input: { type: 'object', properties: {} }, call: `GET /${name}` }));
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  await connek.writeFile('books.json', manifestOf(vendor, {}, { tools }));
  await connek.writeFile('keyed.json', { ...key, tools });
  const { access_token } = vendor.issue();
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json', 'keyed.json'],
    connections: [{ name: 'books', connector: 'books' }, { name: 'keyed', connector: 'keyed', credential: { key: access_token } }],
    roles: [{ name: 'reader', rules: ['books', 'keyed'].map((connector) => ({ connector, does: ['read'] })) }],
    users: [{ email: 'boss@acme.example', kind: 'admin', roles: ['reader'] }],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host, '--workers', '2', ...(more.args ?? []));
  const { url } = await connek.token('boss@acme.example');
  const call = async (tool) => (await callTool(url, tool, {})).body.result;
  const becomes = (name, status) =>
    until(`${name} is ${status}`, async () => {
      const found = (await listOf(connek))[name];
      return found.status === status && found;
    });
  return { vendor, connek, call, becomes, access_token };
}

test('a key that its service takes no more is told of after some refusals in a row, not after one, and so is one that works again', async (t) => {
  const { vendor, connek, call, becomes, access_token } = await refusing(t);
  const end = (is) => vendor.live.set(access_token, is ? 0 : Date.now() + 3_600_000);
  const status = async () => (await listOf(connek)).keyed.status;
  // One tool that this account may not call, now and then, while others go well.
  for (let i = 0; i < 12; i++) {
    end(true);
    assert.equal((await call('keyed_find')).isError, true);
    assert.equal((await call('keyed_count')).isError, true);
    end(false);
    assert.equal((await call('keyed_list')).isError, false);
  }
  end(true);
  for (let i = 0; i < 9; i++) await call('keyed_find');
  assert.equal(await status(), 'active');
  end(false);
  assert.equal((await call('keyed_list')).isError, false);
  end(true);
  for (const tool of ['list', 'find', 'count']) assert.equal((await call(`keyed_${tool}`)).isError, true);
  assert.match((await becomes('keyed', 'error')).last_error, /no longer accepts its key \(401\)/);
  end(false);
  assert.equal((await call('keyed_find')).isError, false);
  await becomes('keyed', 'active');
  // The same tool again and again says as much in the end.
  end(true);
  for (let i = 0; i < 10; i++) await call('keyed_find');
  await becomes('keyed', 'error');
  const { access_token: other } = vendor.issue();
  await connek.apply({ organisation: 'acme', connections: [{ name: 'keyed', connector: 'keyed', credential: { key: other } }] });
  assert.equal(await status(), 'active', 'what was found of the key before says nothing of this one');
});

test('an access that its service takes no more, and that nothing renews, has to be connected again', async (t) => {
  const { vendor, connek, call, becomes } = await refusing(t);
  const { issue } = vendor;
  vendor.issue = () => ({ ...issue.call(vendor), refresh_token: undefined });
  await connect(connek, 'books');
  assert.equal((await call('books_list')).isError, false);
  vendor.endAccess();
  for (const tool of ['list', 'find']) assert.match((await call(`books_${tool}`)).content[0].text, /401/);
  assert.equal((await listOf(connek)).books.status, 'active');
  await call('books_count');
  const found = await becomes('books', 'reconnect');
  assert.match(found.last_error, /no longer accepts the access that it gave \(401\)/);
  const n = vendor.calls.length;
  const [link] = await until('a link to connect it again', async () => /http\S+\/connect\/[0-9a-f]{64}/.exec((await call('books_list')).content[0].text));
  assert.ok(vendor.calls.length <= n + 2, 'nothing more is sent with it');
  assert.match((await new Browser().follow(link)).text, /is connected/);
  assert.equal((await call('books_list')).isError, false);
  assert.equal((await listOf(connek)).books.status, 'active');
});

// What is kept opened shows by this: what stands in the database then opens no more, and nobody was told.
async function spoil(connek) {
  const [{ before }] = await sql(connek, 'SELECT hex(secret) AS before FROM connection_grant');
  await sql(connek, `UPDATE connection_grant SET secret = x'${randomBytes(before.length / 2).toString('hex')}'`);
  return () => sql(connek, `UPDATE connection_grant SET secret = x'${before}', status = 'active'`); // who calls meanwhile is told to connect again
}
const many = async (call, tool, n = 24) => (await Promise.all(Array.from({ length: n }, () => call(tool)))).map(({ isError }) => isError);

test('an opened credential is kept as long as --credential-kept says, and an hour at most', async (t) => {
  for (const [kept, isKept] of [['10m', true], ['1s', false]]) {
    const { connek, call } = await refusing(t, { args: ['--credential-kept', kept] });
    await connect(connek, 'books');
    await connek.token('boss@acme.example'); // answered when the connection is published, which drops what is kept
    while (new Set(await many(call, 'books_list')).has(true)); // both workers have it
    await spoil(connek);
    if (!isKept) await sleep(1100);
    assert.deepEqual(new Set(await many(call, 'books_list')), new Set([!isKept]), kept);
    const { code, stderr } = await connek.command('serve', '--credential-kept', '61m');
    assert.equal(code, 2);
    assert.match(stderr, /an hour at most/);
  }
});

test('what is kept opened is dropped at once: by a disconnection, a rotation of keys, a replacement, whatever is published', async (t) => {
  const { vendor, connek, call } = await refusing(t, { args: ['--credential-kept', '1h'] });
  const warm = async () => assert.deepEqual(new Set(await many(call, 'books_list')), new Set([false]));
  // Each is seen by all workers when its command returns: nobody has it opened, and in the database it opens no more.
  const ways = {
    rotation: () => connek.ok('key', 'rotate'),
    change: () => connek.apply({ organisation: 'acme', roles: [{ name: `another ${Date.now()}`, rules: [] }] }),
  };
  await connect(connek, 'books');
  for (const [way, act] of Object.entries(ways)) {
    await warm();
    await act();
    const restore = await spoil(connek);
    assert.deepEqual(new Set(await many(call, 'books_list')), new Set([true]), way);
    await restore();
  }
  await warm();
  const before = vendor.calls.length;
  await connek.ok('connection', 'disconnect', '--connection', 'books', '--allow-upstream', vendor.host);
  assert.deepEqual(new Set(await many(call, 'books_list')), new Set([true]));
  assert.equal(vendor.calls.length, before, 'nothing is sent with what was given up');

  assert.deepEqual(new Set(await many(call, 'keyed_list')), new Set([false]));
  const { access_token: next } = vendor.issue();
  await connek.apply({ organisation: 'acme', connections: [{ name: 'keyed', connector: 'keyed', credential: { key: next } }] });
  const since = vendor.calls.length;
  await many(call, 'keyed_list');
  assert.deepEqual(new Set(vendor.calls.slice(since).map(({ authorization }) => authorization)), new Set([`Bearer ${next}`]), 'the key before is sent no more');
  await connek.apply({ organisation: 'acme', connections: [{ name: 'keyed', connector: 'keyed', credential: null }] });
  const last = vendor.calls.length;
  assert.deepEqual(new Set(await many(call, 'keyed_list')), new Set([true]));
  assert.equal(vendor.calls.length, last, 'nor is one that was taken away');
});
