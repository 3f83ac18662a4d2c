// Names of tools, prompts and resources where several servers have the same, and where servers and organisations must
// not see each other's.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { Served, organisation, tool, user } from './support/served.js';
import { eventually } from './support/wait.js';

async function serving(t, config) {
  const connek = await Connek.create(t);
  await connek.apply(config);
  await connek.start('--allow-upstream', '127.0.0.1');
  const { url } = await connek.token(user);
  return { connek, url };
}

const request = async (url, method, params) => (await send(url, legacy(method, params))).body;
const list = async (url, what = 'tools', member = what) => (await request(url, `${what}/list`)).result[member];
const tools = async (url) => (await list(url)).filter(({ name }) => !name.startsWith('connek_'));
const names = async (url) => (await tools(url)).map(({ name }) => name);
const answered = (body) => JSON.parse(body.result.content[0].text);

test('two connections with the same definition are one tool; where they differ, each has its own', async (t) => {
  const one = await Served.start(t, { name: 'one', tools: [tool('both'), tool('mine', { description: 'One\'s.' })] });
  const two = await Served.start(t, { name: 'two', tools: [tool('both'), tool('mine', { description: 'Two\'s.' }), tool('more')] });
  const config = organisation([{ id: 'x', url: one.url, connection: 'first', trust: 'accept' }]);
  const { connek, url } = await serving(t, config);
  await eventually(async () => assert.deepEqual(await names(url), ['x_both', 'x_mine']));
  assert.equal((await tools(url))[0].inputSchema.properties, undefined);

  // The second comes later: the names of the first stay what they are. A definition per connector: the address is the
  // connector's, so the second one's server answers there from now on.
  config.connections.push({ name: 'second', connector: 'x', trust: 'accept' });
  one.tools = two.tools;
  await connek.apply(config);
  await eventually(async () => assert.equal((await names(url)).length, 4));
  const [both, mine, other, more] = await tools(url);
  assert.deepEqual(both.inputSchema.properties.account.enum, ['first', 'second']);
  assert.equal(mine.name, 'x_mine');
  assert.deepEqual(mine.inputSchema.properties.account.enum, ['first']);
  assert.equal(mine.description, 'One\'s.');
  assert.match(other.name, /^x_mine_[0-9a-f]{8}$/);
  assert.deepEqual(other.inputSchema.properties.account.enum, ['second']);
  assert.equal(other.description, 'Two\'s.');
  assert.deepEqual(more.inputSchema.properties.account.enum, ['second']);
  const { body } = await callTool(url, other.name, { account: 'second', a: 1 });
  assert.deepEqual(answered(body), { server: 'one', tool: 'mine', arguments: { a: 1 } });
});

test('names that clients cannot have, or too long ones, carry a hash; plain names are nobody\'s where two want them', async (t) => {
  const long = 'a'.repeat(60);
  const one = await Served.start(t, { name: 'one', tools: [tool('search'), tool('only.mine'), tool('only_mine'), tool(long)] });
  const two = await Served.start(t, { name: 'two', tools: [tool('search'), tool('find')] });
  const { url } = await serving(
    t,
    organisation([
      { id: 'one', url: one.url, trust: 'accept', names: 'plain' },
      { id: 'two', url: two.url, trust: 'accept', names: 'plain' },
    ]),
  );
  await eventually(async () => assert.equal((await names(url)).length, 6));
  const found = await names(url);
  assert.ok(found.every((name) => /^[A-Za-z0-9_-]{1,48}$/.test(name)), found.join());
  for (const name of ['find', 'one_search', 'two_search', 'only_mine']) assert.ok(found.includes(name), `${name} of ${found}`);
  const dotted = found.find((name) => /^only_mine_[0-9a-f]{8}$/.test(name));
  assert.equal(answered((await callTool(url, dotted)).body).tool, 'only.mine');
  const cut = found.find((name) => name.startsWith('aaaa'));
  assert.equal(cut.length, 48);
  assert.equal(answered((await callTool(url, cut)).body).tool, long);
});

