// Tasks of MCP servers that are processes of one server each: whichever is asked, the one where it was begun answers.
import test from 'node:test';
import assert from 'node:assert/strict';
import { modern, send } from '../integration/support/mcp.js';
import { freePort } from '../integration/support/process.js';
import { fixtureProgram } from '../fixtures/mcp/process.js';
import { Cluster, skip } from './cluster.js';
import { eventually } from '../integration/support/wait.js';

const ann = 'ann@acme.example';
const config = {
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connectors: [{ id: 'x', kind: 'mcp', command: [process.execPath, fixtureProgram, '--stdio', '--eras', 'modern'] }],
  connections: [{ name: 'x', connector: 'x', names: 'plain', trust: 'accept' }],
  roles: [{ name: 'all', rules: [{ connection: 'x', does: ['read', 'write', 'destroy'] }] }],
  users: [{ email: ann, roles: ['all'] }],
};
const meta = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} }, elicitation: {} } };
const call = (url, name, args = {}) => send(url, modern('tools/call', { name, arguments: args }, { meta }));
const ask = (url, method, taskId, more = {}) => send(url, modern(method, { taskId, ...more }, { meta }));
const isOver = ({ status }) => ['completed', 'failed', 'cancelled'].includes(status);

test('a task that was begun at one server is asked about, answered and ended at any', { skip }, async (t) => {
  const cluster = await Cluster.start(t, {
    names: ['a', 'b'],
    config,
    env: { PATH: '/nowhere' }, // no sandbox: it would see a /tmp of its own, and a checkout may be there
    args: ['--workers', '1', '--cluster-listen', () => freePort().then((port) => `127.0.0.1:${port}`)],
  });
  const { nodes } = cluster;
  const { token } = await nodes[0].token(ann);
  const [a, b] = nodes.map((node) => node.url(token));
  for (const url of [a, b])
    await eventually(async () => {
      const { body } = await send(url, modern('tools/list', {}, { meta }));
      assert.ok(body.result.tools.some(({ name }) => name === 'confirm_delete'), JSON.stringify(body));
    });
  const begun = async (url, name, args) => {
    const { body, text } = await call(url, name, args);
    assert.equal(body.result?.resultType, 'task', text);
    return body.result.taskId;
  };
  for (const [home, other] of [
    [a, b],
    [b, a],
  ]) {
    const taskId = await begun(home, 'confirm_delete', { filename: 'a.txt' });
    const asked = await eventually(async () => {
      const { body, text } = await ask(other, 'tasks/get', taskId);
      assert.equal(body.result?.status, 'input_required', text);
      return body.result;
    });
    assert.equal(asked.taskId, taskId);
    const inputResponses = Object.fromEntries(Object.keys(asked.inputRequests).map((key) => [key, { action: 'accept', content: { confirm: true } }]));
    assert.equal((await ask(other, 'tasks/update', taskId, { inputResponses })).body.result.resultType, 'complete');
    const { result } = await eventually(async () => {
      const { body } = await ask(other, 'tasks/get', taskId);
      assert.ok(isOver(body.result), JSON.stringify(body));
      return body.result;
    });
    assert.equal(result.content[0].text, 'a.txt is deleted');

    const slow = await begun(home, 'slow_compute', { seconds: 600 });
    const { body, text } = await ask(other, 'tasks/cancel', slow);
    assert.ok(body.result, text);
    await eventually(async () => assert.equal((await ask(home, 'tasks/get', slow)).body.result?.status, 'cancelled'));
  }
  // The control: the other one's own process has never heard of it.
  const lost = await begun(a, 'slow_compute', { seconds: 600 });
  assert.equal((await ask(b, 'tasks/get', lost)).body.result?.status, 'working');
  await nodes[0].kill();
  await eventually(async () => {
    const { status, body, text } = await ask(b, 'tasks/get', lost);
    assert.equal(status, 200, text);
    assert.ok(body.error, text);
  });
});
