// OAuth 1.0a (RFC 5849) against a service whose verifier is written here, from the RFC and nothing of Connek's: it computes
// each signature itself, takes each nonce once, and gives tokens by request token and consent.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { Connek } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { Browser } from './support/vendor.js';
import { callTool } from './support/mcp.js';

const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const digests = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' };

// The Authorization field's parameters, decoded (3.5.1).
const read = (header) => Object.fromEntries([...(header ?? '').matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, decodeURIComponent(value)]));

// 3.4: the signature that a request has to have.
function signatureOf({ method, base, url, body, type }, parameters, secrets) {
  const { searchParams, pathname } = new URL(url, base);
  const pairs = [...searchParams];
  if (type === 'application/x-www-form-urlencoded') pairs.push(...new URLSearchParams(body));
  for (const [name, value] of Object.entries(parameters)) if (name !== 'oauth_signature' && name !== 'realm') pairs.push([name, value]);
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = pairs.map((pair) => pair.map(encode)).sort(([a, x], [b, y]) => order(a, b) || order(x, y));
  const text = [method, encode(base + pathname), encode(sorted.map((pair) => pair.join('=')).join('&'))].join('&');
  return createHmac(digests[parameters.oauth_signature_method], secrets.map(encode).join('&')).update(text).digest('base64');
}

class Service {
  consumer = { key: 'consumer key/1', secret: 'canary consumer&secret%' };
  tokens = new Map(); // token -> { secret, isAccess, verifier }
  nonces = new Set();
  calls = [];
  refused = [];
  willRefuse = false;

  static async start(t) {
    const service = new Service();
    service.upstream = await Upstream.start(t, (request, response, body) => service.#take(request, response, body));
    service.base = service.upstream.base;
    service.host = service.upstream.host;
    return service;
  }

  issue(isAccess, more = {}) {
    const token = `${isAccess ? 'access' : 'request'}/${randomBytes(6).toString('base64')}`;
    this.tokens.set(token, { secret: `canary ${randomBytes(9).toString('base64')}`, isAccess, ...more });
    return [token, this.tokens.get(token).secret];
  }

  // Why a request is not what it says; null: it is.
  #problem(request, body, parameters) {
    const { oauth_token: token, oauth_nonce: nonce, oauth_timestamp: time } = parameters;
    const known = token === undefined ? { secret: '' } : this.tokens.get(token);
    if (parameters.oauth_consumer_key !== this.consumer.key) return 'consumer_key_unknown';
    if (!known) return 'token_rejected';
    if (this.nonces.has(nonce) || !nonce) return 'nonce_used';
    if (Math.abs(Number(time) - Date.now() / 1000) > 300) return 'timestamp_refused';
    this.nonces.add(nonce);
    const sent = { method: request.method, base: this.base, url: request.url, body, type: request.headers['content-type'] };
    return signatureOf(sent, parameters, [this.consumer.secret, known.secret]) === parameters.oauth_signature ? null : 'signature_invalid';
  }

  #take(request, response, body) {
    const url = new URL(request.url, this.base);
    if (url.pathname === '/authorize') return this.#authorize(url, response);
    const parameters = read(request.headers.authorization);
    const problem = request.headers.authorization?.startsWith('OAuth ') ? this.#problem(request, body, parameters) : 'parameter_absent';
    const form = (status, value) => response.writeHead(status, { 'Content-Type': 'application/x-www-form-urlencoded' }).end(new URLSearchParams(value).toString());
    if (problem) {
      this.refused.push(problem);
      return form(401, { oauth_problem: problem });
    }
    const token = this.tokens.get(parameters.oauth_token);
    if (url.pathname === '/request') {
      this.callback = parameters.oauth_callback;
      const [oauth_token, oauth_token_secret] = this.issue(false);
      return form(200, { oauth_token, oauth_token_secret, oauth_callback_confirmed: 'true' });
    }
    if (url.pathname === '/access') {
      if (token?.isAccess !== false || !token.verifier || token.verifier !== parameters.oauth_verifier) return form(401, { oauth_problem: 'verifier_invalid' });
      this.tokens.delete(parameters.oauth_token);
      const [oauth_token, oauth_token_secret] = this.issue(true);
      return form(200, { oauth_token, oauth_token_secret, board: 'b-7' });
    }
    if (!token?.isAccess) return form(401, { oauth_problem: 'token_rejected' });
    this.calls.push({ method: request.method, url: request.url, body, parameters });
    return this.upstream.json(response, { ok: true });
  }

  #authorize(url, response) {
    const token = url.searchParams.get('oauth_token');
    this.asked = Object.fromEntries(url.searchParams);
    const back = new URL(this.callback);
    if (!this.willRefuse) {
      this.tokens.get(token).verifier = `v-${randomBytes(4).toString('hex')}`;
      back.searchParams.set('oauth_verifier', this.tokens.get(token).verifier);
    }
    back.searchParams.set('oauth_token', token);
    response.writeHead(302, { Location: back.href }).end();
  }
}

const input = { type: 'object', properties: { text: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } } };
const manifest = (service, way = {}) => ({
  manifest: 1,
  id: 'boards',
  name: 'Boards',
  base: `${service.base}/api`,
  headers: { 'X-Board': '{conn.board}' },
  settings: { board: { description: 'From the service.' } },
  auth: [{ type: 'oauth1', ...way }],
  tools: [
    { name: 'find', does: 'read', description: 'Finds cards.', input, call: 'GET /cards', query: { 'q[text]': '{text}', 'a b': 'x+y', list: '{tags|csv}' } },
    { name: 'add', does: 'write', description: 'Adds a card.', input, call: 'POST /cards', as: 'form', body: { text: '{text}', tags: '{tags}' } },
    { name: 'put', does: 'write', description: 'Puts a card.', input: { ...input, required: ['text'] }, call: 'PUT /cards/{text}', as: 'json', body: { tags: '{tags}' } },
  ],
});

