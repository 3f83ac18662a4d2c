// Nothing acknowledged is lost, nothing is done unrecorded: the server is killed, its disk fills, its key goes missing.
// `make proof` runs the long form of the killing.
import test from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, exampleConfig, run } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { held, rounds } from './support/proof.js';
import { killUnderLoad } from '../faults/kill.js';
import { loadConfig, loadLedger, writtenIn } from '../faults/load.js';

const finance = 'finance@acme.example';
const kills = rounds(20, 100);
const all = { ...exampleConfig, roles: [{ name: 'finance', rules: [{ connection: 'ledger', tools: ['*'] }] }], users: [{ email: finance, roles: ['finance'] }] };

test(`killed ${kills} times under load: every acknowledged call is on record, no write without its intent, the chain holds`, async (t) => {
  const connek = await Connek.serving(t, { config: loadConfig(8), ledger: loadLedger });
  const { acknowledged, written, unknown } = await killUnderLoad(connek, kills, () => sleep(20 + Math.random() * 180));
  t.diagnostic(`${acknowledged} acknowledged, ${written} written, ${unknown} with unknown outcome`);
  held('kill -9 under load: every acknowledged call is on record, no write without its intent', kills);
  held('calls acknowledged meanwhile', acknowledged);
});

test('a full disk: calls are refused, not made; readiness says so; with room again all is well', async (t) => {
  const connek = await Connek.serving(t, { config: all, ledger: loadLedger });
  const { url } = await connek.token(finance);
  const insert = (mark) => callTool(url, 'sqlite_execute', { sql: 'INSERT INTO entry (mark) VALUES ($1)', params: [mark] });
  assert.equal((await insert('before')).body.result.isError, false);

  // No file may grow past what it is: what a write(2) on a full disk says.
  const limit = (bytes) => run('prlimit', ['--pid', String(connek.pid), `--fsize=${bytes}`]);
  assert.equal((await limit('1:unlimited')).code, 0);
  const refused = await insert('while-full');
  assert.equal(refused.status, 503);
  assert.match(refused.body.error.message, /not be recorded/);
  assert.equal((await callTool(url, 'sqlite_query', { sql: 'SELECT 1' })).status, 503);
  assert.equal((await fetch(`${connek.base}/readyz`)).status, 503);
  assert.equal((await fetch(`${connek.base}/healthz`)).status, 200);
  assert.equal((await send(url, legacy('tools/list'))).status, 200);

  assert.equal((await limit('unlimited:unlimited')).code, 0);
  let ready;
  for (let i = 0; i < 100 && ready !== 200; i++) {
    await sleep(100);
    ready = (await fetch(`${connek.base}/readyz`)).status;
  }
  assert.equal(ready, 200);
  assert.equal((await insert('after')).body.result.isError, false);
  assert.deepEqual((await writtenIn(connek)).toSorted(), ['after', 'before']);
  const { code, stdout } = await connek.verify();
  assert.equal(code, 0, stdout);
});

test('without descriptors to spare the server goes on, and accepts again when there are', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token(finance);
  assert.equal((await send(url, legacy('tools/list'))).status, 200);
  const used = Number((await run('sh', ['-c', `ls /proc/${connek.pid}/fd | wc -l`])).stdout);
  await run('prlimit', ['--pid', String(connek.pid), `--nofile=${used + 2}:65536`]);
  const answers = await Promise.allSettled(
    Array.from({ length: 20 }, () => send(url, legacy('tools/list'), { Connection: 'close' }).then(({ status }) => status)),
  );
  for (const { status, value } of answers) if (status === 'fulfilled') assert.ok([200, 503].includes(value), String(value));
  await run('prlimit', ['--pid', String(connek.pid), '--nofile=65536:65536']);
  let status;
  for (let i = 0; i < 100 && status !== 200; i++) {
    await sleep(50);
    status = await send(url, legacy('tools/list'), { Connection: 'close' }).then((answer) => answer.status, () => 0);
  }
  assert.equal(status, 200);
});

test('SIGTERM lets a call under way end, and its record is there', async (t) => {
  const connek = await Connek.serving(t, { config: all, ledger: loadLedger });
  const { url } = await connek.token(finance);
  const slow = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) AS n FROM n';
  const pending = callTool(url, 'sqlite_query', { sql: slow });
  await sleep(150);
  const [answer] = await Promise.all([pending, connek.stop()]);
  assert.equal(answer.status, 200);
  assert.match(answer.body.result.content[0].text, /3000000/);
  assert.equal((await connek.audit()).at(-1).outcome, 'ok');
});

test('a second server on one folder is refused and harms nothing', async (t) => {
  const connek = await Connek.serving(t);
  const second = await connek.command('serve', '--listen', '127.0.0.1:0');
  assert.equal(second.code, 1);
  assert.match(second.stderr, /already|another/i);
  const { url } = await connek.token(finance);
  assert.equal((await send(url, legacy('tools/list'))).status, 200);
});

test('an address that is taken is named', async (t) => {
  const connek = await Connek.serving(t);
  const other = await Connek.create(t);
  const { code, stderr } = await other.command('serve', '--listen', new URL(connek.base).host);
  assert.equal(code, 1);
  assert.ok(stderr.includes(new URL(connek.base).port), stderr);
});

test('the master key is the owner\'s alone, made once; without it, or with another, nothing starts', async (t) => {
  const connek = await Connek.serving(t);
  const key = `${connek.data}/master.key`;
  assert.equal((await stat(key)).mode & 0o777, 0o400);
  const text = await readFile(key, 'utf8');
  await connek.stop();

  await rename(key, `${key}.away`);
  const without = await connek.command('serve', '--listen', '127.0.0.1:0');
  assert.equal(without.code, 1);
  assert.match(without.stderr, /master\.key/);
  await assert.rejects(stat(key), 'no new key is made beside old data');

  await writeFile(key, `${randomBytes(32).toString('hex')}\n`, { mode: 0o400 });
  const wrong = await connek.command('serve', '--listen', '127.0.0.1:0');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /master\.key/);
  assert.ok(!wrong.stderr.includes(text.trim()));

  for (const bad of ['', 'short\n', `${'z'.repeat(64)}\n`]) {
    await rm(key);
    await writeFile(key, bad, { mode: 0o400 });
    assert.equal((await connek.command('audit', 'verify')).code, 1, JSON.stringify(bad));
  }
  await rm(key);
  await copyFile(`${key}.away`, key);
  await chmod(key, 0o444);
  assert.equal((await connek.command('serve', '--listen', '127.0.0.1:0')).code, 1, 'readable by all');
  await chmod(key, 0o400);
  await connek.start();
});

test('a database that is not ours, is broken, or comes from the future is refused by name', async (t) => {
  const connek = await Connek.serving(t);
  await connek.stop();
  const database = `${connek.data}/connek.db`;
  await copyFile(database, connek.path('good.db'));
  const refusal = async (about) => {
    const { code, stderr } = await connek.command('serve', '--listen', '127.0.0.1:0');
    assert.equal(code, 1, stderr);
    assert.match(stderr, about);
  };
  const { code } = await run('sqlite3', [database, 'INSERT INTO schema_migration SELECT 9999, hash, applied_at FROM schema_migration LIMIT 1']);
  assert.equal(code, 0);
  await refusal(/newer|future|9999/i);

  await rm(database);
  await run('sqlite3', [database, 'CREATE TABLE recipe (id INTEGER PRIMARY KEY)']);
  await refusal(/not a Connek database/i);

  await writeFile(database, 'x'.repeat(100_000));
  await refusal(/database/i);

  await copyFile(connek.path('good.db'), database);
  await connek.start();
});
