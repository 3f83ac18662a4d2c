// What an attacker would try, from outside: secrets hunted wherever bytes come out, junk credentials, odd paths, endless
// input, and calls that must not happen.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from './support/aged.js';
import { Connek, exampleLedger, run } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { RawConnection, callTool, legacy, legacyRevision, modern, post, send, sendRaw } from './support/mcp.js';
import { eventually } from './support/wait.js';

const finance = 'finance@acme.example';
const json = { 'Content-Type': 'application/json' };
const unlimited = ['--peer-limit', '10000000'];
const list = legacy('tools/list');

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: legacyRevision, capabilities: {}, clientInfo: { name: 'probe', version: '1' } },
};

let connek, closers, person;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { args: unlimited });
  person = { ...(await connek.token(finance)), key: (await connek.token(finance, '--kind', 'key')).token };
});

after(async () => {
  for (const close of closers) await close();
});

/* ---- secrets ---- */

const canary = (name) => `canary-${name}-0f1e2d3c4b5a`;
const echo = (id, auth) => ({
  manifest: 1,
  id,
  name: id,
  auth: [auth],
  tools: ['echo', 'fail', 'refuse'].map((name) => ({
    name,
    does: 'read',
    description: `Asks the service to ${name}.`,
    input: { type: 'object', properties: { q: { type: 'string' } } },
    call: `GET /${name}`,
    query: { q: '{q}' },
  })),
});

// The service repeats all that it was sent, in each way that it can answer.
function repeat(request, response) {
  const all = JSON.stringify({ url: request.url, headers: request.rawHeaders });
  if (request.url.startsWith('/fail')) return response.writeHead(500, json).end(JSON.stringify({ message: `wrong: ${all}` }));
  if (request.url.startsWith('/refuse')) return response.writeHead(401, { 'Content-Type': 'text/plain' }).end(`no: ${all}`);
  return response.writeHead(200, json).end(all);
}

// Organisations with a credential of every origin, and people of every kind. { connek, upstream, urls, secrets }
async function guarded(t) {
  const upstream = await Upstream.start(t, repeat);
  const connek = await Connek.create(t, { env: { CRM_KEY: canary('env') } });
  const secrets = { env: canary('env'), file: canary('file'), literal: canary('literal'), dead: canary('dead'), globex: canary('globex') };
  await connek.makeDatabase('ledger.db', exampleLedger);
  await writeFile(connek.path('box.key'), secrets.file + '\n');
  const connectors = [echo('crm', { type: 'key', in: 'header', name: 'X-Key', prefix: 'Token ' }), echo('box', { type: 'key', in: 'query', name: 'key' })];
  const settings = { base: upstream.base };
  const roles = [
    { name: 'all', rules: [...['crm', 'box'].map((connector) => ({ connector, tools: ['*'] })), { connection: 'ledger', tools: ['*'] }] },
    { name: 'reader', rules: [{ connection: 'ledger', does: ['read'] }] },
    { name: 'none', rules: [] },
  ];
  const people = { owner: 'all', admin: 'reader', auditor: 'reader', member: 'none' };
  const users = Object.entries(people).map(([kind, role]) => ({ email: `${kind}@acme.example`, kind, roles: [role] }));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors,
    connections: [
      { name: 'crm', connector: 'crm', settings, credential: { key: { env: 'CRM_KEY' } } },
      { name: 'own', connector: 'crm', owner: 'member@acme.example', settings, credential: { key: secrets.literal } },
      { name: 'box', connector: 'box', settings, credential: { key: { file: 'box.key' } } },
      { name: 'dead', connector: 'box', settings: { base: 'http://127.0.0.1:1' }, credential: { key: secrets.dead } },
      { name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' } },
    ],
    roles,
    users,
  });
  await connek.apply({
    organisation: 'globex',
    limits: { per_minute: 1_000_000 },
    connectors: connectors.slice(0, 1),
    connections: [{ name: 'crm', connector: 'crm', settings, credential: { key: secrets.globex } }],
    roles: [{ name: 'all', rules: [{ connector: 'crm', tools: ['*'] }] }],
    users: [{ email: 'owner@acme.example', roles: ['all'] }],
  });
  connek.env = {};
  await connek.start('--log-level', 'debug', '--admin-listen', '127.0.0.1:0', '--allow-upstream', upstream.host, '--allow-upstream', '127.0.0.1:1');
  secrets.master = (await readFile(join(connek.data, 'master.key'), 'utf8')).trim();
  const urls = [];
  const of = async (email, organisation) => {
    const { token } = await connek.token(email, '--organisation', organisation);
    const { token: key } = await connek.token(email, '--organisation', organisation, '--kind', 'key');
    secrets[`${email} ${organisation} url`] = token;
    secrets[`${email} ${organisation} key`] = key;
    urls.push(connek.url(token));
  };
  for (const { email } of users) await of(email, 'acme');
  await of('owner@acme.example', 'globex');
  return { connek, upstream, urls, secrets };
}

