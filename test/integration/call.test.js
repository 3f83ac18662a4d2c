// `connek call`: from a shell, before the fixture server of either era and before a real Connek.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Connek, binary, run } from './support/connek.js';
import { startFixture } from '../fixtures/mcp/process.js';

const call = (args, options) => run(binary, ['call', ...args], options);

async function ok(args, options) {
  const { code, stdout, stderr } = await call(args, options);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function web(t, answer) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/mcp/ck_secret-of-the-url`;
}

for (const eras of ['modern', 'legacy', 'both']) {
  test(`a server of the era ${eras}: lists, calls, and ends with 1 for a tool's error`, async (t) => {
    const url = await startFixture(t, { eras });
    assert.match(await ok([url]), /^TOOL +ARGUMENTS +WHAT IT DOES\n(.*\n)*test_header_params +region +/);
    const tools = (await ok([url, '--json'])).trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(tools.find(({ name }) => name === 'fixture_echo')._meta['example.com/kept'], { as: 'it is' });
    assert.equal(await ok([url, 'test_simple_text']), 'This is a simple text response for testing.\n');
    const failed = await call([url, 'test_error_handling']);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /intentionally/);
    assert.equal((await call([url, 'no_such_tool'])).code, 1);
  });

  test(`a server of the era ${eras}: arguments as they were given, also from standard input and for headers`, async (t) => {
    const url = await startFixture(t, { eras });
    const value = { big: 9007199254740993, text: 'é"\n\u0001' };
    const heard = JSON.parse(await ok([url, 'fixture_echo', '-', '--json'], { input: JSON.stringify({ value }) }));
    assert.deepEqual(heard.structuredContent.arguments.value, JSON.parse(JSON.stringify(value)));
    assert.equal(await ok([url, 'test_header_params', '{"region": "Österreich"}']), 'Region: Österreich\n');
    assert.equal((await ok([url, 'fixture_text', '{"bytes": 3000000}'])).length, 3_000_001);
  });
}

test('a real Connek; the URL may come from the environment', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token('finance@acme.example');
  assert.match(await ok([], { env: { CONNEK_URL: url } }), /^sqlite_query /m);
  const sql = '{"sql": "SELECT sum(cents) AS cents FROM invoice"}';
  assert.match(await ok(['sqlite_query', sql], { env: { CONNEK_URL: url } }), /124649/);
  const bearer = { env: { CONNEK_TOKEN: new URL(url).pathname.split('/').at(-1) } };
  const { code, stderr } = await call([`${connek.base}/mcp`], bearer);
  assert.ok(code === 0 || !stderr.includes(bearer.env.CONNEK_TOKEN));
});

test('says why it failed, and never the secret of the URL', async (t) => {
  const connek = await Connek.serving(t);
  const token = `ck_${'a'.repeat(51)}`;
  const page = await web(t, (request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(request.url));
  const elsewhere = await web(t, (request, response) => response.writeHead(302, { Location: request.url }).end());
  const repeats = await web(t, (request, response) => {
    const error = { code: -32000, message: `no ${request.url} \u001b[31m` };
    response.writeHead(403, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
  });
  const tries = [
    [connek.url(token), 1, /./],
    [page, 1, /text\/html.*URL right/],
    [elsewhere, 1, /elsewhere \(302\)/],
    [repeats, 1, /-32000/],
    [`http://127.0.0.1:1/mcp/${token}`, 1, /cannot connect/],
    [`ftp://example.com/${token}`, 2, /none that begins/],
    [`http://exa mple.com/${token}`, 2, /none that begins/],
  ];
  for (const [url, code, why] of tries) {
    const ended = await call([url]);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, why);
    for (const secret of [token, 'secret-of-the-url', '\u001b']) assert.ok(!ended.stderr.includes(secret), ended.stderr);
  }
});

test('arguments that are no JSON object, and a number of seconds that is none, are refused before anything is sent', async (t) => {
  let requests = 0;
  const url = await web(t, (request, response) => {
    requests++;
    response.writeHead(500).end();
  });
  for (const args of [['tool', '[]'], ['tool', '{'], ['tool', '{"a":1,"a":2}'], ['tool', '{}', '--timeout', '0']]) {
    assert.equal((await call([url, ...args])).code, 2, args.join(' '));
  }
  assert.equal(requests, 0);
});

test('an answer that does not come in time is an error', async (t) => {
  const url = await web(t, () => {});
  const { code, stderr } = await call([url, 'tool', '--timeout', '1']);
  assert.equal(code, 1);
  assert.match(stderr, /did not answer within 1000 ms/);
});
