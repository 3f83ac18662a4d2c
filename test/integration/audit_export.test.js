// The trail for other programs: every record a line, in each form, whatever strangers put into it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Connek, exampleConfig, releaseBinary, run } from './support/connek.js';
import { callTool, legacy } from './support/mcp.js';
import { held, isLong, rounds } from './support/proof.js';

const finance = 'finance@acme.example';
const config = { ...exampleConfig, roles: [{ name: 'finance', rules: [{ connection: 'ledger', tools: ['*'] }] }], users: [{ email: finance, roles: ['finance'] }] };
// Ends a value, a line, a field, a structured element: in one of the forms or another.
const evil = 'x"]\\|=\n<1>1 2026-11-20T00:00:00Z forged - - - [a b="c"]';

const lines = (text) => text.split('\n').filter(Boolean);

// RFC 5424: HEADER SP STRUCTURED-DATA; of the one element its parameters.
function parseSyslog(line) {
  const head = /^<(\d{1,3})>1 (\S+) ([!-~]+) connek - ([!-~]+) \[connek@32473((?: [!-~]+="(?:[^"\\\]]|\\["\\\]])*")*)\]$/.exec(line);
  assert.ok(head, `not RFC 5424: ${line}`);
  const parameters = {};
  for (const [, name, value] of head[5].matchAll(/ ([^= "\]]+)="((?:[^"\\\]]|\\["\\\]])*)"/g)) parameters[name] = value.replace(/\\(["\\\]])/g, '$1');
  return { priority: Number(head[1]), time: head[2], host: head[3], kind: head[4], ...parameters };
}

function parseCef(line) {
  const head = /^CEF:0\|Connek\|Connek\|([^|]+)\|((?:[^|\\]|\\[|\\])*)\|((?:[^|\\]|\\[|\\])*)\|(\d+)\|(.*)$/.exec(line);
  assert.ok(head, `not CEF: ${line}`);
  const fields = {};
  for (const [, key, value] of head[5].matchAll(/(?:^| )([a-zA-Z0-9]+)=((?:[^=\\]|\\[=\\])*)(?=$| [a-zA-Z0-9]+=)/g)) fields[key] = value.replace(/\\([=\\])/g, '$1');
  return { kind: head[2], tool: head[3], severity: Number(head[4]), ...fields };
}

test('every record is a line in each form, and nothing that a stranger says makes another one', async (t) => {
  const connek = await Connek.serving(t, { config });
  const { token } = await connek.token(finance);
  const url = connek.url(token);
  await callTool(url, 'sqlite_query', { sql: 'SELECT 1' }, legacy);
  await callTool(url, 'sqlite_execute', { sql: "INSERT INTO customer VALUES (7, 'seven')" }, legacy);
  await callTool(url, evil, {}, legacy);
  await connek.stop();
  const records = lines(await connek.ok('audit', 'export', '--arguments')).map((line) => JSON.parse(line));
  const said = /^(\d+) records/.exec((await connek.verify()).stdout);
  assert.equal(records.length, Number(said[1]), 'not every record is there');
  assert.deepEqual(new Set(records.map(({ kind }) => kind)), new Set(['call', 'intent', 'outcome', 'change']));
  for (const { mac, organisation } of records) assert.ok(/^[0-9a-f]{64}$/.test(mac) && organisation === 'acme');
  const intent = records.find(({ kind }) => kind === 'intent');
  assert.match(intent.arguments.sql, /INSERT/);
  assert.equal(records.find(({ kind, call_id: id }) => kind === 'outcome' && id === intent.call_id).outcome, 'ok');
  const denied = records.find(({ decision }) => decision === 'denied');
  assert.ok(denied.tool.includes('forged'), 'the control: it was recorded as it came');

  const syslog = lines(await connek.ok('audit', 'export', '--format', 'syslog')).map(parseSyslog);
  const cef = lines(await connek.ok('audit', 'export', '--format', 'cef')).map(parseCef);
  for (const form of [syslog, cef]) assert.equal(form.length, records.length);
  for (const [i, record] of records.entries()) {
    assert.equal(syslog[i].mac, record.mac);
    assert.equal(syslog[i].time, record.time);
    assert.equal(syslog[i].kind, record.kind);
    assert.equal(syslog[i].priority, 13 * 8 + (record.decision === 'denied' || record.outcome === 'error' ? 4 : 5));
    assert.equal(cef[i].fileHash, record.mac);
    assert.equal(cef[i].externalId, String(record.seq));
    assert.equal(Number(cef[i].rt), Math.floor(Date.parse(record.time)));
  }
  const clean = evil.replace('\n', '#012');
  assert.equal(syslog.find(({ decision }) => decision === 'denied').tool, clean);
  assert.equal(cef.find(({ act }) => act === 'denied').cs2, clean);
  assert.equal(cef.find(({ act }) => act === 'denied').severity, 6);
});