// A secret as it is, its halves where it is long, and as other ways of writing bytes would show it.
function forms(secret) {
  if (secret.length > 50) return [...formsOf(secret), ...formsOf(secret.slice(0, 30)), ...formsOf(secret.slice(-20))];
  return formsOf(secret);
}

function formsOf(secret) {
  const bytes = Buffer.from(secret);
  const raw = /^[0-9a-f]{64}$/.test(secret) ? [Buffer.from(secret, 'hex')] : [];
  return [secret, ...[bytes, ...raw].flatMap((b) => [b.toString('hex'), b.toString('base64').replace(/=+$/, ''), b.toString('base64url'), b.toString('latin1')])];
}

function hunt(secrets, where, text) {
  for (const [name, secret] of Object.entries(secrets))
    for (const form of forms(secret)) assert.ok(!text.includes(form), `the secret "${name}" is in ${where}: ${text.slice(0, 300)}`);
}

const toolNames = ['crm_echo', 'crm_fail', 'crm_refuse', 'box_echo', 'box_fail', 'box_refuse', 'sqlite_query', 'sqlite_execute', 'sqlite_list_tables', 'connek_whoami', 'connek_list_connections', 'connek_search_tools', 'no_such_tool'];

// Everything that the endpoint can be asked, in both eras, rightly and wrongly.
function* questions() {
  for (const era of [legacy, modern]) {
    for (const method of ['tools/list', 'ping', 'server/discover', 'resources/list', 'prompts/get', 'logging/setLevel']) yield era(method);
    for (const name of toolNames)
      for (const account of [undefined, 'crm', 'own', 'box', 'dead', 'ledger'])
        yield era('tools/call', { name, arguments: { ...(account && { account }), ...(/search/.test(name) && { query: 'key' }), ...(/_query$/.test(name) && { sql: 'SELECT * FROM customer' }) } });
    yield era('tools/list', { cursor: 'x' });
  }
  yield { message: initialize, headers: {} };
  yield { message: [initialize, { jsonrpc: '2.0', id: 1, method: 'tools/list' }], headers: {} };
  yield { message: { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, headers: {} };
  for (const broken of ['{', '[]', '"x"', '{"jsonrpc":"2.0","id":1,"id":2}']) yield { message: broken, headers: {} };
}

test('canary secrets are in no answer of any method for any role', async (t) => {
  const { connek, upstream, urls, secrets } = await guarded(t);
  const heard = (where, answer) => hunt(secrets, where, JSON.stringify([...answer.headers]) + answer.text);
  let n = 0;
  for (const url of urls) {
    for (const { message, headers } of questions()) {
      heard(`the answer to ${JSON.stringify(message)}`, await post(url, message, headers));
      n++;
    }
    for (const path of ['/crm', '/sqlite', '/connek', '/nope', '/../..'])
      for (const question of [list, modern('tools/list')]) heard(path, await send(url + path, question));
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD']) {
      const response = await fetch(url, { method });
      heard(method, { headers: response.headers, text: await response.text() });
    }
  }
  for (const path of ['/healthz', '/readyz', '/metrics', '/', '/mcp', `/mcp/${'0'.repeat(64)}`, '/master.key', '/connek.db']) {
    for (const base of [connek.base, connek.adminBase]) {
      const response = await fetch(base + path);
      heard(path, { headers: response.headers, text: await response.text() });
    }
  }
  const sent = upstream.requests.map(({ url, rawHeaders }) => url + JSON.stringify(rawHeaders)).join('\n');
  for (const name of ['env', 'file', 'globex']) assert.ok(sent.includes(secrets[name]), `${name} was used`);
  for (const [name, secret] of Object.entries(secrets)) assert.equal(sent.includes(secret), ['env', 'file', 'globex'].includes(name), name);
  t.diagnostic(`${n} questions, ${Object.keys(secrets).length} secrets`);
});

