// The postgres connector on a real PostgreSQL server: as an assistant uses it, as one that was talked into something
// would misuse it, and when the server is not as it should be.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { Connek } from './support/connek.js';
import { Postgres } from './support/postgres.js';
import { callTool, modern, post } from './support/mcp.js';

const email = 'clerk@acme.example';
const password = 'reader-swordfish';
let postgres, connek, url, closers, silent, hostile;

// What is connected: a name, settings that differ from the reader's, its password.
const connections = () => [
  ['books', {}],
  ['ledger', { user: 'writer', access: 'write' }],
  ['root', { user: 'admin', access: 'write' }, postgres.admin],
  ['writer-reads', { user: 'writer' }],
  ['wrong', {}, 'wrong-swordfish'],
  ['nowhere', { database: 'nowhere' }],
  ['injected', { database: 'host=127.0.0.1 dbname=books' }],
  ['narrow', { user: 'narrow', sessions: 2 }],
  ['patient', { timeout_ms: 60_000 }],
  ['quick', { timeout_ms: 500 }],
  ['single', { sessions: 1, timeout_ms: 700 }],
  ['trusted', { host: 'localhost', tls: 'verify-full', ca: postgres.ca }],
  ['untrusted', { host: 'localhost', tls: 'verify-full' }],
  ['misnamed', { tls: 'verify-full', ca: postgres.ca }],
  ['closed', { port: 1 }],
  ['silent', { port: silent.address().port, timeout_ms: 700 }],
  ['hostile', { port: hostile.address().port, timeout_ms: 700 }],
  ['forbidden', { host: '127.0.0.2' }],
];

// A server that has its client compute for an hour before it is let in: SCRAM's iterations are the server's to choose
// (RFC 5802, 5.1), and libpq does as it is told.
function compute(socket) {
  socket.on('error', () => {});
  socket.on('data', (data) => {
    const message = (kind, code, body) => {
      const head = Buffer.from([kind.charCodeAt(0), 0, 0, 0, 0, 0, 0, 0, code]);
      head.writeUInt32BE(8 + body.length, 1);
      socket.write(Buffer.concat([head, Buffer.from(body)]));
    };
    if (data.length === 8) return socket.write('N'); // no TLS
    const nonce = /r=([^,]+)$/.exec(data.toString('latin1'));
    if (nonce) message('R', 11, `r=${nonce[1]}x,s=c2FsdA==,i=2000000000`);
    else message('R', 10, 'SCRAM-SHA-256\0\0');
  });
}

before(async () => {
  closers = [];
  const t = { after: (close) => closers.push(close) };
  postgres = await Postgres.start(t);
  silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  hostile = createServer(compute).listen(0, '127.0.0.1');
  await once(hostile, 'listening');
  closers.unshift(() => (silent.close(), hostile.close()));
  await postgres.sql('CREATE DATABASE books');
  await postgres.sql(
    `CREATE ROLE reader LOGIN PASSWORD '${password}'; CREATE ROLE writer LOGIN PASSWORD '${password}';
     CREATE ROLE narrow LOGIN PASSWORD '${password}' CONNECTION LIMIT 1;
     CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
     CREATE TABLE entry (id int PRIMARY KEY, cents bigint, note text DEFAULT 'none', customer_id int REFERENCES customer);
     CREATE VIEW total AS SELECT sum(cents) AS cents FROM entry;
     CREATE SCHEMA hidden; CREATE TABLE hidden.secret (x text); CREATE SEQUENCE counter;
     CREATE SCHEMA other; CREATE TABLE other.place (x int); GRANT USAGE ON SCHEMA other TO reader;
     CREATE FUNCTION sneak() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO entry (id) VALUES (99); RETURN 1; END';
     INSERT INTO customer VALUES (1, 'Globex'); INSERT INTO entry VALUES (1, 100, 'first', 1), (2, 9007199254740993, NULL, 1);
     GRANT SELECT ON ALL TABLES IN SCHEMA public, other TO reader, narrow; GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;
     GRANT ALL ON SEQUENCE counter TO reader, writer; GRANT CREATE ON SCHEMA public TO writer`,
    'books',
  );
  connek = await Connek.create(t);
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connections: connections().map(([name, settings, own = password]) => ({
      name,
      connector: 'postgres',
      settings: { host: '127.0.0.1', port: postgres.port, database: 'books', user: 'reader', ...settings },
      credential: { password: own },
    })),
    roles: [{ name: 'clerk', rules: connections().map(([connection]) => ({ connection, tools: ['*'] })) }],
    users: [{ email, roles: ['clerk'] }],
  });
  await connek.start('--allow-upstream', '127.0.0.1', '--allow-upstream', 'localhost');
  ({ url } = await connek.token(email));
});

