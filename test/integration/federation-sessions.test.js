// Connek as a legacy and a modern server of what an MCP server behind it has: streams, sessions, questions, replays.
import test from 'node:test';
import assert from 'node:assert/strict';
import { begin, get, postStream } from './support/events.js';
import { ann, withFixture as serving } from './support/federated.js';
import { legacy, modern, post, send } from './support/mcp.js';

const call = (name, args = {}, id = 1) => legacy('tools/call', { name, arguments: args }, { id });

test('what is announced is what the server behind has', async (t) => {
  const { url } = await serving(t);
  const { capabilities } = await begin(url);
  assert.equal(capabilities.tools.listChanged, true);
  assert.equal(capabilities.prompts.listChanged, true);
  assert.equal(capabilities.resources.listChanged, true);
  assert.ok(capabilities.completions && capabilities.logging);
});

test('a role without the connection has neither its prompts nor its resources, and is told so', async (t) => {
  const { url, allow } = await serving(t);
  const { body } = await send(url, legacy('resources/list'));
  const [{ uri }] = body.result.resources;
  await allow([]);
  const listed = await send(url, legacy('resources/list'));
  const read = await send(url, legacy('resources/read', { uri }));
  assert.equal(listed.body.error?.code, -32601, listed.text);
  assert.equal(read.body.error?.code, -32601, read.text);
  await allow([{ connection: 'x', does: ['read'], prompts: ['*'] }]);
  const prompts = await send(url, legacy('prompts/list'));
  assert.ok(prompts.body.result.prompts.length > 0, prompts.text);
  await allow([{ connection: 'x', resources: ['test://static-text'] }]);
  const codeOf = async (other) => (await send(url, legacy('resources/read', { uri: other }))).body.error;
  assert.equal(await codeOf('test://static-text'), undefined);
  const denied = await codeOf('test://template/42/data'); // what fits a template, as what is listed
  assert.match(denied?.message ?? '', /not (permitted|allowed)|may not|denied/i, JSON.stringify(denied));
  const unknown = await codeOf('test://nothing/of/it');
  assert.match(unknown?.message ?? '', /not found/, JSON.stringify(unknown));
  assert.notEqual(denied.code, unknown.code);
});

test('GET without a session is 405, with an unknown or another principal\'s 404, and so is DELETE', async (t) => {
  const { url, other } = await serving(t);
  const { session } = await begin(url);
  const ask = (to, method, headers) => fetch(to, { method, headers: { Accept: 'text/event-stream', ...headers } });
  for (const method of ['GET', 'DELETE']) {
    assert.equal((await ask(url, method, {})).status, 405);
    assert.equal((await ask(url, method, { ...session, 'MCP-Protocol-Version': '2026-07-28' })).status, 405);
    assert.equal((await ask(url, method, { 'Mcp-Session-Id': 'x' })).status, 404);
    assert.equal((await ask(other, method, session)).status, 404);
  }
  assert.equal((await ask(url, 'GET', { ...session, Accept: 'application/json' })).status, 406);
});

test('DELETE ends a session at every worker, and its stream with it', async (t) => {
  const { url } = await serving(t);
  const { session } = await begin(url);
  const stream = await get(url, session);
  assert.equal(stream.response.status, 200);
  const primed = await stream.next();
  assert.ok(primed.id && primed.data === '');
  assert.equal((await fetch(url, { method: 'DELETE', headers: session })).status, 200);
  assert.equal(await stream.nextMessage(), undefined);
  for (let i = 0; i < 20; i++) {
    const { status } = await send(url, legacy('tools/list', {}, { id: i }), { ...session, Connection: 'close' });
    assert.equal(status, 404);
  }
});