test('canary secrets are in nothing that is written: log, audit, export, lists, errors, arguments, environment, files', async (t) => {
  const { connek, urls, secrets } = await guarded(t);
  for (const url of urls) for (const { message, headers } of questions()) await post(url, message, headers);
  await callTool(urls[0], 'crm_echo', { account: 'crm', q: 'x'.repeat(20_000) });
  const some = Object.keys(secrets).find((name) => name.endsWith('url'));
  const commands = [
    ['export', '--organisation', 'acme'], ['export', '--organisation', 'globex'],
    ['audit', 'list', '--json', '--arguments'], ['audit', 'list'], ['audit', 'verify'], ['audit', 'checkpoint'],
    ['token', 'list', '--json'], ['token', 'list'], ['connector', 'list', '--organisation', 'acme'],
    // wrongly called, with a secret where a name should be
    ['token', 'revoke', secrets[some]], ['token', 'create', '--user', secrets[some]], ['audit', 'verify', '--since', connek.path('box.key')],
  ];
  for (const args of commands) {
    const { stdout, stderr } = await connek.command(...args);
    hunt(secrets, `the output of ${args.slice(0, 2).join(' ')}`, stdout + stderr);
  }
  const misplaced = { organisation: 'acme', connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' }, credential: { key: secrets.literal } }] };
  const wrong = { ...misplaced, connections: [{ name: 'crm', connector: 'crm', settings: { base: 1 }, credential: { key: secrets.literal, more: secrets.env } }] };
  for (const config of [misplaced, wrong]) {
    const { code, stdout, stderr } = await connek.command('apply', await connek.writeFile('wrong.json', config));
    assert.equal(code, 1);
    hunt(secrets, 'the errors of apply', stdout + stderr);
  }
  for (const name of ['cmdline', 'environ', 'status', 'maps']) hunt(secrets, name, (await readFile(`/proc/${connek.pid}/${name}`)).toString('latin1'));
  hunt(secrets, 'the log', connek.stderr);
  assert.ok(connek.log.length > 1);
  const files = await readdir(connek.data);
  assert.ok(files.includes('connek.db') && files.includes('master.key'));
  for (const name of files.filter((file) => /^connek\.db/.test(file))) hunt(secrets, name, (await readFile(join(connek.data, name))).toString('latin1'));
  await connek.stop();
  hunt(secrets, 'the database after a stop', (await readFile(join(connek.data, 'connek.db'))).toString('latin1'));
  hunt(secrets, 'the log of the end', connek.stderr);
});

/* ---- credentials ---- */

const junk = [
  'x', 'Bearer', 'Bearer ', 'Bearer x', 'bearer null', 'Basic Zm9vOmJhcg==', 'Digest a=b', 'Negotiate x', 'ApiKey x', ',', '""', '{}',
  `Bearer ${'0'.repeat(64)}`, `Bearer ck_${'A'.repeat(51)}`, `Bearer ${'f'.repeat(63)}`, `Bearer ${'f'.repeat(65)}`, `Bearer ${'a'.repeat(8000)}`,
  "Bearer ' OR '1'='1", "Bearer ' OR 1=1 --", `Bearer '; DROP TABLE access_token; --`, "Bearer x' UNION SELECT hash FROM access_token --",
  'Bearer %27%20OR%201%3D1', 'Bearer ${jndi:ldap://127.0.0.1/a}', 'Bearer ../../master.key', 'Bearer \\x00', 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.',
  "Bearer x'||(SELECT randomblob(1000000000))||'", 'Bearer 1) OR (1=1', 'Bearer *', 'Bearer %', 'Bearer _',
];

test('junk in Authorization is 401 on every route and method, also beside a good credential', async () => {
  const good = person.token;
  const paths = ['/mcp', '/mcp/', `/mcp/${good}`, `/mcp/${good}/sqlite`, `/mcp/${good}/nope`, '/mcp/x', `/mcp/${good}/..`];
  const bodies = { POST: JSON.stringify(list.message), PUT: '{}', PATCH: '{}' };
  let n = 0;
  const refused = async (path, method, headers) => {
    const response = await fetch(connek.base + path, { method, headers: { ...json, ...headers }, body: bodies[method] });
    const text = await response.text();
    assert.equal(response.status, 401, `${method} ${path} ${JSON.stringify(headers)}`);
    assert.ok(!/sqlite|acme|SQL/i.test(text), text);
    n++;
  };
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
      for (const value of junk) await refused(path, method, { Authorization: value });
    for (const value of junk) {
      await refused(path, 'POST', { 'X-API-Key': value.replace(/^Bearer /, '') });
      await refused(path, 'POST', { Authorization: value, 'X-API-Key': person.key });
      await refused(path, 'POST', { Authorization: `Bearer ${person.key}`, 'X-API-Key': value });
    }
  }
  assert.ok(n > 1500);
  assert.equal((await send(person.url, list)).status, 200);
  assert.equal(JSON.parse((await connek.ok('token', 'list', '--json')).split('\n')[0]).id.length, 36);
});