after(async () => {
  for (const close of closers.reverse()) await close();
});

const call = async (account, tool, args) => (await callTool(url, `postgres_${tool}`, { account, ...args })).body.result;
const query = (sql, params, account = 'books') => call(account, 'query', { sql, ...(params && { params }) });
const execute = (sql, params, account = 'ledger') => call(account, 'execute', { sql, ...(params && { params }) });
const rows = async (...args) => {
  const result = await query(...args);
  assert.equal(result.isError, false, result.content[0].text);
  return result.structuredContent.rows;
};
const failure = async (...args) => {
  const result = await query(...args);
  assert.equal(result.isError, true, result.content[0].text);
  return result.content[0].text;
};

test('tables are listed and described, with schemas where they are needed', async () => {
  const { tables } = (await call('books', 'list_tables', {})).structuredContent;
  assert.deepEqual(tables.map(({ name, type, columns }) => [name, type, columns]), [
    ['other.place', 'table', 1],
    ['customer', 'table', 2],
    ['entry', 'table', 4],
    ['total', 'view', 1],
  ]);
  const { structuredContent: entry } = await call('books', 'describe_table', { table: 'entry' });
  assert.deepEqual(entry.columns[0], { name: 'id', type: 'integer', not_null: true, default: null, primary_key: true });
  assert.equal(entry.columns[2].default, "'none'::text");
  assert.deepEqual(entry.foreign_keys, [{ column: 'customer_id', references_table: 'customer', references_column: 'id' }]);
  assert.equal((await call('books', 'describe_table', { table: 'other.place' })).structuredContent.table, 'other.place');
  assert.match((await call('books', 'describe_table', { table: 'total' })).structuredContent.sql, /sum/);
  for (const table of ['nope', 'hidden.secret', "entry'; DROP TABLE entry; --"])
    assert.match((await call('books', 'describe_table', { table })).content[0].text, /there is no table or view/);
});

test('every type has its JSON', async () => {
  const sql = `SELECT 9007199254740993::int8 AS i, 12.50::numeric AS n, 1.5::float8 AS f, 'NaN'::float8 AS nan, true AS b, NULL AS z,
    '\\x00ff10'::bytea AS bytes, '{"a": [1, 12345678901234567890.5]}'::jsonb AS j, '"\\ud800"'::json AS lone, date '2026-11-20' AS d,
    timestamptz '2026-11-20 10:00:00+00' AT TIME ZONE 'UTC' AS ts, interval '1 day 2 hours' AS iv, ARRAY[1, NULL, 3] AS ints,
    ARRAY[['a,b', 'c"d'], ['NULL', NULL]] AS texts, ARRAY[1.10, 2]::numeric[] AS nums, '[0:1]={1,2}'::int[] AS bounds, 1 AS i, '{}'::int[] AS none`;
  const { structuredContent, content } = await query(sql);
  const [row] = structuredContent.rows;
  assert.deepEqual(row.texts, [['a,b', 'c"d'], ['NULL', null]]);
  assert.deepEqual([row.n, row.f, row.nan, row.b, row.z, row.bytes], ['12.50', 1.5, 'NaN', true, null, 'AP8Q']);
  assert.deepEqual([row.lone, row.d, row.ts, row.iv], ['"\\ud800"', '2026-11-20', '2026-11-20 10:00:00', 'P1DT2H']);
  assert.deepEqual([row.ints, row.nums, row.bounds, row.i_2, row.none], [[1, null, 3], ['1.10', '2'], '[0:1]={1,2}', 1, []]);
  for (const part of ['9007199254740993', '12345678901234567890.5']) assert.ok(content[0].text.includes(part), part);
});