test('the definition passes as it is, under our name', async (t) => {
  const definition = tool('rich', {
    title: 'Rich',
    inputSchema: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', $defs: { a: { type: 'string' } }, properties: { a: { $ref: '#/$defs/a' } }, additionalProperties: false },
    outputSchema: { type: 'object', properties: { b: { type: 'number' } } },
    annotations: { title: 'R', readOnlyHint: false, idempotentHint: true },
    icons: [{ src: 'https://example.com/i.png', sizes: ['48x48'] }],
    _meta: { 'com.example/x': { deep: [1, 2.5, null] } },
    execution: { taskSupport: 'optional' },
  });
  const served = await Served.start(t, { tools: [definition], prompts: [{ name: 'ask', title: 'Ask', arguments: [{ name: 'a', required: true }] }] });
  const { url } = await serving(t, organisation([{ id: 'x', url: served.url, trust: 'accept' }]));
  await eventually(async () => assert.equal((await names(url)).length, 1));
  assert.deepEqual((await tools(url))[0], { ...definition, name: 'x_rich' });
  assert.deepEqual(await list(url, 'prompts'), [{ ...served.prompts[0], name: 'x_ask' }]);
  const got = await request(url, 'prompts/get', { name: 'x_ask', arguments: { a: 'b' } });
  assert.equal(got.result.messages[0].content.text, 'served ask');
  const refused = await callTool(url, 'x_rich', { a: 1 });
  assert.ok(refused.body.result.isError);
  assert.equal(served.of('tools/call').length, 0);
});

test('URIs stay what they are, unless two servers have the same', async (t) => {
  const shared = { uri: 'docs://readme', name: 'readme' };
  const one = await Served.start(t, { name: 'one', resources: [shared, { uri: 'one://a', name: 'a' }], templates: [{ uriTemplate: 'docs://{page}', name: 'page' }, { uriTemplate: 'one://{+path}', name: 'path' }] });
  const two = await Served.start(t, { name: 'two', resources: [shared], templates: [{ uriTemplate: 'docs://{page}', name: 'page' }] });
  const { url } = await serving(t, organisation([{ id: 'one', url: one.url, trust: 'accept' }, { id: 'two', url: two.url, trust: 'accept' }]));
  await eventually(async () => assert.equal((await list(url, 'resources')).length, 3));
  assert.deepEqual((await list(url, 'resources')).map(({ uri }) => uri), [
    'connek://connection/one/docs%3A%2F%2Freadme',
    'connek://connection/two/docs%3A%2F%2Freadme',
    'one://a',
  ]);
  assert.deepEqual((await list(url, 'resources/templates', 'resourceTemplates')).map(({ uriTemplate }) => uriTemplate), [
    'connek://connection/one/docs%3A%2F%2F{page}',
    'connek://connection/two/docs%3A%2F%2F{page}',
    'one://{+path}',
  ]);
  const read = async (uri) => (await request(url, 'resources/read', { uri })).result?.contents[0].text;
  assert.equal(await read('one://a'), 'one one://a');
  assert.equal(await read('connek://connection/two/docs%3A%2F%2Freadme'), 'two docs://readme');
  assert.equal(await read('connek://connection/two/docs%3A%2F%2Fa%20b'), 'two docs://a%20b');
  assert.equal(await read('one://deep/er'), 'one one://deep/er');
  for (const uri of ['docs://readme', 'one://x/../y', 'one://%61', 'one://{a}', 'connek://connection/none/docs%3A%2F%2Fa', 'two://a'])
    assert.equal(await read(uri), undefined, uri);
});

