// MCP servers in configuration files: what apply takes and refuses, and what export gives back.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connek } from './support/connek.js';

const secret = 'canary-5517-of-a-process';
const config = (more = {}) => ({
  organisation: 'acme',
  connectors: [
    { id: 'files', kind: 'mcp', command: ['mcp-server-filesystem', '/srv/docs'], environment: { KEY: { env: 'FILES_KEY' }, LOG: '1' } },
    { id: 'x', kind: 'mcp', name: 'X', url: 'https://mcp.example/', auth: { key: { header: 'X-Key' } } },
  ],
  connections: [
    { name: 'docs', connector: 'files', trust: 'accept-read', names: 'plain' },
    { name: 'x', connector: 'x', trust: 'accept', credential: { key: 'canary-5518' } },
  ],
  roles: [
    { name: 'all', rules: [{ connection: 'docs', resources: ['file:///srv/*'], prompts: ['*'], effect: 'deny' }, { connector: 'x', does: ['read'] }] },
  ],
  users: [],
  ...more,
});

test('what was applied is exported and applied again without a change; secrets stay under the seal', async (t) => {
  const connek = await Connek.create(t, { env: { FILES_KEY: secret, X_KEY: 'canary-5518' } });
  await connek.apply(config());
  assert.equal(await connek.apply(config()), 'nothing to change\n');
  const exported = await connek.ok('export');
  const { connectors, connections, roles } = JSON.parse(exported);
  assert.deepEqual(connectors, config().connectors);
  assert.deepEqual(connections, [
    { name: 'docs', connector: 'files', names: 'plain', trust: 'accept-read' },
    { name: 'x', connector: 'x', trust: 'accept', credential: { key: { env: 'X_KEY' } } },
  ]);
  assert.deepEqual(roles, config().roles);
  assert.equal(await connek.apply(JSON.parse(exported)), 'nothing to change\n');

  connek.env.FILES_KEY = `${secret}-rotated`;
  assert.equal(await connek.apply(config()), '~ connector files: version 2, environment\n');
  const review = config();
  delete review.connections[0].trust;
  delete review.connections[0].names;
  assert.equal(await connek.apply(review), '~ connection docs: names, trust\n');
  for (const name of await readdir(connek.data)) {
    const bytes = await readFile(join(connek.data, name)).catch(() => Buffer.alloc(0));
    assert.ok(!bytes.includes('canary-55'), name);
  }
  assert.ok(!exported.includes('canary'));
});

const refused = [
  ['no variable', (c) => delete c.env, /FILES_KEY is not set \[?|environment variable FILES_KEY is not set/],
  ['both', (c) => (c.connectors[0].url = 'https://a/'), /not both/],
  ['neither', (c) => delete c.connectors[0].command, /"url" or a "command"/],
  ['a shell line', (c) => (c.connectors[0].command = 'mcp-server /srv'), /command must be a list/],
  ['a relative program', (c) => (c.connectors[0].command = ['./server']), /absolute path/],
  ['a header of ours', (c) => (c.connectors[1].auth.key.header = 'Mcp-Session-Id'), /not free/],
  ['settings', (c) => (c.connections[1].settings = { url: 'https://b/' }), /has no settings/],
  ['trust', (c) => (c.connections[1].trust = 'yes'), /"review", "accept" or "accept-read"/],
  ['names', (c) => (c.connections[1].names = true), /"prefixed" or "plain"/],
  ['an unknown credential', (c) => (c.connections[1].credential = { token: 'a' }), /\{"key": \.\.\.\}/],
  ['a pattern in the middle', (c) => (c.roles[0].rules[0].resources = ['file:///*/a']), /its beginning and a "\*"/],
  ['no resources', (c) => (c.roles[0].rules[0].resources = []), /must not be empty/],
];

test('what is wrong is refused with its place, and nothing is written', async (t) => {
  const connek = await Connek.create(t, { env: { FILES_KEY: secret } });
  for (const [what, spoil, text] of refused) {
    const wrong = config();
    spoil(wrong);
    connek.env = what === 'no variable' ? {} : { FILES_KEY: secret };
    const { code, stderr } = await connek.command('apply', await connek.writeFile('config.json', wrong));
    assert.equal(code, 1, what);
    assert.match(stderr, text, what);
    assert.match(stderr, /\/(connectors|connections|roles)\/\d/, what);
    assert.ok(!stderr.includes('canary'), what);
  }
  const sqlite = await connek.makeDatabase('l.db', 'CREATE TABLE a (b);');
  const { stderr } = await connek.command(
    'apply',
    await connek.writeFile('config.json', { organisation: 'acme', connections: [{ name: 'l', connector: 'sqlite', trust: 'accept', settings: { file: sqlite } }] }),
  );
  assert.match(stderr, /MCP servers alone/);
});