test('a time or an organisation bounds it; what is no form or time is said to be none', async (t) => {
  const connek = await Connek.create(t);
  const first = { organisation: 'acme', connections: [], roles: [], users: [] };
  await connek.apply({ ...first, roles: [{ name: 'one', rules: [] }] });
  await connek.apply({ ...first, organisation: 'other', roles: [{ name: 'two', rules: [] }] });
  const all = lines(await connek.ok('audit', 'export')).map((line) => JSON.parse(line));
  const own = lines(await connek.ok('audit', 'export', '--organisation', 'other')).map((line) => JSON.parse(line));
  assert.ok(own.length > 0 && own.length < all.length);
  assert.ok(own.every(({ organisation }) => organisation === 'other'));
  const middle = own[0].time;
  const since = lines(await connek.ok('audit', 'export', '--since', middle));
  const until = lines(await connek.ok('audit', 'export', '--until', middle));
  assert.equal(since.length + until.length, all.length);
  assert.ok(since.length > 0 && until.length > 0);
  assert.equal((await connek.command('audit', 'export', '--format', 'xml')).code, 2);
  assert.equal((await connek.command('audit', 'export', '--since', 'yesterday')).code, 2);
  assert.match((await connek.command('audit', 'export', '--organisation', 'nobody')).stderr, /nobody/);
});

const n = rounds(5_000, 1_000_000);
const filler = join(releaseBinary, '../test/bench/million_records');

test(`${n} records are verified, exported and saved in the same little memory${isLong ? ', verified in under 10 s' : ''}`, async (t) => {
  if (!existsSync(filler)) return t.skip('build/release/test/bench/million_records is not built');
  const connek = await Connek.create(t, { binary: releaseBinary });
  await connek.apply({ organisation: 'acme', connections: [], roles: [], users: [] });
  const { CONNEK_DATABASE: database } = connek.env;
  const filled = await run(filler, [connek.data, 'acme', String(n), ...(database ? [database] : [])], { timeoutMs: 600_000 });
  assert.equal(filled.code, 0, filled.stderr);
  // Address space, of which the program and its libraries take most.
  const within = (words) => run('bash', ['-c', `ulimit -v 200000 && "$0" ${words} --data "$1" > "$2"`, connek.binary, connek.data, connek.path('out')], { env: connek.env, timeoutMs: 600_000 });
  const begun = performance.now();
  const verified = await within('audit verify');
  const seconds = (performance.now() - begun) / 1000;
  t.diagnostic(`verified in ${seconds.toFixed(1)} s`);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(await readFile(connek.path('out'), 'utf8'), new RegExp(`^${n + 1} records in 2 chains hold`));
  if (isLong) assert.ok(seconds < 10, `${seconds} s`);
  const exported = await within('audit export --format syslog');
  assert.equal(exported.code, 0, exported.stderr);
  assert.ok((await stat(connek.path('out'))).size > n * 500);
  const saved = await within(`backup ${connek.path('all.backup')}`);
  assert.equal(saved.code, 0, saved.stderr);
  if (isLong) held('a million audit records are verified in under 10 s, and exported in memory that does not grow', n);
});
