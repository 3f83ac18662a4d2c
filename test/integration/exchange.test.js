// What happens to a call while other things happen: its client leaves, the server stops, its token is revoked, its
// organisation changes, its neighbours in a batch are slow. `make proof` runs the long form of the storm.
import test from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, exampleConfig, run } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { RawConnection, callTool, legacy, legacyRevision, modern, post, send } from './support/mcp.js';
import { held, rounds } from './support/proof.js';
import { until } from './support/wait.js';

const finance = 'finance@acme.example';
const marks = 'CREATE TABLE entry (mark TEXT PRIMARY KEY);';
const all = { ...exampleConfig, roles: [{ name: 'finance', rules: [{ connection: 'ledger', tools: ['*'] }] }], users: [{ email: finance, roles: ['finance'] }] };
const count = (n) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n}) SELECT count(*) AS n FROM n`;
const insert = (mark) => ({ sql: 'INSERT INTO entry (mark) VALUES ($1)', params: [mark] });
const textOf = (body) => body.result.content[0].text;

async function markedRows(connek) {
  const { code, stdout, stderr } = await run('sqlite3', [connek.path('ledger.db'), 'SELECT mark FROM entry']);
  assert.equal(code, 0, stderr);
  return new Set(stdout.split('\n').filter(Boolean));
}

async function assertVerified(connek) {
  const { code, stdout, stderr } = await connek.verify();
  assert.equal(code, 0, stdout + stderr);
}

// A request as bytes, for a connection by hand. Its body is ASCII.
function bytesOf(url, { message, headers }, extra = {}) {
  const { host, pathname } = new URL(url);
  const body = JSON.stringify(message).replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const fields = Object.entries({ Host: host, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers, ...extra });
  return `POST ${pathname} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

// A connector to an upstream that answers as the test says: `ask` reads, `do` destroys.
const manifest = {
  manifest: 1, id: 'desk', name: 'Desk', base: '{conn.base}',
  tools: ['ask', 'do'].map((name) => ({
    name, does: name === 'ask' ? 'read' : 'destroy', description: 'Reaches the desk, which takes the time it takes.',
    input: { type: 'object', properties: { mark: { type: 'string' } }, required: ['mark'] }, call: `GET /${name}/{mark}`,
  })),
};

async function servingDesk(t, answer, args = []) {
  const upstream = await Upstream.start(t, answer);
  const connek = await Connek.create(t);
  await connek.writeFile('desk.json', manifest);
  await connek.apply({
    organisation: 'acme', limits: { per_minute: 1_000_000 }, connectors: ['desk.json'],
    connections: [{ name: 'desk', connector: 'desk', settings: { base: upstream.base } }],
    roles: [{ name: 'clerk', rules: [{ connection: 'desk', tools: ['*'] }] }],
    users: [{ email: finance, roles: ['clerk'] }],
  });
  await connek.start('--allow-upstream', upstream.host, ...args);
  return { upstream, connek, ...(await connek.token(finance)) };
}

// ---- clients that leave ----

for (const audit of ['strict', 'relaxed']) {
  test(`${audit}: clients that leave at any moment cost nobody anything, and no write is without its record`, async (t) => {
    const connek = await Connek.serving(t, { config: all, ledger: marks, args: ['--audit', audit] });
    const { url } = await connek.token(finance);
    const asked = new Set();
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let i = 0; i < 40; i++) {
          const mark = randomUUID();
          asked.add(mark);
          const era = (lane + i) % 2 ? modern : legacy;
          const raw = await RawConnection.open(connek.base);
          const bytes = bytesOf(url, era('tools/call', { name: 'sqlite_execute', arguments: insert(mark) }));
          // In the middle of the body, right after it, or a little later: by then the intent or the call is under way.
          if (i % 4 === 0) await raw.write(bytes.slice(0, bytes.length - 1 - lane));
          else await raw.write(bytes);
          if (i % 4 === 2) raw.socket.end();
          if (i % 4 >= 2) await sleep(Math.random() * 6);
          raw.close();
        }
      }),
    );
    const { status, body } = await callTool(url, 'sqlite_execute', insert('last'));
    assert.equal(status, 200);
    assert.equal(body.result.isError, false);
    await connek.restart();
    const records = (await connek.audit()).filter(({ tool }) => tool === 'sqlite_execute');
    const written = await markedRows(connek);
    assert.equal(written.size, records.filter(({ outcome }) => outcome === 'ok').length, 'as many rows as calls that went well');
    for (const { outcome, decision } of records) {
      assert.equal(decision, 'allowed');
      assert.ok(['ok', 'cancelled'].includes(outcome), outcome);
    }
    for (const mark of written) assert.ok(mark === 'last' || asked.has(mark));
    assert.ok(written.size > 80, `${written.size} written`);
    await assertVerified(connek);
  });
}

