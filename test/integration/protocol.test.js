// MCP as the wire has it, both eras: what the official clients never send is sent here by hand.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { callTool, legacy, legacyRevision, modern, post, send } from './support/mcp.js';

const finance = 'finance@acme.example';
const total = { sql: 'SELECT sum(cents) AS cents FROM invoice' };
const json = { 'Content-Type': 'application/json' };
const legacyRevisions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const prefix = 'io.modelcontextprotocol/';

let connek, url, closers;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  ({ url } = await connek.token(finance));
});

after(async () => {
  for (const close of closers) await close();
});

const initialize = (revision, client = { name: 'probe', version: '3' }) => ({
  jsonrpc: '2.0',
  id: 'i',
  method: 'initialize',
  params: { protocolVersion: revision, capabilities: {}, clientInfo: client },
});

for (const revision of legacyRevisions) {
  test(`initialize with ${revision} is answered with it, and a session`, async () => {
    const { status, body, headers } = await post(url, initialize(revision));
    assert.equal(status, 200);
    assert.equal(body.id, 'i');
    assert.equal(body.result.protocolVersion, revision);
    assert.equal(body.result.serverInfo.name, 'connek');
    assert.ok(body.result.capabilities.tools);
    assert.match(headers.get('mcp-session-id'), /^[\x21-\x7e]+$/);
  });
}

test('initialize with a revision that we do not know is answered with our newest legacy one', async () => {
  for (const revision of ['1999-12-31', '2026-07-28', 'x'])
    assert.equal((await post(url, initialize(revision))).body.result.protocolVersion, legacyRevision);
});

test('a session id is good for its own user alone, and made by nobody else', async () => {
  const { headers } = await post(url, initialize(legacyRevision));
  const session = headers.get('mcp-session-id');
  const other = await connek.token('marketing@acme.example');
  const list = legacy('tools/list');
  assert.equal((await send(url, list, { 'Mcp-Session-Id': session })).status, 200);
  assert.equal((await send(other.url, list, { 'Mcp-Session-Id': session })).status, 404);
  const forged = session.slice(0, -1) + (session.endsWith('0') ? '1' : '0');
  for (const wrong of [forged, 'x', session.split('.')[0], `${session}0`])
    assert.equal((await send(url, list, { 'Mcp-Session-Id': wrong })).status, 404, wrong);
});

test('a session outlives a restart of the server, and its calls are recorded with the client that began it', async (t) => {
  const own = await Connek.serving(t);
  const { token } = await own.token(finance);
  const { headers } = await post(own.url(token), initialize(legacyRevision));
  await own.restart();
  const session = { 'Mcp-Session-Id': headers.get('mcp-session-id') };
  assert.equal((await callTool(own.url(token), 'sqlite_query', total, legacy, session)).status, 200);
  assert.equal((await own.audit()).find((record) => record.tool === 'sqlite_query').client, 'probe 3');
});

test('notifications get 202 and no body; so do responses to what was never asked', async () => {
  for (const message of [
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 99 } },
    { jsonrpc: '2.0', method: 'notifications/never-heard-of' },
    { jsonrpc: '2.0', id: 5, result: {} },
  ]) {
    const { status, text } = await post(url, message);
    assert.equal(status, 202, JSON.stringify(message));
    assert.equal(text, '');
  }
});

test('a request that poses as a notification is not carried out', async () => {
  const records = (await connek.audit()).length;
  const { status } = await post(url, { jsonrpc: '2.0', method: 'tools/call', params: { name: 'sqlite_query', arguments: total } });
  assert.equal(status, 202);
  assert.equal((await connek.audit()).length, records);
});

test('ping is answered in the legacy era alone', async () => {
  assert.deepEqual((await send(url, legacy('ping'))).body.result, {});
  const { status, body } = await send(url, modern('ping'));
  assert.equal(status, 404);
  assert.equal(body.error.code, -32601);
});

test('server/discover names our revisions, privately', async () => {
  const { status, body } = await send(url, modern('server/discover'));
  assert.equal(status, 200);
  assert.equal(body.result.resultType, 'complete');
  assert.deepEqual(body.result.supportedVersions, ['2026-07-28', ...legacyRevisions.toReversed()]);
  assert.equal(body.result.cacheScope, 'private');
  assert.ok(body.result.ttlMs >= 0);
  assert.equal(body.result._meta[`${prefix}serverInfo`].name, 'connek');
});

