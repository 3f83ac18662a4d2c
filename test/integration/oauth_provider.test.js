// Connecting to a vendor whose OAuth server is a certified one (npm oidc-provider), as it is out of the box: PKCE
// required, refresh tokens that rotate and end everything when one is shown again, clients that register themselves,
// revocation. A person goes through its login and consent pages, once in Chromium.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek } from './support/connek.js';
import { CertifiedVendor, consent } from './support/oidc.js';
import { manifestOf } from './support/vendor.js';
import { callTool } from './support/mcp.js';

const pictures = resolve(import.meta.dirname, '../../build/test/pictures');

// `client`: how the client shows its secret, as manifests say it, and as the registration says it.
async function serving(t, { client = 'basic', auth = {} } = {}) {
  const vendor = await CertifiedVendor.start(t);
  const connek = await Connek.create(t);
  await connek.writeFile('books.json', { ...manifestOf(vendor), auth: [vendor.auth({ client, ...auth })] });
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json'],
    connections: [{ name: 'books', connector: 'books' }],
    roles: [{ name: 'finance', rules: [{ connection: 'books', tools: ['*'] }] }],
    users: [{ email: 'finance@acme.example', roles: ['finance'] }],
  });
  await connek.start('--allow-upstream', vendor.host);
  const method = { basic: 'client_secret_basic', body: 'client_secret_post', none: 'none' }[client];
  const registered = await vendor.register({ redirect_uris: [`${connek.base}/oauth/callback`], token_endpoint_auth_method: method });
  connek.env.BOOKS_SECRET = registered.client_secret ?? '';
  const secret = client === 'none' ? [] : ['--secret', 'env:BOOKS_SECRET'];
  await connek.ok('client-app', 'set', 'books', '--client-id', registered.client_id, ...secret);
  const { url } = await connek.token('finance@acme.example');
  return { vendor, connek, url, registered };
}

const linkOf = async (connek) => (await connek.ok('connection', 'connect', '--connection', 'books')).trim();
const healthOf = async (connek) => JSON.parse((await connek.ok('connection', 'list', '--json')).trim().split('\n')[0]);
const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;

async function connect(connek) {
  const page = await consent(await linkOf(connek));
  assert.match(page.text, /books of acme is connected/, page.text);
  return page;
}

for (const client of ['basic', 'body', 'none'])
  test(`a certified server: a client that authenticates by ${client} is connected, renewed and used`, async (t) => {
    const { vendor, connek, url, registered } = await serving(t, { client, auth: { refresh: { rotates: true, before: '1s' } } });
    vendor.accessSeconds = 2;
    await connect(connek);
    const first = await callTool(url, 'books_list');
    assert.equal(first.body.result.isError, false, JSON.stringify(first.body));
    assert.match(textOf(first), /"account":"owner"/);
    assert.match(textOf(first), /books\.read/);
    vendor.accessSeconds = 3600;
    await sleep(2100);
    const again = await Promise.all(Array.from({ length: 50 }, () => callTool(url, 'books_list')));
    assert.ok(again.every(({ body }) => body.result.isError === false), JSON.stringify(again[0].body));
    assert.deepEqual(vendor.exchanges.map(({ status, form }) => [form.grant_type, status]), [['authorization_code', 200], ['refresh_token', 200]]);
    for (const { form, authorization } of vendor.exchanges) {
      assert.equal(Boolean(authorization), client === 'basic');
      assert.equal(form.client_secret, client === 'body' ? registered.client_secret : undefined);
      assert.equal(form.client_id, client === 'basic' ? undefined : registered.client_id);
    }
    assert.ok(vendor.exchanges[0].form.code_verifier, 'the server demands PKCE');
    const { status, renews, scopes, history } = await healthOf(connek);
    assert.deepEqual({ status, renews, scopes }, { status: 'active', renews: true, scopes: 'openid offline_access books.read' });
    assert.deepEqual(history.map(({ what }) => what), ['refreshed', 'connected']);
  });

