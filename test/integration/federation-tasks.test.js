// Tasks of MCP servers through Connek: the extension of the modern era with the fixture behind it, what 2025-11-25 had
// before with a real server of that kind, and where the two meet.
import test from 'node:test';
import assert from 'node:assert/strict';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { sdk1 } from './support/clients.js';
import { begin, postStream } from './support/events.js';
import { everything, withEverything, withEverythingOverHttp, withFixture } from './support/federated.js';
import { legacy, modern, send } from './support/mcp.js';
import { eventually } from './support/wait.js';

const research = 'simulate-research-query';
const tasks = { 'io.modelcontextprotocol/tasks': {} };
const knowing = { 'io.modelcontextprotocol/clientCapabilities': { extensions: tasks, elicitation: {} } };
const isOver = ({ status }) => ['completed', 'failed', 'cancelled'].includes(status);

const call = (url, name, args = {}, more = {}) => send(url, modern('tools/call', { name, arguments: args, ...more }, { meta: knowing }));
const ask = (url, method, taskId, more = {}) => send(url, modern(method, { taskId, ...more }, { meta: knowing }));

async function begun(url, name, args) {
  const { body, text } = await call(url, name, args);
  assert.equal(body.result?.resultType, 'task', text);
  return body.result.taskId;
}

const over = (url, taskId) =>
  eventually(async () => {
    const { body } = await ask(url, 'tasks/get', taskId);
    assert.ok(isOver(body.result), JSON.stringify(body));
    return body.result;
  });

test('a task is begun, asked about and ended; its server knows it by an id of its own', async (t) => {
  const { connek, url } = await withFixture(t);
  const taskId = await begun(url, 'confirm_delete', { filename: 'a.txt' });
  const asked = await eventually(async () => {
    const { body } = await ask(url, 'tasks/get', taskId);
    assert.equal(body.result.status, 'input_required');
    return body.result;
  });
  assert.equal(asked.taskId, taskId);
  const inputResponses = Object.fromEntries(
    Object.keys(asked.inputRequests).map((key) => [key, { action: 'accept', content: { confirm: true } }]),
  );
  assert.equal((await ask(url, 'tasks/update', taskId, { inputResponses })).body.result.resultType, 'complete');
  const { result } = await over(url, taskId);
  assert.equal(result.content[0].text, 'a.txt is deleted');
  const records = await connek.audit();
  for (const method of ['tasks/get', 'tasks/update']) {
    const record = records.find(({ tool }) => tool === `${method} confirm_delete`);
    assert.equal(record?.decision, 'allowed', method);
    assert.equal(record.connection, 'x');
    assert.equal(record.does, method === 'tasks/get' ? 'read' : 'destroy');
  }
});

test('who may no longer call the tool may neither ask about its tasks nor end them', async (t) => {
  const { connek, url, allow } = await withFixture(t);
  const taskId = await begun(url, 'slow_compute', { seconds: 60 });
  await allow([...everything, { connection: 'x', tools: ['slow_compute'], effect: 'deny' }]);
  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
    const { body, text } = await ask(url, method, taskId, method === 'tasks/update' ? { inputResponses: {} } : {});
    assert.match(body.error?.message ?? '', /not permitted/, text);
  }
  const denied = (await connek.audit()).filter(({ tool, decision }) => tool === 'tasks/cancel slow_compute' && decision === 'denied');
  assert.equal(denied.length, 1);
  await allow(everything);
  assert.equal((await ask(url, 'tasks/get', taskId)).body.result.status, 'working');
});

const listen = (url, taskIds, { meta = knowing, ...filter } = {}) =>
  postStream(url, modern('subscriptions/listen', { notifications: { taskIds, ...filter } }, { meta, id: 'ears' }));
const told = async (stream) => (await stream.nextMessage()).data;
const isListening = (url, n) =>
  eventually(async () => {
    const { body } = await call(url, 'fixture_counts');
    assert.equal(body.result.structuredContent.tasksListenedTo, n);
  });
const accepted = async (stream) => (await told(stream)).params.notifications.taskIds;