test('parameters are values, never SQL', async () => {
  const nasty = "x'; DROP TABLE entry; --";
  const [row] = await rows('SELECT $1::text AS a, $2::int AS b, $3::bool AS c, $4::text AS d, $5::jsonb AS e', [nasty, 7, true, null, { k: [1] }]);
  assert.deepEqual(row, { a: nasty, b: 7, c: true, d: null, e: { k: [1] } });
  assert.match(await failure('SELECT $1::int, $2::int', [1]), /parameter/);
  assert.match(await failure('SELECT $1::int', ['x']), /invalid input syntax/);
});

const state = () => rows('SELECT (SELECT count(*) FROM entry) AS entries, (SELECT count(*) FROM pg_class) AS relations, last_value, is_called FROM counter', undefined, 'ledger');

// By a role that may write, on a connection that may as well: what holds is the transaction.
for (const sql of [
  "INSERT INTO entry (id) VALUES (50)",
  'UPDATE entry SET cents = 0',
  'DELETE FROM entry',
  'DROP TABLE entry',
  'CREATE TABLE t (x int)',
  'CREATE TEMP TABLE t (x int)',
  'SELECT 1 AS x INTO t',
  'WITH d AS (DELETE FROM entry RETURNING id) SELECT id FROM d',
  'EXPLAIN ANALYZE DELETE FROM entry',
  'SELECT id FROM entry FOR UPDATE',
  "SELECT nextval('counter')",
  "SELECT setval('counter', 7)",
  'SELECT sneak()',
  'SELECT 1; DELETE FROM entry',
  'COMMIT; DELETE FROM entry',
  'SELECT 1; COMMIT; DELETE FROM entry',
  'COMMIT',
  '/* SELECT */ COMMIT',
  '-- SELECT\rCOMMIT',
  'COMMIT AND CHAIN',
  'ROLLBACK',
  'BEGIN',
  'START TRANSACTION READ WRITE',
  'SET TRANSACTION READ WRITE',
  'SET default_transaction_read_only = off',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
  "SELECT set_config('transaction_read_only', 'off', false)",
  "SELECT set_config('transaction_read_only', 'off', true), sneak()",
  "DO 'BEGIN INSERT INTO entry (id) VALUES (51); END'",
  'CALL sneak()',
  "COPY entry TO PROGRAM 'cat'",
  "COPY (SELECT 1) TO STDOUT",
  "; COPY entry TO '/tmp/x'",
  'LOCK TABLE entry',
  'LISTEN x',
  'PREPARE p AS DELETE FROM entry',
  'PREPARE TRANSACTION \'x\'',
  'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
  'VACUUM',
  'TRUNCATE entry',
  'GRANT ALL ON entry TO reader',
  'DISCARD ALL',
  "LOAD 'auto_explain'",
  '',
  '   ',
  '-- nothing',
])
  test(`query does not do: ${JSON.stringify(sql)}`, async () => {
    const before = await state();
    assert.equal((await query(sql, undefined, 'ledger')).isError, true);
    assert.deepEqual(await state(), before);
  });

test('a superuser is held back as well: COPY runs no program, in query or in execute', async () => {
  const program = "COPY (SELECT 1) TO PROGRAM 'touch ran'";
  for (const result of [await query(program, undefined, 'root'), await execute(program, undefined, 'root')])
    assert.match(result.content[0].text, /COPY is not allowed here/);
});

test('nothing of a query is left for the next call: settings, locks, prepared statements, notes', async () => {
  const own = 'single';
  await query("SELECT set_config('search_path', 'hidden', false), set_config('default_transaction_read_only', 'off', false)", undefined, own);
  await query('SELECT pg_advisory_lock(42)', undefined, own);
  const [row] = await rows(
    "SELECT current_setting('search_path') AS path, (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks, (SELECT count(*)::int FROM pg_prepared_statements) AS prepared",
    undefined,
    own,
  );
  assert.deepEqual(row, { path: '"$user", public', locks: 0, prepared: 0 });
});

