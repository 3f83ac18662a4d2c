// A service that offers HTTP/2 is spoken to in it: many calls over one connection, nobody's answer another's.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, run } from './support/connek.js';
import { callTool } from './support/mcp.js';

test('HTTP/2 is spoken where it is offered, and HTTP/1.1 where not', async (t) => {
  const connek = await Connek.create(t);
  const [key, cert] = [connek.path('key.pem'), connek.path('cert.pem')];
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']);
  assert.equal(made.code, 0, made.stderr);
  const start = async (create, options) => {
    const seen = { versions: [], connections: 0 };
    const server = create({ key: await readFile(key), cert: await readFile(cert), ...options }, async (request, response) => {
      seen.versions.push(request.httpVersion);
      for await (const _ of request); // a service that does not read it would reset the stream
      await sleep(Math.random() * 20);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ you: new URL(request.url, 'https://x').searchParams.get('n'), body: request.method }));
    });
    const sockets = new Set();
    server.on('secureConnection', (socket) => {
      seen.connections++;
      sockets.add(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return Object.assign(seen, { base: `https://localhost:${server.address().port}` });
  };
  const modern = await start(createSecureServer, { allowHTTP1: true });
  const old = await start(createServer);
  const input = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  const service = { manifest: 1, id: 'service', name: 'Service', tools: [{ name: 'get', does: 'read', description: 'Gets its number back.', input, call: 'GET /get', query: { n: '{n}' } }, { name: 'post', does: 'write', description: 'Posts its number.', input, call: 'POST /post', query: { n: '{n}' }, body: { text: 'x' } }] };
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [service],
    connections: Object.entries({ modern, old }).map(([name, { base }]) => ({ name, connector: 'service', settings: { base } })),
    roles: [{ name: 'all', rules: [{ connector: 'service', tools: ['*'] }] }],
    users: [{ email: 'a@acme.example', roles: ['all'] }],
  });
  await connek.start('--workers', '1', '--allow-upstream', 'localhost', '--ca', cert);
  const { url } = await connek.token('a@acme.example');
  for (const account of ['modern', 'old']) {
    assert.equal((await callTool(url, 'service_get', { account, n: 0 })).body.result.isError, false);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => callTool(url, `service_${n % 3 ? 'get' : 'post'}`, { account, n })));
    answers.forEach(({ body, text }, n) => assert.deepEqual(body.result?.structuredContent, { you: String(n), body: n % 3 ? 'GET' : 'POST' }, text));
  }
  assert.deepEqual([...new Set(modern.versions)], ['2.0']);
  assert.deepEqual([...new Set(old.versions)], ['1.1']);
  assert.equal(modern.versions.length, 61);
  assert.ok(modern.connections < 10, `${modern.connections} connections`);
  t.diagnostic(`60 calls at once: ${modern.connections} connections in HTTP/2, ${old.connections} in HTTP/1.1`);
});
