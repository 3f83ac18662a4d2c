// A key that stands in the path (Telegram's): a URL is then a secret, and URLs are what people log, quote and pass on.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connek, run } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { callTool } from './support/mcp.js';

const key = '7719530284:AA/canary-53c2';
const inPath = '7719530284:AA%2Fcanary-53c2';

const manifest = (base) => ({
  manifest: 1,
  id: 'bot',
  name: 'Bot',
  base: `${base}/bot{key}`,
  auth: [{ type: 'key', in: 'path' }],
  errors: { message: ['description'] },
  tools: [
    { name: 'get', does: 'read', description: 'Gets what is there.', input: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, required: ['a'] }, call: 'GET /get/{a}', headers: { 'X-B': '{b}' } },
    { name: 'send', does: 'write', description: 'Sends it.', input: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }, call: 'POST /send', body: { a: '{a}' } },
  ],
});

function answer(request, response) {
  const echo = JSON.stringify({ description: `bad ${request.url}`, url: request.url, key, double: encodeURIComponent(key) }).replaceAll('/', request.url.includes('php') ? '\\/' : '/');
  const headers = { 'Content-Type': 'application/json', Location: `${this.base}${request.url}`, Link: `<${this.base}${request.url}?page=2>; rel="next"`, 'X-Url': request.url };
  if (request.url.includes('reset')) return request.socket.destroy();
  const status = Number(/status-(\d+)/.exec(request.url)?.[1] ?? 200);
  return response.writeHead(status, headers).end(echo);
}

const isThere = (text) => /canary|7719530284/.test(text);

test('a key in the path is in no answer, error, log, record or file, nor in what connector try shows', async (t) => {
  const upstream = await Upstream.start(t, answer);
  const connek = await Connek.create(t, { env: { BOT_KEY: key } });
  await connek.writeFile('bot.json', manifest(upstream.base));
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['bot.json'],
    connections: [{ name: 'bot', connector: 'bot', credential: { key: { env: 'BOT_KEY' } } }],
    roles: [{ name: 'all', rules: [{ connection: 'bot', does: ['read', 'write'] }] }],
    users: [{ email: 'a@acme.example', roles: ['all'] }],
  });
  await connek.start('--allow-upstream', upstream.host);
  const { url } = await connek.token('a@acme.example');
  const calls = [['get', { a: 'x' }], ['get', { a: 'php' }], ['get', { a: 'x', b: 'a\nb' }], ['get', { a: '..' }], ['get', { a: 'reset' }], ['send', { a: 'x' }]];
  for (const status of [201, 301, 302, 400, 401, 404, 429, 500, 502]) calls.push(['get', { a: `status-${status}` }]);
  for (const [name, args] of calls) {
    const { text } = await callTool(url, `bot_${name}`, args);
    assert.ok(!isThere(text), `${JSON.stringify(args)}: ${text}`);
  }
  assert.ok(upstream.requests.length >= calls.length - 2); // the control: it did go out
  for (const request of upstream.requests) {
    assert.ok(request.url.startsWith(`/bot${inPath}/`), request.url);
    assert.ok(!isThere(JSON.stringify(request.headers)));
  }

  const shown = async (name, args, ...more) => run(connek.binary, ['connector', 'try', connek.path('bot.json'), name, JSON.stringify(args), ...more, '--credential', 'key=env:BOT_KEY', '--allow-upstream', upstream.host], { env: { BOT_KEY: key } });
  for (const [name, args] of calls)
    for (const more of [[], ['--send']]) {
      const { stdout, stderr } = await shown(name, args, ...more);
      assert.ok(!isThere(stdout + stderr), stdout + stderr);
      if (!args.b && args.a !== '..') assert.match(stdout, /\/bot\*\*\*\//);
    }

  await upstream.close();
  const { text } = await callTool(url, 'bot_get', { a: 'nobody-there' });
  assert.ok(JSON.parse(text).result.isError);
  assert.ok(!isThere(text), text);
  await connek.stop();
  assert.ok(!isThere(connek.stderr), connek.stderr);
  assert.ok(!isThere(JSON.stringify(await connek.audit())));
  for (const name of await readdir(connek.data)) assert.ok(!isThere(await readFile(join(connek.data, name), 'latin1').catch(() => '')), name);
});

test('pages by link are refused where the key is in the path: the cursor would hold it', async (t) => {
  const connek = await Connek.create(t);
  const { tools, ...whole } = manifest('https://bot.example');
  await connek.writeFile('bot.json', { ...whole, tools: [{ ...tools[0], items: 'items', page: { by: 'link', next: 'next' } }] });
  const { code, stdout } = await run(connek.binary, ['connector', 'check', connek.path('bot.json')]);
  assert.notEqual(code, 0);
  assert.match(stdout, /\/tools\/0\/page\/by/);
  assert.match(stdout, /hold the key/);
});

// A service with its key in a header that puts it into its links all the same.
test('a link that repeats the credential is not followed', async (t) => {
  const upstream = await Upstream.start(t, (request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', Link: `<${upstream.base}/${request.headers['x-key']}/list?page=2>; rel="next"` }).end('[1,2]');
  });
  const connek = await Connek.create(t, { env: { LIST_KEY: 'canary-93b7a1' } });
  await connek.writeFile('list.json', { manifest: 1, id: 'list', name: 'List', base: upstream.base, auth: [{ type: 'key', in: 'header', name: 'X-Key' }], tools: [{ name: 'all', does: 'read', description: 'Lists all.', call: 'GET /list', page: { by: 'link' } }] });
  await connek.apply({ organisation: 'acme', connectors: ['list.json'], connections: [{ name: 'list', connector: 'list', credential: { key: { env: 'LIST_KEY' } } }], roles: [{ name: 'all', rules: [{ connection: 'list', does: ['read'] }] }], users: [{ email: 'a@acme.example', roles: ['all'] }] });
  await connek.start('--allow-upstream', upstream.host);
  const { url } = await connek.token('a@acme.example');
  const first = (await callTool(url, 'list_all')).body.result.structuredContent;
  assert.deepEqual(first.items, [1, 2]);
  const second = (await callTool(url, 'list_all', { cursor: first.next_cursor })).body.result;
  assert.ok(second.isError);
  assert.match(second.content[0].text, /credential/);
  assert.ok(!isThere(second.content[0].text));
  assert.equal(upstream.requests.length, 1);
});
