// Connecting to services: a person's consent, tokens that are renewed once whoever asks, and what people are told when
// a service answers oddly. The vendor here is ours, so that it can be bent; oauth_provider.test.js has a certified one.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek } from './support/connek.js';
import { Browser, Vendor, manifestOf } from './support/vendor.js';
import { ageGrants, sql } from './support/aged.js';
import { callTool } from './support/mcp.js';
import { held, rounds } from './support/proof.js';

const secret = 'canary-client-secret-77aa';

async function serving(t, { auth = {}, more = {}, args = [], connection = {}, roles, users } = {}) {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: secret } });
  await connek.writeFile('books.json', manifestOf(vendor, typeof auth === 'function' ? auth(vendor) : auth, more));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json'],
    connections: [{ name: 'books', connector: 'books', ...connection }],
    roles: roles ?? [{ name: 'finance', rules: [{ connection: 'books', tools: ['*'] }] }],
    users: users ?? [
      { email: 'finance@acme.example', roles: ['finance'] },
      { email: 'boss@acme.example', kind: 'admin', roles: ['finance'] },
    ],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'connek-client', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host, ...args);
  const { url } = await connek.token('finance@acme.example');
  return { vendor, connek, url };
}

const linkOf = async (connek, ...args) => (await connek.ok('connection', 'connect', '--connection', 'books', ...args)).trim();

async function connected(t, options) {
  const all = await serving(t, options);
  const page = await new Browser().follow(await linkOf(all.connek));
  assert.match(page.text, /is connected/, page.text);
  return all;
}

const healthOf = async (connek) => JSON.parse((await connek.ok('connection', 'list', '--json')).trim().split('\n')[0]);
const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;

test('a person connects an account through a link, and calls work at once', async (t) => {
  const { vendor, connek, url } = await serving(t, { auth: { extra: { prompt: 'consent' } } });
  const before = await callTool(url, 'books_list');
  assert.equal(before.body.result.isError, true);
  assert.match(textOf(before), /^books is not connected yet\. Tell an admin of acme/);
  const link = await linkOf(connek);
  const browser = new Browser();
  const page = await browser.follow(link);
  assert.equal(page.status, 200, page.text);
  assert.match(page.text, /books of acme is connected/);
  assert.match(page.headers.get('content-security-policy'), /default-src 'none'/);
  const { asked } = vendor;
  assert.equal(asked.client_id, 'connek-client');
  assert.equal(asked.scope, 'offline books.read');
  assert.equal(asked.code_challenge_method, 'S256');
  assert.equal(asked.prompt, 'consent');
  assert.match(asked.redirect_uri, /\/oauth\/callback$/);
  const [exchange] = vendor.exchanges;
  assert.equal(exchange.grant_type, 'authorization_code');
  assert.equal(exchange.authorization, `Basic ${Buffer.from(`connek-client:${secret}`).toString('base64')}`);
  assert.ok(exchange.code_verifier.length >= 43);
  const { body } = await callTool(url, 'books_list');
  assert.equal(body.result.isError, false, JSON.stringify(body));
  const health = await healthOf(connek);
  assert.equal(health.status, 'active');
  assert.equal(health.renews, true);
  assert.equal(health.history[0].what, 'connected');
  assert.ok((await connek.audit()).some(({ tool }) => tool === 'connection.connect'));
});

test('state is used once, in one browser, for ten minutes; a link once', async (t) => {
  const { vendor, connek } = await serving(t);
  const link = await linkOf(connek);
  const browser = new Browser();
  const first = await browser.get(link);
  const there = await browser.get(first.headers.get('location'));
  const callback = there.headers.get('location');
  const elsewhere = await new Browser().follow(callback);
  assert.equal(elsewhere.status, 400);
  assert.match(elsewhere.text, /another browser/);
  const changed = new URL(callback);
  changed.searchParams.set('state', '0'.repeat(64));
  assert.match((await browser.follow(changed.href)).text, /not known here/);
  assert.equal(vendor.exchanges.length, 0);
  assert.match((await browser.follow(callback)).text, /is connected/);
  assert.match((await browser.follow(callback)).text, /brought back before/);
  assert.match((await browser.follow(link)).text, /used already/);
  assert.match((await browser.follow(`${connek.base}/connect/${'0'.repeat(64)}`)).text, /not known here/);
  const old = await linkOf(connek, '--valid', '1s');
  await sleep(1500);
  assert.match((await browser.follow(old)).text, /too old/);
  assert.equal(vendor.exchanges.length, 1);
});

