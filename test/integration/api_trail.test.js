// The REST API from outside: what happened, how much of it, what is happening; drafts held against it; settings, files, keys.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { Api, signedInApi } from './support/api.js';
import { Served } from './support/served.js';
import { until } from './support/wait.js';

const config = {
  ...exampleConfig,
  users: [
    { email: 'owner@acme.example', kind: 'owner', roles: [] },
    { email: 'admin@acme.example', kind: 'admin', roles: [] },
    { email: 'auditor@acme.example', kind: 'auditor', roles: [] },
    ...exampleConfig.users,
  ],
};
let connek, closers, owner, admin, auditor, finance;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { config, args: ['--allow-upstream', '127.0.0.1'] });
  [owner, admin, auditor, finance] = [
    await signedInApi(connek, 'owner@acme.example'),
    await signedInApi(connek, 'admin@acme.example'),
    await signedInApi(connek, 'auditor@acme.example'),
    await signedInApi(connek, 'finance@acme.example'),
  ];
  const urls = { finance: (await connek.token('finance@acme.example')).url, marketing: (await connek.token('marketing@acme.example')).url };
  for (let i = 0; i < 7; i++) await call(urls.finance, 'sqlite_query', { sql: 'SELECT 1' });
  await call(urls.finance, 'sqlite_query', { sql: 'SELECT nonsense' });
  for (let i = 0; i < 3; i++) await call(urls.marketing, 'sqlite_query', { sql: 'SELECT 1' });
  await call(urls.finance, 'nothing_at_all', {});
});

after(async () => {
  for (const close of closers) await close();
});

const problem = (answer, status, pattern) => {
  assert.equal(answer.status, status, answer.text);
  if (pattern) assert.match(answer.body.detail, pattern);
};

async function call(url, name, args) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
  });
  return response.json();
}

test('the trail is the same as the command shows it, newest first, page by page', async () => {
  const seen = [];
  for (let path = './audit?limit=4'; ; ) {
    const page = await auditor.get(path);
    assert.ok(page.items.length <= 4);
    seen.push(...page.items);
    if (!page.next_cursor) break;
    path = `./audit?limit=4&cursor=${page.next_cursor}`;
  }
  const shown = await connek.audit();
  assert.deepEqual(seen.map(({ id }) => id).reverse(), shown.map(({ call_id }) => call_id));
  for (const one of seen) {
    const same = shown.find(({ call_id }) => call_id === one.id);
    assert.deepEqual([one.user.email, one.tool, one.decision, one.outcome, one.reason, one.seq], [same.user, same.tool, same.decision, same.outcome, same.reason, same.seq]);
  }
});

test('it is filtered by each thing it speaks of', async () => {
  const all = (await auditor.get('./audit?limit=200')).items;
  const check = async (query, holds) => {
    const found = (await auditor.get(`./audit?limit=200&${query}`)).items;
    assert.deepEqual(found.map(({ id }) => id), all.filter(holds).map(({ id }) => id), query);
    assert.ok(found.length > 0, query);
  };
  const { id } = all.find(({ user }) => user.email === 'finance@acme.example').user;
  const { token, time } = all.find(({ kind }) => kind === 'call');
  await check(`user=${id}`, ({ user }) => user.id === id);
  await check(`token=${token}`, (one) => one.token === token);
  await check('kind=change', ({ kind }) => kind === 'change');
  await check('decision=denied', ({ decision }) => decision === 'denied');
  await check('decision=allowed&outcome=error', ({ decision, outcome }) => decision === 'allowed' && outcome === 'error');
  await check('tool=sqlite_query', ({ tool }) => tool === 'sqlite_query');
  await check('connection=ledger&user=' + id, ({ connection, user }) => connection === 'ledger' && user.id === id);
  await check('connector=sqlite', ({ connector }) => connector === 'sqlite');
  await check(`from=${time}`, (one) => one.time >= time);
  await check(`to=${time}`, (one) => one.time < time);
  problem(await auditor.call('GET', './audit?from=yesterday'), 422);
  problem(await auditor.call('GET', './audit?cursor=AAAA'), 422);
});

test('a record shows its arguments, and its place in the chain', async () => {
  const [one] = (await auditor.get('./audit?tool=sqlite_query&decision=allowed&outcome=ok')).items;
  const detail = await auditor.get(`./audit/${one.id}`);
  assert.deepEqual(detail.record, one);
  assert.deepEqual(detail.arguments, { sql: 'SELECT 1' });
  assert.match(detail.mac, /^[0-9a-f]{64}$/);
  problem(await auditor.call('GET', './audit/01935a10-4f00-7a11-9a54-5f0e6f1b2a00'), 404);
  assert.ok((await auditor.get('./audit-chains')).items.some(({ writer, seq }) => writer === 'node1' && seq > 0));
});