test('a client that has left before its request was begun is treated as one that leaves', async (t) => {
  const responses = [];
  const { upstream, connek, url } = await servingDesk(t, (request, response) => responses.push(response));
  const ask = (era, mark) => bytesOf(url, era('tools/call', { name: 'desk_do', arguments: { mark } }));
  const raw = await RawConnection.open(connek.base);
  await raw.write(ask(legacy, 'first') + ask(modern, 'second'));
  raw.socket.end();
  await until('the first is under way', () => upstream.count === 1);
  await sleep(100); // for what says that the client will send no more
  upstream.json(responses[0], {});
  const outcomes = async () => (await connek.audit()).filter(({ tool }) => tool === 'desk_do').map(({ outcome }) => outcome);
  await until('the second, begun after that, was cancelled', async () => (await outcomes()).includes('cancelled'));
  raw.close();
  assert.deepEqual((await outcomes()).toSorted(), ['cancelled', 'ok']);
  assert.equal(upstream.count, 1, 'it was not made');
});

// ---- batches ----

test('a batch with a slow call: the others are done meanwhile, all are answered in order', async (t) => {
  const held0 = [];
  const { upstream, connek, url } = await servingDesk(t, (request, response) => {
    if (request.url === '/ask/slow') held0.push(response);
    else upstream0.json(response, { at: request.url });
  });
  const upstream0 = upstream;
  const call = (id, name, args) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });
  const batch = [
    call('a', 'desk_ask', { mark: 'slow' }),
    call('b', 'desk_do', { mark: 'quick' }),
    { jsonrpc: '2.0', id: 'c', method: 'tools/list' },
    call('d', 'no_such_tool', {}),
    call('e', 'connek_whoami', {}),
    { jsonrpc: '2.0', method: 'notifications/initialized' },
  ];
  const pending = post(url, batch, { 'MCP-Protocol-Version': '2025-03-26' });
  await until('the quick one is on record', async () => (await connek.audit()).some(({ tool, outcome }) => tool === 'desk_do' && outcome === 'ok'));
  assert.equal(held0.length, 1);
  upstream.json(held0[0], { at: 'last' });
  const { status, body } = await pending;
  assert.equal(status, 200);
  assert.deepEqual(body.map(({ id }) => id), ['a', 'b', 'c', 'd', 'e']);
  assert.match(textOf(body[0]), /last/);
  assert.match(textOf(body[1]), /quick/);
  assert.equal(body[3].error.code, -32602);
});

test('of a batch one call can be cancelled: the others are answered; where all are, nothing is', async (t) => {
  const { upstream, url } = await servingDesk(t, (request, response) => {
    if (request.url === '/ask/quick') upstream0.json(response, {});
  });
  const upstream0 = upstream;
  const headers = { 'MCP-Protocol-Version': '2025-03-26' };
  const call = (id, mark) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'desk_ask', arguments: { mark } } });
  const cancel = (requestId) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
  const some = post(url, [call(1, 'hang'), call(2, 'quick')], headers);
  await until('both are under way', () => upstream.count === 2);
  await post(url, cancel(1), headers);
  assert.deepEqual((await some).body.map(({ id }) => id), [2]);
  const none = post(url, [call(1, 'hang'), call(2, 'hang')], headers);
  await until('both are under way', () => upstream.count === 4);
  await post(url, [cancel(1), cancel(2)], headers);
  const { status, body, headers: answered } = await none;
  assert.equal(status, 200);
  assert.equal(body, undefined);
  assert.match(answered.get('content-type'), /event-stream/);
});