test('an answer of another issuer, or a refusal, changes nothing', async (t) => {
  const { vendor, connek } = await serving(t);
  vendor.back = { iss: 'https://evil.example' };
  assert.match((await new Browser().follow(await linkOf(connek))).text, /another server/);
  vendor.back = { error: 'access_denied', error_description: '<b>no</b>' };
  const { text } = await new Browser().follow(await linkOf(connek));
  assert.match(text, /did not give access \(access_denied: &lt;b&gt;no/);
  assert.equal(vendor.exchanges.length, 0);
  vendor.back = { iss: vendor.base };
  assert.match((await new Browser().follow(await linkOf(connek))).text, /is connected/);
});

test('only paths of this server may be led on to', async (t) => {
  const { connek } = await serving(t);
  for (const path of ['https://evil.example', '//evil.example', '/\\evil.example', 'evil', '/a\u0009b']) {
    const { code, stderr } = await connek.command('connection', 'connect', '--connection', 'books', '--return', path);
    assert.equal(code, 2, path + stderr);
  }
  assert.match((await new Browser().follow(await linkOf(connek, '--return', '/connections'))).text, /href="\/connections"/);
});

test('thousands of calls at the moment of expiry cause one refresh, and none of them fails', async (t) => {
  const n = 3000;
  const { vendor, url, connek } = await connected(t, { args: ['--workers', '3'], auth: { refresh: { rotates: true, before: '1s' } } });
  for (let round = 0; round < rounds(3, 100); round++) {
    vendor.lifetime = 3600;
    vendor.exchanges.length = 0;
    await connek.ok('connection', 'disconnect', '--connection', 'books', '--allow-upstream', vendor.host);
    vendor.lifetime = 1; // what the consent gives is about to end
    await new Browser().follow(await linkOf(connek));
    await sleep(1100);
    vendor.lifetime = 3600;
    vendor.delayMs = 5000;
    const before = vendor.exchanges.length;
    const results = await Promise.all(Array.from({ length: n }, () => callTool(url, 'books_list')));
    vendor.delayMs = 0;
    const failed = results.filter(({ body }) => body?.result?.isError !== false);
    assert.equal(failed.length, 0, JSON.stringify(failed[0]?.body ?? failed[0]?.text));
    assert.equal(vendor.exchanges.length - before, 1);
    assert.equal(vendor.reused, 0);
  }
  held('one refresh for 3,000 parallel calls', rounds(3, 100));
});

test('every odd answer of a service has its sentence, and only invalid_grant and its kin end a connection', async (t) => {
  const { vendor, connek, url } = await connected(t);
  const json = (value, status = 200) => (_, response) => (vendor.json(response, value, status), true);
  const odd = [
    [(_, response) => (response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Sign in</html>'), true), /web page \(200\)/, 'error'],
    [json({ ok: false, error: 'ratelimited' }), /error "ratelimited"/, 'error'],
    [json({ error: 'temporarily_unavailable' }, 400), /temporarily unavailable/, 'error'],
    [json({ error: 'invalid_client' }, 401), /client id and secret/, 'error'],
    [json('what', 200), /no token/, 'error'],
    [(_, response) => (response.writeHead(302, { Location: 'https://evil.example' }).end(), true), /redirect \(302\)/, 'error'],
    [(_, response) => (response.writeHead(503).end(), true), /problem of its own \(503\)/, 'error'],
    [(_, response) => (response.socket.destroy(), true), /could not be asked/, 'error'],
    [json({ access_token: 'a b' }), /cannot be used/, 'error'],
  ];
  for (const [answer, sentence, status] of odd) {
    vendor.answer = null;
    await new Browser().follow(await linkOf(connek));
    await ageGrants(connek, 3600);
    vendor.answer = answer;
    const { body } = await callTool(url, 'books_list');
    assert.equal(body.result.isError, true);
    assert.match(body.result.content[0].text, sentence);
    const health = await healthOf(connek);
    assert.equal(health.status, status, String(sentence));
    assert.match(health.last_error, sentence);
  }
  vendor.answer = null;
  await new Browser().follow(await linkOf(connek));
  await ageGrants(connek, 3600);
  vendor.answer = json({ error: 'invalid_grant', error_description: 'revoked by its owner' }, 400);
  const before = vendor.exchanges.length;
  const boss = await connek.token('boss@acme.example');
  const first = await callTool(boss.url, 'books_list');
  const again = await callTool(url, 'books_list');
  assert.equal(vendor.exchanges.length, before + 1, 'a dead grant is not asked for again');
  assert.match(textOf(first), /^books has to be connected again: .*invalid_grant: revoked by its owner.*http:\/\/127\.0\.0\.1:\d+\/connect\/[0-9a-f]{64}$/s);
  assert.match(textOf(again), /Tell an admin of acme\.$/);
  assert.equal((await healthOf(connek)).status, 'reconnect');
  vendor.answer = null;
  const [link] = /http:\S+$/.exec(textOf(first));
  assert.match((await new Browser().follow(link)).text, /is connected/);
  assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
});

test('a token that the service refuses is renewed once, and the call made again', async (t) => {
  const { vendor, url } = await connected(t);
  await callTool(url, 'books_list');
  vendor.endAccess();
  const { body } = await callTool(url, 'books_list');
  assert.equal(body.result.isError, false, JSON.stringify(body));
  assert.deepEqual(vendor.exchanges.map(({ grant_type }) => grant_type), ['authorization_code', 'refresh_token']);
});

test('what disconnects is told to the service, and no call uses it from then on', async (t) => {
  const { vendor, connek, url } = await connected(t);
  assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
  const { refresh } = vendor;
  assert.match(await connek.ok('connection', 'disconnect', '--connection', 'books', '--allow-upstream', vendor.host), /has revoked/);
  assert.equal(vendor.revoked[0].token, refresh);
  const n = vendor.calls.length;
  assert.match(textOf(await callTool(url, 'books_list')), /books was disconnected/);
  assert.equal(vendor.calls.length, n);
});

test('what was granted for one place does not follow a connection to another', async (t) => {
  const { vendor, connek, url } = await connected(t);
  const other = await Vendor.start(t);
  assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
  const apply = (connector, base) => connek.apply({ organisation: 'acme', connectors: [{ ...manifestOf(base, { authorize: `${vendor.base}/authorize`, token: `${vendor.base}/token` }), id: connector }], connections: [{ name: 'books', connector }] });
  await apply('books', vendor); // nothing of it has moved
  assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
  await apply('books', other);
  assert.equal((await healthOf(connek)).status, 'disconnected');
  assert.match(textOf(await callTool(url, 'books_list')), /books was disconnected/);
  assert.equal(other.calls.length, 0);
  await apply('books', vendor);
  assert.match((await new Browser().follow(await linkOf(connek))).text, /is connected/);
  await apply('papers', other);
  assert.equal((await healthOf(connek)).status, 'disconnected');
  assert.equal(other.calls.length, 0);
});

test('what was granted and is damaged in the database is told, and a person connects in its place, or disconnects', async (t) => {
  const { vendor, connek, url } = await connected(t);
  const call = () => callTool(url.replace(/^http:\/\/[^/]+/, connek.base), 'books_list');
  const damage = async (bytes) => {
    await connek.stop();
    await sql(connek, `UPDATE connection_grant SET secret = x'${bytes}'`);
    await connek.start('--allow-upstream', vendor.host);
  };
  for (const bytes of [`0100000001${'ab'.repeat(60)}`, `01000000ff${'ab'.repeat(60)}`, 'ab']) {
    await damage(bytes);
    const n = vendor.calls.length;
    for (const _ of [1, 2]) assert.match(textOf(await call()), /^books has to be connected again: what its service granted does not open here/);
    assert.equal(vendor.calls.length, n);
    const { status, history } = await healthOf(connek);
    assert.deepEqual([status, history[0].what], ['reconnect', 'reconnect']);
    assert.match((await new Browser().follow(await linkOf(connek))).text, /is connected/);
    assert.equal((await call()).body.result.isError, false);
    assert.equal((await healthOf(connek)).status, 'active');
  }
  await damage('ab');
  await connek.ok('connection', 'disconnect', '--connection', 'books', '--allow-upstream', vendor.host);
  assert.equal((await healthOf(connek)).status, 'disconnected');
  const { code, stdout } = await connek.command('key', 'check', '--json');
  assert.equal(code, 0, stdout);
});

test('killed between the exchange and its commit, a connection works or says why not', async (t) => {
  const { vendor, connek, url } = await connected(t, { auth: { refresh: { before: '1s' } } });
  for (let round = 0; round < rounds(3, 40); round++) {
    vendor.delayMs = 0;
    vendor.lifetime = 1;
    await new Browser().follow(await linkOf(connek));
    await sleep(1100);
    vendor.lifetime = 3600;
    vendor.delayMs = 300;
    const call = callTool(url.replace(/^http:\/\/[^/]+/, connek.base), 'books_list').catch(() => null);
    await sleep(200 + Math.random() * 250);
    await connek.kill();
    await call;
    vendor.delayMs = 0;
    await connek.start('--allow-upstream', vendor.host);
    await sleep(100);
    let result;
    for (let i = 0; i < 5; i++) {
      result = await callTool(url.replace(/^http:\/\/[^/]+/, connek.base), 'books_list');
      if (result.body?.result?.isError === false || /connected again/.test(textOf(result))) break;
      await sleep(3_000);
    }
    if (result.body.result.isError) {
      assert.match(textOf(result), /has to be connected again: .*invalid_grant.*cut off/s);
      assert.equal((await healthOf(connek)).status, 'reconnect');
    }
  }
  held('killed between exchange and commit, a connection works or says why not', rounds(3, 40));
});

test('a server that is started frees what its own node held, and waits for what another server holds', async (t) => {
  const { vendor, connek, url } = await connected(t);
  const call = () => callTool(url.replace(/^http:\/\/[^/]+/, connek.base), 'books_list');
  const held = async (node, seconds) => {
    await connek.kill();
    await ageGrants(connek, 4000);
    const owner = createHash('sha256').update(node).digest('hex').slice(0, 32);
    const until = Date.now() + seconds * 1000;
    await sql(connek, `UPDATE connection_grant SET lease_owner = x'${owner}', lease_until = ${until * 1000}`);
    await connek.start('--allow-upstream', vendor.host);
    return until;
  };
  await held('node1', 3600);
  assert.equal((await call()).body.result.isError, false);
  // Were it freed as well, two servers would send the same refresh token: services end a grant for that.
  const until = await held('node2', 5);
  assert.equal((await call()).body.result.isError, false);
  assert.ok(Date.now() >= until, 'renewed while another server held it');
  assert.equal(vendor.exchanges.length, 3);
});

test('client credentials: a connection of its own client needs no person', async (t) => {
  const { vendor, url } = await serving(t, {
    auth: { grant: 'client_credentials', authorize: undefined, client: 'body', token_format: 'json' },
  });
  const results = await Promise.all(Array.from({ length: 20 }, () => callTool(url, 'books_list')));
  assert.ok(results.every(({ body }) => body.result.isError === false), JSON.stringify(results[0].body));
  assert.equal(vendor.exchanges.length, 1);
  assert.equal(vendor.exchanges[0].client_secret, secret);
  assert.equal(vendor.exchanges[0].type, 'application/json');
});

test('an account is chosen where there are several, and its setting travels with each call', async (t) => {
  const { vendor, connek, url } = await serving(t, {
    auth: ({ base }) => ({ discover: { call: `GET ${base}/accounts`, label: 'name', set: { tenant: 'id' } } }),
    more: { headers: { 'X-Tenant': '{conn.tenant}' }, settings: { tenant: { description: 'The tenant.', required: true } } },
  });
  vendor.accounts = [{ id: 't-1', name: 'North' }, { id: 't-2', name: 'South & <b>East</b>' }];
  const browser = new Browser();
  const page = await browser.follow(await linkOf(connek));
  assert.match(page.text, /South &amp; &lt;b&gt;East/);
  const chosen = await browser.get(page.url, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'choice=t-2' });
  assert.match(await chosen.text(), /is connected/);
  await sleep(300);
  const { body } = await callTool(url, 'books_list');
  assert.equal(body.result.isError, false, JSON.stringify(body));
  assert.equal(vendor.calls.at(-1).headers['x-tenant'], 't-2');
});