test('progress reaches who gave a token, under that token, before the result', async (t) => {
  const { url } = await serving(t);
  const { session } = await begin(url);
  const { message, headers } = call('test_tool_with_progress');
  message.params._meta = { progressToken: 'mine' };
  const stream = await postStream(url, { message, headers }, session);
  assert.equal(stream.response.headers.get('content-type'), 'text/event-stream');
  assert.equal(stream.response.headers.get('x-accel-buffering'), 'no');
  const seen = [];
  for (let event; (event = await stream.nextMessage()); ) seen.push(event.data);
  const progress = seen.filter(({ method }) => method === 'notifications/progress');
  assert.ok(progress.length >= 2);
  assert.ok(progress.every(({ params }) => params.progressToken === 'mine'));
  assert.ok(seen.at(-1).result);
  const plain = await send(url, call('test_tool_with_progress'), session);
  assert.doesNotMatch(plain.text, /notifications\/progress/);
});

test('a legacy client is asked on the stream, and its answer arrives at any worker', async (t) => {
  const { url, other } = await serving(t);
  const { session } = await begin(url, { elicitation: {} });
  for (let i = 0; i < 8; i++) {
    const stream = await postStream(url, call('test_elicitation', { message: 'Who?' }, `call-${i}`), session);
    let question;
    do question = (await stream.nextMessage()).data;
    while (!question.method || question.method.startsWith('notifications/'));
    assert.equal(question.method, 'elicitation/create');
    const answer = { jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { username: 'ann', email: 'a@b.example' } } };
    const theirs = await post(other, { ...answer, result: { action: 'decline' } }, { 'MCP-Protocol-Version': '2025-11-25' });
    assert.equal(theirs.status, 202);
    const { status } = await post(url, answer, { ...session, Connection: 'close' });
    assert.equal(status, 202);
    let last, event;
    while ((event = await stream.nextMessage())) last = event.data;
    assert.equal(last.id, `call-${i}`);
    assert.match(JSON.stringify(last.result), /accept/);
  }
});

test('who cannot be asked is not asked', async (t) => {
  const { url } = await serving(t);
  const { session } = await begin(url, {});
  const stream = await postStream(url, call('test_elicitation', { message: 'Who?' }), session);
  let last, event;
  const text = stream.response.headers.get('content-type').startsWith('application/json') ? await (async () => {
    let all = '';
    for (let part; !(part = await stream.reader.read()).done; ) all += part.value;
    return all;
  })() : undefined;
  if (text) last = JSON.parse(text);
  else while ((event = await stream.nextMessage())) last = event.data;
  assert.ok(last.result?.isError || last.error, JSON.stringify(last));
});

test('a stream that broke is read on by GET: nothing is lost, nothing comes twice, and nobody else may', async (t) => {
  const { url, other } = await serving(t);
  const { session } = await begin(url, { elicitation: {} });
  const stream = await postStream(url, call('test_elicitation', { message: 'Who?' }), session);
  const primed = await stream.next();
  assert.ok(primed.id && primed.data === '');
  const asked = await stream.nextMessage();
  stream.close();
  const stranger = await begin(other);
  const theirs = await get(other, stranger.session, { 'Last-Event-ID': primed.id });
  assert.equal((await theirs.next()).data, ''); // a stream of their own, begun anew
  theirs.close();
  const again = await get(url, session, { 'Last-Event-ID': primed.id });
  const repeated = await again.nextMessage();
  assert.deepEqual(repeated.data, asked.data);
  assert.equal(repeated.id, asked.id);
  await post(url, { jsonrpc: '2.0', id: asked.data.id, result: { action: 'accept', content: {} } }, session);
  const rest = [];
  for (let event; (event = await again.nextMessage()); ) rest.push(event.data);
  assert.ok(rest.at(-1).result, 'the result came on the second stream');
  assert.equal(rest.filter(({ id }) => id === asked.data.id).length, 0);
});