test('a credential given twice is nobody, also beside a good URL', async () => {
  const body = JSON.stringify(list.message);
  const status = async (fields) => {
    const head = `POST /mcp/${person.token} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n${fields}Content-Length: ${body.length}\r\n\r\n`;
    return (await sendRaw(connek.base, head + body)).status;
  };
  const bearer = `Authorization: Bearer ${person.key}\r\n`;
  assert.equal(await status(''), 200);
  assert.equal(await status(bearer), 200);
  assert.equal(await status(bearer + bearer), 401);
  assert.equal(await status(`X-API-Key: ${person.key}\r\nX-API-Key: ${person.key}\r\n`), 401);
});

test('a disabled user is nobody', async (t) => {
  const own = await Connek.serving(t);
  const { token } = await own.token(finance);
  assert.equal((await send(own.url(token), list)).status, 200);
  await own.stop();
  await sql(own, "UPDATE org_user SET disabled_at = 1 WHERE login_id = (SELECT id FROM login WHERE email = 'finance@acme.example')");
  await own.start();
  assert.equal((await send(own.url(token), list)).status, 401);
});

test('a session is no cursor, a cursor no session, and neither is worth anything in another organisation', async (t) => {
  const own = await Connek.create(t);
  const tools = Array.from({ length: 300 }, (_, i) => ({ name: `t${i}`, does: 'read', description: 'Does nothing that matters.', input: { type: 'object', properties: {} }, call: `GET /${i}` }));
  const organisation = (name) => ({
    organisation: name,
    connectors: [{ manifest: 1, id: 'many', name: 'many', base: 'http://127.0.0.1:9', tools }],
    connections: [{ name: 'many', connector: 'many' }],
    roles: [{ name: 'all', rules: [{ connection: 'many', tools: ['*'] }] }],
    users: [{ email: finance, roles: ['all'] }],
  });
  await own.apply(organisation('acme'));
  await own.apply(organisation('globex'));
  await own.start();
  const [acme, globex] = [await own.token(finance, '--organisation', 'acme'), await own.token(finance, '--organisation', 'globex')];
  const session = (await post(acme.url, initialize)).headers.get('mcp-session-id');
  const cursor = (await send(acme.url, list)).body.result.nextCursor;
  const withCursor = async (url, value) => (await send(url, legacy('tools/list', { cursor: value }))).body.error?.code;
  const withSession = async (url, value) => (await send(url, list, { 'Mcp-Session-Id': value })).status;
  assert.equal(await withCursor(acme.url, cursor), undefined);
  assert.equal(await withSession(acme.url, session), 200);
  assert.equal(await withCursor(acme.url, session), -32602);
  assert.equal(await withSession(acme.url, cursor), 404);
  assert.equal(await withCursor(globex.url, cursor), -32602);
  assert.equal(await withSession(globex.url, session), 404);
});

