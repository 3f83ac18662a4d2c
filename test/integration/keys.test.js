// Data keys, changed under a server that serves: whatever is sealed goes under the new key and works on, however often the
// change is killed; and what was moved in the database does not open.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { chmod, cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, binary, exampleConfig, exampleLedger, releaseBinary, run } from './support/connek.js';
import { sql as rowsOf } from './support/aged.js';
import { leakyProgram } from './support/leaky.js';
import { callTool } from './support/mcp.js';
import { signedInApi } from './support/api.js';
import { Person } from './support/person.js';
import { held, isLong, rounds } from './support/proof.js';
import { member, password } from './support/sign_in.js';
import { Browser, Vendor, manifestOf } from './support/vendor.js';
import { eventually } from './support/wait.js';

const root = resolve(import.meta.dirname, '../..');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function totp(secret, step) {
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// Every column that store/sealed.c lists, two rows in each: of two connections, connectors, persons, consents.
const columns = ['connection.credential', 'connection_grant.secret', 'client_app.secret', 'connector.environment', 'oauth_state.verifier', 'login_totp.secret', 'webhook_secret.secret'];
const idOf = { connection: 'id', connection_grant: 'connection_id', client_app: 'connector_id', connector: 'id', oauth_state: 'hash', login_totp: 'login_id', webhook_secret: 'id' };

async function sql(folder, text) {
  const { code, stdout, stderr } = await run('sqlite3', ['-bail', `${folder}/connek.db`], { input: text });
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

const versionsOf = async (connek, column) => {
  const [table, name] = column.split('.');
  const rows = await rowsOf(connek, `SELECT hex(${name}) AS value FROM ${table} WHERE ${name} IS NOT NULL`);
  return `${[...new Set(rows.map(({ value }) => value.slice(2, 10)))]} ${rows.length}`;
};

// Something sealed in every place.
async function sealed(t, options = {}) {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { ...options, env: { SECRET: 'a client secret', KEY: 'a key', ONE: 'first variable', TWO: 'second variable' } });
  const child = (id, name) => ({ id, kind: 'mcp', command: [process.execPath, leakyProgram], directory: root, environment: { [name]: { env: name } } });
  const emails = ['one@acme.example', 'two@acme.example'];
  await connek.writeFile('books.json', manifestOf(vendor));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['books.json', { ...manifestOf(vendor), id: 'papers' }, child('first', 'ONE'), child('second', 'TWO')],
    connections: [
      { name: 'books', connector: 'books' }, { name: 'papers', connector: 'papers' }, { name: 'waiting', connector: 'books' },
      { name: 'given', connector: 'books', credential: { access_token: 'given-by-hand' } }, { name: 'also', connector: 'papers', credential: { access_token: 'also-by-hand' } },
      { name: 'first', connector: 'first', trust: 'accept' }, { name: 'second', connector: 'second', trust: 'accept' },
    ],
    roles: [{ name: 'all', rules: ['books', 'papers', 'first', 'second'].map((connector) => ({ connector, does: ['read', 'write', 'destroy'] })) }],
    users: [{ email: 'admin@acme.example', kind: 'admin', roles: [] }, { email: 'boss@acme.example', kind: 'owner', roles: [] }, ...emails.map((email) => ({ email, roles: ['all'] }))],
  });
  await connek.apply({ organisation: 'globex', connectors: ['books.json'], connections: [{ name: 'books', connector: 'books', credential: { access_token: 'of-globex' } }], roles: [], users: [] });
  const app = (...args) => connek.ok('client-app', 'set', ...args, '--client-id', 'connek-client', '--secret', 'env:SECRET');
  for (const id of ['books', 'papers']) await app(id, '--organisation', 'acme');
  for (const id of ['github', 'linear']) await app(id, '--installation');
  await connek.start('--allow-upstream', vendor.host);
  const link = async (name) => (await connek.ok('connection', 'connect', '--connection', name, '--organisation', 'acme')).trim();
  for (const name of ['books', 'papers']) assert.match((await new Browser().follow(await link(name))).text, /is connected/);
  vendor.live.set('given-by-hand', Infinity).set('also-by-hand', Infinity);
  const waiting = new Browser();
  const atVendor = async () => (await waiting.get(await link('waiting'))).headers.get('location');
  await atVendor();
  const callback = (await waiting.get(await atVendor())).headers.get('location');
  const people = [];
  for (const email of emails) {
    const person = await member(connek, email, '--organisation', 'acme');
    const page = await person.open(`${connek.base}/account/two-step`);
    const secret = /<code>([A-Z2-7]{32})<\/code>/.exec(page.text)[1];
    await person.press(page, 'Turn on', { code: totp(secret, Math.floor(Date.now() / 30000)) });
    people.push({ email, secret });
  }
  const admin = await signedInApi(connek, 'admin@acme.example', 'acme');
  for (const name of ['one', 'two']) await admin.post('./webhooks', { name, url: `${vendor.base}/hook`, events: ['role.deleted'] });
  const { token } = await connek.token(emails[0], '--organisation', 'acme');
  return { connek, vendor, people, url: () => connek.url(token), finish: (base = connek.base) => waiting.follow(callback.replace(/^http:\/\/[^/]+/, base)) };
}