// ---- the server stops ----

test('stopping under load: whatever was answered is on record, and nothing is answered wrongly', async (t) => {
  const connek = await Connek.serving(t, { config: all, ledger: marks, args: ['--admin-listen', '127.0.0.1:0'] });
  const { url } = await connek.token(finance);
  for (let round = 0; round < 3; round++) {
    const acknowledged = [];
    const refused = new Set();
    let isOver = false;
    t.after(() => (isOver = true));
    const target = connek.url(new URL(url).pathname.split('/').at(-1));
    const loads = Array.from({ length: 12 }, async (_, lane) => {
      for (let i = 0; !isOver; i++) {
        const mark = randomUUID();
        try {
          const isWrite = (lane + i) % 3 === 0;
          const answer = isWrite ? await callTool(target, 'sqlite_execute', insert(mark), lane % 2 ? modern : legacy) : await callTool(target, 'sqlite_query', { sql: count(2000) });
          if (answer.status !== 200) refused.add(answer.status);
          else if (isWrite && !answer.body.result.isError) acknowledged.push(mark);
          else if (!isWrite) assert.match(textOf(answer.body), /2000/);
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          return; // no one listens any more
        }
      }
    });
    const scrapes = (async () => {
      while (!isOver) {
        const metrics = await fetch(`${connek.adminBase}/metrics`).then((answer) => answer.text(), () => '');
        if (metrics) assert.match(metrics, /connek_http_requests_total \d+/);
      }
    })();
    await sleep(300);
    await connek.stop();
    isOver = true;
    await Promise.all([...loads, scrapes]);
    for (const status of refused) assert.equal(status, 503);
    const written = await markedRows(connek);
    for (const mark of acknowledged) assert.ok(written.has(mark), `${mark} was acknowledged`);
    const records = (await connek.audit()).filter(({ tool }) => tool === 'sqlite_execute');
    assert.equal(records.filter(({ outcome }) => outcome === 'ok').length, written.size);
    assert.equal(records.filter(({ outcome }) => outcome === 'unknown').length, 0, 'an orderly end leaves nothing open');
    await assertVerified(connek);
    await connek.start('--admin-listen', '127.0.0.1:0');
  }
});

for (const name of ['desk_ask', 'desk_do']) {
  test(`a legacy call (${name}) whose client has left ends before the server does, and is on record`, async (t) => {
    let finish;
    const { upstream, connek, url } = await servingDesk(t, (request, response) => (finish = () => upstream0.json(response, { done: true })));
    const upstream0 = upstream;
    const raw = await RawConnection.open(connek.base);
    await raw.write(bytesOf(url, legacy('tools/call', { name, arguments: { mark: 'x' } })));
    await until('the call reached the upstream', () => upstream.count === 1);
    raw.socket.resetAndDestroy();
    await sleep(100);
    const stopped = connek.stop();
    await sleep(500);
    finish();
    await stopped;
    const record = (await connek.audit()).find(({ tool }) => tool === name);
    assert.equal(record?.outcome, 'ok');
  });
}

// ---- what changes meanwhile ----

