// The fixture server's lists through Connek, beside the lists as the fixture itself gives them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startFixture } from '../fixtures/mcp/process.js';
import { Connek } from './support/connek.js';
import { legacy, modern, send } from './support/mcp.js';
import { organisation, user } from './support/served.js';
import { eventually } from './support/wait.js';

// Connek's own tools and the cache hints apart, which are ours.
const ours = ({ name }) => name?.startsWith('connek_');
const sorted = (items) => items.toSorted((a, b) => ((a.name ?? a.uri) < (b.name ?? b.uri) ? -1 : 1));

async function everything(url, method, member) {
  const items = [];
  let cursor;
  do {
    const { body } = await send(url, modern(method, cursor ? { cursor } : {}));
    items.push(...body.result[member]);
    cursor = body.result.nextCursor;
  } while (cursor);
  return sorted(items.filter((item) => !ours(item)));
}

test('what the fixture lists is what Connek lists, word for word', async (t) => {
  const fixture = await startFixture(t);
  const connek = await Connek.create(t);
  await connek.apply(organisation([{ id: 'fixture', url: fixture, trust: 'accept', names: 'plain' }]));
  await connek.start('--allow-upstream', new URL(fixture).host);
  const { url } = await connek.token(user);
  for (const [method, member] of [
    ['tools/list', 'tools'],
    ['prompts/list', 'prompts'],
    ['resources/list', 'resources'],
    ['resources/templates/list', 'resourceTemplates'],
  ]) {
    const direct = await everything(fixture, method, member);
    assert.ok(direct.length > 0, method);
    await eventually(async () => assert.deepEqual(await everything(url, method, member), direct, method));
  }
  const review = await connek.ok('connector', 'review');
  assert.doesNotMatch(review, /refused|could not be asked/);
  const { body } = await send(url, legacy('tools/list'));
  assert.ok(body.result.tools.length > 10);
});

test("an organisation's exception from the guard holds for its MCP servers, and for nobody else's", async (t) => {
  const fixture = await startFixture(t);
  const connek = await Connek.create(t);
  for (const name of ['acme', 'globex']) await connek.apply({ ...organisation([{ id: 'fixture', url: fixture, trust: 'accept', names: 'plain' }]), organisation: name });
  await connek.start('--allow-upstream', `acme=${new URL(fixture).host}`);
  const { url } = await connek.token(user, '--organisation', 'acme');
  await eventually(async () => assert.ok((await everything(url, 'tools/list', 'tools')).length > 0));
  await eventually(async () => assert.match(await connek.ok('connector', 'review', '--organisation', 'globex'), /private address/));
  const foreign = await connek.token(user, '--organisation', 'globex');
  assert.deepEqual(await everything(foreign.url, 'tools/list', 'tools'), []);
});
