// The story of the whole product, once: a real assistant calls a real tool under a real role.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { everyClient, inspector } from './support/clients.js';
import { callTool, legacy, modern, post, send } from './support/mcp.js';

const finance = 'finance@acme.example';
const marketing = 'marketing@acme.example';
const total = { sql: 'SELECT sum(cents) AS cents FROM invoice' };
const names = ({ tools }) => tools.map((tool) => tool.name);
const textOf = (result) => result.content.map((part) => part.text ?? '').join('\n');

test('the server is healthy and ready', async (t) => {
  const connek = await Connek.serving(t);
  assert.equal((await fetch(`${connek.base}/healthz`)).status, 200);
  assert.equal((await fetch(`${connek.base}/readyz`)).status, 200);
});

test('applying the same file again changes nothing', async (t) => {
  const connek = await Connek.create(t);
  await connek.makeDatabase('ledger.db', 'CREATE TABLE customer (id INTEGER PRIMARY KEY)');
  assert.match(await connek.apply(), /^\+ /m);
  assert.doesNotMatch(await connek.apply(), /^[+~-] /m);
});

for (const [kind, connect] of Object.entries(everyClient)) {
  test(`${kind}: finance sees and queries the ledger, marketing does not`, async (t) => {
    const connek = await Connek.serving(t);
    const theirs = { finance: await connek.token(finance), marketing: await connek.token(marketing) };

    const client = await connect(t, theirs.finance.url);
    const tools = names(await client.listTools());
    assert.ok(tools.includes('sqlite_query') && tools.includes('connek_whoami'), tools.join());
    assert.ok(!tools.includes('sqlite_execute'), 'finance may only read');
    const result = await client.callTool({ name: 'sqlite_query', arguments: total });
    assert.ok(!result.isError, textOf(result));
    assert.match(textOf(result), /124649/);

    const other = await connect(t, theirs.marketing.url);
    const fewer = names(await other.listTools());
    assert.ok(!fewer.some((name) => name.startsWith('sqlite_')), fewer.join());
    const denied = await other.callTool({ name: 'sqlite_query', arguments: total });
    assert.equal(denied.isError, true);
    assert.doesNotMatch(textOf(denied), /124649/);

    const records = (await connek.audit()).filter((record) => record.tool === 'sqlite_query');
    const of = (user) => records.find((record) => record.user === user);
    assert.equal(of(finance)?.decision, 'allowed');
    assert.equal(of(finance)?.outcome, 'ok');
    assert.equal(of(finance)?.connection, 'ledger');
    assert.equal(of(marketing)?.decision, 'denied');
    const verified = await connek.verify();
    assert.equal(verified.code, 0, verified.stderr + verified.stdout);
  });
}

for (const era of ['legacy', 'modern']) {
  test(`the Inspector's command line, ${era}: lists and calls`, async (t) => {
    const connek = await Connek.serving(t);
    const { url } = await connek.token(finance);
    const listed = await inspector(url, ['--method', 'tools/list'], { era });
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /sqlite_query/);
    const args = ['--method', 'tools/call', '--tool-name', 'sqlite_query', '--tool-args-json', JSON.stringify(total)];
    const called = await inspector(url, args, { era });
    assert.equal(called.code, 0, called.stderr);
    assert.match(called.stdout, /124649/);
  });
}

test('both eras are served by hand on one endpoint, without initialize or session', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token(finance);
  for (const era of [legacy, modern]) {
    const listed = await send(url, era('tools/list'));
    assert.equal(listed.status, 200, listed.text);
    assert.ok(names(listed.body.result).includes('sqlite_query'));
    const called = await callTool(url, 'sqlite_query', total, era);
    assert.match(textOf(called.body.result), /124649/);
  }
});

test('a revoked token is refused from the moment that the command returns', async (t) => {
  const connek = await Connek.serving(t);
  const { id, url } = await connek.token(finance);
  const other = await connek.token(finance);
  assert.equal((await send(url, legacy('tools/list'))).status, 200);
  await connek.ok('token', 'revoke', id);
  assert.equal((await send(url, legacy('tools/list'))).status, 401);
  assert.equal((await send(other.url, legacy('tools/list'))).status, 200);
});

test('no token, a wrong one, or junk: 401', async (t) => {
  const connek = await Connek.serving(t);
  const { message, headers } = legacy('tools/list');
  assert.equal((await post(`${connek.base}/mcp`, message, headers)).status, 401);
  assert.equal((await post(connek.url('0'.repeat(64)), message, headers)).status, 401);
  for (const junk of ['Bearer', 'Bearer x', 'Basic eDp5', `Bearer ck_${'a'.repeat(51)}`, 'Bearer \u00ff']) {
    const answer = await post(`${connek.base}/mcp`, message, { ...headers, Authorization: junk });
    assert.equal(answer.status, 401, junk);
  }
});

test('what was acknowledged is there after a stop and a start', async (t) => {
  const connek = await Connek.serving(t);
  const { token } = await connek.token(finance);
  await callTool(connek.url(token), 'sqlite_query', total);
  const before = (await connek.audit()).length;
  await connek.restart();
  const again = await callTool(connek.url(token), 'sqlite_query', total);
  assert.match(textOf(again.body.result), /124649/);
  assert.ok((await connek.audit()).length > before);
});