test('every modern result says that it is complete; lists may be cached by their user alone', async () => {
  const listed = (await send(url, modern('tools/list'))).body.result;
  assert.equal(listed.resultType, 'complete');
  assert.equal(listed.cacheScope, 'private');
  const called = (await callTool(url, 'sqlite_query', total, modern)).body.result;
  assert.equal(called.resultType, 'complete');
  assert.equal(called.isError, false);
  const old = (await send(url, legacy('tools/list'))).body.result;
  assert.equal(old.resultType, undefined);
  assert.equal(old.ttlMs, undefined);
});

test('a modern request whose headers and body differ is refused with HeaderMismatch', async () => {
  const call = modern('tools/call', { name: 'sqlite_query', arguments: total });
  const wrong = [
    { 'Mcp-Name': 'sqlite_execute' },
    { 'Mcp-Method': 'tools/list' },
    { 'MCP-Protocol-Version': '2025-11-25' },
    { 'Mcp-Name': '=?base64?!!?=' },
  ];
  for (const headers of wrong) {
    const { status, body } = await send(url, call, headers);
    assert.equal(status, 400, JSON.stringify(headers));
    assert.equal(body.error.code, -32020, JSON.stringify(headers));
    assert.equal(body.id, 1);
  }
  for (const name of ['Mcp-Name', 'Mcp-Method', 'MCP-Protocol-Version']) {
    const headers = { ...call.headers };
    delete headers[name];
    const { status, body } = await post(url, call.message, headers);
    assert.equal(status, 400, name);
    assert.equal(body.error.code, -32020, name);
  }
});

test('a name in base64 is understood', async () => {
  const encoded = `=?base64?${Buffer.from('sqlite_query').toString('base64')}?=`;
  const { status, body } = await send(url, modern('tools/call', { name: 'sqlite_query', arguments: total }), { 'Mcp-Name': encoded });
  assert.equal(status, 200);
  assert.equal(body.result.isError, false);
});

test('a modern request without its version or capabilities is invalid; an unknown version is told ours', async () => {
  for (const key of ['protocolVersion', 'clientCapabilities']) {
    const request = modern('tools/list');
    delete request.message.params._meta[prefix + key];
    const { status, body } = await send(url, request);
    assert.equal(status, 400, key);
    assert.equal(body.error.code, -32602, key);
  }
  const { status, body } = await send(url, modern('tools/list', {}, { revision: '2031-01-01' }));
  assert.equal(status, 400);
  assert.equal(body.error.code, -32022);
  assert.equal(body.error.data.requested, '2031-01-01');
  assert.ok(body.error.data.supported.includes('2026-07-28'));
});

test('an unsupported legacy version header is 400', async () => {
  assert.equal((await send(url, legacy('tools/list', undefined, { revision: '2025-01-01' }))).status, 400);
});

test('an unknown method is -32601: 404 in the modern era, a plain error in the legacy one', async () => {
  const now = await send(url, modern('tools/destroy'));
  assert.equal(now.status, 404);
  assert.equal(now.body.error.code, -32601);
  const old = await send(url, legacy('tools/destroy'));
  assert.equal(old.status, 200);
  assert.equal(old.body.error.code, -32601);
});

test('GET and DELETE are 405 and say what is allowed', async () => {
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const response = await fetch(url, { method });
    assert.equal(response.status, 405, method);
    assert.match(response.headers.get('allow'), /POST/);
  }
});

test('batches belong to 2025-03-26: there each message is answered, elsewhere they are refused', async () => {
  const list = { jsonrpc: '2.0', method: 'tools/list' };
  const batch = [
    { ...list, id: 1 },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 'two', method: 'tools/call', params: { name: 'sqlite_query', arguments: total } },
    { jsonrpc: '2.0', id: 3, method: 'nope' },
    { nonsense: true },
  ];
  for (const headers of [{}, { 'MCP-Protocol-Version': '2025-03-26' }]) {
    const { status, body } = await post(url, batch, headers);
    assert.equal(status, 200);
    assert.deepEqual(
      body.map(({ id }) => id),
      [1, 'two', 3, null],
    );
    assert.ok(body[0].result.tools.length > 0);
    assert.match(body[1].result.content[0].text, /124649/);
    assert.equal(body[2].error.code, -32601);
    assert.equal(body[3].error.code, -32600);
  }
  for (const revision of ['2025-06-18', '2025-11-25', '2026-07-28', '2024-11-05'])
    assert.equal((await post(url, batch, { 'MCP-Protocol-Version': revision })).status, 400, revision);
  assert.equal((await post(url, [])).status, 400);
  assert.equal((await post(url, Array.from({ length: 51 }, (_, id) => ({ ...list, id })))).status, 400);
  assert.equal((await post(url, [{ jsonrpc: '2.0', method: 'notifications/initialized' }])).status, 202);
});

