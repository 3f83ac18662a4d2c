// An organisation as a file, and the commands around it: what an operator does, and does wrong.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, stat, symlink } from 'node:fs/promises';
import { Connek, exampleConfig, exampleLedger, run } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';

const finance = 'finance@acme.example';

async function prepared(t, options) {
  const connek = await Connek.create(t, options);
  await connek.makeDatabase('ledger.db', exampleLedger);
  return connek;
}

const applied = async (connek, config, ...args) => connek.command('apply', await connek.writeFile('config.json', config), ...args);

test('a second apply prints no change; each change is a line', async (t) => {
  const connek = await prepared(t);
  const first = await connek.apply();
  for (const line of ['organisation acme', 'connection ledger', 'role finance', 'role marketing', 'user finance@acme.example'])
    assert.match(first, new RegExp(`^\\+ ${line}`, 'm'));
  assert.doesNotMatch(await connek.apply(), /^[+~-]/m);
  const changed = structuredClone(exampleConfig);
  changed.roles[1].rules = [{ connection: 'ledger', tools: ['list_tables'] }];
  const second = await connek.apply(changed);
  assert.match(second, /^~ role marketing/m);
  assert.equal(second.match(/^[+~-] /gm).length, 1);
});

test('what the file no longer names stays until --prune', async (t) => {
  const connek = await prepared(t);
  await connek.apply();
  const less = { ...exampleConfig, users: [exampleConfig.users[0]], roles: [exampleConfig.roles[0]] };
  const kept = await connek.apply(less);
  assert.match(kept, /marketing@acme\.example/);
  assert.match(kept, /--prune/);
  assert.doesNotMatch(kept, /^- /m);
  const pruned = await connek.apply(less, '--prune');
  assert.match(pruned, /^- user marketing@acme\.example/m);
  assert.match(pruned, /^- role marketing/m);
  assert.doesNotMatch(await connek.apply(less), /marketing/);
});

test('a change of rules holds from the next request on, without a restart', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token('marketing@acme.example');
  const query = () => callTool(url, 'sqlite_query', { sql: 'SELECT 1' });
  assert.equal((await query()).body.result.isError, true);
  const open = structuredClone(exampleConfig);
  open.roles[1].rules = [{ connection: 'ledger', does: ['read'] }];
  await connek.apply(open);
  assert.equal((await query()).body.result.isError, false);
  await connek.apply(exampleConfig);
  assert.equal((await query()).body.result.isError, true);
});

test('an organisation that is new while the server runs is served', async (t) => {
  const connek = await Connek.serving(t);
  await connek.makeDatabase('other.db', exampleLedger);
  await connek.apply({ ...exampleConfig, organisation: 'globex', connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'other.db' } }] });
  const { url } = await connek.token(finance, '--organisation', 'globex');
  assert.equal((await callTool(url, 'sqlite_query', { sql: 'SELECT 1' })).body.result.isError, false);
});

const wrong = [
  ['no JSON', '{', /config\.json/, /line 1/],
  ['a duplicate key', '{"organisation": "a", "organisation": "b"}', /organisation/, /duplicate/i],
  ['an unknown member', { ...exampleConfig, rolls: [] }, /rolls/],
  ['no organisation', { roles: [] }, /organisation/],
  ['a role that is not there', { ...exampleConfig, users: [{ email: finance, roles: ['nope'] }] }, /\/users\/0\/roles\/0/, /nope/],
  ['a connection that is not there', { ...exampleConfig, roles: [{ name: 'x', rules: [{ connection: 'nope', does: ['read'] }] }] }, /\/roles\/0\/rules\/0/, /nope/],
  ['a rule about nothing', { ...exampleConfig, roles: [{ name: 'x', rules: [{ does: ['read'] }] }] }, /\/roles\/0\/rules\/0/],
  ['a rule that limits nothing', { ...exampleConfig, roles: [{ name: 'x', rules: [{ connection: 'ledger' }] }] }, /\/roles\/0\/rules\/0/],
  ['a word that no tool does', { ...exampleConfig, roles: [{ name: 'x', rules: [{ connection: 'ledger', does: ['fly'] }] }] }, /\/does\/0/, /destroy/],
  ['a connector that is not there', { ...exampleConfig, connections: [{ name: 'x', connector: 'nope' }] }, /\/connections\/0/, /nope/],
  ['a file that is not there', { ...exampleConfig, connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'nope.db' } }] }, /nope\.db/],
  ['two users of one address', { ...exampleConfig, users: [{ email: finance, roles: [] }, { email: finance.toUpperCase(), roles: [] }] }, /\/users\/1/],
  ['an address that is none', { ...exampleConfig, users: [{ email: 'nobody', roles: [] }] }, /\/users\/0\/email/],
  ['a rate of nothing', { ...exampleConfig, limits: { per_minute: 0 } }, /\/limits\/per_minute/],
  ['a manifest that is not there', { ...exampleConfig, connectors: ['nope.json'] }, /nope\.json/],
  ['an environment variable that is not set', { ...exampleConfig, connectors: ['m.json'], connections: [{ name: 'm', connector: 'm', credential: { key: { env: 'NOT_SET' } } }] }, /NOT_SET/],
];