async function everythingWorks({ connek, people, url }, who) {
  for (const [name, account] of [['books_list', 'books'], ['books_list', 'given'], ['papers_list', 'papers'], ['papers_list', 'also']]) {
    const { text, body } = await callTool(url(), name, { account });
    assert.equal(body.result?.isError, false, text);
  }
  await eventually(async () => {
    for (const name of ['first', 'second']) assert.equal((await callTool(url(), `${name}_echo`)).body.result?.isError, false, connek.stderr);
  });
  const { email, secret } = people[who]; // a code counts once
  const person = new Person();
  const page = await person.press(await person.signIn(connek.base, email, password), 'Go on', { code: totp(secret, Math.floor(Date.now() / 30000) + 1) });
  assert.match(page.url, /\/account/, page.text);
}

test('whatever is sealed goes under the new key while a server serves, and works on', async (t) => {
  const world = await sealed(t);
  const { connek, finish } = world;
  for (const column of columns) assert.match(await versionsOf(connek, column), /^00000001 [2-9]$/, column);
  assert.match(await connek.ok('key', 'rotate'), /acme: \d+ sealed.*globex: 1 sealed.*clients: 2 sealed.*second steps: 2 sealed/s);
  for (const column of columns) assert.match(await versionsOf(connek, column), /^00000002 [2-9]$/, column);
  await everythingWorks(world, 1);
  assert.match((await finish()).text, /is connected/);
  await connek.restart();
  await everythingWorks(world, 0);
  const rings = (await connek.ok('key', 'check', '--json')).trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(rings.map(({ organisation, installation }) => organisation ?? installation), ['acme', 'globex', 'installation', 'sign_in']);
  for (const ring of rings) assert.deepEqual([ring.version, ring.under_older_keys, ring.broken, ring.is_rotating, ring.keys_open], [2, 0, 0, false, true]);
});

