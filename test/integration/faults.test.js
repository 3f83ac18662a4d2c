// Services that are dead, hang, flood, drip or lie: a call to one of them ends as an error, in bounded memory, and nobody
// else notices.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { Connek, releaseBinary } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { callTool, legacy, modern, send } from './support/mcp.js';

const MiB = 1024 * 1024;
const person = 'a@acme.example';
const head = (fields) => `HTTP/1.1 200 OK\r\n${fields}\r\n`;
const jsonType = 'Content-Type: application/json\r\n';

// Writes `piece` for as long as anybody reads; `count` says how much went out.
function pour(socket, piece, count) {
  const more = () => {
    while (!socket.destroyed) {
      count.bytes += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', more).on('close', () => count.closed++);
  more();
}

const poured = { bytes: 0, closed: 0 };
const bomb = gzipSync(Buffer.alloc(256 * MiB, ' '), { level: 9 });

// What a misbehaving service does with a connection that has asked.
const faults = {
  hang: () => {},
  reset: (socket) => socket.resetAndDestroy(),
  'half a head': (socket) => socket.end('HTTP/1.1 200 O'),
  'half a body': (socket) => socket.end(head(`${jsonType}Content-Length: 1000\r\n`) + '{"a":'),
  'half a chunk': (socket) => socket.end(head(`${jsonType}Transfer-Encoding: chunked\r\n`) + 'fff\r\n{"a":'),
  flood: (socket) => {
    socket.write(head(jsonType));
    pour(socket, Buffer.alloc(64 * 1024, ' '), poured);
  },
  'flood of fields': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    pour(socket, Buffer.from(`X: ${'y'.repeat(1000)}\r\n`.repeat(50)), poured);
  },
  'flood of chunks': (socket) => {
    socket.write(head(`${jsonType}Transfer-Encoding: chunked\r\n`));
    pour(socket, Buffer.from('1\r\n \r\n'.repeat(10_000)), poured);
  },
  'flood of interim answers': (socket) => pour(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(1000)), poured),
  bomb: (socket) => socket.end(Buffer.concat([Buffer.from(head(`${jsonType}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n`)), bomb])),
  'a length of 10 GiB': (socket) => socket.write(head(`${jsonType}Content-Length: 10737418240\r\n`) + ' '.repeat(MiB)) && pour(socket, Buffer.alloc(64 * 1024, ' '), poured),
  'deep JSON': (socket) => socket.end(head(jsonType) + '['.repeat(100_000) + ']'.repeat(100_000)),
  'JSON with a key twice': (socket) => socket.end(head(jsonType) + '{"a":1,"a":2}'),
  'two answers': (socket) => socket.end(head(`${jsonType}Content-Length: 2\r\nContent-Length: 3\r\n`) + '{}x'),
  'no HTTP': (socket) => socket.end('220 smtp.example ESMTP\r\n'),
};