for (const [what, config, ...abouts] of wrong)
  test(`${what}: refused with its place, and nothing is half done`, async (t) => {
    const connek = await prepared(t);
    await connek.writeFile('m.json', {
      manifest: 1, id: 'm', name: 'M', base: 'https://m.example.com', auth: [{ type: 'key', in: 'header', name: 'X-Key' }],
      tools: [{ name: 'get', does: 'read', description: 'Gets the one thing there is.', input: { type: 'object', properties: {} }, call: 'GET /' }],
    });
    const { code, stdout, stderr } = await applied(connek, config);
    assert.equal(code, 1, stdout + stderr);
    for (const about of abouts) assert.match(stderr, about);
    const list = await connek.command('export');
    assert.notEqual(list.code, 0, 'no organisation was made');
  });

test('a database under the data folder is refused, also by another name for it', async (t) => {
  if (process.env.CONNEK_TEST_DATABASE) return t.skip('there is no database in the data folder where PostgreSQL holds it; part integration of make test runs it');
  const connek = await prepared(t);
  await connek.apply();
  await symlink(connek.data, connek.path('elsewhere'));
  for (const file of ['data/connek.db', './data/../data/connek.db', 'elsewhere/connek.db']) {
    const config = { ...exampleConfig, connections: [{ name: 'ledger', connector: 'sqlite', settings: { file } }] };
    const { code, stderr } = await applied(connek, config);
    assert.equal(code, 1, file);
    assert.match(stderr, /data folder|under/i);
  }
});

test('export is a file that apply takes back without a change', async (t) => {
  const connek = await prepared(t);
  const config = structuredClone(exampleConfig);
  config.connections[0].labels = { client: 'globex' };
  config.roles[1].rules = [{ label: 'client=globex', tools: ['query'], effect: 'deny' }];
  await connek.apply(config);
  const exported = JSON.parse(await connek.ok('export'));
  assert.equal(exported.organisation, 'acme');
  assert.doesNotMatch(await connek.apply(exported), /^[+~-]/m);
});