test('a token is revoked while its calls are under way: they end as they began, no further one does', async (t) => {
  const responses = [];
  const { upstream, connek, url, id } = await servingDesk(t, (request, response) => responses.push(response));
  const other = await connek.token(finance);
  const pending = Array.from({ length: 20 }, (_, i) => callTool(url, i % 2 ? 'desk_ask' : 'desk_do', { mark: String(i) }, i % 3 ? legacy : modern));
  await until('all are under way', () => upstream.count === 20);
  await connek.ok('token', 'revoke', id);
  const refused = await Promise.all(Array.from({ length: 10 }, () => send(url, legacy('tools/list'))));
  for (const { status } of refused) assert.equal(status, 401);
  for (const response of responses) upstream.json(response, { fine: true });
  for (const { status, body } of await Promise.all(pending)) {
    assert.equal(status, 200);
    assert.match(textOf(body), /fine/);
  }
  assert.equal((await send(other.url, legacy('tools/list'))).status, 200);
  assert.equal((await connek.audit()).filter(({ token, tool, outcome }) => token === id && tool.startsWith('desk_') && outcome === 'ok').length, 20);
});

const storm = rounds(40, 200);
test(`${storm} changes of who may do what, under load: after each, every answer is the new one; none is ever wrong`, async (t) => {
  const open = { ...exampleConfig };
  const shut = { ...exampleConfig, roles: [{ name: 'finance', rules: [] }, { name: 'marketing', rules: [] }] };
  const connek = await Connek.serving(t, { config: open });
  const { url } = await connek.token(finance);
  let isOver = false;
  let n = 0;
  t.after(() => (isOver = true));
  const isAllowed = ({ status, body }) => {
    assert.equal(status, 200);
    if (body.result.isError) assert.match(textOf(body), /not permitted/);
    else assert.match(textOf(body), /124649/);
    n++;
    return !body.result.isError;
  };
  const ask = (lane) => callTool(url, 'sqlite_query', { sql: 'SELECT sum(cents) AS cents FROM invoice' }, lane % 2 ? modern : legacy);
  const loads = Array.from({ length: 8 }, async (_, lane) => {
    while (!isOver) isAllowed(await ask(lane));
  });
  for (let i = 0; i < storm; i++) {
    const mayAsk = i % 2 === 1;
    await connek.apply(mayAsk ? open : shut);
    const answers = await Promise.all([ask(0), ask(1), ask(2), ask(3)]);
    for (const answer of answers) assert.equal(isAllowed(answer), mayAsk, `after change ${i}`);
    const { body } = await send(url, legacy('tools/list'));
    assert.equal(body.result.tools.some(({ name }) => name === 'sqlite_query'), mayAsk);
  }
  isOver = true;
  await Promise.all(loads);
  await assertVerified(connek);
  t.diagnostic(`${n} calls meanwhile`);
  held('changes of policy under load: after each every answer is the new one', storm);
});

test('a call that waits while its organisation changes ends by what it began with', async (t) => {
  const responses = [];
  const { upstream, connek, url } = await servingDesk(t, (request, response) => responses.push(response));
  const pending = Array.from({ length: 6 }, (_, i) => callTool(url, 'desk_do', { mark: String(i) }, i % 2 ? legacy : modern));
  await until('all are under way', () => upstream.count === 6);
  await connek.writeFile('empty.json', { organisation: 'acme', users: [{ email: finance, roles: [] }] });
  await connek.ok('apply', connek.path('empty.json'), '--prune');
  assert.equal((await callTool(url, 'desk_do', { mark: 'x' })).body.error?.code, -32602, 'it is gone for whoever asks now');
  for (const response of responses) upstream.json(response, { fine: true });
  for (const { body } of await Promise.all(pending)) assert.match(textOf(body), /fine/);
  assert.equal((await connek.audit()).filter(({ tool, outcome }) => tool === 'desk_do' && outcome === 'ok').length, 6);
});