/* ---- paths ---- */

const climbing = [
  '/..', '/../', '/../../etc/passwd', '/..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd', '/%2e%2e%2f', '/..;/', '/.;/', '/...', '/....//....//etc/passwd',
  '/..%5c..%5c', '/..\\..\\', '/%c0%ae%c0%ae/', '/%252e%252e%252f', '/%00', '/%00.json', '/.%00./', '/..%c0%af', '/..%u2215', '//', '///etc/passwd',
  '/./', '/%2e', '/.git/config', '/master.key', '/connek.db', '/var/master.key', '/proc/self/environ', '/etc/passwd', '/C:/', '/~root', '/;', '/,', '/:', '/%', '/%zz', '/%2', '/a/b/c/d/e',
];

test('odd paths lead nowhere: not to a file, not to another handler, not past authentication', async () => {
  const key = `X-API-Key: ${person.key}\r\n`;
  const ask = (method, path, fields = '') => sendRaw(connek.base, `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${fields}\r\n`);
  const leaks = /root:|connek\.db|SQLite format|BEGIN|"tools"|ready/;
  for (const prefix of ['', '/mcp', '/healthz', '/readyz', '/metrics', `/mcp/${person.token}`]) {
    const isKnown = prefix.length > 60;
    for (const odd of climbing) {
      for (const fields of ['', key]) {
        for (const method of ['GET', 'POST']) {
          const { status, text } = await ask(method, prefix + odd, fields);
          assert.ok(status >= 400 && status < 500, `${method} ${prefix}${odd}: ${status}`);
          assert.doesNotMatch(text.split('\r\n\r\n')[1], leaks);
          if (prefix === '/mcp' && !isKnown && status !== 400) assert.equal(status, 401, odd);
        }
      }
    }
  }
  for (const path of ['/MCP', '/mcp2', '/mcp.', '/mcp%2f', '/%6dcp', '//mcp', '/./mcp', '/x/../mcp', '/mcp;a=b', '/healthz/', '/Healthz', '/metrics', '/admin'])
    assert.equal((await ask('GET', path, key)).status, 404, path);
  const { status, text } = await ask('GET', '/', key); // the dashboard: a page without anything of anybody's
  assert.equal(status, 200);
  assert.doesNotMatch(text, leaks);
});

test('an endpoint of one connector is that one\'s by its whole name, or nobody\'s', async () => {
  for (const odd of [...climbing, '/SQLITE', '/sqlit', '/sqlite2', '/sqlite/', '/sqlite/..', '/%73qlite', '/sqlite%00', '/sqlite?', '/connek/../sqlite']) {
    const { text, status } = await sendRaw(
      connek.base,
      `POST /mcp/${person.token}${odd} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${'Content-Type: application/json'}\r\nContent-Length: ${JSON.stringify(list.message).length}\r\n\r\n${JSON.stringify(list.message)}`,
    );
    if (status === 400) continue;
    assert.equal(status, 200, odd);
    const { tools } = JSON.parse(text.split('\r\n\r\n')[1]).result;
    if (odd === '/sqlite?') assert.ok(tools.length > 0);
    else assert.deepEqual(tools, [], odd);
  }
});