test('the environment names what options do not; proxies in it are ignored', async (t) => {
  const connek = await prepared(t, { env: { http_proxy: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' } });
  await connek.apply();
  const { code, stdout } = await run(connek.binary, ['token', 'create', '--user', finance, '--json'], { env: { ...connek.env, CONNEK_DATA: connek.data, CONNEK_PUBLIC_URL: 'https://c.example.com' } });
  assert.equal(code, 0);
  assert.match(JSON.parse(stdout).url, /^https:\/\/c\.example\.com\/mcp\/[0-9a-f]{64}$/);
});

test('every command explains itself; what is no command or option is answered with one that is', async (t) => {
  const connek = await Connek.create(t);
  const help = await run(connek.binary, ['--help']);
  assert.equal(help.code, 0);
  const commands = ['serve', 'apply', 'export', 'token create', 'token list', 'token revoke', 'audit list', 'audit verify', 'audit checkpoint', 'connector check', 'connector list', 'connector try'];
  for (const command of commands) {
    assert.ok(help.stdout.includes(command), command);
    const own = await run(connek.binary, [...command.split(' '), '--help']);
    assert.equal(own.code, 0, command);
    assert.match(own.stdout, /usage/i);
    assert.ok(own.stdout.length > 200, command);
  }
  for (const option of ['--data', '--listen', '--admin-listen', '--public-url', '--workers', '--audit', '--allow-upstream', '--allow-origin', '--ca', '--proxy'])
    assert.ok((await run(connek.binary, ['serve', '--help'])).stdout.includes(option), option);
  assert.equal((await run(connek.binary, ['--version'])).code, 0);
  for (const words of [['srve'], ['token', 'crate'], ['serve', '--lisen', 'x'], ['apply'], [], ['serve', '--workers', 'many'], ['serve', '--audit', 'sometimes']]) {
    const { code, stderr } = await run(connek.binary, words);
    assert.equal(code, 2, words.join(' '));
    assert.ok(stderr.length > 0);
  }
  assert.match((await run(connek.binary, ['srve'])).stderr, /serve/);
});

test('tokens: made, listed without their secret, revoked by id', async (t) => {
  const connek = await prepared(t);
  await connek.apply();
  const { id, token } = await connek.token(finance, '--name', 'laptop', '--expires', '30d').catch(async () => JSON.parse(await connek.ok('token', 'create', '--user', finance, '--name', 'laptop', '--expires', '30d', '--json')));
  const list = await connek.ok('token', 'list', '--json');
  assert.ok(list.includes(id) && list.includes('laptop') && list.includes(finance));
  assert.ok(!list.includes(token));
  await connek.ok('token', 'revoke', id);
  for (const args of [['token', 'revoke', id.replace(/.$/, (c) => (c === '0' ? '1' : '0'))], ['token', 'create', '--user', 'nobody@acme.example'], ['token', 'create', '--user', finance, '--expires', 'soon']]) {
    const { code, stderr } = await connek.command(...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.ok(stderr.length > 0);
  }
});

test('every change of an admin is in the log', async (t) => {
  const connek = await prepared(t);
  await connek.apply();
  const created = JSON.parse(await connek.ok('token', 'create', '--user', finance, '--json'));
  await connek.ok('token', 'revoke', created.id);
  const changes = (await connek.audit()).filter(({ kind }) => kind === 'change').map(({ tool }) => tool);
  for (const expected of ['role.create', 'user.create', 'connection.create', 'token.create', 'token.revoke']) assert.ok(changes.includes(expected), `${expected} in ${changes}`);
  assert.equal((await connek.verify()).code, 0);
});

test('connector check names each mistake with its place', async (t) => {
  const connek = await Connek.create(t);
  const good = await connek.writeFile('good.json', {
    manifest: 1, id: 'good', name: 'Good', base: 'https://g.example.com',
    tools: [{ name: 'get', does: 'read', description: 'Gets the one thing there is.', input: { type: 'object', properties: {} }, call: 'GET /' }],
  });
  const check = (...files) => run(connek.binary, ['connector', 'check', ...files]);
  assert.equal((await check(good)).code, 0);
  const bad = JSON.parse(await readFile(good, 'utf8'));
  bad.tools[0].does = 'fly';
  const { code, stdout, stderr } = await check(good, await connek.writeFile('bad.json', bad));
  assert.equal(code, 1);
  assert.match(stdout + stderr, /bad\.json/);
  assert.match(stdout + stderr, /\/tools\/0\/does/);
  assert.match(await (async () => (await connek.makeDatabase('ledger.db', exampleLedger), await connek.apply(), connek.ok('connector', 'list')))(), /sqlite/);
});

test('the data folder is its owner\'s alone, and commands on an empty one say so', async (t) => {
  const connek = await prepared(t);
  await connek.apply();
  assert.equal((await stat(connek.data)).mode & 0o077, 0);
  for (const name of await readdir(connek.data)) assert.equal((await stat(`${connek.data}/${name}`)).mode & 0o077, 0, name);
  const empty = connek.path('empty');
  await mkdir(empty);
  for (const words of [['token', 'list'], ['audit', 'list'], ['audit', 'verify'], ['export']]) {
    const { code, stderr } = await run(connek.binary, [...words, '--data', empty]);
    assert.equal(code, 1, words.join(' '));
    assert.ok(stderr.includes('empty'), stderr);
  }
  assert.deepEqual(await readdir(empty), [], 'nothing was made there');
});

test('metrics are on the admin listener alone', async (t) => {
  const connek = await Connek.serving(t, { args: ['--admin-listen', '127.0.0.1:0'] });
  const { url } = await connek.token(finance);
  await callTool(url, 'sqlite_query', { sql: 'SELECT 1' });
  await callTool(url, 'sqlite_execute', { sql: 'SELECT 1' });
  assert.equal((await fetch(`${connek.base}/metrics`)).status, 404);
  const text = await (await fetch(`${connek.adminBase}/metrics`)).text();
  assert.match(text, /^connek_calls_total\{decision="allowed",outcome="ok"\} 1$/m);
  assert.match(text, /^connek_calls_total\{decision="denied",outcome="none"\} 1$/m);
  assert.match(text, /^connek_stage_total\{stage="guard",verdict="next"\} \d+$/m);
  for (const line of text.split('\n').filter((line) => line && !line.startsWith('#'))) assert.match(line, /^[a-z_]+(\{[^}]*\})? -?[0-9.e+]+$/);
  assert.equal((await fetch(`${connek.adminBase}/readyz`)).status, 200);
  assert.equal((await send(`${connek.adminBase}/mcp`, legacy('ping'))).status, 404);
});