test('who listens to a task hears its whole state, under its own id, and is on record for it', async (t) => {
  const { connek, url, other } = await withFixture(t);
  const taskId = await begun(url, 'confirm_delete', { filename: 'a.txt' });
  const foreign = await listen(other, [taskId, 'x', 7], { toolsListChanged: true });
  assert.deepEqual(await accepted(foreign), []);
  const ears = await listen(url, [taskId, 'x'], { toolsListChanged: true });
  assert.deepEqual(await accepted(ears), [taskId]);
  assert.equal((await connek.audit()).filter(({ tool }) => tool === 'subscriptions/listen confirm_delete').length, 1);

  // Connek listens to the server a moment later; until then the task does not move.
  const inputRequests = (await eventually(async () => {
    const { body } = await ask(url, 'tasks/get', taskId);
    assert.equal(body.result.status, 'input_required');
    return body.result;
  })).inputRequests;
  await isListening(url, 1);
  const inputResponses = Object.fromEntries(
    Object.keys(inputRequests).map((key) => [key, { action: 'accept', content: { confirm: true } }]),
  );
  await ask(url, 'tasks/update', taskId, { inputResponses });
  let news;
  do news = await told(ears);
  while (news.params.status !== 'completed');
  assert.equal(news.method, 'notifications/tasks');
  assert.equal(news.params._meta['io.modelcontextprotocol/subscriptionId'], 'ears');
  const { _meta, resultType, ...now } = (await ask(url, 'tasks/get', taskId)).body.result;
  const { _meta: ours, ...heard } = news.params;
  assert.deepEqual(heard, now);
  assert.equal(resultType, 'complete');

  // What the other one hears next is that lists changed: of the task there was nothing.
  await call(url, 'test_trigger_tool_change');
  assert.equal((await told(foreign)).method, 'notifications/tools/list_changed');
  for (const stream of [ears, foreign]) stream.close();
});

test('to listen to tasks needs the client\'s capability, and the rule that lets it call the tool', async (t) => {
  const { connek, url, allow } = await withFixture(t);
  const refused = await send(url, modern('subscriptions/listen', { notifications: { taskIds: ['x'] } }));
  assert.equal(refused.status, 400);
  assert.equal(refused.body.error.code, -32021);
  assert.deepEqual(refused.body.error.data, { requiredCapabilities: { extensions: tasks } });
  const doneAt = Date.now() + 6500;
  const [slow, asking] = [await begun(url, 'slow_compute', { seconds: 6 }), await begun(url, 'multi_input')];
  const ears = await listen(url, [slow, asking]);
  assert.deepEqual(await accepted(ears), [slow, asking]);
  await allow([...everything, { connection: 'x', tools: ['slow_compute'], effect: 'deny' }]);
  const again = await listen(url, [slow, asking]);
  assert.deepEqual(await accepted(again), [asking]);
  assert.ok((await connek.audit()).some(({ tool, decision }) => tool === 'subscriptions/listen slow_compute' && decision === 'denied'));
  await isListening(url, 1); // to the one that is left
  await new Promise((resume) => setTimeout(resume, doneAt - Date.now())); // and the slow one is done
  await ask(url, 'tasks/cancel', asking);
  for (const stream of [ears, again]) {
    const news = await told(stream);
    assert.equal(news.params.taskId, asking, JSON.stringify(news));
    stream.close();
  }
});