test('what was moved to another row, column or organisation, or says another version, does not open', async (t) => {
  const { connek } = await sealed(t, { isOnSqlite: true }); // tried on copies of its file
  await connek.stop();
  const brokenAfter = async (change) => {
    const folder = connek.path('copy');
    await cp(connek.data, folder, { recursive: true, force: true });
    await sql(folder, `PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; ${change}`);
    const { code, stdout } = await run(binary, ['key', 'check', '--json', '--data', folder]);
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line));
    return { code, broken: lines.reduce((n, { broken }) => n + broken, 0), closed: lines.filter(({ keys_open }) => !keys_open).length };
  };
  assert.deepEqual(await brokenAfter(''), { code: 0, broken: 0, closed: 0 });
  for (const column of columns) {
    const [table, name] = column.split('.');
    const id = idOf[table];
    const rows = `SELECT ${id} FROM ${table} WHERE ${name} IS NOT NULL ${table === 'client_app' || table === 'connection' || table === 'connection_grant' ? `AND organisation_id = (SELECT id FROM organisation WHERE name = 'acme')` : ''} ORDER BY ${id}`;
    const first = `(${rows} LIMIT 1)`, second = `(${rows} LIMIT 1 OFFSET 1)`;
    const of = (row) => `(SELECT ${name} FROM ${table} WHERE ${id} = ${row})`;
    // Row: both of a pair.
    assert.deepEqual(await brokenAfter(`CREATE TEMP TABLE a AS SELECT ${of(first)} AS v; CREATE TEMP TABLE pair AS SELECT ${first} AS one, ${second} AS two; UPDATE ${table} SET ${name} = (SELECT ${name} FROM ${table} WHERE ${id} = (SELECT two FROM pair)) WHERE ${id} = (SELECT one FROM pair); UPDATE ${table} SET ${name} = (SELECT v FROM a) WHERE ${id} = (SELECT two FROM pair);`), { code: 1, broken: 2, closed: 0 }, `${column}: rows`);
    // Column: what another column's row of the same organisation holds.
    const other = columns.find((one) => one !== column && (one === 'login_totp.secret') === (column === 'login_totp.secret')) ?? 'connection.credential';
    const [otherTable, otherName] = other.split('.');
    assert.deepEqual(await brokenAfter(`UPDATE ${table} SET ${name} = (SELECT ${otherName} FROM ${otherTable} WHERE ${otherName} IS NOT NULL LIMIT 1) WHERE ${id} = ${first};`), { code: 1, broken: 1, closed: 0 }, `${column}: from ${other}`);
    // Version, as the value says it; and, of one, each kind of change to its bytes.
    const changes = [`substr(${name}, 1, 4) || x'02' || substr(${name}, 6)`, `substr(${name}, 1, length(${name}) - 1)`, `${name} || x'00'`, `x''`, `x'02' || substr(${name}, 2)`];
    for (const change of column === columns[0] ? changes : changes.slice(0, 1))
      assert.deepEqual(await brokenAfter(`UPDATE ${table} SET ${name} = CAST(${change} AS BLOB) WHERE ${id} = ${first};`), { code: 1, broken: 1, closed: 0 }, `${column}: ${change}`);
  }
  assert.equal((await brokenAfter(`UPDATE connector SET organisation_id = (SELECT id FROM organisation WHERE name = 'globex') WHERE id = 'first';`)).broken, 1);
  assert.equal((await brokenAfter(`UPDATE webhook_secret SET organisation_id = (SELECT id FROM organisation WHERE name = 'globex');`)).broken, 2);
  assert.equal((await brokenAfter(`UPDATE connect_link SET organisation_id = (SELECT id FROM organisation WHERE name = 'globex') WHERE hash IN (SELECT link FROM oauth_state);`)).broken, Number(await sql(connek.data, 'SELECT count(*) FROM oauth_state WHERE verifier IS NOT NULL')));
  // Organisation: a row that is taken along, its value with it; and the keys themselves.
  const globex = `(SELECT id FROM organisation WHERE name = 'globex')`, acme = `(SELECT id FROM organisation WHERE name = 'acme')`;
  assert.equal((await brokenAfter(`UPDATE connection SET organisation_id = ${globex} WHERE name = 'given';`)).broken, 1);
  assert.equal((await brokenAfter(`UPDATE client_app SET organisation_id = ${globex} WHERE connector_id = 'papers';`)).broken, 1);
  assert.equal((await brokenAfter(`UPDATE connection_grant SET organisation_id = ${globex};`)).broken, 2);
  assert.equal((await brokenAfter(`UPDATE organisation SET data_key = (SELECT data_key FROM organisation WHERE name = 'acme') WHERE name = 'globex';`)).closed, 1);
  assert.equal((await brokenAfter(`UPDATE installation SET value = (SELECT data_key FROM organisation WHERE id = ${acme}) WHERE name = 'data_key';`)).closed, 1);
  assert.deepEqual(await brokenAfter(`UPDATE installation SET value = (SELECT value FROM installation WHERE name = 'data_key') WHERE name = 'sign_in_data_key';`), { code: 1, broken: 2, closed: 0 });
});

