// Tokens that are wrong in every way there is, shown at every route that takes one, by every method: 401, always, saying
// where to sign in; and nothing of anybody's in the answer. The good ones are shown before and after, at the same routes.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from './support/aged.js';
import { Connek, exampleConfig } from './support/connek.js';
import { legacy, modern, send, sendRaw } from './support/mcp.js';
import { allow, authorizeUrl, member, pkce, redirectUri, register, signedIn, token } from './support/sign_in.js';

const finance = 'finance@acme.example';
const stranger = 'someone@globex.example';
const globex = { ...exampleConfig, organisation: 'globex', users: [{ email: stranger, roles: ['finance'] }] };
let connek, closers, person, other;
let good, foreign; // of one person: { oauth, key, url }
let expired, elsewhere, revoked, disabled; // were good

const bearer = (text) => ({ Authorization: `Bearer ${text}` });
const database = (statement) => sql(connek, statement);

async function tokensOf(someone, email, organisation) {
  const client = await signedIn(connek.base, someone);
  const [key, url] = [await connek.token(email, '--kind', 'key', '--organisation', organisation), await connek.token(email, '--organisation', organisation)];
  return { client, oauth: client.access_token, key: key.token, url: url.token };
}

const isTaken = async (text) => (await send(`${connek.base}/mcp`, legacy('tools/list'), bearer(text))).status === 200;
const wereTaken = async ({ oauth, key, url }) => {
  for (const text of [oauth, key, url]) assert.ok(await isTaken(text), text);
};

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  await connek.apply(globex);
  person = await member(connek, finance, '--organisation', 'acme');
  // What the server finds when it begins: tokens that ran out, and one for another address than it has now.
  const earlier = await tokensOf(person, finance, 'acme');
  await wereTaken(earlier);
  const before = connek.base;
  elsewhere = { oauth: (await signedIn(connek.base, person)).access_token };
  assert.ok(await isTaken(elsewhere.oauth));
  await connek.stop();
  await database("UPDATE access_token SET expires_at = 1790000000000000 WHERE grant_id IS NULL OR id IN (SELECT id FROM access_token WHERE kind = 'oauth' ORDER BY created_at LIMIT 1)");
  await connek.start();
  assert.notEqual(connek.base, before, 'another port is another audience');
  // And some that run out while it serves.
  const brief = [await connek.token(finance, '--kind', 'key', '--organisation', 'acme', '--expires', '3s'), await connek.token(finance, '--organisation', 'acme', '--expires', '3s')];
  const expiry = Date.now() + 3000;
  for (const { token: text } of brief) assert.ok(await isTaken(text));
  expired = [earlier.oauth, earlier.key, earlier.url, ...brief.map(({ token: text }) => text)];

  other = await member(connek, stranger, '--organisation', 'globex');
  good = await tokensOf(person, finance, 'acme');
  foreign = await tokensOf(other, stranger, 'globex');
  const ended = await tokensOf(person, finance, 'acme');
  await wereTaken(ended);
  revoked = { oauth: ended.oauth, key: ended.key, url: ended.url };
  await fetch(`${connek.base}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: ended.oauth, client_id: ended.client.client_id }) });
  const ids = (await connek.ok('token', 'list', '--json', '--user', finance)).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  for (const kind of ['key', 'url']) {
    const newest = ids.filter((row) => row.kind === kind).sort((a, b) => (a.created < b.created ? 1 : -1))[0];
    await connek.ok('token', 'revoke', newest.id);
  }
  // Of somebody who is disabled now.
  await connek.apply({ ...globex, users: [...globex.users, { email: 'gone@globex.example', roles: ['finance'] }] });
  disabled = await tokensOf(await member(connek, 'gone@globex.example', '--organisation', 'globex'), 'gone@globex.example', 'globex');
  await wereTaken(disabled);
  await database("UPDATE org_user SET disabled_at = 1 WHERE login_id = (SELECT id FROM login WHERE email = 'gone@globex.example')");
  await connek.apply({ ...globex, roles: [...globex.roles, { name: 'another', rules: [] }] });
  await sleep(Math.max(0, expiry - Date.now()));
});

after(async () => {
  for (const close of closers) await close();
});

// Every bit of a text changed alone, as far as a header's value can hold what comes of it.
function bitsFlipped(text) {
  const bytes = Buffer.from(text, 'latin1');
  return Array.from({ length: 8 * bytes.length }, (_, i) => {
    const changed = Buffer.from(bytes);
    changed[i >> 3] ^= 1 << (i & 7);
    return changed.toString('latin1');
  }).filter((changed) => /^[\x21-\x7e\x80-\xff]+$/.test(changed));
}

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// JSON Web Tokens that a resource server might be talked into: right and wrong claims, each way of signing that takes no
// secret of ours, and with what a careless one would take for the key.
function jwts() {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: connek.base, aud: `${connek.base}/mcp`, sub: finance, client_id: 'x', scope: 'tools:read tools:write tools:destroy', iat: now, exp: now + 3600 };
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const unsigned = (header, body) => `${part({ typ: 'at+jwt', ...header })}.${part(body)}`;
  const none = (body, alg = 'none') => `${unsigned({ alg }, body)}.`;
  const hs256 = (body, key) => `${unsigned({ alg: 'HS256' }, body)}.${createHmac('sha256', key).update(unsigned({ alg: 'HS256' }, body)).digest('base64url')}`;
  const rs256 = (body, header = {}) => `${unsigned({ alg: 'RS256', ...header }, body)}.${createSign('sha256').update(unsigned({ alg: 'RS256', ...header }, body)).sign(privateKey).toString('base64url')}`;
  const wrong = [claims, { ...claims, aud: 'https://other.example/mcp' }, { ...claims, aud: undefined }, { ...claims, iss: 'https://other.example' }, { ...claims, exp: now - 1 }, { ...claims, exp: undefined }];
  return [
    ...wrong.flatMap((body) => [none(body), hs256(body, 'secret'), rs256(body)]),
    ...['None', 'NONE', 'nOnE', ''].map((alg) => none(claims, alg)),
    hs256(claims, ''), hs256(claims, publicKey.export({ type: 'spki', format: 'pem' })), hs256(claims, good.url), hs256(claims, good.oauth),
    rs256(claims, { jwk: publicKey.export({ format: 'jwk' }) }), rs256(claims, { jku: 'https://other.example/jwks' }), rs256(claims, { kid: '../../dev/null' }),
    `${part({ alg: 'none' })}.${part(claims)}`, '..', 'a.b.c', 'a.b.c.d.e',
  ];
}

// { what: text }: each was never, or is no longer, a bearer token of anybody's.
function wrongTokens() {
  const wrong = {};
  const add = (what, ...texts) => texts.forEach((text, i) => (wrong[`${what} ${i}`] = text));
  add('expired', ...expired);
  add('for another audience', elsewhere.oauth);
  add('revoked', revoked.oauth, revoked.key, revoked.url);
  add("a disabled user's", disabled.oauth, disabled.key, disabled.url);
  add('of another purpose', good.client.refresh_token, good.client.client_id, [...person.cookies.values()][0], `ckc_${'A'.repeat(51)}`, `cks_${'A'.repeat(51)}`);
  for (const kind of ['oauth', 'key', 'url']) {
    const text = good[kind];
    add(`truncated ${kind}`, text.slice(0, -1), text.slice(1), text.slice(0, text.length / 2), text.slice(0, 4));
    add(`longer ${kind}`, `${text}0`, `0${text}`, `${text}=`, `${text}.`, `${text}%00`, `${text},`);
    add(`doubled ${kind}`, text + text, `${text} ${text}`, `${text},${text}`, `${text}, Bearer ${text}`);
    add(`another case of ${kind}`, text.toUpperCase(), ...(kind === 'url' ? [] : [text.toLowerCase()]));
    add(`quoted ${kind}`, `"${text}"`, `'${text}'`, `<${text}>`, encodeURIComponent(`${text} `));
  }
  add('under another prefix', good.oauth.replace('cka_', 'ck_'), good.key.replace('ck_', 'cka_'), good.oauth.slice(4), `cka_${good.url}`);
  add('well formed, and nobody\'s', '0'.repeat(64), 'f'.repeat(64));
  add('a JWT', ...jwts());
  add('nothing', '', ' ', 'null', 'undefined', 'Bearer', '0', '*');
  return wrong;
}

// Every path that takes a token, and what is said there by each method.
const requests = [
  (url, headers) => send(url, legacy('tools/list'), headers),
  (url, headers) => send(url, modern('tools/list'), headers),
  (url, headers) => send(url, legacy('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } }), headers),
  (url, headers) => send(url, { message: { jsonrpc: '2.0', method: 'notifications/initialized' }, headers: {} }, headers),
  (url, headers) => send(url, { message: 'x'.repeat(20_000), headers: {} }, headers), // refused by its head
  (url, headers) => fetch(url, { headers: { Accept: 'text/event-stream', ...headers } }),
  (url, headers) => fetch(url, { method: 'DELETE', headers }),
];
const pathsOfHeaders = () => ['/mcp', '/mcp/', `/mcp/${good.url}`, `/mcp/${good.url}/sqlite`, `/mcp/${good.url}/nope`];

async function refused(request, path, headers, what) {
  const response = await request(`${connek.base}${path}`, headers);
  assert.equal(response.status, 401, `${what}: ${path} ${JSON.stringify(headers)}`);
  const challenge = response.headers.get('www-authenticate');
  const wanted = `Bearer realm="connek", ${headers.Authorization === undefined ? '' : 'error="invalid_token", '}resource_metadata="${connek.base}/.well-known/oauth-protected-resource/mcp", scope="tools:read tools:write tools:destroy"`;
  assert.equal(challenge, wanted, what);
  const text = response.text === undefined || typeof response.text === 'string' ? response.text : await response.text();
  assert.doesNotMatch(text, /sqlite|ledger|acme|globex/i);
}

// A few at a time: there may be thousands.
async function each(list, visit) {
  const rest = [...list];
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (rest.length > 0) await visit(rest.shift());
  }));
}

async function theGoodOnesAreTaken() {
  for (const kind of ['oauth', 'key', 'url'])
    for (const path of ['/mcp', `/mcp/${good.url}`, `/mcp/${good.url}/sqlite`])
      assert.equal((await send(`${connek.base}${path}`, legacy('tools/list'), bearer(good[kind]))).status, 200, `${kind} ${path}`);
  for (const kind of ['key', 'url']) assert.equal((await send(`${connek.base}/mcp`, legacy('tools/list'), { 'X-API-Key': good[kind] })).status, 200);
  assert.equal((await send(`${connek.base}/mcp`, legacy('tools/list'), bearer(foreign.oauth))).status, 200, 'it is good, elsewhere');
}

test('wrong tokens are 401 on every route and method, whatever they look like, saying where to sign in', async () => {
  await theGoodOnesAreTaken();
  let n = 0;
  await each(Object.entries(wrongTokens()), async ([what, text]) => {
    for (const path of pathsOfHeaders()) {
      // Beside a good URL one method is enough: the others are refused before anybody looks at them.
      for (const request of path === '/mcp' ? requests : [requests[n % requests.length]]) {
        await refused(request, path, bearer(text), what);
        n++;
      }
    }
    await refused(requests[n++ % requests.length], '/mcp', { 'X-API-Key': text }, what);
  });
  assert.ok(n > 1000, `${n}`);
  await theGoodOnesAreTaken();
});

test('a personal URL whose token is wrong is 401, for the connector\'s own endpoint too', async () => {
  const wrong = Object.values(wrongTokens()).filter((text) => /^[\w.=,%-]+$/.test(text) && !/^\.+$/.test(text));
  assert.ok(wrong.length > 60);
  let n = 0;
  await each([...wrong, good.oauth, good.key, `${good.url.slice(0, -1)}${good.url.endsWith('0') ? '1' : '0'}`], async (text) => {
    await refused(requests[n++ % requests.length], `/mcp/${text}`, {}, text);
    await refused(requests[n++ % requests.length], `/mcp/${text}/sqlite`, {}, text);
    await refused(requests[n++ % requests.length], `/mcp/${text}`, bearer(good.oauth), text);
  });
  await theGoodOnesAreTaken();
});

test('one bit of a token changed, and it is nobody\'s', async () => {
  let n = 0;
  for (const kind of ['oauth', 'key', 'url'])
    await each(bitsFlipped(good[kind]), async (text) => {
      await refused(requests[n++ % requests.length], '/mcp', bearer(text), `${kind} ${text}`);
    });
  assert.ok(n > 900, `${n}`);
  await theGoodOnesAreTaken();
});

test('tokens that are good, of two people or organisations, are nobody\'s together', async () => {
  for (const mine of ['oauth', 'key', 'url']) {
    for (const theirs of ['oauth', 'key', 'url']) {
      await refused(requests[0], `/mcp/${good.url}`, bearer(foreign[theirs]), 'URL and Bearer');
      await refused(requests[0], `/mcp/${foreign.url}/sqlite`, bearer(good[mine]), 'URL and Bearer');
      if (theirs !== 'oauth') await refused(requests[1], '/mcp', { ...bearer(good[mine]), 'X-API-Key': foreign[theirs] }, 'Bearer and X-API-Key');
    }
    assert.equal((await send(`${connek.base}/mcp/${good.url}`, legacy('tools/list'), { ...bearer(good[mine]), 'X-API-Key': good.key })).status, 200);
  }
  // What signs a client in is for Authorization alone (RFC 6750, 2).
  await refused(requests[0], '/mcp', { 'X-API-Key': good.oauth }, 'another header');
  await refused(requests[0], `/mcp?access_token=${good.oauth}`, {}, 'the query');
  await refused((url, headers) => send(url, { message: `access_token=${good.oauth}`, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, headers), '/mcp', {}, 'the body');
});

test('a header that stands twice, or is not Bearer, is nobody\'s, also with a good token', async () => {
  const body = JSON.stringify(legacy('tools/list').message);
  const status = async (fields) => (await sendRaw(connek.base, `POST /mcp HTTP/1.1\r\nHost: ${new URL(connek.base).host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`)).status;
  const one = `Authorization: Bearer ${good.oauth}\r\n`;
  assert.equal(await status(one), 200);
  for (const fields of [one + one, `${one}Authorization: Bearer ${foreign.oauth}\r\n`, `${one}authorization:\r\n`, `${one}X-API-Key:\r\n`,
    `Authorization: ${good.oauth}\r\n`, `Authorization: Basic ${good.oauth}\r\n`, `Authorization: Bearer\t${good.oauth}\r\n`, `Authorization: Bearer${good.oauth}\r\n`,
    `Authorization: Bearer token=${good.oauth}\r\n`, `Authorization: DPoP ${good.oauth}\r\n`, 'Authorization:\r\n', 'Authorization: Bearer\r\n'])
    assert.equal(await status(fields), 401, fields);
});

test('a refresh token that is wrong gives nothing, and ends nothing; neither does revoking what is another client\'s', async () => {
  const client = await signedIn(connek.base, person);
  const theirs = await signedIn(connek.base, other);
  const refresh = (text, client_id = client.client_id, more = {}) => token(connek.base, { grant_type: 'refresh_token', client_id, refresh_token: text, ...more });
  const revoke = (text, client_id) => fetch(`${connek.base}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: text, client_id }) });
  const mine = client.refresh_token;
  for (const text of [client.access_token, good.key, good.url, theirs.refresh_token, mine.slice(0, -1), `${mine}0`, mine + mine, mine.toUpperCase(), '', `ckr_${'A'.repeat(51)}`, ...jwts().slice(0, 3), ...bitsFlipped(mine)]) {
    const { status, body, headers } = await refresh(text);
    assert.equal(status, 400, text);
    assert.equal(body.error, 'invalid_grant', text);
    assert.equal(headers.get('cache-control'), 'no-store');
  }
  for (const [id, more] of [['nobody', {}], [theirs.client_id.replace(/.$/, 'x'), {}]]) {
    const { status, body, headers } = await refresh(mine, id, more);
    assert.equal(status, 401);
    assert.equal(body.error, 'invalid_client');
    assert.match(headers.get('www-authenticate'), /^Basic /);
  }
  // A bearer token says nothing of which client asks.
  const { status } = await token(connek.base, { grant_type: 'refresh_token', refresh_token: mine }, bearer(client.access_token));
  assert.equal(status, 401);
  assert.equal((await refresh(mine, client.client_id, { resource: 'https://other.example/mcp' })).body.error, 'invalid_target');

  for (const text of [mine, client.access_token]) assert.equal((await revoke(text, theirs.client_id)).status, 200, 'as RFC 7009 has it');
  assert.equal((await revoke(mine, 'nobody')).status, 401);
  for (const text of ['', 'x', mine.slice(0, -1)]) assert.equal((await revoke(text, client.client_id)).status, 200);
  assert.equal((await send(`${connek.base}/mcp`, legacy('tools/list'), bearer(client.access_token))).status, 200);
  assert.equal((await refresh(mine)).status, 200);
});

test('a code that is wrong gives nothing, and ends nothing', async () => {
  const { client_id } = (await register(connek.base)).body;
  const { verifier, challenge } = pkce();
  const location = await allow(person, authorizeUrl(connek.base, { client_id, code_challenge: challenge }));
  const code = location.searchParams.get('code');
  const take = (text) => token(connek.base, { grant_type: 'authorization_code', code: text, client_id, redirect_uri: redirectUri, code_verifier: verifier });
  for (const text of ['', 'x', code.slice(0, -1), `${code}0`, code + code, good.oauth, good.url, ...bitsFlipped(code)]) assert.equal((await take(text)).body.error, 'invalid_grant', text);
  assert.equal((await take(code)).status, 200);
});