test('rules name resources and prompts; what they forbid no template reaches', async (t) => {
  const served = await Served.start(t, {
    tools: [tool('echo')],
    prompts: [{ name: 'ask' }, { name: 'other' }],
    resources: [{ uri: 'docs://public/a', name: 'a' }, { uri: 'docs://secret/b', name: 'b' }],
    templates: [{ uriTemplate: 'docs://{+path}', name: 'all' }],
  });
  const config = organisation([{ id: 'x', url: served.url, trust: 'accept' }]);
  config.roles[0].rules = [{ connection: 'x', resources: ['docs://public/*'], prompts: ['ask'] }];
  const { connek, url } = await serving(t, config);
  await eventually(async () => assert.equal((await list(url, 'resources')).length, 1));
  assert.deepEqual(await names(url), []);
  assert.deepEqual((await list(url, 'prompts')).map(({ name }) => name), ['x_ask']);
  assert.deepEqual((await list(url, 'resources/templates', 'resourceTemplates')).length, 1);
  const read = (uri) => request(url, 'resources/read', { uri });
  assert.ok((await read('docs://public/z')).result);
  for (const uri of ['docs://secret/b', 'docs://secret/c', 'docs://public/../secret/b', 'docs://public/%2e%2e/secret/b', 'docs://publi'])
    assert.ok((await read(uri)).error, uri);
  assert.ok((await request(url, 'prompts/get', { name: 'x_other' })).error);
  assert.equal(served.of('resources/read').length, 1);
  const again = JSON.parse(await connek.ok('export'));
  assert.deepEqual(again.roles[0].rules, [{ connection: 'x', resources: ['docs://public/*'], prompts: ['ask'] }]);
});

test('three organisations see their own alone', async (t) => {
  const connek = await Connek.create(t);
  const servers = {};
  for (const name of ['acme', 'globex', 'initech']) {
    servers[name] = await Served.start(t, { name, tools: [tool('who'), tool(name)], resources: [{ uri: `r://${name}`, name }], prompts: [{ name }] });
    await connek.apply(organisation([{ id: 'x', url: servers[name].url, trust: 'accept' }], { name }));
  }
  await connek.start('--allow-upstream', '127.0.0.1');
  for (const name of Object.keys(servers)) {
    const { url } = await connek.token(`all@${name}.example`, '--organisation', name);
    await eventually(async () => assert.deepEqual(await names(url), [`x_${name}`, 'x_who'].sort()));
    assert.deepEqual((await list(url, 'resources')).map(({ uri }) => uri), [`r://${name}`]);
    assert.deepEqual((await list(url, 'prompts')).map((prompt) => prompt.name), [`x_${name}`]);
    assert.equal(answered((await callTool(url, 'x_who')).body).server, name);
    for (const other of Object.keys(servers).filter((each) => each !== name)) {
      assert.ok((await callTool(url, `x_${other}`)).body.error, other);
      assert.ok((await request(url, 'resources/read', { uri: `r://${other}` })).error, other);
    }
  }
  const lines = (await connek.ok('connector', 'review', '--organisation', 'globex', '--all', '--json')).split('\n').filter(Boolean);
  assert.ok(lines.every((line) => !line.includes('initech') && !line.includes('acme')));
});

test('which account a completion is about is ours to know: the server gets the other arguments alone', async (t) => {
  const prompts = [{ name: 'ask', arguments: [{ name: 'city' }, { name: 'country' }] }];
  const served = await Served.start(t, { prompts });
  served.lie = ({ id, method }, response) => {
    const answers = {
      initialize: {
        protocolVersion: '2025-06-18',
        capabilities: { prompts: {}, completions: {} },
        serverInfo: { name: 'x', version: '1' },
      },
      'completion/complete': { completion: { values: ['Rome'] } },
    };
    const result = answers[method];
    if (result) response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    return Boolean(result);
  };
  const { url } = await serving(
    t,
    organisation([
      { id: 'x', url: served.url, connection: 'first', trust: 'accept' },
      { id: 'x', url: served.url, connection: 'second', trust: 'accept' },
    ]),
  );
  await eventually(async () => assert.equal((await list(url, 'prompts'))[0]?.arguments.length, 3));
  const complete = (context) =>
    request(url, 'completion/complete', {
      ref: { type: 'ref/prompt', name: 'x_ask' },
      argument: { name: 'city', value: 'R' },
      ...(context && { context }),
    });
  const body = await complete({ arguments: { account: 'second', country: 'it' }, more: 1 });
  assert.deepEqual(body.result?.completion.values, ['Rome'], JSON.stringify(body));
  const { params } = served.of('completion/complete').at(-1);
  assert.deepEqual(params.ref, { type: 'ref/prompt', name: 'ask' });
  assert.deepEqual(params.context, { arguments: { country: 'it' }, more: 1 });
  const unnamed = await complete();
  assert.match(unnamed.error?.message ?? '', /account: must be one of first, second/);
});