async function serving(t, { way, credential } = {}) {
  const service = await Service.start(t);
  const [token, tokenSecret] = service.issue(true);
  const connek = await Connek.create(t, { env: { CONSUMER_SECRET: service.consumer.secret, TOKEN: token, TOKEN_SECRET: tokenSecret } });
  const flow = { request: `${service.base}/request`, authorize: `${service.base}/authorize`, token: `${service.base}/access`, extra: { expiration: 'never' } };
  const own = { consumer_key: service.consumer.key, consumer_secret: { env: 'CONSUMER_SECRET' }, token: { env: 'TOKEN' }, token_secret: { env: 'TOKEN_SECRET' } };
  await connek.writeFile('boards.json', manifest(service, { ...(!credential && flow), ...way }));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['boards.json'],
    connections: [{ name: 'boards', connector: 'boards', settings: { board: 'b-0' }, ...(credential && { credential: own }) }],
    roles: [{ name: 'all', rules: [{ connection: 'boards', does: ['read', 'write'] }] }],
    users: [{ email: 'boss@acme.example', kind: 'owner', roles: ['all'] }],
  });
  if (!credential) await connek.ok('client-app', 'set', 'boards', '--client-id', service.consumer.key, '--secret', 'env:CONSUMER_SECRET');
  await connek.start('--allow-upstream', service.host);
  return { service, connek, url: (await connek.token('boss@acme.example')).url };
}

const odd = { text: 'ünï & +=%/~*(\')', tags: ['b', 'a a', 'b'] };
const linkOf = async (connek) => (await connek.ok('connection', 'connect', '--connection', 'boards')).trim();
const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;

async function everyTool(url, service) {
  for (const tool of ['find', 'add', 'put']) {
    const { body } = await callTool(url, `boards_${tool}`, odd);
    assert.equal(body.result.isError, false, `${tool}: ${JSON.stringify(body)} ${service.refused}`);
  }
}

for (const signature of ['HMAC-SHA1', 'HMAC-SHA256'])
  test(`each request is signed by ${signature}: query, form and JSON, with tokens made by hand`, async (t) => {
    const { service, connek, url } = await serving(t, { credential: true, way: { signature, realm: 'Boards' } });
    await everyTool(url, service);
    assert.deepEqual(service.refused, []);
    assert.ok(service.calls.every(({ parameters }) => parameters.oauth_signature_method === signature && parameters.realm === 'Boards'));
    assert.equal(service.nonces.size, 3);
    service.consumer.secret = 'another';
    const refused = await callTool(url, 'boards_find', odd);
    assert.equal(refused.body.result.isError, true, 'the verifier of this test verifies');
    assert.deepEqual(service.refused, ['signature_invalid']);
    assert.ok(!(JSON.stringify(refused.body) + connek.stderr).includes('canary'));
  });

test('a person connects an account by a request token; what it gives signs calls, and settings come with it', async (t) => {
  const { service, connek, url } = await serving(t, { way: { signature: 'HMAC-SHA1' } });
  const told = textOf(await callTool(url, 'boards_find', odd));
  assert.match(told, /^boards is not connected yet\. To connect it/);
  const browser = new Browser();
  const page = await browser.follow(await linkOf(connek));
  assert.match(page.text, /boards of acme is connected/, page.text);
  assert.deepEqual(service.refused, []);
  assert.equal(service.asked.expiration, 'never');
  assert.match(service.callback, new RegExp(`^${connek.base}/oauth/callback\\?state=[0-9a-f]{64}$`));
  await everyTool(url, service);
  const health = JSON.parse((await connek.ok('connection', 'list', '--json')).trim());
  assert.deepEqual([health.status, health.expires, health.renews], ['active', null, false]);
  assert.match(await connek.ok('connection', 'check', '--connection', 'boards', '--allow-upstream', service.host), /boards: ok: find was answered/);
  await connek.restart();
  await everyTool((await connek.token('boss@acme.example')).url, service);
  await connek.ok('connection', 'disconnect', '--connection', 'boards', '--allow-upstream', service.host);
  assert.match(textOf(await callTool((await connek.token('boss@acme.example')).url, 'boards_find', odd)), /boards was disconnected/);
  assert.ok(!connek.stderr.includes('canary'));
});

test('a refusal, another consent\'s token, another browser, and a client that the service does not know change nothing', async (t) => {
  const { service, connek } = await serving(t, { way: {} });
  service.willRefuse = true;
  assert.match((await new Browser().follow(await linkOf(connek))).text, /did not give access\. Nothing was changed/);
  service.willRefuse = false;
  const callbackOf = async (browser) => {
    const first = await browser.get(await linkOf(connek));
    return (await browser.get(first.headers.get('location'))).headers.get('location');
  };
  const browser = new Browser();
  const [mine, other] = [await callbackOf(browser), await callbackOf(new Browser())];
  assert.match((await new Browser().follow(mine)).text, /begun in another browser/);
  const crossed = new URL(other);
  crossed.searchParams.set('state', new URL(mine).searchParams.get('state'));
  assert.match((await browser.follow(crossed.href)).text, /not of the consent that was asked for/);
  service.consumer.secret = 'another';
  assert.match((await browser.follow(await linkOf(connek))).text, /answered 401 and gave no token \(signature_invalid\): an admin has to look at the client id and secret/);
  assert.equal(JSON.parse((await connek.ok('connection', 'list', '--json')).trim()).status, null);
});