test('everything at once: tokens come and go, rules change, clients leave and cancel, metrics are read, then the end', async (t) => {
  const slow = (request, response) => setTimeout(() => upstream0.json(response, { at: request.url }), Math.random() * 20);
  const { upstream, connek, url } = await servingDesk(t, slow, ['--admin-listen', '127.0.0.1:0', '--workers', '3']);
  const upstream0 = upstream;
  const config = JSON.parse(await connek.ok('export'));
  let isOver = false;
  let answered = 0;
  t.after(() => (isOver = true));
  const repeat = async (act) => {
    while (!isOver) await act();
  };
  const mayFail = (promise) => promise.catch(() => ({ status: 0 }));
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: legacyRevision, capabilities: {}, clientInfo: { name: 'c', version: '1' } } };
  const calls = Array.from({ length: 6 }, (_, lane) => {
    const act = async () => {
      const mark = randomUUID();
      const { status, body } = await mayFail(callTool(url, lane % 2 ? 'desk_ask' : 'desk_do', { mark }, lane % 3 ? legacy : modern));
      if (status !== 200) return assert.ok([0, 503].includes(status), String(status));
      assert.ok(textOf(body).includes(mark), 'an answer of one\'s own');
      answered++;
    };
    return repeat(act);
  });
  const leaving = repeat(() => {
    const { message, headers } = modern('tools/call', { name: 'desk_do', arguments: { mark: 'left' } });
    return mayFail(post(url, message, headers, { signal: AbortSignal.timeout(Math.floor(Math.random() * 15)) }));
  });
  const cancelling = repeat(async () => {
    const { headers } = await mayFail(post(url, initialize));
    if (!headers) return sleep(5);
    const session = { 'Mcp-Session-Id': headers.get('mcp-session-id') };
    const called = mayFail(callTool(url, 'desk_ask', { mark: 'cancelled' }, legacy, session));
    await mayFail(post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, { 'MCP-Protocol-Version': legacyRevision, ...session }));
    await called;
  });
  const looking = repeat(async () => {
    await mayFail(fetch(`${connek.adminBase}/metrics`).then((answer) => answer.text()));
    await mayFail(fetch(`${connek.base}/readyz`).then((answer) => answer.text()));
    await sleep(2);
  });
  for (let i = 0; i < rounds(8, 60); i++) {
    const made = await connek.token(finance);
    assert.equal((await send(made.url, legacy('tools/list'))).status, 200);
    await connek.writeFile('changed.json', { ...config, limits: { per_minute: 1_000_000 - i } });
    await Promise.all([connek.ok('apply', connek.path('changed.json')), send(made.url, modern('tools/list'))]);
    await connek.ok('token', 'revoke', made.id);
    assert.equal((await send(made.url, legacy('tools/list'))).status, 401);
  }
  const stopped = connek.stop();
  setTimeout(() => (isOver = true), 50);
  await Promise.all([stopped, ...calls, leaving, cancelling, looking]);
  assert.ok(answered > 20, `${answered} answered`);
  const records = (await connek.audit()).filter(({ tool }) => tool.startsWith('desk_'));
  assert.ok(records.length >= answered);
  for (const { outcome } of records) assert.ok(['ok', 'cancelled', 'unknown'].includes(outcome), outcome);
  await assertVerified(connek);
});

// ---- rates ----

test('a call that is refused for its rate is on record, once a minute; a flood only counts', async (t) => {
  const config = { ...exampleConfig, limits: { per_minute: 5 } };
  const connek = await Connek.serving(t, { config, args: ['--admin-listen', '127.0.0.1:0'] });
  const { id, url } = await connek.token(finance);
  const other = await connek.token(finance);
  const { headers } = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: legacyRevision, capabilities: {}, clientInfo: { name: 'flood', version: '2' } } });
  const session = { 'Mcp-Session-Id': headers.get('mcp-session-id') };
  const statuses = [];
  for (let i = 0; i < 30; i++) statuses.push((await callTool(url, 'sqlite_query', { sql: 'SELECT 1' }, legacy, session)).status);
  assert.equal(statuses.at(-1), 429);
  for (let i = 0; i < 8; i++) assert.equal((await send(url, legacy('tools/list'))).status, 429);
  const refused = statuses.filter((status) => status === 429).length;
  const ofRate = async (token) => (await connek.audit()).filter((record) => record.reason === 'rate' && record.token === token);
  const [record, ...more] = await ofRate(id);
  assert.equal(more.length, 0);
  const { decision, outcome, tool, user, client } = record;
  assert.deepEqual({ decision, outcome, tool, user, client }, { decision: 'denied', outcome: 'none', tool: 'sqlite_query', user: finance, client: 'flood 2' });
  // The bucket of the records outlives a change of the token's row and of its organisation.
  await connek.apply({ ...config, users: [...config.users, { email: 'new@acme.example', roles: [] }] });
  for (let i = 0; i < 10; i++) await callTool(url, 'sqlite_query', { sql: 'SELECT 1' });
  assert.equal((await ofRate(id)).length, 1);
  for (let i = 0; i < 10; i++) await callTool(other.url, 'sqlite_query', { sql: 'SELECT 1' }, modern);
  assert.equal((await ofRate(other.id)).length, 1, 'each token has its own');
  const metrics = await (await fetch(`${connek.adminBase}/metrics`)).text();
  const denied = Number(/connek_calls_total\{decision="denied",outcome="none"\} (\d+)/.exec(metrics)[1]);
  assert.ok(denied >= refused, `${denied} of ${refused} counted`);
});

