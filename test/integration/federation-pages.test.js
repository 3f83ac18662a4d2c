// Pages that a person has to visit (elicitation in URL mode) through Connek: a real legacy server's two ways of asking, error
// -32042 and a question on the stream, and a modern one's, before clients of both eras that can show a page, or cannot.
import test from 'node:test';
import assert from 'node:assert/strict';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { sdk1 } from './support/clients.js';
import { begin } from './support/events.js';
import { withEverything, withFixture } from './support/federated.js';
import { legacy, modern, send } from './support/mcp.js';
import { eventually } from './support/wait.js';

const tool = 'trigger-url-elicitation';
const page = 'https://pages.example/sign';
const prerequisite = 'https://modelcontextprotocol.io';
const shows = { elicitation: { url: {} } };
const showsNone = { elicitation: { form: {} } };
const meta = (capabilities) => ({ 'io.modelcontextprotocol/clientCapabilities': capabilities });

// Its server offers the tool once it knows that its client shows pages.
async function withPages(t) {
  const served = await withEverything(t);
  await eventually(async () => {
    const { body } = await send(served.url, modern('tools/list'));
    assert.ok(body.result.tools.some(({ name }) => name === tool));
  });
  return served;
}

const callModern = (url, name, args, capabilities, more = {}) =>
  send(url, modern('tools/call', { name, arguments: args, ...more }, { meta: meta(capabilities) }));

async function shower(t, url) {
  const visited = [];
  const client = await sdk1(t, url, {}, shows);
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    visited.push(params);
    return { action: 'accept' };
  });
  return { client, visited };
}

test('legacy before legacy: the error names the page; the call is made again and asks on the stream', async (t) => {
  const { url } = await withPages(t);
  const { client, visited } = await shower(t, url);
  const call = () => client.callTool({ name: tool, arguments: { url: page, errorPath: true } });
  const failure = await call().then(() => undefined, (error) => error);
  assert.equal(failure?.code, -32042);
  assert.equal(failure.data.elicitations[0].url, prerequisite);
  const { content } = await call();
  assert.equal(visited.length, 1);
  assert.equal(visited[0].mode, 'url');
  assert.equal(visited[0].url, page);
  assert.ok(visited[0].elicitationId);
  assert.match(JSON.stringify(content), /completed|accepted|accept/i);
});

test('legacy before legacy: a client that shows no pages is told so, and gets neither error nor question', async (t) => {
  const { url } = await withPages(t);
  for (const capabilities of [showsNone, {}]) {
    const { session } = await begin(url, capabilities);
    const { body, text } = await send(url, legacy('tools/call', { name: tool, arguments: { url: page, errorPath: true, elicitationId: JSON.stringify(capabilities) } }), session);
    assert.equal(body.result?.isError, true, text);
    assert.match(body.result.content[0].text, /visit a page/);
    assert.doesNotMatch(text, /https:/);
    const asked = await send(url, legacy('tools/call', { name: tool, arguments: { url: page } }), session);
    assert.doesNotMatch(asked.text, /elicitation\/create/);
    assert.match(asked.text, /"isError": ?true/);
  }
});

test('modern before legacy: both ways become questions of the result', async (t) => {
  const { url } = await withPages(t);
  const args = { url: page, errorPath: true };
  const first = (await callModern(url, tool, args, shows)).body.result;
  assert.equal(first.resultType, 'input_required');
  const [[key, request]] = Object.entries(first.inputRequests);
  assert.equal(request.method, 'elicitation/create');
  assert.equal(request.params.mode, 'url');
  assert.equal(request.params.url, prerequisite);
  const accept = (name) => ({ inputResponses: { [name]: { action: 'accept' } } });
  const second = (await callModern(url, tool, args, shows, accept(key))).body.result;
  assert.equal(second.resultType, 'input_required');
  const [[again, question]] = Object.entries(second.inputRequests);
  assert.equal(question.params.url, page);
  const last = await callModern(url, tool, args, shows, { ...accept(again), requestState: second.requestState });
  assert.equal(last.body.result?.resultType, 'complete', last.text);
  assert.ok(!last.body.result.isError, last.text);
});

test('modern before legacy: a client that shows no pages is told what it lacks', async (t) => {
  const { url } = await withPages(t);
  const { status, body, text } = await callModern(url, tool, { url: page, errorPath: true }, showsNone);
  assert.equal(status, 400, text);
  assert.equal(body.error.code, -32021);
  assert.deepEqual(body.error.data, { requiredCapabilities: { elicitation: { url: {} } } });
  // A question is answered for it, and the server says what comes of that.
  const asked = await callModern(url, tool, { url: page }, showsNone);
  assert.equal(asked.body.result?.isError, true, asked.text);
});

test('legacy before modern: the page is asked for on the stream, of who can show it', async (t) => {
  const { url } = await withFixture(t, { eras: 'modern' });
  const { client, visited } = await shower(t, url);
  const { content } = await client.callTool({ name: 'test_elicitation_url', arguments: {} });
  assert.match(content[0].text, /action=accept/);
  assert.equal(visited[0].mode, 'url');
  assert.ok(visited[0].elicitationId, 'which 2025-11-25 wants, and the server has none');
  const { session } = await begin(url, showsNone);
  const refused = await send(url, legacy('tools/call', { name: 'test_elicitation_url', arguments: {} }), session);
  assert.doesNotMatch(refused.text, /example\.com/);
  assert.ok(refused.body.error ?? refused.body.result.isError, refused.text);
});
