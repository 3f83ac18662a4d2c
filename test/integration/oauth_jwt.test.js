// Accesses without a person: service accounts (RFC 7523) and apps whose signed token is itself the access. What is signed is
// verified by jose against the public key alone, as the services do.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { Connek } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { ageGrants } from './support/aged.js';
import { callTool } from './support/mcp.js';

const keys = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const pem = (key) => key.export({ type: 'pkcs8', format: 'pem' });
const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;

// A token endpoint that verifies the assertion and gives a token, and an API that takes it; or, without `exchange`, an
// API that verifies the token itself.
async function serving(t, { algorithm = 'RS256', way = {}, exchange = true, credential = {} }) {
  const { publicKey, privateKey } = keys[algorithm]();
  const state = { exchanges: [], calls: [], tokens: new Set(), publicKey, audience: null };
  const service = await Upstream.start(t, async (request, response, body) => {
    try {
      if (request.url === '/token') {
        const form = Object.fromEntries(new URLSearchParams(body));
        const { payload, protectedHeader } = await jwtVerify(form.assertion, state.publicKey, { audience: state.audience, algorithms: [algorithm] });
        state.exchanges.push({ form, payload, header: protectedHeader });
        const access_token = `granted-${state.exchanges.length}`;
        state.tokens.add(access_token);
        return service.json(response, { access_token, token_type: 'Bearer', expires_in: 3600 });
      }
      const token = request.headers.authorization?.slice('Bearer '.length);
      const verified = exchange ? { isGranted: state.tokens.has(token) } : await jwtVerify(token, state.publicKey, { algorithms: [algorithm] });
      state.calls.push({ token, ...verified });
      return service.json(response, { ok: true }, exchange && !verified.isGranted ? 401 : 200);
    } catch (error) {
      return service.json(response, { error: 'invalid_grant', error_description: error.message }, 400);
    }
  });
  state.audience = `${service.base}/token`;
  const connek = await Connek.create(t, { env: { APP_KEY: pem(privateKey) } });
  await connek.writeFile('app.json', {
    manifest: 1,
    id: 'app',
    name: 'App',
    base: service.base,
    auth: [{ type: 'jwt', algorithm, ...(exchange && { token: `${service.base}/token` }), issuer: '{credential.issuer}', ...way }],
    tools: [{ name: 'me', does: 'read', description: 'Tells who this is.', input: { type: 'object', properties: {} }, call: 'GET /me' }],
  });
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['app.json'],
    connections: [{ name: 'app', connector: 'app', credential: { private_key: { env: 'APP_KEY' }, issuer: 'robot@acme.example', ...credential } }],
    roles: [{ name: 'all', rules: [{ connection: 'app', does: ['read'] }] }],
    users: [{ email: 'finance@acme.example', roles: ['all'] }],
  });
  await connek.start('--allow-upstream', service.host);
  const { url } = await connek.token('finance@acme.example');
  return { connek, url, state, service };
}

for (const algorithm of Object.keys(keys))
  test(`a service account's assertion by ${algorithm} verifies, and its token is got once for all who call`, async (t) => {
    const { connek, url, state } = await serving(t, { algorithm, way: { scopes: ['read', 'write'], subject: '{credential.subject}', key_id: 'k-1' }, credential: { subject: 'owner@acme.example' } });
    const results = await Promise.all(Array.from({ length: 20 }, () => callTool(url, 'app_me')));
    assert.ok(results.every(({ body }) => body.result.isError === false), JSON.stringify(results[0].body));
    assert.equal(state.exchanges.length, 1);
    const [{ form, payload, header }] = state.exchanges;
    assert.equal(form.grant_type, 'urn:ietf:params:oauth:grant-type:jwt-bearer');
    assert.deepEqual([payload.iss, payload.sub, payload.scope, header.kid, header.alg], ['robot@acme.example', 'owner@acme.example', 'read write', 'k-1', algorithm]);
    assert.ok(payload.exp - payload.iat <= 3600 && payload.iat <= Date.now() / 1000);
    const health = JSON.parse((await connek.ok('connection', 'list', '--json')).trim());
    assert.deepEqual([health.status, health.renews, health.advice], ['active', true, null]);
    await ageGrants(connek, 7200);
    assert.equal(JSON.parse((await connek.ok('connection', 'list', '--json')).trim()).status, 'active', 'nobody has to do anything about its end');
    await connek.restart();
    assert.equal((await callTool((await connek.token('finance@acme.example')).url, 'app_me')).body.result.isError, false);
    assert.equal(state.exchanges.length, 2);
  });

test('where the signed token is the access itself, it verifies, is short-lived, and made anew before it ends', async (t) => {
  const { url, state, connek } = await serving(t, { exchange: false, way: { lifetime: '9m', claims: { app: '{credential.app}' } }, credential: { app: 'a-1' } });
  assert.equal((await callTool(url, 'app_me')).body.result.isError, false);
  const [{ payload }] = state.calls;
  assert.deepEqual([payload.iss, payload.app, payload.exp - payload.iat], ['robot@acme.example', 'a-1', 540]);
  await ageGrants(connek, 600);
  await connek.restart();
  assert.equal((await callTool((await connek.token('finance@acme.example')).url, 'app_me')).body.result.isError, false);
  const { history } = JSON.parse((await connek.ok('connection', 'list', '--json')).trim());
  assert.deepEqual(history.map(({ what }) => what), ['refreshed', 'refreshed'], 'made twice');
});

test('a key that the service does not know is an admin\'s to mend: nothing has to be connected again, and the key is in no text', async (t) => {
  const { connek, url, state } = await serving(t, {});
  state.publicKey = keys.RS256().publicKey;
  const told = textOf(await callTool(url, 'app_me'));
  assert.match(told, /does not accept the connection's own key or client \(invalid_grant: signature verification failed\)/);
  const again = textOf(await callTool(url, 'app_me'));
  assert.match(again, /It is tried again in \d+ s/, 'and the service is not asked with every call');
  const health = JSON.parse((await connek.ok('connection', 'list', '--json')).trim());
  assert.equal(health.status, 'error');
  const der = createPrivateKey(connek.env.APP_KEY).export({ type: 'pkcs8', format: 'der' }).toString('base64');
  assert.ok(!(told + JSON.stringify(health) + connek.stderr).includes(der.slice(100, 140)));
  // Another key is tried at once.
  const { publicKey, privateKey } = keys.RS256();
  state.publicKey = publicKey;
  connek.env.APP_KEY = pem(privateKey);
  await connek.apply({ organisation: 'acme', connections: [{ name: 'app', connector: 'app', credential: { private_key: { env: 'APP_KEY' }, issuer: 'robot@acme.example' } }] });
  assert.equal((await callTool(url, 'app_me')).body.result.isError, false);
});