test('values that were exchanged between two rows are used for nothing: not by a call, a consent, a sign-in, a process, a webhook', async (t) => {
  const { connek, vendor, people, url, finish } = await sealed(t);
  await connek.stop();
  for (const column of columns) {
    const [table, name] = column.split('.'), id = idOf[table];
    // Each gets what the next one of its organisation has.
    const own = { client_app: 'organisation_id', connection: 'organisation_id', connection_grant: 'organisation_id' }[table] ?? '1';
    const rows = await rowsOf(connek, `SELECT hex(${name}) AS value, ${table === 'client_app' || table === 'connector' ? id : `hex(${id})`} AS id, ${own === '1' ? '1' : 'hex(organisation_id)'} AS own FROM ${table} WHERE ${name} IS NOT NULL`);
    for (const row of rows) {
      const others = rows.filter(({ own: whose, id: other }) => whose === row.own && other !== row.id);
      const where = table === 'client_app' || table === 'connector' ? `'${row.id}'` : `x'${row.id}'`;
      if (others.length > 0) await rowsOf(connek, `UPDATE ${table} SET ${name} = x'${others[0].value}' WHERE ${id} = ${where}`);
    }
  }
  await connek.start('--allow-upstream', vendor.host);
  const [n_calls, n_exchanges] = [vendor.calls.length, vendor.exchanges.length];
  const damaged = 'does not open here: it was damaged, or moved, in the database';
  // A client's secret is looked at before what was granted to it.
  for (const [name, account, wanted] of [
    ['books_list', 'given', `the credential of given ${damaged}: it has to be given anew`], ['papers_list', 'also', `the credential of also ${damaged}`],
    ['books_list', 'books', `the secret of the client for books ${damaged}: set it again`], ['papers_list', 'papers', `the secret of the client for papers ${damaged}`],
    ['first_echo', undefined, 'The credential of first could not be opened'], ['second_echo', undefined, 'The credential of second could not be opened'],
  ]) {
    const { text, body } = await callTool(url(), name, { ...(account && { account }) });
    assert.notEqual(body.result?.isError, false, text);
    assert.ok(text.includes(wanted), text);
  }
  const link = await connek.command('connection', 'connect', '--connection', 'waiting', '--organisation', 'acme');
  assert.equal(link.code, 1);
  assert.match(link.stderr, /the secret of the client for books does not open here/);
  await connek.ok('client-app', 'set', 'books', '--organisation', 'acme', '--client-id', 'connek-client', '--secret', 'env:SECRET');
  assert.match((await callTool(url(), 'books_list', { account: 'books' })).text, /books has to be connected again: what its service granted does not open here/);
  assert.match((await finish()).text, /What this consent was begun with does not open any more/);
  const { email, secret } = people[0];
  const person = new Person();
  const page = await person.press(await person.signIn(connek.base, email, password), 'Go on', { code: totp(secret, Math.floor(Date.now() / 30000) + 1) });
  assert.equal(page.status, 400);
  assert.match(page.text, /Codes of your app cannot be looked at/);
  const admin = await signedInApi(connek, 'boss@acme.example', 'acme');
  for (const { id } of (await admin.get('./webhooks')).items) {
    await admin.post(`./webhooks/${id}/test`);
    await eventually(async () => {
      const [delivery] = (await admin.get(`./webhooks/${id}/deliveries`)).items;
      assert.deepEqual([delivery.status, delivery.text], ['failed', 'Its secret cannot be opened: make the webhook a new one.']);
    });
  }
  assert.equal(vendor.calls.length, n_calls);
  assert.equal(vendor.exchanges.length, n_exchanges);
});

const credentials = rounds(500, 100_000);
const kills = rounds(3, 20);

