// `connek bridge` and the npm package connek-bridge: assistants that only start commands, before the fixture server and
// before a real Connek.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek } from './support/connek.js';
import { Piped, bridgeKinds, installNpmBridge, stdioClients } from './support/bridge.js';
import { modern } from './support/mcp.js';
import { startFixture } from '../fixtures/mcp/process.js';

const finance = 'finance@acme.example';
const total = { sql: 'SELECT sum(cents) AS cents FROM invoice' };
const textOf = ({ content }) => content.map((part) => part.text ?? '').join('\n');
const names = ({ tools }) => tools.map(({ name }) => name);

let npmCommand;
const undone = [];
before(async () => (npmCommand = await installNpmBridge({ after: (undo) => undone.push(undo) })));
after(() => Promise.all(undone.map((undo) => undo())));

test('the npm package has the version of Connek', async () => {
  const read = (path) => readFile(resolve(import.meta.dirname, '../..', path), 'utf8');
  const [, version] = /version: '([^']+)'/.exec(await read('meson.build'));
  assert.equal(JSON.parse(await read('clients/npm/package.json')).version, version);
});

for (const [kind, start] of Object.entries(bridgeKinds)) {
  const piped = (t, url, ...args) => new Piped(t, start(npmCommand, url, ...args));

  for (const [client, connect] of Object.entries(stdioClients)) {
    const isModern = client.endsWith('modern');

    test(`${kind}, ${client}: tools, resources, prompts and completion of the fixture`, async (t) => {
      const session = await connect(t, start(npmCommand, await startFixture(t)));
      assert.ok(names(await session.listTools()).includes('test_simple_text'));
      const said = await session.callTool({ name: 'test_simple_text', arguments: {} });
      assert.equal(textOf(said), 'This is a simple text response for testing.');
      const failed = await session.callTool({ name: 'test_error_handling', arguments: {} });
      assert.equal(failed.isError, true);
      const { contents } = await session.readResource({ uri: 'test://template/7/data' });
      assert.equal(JSON.parse(contents[0].text).id, '7');
      const prompt = await session.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'é', arg2: '"\n"' } });
      assert.equal(prompt.messages[0].content.text, `Prompt with arguments: arg1='é', arg2='"\n"'`);
      const { completion } = await session.complete({
        ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
        argument: { name: 'arg1', value: 'pa' },
      });
      assert.deepEqual(completion.values, ['paris', 'park', 'party']);
    });

    test(`${kind}, ${client}: progress comes while the call is under way`, async (t) => {
      const session = await connect(t, start(npmCommand, await startFixture(t)));
      const seen = [];
      await session.callTool({ name: 'test_tool_with_progress', arguments: {} }, ...progressOptions(client, (step) => seen.push(step.progress)));
      // The last may come with the result, and is then no longer of interest to some clients.
      assert.deepEqual(seen.slice(0, 2), [0, 50]);
    });

    test(`${kind}, ${client}: the person is asked, and the model`, async (t) => {
      const session = await connect(t, start(npmCommand, await startFixture(t)), { elicitation: {}, sampling: {} });
      answers(client, session);
      const asked = await session.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } });
      assert.match(textOf(asked), /accept.*Ann/);
      const sampled = await session.callTool({ name: 'test_sampling', arguments: { prompt: 'Say' } });
      assert.match(textOf(sampled), /LLM response: said/);
    });

    test(`${kind}, ${client}: a call that is given up ends at the server too`, async (t) => {
      const session = await connect(t, start(npmCommand, await startFixture(t)));
      const giveUp = new AbortController();
      const call = session.callTool({ name: 'fixture_wait', arguments: { ms: 60_000 } }, ...signalOptions(client, giveUp.signal));
      setTimeout(() => giveUp.abort(), 300);
      await assert.rejects(call);
      for (let cancelled = 0; cancelled === 0; await sleep(50)) {
        ({ cancelled } = JSON.parse(textOf(await session.callTool({ name: 'fixture_counts', arguments: {} }))));
      }
    });

    test(`${kind}, ${client}: a real Connek`, async (t) => {
      const connek = await Connek.serving(t);
      const { url } = await connek.token(finance);
      const session = await connect(t, start(npmCommand, url));
      assert.ok(names(await session.listTools()).includes('sqlite_query'));
      assert.match(textOf(await session.callTool({ name: 'sqlite_query', arguments: total })), /124649/);
      await connek.restart('--listen', new URL(url).host);
      assert.match(textOf(await session.callTool({ name: 'sqlite_query', arguments: total })), /124649/);
    });

    if (!isModern) {
      test(`${kind}, ${client}: what the server says by itself arrives`, async (t) => {
        const session = await connect(t, start(npmCommand, await startFixture(t)));
        const changed = Promise.withResolvers();
        const method = 'notifications/tools/list_changed';
        if (client === 'sdk 1.x') session.fallbackNotificationHandler = async (heard) => heard.method === method && changed.resolve();
        else session.setNotificationHandler(method, () => changed.resolve());
        await session.callTool({ name: 'test_trigger_tool_change', arguments: {} });
        await changed.promise;
        assert.ok(names(await session.listTools()).includes('test_dynamic_tool'));
      });
    }
  }

  test(`${kind}: a modern subscription`, async (t) => {
    const bridge = piped(t, await startFixture(t));
    bridge.send(modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'sub' }).message);
    await bridge.until(() => bridge.messages.find(({ method }) => method === 'notifications/subscriptions/acknowledged'));
    bridge.send(modern('tools/call', { name: 'test_trigger_tool_change', arguments: {} }, { id: 2 }).message);
    const heard = await bridge.until(() => bridge.messages.find(({ method }) => method === 'notifications/tools/list_changed'));
    assert.equal(heard.params._meta['io.modelcontextprotocol/subscriptionId'], 'sub');
    assert.equal(await bridge.end(), 0, 'a subscription does not hold it up');
  });

  test(`${kind}: an argument that is repeated in a header, although the list has not passed`, async (t) => {
    const bridge = piped(t, await startFixture(t, { eras: 'modern' }));
    for (const region of ['eu', 'Österreich', ' x', '=?base64?x?=']) {
      const { message } = modern('tools/call', { name: 'test_header_params', arguments: { region } }, { id: region });
      bridge.send(message);
      const { result, error } = await bridge.answer(region);
      assert.equal(result && textOf(result), `Region: ${region}`, JSON.stringify(error));
    }
  });

  test(`${kind}: a stream that ends before the answer is taken up again`, async (t) => {
    const bridge = piped(t, await startFixture(t));
    await bridge.initialize();
    const { result } = await bridge.ask('tools/call', { name: 'test_reconnection', arguments: {} });
    assert.match(textOf(result), /taken up again/);
  });

  test(`${kind}: many requests at once, each answered once`, async (t) => {
    const bridge = piped(t, await startFixture(t));
    await bridge.initialize();
    const calls = Array.from({ length: 100 }, (_, at) =>
      bridge.ask('tools/call', { name: 'fixture_echo', arguments: { value: at } }, `call-${at}`),
    );
    const answers = await Promise.all(calls);
    answers.forEach(({ result }, at) => assert.equal(result.structuredContent.arguments.value, at));
    assert.equal(bridge.messages.filter(({ id }) => `${id}`.startsWith('call-')).length, 100);
  });

  test(`${kind}: megabytes, both ways, and numbers as they were written`, async (t) => {
    const bridge = piped(t, await startFixture(t));
    await bridge.initialize();
    const value = 'ü'.repeat(1_000_000);
    const { result } = await bridge.ask('tools/call', { name: 'fixture_echo', arguments: { value } });
    assert.equal(result.structuredContent.arguments.value, value);
    const large = await bridge.ask('tools/call', { name: 'fixture_text', arguments: { bytes: 5_000_000 } });
    assert.equal(textOf(large.result).length, 5_000_000);
  });

  test(`${kind}: a server that has forgotten the session gets a new one, unseen`, async (t) => {
    const forgetful = await ForgetfulServer.start(t);
    const bridge = piped(t, forgetful.url);
    await bridge.initialize();
    assert.equal((await bridge.ask('tools/list')).result.session, 1);
    forgetful.forget();
    assert.equal((await bridge.ask('tools/list')).result.session, 2);
    assert.equal(forgetful.initialized, 2);
    assert.ok(!bridge.messages.some(({ id }) => `${id}`.startsWith('connek')), 'nothing of its own reaches the client');
  });

  test(`${kind}: waits for a gateway that is not there yet`, async (t) => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    const bridge = piped(t, `http://127.0.0.1:${port}/mcp/ck_secret-of-the-url`);
    const answer = bridge.initialize();
    await bridge.until(() => /refused|cannot connect/.test(bridge.stderr));
    const forgetful = await ForgetfulServer.start(t, port);
    assert.equal((await answer).result.protocolVersion, '2025-11-25');
    assert.equal(forgetful.initialized >= 0, true);
    assert.ok(!bridge.stderr.includes('secret-of-the-url'), bridge.stderr);
  });

  test(`${kind}: a call whose connection breaks is not made twice, a list is`, async (t) => {
    let calls = 0;
    let lists = 0;
    const server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const { id, method } = JSON.parse(Buffer.concat(chunks).toString() || '{}');
      if (method === 'tools/call') calls++;
      if (method === 'tools/call' || (method === 'tools/list' && ++lists === 1)) return request.socket.destroy();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result: { tools: [] } }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const bridge = piped(t, `http://127.0.0.1:${server.address().port}/mcp/ck_secret-of-the-url`);
    const { error } = await bridge.ask('tools/call', { name: 'pay', arguments: {} });
    assert.match(error.message, /not known/);
    assert.equal(calls, 1);
    assert.deepEqual((await bridge.ask('tools/list')).result.tools, []);
    assert.equal(lists, 2);
    assert.ok(!bridge.stderr.includes('secret-of-the-url') && !bridge.stdout.includes('secret-of-the-url'));
  });

  test(`${kind}: says why, and never what is secret`, async (t) => {
    const connek = await Connek.serving(t);
    const token = `ck_${'a'.repeat(51)}`;
    const refused = piped(t, connek.url(token));
    const { error } = await refused.initialize();
    assert.ok(error.message.length > 0);
    assert.equal(await refused.end(), 0);

    const web = createServer((request, response) => response.writeHead(404, { 'Content-Type': 'text/html' }).end(`no ${request.url}`));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    t.after(() => web.close());
    const lost = piped(t, `http://127.0.0.1:${web.address().port}/mcp/${token}`);
    assert.match((await lost.initialize()).error.message, /404/);

    const gone = piped(t, `http://127.0.0.1:1/mcp/${token}`, '--patience', '1');
    assert.match((await gone.initialize()).error.message, /cannot be/);
    for (const bridge of [refused, lost, gone]) {
      assert.ok(!bridge.stdout.includes(token) && !bridge.stderr.includes(token), bridge.stderr + bridge.stdout);
    }

    const wrong = piped(t, `ftp://example.com/${token}`);
    assert.equal(await wrong.end(), 2);
    assert.ok(wrong.stderr.length > 0 && !wrong.stderr.includes(token), wrong.stderr);
  });

  test(`${kind}: what is no JSON-RPC is said to be none, and nothing else suffers`, async (t) => {
    const bridge = piped(t, await startFixture(t));
    bridge.send('{"jsonrpc":');
    bridge.send('3');
    bridge.send('');
    await bridge.until(() => bridge.messages.length === 2);
    assert.deepEqual(bridge.messages.map(({ error }) => error.code), [-32700, -32600]);
    assert.ok((await bridge.initialize()).result);
  });

  test(`${kind}: ends when its client does, after what was asked; and on SIGTERM at once`, async (t) => {
    const url = await startFixture(t);
    const bridge = piped(t, url);
    await bridge.initialize();
    bridge.send({ id: 'last', method: 'tools/call', params: { name: 'fixture_wait', arguments: { ms: 500 } } });
    assert.equal(await bridge.end(), 0);
    assert.ok(bridge.messages.some(({ id, result }) => id === 'last' && result));

    const other = piped(t, url);
    await other.initialize();
    other.send({ id: 'long', method: 'tools/call', params: { name: 'fixture_wait', arguments: { ms: 60_000 } } });
    await sleep(200);
    other.child.kill('SIGTERM');
    const [code, signal] = await other.ended;
    assert.ok(code === 0 || signal === 'SIGTERM');
  });
}