test('members see their own calls, and nobody else’s', async () => {
  const own = (await finance.get('./me/calls?limit=200')).items;
  assert.equal(own.length, 9);
  assert.ok(own.every(({ user }) => user.email === 'finance@acme.example'));
  problem(await finance.call('GET', './audit'), 403);
  problem(await finance.call('GET', `./audit/${own[0].id}`), 403);
});

test('the export has all of it, and no cell that a spreadsheet would run', async () => {
  const { url } = await connek.token('finance@acme.example');
  await call(url, '=cmd|calc', {});
  const all = (await auditor.get('./audit?limit=200')).items;
  const lines = (await auditor.call('GET', './audit-export')).text.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines, all);
  const csv = await auditor.call('GET', './audit-export?format=csv&kind=call');
  assert.match(csv.headers.get('content-disposition'), /activity\.csv/);
  const rows = csv.text.trim().split('\r\n');
  assert.equal(rows.length - 1, all.filter(({ kind }) => kind === 'call').length);
  assert.ok(rows.some((row) => row.includes(`"'=cmd|calc"`)));
});

test('usage adds up, by whatever it is asked', async () => {
  const total = (await auditor.get('./usage')).total;
  const calls = (await auditor.get('./audit?limit=200&kind=call')).items;
  assert.deepEqual(
    [total.calls, total.ok, total.errors, total.denied],
    [calls.length, ...['ok', 'error'].map((one) => calls.filter(({ decision, outcome }) => decision === 'allowed' && outcome === one).length), calls.filter(({ decision }) => decision === 'denied').length],
  );
  for (const by of ['day', 'user', 'tool', 'connection', 'connector']) {
    const { items } = await auditor.get(`./usage?by=${by}`);
    for (const count of ['calls', 'ok', 'errors', 'denied']) assert.equal(items.reduce((sum, one) => sum + one[count], 0), total[count], by);
  }
  const people = (list) => new Set(list.map(({ user }) => user.id)).size;
  const usage = await auditor.get('./usage');
  assert.equal(usage.items.length, 30);
  assert.deepEqual([usage.n_people, usage.total.people], [people(calls), people(calls)]);
  for (const { key, people: n } of usage.items) assert.equal(n, people(calls.filter(({ time }) => time.startsWith(key))), key);
  for (const { key, people: n } of (await auditor.get('./usage?by=tool')).items) assert.equal(n, people(calls.filter(({ tool }) => tool === key)), key);
  const ok = calls.filter(({ outcome, tool }) => outcome !== 'none' && tool === 'sqlite_query').map(({ duration_ms }) => duration_ms).sort((a, b) => a - b);
  const { p50_ms, p95_ms } = (await auditor.get('./usage?tool=sqlite_query')).total;
  const near = (found, right) => assert.ok(Math.abs(found - right) <= right * 0.13 + 0.01, `${found} is not near ${right}`);
  assert.ok(ok.length > 0 && p50_ms <= p95_ms);
  near(p95_ms, ok[Math.ceil(ok.length * 0.95) - 1]);
  const user = (await admin.get('./users?query=finance')).items[0];
  assert.ok(user.last_call_at);
  assert.ok((await admin.get('./connections')).items[0].calls_30_days >= 8);
});

test('what happens is told as it happens: to members their own calls alone', async () => {
  const heard = { auditor: [], finance: [] };
  const stops = [];
  for (const [name, api] of Object.entries({ auditor, finance })) {
    const control = new AbortController();
    stops.push(control);
    const response = await fetch(`${connek.base}/api/v1/organisations/${api.organisation}/events`, { headers: api.headers(), signal: control.signal });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    (async () => {
      let text = '';
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        const events = text.split('\n\n');
        text = events.pop();
        for (const event of events) {
          const found = /^event: (\w+)\ndata: (.*)$/m.exec(event);
          if (found) heard[name].push({ event: found[1], data: JSON.parse(found[2]) });
        }
      }
    })().catch(() => {});
  }
  const [own, other] = [await connek.token('finance@acme.example'), await connek.token('marketing@acme.example')];
  await call(own.url, 'sqlite_query', { sql: 'SELECT 2' });
  await call(other.url, 'sqlite_query', { sql: 'SELECT 2' });
  await admin.post('./roles', { name: 'Heard of' });
  const has = (list, email) => list.some(({ event, data }) => event === 'call' && data.user.email === email);
  await until('they hear', () => has(heard.auditor, 'marketing@acme.example') && has(heard.finance, 'finance@acme.example') && heard.auditor.some(({ event }) => event === 'change'));
  assert.ok(has(heard.auditor, 'finance@acme.example') && has(heard.auditor, 'marketing@acme.example'));
  assert.ok(heard.auditor.some(({ event, data }) => event === 'change' && data.tool === 'role.create'));
  assert.ok(heard.auditor.some(({ event }) => event === 'organisation'));
  assert.ok(has(heard.finance, 'finance@acme.example'));
  assert.ok(heard.finance.every(({ event, data }) => event === 'organisation' || (event === 'call' && data.user.email === 'finance@acme.example')));
  stops.forEach((control) => control.abort());
});

