// Webhooks from outside: real receivers, good and bad, and what an admin sees of them. Signatures are checked by an
// implementation of its own.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Connek, exampleConfig } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { sql } from './support/aged.js';
import { callTool } from './support/mcp.js';
import { Upstream } from './support/upstream.js';
import { until } from './support/wait.js';

const config = { ...exampleConfig, users: [{ email: 'admin@acme.example', kind: 'admin', roles: [] }, ...exampleConfig.users] };
let connek, closers, admin, receiver, elsewhere;

before(async () => {
  closers = [];
  const scope = { after: (close) => closers.push(close) };
  receiver = await Upstream.start(scope, (request, response) => response.writeHead(204).end());
  elsewhere = await Upstream.start(scope, (request, response) => response.writeHead(204).end());
  connek = await Connek.serving(scope, { config, args: ['--allow-upstream', receiver.host] });
  admin = await signedInApi(connek, 'admin@acme.example');
});

after(async () => {
  for (const close of closers) await close();
});

// Standard Webhooks, "Verifying signatures": is one of the signatures this secret's?
function verifies(secret, { headers, body }) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  assert.ok(key.length >= 24 && key.length <= 64);
  assert.ok(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 300);
  const expected = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest();
  return headers['webhook-signature'].split(' ').some((one) => {
    const [version, text] = one.split(',');
    const given = Buffer.from(text, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

const make = (path, events, base = receiver.base) => admin.post('./webhooks', { name: path, url: `${base}/${path}`, events });
const got = (path) => receiver.requests.filter(({ url }) => url === `/${path}`);
const deliveries = async (webhook, query = '') => (await admin.get(`./webhooks/${webhook.id}/deliveries${query}`)).items;
// What waits is due now.
const hurry = () => sql(connek, 'UPDATE job SET due_at = 1; UPDATE webhook SET retry_at = NULL');
let n = 0;
const happen = async () => (await admin.post('./users', { email: `new${++n}@acme.example` })).user.email;

test('what happens is posted, signed, with plain facts and no secret', async (t) => {
  const { webhook, secret } = await make('plain', ['user.invited', 'token.created']);
  t.after(() => admin.delete(`./webhooks/${webhook.id}`));
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal(webhook.status, 'new');
  const email = await happen();
  const made = await admin.post('./tokens', { user: admin.user, kind: 'url', name: 'laptop' });
  await until('both come', () => got('plain').length >= 2);
  const [invited, token] = ['user.invited', 'token.created'].map((type) => got('plain').find(({ body }) => JSON.parse(body).type === type));
  for (const message of [invited, token]) {
    assert.equal(message.method, 'POST');
    assert.equal(message.headers['content-type'], 'application/json');
    assert.ok(verifies(secret, message));
    assert.ok(!verifies(secret, { ...message, body: message.body.replace('acme', 'evil').replace('laptop', 'desk') }));
    assert.ok(!verifies(secret, { ...message, headers: { ...message.headers, 'webhook-id': 'msg_other' } }));
    assert.ok(!message.body.includes(made.secret));
  }
  const { data } = JSON.parse(invited.body);
  assert.deepEqual([data.organisation, data.user, data.email, data.detail.user], [admin.organisation, admin.user, 'admin@acme.example', email]);
  assert.equal((await admin.get(`./audit/${(await admin.get('./audit?limit=50')).items.find(({ tool }) => tool === 'user.invite').id}`)).record.user.email, 'admin@acme.example');
  const list = await until('it is on record', async () => {
    const items = await deliveries(webhook);
    return items.every(({ status }) => status === 'delivered') && items;
  });
  assert.equal(list.length, 2); // nothing of what it does not listen to
  assert.deepEqual([list[0].attempts, list[0].response_status, list[0].text], [1, 204, null]);
  assert.equal((await admin.get(`./webhooks/${webhook.id}`)).status, 'ok');
  assert.ok(!(await admin.call('GET', './webhooks')).text.includes('whsec_'));
  assert.ok(!connek.stderr.includes('whsec_') && !JSON.stringify(await sql(connek, 'SELECT hex(secret) AS s FROM webhook_secret')).includes(Buffer.from(secret).toString('hex').toUpperCase()));
});

test('what a receiver did not take comes again, the same message, after a restart as well; then it ends', async (t) => {
  const { webhook, secret } = await make('failing', ['user.invited']);
  t.after(() => admin.delete(`./webhooks/${webhook.id}`));
  const answer = receiver.answer;
  t.after(() => (receiver.answer = answer));
  receiver.answer = (request, response) => response.writeHead(request.url === '/failing' ? 500 : 204).end('no');
  await happen();
  const [failed] = await until('it is tried', async () => {
    const items = await deliveries(webhook);
    return items[0]?.attempts === 1 && items;
  });
  assert.deepEqual([failed.status, failed.response_status], ['waiting', 500]);
  assert.match(failed.text, /500/);
  assert.ok(Date.parse(failed.next_at) > Date.parse(failed.tried_at) + 4000);
  assert.equal((await admin.get(`./webhooks/${webhook.id}`)).status, 'failing');
  await connek.stop();
  await hurry();
  receiver.answer = answer;
  await connek.start('--allow-upstream', receiver.host);
  admin = await signedInApi(connek, 'admin@acme.example');
  // The admin's own invitation is an event as well, and may come before it.
  await until('it comes again', async () => (await deliveries(webhook)).find(({ id }) => id === failed.id).status === 'delivered');
  const [first, ...later] = got('failing');
  const second = later.find(({ headers }) => headers['webhook-id'] === first.headers['webhook-id']);
  assert.ok(second, JSON.stringify(later));
  assert.equal(first.body, second.body);
  assert.ok(verifies(secret, second));
  // The last attempt is the last.
  receiver.answer = (request, response) => response.writeHead(503).end();
  await happen();
  await until('it is tried', async () => (await deliveries(webhook))[0].attempts === 1);
  await sql(connek, 'UPDATE webhook_delivery SET attempts = 8; UPDATE webhook SET failures = 8');
  await hurry();
  const last = await until('it ends', async () => (await deliveries(webhook, '?status=failed'))[0]);
  assert.deepEqual([last.attempts, last.next_at], [9, null]);
  assert.deepEqual(await sql(connek, "SELECT * FROM job WHERE kind = 'webhook'"), []);
  receiver.answer = answer;
  await admin.post(`./webhooks/${webhook.id}/deliveries/${last.id}/repetition`);
  await until('an admin sends it again', async () => (await deliveries(webhook))[0].status === 'delivered');
});

test('no redirect is followed, and no address that connections may not reach', async (t) => {
  const answer = receiver.answer;
  t.after(() => (receiver.answer = answer));
  receiver.answer = (request, response) => response.writeHead(302, { Location: `${receiver.base}/secret` }).end();
  const made = [
    [await make('redirect', ['user.invited']), /302.*redirect/],
    [await make('private', ['user.invited'], elsewhere.base), /loopback|not allowed|address/i],
    [await admin.post('./webhooks', { name: 'metadata', url: 'https://169.254.169.254/latest', events: ['*'] }), /metadata|address/i],
  ];
  t.after(async () => {
    for (const [{ webhook }] of made) await admin.delete(`./webhooks/${webhook.id}`);
  });
  await happen();
  for (const [{ webhook }, text] of made) {
    const one = await until('it is tried', async () => (await deliveries(webhook)).find(({ attempts }) => attempts > 0));
    assert.equal(one.status, 'waiting');
    assert.match(one.text, text);
  }
  assert.equal(elsewhere.count, 0);
  assert.equal(got('secret').length, 0);
});

test('one that hangs keeps neither calls nor the others waiting', async (t) => {
  const answer = receiver.answer;
  const held = [];
  t.after(() => (receiver.answer = answer));
  receiver.answer = (request, response) => (request.url === '/hanging' ? held.push(response) : answer(request, response));
  const [hanging, other] = [await make('hanging', ['user.invited']), await make('other', ['user.invited'])];
  t.after(async () => {
    for (const { webhook } of [hanging, other]) await admin.delete(`./webhooks/${webhook.id}`);
  });
  await happen();
  await until('it hangs', () => held.length > 0);
  await until('the other has it', () => got('other').length > 0);
  assert.equal((await admin.get('./users?query=new')).items.length, n);
  held[0].destroy();
  const [one] = await until('it is known', async () => {
    const items = await deliveries(hanging.webhook);
    return items[0].attempts === 1 && items;
  });
  assert.equal(one.response_status, null);
  // What is due for it meanwhile waits with it.
  await happen();
  await until('the other has that too', () => got('other').length > 1);
  assert.equal(held.length, 1);
});

test('a secret is changed with an overlap in which both sign, or without one', async (t) => {
  const { webhook, secret } = await make('rotated', ['user.disabled']);
  t.after(() => admin.delete(`./webhooks/${webhook.id}`));
  const ping = async () => {
    const count = got('rotated').length;
    const delivery = await admin.post(`./webhooks/${webhook.id}/test`);
    assert.equal(delivery.event, 'webhook.test'); // whatever it listens to
    await until('it comes', () => got('rotated').length > count);
    return got('rotated').at(-1);
  };
  const { secret: second } = await admin.post(`./webhooks/${webhook.id}/rotation`, { overlap_hours: 1 });
  assert.notEqual(second, secret);
  const both = await ping();
  assert.ok(verifies(secret, both) && verifies(second, both));
  const { secret: third } = await admin.post(`./webhooks/${webhook.id}/rotation`, { overlap_hours: 0 });
  const alone = await ping();
  assert.deepEqual([secret, second, third].map((one) => verifies(one, alone)), [false, false, true]);
});

test('who answers that it is gone is left alone, and what is switched off hears nothing', async (t) => {
  const answer = receiver.answer;
  t.after(() => (receiver.answer = answer));
  receiver.answer = (request, response) => response.writeHead(410).end();
  const { webhook } = await make('gone', ['*']);
  t.after(() => admin.delete(`./webhooks/${webhook.id}`));
  await happen();
  const off = await until('it is off', async () => {
    const one = await admin.get(`./webhooks/${webhook.id}`);
    return one.status === 'off' && one;
  });
  const before = (await deliveries(webhook)).length;
  await happen();
  assert.equal((await deliveries(webhook)).length, before);
  assert.equal((await admin.call('POST', `./webhooks/${webhook.id}/test`, { body: {} })).status, 409);
  receiver.answer = answer;
  assert.equal((await admin.patch(`./webhooks/${webhook.id}`, { is_on: true, events: ['user.joined'] }, off.etag)).status, 'new');
  assert.equal((await admin.call('PATCH', `./webhooks/${webhook.id}`, { body: { is_on: false }, headers: { 'If-Match': off.etag } })).status, 412);
});

test('a connection that fails is an event, and a limit that is met', async (t) => {
  const { webhook } = await make('news', ['connection.failed', 'limit.met']);
  t.after(() => admin.delete(`./webhooks/${webhook.id}`));
  const { token, url } = await admin.post('./tokens', { user: admin.user, kind: 'url', name: 'slow', per_minute: 1 });
  for (let i = 0; i < 3; i++) await callTool(url, 'connek_whoami');
  const broken = await admin.post('./connections', { name: 'broken', connector: 'stripe', credential: { key: 'sk_no' } });
  assert.equal((await admin.post(`./connections/${broken.id}/check`)).is_ok, false);
  const items = await until('both are there', async () => {
    const list = await deliveries(webhook, '?status=delivered');
    return list.length === 2 && list;
  });
  const [limit, failed] = ['limit.met', 'connection.failed'].map((event) => items.find((one) => one.event === event).payload.data);
  assert.deepEqual([limit.email, limit.detail], ['admin@acme.example', { token: token.id }]);
  assert.deepEqual([failed.connection, failed.connection_name, failed.connector], [broken.id, 'broken', 'stripe']);
  assert.ok(failed.detail.text.length > 0 && !JSON.stringify(items).includes('sk_no'));
});

test('what is wrong is named by its place', async () => {
  const good = { name: 'x', url: 'https://hooks.acme.example/', events: ['*'] };
  for (const [change, pointer] of [
    [{ url: 'ftp://hooks.acme.example/' }, '/url'],
    [{ url: 'http://hooks.acme.example/' }, '/url'],
    [{ url: 'http://10.0.0.5:8080/' }, '/url'],
    [{ url: 'http://127.0.0.1.acme.example/' }, '/url'],
    [{ url: 'https://user:secret@hooks.acme.example/' }, '/url'],
    [{ events: [] }, '/events'],
    [{ events: ['everything'] }, '/events/0'],
    [{ name: '' }, '/name'],
  ]) {
    const answer = await admin.call('POST', './webhooks', { body: { ...good, ...change } });
    assert.deepEqual([answer.status, answer.body.errors[0].pointer], [422, pointer]);
  }
  assert.deepEqual((await admin.get('./webhooks')).items, []);
});

test('nothing is sent where it could be read on the way: http is for this machine alone, also for a webhook from before that was asked', async (t) => {
  const { webhook } = await make('open', ['user.invited']);
  t.after(() => admin.delete(`./webhooks/${webhook.id}`));
  const edit = (url) => admin.call('PATCH', `./webhooks/${webhook.id}`, { body: { url }, headers: { 'If-Match': webhook.etag } });
  const refused = await edit('http://hooks.acme.example/');
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, '/url']);
  assert.match(refused.body.errors[0].detail ?? refused.text, /https/);
  await happen();
  await until('this machine hears it', () => got('open').length === 1);
  await sql(connek, "UPDATE webhook SET url = 'http://hooks.acme.example/'");
  await happen();
  const one = await until('it is tried', async () => (await deliveries(webhook)).find(({ attempts, status }) => attempts > 0 && status === 'waiting'));
  assert.match(one.text, /could be read on the way/);
});