test('execute changes the database, once, and says how much; not where the connection is for reading', async () => {
  const made = await execute('INSERT INTO entry (id, cents) VALUES ($1, $2), ($3, $2) RETURNING id', [10, 7, 11]);
  assert.deepEqual([made.isError, made.structuredContent.changes, made.structuredContent.rows], [false, 2, [{ id: 10 }, { id: 11 }]]);
  assert.equal((await rows('SELECT id FROM entry WHERE id > 9')).length, 2);
  assert.equal((await execute('DELETE FROM entry WHERE id > 9')).structuredContent.changes, 2);
  assert.match((await execute('DELETE FROM entry', undefined, 'writer-reads')).content[0].text, /for reading alone/);
  assert.match((await execute('DELETE FROM entry', undefined, 'books')).content[0].text, /for reading alone/);
  assert.equal((await rows('SELECT id FROM entry')).length, 2);
});

test('execute is one transaction: what fails has not happened, whatever came before', async () => {
  assert.match((await execute("INSERT INTO entry (id) SELECT i FROM generate_series(100, 200) i UNION ALL SELECT 1")).content[0].text, /duplicate key/);
  assert.equal((await rows('SELECT id FROM entry')).length, 2);
  for (const sql of ['COMMIT', 'BEGIN', "COPY entry FROM PROGRAM 'x'", 'INSERT INTO entry (id) VALUES (70); DELETE FROM entry', "DO 'BEGIN INSERT INTO entry (id) VALUES (71); COMMIT; END'", 'VACUUM'])
    assert.equal((await execute(sql)).isError, true, sql);
  assert.equal((await rows('SELECT id FROM entry')).length, 2);
});

test('many rows end with a clear mark, also of a change; its caps hold', async () => {
  const many = await query('SELECT i FROM generate_series(1, 300000) i');
  assert.deepEqual([many.structuredContent.truncated, many.structuredContent.row_count], [true, 1000]);
  assert.equal((await query("SELECT repeat('x', 10000) AS x FROM generate_series(1, 900)")).structuredContent.truncated, true);
  const changed = await execute('INSERT INTO entry (id) SELECT i FROM generate_series(1000, 3000) i RETURNING id');
  assert.deepEqual([changed.structuredContent.truncated, changed.structuredContent.changes], [true, 2001]);
  assert.equal((await execute('DELETE FROM entry WHERE id >= 1000')).structuredContent.changes, 2001);
});

test('a row that is too large is not taken in', async () => {
  assert.match(await failure("SELECT repeat('x', 40000000) AS x"), /a row is larger than 16 MiB/);
  assert.equal((await rows('SELECT 1 AS one')).length, 1);
});

