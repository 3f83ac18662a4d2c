// Connek as the authorization server, step by step: what it says of itself, what it gives, and to whom not.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from './support/aged.js';
import { Connek, run } from './support/connek.js';
import { callTool, legacy, modern, post, send } from './support/mcp.js';
import { formsOf, Person } from './support/person.js';
import { allow, authorizeUrl, member, password, pkce, redirectUri, register, signedIn, token } from './support/sign_in.js';
import { eventually } from './support/wait.js';

const finance = 'finance@acme.example';
const ledger = { sql: 'SELECT count(*) AS n FROM invoice' };
let connek, closers, person;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  person = await member(connek, finance);
});

after(async () => {
  for (const close of closers) await close();
});

const bearer = (text) => ({ Authorization: `Bearer ${text}` });
const list = (headers) => send(`${connek.base}/mcp`, legacy('tools/list'), headers);
const refresh = (client, refresh_token, more = {}) =>
  token(connek.base, { grant_type: 'refresh_token', client_id: client.client_id, refresh_token, ...more });

test('metadata stands at every well-known place, with the address that was asked', async () => {
  const places = ['oauth-protected-resource', 'oauth-protected-resource/mcp'];
  for (const place of places) {
    const response = await fetch(`${connek.base}/.well-known/${place}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    const body = await response.json();
    assert.equal(body.resource, `${connek.base}/mcp`);
    assert.deepEqual(body.authorization_servers, [connek.base]);
  }
  for (const place of ['oauth-authorization-server', 'oauth-authorization-server/mcp', 'openid-configuration', 'openid-configuration/mcp']) {
    const body = await (await fetch(`${connek.base}/.well-known/${place}`)).json();
    assert.equal(body.issuer, connek.base);
    assert.deepEqual(body.code_challenge_methods_supported, ['S256']);
    assert.deepEqual(body.response_types_supported, ['code']);
    assert.equal(body.client_id_metadata_document_supported, true);
    assert.equal(body.authorization_response_iss_parameter_supported, true);
  }
  const localhost = connek.base.replace('127.0.0.1', 'localhost');
  assert.equal((await (await fetch(`${localhost}/.well-known/oauth-authorization-server`)).json()).issuer, localhost);
  const { status, headers } = await list({});
  assert.equal(status, 401);
  assert.match(headers.get('www-authenticate'), new RegExp(`resource_metadata="${connek.base}/\\.well-known/oauth-protected-resource/mcp"`));
});

test('a code gives tokens that work at once, in both eras; the answers are kept by no cache', async () => {
  const client = await signedIn(connek.base, person);
  assert.match(client.access_token, /^cka_/);
  assert.match(client.refresh_token, /^ckr_/);
  assert.equal(client.expires_in, 3600);
  for (const era of [legacy, modern]) {
    const { status, body } = await callTool(`${connek.base}/mcp`, 'sqlite_query', ledger, era, bearer(client.access_token));
    assert.equal(status, 200);
    assert.equal(body.result.isError ?? false, false);
  }
  const { headers } = await refresh(client, client.refresh_token);
  assert.equal(headers.get('cache-control'), 'no-store');
});

test('an authorization request that is not as it must be gives nothing', async () => {
  const { client_id } = (await register(connek.base)).body;
  const { challenge } = pkce();
  const good = { client_id, code_challenge: challenge };
  // Without a client or an address that is the client's own, nothing is sent anywhere.
  for (const bad of [
    { ...good, client_id: 'nobody' },
    { ...good, redirect_uri: 'https://evil.example/' },
    { ...good, redirect_uri: `${redirectUri}/x` },
    { ...good, redirect_uri: `${redirectUri}?a=b` },
    { ...good, redirect_uri: undefined },
    { ...good, redirect_uri: 'http://localhost:9/callback' },
  ]) {
    const page = await person.open(authorizeUrl(connek.base, bad));
    assert.equal(page.status, 400, JSON.stringify(bad));
    assert.equal(page.location, undefined);
  }
  // From there on the client is told, with its state and who says so.
  for (const [bad, error] of [
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ code_challenge: undefined }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'],
    [{ resource: 'https://other.example/mcp' }, 'invalid_target'],
    [{ prompt: 'none' }, 'interaction_required'],
    [{ request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
  ]) {
    const { location } = await person.open(authorizeUrl(connek.base, { ...good, ...bad }));
    assert.equal(location?.searchParams.get('error'), error, JSON.stringify(bad));
    assert.equal(location.searchParams.get('state'), 'state');
    assert.equal(location.searchParams.get('iss'), connek.base);
  }
  // On loopback the port is free (RFC 8252, 7.3).
  const page = await person.open(authorizeUrl(connek.base, { ...good, redirect_uri: 'http://127.0.0.1:54321/callback' }));
  assert.equal(page.status, 200);
  const location = await allow(person, authorizeUrl(connek.base, good), { label: 'Do not allow' });
  assert.equal(location.searchParams.get('error'), 'access_denied');
});

test('a code is for one client, one address and one verifier, once; used twice, all that it gave ends', async () => {
  const { client_id } = (await register(connek.base)).body;
  const other = (await register(connek.base)).body;
  const { verifier, challenge } = pkce();
  const location = await allow(person, authorizeUrl(connek.base, { client_id, code_challenge: challenge }));
  assert.equal(location.searchParams.get('iss'), connek.base);
  const code = location.searchParams.get('code');
  const good = { grant_type: 'authorization_code', code, client_id, redirect_uri: redirectUri, code_verifier: verifier };
  for (const [bad, error] of [
    [{ client_id: other.client_id }, 'invalid_grant'],
    [{ client_id: 'nobody' }, 'invalid_client'],
    [{ redirect_uri: 'http://127.0.0.1:10/callback' }, 'invalid_grant'],
    [{ code_verifier: pkce().verifier }, 'invalid_grant'],
    [{ code_verifier: '' }, 'invalid_grant'],
    [{ code: code.slice(0, -1) + (code.endsWith('0') ? '1' : '0') }, 'invalid_grant'],
    [{ resource: 'https://other.example/mcp' }, 'invalid_target'],
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
  ]) {
    const { status, body } = await token(connek.base, { ...good, ...bad });
    assert.equal(body.error, error, JSON.stringify(bad));
    assert.ok(status === 400 || status === 401);
  }
  const { body } = await token(connek.base, good);
  assert.ok(body.access_token, JSON.stringify(body));
  assert.equal((await list(bearer(body.access_token))).status, 200);
  assert.equal((await token(connek.base, good)).body.error, 'invalid_grant');
  assert.equal((await list(bearer(body.access_token))).status, 401);
  assert.equal((await refresh({ client_id }, body.refresh_token)).body.error, 'invalid_grant');
});

test('refresh tokens rotate; parallel refreshes all succeed; an old one shown later ends all', async () => {
  const client = await signedIn(connek.base, person);
  const several = await Promise.all(Array.from({ length: 5 }, () => refresh(client, client.refresh_token)));
  for (const { status, body } of several) {
    assert.equal(status, 200, JSON.stringify(body));
    assert.notEqual(body.refresh_token, client.refresh_token);
    assert.equal((await list(bearer(body.access_token))).status, 200);
  }
  assert.equal((await refresh({ client_id: 'nobody' }, client.refresh_token)).body.error, 'invalid_client');
  // Half a minute later somebody shows the old one: one of the two is a thief.
  await sql(connek, 'UPDATE oauth_refresh SET replaced_at = replaced_at - 31000000');
  assert.equal((await refresh(client, client.refresh_token)).body.error, 'invalid_grant');
  for (const { body } of several) {
    assert.equal((await list(bearer(body.access_token))).status, 401);
    assert.equal((await refresh(client, body.refresh_token)).body.error, 'invalid_grant');
  }
});

test('a refresh token is its own client\'s', async () => {
  const client = await signedIn(connek.base, person);
  const other = (await register(connek.base)).body;
  assert.equal((await refresh(other, client.refresh_token)).body.error, 'invalid_grant');
  assert.equal((await refresh(client, client.refresh_token)).status, 200);
});

test('a client gets no more than was asked and given; what goes beyond is 403 with the scope to ask for', async () => {
  const client = await signedIn(connek.base, person, { scope: 'tools:write tools:destroy' });
  assert.equal(client.scope, 'tools:write tools:destroy');
  const { status, headers } = await callTool(`${connek.base}/mcp`, 'sqlite_query', ledger, legacy, bearer(client.access_token));
  assert.equal(status, 403);
  assert.match(headers.get('www-authenticate'), /error="insufficient_scope", scope="tools:read tools:write tools:destroy"/);
  const narrowed = await signedIn(connek.base, person, { values: { write: undefined, destroy: undefined } });
  assert.equal(narrowed.scope, 'tools:read');
  assert.equal((await refresh(narrowed, narrowed.refresh_token, { scope: 'tools:write' })).body.error, 'invalid_scope');
});

test('a token for another resource than ours is nobody: also where that was us, under another name', async (t) => {
  const own = await Connek.serving(t);
  const someone = await member(own, finance);
  const client = await signedIn(own.base, someone);
  const key = await own.token(finance, '--kind', 'key');
  assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(client.access_token))).status, 200);
  await own.restart('--public-url', 'https://one.example');
  assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(client.access_token))).status, 401);
  assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(key.token))).status, 200);
  const metadata = await (await fetch(`${own.base}/.well-known/oauth-authorization-server`)).json();
  assert.equal(metadata.issuer, 'https://one.example');
  assert.match((await post(`${own.base}/mcp`, {})).headers.get('www-authenticate'), /https:\/\/one\.example\/\.well-known/);
});

test('an access token ends with its life; a client that cannot refresh has a long one', async (t) => {
  const own = await Connek.serving(t, { args: ['--token-life', '1s', '--client-life', '30d'] });
  const someone = await member(own, finance);
  const client = await signedIn(own.base, someone);
  assert.equal(client.expires_in, 1);
  const lasting = await signedIn(own.base, someone, { metadata: { grant_types: ['authorization_code'] } });
  assert.equal(lasting.refresh_token, undefined);
  assert.equal(lasting.expires_in, 30 * 24 * 3600);
  await sleep(1100);
  assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(client.access_token))).status, 401);
  assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(lasting.access_token))).status, 200);
  let { refresh_token } = client;
  await eventually(async () => { // what it gives lives a second as well
    const { body } = await token(own.base, { grant_type: 'refresh_token', client_id: client.client_id, refresh_token });
    ({ refresh_token } = body);
    assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(body.access_token))).status, 200);
  });
});

test('a client stays signed in for --client-life without use, whether it asked for offline_access or never did', async (t) => {
  const own = await Connek.serving(t, { args: ['--client-life', '30d'] });
  const someone = await member(own, finance);
  const day = 86_400_000_000;
  for (const scope of [undefined, 'tools:read', 'tools:read offline_access']) {
    const client = await signedIn(own.base, someone, { scope });
    let { refresh_token } = client;
    const refresh = async () => {
      const answer = await token(own.base, { grant_type: 'refresh_token', client_id: client.client_id, refresh_token });
      ({ refresh_token } = answer.body);
      return answer;
    };
    const unused = (days) => sql(own, `UPDATE oauth_grant SET expires_at = expires_at - ${days * day} WHERE revoked_at IS NULL`);
    for (let i = 0; i < 3; i++) { // each use begins it anew
      await unused(29);
      const { status, body } = await refresh();
      assert.equal(status, 200, `${scope}: ${JSON.stringify(body)}`);
      assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(body.access_token))).status, 200);
    }
    await unused(31);
    const { status, body } = await refresh();
    assert.deepEqual([status, body.error], [400, 'invalid_grant'], `${scope}`);
  }
});

test('revocation holds from the next request: by the client, by its person, by the operator', async () => {
  const one = await signedIn(connek.base, person);
  const revoke = (text) => fetch(`${connek.base}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: text, client_id: one.client_id }) });
  assert.equal((await revoke(one.refresh_token)).status, 200);
  assert.equal((await list(bearer(one.access_token))).status, 401);
  assert.equal((await refresh(one, one.refresh_token)).body.error, 'invalid_grant');

  const two = await signedIn(connek.base, person, { metadata: { client_name: 'Second one' } });
  const account = await person.open(`${connek.base}/account`);
  const form = formsOf(account.text).find(({ fields }) => 'client' in fields);
  await person.open(`${connek.base}/account`, { method: 'POST', form: form.fields });
  assert.equal((await list(bearer(two.access_token))).status, 401);

  const three = await signedIn(connek.base, person);
  const rows = (await connek.ok('client', 'list', '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const live = rows.filter(({ revoked, client_id }) => !revoked && client_id === three.client_id);
  assert.equal(live.length, 1);
  await connek.ok('client', 'revoke', live[0].id);
  assert.equal((await list(bearer(three.access_token))).status, 401);
  await connek.ok('session', 'revoke', '--user', finance);
  assert.match((await person.open(`${connek.base}/account`)).url, /sign-in/);
  await person.signIn(connek.base, finance, password);
});

