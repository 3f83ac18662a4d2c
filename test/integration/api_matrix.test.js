// Every operation of the document with everybody: nobody, each role of three organisations, API keys with each scope but
// the one that is needed, and with that one alone. What may be comes from the document, never from what the server does.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { Connek } from './support/connek.js';
import { Api, document, operations, signedInApi } from './support/api.js';
import { signedIn } from './support/sign_in.js';

const kinds = ['owner', 'admin', 'auditor', 'member'];
const organisations = ['acme', 'globex', 'initech'];
const permissions = document['x-permissions'];
let connek, closers;
const people = {}; // by organisation and kind
const keys = {}; // by scope: { without, alone }

before(async () => {
  closers = [];
  const scope = { after: (close) => closers.push(close) };
  connek = await Connek.create(scope);
  for (const organisation of organisations)
    await connek.apply({ organisation, limits: { per_minute: 1_000_000 }, users: kinds.map((kind) => ({ email: `${kind}@${organisation}.example`, kind })) });
  await connek.start();
  for (const organisation of organisations) {
    people[organisation] = {};
    for (const kind of kinds) people[organisation][kind] = await signedInApi(connek, `${kind}@${organisation}.example`, organisation);
  }
  const { owner } = people.acme;
  const scopes = Object.keys(permissions).filter((one) => permissions[one].key);
  for (const one of scopes) {
    const make = async (list) => new Api(connek.base, (await owner.post('./keys', { name: one, scopes: list })).secret, owner.organisation);
    keys[one] = { without: await make(scopes.filter((other) => other !== one)), alone: await make([one]) };
  }
});

after(async () => {
  for (const close of closers) await close();
});

const examples = (schema) => {
  if (!schema) return undefined;
  if (schema.examples) return structuredClone(schema.examples[0]);
  if (schema.$ref) return examples(document.components.schemas[schema.$ref.split('/').pop()]);
  return {};
};

// The status of one request, with ids of nothing: whoever may gets as far as "not found".
async function status(api, operation, organisation) {
  const path = operation.path
    .replace('{organisation}', organisation)
    .replace('{connector}', 'nothing_such')
    .replace(/\{\w+\}/g, () => randomUUID());
  const body = examples(operation.requestBody?.content['application/json'].schema);
  if (body?.email) body.email = `${randomUUID()}@acme.example`; // somebody new
  const control = new AbortController();
  const response = await fetch(`${connek.base}/api/v1${path}`, {
    method: operation.method,
    headers: api.headers({ ...(body && { 'Content-Type': 'application/json' }), 'If-Match': '"of nothing"' }),
    body: body && JSON.stringify(body),
    signal: control.signal,
  });
  control.abort();
  return response.status;
}

const served = operations.filter((one) => !one['x-planned']);
const passed = (code) => code !== 401 && code !== 403;

test('every operation has a permission that says who has it', () => {
  for (const one of operations) assert.ok(permissions[one['x-permission']], `${one.method} ${one.path}`);
  assert.ok(served.length > 50);
});

test('each lets in whom the document lets in, and nobody else', async () => {
  const acme = people.acme.owner.organisation;
  const nobody = new Api(connek.base);
  const wrong = [];
  const expect = (operation, who, code, holds) => {
    if (!holds) wrong.push(`${operation.method} ${operation.path} (${operation['x-permission']}) by ${who}: ${code}`);
  };
  for (const operation of served) {
    const permission = operation['x-permission'];
    const mayEnd = operation.operationId !== 'end_session'; // would sign the person out who is needed again
    const code = await status(nobody, operation, acme);
    expect(operation, 'nobody', code, permission === 'anyone' ? code === 200 : code === 401);
    if (permission === 'anyone' || permission === 'operator') continue;
    for (const organisation of organisations) {
      for (const kind of kinds) {
        if (!mayEnd) continue;
        const found = await status(people[organisation][kind], operation, acme);
        const who = `${kind} of ${organisation}`;
        if (permission === 'person') expect(operation, who, found, found !== 401);
        else if (organisation !== 'acme') expect(operation, who, found, found === 404);
        else if (permissions[permission].kinds.includes(kind)) expect(operation, who, found, passed(found));
        else expect(operation, who, found, found === 403);
      }
    }
    if (permissions[permission].key) {
      const [without, alone] = [await status(keys[permission].without, operation, acme), await status(keys[permission].alone, operation, acme)];
      expect(operation, 'a key without the scope', without, without === 403);
      expect(operation, 'a key with the scope alone', alone, passed(alone));
      const elsewhere = await status(keys[permission].alone, operation, people.globex.owner.organisation);
      expect(operation, 'a key of another organisation', elsewhere, elsewhere === 404);
    } else {
      const found = await status(keys['users:read'].alone, operation, acme);
      expect(operation, 'a key, which can never have it', found, found === 403);
    }
  }
  assert.deepEqual(wrong, []);
});