test('a certified server: each refresh token is used once; one that a thief shows again ends the grant, and the connection says so', async (t) => {
  const { vendor, connek, url } = await serving(t, { auth: { refresh: { before: '1s' } } });
  vendor.accessSeconds = 2;
  await connect(connek);
  for (let round = 0; round < 2; round++) {
    await sleep(2100);
    assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
  }
  const shown = vendor.exchanges.flatMap(({ form }) => form.refresh_token ?? []);
  assert.equal(new Set(shown).size, 2);
  const { authorization } = vendor.exchanges.at(-1);
  const theft = await fetch(`${vendor.base}/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: authorization },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: shown[0] }),
  });
  assert.equal((await theft.json()).error, 'invalid_grant');
  await sleep(2100);
  assert.match(textOf(await callTool(url, 'books_list')), /^books has to be connected again: 127\.0\.0\.1:\d+ no longer accepts the authorization \(invalid_grant/);
  assert.equal((await healthOf(connek)).status, 'reconnect');
  vendor.accessSeconds = 3600;
  await connect(connek);
  assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
  assert.equal((await healthOf(connek)).status, 'active');
});

test('a certified server: what is disconnected is revoked there, and its tokens are worth nothing', async (t) => {
  const { vendor, connek, url } = await serving(t);
  await connect(connek);
  await callTool(url, 'books_list');
  const { token } = vendor.calls.at(-1);
  assert.match(await connek.ok('connection', 'disconnect', '--connection', 'books', '--allow-upstream', vendor.host), /has revoked/);
  assert.deepEqual(vendor.revocations.map(({ status, form }) => [form.token_type_hint, status]), [['refresh_token', 200]]);
  assert.equal(await vendor.provider.RefreshToken.find(vendor.revocations[0].form.token), undefined);
  const direct = await fetch(`${vendor.base}/books`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(direct.status, 401, 'the access token that came of it has ended as well');
  assert.match(textOf(await callTool(url, 'books_list')), /books was disconnected/);
  assert.equal((await healthOf(connek)).status, 'disconnected');
});

test('a certified server: a person who does not consent, or a client that it does not know, changes nothing', async (t) => {
  const { vendor, connek } = await serving(t);
  const page = await consent(await linkOf(connek), { refuse: true });
  assert.equal(page.status, 400);
  assert.match(page.text, /did not give access \(access_denied: End-User aborted interaction\)\. Nothing was changed/);
  assert.equal(vendor.exchanges.length, 0);
  connek.env.BOOKS_SECRET = 'not-the-secret';
  const [{ client_id }] = JSON.parse(`[${(await connek.ok('client-app', 'list', '--json')).trim().split('\n').join(',')}]`);
  await connek.ok('client-app', 'set', 'books', '--client-id', client_id, '--secret', 'env:BOOKS_SECRET');
  const refused = await consent(await linkOf(connek));
  assert.match(refused.text, /could not be turned into access: 127\.0\.0\.1:\d+ refused Connek&#39;s own registration or request \(invalid_client/, refused.text);
  assert.equal((await healthOf(connek)).status, null);
});

test('in Chromium a person goes from the link through the service\'s login and consent to the result, and back to where they came from', async (t) => {
  const { vendor, connek, url } = await serving(t);
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  t.after(() => browser.close());
  await mkdir(pictures, { recursive: true });
  const complaints = [];
  const context = await browser.newContext({ viewport: { width: 900, height: 600 } });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(`${page.url()}: ${message.text()}`));
  const link = (await connek.ok('connection', 'connect', '--connection', 'books', '--return', '/account')).trim();
  await page.goto(link);
  assert.equal(new URL(page.url()).host, vendor.host, 'the link leads to the service at once');
  await page.getByPlaceholder('Enter any login').fill('owner');
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Connected' }).waitFor();
  assert.ok(await page.getByText('books of acme is connected').isVisible());
  assert.equal(new URL(page.url()).origin, connek.base);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false);
  await page.screenshot({ path: join(pictures, 'connected.png') });
  assert.equal(await page.getByRole('link', { name: 'Go on' }).getAttribute('href'), '/account');
  assert.deepEqual(complaints.filter((text) => text.startsWith(connek.base)), []);
  assert.equal((await callTool(url, 'books_list')).body.result.isError, false);
  await page.goto(link);
  assert.ok(await page.getByText('This link was used already').isVisible());
  await page.screenshot({ path: join(pictures, 'used-link.png') });
});