test('a draft of a role is held against the last days: who gains and loses what, and which calls', async () => {
  const role = (await admin.get('./roles')).items.find(({ name }) => name === 'finance');
  const denied = await auditor.post('./roles/replay', { role: role.id, draft: { name: 'finance', rules: [] } });
  assert.deepEqual(denied.users.map(({ email, lost }) => ({ email, loses: lost.includes('ledger/query') })), [{ email: 'finance@acme.example', loses: true }]);
  assert.equal(denied.newly_allowed.length, 0);
  assert.ok(denied.newly_denied[0].calls >= 8);
  assert.equal(denied.newly_denied[0].reason, 'no_rule');
  const marketing = (await admin.get('./roles')).items.find(({ name }) => name === 'marketing');
  const allowed = await auditor.post('./roles/replay', { role: marketing.id, draft: { name: 'marketing', rules: [{ connection: 'ledger', tools: ['query'] }] } });
  assert.deepEqual(allowed.users[0].gained, ['ledger/query']);
  assert.ok(allowed.newly_allowed[0].calls >= 3);
  const none = await auditor.post('./roles/replay', { role: role.id, draft: { name: 'finance', rules: role.rules } });
  assert.deepEqual([none.users, none.newly_denied, none.newly_allowed], [[], [], []]);
  const wrong = await auditor.call('POST', './roles/replay', { body: { role: null, draft: { name: 'x', rules: [{ connection: 'ledger', tools: [''] }] } } });
  assert.match(wrong.body.errors[0].pointer, /^\/draft\/rules\/0/);
});

test('settings and the name are edited, and a lost update is refused', async () => {
  const settings = await admin.get('./settings');
  const changed = await admin.patch('./settings', { per_minute: 999_999 }, settings.etag);
  assert.equal(changed.per_minute, 999_999);
  problem(await admin.call('PATCH', './settings', { body: { per_minute: 5 }, headers: { 'If-Match': settings.etag } }), 412);
  assert.ok((await admin.get('./limits')).items.some(({ scope, cap }) => scope === 'token' && cap === 999_999));
  const organisation = await admin.get('.');
  assert.equal(organisation.first_steps.has_connection, true);
  assert.ok(organisation.first_steps.first_call_at);
  const renamed = await admin.patch('.', { name: 'Acme & Söhne' }, organisation.etag);
  assert.equal(renamed.name, 'Acme & Söhne');
  await admin.patch('.', { name: 'acme' }, renamed.etag);
});

test('the organisation is read as a file, and a file is applied: all of it or nothing', async () => {
  const file = await admin.get('./config');
  assert.equal(file.organisation, 'acme');
  const wanted = { organisation: 'acme', roles: [{ name: 'New one', rules: [{ connection: 'ledger', does: ['read'] }] }] };
  const trial = await admin.post('./config', { config: wanted, is_trial: true });
  assert.ok(trial.changes.includes('+ role New one'));
  assert.ok(!(await admin.get('./roles')).items.some(({ name }) => name === 'New one'));
  const applied = await admin.post('./config', { config: wanted });
  assert.deepEqual(applied.changes, trial.changes);
  assert.ok((await admin.get('./roles')).items.some(({ name }) => name === 'New one'));
  const broken = await admin.call('POST', './config', { body: { config: { ...wanted, roles: [{ name: 'Another' }, { name: 'Broken', rules: [{ connection: 'nowhere', does: ['read'] }] }] } } });
  problem(broken, 422);
  assert.equal(broken.body.errors[0].pointer, '/config/roles/1/rules/0/connection');
  assert.ok(!(await admin.get('./roles')).items.some(({ name }) => name === 'Another'));
  problem(await admin.call('POST', './config', { body: { config: { organisation: 'globex' } } }), 422, /this organisation/);
  problem(await admin.call('POST', './config', { body: { config: { organisation: 'acme', users: [{ email: 'owner@acme.example', kind: 'member' }] } } }), 403, /only an owner/);
  problem(await admin.call('POST', './config', { body: { config: { organisation: 'acme' }, may_prune: true } }), 403, /only an owner/);
  problem(await owner.call('POST', './config', { body: { config: { organisation: 'acme' }, may_prune: true } }), 409, /last owner/);
  problem(await admin.call('POST', './config', { body: { config: { organisation: 'acme', connections: [{ name: 'x', connector: 'stripe', credential: { key: { env: 'HOME' } } }] } } }), 422);
});