test('what takes too long is stopped, at the server as well', async () => {
  assert.match(await failure('SELECT pg_sleep(30)', undefined, 'quick'), /took too long/);
  assert.match(await failure("SELECT set_config('statement_timeout', '0', false), pg_sleep(30)", undefined, 'quick'), /took too long/);
  assert.equal(await postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"), '0');
});

test('a call that is cancelled is cancelled at the server', async () => {
  const before = Date.now();
  const stop = new AbortController();
  const { message, headers } = modern('tools/call', { name: 'postgres_query', arguments: { account: 'patient', sql: 'SELECT pg_sleep(55)' } });
  const asked = post(url, message, headers, { signal: stop.signal }).catch(() => 'left');
  const active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(55)%'";
  while ((await postgres.sql(active)) !== '1') assert.ok(Date.now() - before < 60_000);
  stop.abort();
  assert.equal(await asked, 'left');
  const left = Date.now(); // it would sleep for twice as long as is waited here
  while ((await postgres.sql(active)) !== '0') assert.ok(Date.now() - left < 25_000);
});

test('calls wait for a session, and no longer than their time', async () => {
  const [first, second] = await Promise.all(['SELECT pg_sleep(0.1), 1 AS n', 'SELECT 2 AS n'].map((sql) => rows(sql, undefined, 'single')));
  assert.deepEqual([first[0].n, second[0].n], [1, 2]);
  const asked = await Promise.all([1, 2, 3].map(() => query('SELECT pg_sleep(5)', undefined, 'single')));
  for (const { isError, content } of asked) {
    assert.equal(isError, true);
    assert.match(content[0].text, /took too long|none came free|its turn came/);
  }
});

test('TLS is verified where it is to be: by the certificates that are given, and the name', async () => {
  const tls = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  assert.deepEqual(await rows(tls, undefined, 'trusted'), [{ ssl: true }]);
  assert.deepEqual(await rows(tls), [{ ssl: true }]);
  assert.match(await failure(tls, undefined, 'untrusted'), /certificate/);
  assert.match(await failure(tls, undefined, 'misnamed'), /certificate/);
});

test('what is wrong with a connection has its own sentence, without address, role or password; the log has the rest', async () => {
  const said = {};
  for (const name of ['wrong', 'nowhere', 'injected', 'closed', 'silent', 'forbidden']) said[name] = await failure('SELECT 1', undefined, name);
  assert.match(said.wrong, /refuses the connection's user, its password/);
  assert.match(said.nowhere, /no such database/);
  assert.match(said.injected, /no such database/);
  assert.match(said.closed, /cannot connect to 127\.0\.0\.1, port 1/);
  assert.match(said.silent, /no answer from it in time/);
  assert.match(said.forbidden, /--allow-upstream 127\.0\.0\.2/);
  assert.ok(!/swordfish|reader|FATAL/.test(Object.values(said).join()), Object.values(said).join('\n'));
  assert.ok(connek.log.some(({ event, detail }) => event === 'connection_failed' && /password authentication failed/.test(detail)));
  assert.ok(!connek.stderr.includes('swordfish'));
});

test('a password that is taken no more shows as the connection\'s state', async () => {
  await call('wrong', 'list_tables', {});
  for (let i = 0; i < 3; i++) await query('SELECT 1', undefined, 'wrong');
  const status = async () => (await connek.ok('connection', 'list', '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((line) => line.connection === 'wrong' || line.name === 'wrong');
  const before = Date.now();
  while ((await status())?.status !== 'error') assert.ok(Date.now() - before < 30_000, JSON.stringify(await status()));
});

test('a server that has its client compute without end holds up its own calls alone, and not the end of Connek', async () => {
  const before = connek.pid;
  assert.match(await failure('SELECT 1', undefined, 'hostile'), /did not answer in time|no answer from it in time/);
  assert.equal((await rows('SELECT 1 AS one')).length, 1);
  await connek.restart('--allow-upstream', '127.0.0.1', '--allow-upstream', 'localhost');
  assert.notEqual(connek.pid, before);
  ({ url } = await connek.token(email));
});

test('a server that takes no more sessions is told of', async () => {
  const both = await Promise.all([1, 2].map(() => query('SELECT pg_sleep(0.5)', undefined, 'narrow')));
  assert.deepEqual(both.map(({ isError }) => isError).sort(), [false, true]);
  assert.match(both.find(({ isError }) => isError).content[0].text, /takes no more connections/);
});

test('a check tells of a role that may do more than the connection is for', async () => {
  const check = async (name) => (await connek.command('connection', 'check', '--connection', name, '--allow-upstream', '127.0.0.1')).stdout;
  assert.match(await check('root'), /ok: .*superuser/);
  assert.match(await check('writer-reads'), /ok: .*may write/);
  assert.doesNotMatch(await check('books'), /;/);
  assert.doesNotMatch(await check('ledger'), /;/);
});

test('a server that ends and comes back: calls fail with a sentence, then work again', async () => {
  assert.equal((await rows('SELECT 1 AS one')).length, 1);
  const asked = query('SELECT pg_sleep(20)');
  while ((await postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'")) !== '1');
  await postgres.stop('immediate');
  assert.match((await asked).content[0].text, /broke the connection off|stopping or starting/);
  assert.match(await failure('SELECT 1'), /cannot connect|broke/);
  await postgres.begin();
  assert.equal((await rows('SELECT 1 AS one')).length, 1);
});