async function faulty(t, fault) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('data', () => fault(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${server.address().port}`;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host, base: `http://${host}`, sockets };
}

const memoryOf = async (pid) => Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

test('services that are dead, hang, flood or lie are errors of their own: others go on, memory stays bounded', async (t) => {
  const good = await Upstream.start(t);
  const bad = {};
  for (const [name, fault] of Object.entries(faults)) bad[name] = await faulty(t, fault);
  const connek = await Connek.create(t, { binary: releaseBinary });
  const tool = { name: 'get', does: 'read', description: 'Gets what is there.', input: { type: 'object', properties: {} }, call: 'GET /get' };
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [{ manifest: 1, id: 'service', name: 'Service', tools: [tool] }],
    connections: [
      { name: 'good', connector: 'service', settings: { base: good.base } },
      { name: 'dead', connector: 'service', settings: { base: 'http://127.0.0.1:1' } },
      ...Object.entries(bad).map(([name, { base }]) => ({ name, connector: 'service', settings: { base } })),
    ],
    roles: [{ name: 'all', rules: [{ connector: 'service', tools: ['*'] }] }],
    users: [{ email: person, roles: ['all'] }],
  });
  await connek.start('--allow-upstream', '127.0.0.1');
  const { url } = await connek.token(person);
  const ask = (account, era = legacy) => callTool(url, 'service_get', { account }, era);
  assert.equal((await ask('good')).body.result.isError, false);
  const before = await memoryOf(connek.pid);

  const leaving = new AbortController(); // ends the hanging ones: a modern client that leaves cancels
  const { message, headers } = modern('tools/call', { name: 'service_get', arguments: { account: 'hang' } });
  const hanging = Array.from({ length: 50 }, () =>
    fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(message), signal: leaving.signal }).catch(() => 'left'),
  );
  for (let i = 0; i < 200 && bad.hang.sockets.size < 50; i++) await new Promise((resume) => setTimeout(resume, 25));
  assert.equal(bad.hang.sockets.size, 50);

  for (const name of ['dead', ...Object.keys(bad).filter((name) => name !== 'hang')]) {
    const { status, body, text } = await ask(name);
    assert.equal(status, 200, `${name}: ${text}`);
    assert.equal(body.result.isError, true, `${name}: ${text.slice(0, 200)}`);
    assert.ok(body.result.content[0].text.startsWith(`${name}:`) || body.result.content[0].text.startsWith(`${name} answered`), body.result.content[0].text);
    const fine = await ask('good');
    assert.equal(fine.body.result.isError, false, `after ${name}`);
    assert.deepEqual((await send(url, legacy('tools/list'))).body.result.tools.find((shown) => shown.name === 'service_get').inputSchema.properties.account.enum.length, Object.keys(bad).length + 2);
  }
  leaving.abort();
  for (const answer of await Promise.all(hanging)) assert.equal(answer, 'left');
  const grown = (await memoryOf(connek.pid)) - before;
  assert.ok(grown < 128 * MiB, `${grown} bytes more`);
  assert.ok(poured.bytes < 512 * MiB, `${poured.bytes} bytes were taken`);
  assert.equal((await fetch(`${connek.base}/readyz`)).status, 200);
  t.diagnostic(`${Object.keys(bad).length + 1} kinds; ${Math.round(grown / MiB)} MiB more at the highest; ${Math.round(poured.bytes / MiB)} MiB poured`);
});

test('an answer is unpacked as far as what came is worth: a bomb under the cap of bodies is one too', async (t) => {
  const text = (n) => JSON.stringify({ text: ' '.repeat(n) });
  const words = JSON.stringify({ text: Array.from({ length: 400_000 }, (_, i) => (i * 7919) % 10_007).join(' ') });
  const packed = { small: gzipSync(text(900 * 1024)), bomb: gzipSync(text(6 * MiB), { level: 9 }), words: gzipSync(words) };
  assert.ok(packed.bomb.length * 200 < 6 * MiB && words.length > 1.4 * MiB && words.length < packed.words.length * 100);
  const upstream = await Upstream.start(t, (request, response) => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end(packed[request.url.slice(1)]));
  const connek = await Connek.create(t, { binary: releaseBinary });
  const tool = { name: 'get', does: 'read', description: 'Gets what is there.', input: { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] }, call: 'GET /{what}' };
  const [, port] = upstream.host.split(':'); // by its number and by a name: each has a transport of its own
  await connek.apply({
    organisation: 'acme',
    connectors: [{ manifest: 1, id: 'service', name: 'Service', tools: [tool] }],
    connections: [{ name: 'number', connector: 'service', settings: { base: upstream.base } }, { name: 'name', connector: 'service', settings: { base: `http://localhost:${port}` } }],
    roles: [{ name: 'all', rules: [{ connector: 'service', tools: ['*'] }] }],
    users: [{ email: person, roles: ['all'] }],
  });
  await connek.start('--allow-upstream', '127.0.0.1', '--allow-upstream', 'localhost');
  const { url } = await connek.token(person);
  for (const account of ['number', 'name']) {
    const get = async (what) => (await callTool(url, 'service_get', { account, what })).body.result;
    assert.equal((await get('small')).isError, false, account);
    assert.equal((await get('words')).isError, false, account);
    const bombed = await get('bomb');
    assert.equal(bombed.isError, true, account);
    assert.match(bombed.content[0].text, /larger than allowed/);
  }
});
