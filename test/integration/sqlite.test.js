// The sqlite connector as an assistant uses it, and as an assistant that was talked into something would misuse it.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, run } from './support/connek.js';
import { callTool } from './support/mcp.js';

const email = 'clerk@acme.example';
let connek, url, closers;

before(async () => {
  closers = [];
  connek = await Connek.create({ after: (close) => closers.push(close) });
  await connek.makeDatabase('other.db', "CREATE TABLE t (x); INSERT INTO t VALUES ('other-canary')");
  await connek.makeDatabase(
    'ledger.db',
    `CREATE TABLE entry (id INTEGER PRIMARY KEY, cents INTEGER, note TEXT, blob BLOB);
     CREATE VIEW total AS SELECT sum(cents) AS cents FROM entry;
     INSERT INTO entry (cents, note, blob) VALUES (100, 'first', x'00ff'), (9007199254740993, NULL, NULL), (-5, 'caf\u00e9 "quoted"', NULL);`,
  );
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' } }],
    roles: [{ name: 'clerk', rules: [{ connection: 'ledger', tools: ['*'] }] }],
    users: [{ email, roles: ['clerk'] }],
  });
  await connek.start();
  ({ url } = await connek.token(email));
});

after(async () => {
  for (const close of closers) await close();
});

const call = async (tool, args) => (await callTool(url, `sqlite_${tool}`, args)).body.result;
const query = (sql, params) => call('query', { sql, ...(params && { params }) });

test('tables are listed and described', async () => {
  assert.match(JSON.stringify((await call('list_tables', {})).structuredContent), /entry.*total|total.*entry/);
  const { structuredContent, isError } = await call('describe_table', { table: 'entry' });
  assert.equal(isError, false);
  assert.match(JSON.stringify(structuredContent), /cents.*INTEGER/);
  assert.equal((await call('describe_table', { table: 'nope' })).isError, true);
  assert.equal((await call('describe_table', { table: "entry'); DROP TABLE entry; --" })).isError, true);
});

test('a query answers with rows as data and as text', async () => {
  const result = await query('SELECT id, cents, note FROM entry WHERE id = $1', [3]);
  assert.equal(result.isError, false);
  assert.match(result.content[0].text, /caf\u00e9/);
  assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
  assert.match((await callTool(url, 'sqlite_query', { sql: 'SELECT cents FROM entry WHERE id = 2' })).text, /9007199254740993/);
});

test('parameters are values, never SQL', async () => {
  const nasty = "x'; DROP TABLE entry; --";
  const { structuredContent } = await query('SELECT $1 AS value', [nasty]);
  assert.ok(JSON.stringify(structuredContent).includes('DROP TABLE entry'));
  assert.equal((await query('SELECT count(*) FROM entry')).isError, false);
});

for (const sql of [
  'INSERT INTO entry (cents) VALUES (1)',
  'UPDATE entry SET cents = 0',
  'DELETE FROM entry',
  'DROP TABLE entry',
  'CREATE TABLE t (x)',
  "ATTACH 'other.db' AS other",
  'PRAGMA query_only = OFF',
  'PRAGMA writable_schema = ON',
  'PRAGMA journal_mode = DELETE',
  "SELECT load_extension('x')",
  "SELECT writefile('x', 'y')",
  "SELECT readfile('/etc/passwd')",
  'VACUUM',
  "VACUUM INTO 'copy.db'",
  'BEGIN',
  'SELECT 1; DELETE FROM entry',
  'WITH d AS (SELECT 1) DELETE FROM entry',
  'EXPLAIN DELETE FROM entry; DELETE FROM entry',
  '',
  '   ',
  '-- nothing',
])
  test(`query does not do: ${sql || '(nothing)'}`, async () => {
    const before = (await query('SELECT count(*) AS n, sum(id) AS s FROM entry')).content[0].text;
    assert.equal((await query(sql)).isError, true);
    assert.equal((await query('SELECT count(*) AS n, sum(id) AS s FROM entry')).content[0].text, before);
  });

for (const sql of [
  "ATTACH 'other.db' AS other",
  `ATTACH DATABASE ':memory:' AS m`,
  'PRAGMA writable_schema = ON',
  "SELECT load_extension('x')",
  "VACUUM INTO 'copy.db'",
  'INSERT INTO entry (cents) VALUES (1); DROP TABLE entry',
  'BEGIN',
  'COMMIT',
])
  test(`execute does not do: ${sql}`, async () => assert.equal((await call('execute', { sql })).isError, true));

test('execute changes the file, once, and says how much', async () => {
  const result = await call('execute', { sql: 'INSERT INTO entry (cents, note) VALUES ($1, $2)', params: [7, 'made'] });
  assert.equal(result.isError, false, result.content[0].text);
  assert.match(JSON.stringify(result.structuredContent), /1/);
  const { stdout } = await run('sqlite3', [connek.path('ledger.db'), "SELECT count(*) FROM entry WHERE note = 'made'"]);
  assert.equal(stdout.trim(), '1');
  await call('execute', { sql: "DELETE FROM entry WHERE note = 'made'" });
});

test('what was executed can be read at once', async () => {
  await call('execute', { sql: "INSERT INTO entry (id, note) VALUES (77, 'seen')" });
  assert.match((await query('SELECT note FROM entry WHERE id = 77')).content[0].text, /seen/);
  await call('execute', { sql: 'DELETE FROM entry WHERE id = 77' });
});

test('an error in the SQL is told in its words, without a path', async () => {
  const { isError, content } = await query('SELECT nope FROM entry');
  assert.equal(isError, true);
  assert.match(content[0].text, /nope/);
  assert.ok(!content[0].text.includes(connek.home));
});

test('many rows end with a clear mark; endless work ends by itself', { timeout: 60_000 }, async () => {
  const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n';
  const capped = await query(many);
  assert.equal(capped.isError, false);
  assert.equal(capped.structuredContent.truncated, true);
  const wide = await query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT hex(zeroblob(10000)) AS x FROM n");
  assert.equal(wide.structuredContent?.truncated ?? wide.isError, true);
  const endless = await query('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n');
  assert.equal(endless.isError, true);
  assert.match(endless.content[0].text, /time|long|seconds/i);
});

test('a ledger that is gone is an error that names the connection, and comes back with the file', async (t) => {
  const own = await Connek.serving(t);
  const { url: ownUrl } = await own.token('finance@acme.example');
  const ask = async () => (await callTool(ownUrl, 'sqlite_query', { sql: 'SELECT 1 AS one' })).body.result;
  await run('mv', [own.path('ledger.db'), own.path('away.db')]);
  const { isError, content } = await ask();
  assert.equal(isError, true);
  assert.ok(!content[0].text.includes(own.home), content[0].text);
  await run('mv', [own.path('away.db'), own.path('ledger.db')]);
  assert.equal((await ask()).isError, false);
});