test('registration takes what clients may be, refuses what they may not, and has a rate', async (t) => {
  const own = await Connek.serving(t);
  const refused = async (metadata, error) => {
    const { status, body } = await register(own.base, metadata);
    assert.equal(status, 400, JSON.stringify(metadata));
    assert.equal(body.error, error);
  };
  for (const uri of ['javascript:alert(1)', 'data:text/html,x', 'http://evil.example/', 'https://a.example/#x', 'file:///etc/passwd', '//a.example', 'https:', ''])
    await refused({ redirect_uris: [uri] }, 'invalid_redirect_uri');
  await refused({ redirect_uris: [] }, 'invalid_redirect_uri');
  await refused({ token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata');
  const fine = await register(own.base, { redirect_uris: ['https://a.example/cb', 'cursor://anysphere/callback', 'http://[::1]/cb'], token_endpoint_auth_method: 'client_secret_basic' });
  assert.equal(fine.status, 201);
  assert.match(fine.body.client_secret, /^cks_/);
  let limited = 0;
  for (let i = 0; i < 30; i++) limited += (await register(own.base)).status === 429;
  assert.ok(limited > 0);
});

test('a client with a secret needs it', async () => {
  const { body: client } = await register(connek.base, { token_endpoint_auth_method: 'client_secret_post' });
  const { verifier, challenge } = pkce();
  const location = await allow(person, authorizeUrl(connek.base, { client_id: client.client_id, code_challenge: challenge }));
  const form = { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirectUri, code_verifier: verifier };
  assert.equal((await token(connek.base, { ...form, client_id: client.client_id })).body.error, 'invalid_client');
  assert.equal((await token(connek.base, { ...form, client_id: client.client_id, client_secret: 'x' })).status, 401);
  const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64');
  assert.equal((await token(connek.base, form, { Authorization: `Basic ${basic}` })).status, 200);
});

// A client that is known by a document at its own address, over TLS of our own making.
async function documentHost(t, answer) {
  const home = await mkdtemp(join(tmpdir(), 'documents-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(home, name));
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]);
  assert.equal(made.code, 0, made.stderr);
  const seen = [];
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
    seen.push(request.url);
    answer(request, response, base());
  }).listen(0, '127.0.0.1');
  const base = () => `https://localhost:${server.address().port}`;
  t.after(() => server.close());
  await once(server, 'listening');
  return { cert, seen, host: `localhost:${server.address().port}`, base: base() };
}