test('a modern client is asked by the result; its state is good for that request and person alone', async (t) => {
  const { url, other } = await serving(t);
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, sampling: {}, roots: {} } };
  const name = 'test_input_required_result_request_state';
  const first = await send(url, modern('tools/call', { name, arguments: {} }, { meta }));
  assert.equal(first.body.result.resultType, 'input_required', first.text);
  const { requestState, inputRequests } = first.body.result;
  const inputResponses = Object.fromEntries(
    Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: { ok: true, confirmed: true } }]),
  );
  const repeat = (to, params) =>
    send(to, modern('tools/call', { name, arguments: {}, inputResponses, requestState, ...params }, { id: 2, meta }));
  for (const [to, params] of [
    [other, {}],
    [url, { requestState: `${requestState}x` }],
    [url, { requestState: 'x' }],
    [url, { requestState: 7 }],
    [url, { name: 'test_input_required_result_tampered_state' }],
    [url, { inputResponses: null }],
    [url, { inputResponses: { a: 1 } }],
  ]) {
    const { body } = await repeat(to, params);
    assert.equal(body.error?.code, -32602, JSON.stringify([params, body]));
  }
  const done = await repeat(url, {});
  assert.equal(done.body.result?.resultType, 'complete', done.text);
});

test('who listens hears that lists changed, tagged, and nothing that was not asked for', async (t) => {
  const { url, allow } = await serving(t);
  const { session } = await begin(url);
  const ears = await get(url, session);
  await ears.next();
  const listen = (notifications, id) => postStream(url, modern('subscriptions/listen', { notifications }, { id }));
  const tools = await listen({ toolsListChanged: true }, 'one');
  const prompts = await listen({ promptsListChanged: true }, 2);
  for (const [stream, id] of [[tools, 'one'], [prompts, 2]]) {
    const { data } = await stream.next();
    assert.equal(data.method, 'notifications/subscriptions/acknowledged');
    assert.equal(data.params._meta['io.modelcontextprotocol/subscriptionId'], id);
  }
  await allow([{ connection: 'x', does: ['read'] }]); // most tools are gone, and no prompt is
  const told = await tools.next();
  assert.equal(told.data.method, 'notifications/tools/list_changed');
  assert.equal(told.data.params._meta['io.modelcontextprotocol/subscriptionId'], 'one');
  assert.equal((await ears.nextMessage()).data.method, 'notifications/tools/list_changed');
  await allow([{ connection: 'x', does: ['read'], tools: ['fixture_echo'] }]);
  assert.equal((await prompts.next()).data.method, 'notifications/prompts/list_changed');
  for (const stream of [ears, tools, prompts]) stream.close();
});

test('a revoked token ends what listens with it', async (t) => {
  const { connek, url } = await serving(t);
  const second = await connek.token(ann);
  const { session } = await begin(second.url);
  const ears = await get(second.url, session);
  await ears.next();
  const listening = await postStream(second.url, modern('subscriptions/listen', { notifications: { toolsListChanged: true } }));
  await listening.next();
  await connek.ok('token', 'revoke', second.id);
  assert.equal(await ears.nextMessage(), undefined);
  assert.equal((await listening.nextMessage()).data.result.resultType, 'complete');
  assert.equal(await listening.nextMessage(), undefined);
  assert.equal((await send(url, legacy('ping'))).status, 200);
});

test('prompts, resources and completions are on record, as tools are', async (t) => {
  const { connek, url } = await serving(t);
  const { body } = await send(url, legacy('resources/list'));
  const [{ uri }] = body.result.resources;
  await send(url, legacy('resources/read', { uri }));
  await send(url, legacy('prompts/get', { name: 'test_simple_prompt' }));
  await send(url, legacy('prompts/get', { name: 'nobody_has_this' }));
  const records = await connek.audit();
  const of = (tool) => records.find((record) => record.tool === tool);
  assert.equal(of(`resources/read ${uri}`)?.outcome, 'ok');
  assert.equal(of('prompts/get test_simple_prompt')?.decision, 'allowed');
  assert.equal(of('prompts/get nobody_has_this')?.decision, 'denied');
});