// One character's lowest bit changed; with its checksum made anew it is a key like any other, that nobody was given.
const flipped = (text, i) => text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ 1) + text.slice(i + 1);
const forged = (text) => {
  const body = flipped(text.slice(0, -8), 20).replace(/[^\w-]/g, 'A');
  return body + crc32(body).toString(16).padStart(8, '0');
};
const jwt = (header, claims, secret) => {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${secret ? createHmac('sha256', secret).update(text).digest('base64url') : ''}`;
};

test('a wrong key, or a session that is over, is 401 on every operation', async () => {
  const { owner } = people.acme;
  const every = Object.keys(permissions).filter((one) => permissions[one].key);
  const good = (await owner.post('./keys', { name: 'good', scopes: every })).secret;
  const isTaken = async (key) => (await new Api(connek.base, key, owner.organisation).call('GET', './users')).status === 200;

  const revoked = await owner.post('./keys', { name: 'revoked', scopes: every });
  const expiry = Date.now() + 3000;
  const expired = await owner.post('./keys', { name: 'brief', scopes: every, expires_at: new Date(expiry).toISOString() });
  const more = ['gone', 'left'].map((name) => ({ email: `${name}@acme.example`, kind: 'admin' }));
  await connek.apply({ organisation: 'acme', limits: { per_minute: 1_000_000 }, users: [...kinds.map((kind) => ({ email: `${kind}@acme.example`, kind })), ...more] });
  const gone = await signedInApi(connek, 'gone@acme.example', 'acme');
  const disabled = await gone.post('./keys', { name: 'of somebody disabled', scopes: every.filter((one) => permissions[one].kinds.includes('admin')) });
  for (const { secret } of [revoked, expired, disabled]) assert.ok(await isTaken(secret));
  await owner.delete(`./keys/${revoked.key.id}`);
  const { etag } = await owner.get(`./users/${gone.user}`);
  await owner.patch(`./users/${gone.user}`, { is_disabled: true }, etag);

  const operator = (await connek.ok('operator', 'key')).trim();
  await connek.ok('operator', 'key');
  const mcp = async (kind) => (await owner.post('./tokens', { user: owner.user, kind, name: kind })).secret;
  const client = await signedIn(connek.base, owner.person);
  const claims = { iss: connek.base, aud: `${connek.base}/api/v1`, sub: owner.user, exp: 4_000_000_000 };
  const [[cookieName, cookie]] = owner.person.cookies;
  const bearers = {
    nothing: '',
    truncated: good.slice(0, -1),
    'without its prefix': good.slice(4),
    'a bit flipped': flipped(good, 20),
    'its checksum flipped': flipped(good, good.length - 1),
    forged: forged(good),
    doubled: good + good,
    'two of them': `${good} ${good}`,
    'in upper case': good.toUpperCase(),
    revoked: revoked.secret,
    expired: expired.secret,
    "somebody disabled's": disabled.secret,
    "the operator's, replaced": operator,
    'a JWT of no algorithm': jwt({ alg: 'none' }, claims),
    'a JWT signed by the key': jwt({ alg: 'HS256' }, claims, good),
    'an MCP URL token': await mcp('url'),
    'an MCP key': await mcp('key'),
    'an OAuth access token': client.access_token,
    'an OAuth refresh token': client.refresh_token,
    "a session's cookie": cookie,
  };
  const left = await signedInApi(connek, 'left@acme.example', 'acme');
  const leftCookie = left.headers().Cookie;
  await left.delete('/session');
  const shown = Object.entries(bearers).map(([name, text]) => [name, { Authorization: `Bearer ${text}` }]);
  const own = `${cookieName}=${cookie}`;
  shown.push(
    ['as Basic', { Authorization: `Basic ${Buffer.from(`:${good}`).toString('base64')}` }],
    ['by another scheme', { Authorization: `Token ${good}` }],
    ["forged, beside an owner's session", { Authorization: `Bearer ${forged(good)}`, Cookie: own }],
    ["empty, beside an owner's session", { Authorization: '', Cookie: own }],
    ['a key as a cookie', { Cookie: `${cookieName}=${good}` }],
    ['the cookie of a session that was ended', { Cookie: leftCookie }],
    ['a cookie, truncated', { Cookie: own.slice(0, -1) }],
    ['a cookie, a bit flipped', { Cookie: `${cookieName}=${flipped(cookie, 20)}` }],
    ['two cookies', { Cookie: `${own}; ${cookieName}=${flipped(cookie, 20)}` }],
  );

  await sleep(Math.max(0, expiry - Date.now()));
  assert.ok(await isTaken(good));
  const taken = [];
  for (const operation of served.filter((one) => one['x-permission'] !== 'anyone')) {
    for (const [name, headers] of shown) {
      const who = { headers: (extra) => ({ 'X-Connek': '1', ...headers, ...extra }) };
      const code = await status(who, operation, owner.organisation);
      if (code !== 401) taken.push(`${operation.method} ${operation.path} by ${name}: ${code}`);
    }
  }
  assert.deepEqual(taken, []);
  assert.ok(await isTaken(good));
  assert.equal((await owner.call('GET', './users')).status, 200);
});

test('an id of another organisation is an id of nothing', async () => {
  const { owner } = people.acme;
  const other = people.globex.owner;
  const role = await other.post('./roles', { name: 'theirs' });
  const { token } = await other.post('./tokens', { user: other.user, kind: 'url', name: 'theirs' });
  const connection = await other.post('./connections', { name: 'theirs', connector: 'stripe', credential: { key: 'sk_theirs' } });
  const { key } = await other.post('./keys', { name: 'theirs', scopes: ['users:read'] });
  const record = (await other.get('./audit')).items[0];
  const ids = { user: other.user, role: role.id, token: token.id, connection: connection.id, key: key.id, record: record.id, client: randomUUID(), session: randomUUID(), connector: 'nothing_such' };
  for (const operation of served.filter(({ path }) => /\/\{organisation\}\/.*\{/.test(path))) {
    const path = operation.path.replace('{organisation}', owner.organisation).replace(/\{(\w+)\}/g, (_, name) => ids[name]);
    const body = examples(operation.requestBody?.content['application/json'].schema);
    const answer = await owner.call(operation.method, path, { body, headers: { 'If-Match': '"of nothing"' } });
    assert.ok([404, 422].includes(answer.status) || (answer.status === 200 && operation.method === 'GET'), `${operation.method} ${operation.path}: ${answer.status}`);
    assert.ok(!answer.text.includes('theirs') && !answer.text.includes('globex'), answer.text);
  }
  assert.equal((await other.get(`./roles/${role.id}`)).name, 'theirs');
  assert.equal((await other.get(`./tokens/${token.id}`)).status, 'live');
  assert.equal((await other.get(`./users/${other.user}`)).status, 'active');
});

test('a request that changes something, from another web page, changes nothing, whatever it is', async () => {
  const { owner } = people.initech;
  for (const operation of served.filter(({ method, security }) => method !== 'GET' && security?.length !== 0)) {
    const path = operation.path.replace('{organisation}', owner.organisation).replace('{connector}', 'nothing').replace(/\{\w+\}/g, () => randomUUID());
    const body = examples(operation.requestBody?.content['application/json'].schema);
    const foreign = await owner.call(operation.method, path, { body, headers: { Origin: 'https://evil.example' } });
    assert.equal(foreign.status, 403, `${operation.method} ${operation.path}`);
    const cookie = owner.headers().Cookie;
    const form = await fetch(`${connek.base}/api/v1${path}`, { method: operation.method, headers: { Cookie: cookie, 'Content-Type': 'text/plain' }, body: body && JSON.stringify(body) });
    assert.equal(form.status, 403, `${operation.method} ${operation.path}`);
  }
});

test("the operator's key shows figures, and nothing of anybody's data; nobody else's does", async () => {
  const key = (await connek.ok('operator', 'key')).trim();
  const operator = new Api(connek.base, key, people.acme.owner.organisation);
  const installation = await operator.get('/operator');
  assert.deepEqual([installation.organisations, installation.is_ready, installation.nodes.length], [3, true, 1]);
  const list = await operator.get('/operator/organisations?limit=2');
  assert.deepEqual(list.items.map(({ name }) => name), ['acme', 'globex']);
  assert.deepEqual((await operator.get(`/operator/organisations?cursor=${list.next_cursor}`)).items.map(({ name }) => name), ['initech']);
  assert.ok(!JSON.stringify([installation, list]).includes('@'));
  for (const path of ['./users', './audit', './config']) assert.equal((await operator.call('GET', path)).status, 401);
  for (const who of [people.acme.owner, keys['users:read'].alone]) assert.equal((await who.call('GET', '/operator')).status, 403);
  const next = (await connek.ok('operator', 'key')).trim();
  assert.equal((await operator.call('GET', '/operator')).status, 401);
  assert.equal((await new Api(connek.base, next).call('GET', '/operator')).status, 200);
});