test('a client id metadata document is fetched under the guard, held to its own address, and kept', async (t) => {
  const documents = await documentHost(t, (request, response, base) => {
    const own = `${base}${request.url}`;
    const reply = (body, status = 200, headers = {}) => response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body);
    const good = { client_id: own, client_name: 'Documented', redirect_uris: [redirectUri] };
    if (request.url === '/good.json') reply(JSON.stringify(good));
    else if (request.url === '/other.json') reply(JSON.stringify({ ...good, client_id: `${base}/good.json` }));
    else if (request.url === '/secret.json') reply(JSON.stringify({ ...good, token_endpoint_auth_method: 'client_secret_post' }));
    else if (request.url === '/moved.json') reply('', 302, { Location: '/good.json' });
    else if (request.url === '/large.json') reply(JSON.stringify({ ...good, client_name: 'x'.repeat(100_000) }));
    else reply('<html>', 200);
  });
  const own = await Connek.serving(t, { args: ['--ca', documents.cert, '--allow-upstream', documents.host] });
  const someone = await member(own, finance);
  const { verifier, challenge } = pkce();
  const ask = (client_id, who = someone) => who.open(authorizeUrl(own.base, { client_id, code_challenge: challenge }));

  // Nobody has signed in: nothing is fetched for a stranger.
  assert.match((await ask(`${documents.base}/good.json`, new Person())).url, /sign-in/);
  assert.equal(documents.seen.length, 0);
  const page = await ask(`${documents.base}/good.json`);
  assert.equal(page.status, 200, page.text);
  assert.match(page.text, /Documented/);
  const { location } = await someone.press(page, 'Allow');
  const { body } = await token(own.base, { grant_type: 'authorization_code', code: location.searchParams.get('code'), client_id: `${documents.base}/good.json`, redirect_uri: redirectUri, code_verifier: verifier });
  assert.equal((await send(`${own.base}/mcp`, legacy('tools/list'), bearer(body.access_token))).status, 200);
  await ask(`${documents.base}/good.json`);
  assert.equal(documents.seen.filter((path) => path === '/good.json').length, 1, 'it is kept for an hour');
  for (const path of ['/other.json', '/secret.json', '/moved.json', '/large.json', '/html'])
    assert.equal((await ask(`${documents.base}${path}`)).status, 400, path);
  // Where the guard says no, nothing is asked.
  const guarded = await Connek.serving(t, { args: ['--ca', documents.cert] });
  const other = await member(guarded, finance);
  const before = documents.seen.length;
  for (const client_id of [`${documents.base}/good.json`, 'https://169.254.169.254/latest', 'https://[::1]/x', 'https://10.0.0.1/x'])
    assert.equal((await other.open(authorizeUrl(guarded.base, { client_id, code_challenge: challenge }))).status, 400, client_id);
  assert.equal(documents.seen.length, before);
});