test('an argument cannot climb out of its place in the path', async (t) => {
  const upstream = await Upstream.start(t);
  const own = await Connek.create(t);
  const tool = { name: 'get', does: 'read', description: 'Gets one order.', input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }, call: 'GET /orders/{id}/lines' };
  await own.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [{ manifest: 1, id: 'orders', name: 'Orders', tools: [tool] }],
    connections: [{ name: 'orders', connector: 'orders', settings: { base: `${upstream.base}/api` } }],
    roles: [{ name: 'all', rules: [{ connection: 'orders', tools: ['*'] }] }],
    users: [{ email: finance, roles: ['all'] }],
  });
  await own.start('--allow-upstream', upstream.host);
  const { url } = await own.token(finance);
  for (const id of ['.', '..', '../..', '..\\..', '%2e%2e', '..%2f', './..', '.%2e', '/', '//evil.example/', '?a=b', '#', ';', '\\', '\r\nHost: evil.example', ' HTTP/1.1\r\n\r\nGET /', '@evil.example', '\u2025', '\uff0e\uff0e', 'a\tb']) {
    const before = upstream.count;
    const { body } = await callTool(url, 'orders_get', { id });
    if (id === '.' || id === '..') assert.equal(body.result.isError, true, id);
    if (body.result.isError) {
      assert.equal(upstream.count, before, id);
      continue;
    }
    const { url: target, headers } = upstream.requests.at(-1);
    assert.equal(upstream.count, before + 1, id);
    assert.equal(headers.host, upstream.host);
    const resolved = new URL(target, upstream.base); // as a server would that resolves dots
    assert.match(resolved.pathname, /^\/api\/orders\/[^/]+\/lines$/, id);
    assert.equal(resolved.search, '', id);
    assert.equal(decodeURIComponent(resolved.pathname.split('/')[3]), id);
  }
});

/* ---- what must not happen ---- */

test('what cannot be recorded is not done', async (t) => {
  const upstream = await Upstream.start(t);
  const own = await Connek.create(t);
  const tool = (name, does) => ({ name, does, description: `A call that does ${does}.`, input: { type: 'object', properties: {} }, call: `GET /${name}` });
  await own.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [{ manifest: 1, id: 'shop', name: 'Shop', tools: [tool('look', 'read'), tool('sell', 'write'), tool('burn', 'destroy')] }],
    connections: [{ name: 'shop', connector: 'shop', settings: { base: upstream.base } }],
    roles: [{ name: 'all', rules: [{ connection: 'shop', tools: ['*'] }] }],
    users: [{ email: finance, roles: ['all'] }],
  });
  await own.start('--allow-upstream', upstream.host);
  const { url } = await own.token(finance);
  for (const name of ['shop_look', 'shop_sell', 'shop_burn']) assert.equal((await callTool(url, name)).body.result.isError, false, name);
  assert.equal(upstream.count, 3);
  // No file may grow: what a write(2) on a full disk says.
  const limit = (bytes) => run('prlimit', ['--pid', String(own.pid), `--fsize=${bytes}`]);
  assert.equal((await limit('1:unlimited')).code, 0);
  for (const name of ['shop_sell', 'shop_burn']) {
    const { status, body } = await callTool(url, name);
    assert.equal(status, 503, name);
    assert.match(body.error.message, /not be recorded, so it was not made/);
  }
  assert.equal(upstream.count, 3, 'nothing was sold or burnt');
  const { status, text } = await callTool(url, 'shop_look');
  assert.equal(status, 503, 'what was read is withheld');
  assert.ok(!text.includes('/look'));
  assert.equal((await limit('unlimited:unlimited')).code, 0);
});

test('a cancellation that fits several calls stops none', async (t) => {
  const upstream = await Upstream.start(t, () => {}); // never answers
  const own = await Connek.create(t);
  await own.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [{ manifest: 1, id: 'slow', name: 'Slow', tools: [{ name: 'get', does: 'read', description: 'Waits.', input: { type: 'object', properties: {} }, call: 'GET /' }] }],
    connections: [{ name: 'slow', connector: 'slow', settings: { base: upstream.base } }],
    roles: [{ name: 'all', rules: [{ connection: 'slow', tools: ['*'] }] }],
    users: [{ email: finance, roles: ['all'] }],
  });
  await own.start('--allow-upstream', upstream.host, '--workers', '4');
  const { url } = await own.token(finance);
  const cancel = () => send(url, { message: { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 0 } }, headers: {} });
  const arrived = (n) => eventually(() => assert.equal(upstream.count, n));
  // Programs with one access token, no session, and the same id, on whatever worker: whose call is meant?
  const begin = () => send(url, legacy('tools/call', { name: 'slow_get', arguments: {} }, { id: 0 })).catch((error) => error);
  const calls = Array.from({ length: 6 }, begin);
  await arrived(6);
  assert.equal((await cancel()).status, 202);
  assert.equal((await send(url, list)).status, 200);
  await sleep(100);
  assert.equal(upstream.departures, 0);
  upstream.server.closeAllConnections();
  for (const answer of await Promise.all(calls)) assert.equal(answer.body.result.isError, true);
  // The control: one alone is stopped, on whatever worker the cancellation arrives.
  for (let i = 0; i < 8; i++) {
    const departures = upstream.departures;
    const one = begin();
    await arrived(7 + i);
    await cancel();
    assert.equal((await one).body, undefined);
    for (let k = 0; k < 400 && upstream.departures === departures; k++) await sleep(25);
    assert.equal(upstream.departures, departures + 1);
  }
});