for (const [how, behind] of [
  ['a process', withEverything],
  ['over HTTP', withEverythingOverHttp],
]) {
  test(`2025-11-25: a real client's call is a task of a real server (${how}), which asks its question meanwhile`, async (t) => {
    const { url } = await behind(t);
    const client = await sdk1(t, url, {}, { elicitation: {} });
    assert.deepEqual(client.getServerCapabilities().tasks, { cancel: {}, requests: { tools: { call: {} } } });
    const asked = [];
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      asked.push(params);
      return { action: 'accept', content: { interpretation: 'snake' } };
    });
    await client.listTools();
    const seen = [];
    const stream = client.experimental.tasks.callToolStream({ name: research, arguments: { topic: 'python', ambiguous: true } });
    for await (const message of stream) seen.push(message);
    const types = seen.map(({ type }) => type);
    assert.equal(types[0], 'taskCreated', JSON.stringify(seen));
    assert.equal(types.at(-1), 'result', JSON.stringify(seen.at(-1)));
    assert.match(seen.at(-1).result.content[0].text, /Clarification\*\*: snake/);
    const { taskId } = seen[0].task;
    assert.equal(asked[0]._meta['io.modelcontextprotocol/related-task'].taskId, taskId);
    assert.equal(seen.at(-1).result._meta['io.modelcontextprotocol/related-task'].taskId, taskId);
  });
}

const legacyAsk = (url, session, method, params) => send(url, legacy(method, params), session);

test('2025-11-25: another\'s task is an unknown one, and so is one of the other era; nobody lists them', async (t) => {
  const { url, other } = await withEverything(t);
  const [mine, theirs] = [(await begin(url)).session, (await begin(other)).session];
  const params = { name: research, arguments: { topic: 'sea' }, task: { ttl: 60_000 } };
  const { body } = await legacyAsk(url, mine, 'tools/call', params);
  const { taskId } = body.result.task;
  assert.ok(taskId, JSON.stringify(body));
  for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
    const unknown = await legacyAsk(other, theirs, method, { taskId: 'x' });
    assert.equal(unknown.body.error?.code, -32602, unknown.text);
    assert.equal((await legacyAsk(other, theirs, method, { taskId })).text, unknown.text);
  }
  assert.equal((await legacyAsk(url, mine, 'tasks/list', {})).body.error?.code, -32601);
  assert.equal((await legacyAsk(url, mine, 'tasks/get', { taskId })).body.result.taskId, taskId);
  const cancelled = await legacyAsk(url, mine, 'tasks/cancel', { taskId });
  assert.equal(cancelled.body.result?.status, 'cancelled', cancelled.text);
  assert.equal(cancelled.body.result.taskId, taskId);
  const foreign = await ask(url, 'tasks/get', taskId);
  assert.ok(foreign.body.error, foreign.text);
});

test('2025-11-25: a tool that cannot be a task is none, and one that has to be says so', async (t) => {
  const { url } = await withEverything(t);
  const { session } = await begin(url);
  const echo = { name: 'echo', arguments: { message: 'a' } };
  const refused = await legacyAsk(url, session, 'tools/call', { ...echo, task: {} });
  assert.equal(refused.body.error?.code, -32601, refused.text);
  assert.ok((await legacyAsk(url, session, 'tools/call', echo)).body.result.content);
  const plain = await legacyAsk(url, session, 'tools/call', { name: research, arguments: { topic: 'sea' } });
  assert.match(JSON.stringify(plain.body), /task/);
  assert.ok(plain.body.error ?? plain.body.result.isError, plain.text);
  const later = await call(url, research, { topic: 'sea' });
  assert.equal(later.body.result?.isError, true, later.text);
  assert.match(later.body.result.content[0].text, /2025-11-25/);
});

test('a legacy client of a modern server has no tasks: what can be done without one is, the rest says why', async (t) => {
  const { url } = await withFixture(t);
  const { session, capabilities } = await begin(url, { extensions: tasks });
  assert.equal(capabilities.tasks, undefined);
  assert.equal(capabilities.extensions, undefined);
  const slow = { name: 'slow_compute', arguments: { seconds: 0 }, task: { ttl: 1000 } };
  assert.match((await legacyAsk(url, session, 'tools/call', slow)).body.result.content[0].text, /Computed/);
  const { body, text } = await legacyAsk(url, session, 'tools/call', { name: 'failing_job', arguments: {} });
  assert.equal(body.result?.isError, true, text);
  assert.match(body.result.content[0].text, /io\.modelcontextprotocol\/tasks/);
  assert.equal((await legacyAsk(url, session, 'tasks/get', { taskId: 'x' })).body.error?.code, -32601);
});
