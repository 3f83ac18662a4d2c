// The audit trail against somebody with the database file in their hands.
import test from 'node:test';
import assert from 'node:assert/strict';
import { copyFile, cp } from 'node:fs/promises';
import { Connek, run } from './support/connek.js';
import { callTool } from './support/mcp.js';

const finance = 'finance@acme.example';

// A trail of a dozen records on two chains, and a checkpoint in its middle.
async function trail(t) {
  const connek = await Connek.serving(t);
  const { url } = await connek.token(finance);
  const call = (i) => callTool(url, i % 3 ? 'sqlite_query' : 'sqlite_execute', { sql: `SELECT ${i}` });
  for (let i = 0; i < 6; i++) await call(i);
  await connek.writeFile('checkpoint.json', await connek.ok('audit', 'checkpoint'));
  for (let i = 0; i < 6; i++) await call(i);
  await connek.stop();
  await run('sqlite3', [`${connek.data}/connek.db`, 'PRAGMA wal_checkpoint(TRUNCATE)']);
  await cp(connek.data, connek.path('original'), { recursive: true });
  return connek;
}

const sql = async (connek, text) => {
  const { code, stdout, stderr } = await run('sqlite3', ['-bail', `${connek.data}/connek.db`, text]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
};

async function restore(connek) {
  await sql(connek, 'PRAGMA wal_checkpoint(TRUNCATE)').catch(() => {});
  await copyFile(connek.path('original/connek.db'), `${connek.data}/connek.db`);
}

async function found(connek, text, ...args) {
  await sql(connek, text);
  const { code, stdout, stderr } = await connek.verify(...args);
  await restore(connek);
  return { isFound: code === 1, text: stdout + stderr };
}

test('an untouched trail holds, also against its checkpoint', async (t) => {
  const connek = await trail(t);
  for (const args of [[], ['--since', connek.path('checkpoint.json')]]) {
    const { code, stdout, stderr } = await connek.verify(...args);
    assert.equal(code, 0, stdout + stderr);
  }
});

test('every single-record edit, deletion, exchange and insertion is found, and named', async (t) => {
  const connek = await trail(t);
  const keys = (await sql(connek, 'SELECT writer, seq FROM audit_record ORDER BY writer, seq')).split('\n').map((line) => line.split('|'));
  assert.ok(keys.length >= 12);
  let tried = 0;
  for (const [writer, seq] of keys) {
    const where = `WHERE writer = '${writer}' AND seq = ${seq}`;
    const edits = [
      `UPDATE audit_record SET record = replace(record, '"decision":"', '"decision":"x') ${where}`,
      `UPDATE audit_record SET record = substr(record, 1, length(record) - 1) || ' }' ${where}`,
      `UPDATE audit_record SET time = time + 1 ${where}`,
      `UPDATE audit_record SET mac = zeroblob(32) ${where}`,
      `UPDATE audit_record SET personal = zeroblob(length(personal)) ${where} AND personal IS NOT NULL`,
      `UPDATE audit_record SET seq = seq + 1000 ${where}`,
      `UPDATE audit_record SET writer = 'other' ${where}`,
      `DELETE FROM audit_record ${where}`,
    ];
    for (const edit of edits) {
      if (edit.includes('personal') && (await sql(connek, `SELECT personal IS NULL FROM audit_record ${where}`)) === '1') continue;
      const { isFound, text } = await found(connek, edit);
      assert.ok(isFound, `${edit}: ${text}`);
      tried++;
    }
  }
  t.diagnostic(`${tried} changes of ${keys.length} records`);
  const [, [writer, seq]] = keys;
  const exchange = `UPDATE audit_record SET seq = -1 WHERE writer='${writer}' AND seq=${seq};
    UPDATE audit_record SET seq = ${seq} WHERE writer='${writer}' AND seq=${seq}+1;
    UPDATE audit_record SET seq = ${seq}+1 WHERE writer='${writer}' AND seq=-1;`;
  const named = await found(connek, exchange);
  assert.ok(named.isFound);
  assert.ok(named.text.includes(writer) && named.text.includes(seq), named.text);
  assert.ok((await found(connek, `INSERT INTO audit_record SELECT organisation_id, writer, seq + 100, time, record, mac, personal FROM audit_record WHERE writer='${writer}' AND seq=${seq}`)).isFound);
});

test('a tail cut off together with its head is found by a checkpoint kept elsewhere', async (t) => {
  const connek = await trail(t);
  const since = ['--since', connek.path('checkpoint.json')];
  const cutTail = `DELETE FROM audit_record WHERE writer = 'node1' AND seq > 3`;
  assert.ok((await found(connek, cutTail)).isFound, 'the head tells');
  const withHead = `${cutTail}; DELETE FROM audit_head WHERE writer = 'node1'`;
  assert.ok((await found(connek, withHead)).isFound);
  assert.ok((await found(connek, 'DELETE FROM audit_record; DELETE FROM audit_head', ...since)).isFound);
});

test('a head set back to an earlier state is found by a checkpoint kept elsewhere', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token(finance);
  await callTool(url, 'sqlite_query', { sql: 'SELECT 1' });
  await connek.stop();
  await run('sqlite3', [`${connek.data}/connek.db`, 'PRAGMA wal_checkpoint(TRUNCATE)']);
  await copyFile(`${connek.data}/connek.db`, connek.path('earlier.db'));
  await connek.start();
  await callTool(connek.url(url.split('/').at(-1)), 'sqlite_query', { sql: 'SELECT 2' });
  await connek.writeFile('checkpoint.json', await connek.ok('audit', 'checkpoint'));
  await connek.stop();
  await run('sqlite3', [`${connek.data}/connek.db`, 'PRAGMA wal_checkpoint(TRUNCATE)']);
  await copyFile(connek.path('earlier.db'), `${connek.data}/connek.db`);
  assert.equal((await connek.verify()).code, 0, 'the earlier state holds in itself');
  const { code, stdout, stderr } = await connek.verify('--since', connek.path('checkpoint.json'));
  assert.equal(code, 1);
  assert.match(stdout + stderr, /node1/);
});

test('a checkpoint that was tampered with is not believed', async (t) => {
  const connek = await trail(t);
  const checkpoint = JSON.parse(await connek.ok('audit', 'checkpoint'));
  checkpoint.chains[0].seq = 1;
  await connek.writeFile('forged.json', checkpoint);
  assert.equal((await connek.verify('--since', connek.path('forged.json'))).code, 1);
  await connek.writeFile('junk.json', 'junk');
  assert.equal((await connek.verify('--since', connek.path('junk.json'))).code, 1);
});

test('erasing personal content breaks nothing, and it is gone from the list', async (t) => {
  const connek = await trail(t);
  await sql(connek, 'UPDATE audit_record SET personal = NULL');
  const { code, stdout, stderr } = await connek.verify();
  assert.equal(code, 0, stdout + stderr);
  assert.ok(!JSON.stringify(await connek.audit()).includes(finance));
});