test(`the keys of ${credentials} credentials are changed, killed ${kills} times, while calls go on: none fails`, async (t) => {
  const vendor = await Vendor.start(t);
  const program = isLong ? releaseBinary : binary;
  const connek = await Connek.create(t, { binary: program });
  const perOrganisation = Math.min(credentials, 1000);
  const urls = [];
  await connek.writeFile('books.json', manifestOf(vendor));
  for (let i = 0; i * perOrganisation < credentials; i++) {
    const email = `all@org${i}.example`;
    const connections = Array.from({ length: perOrganisation }, (_, k) => ({ name: `books-${k}`, connector: 'books', credential: { access_token: `token-${i}-${k}` } }));
    await connek.apply({
      organisation: `org${i}`,
      limits: { per_minute: 1_000_000 },
      connectors: ['books.json'],
      connections,
      roles: [{ name: 'all', rules: [{ connector: 'books', tools: ['*'] }] }],
      users: [{ email, roles: ['all'] }],
    });
    for (let k = 0; k < perOrganisation; k++) vendor.live.set(`token-${i}-${k}`, Infinity);
    urls.push(await connek.token(email, '--organisation', `org${i}`));
  }
  await connek.start('--allow-upstream', vendor.host);
  let isOver = false;
  let calls = 0;
  const calling = async () => {
    while (!isOver) {
      const i = Math.floor(Math.random() * urls.length), k = Math.floor(Math.random() * perOrganisation);
      const { text, body } = await callTool(connek.url(urls[i].token), 'books_list', { account: `books-${k}` });
      assert.equal(body?.result?.isError, false, text);
      calls++;
    }
  };
  const callers = Promise.all(Array.from({ length: 4 }, calling));
  callers.catch(() => {});
  const rotate = () => run(program, ['key', 'rotate', '--data', connek.data], { env: connek.env, timeoutMs: Math.ceil(30 + Math.random() * rounds(250, 2_000)) });
  let killed = 0;
  for (let i = 0; killed < kills && i < 10 * kills; i++) if ((await rotate()).signal) killed++;
  await connek.ok('key', 'rotate');
  await sleep(200);
  isOver = true;
  await callers;
  assert.equal(killed, kills);
  assert.ok(calls > 0);
  assert.equal(vendor.calls.filter(({ status }) => status !== 200).length, 0);
  const rings = (await connek.ok('key', 'check', '--json')).trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(rings.reduce((n, { sealed: some }) => n + some, 0), credentials);
  for (const ring of rings) assert.deepEqual([ring.broken, ring.under_older_keys, ring.is_rotating], [0, 0, false], JSON.stringify(ring));
  t.diagnostic(`${calls} calls meanwhile`);
  held(`keys of ${credentials} credentials changed, killed: no call failed`, kills);
});

/* ---- the key above them ---- */

const newKey = () => randomBytes(32).toString('hex');

async function keyFile(connek, name, key, mode = 0o400) {
  await rm(connek.path(name), { force: true });
  await connek.writeFile(name, `${key}\n`);
  await chmod(connek.path(name), mode);
  return connek.path(name);
}

// Where its data is stays; what else the environment says is another.
const setEnv = (connek, env) => {
  const { CONNEK_DATABASE } = connek.env;
  connek.env = CONNEK_DATABASE ? { CONNEK_DATABASE, ...env } : env;
};

// A folder whose key comes from elsewhere.
async function keyed(t, env) {
  const connek = await Connek.create(t, { env });
  await connek.makeDatabase('ledger.db', exampleLedger);
  return connek;
}

const works = async (connek) => {
  const { code, stdout, stderr } = await connek.command('key', 'check');
  assert.equal(code, 0, stdout + stderr);
};

async function refused(connek, sentence) {
  for (const args of [['key', 'check'], ['apply', await connek.writeFile('config.json', exampleConfig)], ['serve', '--listen', '127.0.0.1:0']]) {
    const { code, stderr } = await connek.command(...args);
    assert.equal(code, 1, args[0]);
    assert.match(stderr, sentence, args[0]);
  }
}

