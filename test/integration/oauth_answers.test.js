// What a service's token endpoint answers, however odd, with npm oauth2-mock-server as that service: a person is told in a
// sentence, a connection goes on where it can, and only what says that the authorization is gone ends it. The whole table
// of oddities is in test/unit/grant/answer_test.c; here are those that have consequences from outside.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';
import { Connek } from './support/connek.js';
import { Browser, manifestOf } from './support/vendor.js';
import { ageConsents, ageGrants } from './support/aged.js';
import { callTool } from './support/mcp.js';
import { held, rounds } from './support/proof.js';

// The mock's own handler, with an API beside it that takes whatever token was given last. `change`: (response, parameters)
// bends the token endpoint's answer; `delayMs` is how long it takes.
async function bent(t) {
  const issuer = new OAuth2Issuer();
  const vendor = { service: new OAuth2Service(issuer), exchanges: [], change: () => {}, delayMs: 0, token: null };
  const server = createServer(async (request, response) => {
    if (request.url === '/books') {
      const isGood = request.headers.authorization === `Bearer ${vendor.token}`;
      return response.writeHead(isGood ? 200 : 401, { 'Content-Type': 'application/json' }).end(JSON.stringify({ ok: isGood }));
    }
    if (request.url === '/token' && vendor.delayMs) await sleep(vendor.delayMs);
    return vendor.service.requestHandler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  vendor.host = `127.0.0.1:${server.address().port}`;
  vendor.base = issuer.url = `http://${vendor.host}`;
  await issuer.keys.generate('RS256');
  vendor.service.on('beforeResponse', (response, request) => {
    vendor.exchanges.push(request.body);
    vendor.change(response, request.body);
    if (response.statusCode === 200) vendor.token = response.body.access_token ?? vendor.token;
  });
  return vendor;
}

async function serving(t, auth = {}) {
  const vendor = await bent(t);
  const connek = await Connek.create(t);
  const way = { type: 'oauth2', authorize: `${vendor.base}/authorize`, token: `${vendor.base}/token`, client: 'none', scopes: ['dummy'], ...auth };
  await connek.writeFile('books.json', { ...manifestOf(vendor), auth: [way] });
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json'],
    connections: [{ name: 'books', connector: 'books' }],
    roles: [{ name: 'finance', rules: [{ connection: 'books', tools: ['*'] }] }],
    users: [{ email: 'finance@acme.example', roles: ['finance'] }],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'connek');
  await connek.start('--allow-upstream', vendor.host);
  const { url } = await connek.token('finance@acme.example');
  return { vendor, connek, url };
}

const linkOf = async (connek) => (await connek.ok('connection', 'connect', '--connection', 'books')).trim();
const healthOf = async (connek) => JSON.parse((await connek.ok('connection', 'list', '--json')).trim());
const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;

async function connect(connek) {
  const page = await new Browser().follow(await linkOf(connek));
  assert.match(page.text, /is connected/, page.text);
}

describe('odd answers', { concurrency: true }, () => {
  test('an answer that takes long, up to half a minute, is waited for, by all who need it', async (t) => {
    const { vendor, connek, url } = await serving(t);
    await connect(connek);
    await ageGrants(connek, 3600);
    vendor.delayMs = rounds(7_000, 30_000);
    const results = await Promise.all([callTool(url, 'books_list'), callTool(url, 'books_list'), sleep(5000).then(() => callTool(url, 'books_list'))]);
    assert.ok(results.every(({ body }) => body?.result?.isError === false), JSON.stringify(results.map(textOf)));
    assert.equal(vendor.exchanges.length, 2, 'one for the consent, one for all three');
    assert.equal((await healthOf(connek)).status, 'active');
    held('an answer of a token endpoint that takes half a minute is waited for', 1);
  });

  test('tokens without expires_in, with lists of scopes or numbers as texts are good; each failure is told in its own words', async (t) => {
    const { vendor, connek, url } = await serving(t);
    vendor.change = ({ body }) => {
      delete body.expires_in;
      body.scope = ['books.read', 'books.write'];
    };
    await connect(connek);
    const endless = await healthOf(connek);
    assert.equal(endless.expires, null);
    assert.equal(endless.scopes, 'books.read books.write');
    assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
    vendor.change = ({ body }) => Object.assign(body, { expires_in: '1800', scope: 'books.read,books.write' });
    await connect(connek);
    const { expires, scopes } = await healthOf(connek);
    assert.ok(Math.abs(Date.parse(expires) - Date.now() - 1_800_000) < 60_000, expires);
    assert.equal(scopes, 'books.read books.write');
    vendor.change = () => {};
    const failing = [
      [400, { error: 'temporarily_unavailable' }, 'error', /is temporarily unavailable \(temporarily_unavailable\)/],
      [200, { error: 'slow_down' }, 'error', /answered with the error "slow_down"/],
      [500, { what: 1 }, 'error', /has a problem of its own \(500\)/],
      [400, { error: 'invalid_client' }, 'error', /refused Connek's own registration or request \(invalid_client\)/],
      [200, {}, 'error', /answered what is no token/],
      [400, { error: 'invalid_grant' }, 'reconnect', /no longer accepts the authorization \(invalid_grant\)/],
    ];
    for (const [statusCode, body, status, sentence] of failing) {
      vendor.change = () => {};
      await connect(connek);
      await ageGrants(connek, 3600);
      vendor.change = (response) => Object.assign(response, { statusCode, body });
      assert.match(textOf(await callTool(url, 'books_list')), sentence);
      const health = await healthOf(connek);
      assert.equal(health.status, status, String(sentence));
      assert.match(health.last_error, sentence);
      assert.match(health.history[0].text, sentence);
    }
  });

  test('a service that repeats a token in its error spreads it to nobody', async (t) => {
    const { vendor, connek, url } = await serving(t);
    await connect(connek);
    await ageGrants(connek, 3600);
    vendor.change = (response, { refresh_token }) =>
      Object.assign(response, { statusCode: 400, body: { error: 'invalid_grant', error_description: `${refresh_token} is not known` } });
    const text = textOf(await callTool(url, 'books_list'));
    const shown = vendor.exchanges.at(-1).refresh_token;
    assert.ok(shown.length > 8);
    assert.match(text, /\(invalid_grant: \[credential removed\] is not known\)/);
    const everything = text + JSON.stringify(await healthOf(connek)) + connek.stderr + JSON.stringify(await connek.audit());
    assert.ok(!everything.includes(shown));
  });

  test('a callback with a state that is unknown, used, foreign or too old explains itself and does nothing', async (t) => {
    const { vendor, connek } = await serving(t);
    const callback = async (browser) => {
      const first = await browser.get(await linkOf(connek));
      return (await browser.get(first.headers.get('location'))).headers.get('location');
    };
    const changed = (url, name, value) => {
      const copy = new URL(url);
      if (value === null) copy.searchParams.delete(name);
      else copy.searchParams.set(name, value);
      return copy.href;
    };
    const browser = new Browser();
    const good = await callback(browser);
    const thief = new Browser();
    await thief.get(await linkOf(connek)); // with a cookie of its own
    const refused = [
      [browser, changed(good, 'state', '0'.repeat(64)), 404, /not known here/],
      [browser, changed(good, 'state', ''), 404, /not known here/],
      [browser, changed(good, 'state', null), 404, /not known here/],
      [new Browser(), good, 400, /begun in another browser/],
      [thief, good, 400, /begun in another browser/],
      [browser, `${good}&state=${'0'.repeat(64)}`, 400, /a parameter twice/],
      [browser, `${good}&x=%zz`, 400, /cannot be read/],
    ];
    for (const [who, url, status, sentence] of refused) {
      const page = await who.follow(url);
      assert.equal(page.status, status, page.text);
      assert.match(page.text, sentence);
      assert.match(page.text, /Not connected/);
    }
    assert.equal(vendor.exchanges.length, 0, 'nothing was asked of the service');
    assert.match((await browser.follow(good)).text, /is connected/, 'and the consent itself is still good');
    assert.match((await browser.follow(good)).text, /brought back before/);
    const late = await callback(browser);
    await ageConsents(connek, 601);
    assert.match((await browser.follow(late)).text, /took longer than ten minutes/);
    assert.equal(vendor.exchanges.length, 1);
    // Used up though nothing came of it: whoever shows the same address again gets nothing.
    const once = await callback(browser);
    vendor.change = (response) => Object.assign(response, { statusCode: 400, body: { error: 'temporarily_unavailable' } });
    assert.match((await browser.follow(once)).text, /could not be turned into access/);
    vendor.change = () => {};
    assert.match((await browser.follow(once)).text, /brought back before/);
    assert.equal(vendor.exchanges.length, 2);
    const records = (await connek.audit()).filter(({ tool }) => tool === 'connection.connect');
    assert.equal(records.length, 1);
  });
});
