// The REST API from outside: who is who, users, edits that meet, requests that come twice.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { Person } from './support/person.js';
import { password } from './support/sign_in.js';
import { Api, signedInApi } from './support/api.js';

const config = {
  ...exampleConfig,
  users: [
    { email: 'owner@acme.example', kind: 'owner', roles: [] },
    { email: 'admin@acme.example', kind: 'admin', roles: [] },
    { email: 'auditor@acme.example', kind: 'auditor', roles: [] },
    ...exampleConfig.users,
  ],
};
let connek, closers, owner, admin;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config });
  owner = await signedInApi(connek, 'owner@acme.example');
  admin = await signedInApi(connek, 'admin@acme.example');
});

after(async () => {
  for (const close of closers) await close();
});

const problem = (answer, status, pattern) => {
  assert.equal(answer.status, status, answer.text);
  if (pattern) assert.match(answer.body.detail, pattern);
};

test('who has no session is told to sign in, and nobody learns of organisations that are not theirs', async () => {
  const nobody = new Api(connek.base, undefined, owner.organisation);
  problem(await nobody.call('GET', '/session'), 401);
  problem(await nobody.call('GET', './users'), 401);
  problem(await owner.call('GET', '/organisations/01935a10-4f00-7a11-9a54-5f0e6f1b2a00/users'), 404, /no such organisation/);
  problem(await owner.call('GET', '/organisations/nonsense/users'), 404);
  problem(await owner.call('GET', '/nothing'), 404);
  problem(await owner.call('PUT', './users'), 405);
});

test('a session says who is signed in, and ends', async () => {
  const api = await signedInApi(connek, 'auditor@acme.example');
  const session = await api.get('/session');
  assert.equal(session.email, 'auditor@acme.example');
  assert.deepEqual(session.organisations.map(({ name, kind }) => ({ name, kind })), [{ name: 'acme', kind: 'auditor' }]);
  assert.ok(session.organisations[0].permissions.includes('users:read'));
  assert.ok(!session.organisations[0].permissions.includes('users:write'));
  assert.equal((await api.get('/sessions')).items.filter(({ is_this }) => is_this).length, 1);
  await api.delete('/session');
  problem(await api.call('GET', '/session'), 401, /over/);
});

test('users are listed page by page', async () => {
  const seen = [];
  for (let path = './users?limit=2'; ; ) {
    const page = await admin.get(path);
    assert.ok(page.items.length <= 2);
    seen.push(...page.items.map(({ email }) => email));
    if (!page.next_cursor) break;
    path = `./users?limit=2&cursor=${page.next_cursor}`;
  }
  assert.deepEqual(seen, config.users.map(({ email }) => email).sort());
  assert.deepEqual((await admin.get('./users?kind=owner')).items.map(({ email }) => email), ['owner@acme.example']);
  assert.deepEqual((await admin.get('./users?query=market')).items.map(({ email }) => email), ['marketing@acme.example']);
  problem(await admin.call('GET', './users?limit=0'), 400);
  problem(await admin.call('GET', './users?cursor=*'), 400);
  problem(await admin.call('GET', './users?colour=red'), 400, /none of this operation/);
});

test('an invited colleague joins by the link of the answer, which shows it once', async () => {
  const roles = (await admin.get('./users')).items.find(({ email }) => email.startsWith('finance')).roles.map(({ id }) => id);
  const headers = { 'Idempotency-Key': 'invite-ann' };
  const body = { email: 'Ann@acme.example', kind: 'member', roles };
  const first = await admin.call('POST', './users', { body, headers });
  assert.equal(first.status, 201, first.text);
  assert.equal(first.body.user.email, 'ann@acme.example');
  assert.equal(first.body.user.status, 'invited');
  assert.match(first.headers.get('location'), new RegExp(`/users/${first.body.user.id}$`));
  const again = await admin.call('POST', './users', { body, headers });
  assert.equal(again.status, 201);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.deepEqual(again.body, { user: first.body.user, invitation: null });
  problem(await admin.call('POST', './users', { body: { ...body, kind: 'auditor' }, headers }), 409, /another request/);
  problem(await admin.call('POST', './users', { body }), 409, /already/);
  const person = new Person();
  await person.accept(first.body.invitation.url, { password });
  const ann = new Api(connek.base, person, admin.organisation);
  assert.equal((await ann.get('./me')).user.status, 'active');
  problem(await ann.call('GET', './users'), 403, /users:read/);
  problem(await admin.call('POST', `./users/${first.body.user.id}/invitation`, {}), 409, /joined/);
});