test('initialize in a batch is refused', async () => {
  const { body } = await post(url, [initialize('2025-03-26')]);
  assert.equal(body[0].error.code, -32600);
});

test('what is no JSON-RPC is refused with its reason, and its id where there is one', async () => {
  const cases = [
    ['{', -32700, null],
    ['', -32700, null],
    ['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700, null],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\u0000"}}', -32700, null],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\ud800"}}'.replace('\ud800', '\\ud800'), -32700, null],
    ['['.repeat(100) + ']'.repeat(100), -32700, null],
    ['{"jsonrpc":"1.0","id":7,"method":"ping"}', -32600, 7],
    ['{"id":7,"method":"ping"}', -32600, 7],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, null],
    ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, null],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, null],
    ['{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', -32600, 7],
    ['{"jsonrpc":"2.0","id":7,"method":5}', -32600, 7],
    ['{"jsonrpc":"2.0","id":7,"Method":"ping","method":"ping"}', -32600, 7],
    ['"text"', -32600, null],
    ['5', -32600, null],
  ];
  for (const [text, code, id] of cases) {
    const { status, body } = await post(url, text);
    assert.equal(status, 400, text);
    assert.equal(body.error.code, code, text);
    assert.equal(body.id, id, text);
  }
  const invalid = await post(url, Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', 'latin1'));
  assert.equal(invalid.body.error.code, -32700);
});

test('a body that is not declared as JSON is refused, as is a client that takes no JSON', async () => {
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx'])
    assert.equal((await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body: message })).status, 415, type);
  assert.equal((await fetch(url, { method: 'POST', headers: { ...json, Accept: 'text/html' }, body: message })).status, 406);
  assert.equal((await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: message })).status, 200);
});

test('tools are listed in the same order every time', async () => {
  const names = async () => (await send(url, legacy('tools/list'))).body.result.tools.map((tool) => tool.name);
  const first = await names();
  assert.deepEqual(first, first.toSorted());
  assert.deepEqual(await names(), first);
});

test('each listed tool has a name that clients take, a description, an object schema and honest hints', async () => {
  for (const tool of (await send(url, legacy('tools/list'))).body.result.tools) {
    assert.match(tool.name, /^[A-Za-z0-9_-]{1,48}$/);
    assert.ok(tool.description.length > 20, tool.name);
    assert.equal(tool.inputSchema.type, 'object');
    assert.equal(tool.annotations.readOnlyHint, true, tool.name);
  }
});

test('an unknown tool, and parameters of the wrong kind, are -32602', async () => {
  for (const params of [{ name: 'no_such_tool', arguments: {} }, { arguments: {} }, { name: 'sqlite_query', arguments: [] }, { name: 5 }]) {
    const { body } = await send(url, legacy('tools/call', params));
    assert.equal(body.error?.code, -32602, JSON.stringify(params));
  }
});

test('wrong arguments are a tool result that names them', async () => {
  for (const [args, about] of [
    [{}, /sql/],
    [{ sql: 5 }, /sql/],
    [{ sql: 'SELECT 1', extra: 1 }, /extra/],
  ]) {
    const { body } = await callTool(url, 'sqlite_query', args);
    assert.equal(body.result?.isError, true, JSON.stringify(args));
    assert.match(body.result.content[0].text, about);
  }
});

test('a cursor that is not ours, or another person\'s, is -32602', async () => {
  for (const cursor of ['x', '', 'c3FsaXRlX3F1ZXJ5.00000000000000000000000000000000', 5]) {
    const { body } = await send(url, legacy('tools/list', { cursor }));
    assert.equal(body.error?.code, -32602, String(cursor));
  }
});

test('ids come back as they were sent', async () => {
  for (const id of [0, -1, 2 ** 53 - 1, '', 'a"b\\c', '\u{1f600}']) {
    const { body } = await send(url, legacy('ping', undefined, { id }));
    assert.deepEqual(body.id, id);
  }
});