test('JSON nested deeper than anybody means is refused, wherever it stands', async () => {
  const nest = (n, [open, close]) => open.repeat(n) + '1' + close.repeat(n);
  for (const depth of [100, 10_000, 100_000, 400_000]) {
    for (const brackets of [['[', ']'], ['{"a":', '}']]) {
      const deep = nest(depth, brackets);
      for (const text of [
        deep,
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sqlite_query","arguments":${deep}}}`,
        `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":${deep}}}`,
        `{"jsonrpc":"2.0","id":${deep},"method":"ping"}`,
      ]) {
        const { status, body } = await post(person.url, text);
        assert.equal(status, 400, text.slice(0, 80));
        assert.equal(body.error.code, -32700);
      }
      assert.equal((await post(person.url, brackets[0].repeat(depth))).status, 400, 'never closed');
    }
  }
  assert.equal((await send(person.url, list)).status, 200);
});

test('hundreds of slow and silent clients do not keep a good one from being served', async (t) => {
  const n = 100;
  const head = `POST /mcp/${person.token} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
  const beginnings = ['', 'POST /mc', head, `${head}Content-Length: 1000\r\n\r\n{"jsonrpc":`, `${head}Transfer-Encoding: chunked\r\n\r\n3e8\r\n{"json`];
  const slow = [];
  t.after(() => slow.forEach((raw) => raw.close()));
  for (const bytes of beginnings) {
    for (let i = 0; i < n; i++) {
      const raw = await RawConnection.open(connek.base);
      slow.push(raw);
      if (bytes) await raw.write(bytes);
    }
  }
  for (let i = 0; i < 20; i++) {
    await Promise.all(slow.filter((_, at) => at % 20 === i && at >= 2 * n).map((raw) => raw.write('x')));
    const answer = await callTool(person.url, 'sqlite_query', { sql: 'SELECT 1 AS one' });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.result.isError, false);
  }
  assert.ok(slow.filter((raw) => !raw.isClosed).length >= n, 'they are still there');
  assert.equal((await fetch(`${connek.base}/readyz`)).status, 200);
});

test('what is too large is refused by its size, read or not', async () => {
  const head = `POST /mcp/${person.token} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
  const status = async (bytes) => {
    const answer = await sendRaw(connek.base, bytes);
    assert.ok(answer.isClosed, bytes.slice(0, 60));
    return answer.status;
  };
  assert.equal(await status(`${head}Content-Length: 4194305\r\n\r\n`), 413);
  assert.equal(await status(`${head}Content-Length: 99999999999999999999999\r\n\r\n`), 400);
  assert.equal(await status(`${head}Transfer-Encoding: chunked\r\n\r\n400001\r\n`), 413);
  assert.equal(await status(`${head}X: ${'x'.repeat(33 * 1024)}\r\n\r\n`), 431);
  assert.equal(await status(`${head}${'X: y\r\n'.repeat(200)}\r\n`), 431);
  assert.equal(await status(`GET /mcp/${'x'.repeat(9000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`), 414);
  assert.equal((await post(person.url, `{"jsonrpc":"2.0","id":"${'i'.repeat(300)}","method":"ping"}`)).status, 400);
});

test('what strangers write cannot pass for our own lines in the log or on a terminal', async (t) => {
  const own = await Connek.serving(t, { args: ['--log-level', 'debug'] });
  const { url } = await own.token(finance);
  const evil = '\u001b[2J\u001b[31m\u009bevil\u202e\n{"level":"error","event":"forged"}';
  await callTool(url, evil);
  await post(url, { ...initialize, params: { ...initialize.params, clientInfo: { name: evil, version: evil } } });
  await send(url, modern('tools/call', { name: 'sqlite_query', arguments: { sql: evil } }, { meta: { 'io.modelcontextprotocol/clientInfo': { name: evil, version: '1' } } }));
  const table = await own.ok('audit', 'list');
  assert.match(table, /evil/);
  assert.doesNotMatch(table, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  assert.ok(!table.split('\n').some((line) => line.startsWith('{')));
  for (const line of (await own.ok('audit', 'list', '--json')).split('\n').filter(Boolean)) JSON.parse(line);
  assert.ok(own.stderr.split('\n').filter(Boolean).every((line) => JSON.parse(line).event !== 'forged'));
});

test('a definition cannot hide what it says, nor say less than it does', async (t) => {
  const own = await Connek.create(t);
  const config = (tool) => ({
    organisation: 'acme',
    connectors: [{ manifest: 1, id: 'm', name: 'M', base: 'https://m.example.com', tools: [{ name: 'get', description: 'Gets it.', input: { type: 'object', properties: {} }, call: 'GET /', ...tool }] }],
    connections: [{ name: 'm', connector: 'm' }],
    roles: [{ name: 'reader', rules: [{ connection: 'm', does: ['read', 'write'] }] }],
    users: [{ email: finance, roles: ['reader'] }],
  });
  for (const hidden of ['\u001b[8m', '\u200b', '\u202e', '\u2066', '\ufeff', '\u{e0041}', '\u0085', '\u0000', '\u2060'])
    for (const member of ['description', 'title']) {
      const { code } = await own.command('apply', await own.writeFile('hidden.json', config({ does: 'read', [member]: `Gets${hidden} it.` })));
      assert.equal(code, 1, `${member} ${JSON.stringify(hidden)}`);
    }
  await own.apply(config({})); // says nothing of what it does: the worst is taken
  await own.start();
  const { url } = await own.token(finance);
  assert.ok(!(await send(url, list)).text.includes('m_get'));
  const { body } = await callTool(url, 'm_get');
  assert.equal(body.result.isError, true);
  assert.match(body.result.content[0].text, /not permitted/);
});

test('an organisation cannot pass off a connector of its own as one of ours', async (t) => {
  const own = await Connek.create(t);
  const definition = (id, kind, tool) => ({ manifest: 1, id, name: 'Ours', ...(kind && { kind }), ...(!kind && { base: 'https://m.example.com' }), tools: [{ description: 'Tells who you are.', ...tool }] });
  const input = { type: 'object', properties: {} };
  const get = { name: 'get', does: 'read', input, call: 'GET /' };
  const whoami = { name: 'whoami', does: 'read', input };
  const query = { name: 'query', does: 'read', input };
  const applied = async (connector) => own.command('apply', await own.writeFile('own.json', { organisation: 'acme', connectors: [connector] }));
  assert.equal((await applied(definition('mine', null, get))).code, 0);
  for (const [connector, about] of [
    [definition('sqlite', null, get), /\/id.*built-in/],
    [definition('sqlite', 'sqlite', query), /\/id.*built-in/],
    [definition('connek', null, get), /\/id.*built-in/],
    [definition('connek', 'self', whoami), /\/id.*built-in/],
    [definition('free', 'self', whoami), /\/kind.*Connek's own/],
  ]) {
    const { code, stderr } = await applied(connector);
    assert.equal(code, 1, stderr);
    assert.match(stderr.replaceAll('\n', ' '), about);
  }
});

test('answers to people are kept by no cache', async () => {
  for (const answer of [await send(person.url, list), await post(person.url, initialize), await send(connek.url('0'.repeat(64)), list)])
    assert.equal(answer.headers.get('cache-control'), 'no-store');
});

test('an allowed name is the only one a page can use: preflights of others get nothing', async () => {
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://localhost.evil.example']) {
    const response = await fetch(person.url, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } });
    assert.equal(response.status, 403, origin);
    assert.equal(response.headers.get('access-control-allow-origin'), null);
  }
  assert.equal((await send(person.url, list)).headers.get('access-control-allow-origin'), null);
});