test('two admins who edit the same user: the second is told, and nothing is lost', async () => {
  const { items } = await admin.get('./users?query=marketing');
  const path = `./users/${items[0].id}`;
  const { headers, body } = await admin.call('GET', path);
  const etag = headers.get('etag');
  assert.equal(body.etag, etag);
  problem(await admin.call('PATCH', path, { body: { kind: 'auditor' } }), 428, /If-Match/);
  const changed = await admin.patch(path, { kind: 'auditor' }, etag);
  assert.equal(changed.kind, 'auditor');
  assert.deepEqual(changed.roles, body.roles);
  problem(await owner.call('PATCH', path, { body: { kind: 'admin' }, headers: { 'If-Match': etag } }), 412, /meanwhile/);
  assert.equal((await owner.get(path)).kind, 'auditor');
  await owner.patch(path, { kind: 'member' }, changed.etag);
});

test('what is wrong is named by its place in the body', async () => {
  const wrong = async (body, pointer) => {
    const answer = await admin.call('POST', './users', { body });
    problem(answer, 422);
    assert.equal(answer.body.errors[0].pointer, pointer, answer.text);
  };
  await wrong({ email: 'nobody' }, '/email');
  await wrong({ email: 'x@acme.example', kind: 'king' }, '/kind');
  await wrong({ email: 'x@acme.example', roles: ['01935a10-4f00-7a11-9a54-5f0e6f1b2a00'] }, '/roles/0');
  await wrong({ email: 'x@acme.example', colour: 'red' }, '/colour');
  problem(await admin.call('POST', './users', { raw: '{', headers: { 'Content-Type': 'application/json' } }), 400);
  problem(await admin.call('POST', './users', { raw: 'email=x', headers: { 'Content-Type': 'text/plain' } }), 415);
});

test('only an owner makes owners, and the last one stays', async () => {
  problem(await admin.call('POST', './users', { body: { email: 'king@acme.example', kind: 'owner' } }), 403, /only an owner/);
  const self = await owner.get(`./users/${owner.user}`);
  problem(await admin.call('PATCH', `./users/${owner.user}`, { body: { kind: 'member' }, headers: { 'If-Match': self.etag } }), 403);
  problem(await owner.call('PATCH', `./users/${owner.user}`, { body: { kind: 'member' }, headers: { 'If-Match': self.etag } }), 409, /last owner/);
  problem(await owner.call('DELETE', `./users/${owner.user}`), 409, /last owner/);
  problem(await admin.call('DELETE', `./users/${owner.user}`), 403);
});

test('a disabled user is out at once, with a removed one their tokens', async () => {
  const { user } = await admin.post('./users', { email: 'gone@acme.example' });
  const { url } = await connek.token('gone@acme.example');
  const ping = async () => (await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }) })).status;
  assert.equal(await ping(), 200);
  const disabled = await admin.patch(`./users/${user.id}`, { is_disabled: true }, user.etag);
  assert.equal(disabled.status, 'disabled');
  await admin.delete(`./users/${user.id}`);
  assert.equal(await ping(), 401);
  problem(await admin.call('GET', `./users/${user.id}`), 404);
});

test('another web page can do nothing with a session', async () => {
  const body = { email: 'evil@acme.example' };
  for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }]) {
    problem(await admin.call('POST', './users', { body, headers }), 403, /another web page/);
    problem(await admin.call('GET', './users', { headers }), 403, /another web page/);
  }
  // What a form can send: no header of ours, no JSON.
  const cookie = [...admin.person.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', undefined]) {
    const response = await fetch(`${connek.base}/api/v1/organisations/${admin.organisation}/users/${owner.user}`, {
      method: 'DELETE',
      headers: { Cookie: cookie, ...(type && { 'Content-Type': type }) },
    });
    assert.equal(response.status, 403, type);
  }
  const preflight = await fetch(`${connek.base}/api/v1/session`, { method: 'OPTIONS', headers: { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' } });
  assert.equal(preflight.headers.get('access-control-allow-origin'), null);
  assert.ok(!(await admin.get('./users')).items.some(({ email }) => email === body.email));
});

test('changes are on record with who made them', async () => {
  const records = (await connek.audit()).filter(({ kind, user }) => kind === 'change' && user === 'admin@acme.example');
  assert.ok(records.some(({ tool }) => tool === 'user.create'));
  assert.ok(records.some(({ tool }) => tool === 'user.invite'));
  assert.ok(records.some(({ tool }) => tool === 'user.delete'));
  assert.equal((await connek.verify()).code, 0);
});