// The options of callTool in each client: 1.x has a schema before them.
const progressOptions = (client, onprogress) => (client === 'sdk 1.x' ? [undefined, { onprogress }] : [{ onprogress }]);
const signalOptions = (client, signal) => (client === 'sdk 1.x' ? [undefined, { signal }] : [{ signal }]);

async function answers(client, session) {
  const elicited = async () => ({ action: 'accept', content: { username: 'Ann', email: 'ann@acme.example' } });
  const sampled = async () => ({ role: 'assistant', model: 'test', content: { type: 'text', text: 'said' } });
  if (client !== 'sdk 1.x') {
    session.setRequestHandler('elicitation/create', elicited);
    session.setRequestHandler('sampling/createMessage', sampled);
    return;
  }
  const { CreateMessageRequestSchema, ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js');
  session.setRequestHandler(ElicitRequestSchema, elicited);
  session.setRequestHandler(CreateMessageRequestSchema, sampled);
}

// A legacy server with sessions by number, that can be made to forget them.
class ForgetfulServer {
  #session = 0;
  initialized = 0;

  static async start(t, port = 0) {
    const forgetful = new ForgetfulServer();
    const server = createServer((request, response) => forgetful.#take(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    forgetful.url = `http://127.0.0.1:${server.address().port}/mcp`;
    return forgetful;
  }

  forget() {
    this.#known = false;
  }

  #known = false;

  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== 'POST') return response.writeHead(request.method === 'GET' ? 405 : 200).end();
    const { id, method } = JSON.parse(Buffer.concat(chunks).toString());
    const json = (result, headers = {}) =>
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    if (method === 'initialize') {
      this.#known = true;
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'forgetful', version: '1' } };
      return json(result, { 'Mcp-Session-Id': `session-${++this.#session}` });
    }
    if (!this.#known || request.headers['mcp-session-id'] !== `session-${this.#session}`) return response.writeHead(404).end();
    if (method === 'notifications/initialized') this.initialized++;
    if (id === undefined) return response.writeHead(202).end();
    return json({ session: this.#session });
  }
}