test('a message that cannot be read costs its token as much as any other', async (t) => {
  const connek = await Connek.serving(t, { config: { ...exampleConfig, limits: { per_minute: 5 } } });
  const { url } = await connek.token(finance);
  const statuses = [];
  for (let i = 0; i < 10; i++) statuses.push((await post(url, { jsonrpc: '1.0', id: 1, method: 'ping' })).status);
  assert.equal(statuses[0], 400);
  assert.equal(statuses.at(-1), 429);
});

// ---- what a request may say ----

test('what the wire allows and the protocol does not', async (t) => {
  const connek = await Connek.serving(t, { args: ['--admin-listen', 'localhost:0'] });
  const { url } = await connek.token(finance);
  const raw = async (request, ...lines) => {
    const connection = await RawConnection.open(connek.base);
    await connection.write(bytesOf(url, request, { Connection: 'close' }).replace('\r\n', `\r\n${lines.map((line) => `${line}\r\n`).join('')}`));
    const text = await connection.end();
    connection.close();
    return { status: Number(text.slice(9, 12)), body: text.includes('\r\n\r\n{') ? JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) : undefined };
  };

  await t.test('a revision that is named twice is no revision', async () => {
    const again = await raw(legacy('tools/list'), `MCP-Protocol-Version: ${legacyRevision}`);
    assert.equal(again.status, 400);
    assert.equal(again.body.error.code, -32600);
    const now = await raw(modern('tools/list'), 'Mcp-Method: tools/list');
    assert.equal(now.status, 400);
    assert.equal(now.body.error.code, -32020);
  });

  await t.test('a session that is named twice is nobody\'s; in the modern era there is none to name', async () => {
    const { headers } = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: legacyRevision, capabilities: {}, clientInfo: { name: 'c', version: '1' } } });
    const session = `Mcp-Session-Id: ${headers.get('mcp-session-id')}`;
    assert.equal((await raw(legacy('tools/list'), session)).status, 200);
    assert.equal((await raw(legacy('tools/list'), session, session)).status, 404);
    assert.equal((await raw(modern('tools/list'), session, session)).status, 200);
    assert.equal((await raw(modern('tools/list'), 'Mcp-Session-Id: junk')).status, 200);
  });

  await t.test('a name in the header that is not plain ASCII is refused, though the body says the same', async () => {
    const request = modern('tools/call', { name: 'sqlite_query', arguments: {} });
    request.message.params.name = 'na\u00efve';
    delete request.headers['Mcp-Name'];
    const answer = await raw(request, `Mcp-Name: ${Buffer.from('na\u00efve').toString('latin1')}`);
    assert.equal(answer.status, 400);
  });

  await t.test('headers for parameters are for tools that ask for them: ours do not, and ignore them', async () => {
    const call = modern('tools/call', { name: 'sqlite_query', arguments: { sql: 'SELECT 1' } });
    const { status, body } = await send(url, call, { 'Mcp-Param-Sql': 'SELECT 2', 'Mcp-Param-X': '=?base64?!?=' });
    assert.equal(status, 200);
    assert.equal(body.result.isError, false);
  });

  await t.test('a modern client sends no responses; its notifications need no _meta', async () => {
    const headers = { 'MCP-Protocol-Version': '2026-07-28' };
    const response = await post(url, { jsonrpc: '2.0', id: 1, result: {} }, headers);
    assert.equal(response.status, 400);
    const notification = await post(url, { jsonrpc: '2.0', method: 'notifications/unheard-of' }, headers);
    assert.equal(notification.status, 202);
    assert.equal(notification.text, '');
  });

  await t.test('where an id is not known, newer revisions leave it out and older ones have null', async () => {
    for (const [revision, hasId] of [['2026-07-28', false], ['2025-11-25', false], ['2025-06-18', true], ['2025-03-26', true]]) {
      for (const text of ['{', '{"jsonrpc":"2.0","id":null,"method":"ping"}']) {
        const { status, body } = await post(url, text, { 'MCP-Protocol-Version': revision });
        assert.equal(status, 400);
        assert.equal('id' in body, hasId, `${revision} ${text}`);
        assert.equal(body.id ?? null, null);
      }
    }
  });

  await t.test('a client may call itself what it wants, in bytes that are no text too', async () => {
    assert.equal((await raw(legacy('tools/call', { name: 'connek_whoami' }), 'User-Agent: caf\xe9 \xff')).status, 200);
    const { client } = (await connek.audit()).find(({ tool }) => tool === 'connek_whoami');
    assert.equal(client, 'caf\ufffd \ufffd');
    await assertVerified(connek);
  });

  await t.test('the admin listener is named as it was asked for', () => {
    assert.match(connek.adminBase, /^http:\/\/localhost:\d+$/);
  });
});

