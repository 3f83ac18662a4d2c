// Long lists come in pages that a client can walk.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { sdk1 } from './support/clients.js';
import { legacy, modern, send } from './support/mcp.js';

const manifest = (id, n) => ({
  manifest: 1,
  id,
  name: id,
  base: 'http://127.0.0.1:9',
  tools: Array.from({ length: n }, (_, i) => ({
    name: `tool_${String(i).padStart(3, '0')}`,
    does: 'read',
    description: `The tool number ${i}, which does nothing that matters.`,
    input: { type: 'object', properties: {} },
    call: `GET /${i}`,
  })),
});

async function large(t, n) {
  const connek = await Connek.create(t);
  await connek.writeFile('many.json', manifest('many', n));
  await connek.apply({
    organisation: 'acme',
    connectors: ['many.json'],
    connections: [{ name: 'many', connector: 'many' }],
    roles: [{ name: 'all', rules: [{ connection: 'many', tools: ['*'] }] }],
    users: [
      { email: 'a@acme.example', roles: ['all'] },
      { email: 'b@acme.example', roles: ['all'] },
    ],
  });
  await connek.start();
  return connek;
}

test('600 tools are listed page by page, none lost or doubled, in both eras', async (t) => {
  const connek = await large(t, 600);
  const { url } = await connek.token('a@acme.example');
  for (const era of [legacy, modern]) {
    const names = [];
    let cursor, pages = 0;
    do {
      const { body } = await send(url, era('tools/list', cursor ? { cursor } : {}));
      names.push(...body.result.tools.map((tool) => tool.name));
      cursor = body.result.nextCursor;
      pages++;
    } while (cursor && pages < 10);
    assert.equal(pages, 3);
    assert.equal(names.length, 603);
    assert.equal(new Set(names).size, 603);
    assert.deepEqual(names, names.toSorted());
  }
});

test('one person\'s cursor is worth nothing to another', async (t) => {
  const connek = await large(t, 300);
  const [a, b] = [await connek.token('a@acme.example'), await connek.token('b@acme.example')];
  const { nextCursor: cursor } = (await send(a.url, legacy('tools/list'))).body.result;
  assert.ok(cursor);
  assert.equal((await send(a.url, legacy('tools/list', { cursor }))).status, 200);
  assert.equal((await send(b.url, legacy('tools/list', { cursor }))).body.error.code, -32602);
});

test('a real client walks the pages', async (t) => {
  const connek = await large(t, 300);
  const { url } = await connek.token('a@acme.example');
  const client = await sdk1(t, url);
  const names = [];
  let cursor;
  do {
    const page = await client.listTools(cursor ? { cursor } : undefined);
    names.push(...page.tools.map((tool) => tool.name));
    cursor = page.nextCursor;
  } while (cursor);
  assert.equal(new Set(names).size, 303);
});
