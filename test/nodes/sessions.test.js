// Legacy sessions over several servers behind a balancer that gives each request to the next one: nobody has to be sent
// where they were before.
import test from 'node:test';
import assert from 'node:assert/strict';
import { begin, get, postStream } from '../integration/support/events.js';
import { legacy, modern, post, send } from '../integration/support/mcp.js';
import { freePort } from '../integration/support/process.js';
import { startFixture } from '../fixtures/mcp/process.js';
import { Cluster, skip } from './cluster.js';
import { eventually } from '../integration/support/wait.js';

const ann = 'ann@acme.example';
const config = (url) => ({
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connectors: [{ id: 'x', kind: 'mcp', url }],
  connections: [{ name: 'x', connector: 'x', names: 'plain', trust: 'accept' }],
  roles: [{ name: 'all', rules: [{ connection: 'x', does: ['read', 'write', 'destroy'] }] }],
  users: [{ email: ann, roles: ['all'] }],
});
const call = (name, args = {}, id = 1) => legacy('tools/call', { name, arguments: args }, { id });
// Each on a connection of its own, so that the balancer and the kernel spread them.
const apart = { Connection: 'close' };

test('a session is one, whichever server its requests come to', { skip }, async (t) => {
  const cluster = await Cluster.start(t, {
    config: config(await startFixture(t, { eras: 'legacy' })),
    args: ['--allow-upstream', '127.0.0.1', '--cluster-listen', () => freePort().then((port) => `127.0.0.1:${port}`)],
  });
  const { nodes } = cluster;
  const { token } = await nodes[0].token(ann);
  const url = `${await cluster.balance()}/mcp/${token}`;
  const direct = nodes.map((node) => node.url(token));
  for (const each of direct)
    await eventually(async () => {
      const { body } = await send(each, legacy('tools/list'));
      assert.ok(body.result.tools.some(({ name }) => !name.startsWith('connek_')));
    });

  await t.test('POSTs spread over all of them are never 404', async () => {
    const { session } = await begin(url);
    for (let i = 0; i < 12; i++) {
      const { status, text } = await send(url, legacy('tools/list', {}, { id: i }), { ...session, ...apart });
      assert.equal(status, 200, text);
    }
    for (const each of direct) {
      const { status, body } = await send(each, call('test_simple_text', {}, 'x'), session);
      assert.equal(status, 200);
      assert.equal(body.id, 'x');
      assert.ok(body.result.content.length > 0);
    }
  });

  await t.test('a client is asked on the stream of one server, and answers at any', async () => {
    const { session } = await begin(url, { elicitation: {} });
    for (let i = 0; i < 6; i++) {
      const stream = await postStream(direct[i % 3], call('test_elicitation', { message: 'Who?' }, `call-${i}`), session);
      let question;
      do question = (await stream.nextMessage()).data;
      while (!question.method || question.method.startsWith('notifications/'));
      const answer = { jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { username: 'ann', email: 'a@b.example' } } };
      assert.equal((await post(direct[(i + 1) % 3], answer, session)).status, 202);
      let last, event;
      while ((event = await stream.nextMessage())) last = event.data;
      assert.equal(last.id, `call-${i}`);
      assert.match(JSON.stringify(last.result), /accept/);
    }
  });

  await t.test('a stream that broke is read on at another server', async () => {
    const { session } = await begin(direct[0], { elicitation: {} });
    const stream = await postStream(direct[1], call('test_elicitation', { message: 'Who?' }), session);
    const primed = await stream.next();
    assert.ok(primed.id && primed.data === '');
    const asked = await stream.nextMessage();
    stream.close();
    const again = await get(direct[2], session, { 'Last-Event-ID': primed.id });
    assert.deepEqual((await again.nextMessage()).data, asked.data);
    await post(direct[1], { jsonrpc: '2.0', id: asked.data.id, result: { action: 'accept', content: {} } }, session);
    const rest = [];
    for (let event; (event = await again.nextMessage()); ) rest.push(event.data);
    assert.ok(rest.at(-1).result);
  });

  await t.test('a call is cancelled, and a session ended, from anywhere', async () => {
    const { session } = await begin(direct[0], { elicitation: {} });
    const stream = await postStream(direct[1], call('test_elicitation', { message: 'Who?' }, 'slow'), session);
    await stream.nextMessage();
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'slow' } };
    assert.equal((await post(direct[2], cancel, session)).status, 202);
    let event;
    while ((event = await stream.nextMessage())) assert.ok(!event.data.result);
    const ears = await get(direct[1], session);
    assert.equal((await ears.next()).data, '');
    assert.equal((await fetch(direct[2], { method: 'DELETE', headers: session })).status, 200);
    assert.equal(await ears.nextMessage(), undefined);
    for (const each of direct) assert.equal((await send(each, legacy('tools/list'), session)).status, 404);
  });

  await t.test('a modern client that is asked by one server answers at another', async () => {
    const can = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const ask = (where, id, more = {}) =>
      send(where, modern('tools/call', { name: 'test_elicitation', arguments: { message: 'Who?' }, ...more }, { id, meta: can }));
    for (let i = 0; i < 3; i++) {
      const { body, text } = await ask(direct[i], 1);
      assert.equal(body.result.resultType, 'input_required', text);
      const { requestState, inputRequests } = body.result;
      const [key] = Object.keys(inputRequests);
      const inputResponses = { [key]: { action: 'accept', content: { username: 'ann', email: 'a@b.example' } } };
      const done = await ask(direct[(i + 1) % 3], 2, { requestState, inputResponses });
      assert.equal(done.body.result?.resultType, 'complete', done.text);
      assert.match(done.text, /accept/);
    }
  });

  await t.test('a token that was revoked ends what was forwarded for it, and nothing is forwarded for it any more', async () => {
    const other = await nodes[1].token(ann);
    const { session } = await begin(nodes[0].url(other.token));
    const ears = await get(nodes[1].url(other.token), session);
    await ears.next();
    await nodes[2].ok('token', 'revoke', other.id);
    assert.equal(await ears.nextMessage(), undefined);
    for (const node of nodes) assert.equal((await send(node.url(other.token), legacy('tools/list'), session)).status, 401);
  });

  await t.test('nobody else\'s session is known anywhere, and what a client says of itself to servers is not believed', async () => {
    const { session } = await begin(direct[0]);
    const stranger = await nodes[0].token(ann);
    assert.equal((await send(nodes[1].url(stranger.token), legacy('tools/list'), session)).status, 200); // the same person's
    const headers = { ...session, 'Connek-Client': '203.0.113.7' };
    assert.equal((await send(direct[1], legacy('tools/list'), headers)).status, 200);
    const id = session['Mcp-Session-Id'];
    const changed = { ...session, 'Mcp-Session-Id': id.slice(0, -1) + (id.endsWith('x') ? 'y' : 'x') };
    for (const each of direct) assert.equal((await send(each, legacy('tools/list'), changed)).status, 404);
  });

  await t.test('when a server dies, the clients of its sessions are told to begin anew; modern ones notice nothing', async () => {
    const { session } = await begin(direct[2]);
    const kept = await begin(direct[0]);
    await nodes[2].kill();
    for (const each of direct.slice(0, 2)) {
      const seen = [];
      await eventually(async () => {
        seen.push((await send(each, legacy('tools/list'), session)).status);
        assert.equal(seen.at(-1), 404);
      });
      assert.ok(seen.every((status) => status === 503 || status === 404), seen.join());
    }
    for (let i = 0; i < 6; i++) {
      assert.equal((await send(url, legacy('tools/list', {}, { id: i }), { ...kept.session, ...apart })).status, 200);
      assert.equal((await send(url, modern('tools/list', {}, { id: i }), apart)).status, 200);
    }
    // With the id that it had, as some clients do.
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'probe', version: '1' } };
    const anew = await post(direct[0], { jsonrpc: '2.0', id: 0, method: 'initialize', params }, session);
    assert.equal(anew.status, 200, anew.text);
    assert.ok(anew.headers.get('mcp-session-id'));
  });
});

test('the listener for other servers is none where nobody could reach it, or nobody shares the database', { skip }, async (t) => {
  const cluster = await Cluster.start(t, { names: [] });
  for (const [address, why] of [
    ['0.0.0.0:7000', /name the address and port at which the other servers reach this one/],
    ['127.0.0.1:0', /name the address and port/],
  ]) {
    const { code, stderr } = await cluster.first.command('serve', '--listen', '127.0.0.1:0', '--cluster-listen', address);
    assert.equal(code, 1, stderr);
    assert.match(stderr, why);
  }
});