test('an API key does what its scopes say, as long as its maker may', async () => {
  const made = await admin.post('./keys', { name: 'deploy', scopes: ['users:read', 'roles:write'] });
  assert.match(made.secret, /^cap_/);
  const key = new Api(connek.base, made.secret, admin.organisation);
  const usedAt = async () => (await admin.get('./keys')).items.find(({ id }) => id === made.key.id).last_used_at;
  assert.equal(await usedAt(), null);
  assert.ok((await key.get('./users')).items.length > 0);
  assert.ok(Date.parse(await usedAt()) >= Date.parse(made.key.created_at));
  problem(await key.call('GET', './audit'), 403, /scope audit:read/);
  problem(await key.call('GET', './me'), 403);
  problem(await key.call('GET', '/session'), 403);
  problem(await key.call('POST', './keys', { body: { name: 'more', scopes: ['users:read'] } }), 403);
  const role = await key.post('./roles', { name: 'By key' });
  const record = (await auditor.get('./audit?kind=change&tool=role.create')).items[0];
  assert.deepEqual([record.user.email, record.token, record.client], ['admin@acme.example', made.key.id, 'API key']);
  assert.equal(role.name, 'By key');
  assert.ok(!(await admin.call('GET', './keys')).text.includes(made.secret));
  problem(await auditor.call('POST', './keys', { body: { name: 'x', scopes: ['users:read'] } }), 403);
  const self = (await admin.get('./users?query=admin@')).items[0];
  const demoted = await owner.patch(`./users/${self.id}`, { kind: 'auditor' }, self.etag);
  problem(await key.call('POST', './roles', { body: { name: 'Too late' } }), 403);
  await owner.patch(`./users/${self.id}`, { kind: 'admin' }, demoted.etag);
  await admin.delete(`./keys/${made.key.id}`);
  problem(await key.call('GET', './users'), 401, /no longer/);
  problem(await new Api(connek.base, 'cap_nonsense', admin.organisation).call('GET', './users'), 401);
});

test('what an MCP server offers waits for a decision, and a change of it is shown', async (t) => {
  const tool = { name: 'search', description: 'Searches.', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
  const served = await Served.start(t, { tools: [tool] });
  await admin.post('./connectors', { definition: { id: 'crm', kind: 'mcp', url: served.url } });
  const { id } = await admin.post('./connections', { name: 'crm', connector: 'crm' });
  const waiting = async () => (await auditor.get(`./review?connection=${id}`)).items.filter(({ kind }) => kind === 'tool');
  const [item] = await until('it waits', async () => (await waiting()).length > 0 && waiting());
  assert.deepEqual([item.status, item.hint, item.does], ['pending', 'read', null]);
  problem(await auditor.call('POST', './review', { body: { decisions: [{ item: item.id, is_accepted: true }] } }), 403);
  const decided = await admin.post('./review', { decisions: [{ item: item.id, is_accepted: true, does: 'read' }] });
  assert.deepEqual([decided.items[0].status, decided.items[0].does], ['accepted', 'read']);
  assert.equal((await admin.get(`./connections/${id}/tools`)).items.length, 1);
  const nothing = await admin.call('POST', './review', { body: { decisions: [{ item: owner.user, is_accepted: true }] } });
  assert.equal(nothing.body.errors[0].pointer, '/decisions/0/item');
});

test('text that looks like markup stays text', async () => {
  const html = '<script>alert(1)</script>';
  const role = await admin.post('./roles', { name: html });
  const answer = await admin.call('GET', `./roles/${role.id}`);
  assert.equal(answer.body.name, html);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
});

test('an organisation is deleted by its owner, who types its name', async (t) => {
  const own = await Connek.serving(t, { config });
  const [boss, helper] = [await signedInApi(own, 'owner@acme.example'), await signedInApi(own, 'admin@acme.example')];
  const { url } = await own.token('finance@acme.example');
  problem(await helper.call('POST', './deletion', { body: { name: 'acme' } }), 403);
  problem(await boss.call('POST', './deletion', { body: { name: 'Acme' } }), 422);
  await boss.post('./deletion', { name: 'acme' });
  assert.equal((await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })).status, 401);
  problem(await boss.call('GET', './users'), 404);
  assert.deepEqual((await boss.get('/session')).organisations, []);
  assert.equal((await own.verify()).code, 0);
});

test('nothing of it breaks the trail', async () => {
  assert.equal((await connek.verify()).code, 0);
});