test('the master key comes from a credential of systemd, the folder\'s file or a variable, in that order', async (t) => {
  const [one, two] = [newKey(), newKey()];
  const connek = await keyed(t, { CONNEK_MASTER_KEY: one });
  await connek.apply();
  assert.ok(!(await readdir(connek.data)).includes('master.key'), 'a key that is given is kept where it came from');
  await works(connek);
  await connek.start();
  const { token } = await connek.token('finance@acme.example');
  assert.equal((await callTool(connek.url(token), 'sqlite_query', { sql: 'SELECT 1' })).status, 200);
  const environ = await readFile(`/proc/${connek.pid}/environ`);
  assert.ok(environ.includes('CONNEK_MASTER_KEY='), 'the place where it stood is looked at');
  assert.ok(!environ.includes(one) && !environ.includes(one.slice(0, 16)));
  await connek.stop();
  // What stands before it is taken, and has to be the right one.
  await writeFile(`${connek.data}/master.key`, `${two}\n`, { mode: 0o400 });
  await refused(connek, /master\.key is not the key this data was sealed with, the variable CONNEK_MASTER_KEY is/);
  await rm(`${connek.data}/master.key`);
  connek.env.CREDENTIALS_DIRECTORY = connek.home;
  await keyFile(connek, 'connek.master-key', two);
  await refused(connek, /systemd credential connek\.master-key is not the key.*, the variable CONNEK_MASTER_KEY is/);
  await keyFile(connek, 'connek.master-key', one);
  connek.env.CONNEK_MASTER_KEY = two; // not looked at any more
  await works(connek);
  await keyFile(connek, 'connek.master-key', one, 0o444);
  await refused(connek, /connek\.master-key has mode 0444: others may read it/);
  await keyFile(connek, 'connek.master-key', one.slice(1));
  await refused(connek, /not a master key \(64 hex digits/);
  await rm(connek.path('connek.master-key'));
  await refused(connek, /CONNEK_MASTER_KEY is not the key this data was sealed with; put the right one there/);
  setEnv(connek, {});
  await refused(connek, /has data but no master\.key|has no master\.key, but the database has data/);
  assert.ok(!(await readdir(connek.data)).includes('master.key'), 'one was made that opens nothing');
});

test('the master key is changed: the old one opens nothing any more, and no server may run meanwhile', async (t) => {
  const connek = await keyed(t, {});
  await connek.apply();
  await connek.start();
  const { token } = await connek.token('finance@acme.example');
  const busy = await connek.command('key', 'rotate', '--master');
  assert.equal(busy.code, 1);
  assert.match(busy.stderr, /stop it first/);
  await connek.stop();
  const old = await readFile(`${connek.data}/master.key`, 'utf8');
  assert.match(await connek.ok('key', 'rotate', '--master'), /rings of data keys are under the new master key/);
  const now = await readFile(`${connek.data}/master.key`, 'utf8');
  assert.notEqual(now, old);
  assert.deepEqual((await readdir(connek.data)).filter((name) => /master/.test(name)), ['master.key']);
  await works(connek);
  assert.equal((await connek.verify()).code, 0);
  assert.ok((await connek.audit()).some(({ tool }) => tool === 'key.rotate_master'));
  await connek.start();
  assert.equal((await callTool(connek.url(token), 'sqlite_query', { sql: 'SELECT 1' })).body.result.isError ?? false, false);
  await connek.stop();
  await rm(`${connek.data}/master.key`);
  await writeFile(`${connek.data}/master.key`, old, { mode: 0o400 });
  await refused(connek, /master\.key is not the key this data was sealed with/);
  // From a source of the operator's own: they say which is next.
  await rm(`${connek.data}/master.key`);
  setEnv(connek, { CONNEK_MASTER_KEY: now.trim() });
  assert.match((await connek.command('key', 'rotate', '--master')).stderr, /comes from the variable CONNEK_MASTER_KEY: put the new one .* --new-key/);
  const next = newKey();
  await connek.ok('key', 'rotate', '--master', '--new-key', await keyFile(connek, 'next.key', next));
  await refused(connek, /CONNEK_MASTER_KEY is not the key/);
  setEnv(connek, { CONNEK_MASTER_KEY: next });
  await works(connek);
});

const masterKills = rounds(12, 200);

test(`the change of the master key is killed ${masterKills} times: one key opens everything at any moment`, async (t) => {
  const connek = await keyed(t, {});
  for (let i = 0; i < 20; i++) await connek.apply({ organisation: `org${i}`, connections: [], roles: [], users: [] });
  let killed = 0, changed = 0, before = await readFile(`${connek.data}/master.key`, 'utf8');
  for (let i = 0; i < masterKills; i++) {
    const { signal } = await run(binary, ['key', 'rotate', '--master', '--data', connek.data], { env: connek.env, timeoutMs: Math.ceil(5 + Math.random() * 120) });
    killed += signal !== null;
    const { code, stdout, stderr } = await connek.command('key', 'check', '--json');
    assert.equal(code, 0, stdout + stderr);
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(lines.length >= 20 && lines.every(({ keys_open }) => keys_open));
    const after = await readFile(`${connek.data}/master.key`, 'utf8');
    changed += after !== before;
    before = after;
  }
  await connek.ok('key', 'rotate', '--master');
  await works(connek);
  t.diagnostic(`killed ${killed} times, changed ${changed} times`);
  assert.ok(killed > 0);
  held('master key changed, killed: one key opens everything', masterKills);
});