test('who is refused before a large body is read is told the same as after a small one', async (t) => {
  const origin = 'https://app.example.com';
  const connek = await Connek.serving(t, { args: ['--peer-limit', '3', '--allow-origin', origin] });
  const unknown = connek.url('0'.repeat(64));
  for (const [status, sizes] of [[401, [10, 100_000]], [429, [10, 100_000]]]) {
    if (status === 429) for (let i = 0; i < 3; i++) await post(unknown, '{}');
    const answers = [];
    for (const n of sizes) answers.push(await post(unknown, `"${'x'.repeat(n)}"`, { Origin: origin }));
    for (const answer of answers) {
      assert.equal(answer.status, status);
      assert.equal(answer.body.error.code, status);
      assert.equal(answer.headers.get('access-control-allow-origin'), origin);
      assert.equal(answer.headers.has('www-authenticate'), status === 401);
      assert.equal(answer.headers.has('retry-after'), status === 429);
    }
  }
});

test('a body that would take more memory than a request may is refused, and the connection goes on', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token(finance);
  for (const text of ['['.repeat(4_000_000), `[${'0,'.repeat(2_000_000)}0]`]) {
    const { status, body } = await post(url, text);
    assert.equal(status, 413);
    assert.equal(body.error.code, -32600);
  }
  assert.equal((await send(url, legacy('tools/list'))).status, 200);
});

test('answers that are too large together are withheld as a whole, and each call is on record', async (t) => {
  const connek = await Connek.serving(t);
  const { url } = await connek.token(finance);
  const sql = "SELECT printf('%.*c', 1000000, 'x') AS x";
  const batch = Array.from({ length: 50 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'sqlite_query', arguments: { sql } } }));
  const { status, body } = await post(url, batch);
  assert.equal(status, 503);
  assert.match(body.error.message, /may have been done/);
  assert.equal((await connek.audit()).filter(({ tool }) => tool === 'sqlite_query').length, 50);
  const few = await post(url, batch.slice(0, 3));
  assert.equal(few.status, 200);
  assert.equal(few.body.length, 3);
});
