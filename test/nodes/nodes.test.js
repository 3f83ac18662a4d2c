// Several servers on one database: what is revoked on one holds on all from the next request, and a server that cannot
// know of it serves nothing.
import test from 'node:test';
import assert from 'node:assert/strict';
import { exampleConfig } from '../integration/support/connek.js';
import { postStream } from '../integration/support/events.js';
import { legacy, modern, send } from '../integration/support/mcp.js';
import { Api } from '../integration/support/api.js';
import { Cluster, list, readiness, skip } from './cluster.js';
import { eventually } from '../integration/support/wait.js';

const finance = 'finance@acme.example';
const statuses = (nodes, token) => Promise.all(nodes.map(async (node) => (await list(node, token)).status));

test('three servers of one database are as one', { skip }, async (t) => {
  const cluster = await Cluster.start(t);
  const { nodes } = cluster;
  const [a, b, c] = nodes;
  const make = async (node = a) => node.token(finance);

  await t.test('what is made on one is there on all from the next request, and so is what is revoked', async () => {
    for (const node of nodes) {
      const { id, token } = await make(node);
      assert.deepEqual(await statuses(nodes, token), [200, 200, 200]);
      await node.ok('token', 'revoke', id);
      assert.deepEqual(await statuses(nodes, token), [401, 401, 401]);
    }
  });

  await t.test('a role that changes has changed on all when the command returns', async () => {
    const { token } = await make();
    const tools = async (node) => (await send(node.url(token), legacy('tools/list'))).body.result.tools.map(({ name }) => name);
    for (const node of nodes) assert.ok((await tools(node)).includes('sqlite_query'));
    await b.apply({ ...exampleConfig, roles: [{ name: 'finance', rules: [] }, exampleConfig.roles[1]] });
    for (const node of nodes) assert.ok(!(await tools(node)).includes('sqlite_query'), node.name);
    await c.apply(exampleConfig);
    for (const node of nodes) assert.ok((await tools(node)).includes('sqlite_query'), node.name);
  });

  await t.test('a command in a folder where no server runs waits for all of them too', async () => {
    const { id, token } = await make();
    await (await cluster.folder()).ok('token', 'revoke', id);
    assert.deepEqual(await statuses(nodes, token), [401, 401, 401]);
  });

  await t.test('a second server of a name is refused, and the first goes on', async () => {
    const other = await cluster.folder();
    const { code, stderr } = await other.command('serve', '--node', 'a', '--listen', '127.0.0.1:0');
    assert.equal(code, 1, stderr);
    assert.match(stderr, /a server named a serves this database already: give each one a name of its own with --node/);
    assert.equal((await readiness(a)).code, 200);
  });

  await t.test('a server that was stopped serves nothing of what was revoked meanwhile, and comes back by itself', async () => {
    const [revoked, kept] = [await make(), await make()];
    cluster.signal(c, 'SIGSTOP');
    const early = list(c, revoked.token); // waits in the socket of the server that sleeps
    early.catch(() => {});
    await a.ok('token', 'revoke', revoked.id);
    assert.deepEqual(await statuses([a, b], revoked.token), [401, 401]);
    cluster.signal(c, 'SIGCONT');
    const seen = [(await early).status];
    for (let i = 0; i < 20; i++) seen.push((await list(c, revoked.token)).status);
    assert.ok(seen.every((status) => status === 503 || status === 401), seen.join());
    await eventually(async () => assert.equal((await list(c, kept.token)).status, 200));
    assert.equal((await list(c, revoked.token)).status, 401);
    assert.ok(c.log.some(({ event }) => event === 'lease_lost'));
  });

  await t.test('a server that dies is waited for no longer than its lease, and may come again under its name', async () => {
    const { id, token } = await make();
    await b.kill();
    await a.ok('token', 'revoke', id);
    assert.deepEqual(await statuses([a, c], token), [401, 401]);
    const rows = await a.psql('SELECT name FROM node ORDER BY name');
    assert.equal(rows.trim().split('\n').join(), 'a,c');
    await b.start('--node', 'b');
    assert.equal((await list(b, token)).status, 401);
    const fresh = await make(b);
    assert.deepEqual(await statuses(nodes, fresh.token), [200, 200, 200]);
  });

  await t.test('who listens may have waited for the rate first', async () => {
    for (const node of nodes) {
      const { token, id } = await make();
      const stream = await postStream(node.url(token), modern('subscriptions/listen', { notifications: { toolsListChanged: true } }));
      assert.match((await stream.nextMessage()).data.method, /acknowledged/);
      await node.ok('token', 'revoke', id);
      assert.equal((await stream.nextMessage()).data.result.resultType, 'complete');
    }
  });

  await t.test('whichever server is asked, the operator sees all of them, how each is, and none that has gone', async () => {
    const key = (await a.ok('operator', 'key')).trim();
    const seen = async (node) => (await new Api(node.base, key).get('/operator')).nodes.map(({ name, state, is_answering, workers }) => `${name} ${state} ${is_answering} ${workers !== null}`).sort();
    for (const node of nodes) await eventually(async () => assert.deepEqual(await seen(node), nodes.map(({ name }) => `${name} serving ${name === node.name} ${name === node.name}`)));
    cluster.signal(c, 'SIGSTOP');
    await eventually(async () => assert.deepEqual(await seen(a), ['a serving true true', 'b serving false false']));
    cluster.signal(c, 'SIGCONT');
    await eventually(async () => assert.equal((await seen(b)).length, 3));
  });

  await t.test('a server that ends in order is waited for by nobody', async () => {
    await c.stop();
    assert.equal((await a.psql("SELECT count(*) FROM node WHERE name = 'c'")).trim(), '0');
  });
});
