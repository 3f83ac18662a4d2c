// Services that are dead, hang, flood, drip or lie: a call to one of them ends as an error, in bounded memory, and nobody
// else notices.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { Connek, releaseBinary } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { callTool, legacy, modern, send } from './support/mcp.js';
import { FaultyService, faults, unacceptingService } from '../faults/service.js';
import { eventually } from './support/wait.js';

const MiB = 1024 * 1024;
const person = 'a@acme.example';

const memoryOf = async (pid) => Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

test('services that are dead, hang, drip, flood or lie are errors of their own: others go on, memory stays bounded', async (t) => {
  const good = await Upstream.start(t);
  const service = await FaultyService.start(t);
  const unaccepting = await unacceptingService();
  t.after(() => unaccepting.close());
  const accounts = {
    good: good.base,
    dead: 'http://127.0.0.1:1',
    unaccepting: unaccepting.base,
    ...Object.fromEntries(Object.keys(faults).map((name) => [name, `${service.base}/${name}`])),
  };
  const connek = await Connek.create(t, { binary: releaseBinary });
  const tool = { does: 'read', description: 'Gets what is there.', input: { type: 'object', properties: {} }, call: 'GET /get' };
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: [{ manifest: 1, id: 'service', name: 'Service', tools: [{ name: 'get', ...tool }, { name: 'glance', timeout_ms: 2000, ...tool }] }],
    connections: Object.entries(accounts).map(([name, base]) => ({ name, connector: 'service', settings: { base } })),
    roles: [{ name: 'all', rules: [{ connector: 'service', tools: ['*'] }] }],
    users: [{ email: person, roles: ['all'] }],
  });
  await connek.start('--allow-upstream', '127.0.0.1');
  const { url } = await connek.token(person);
  const ask = (account, tool = 'get') => callTool(url, `service_${tool}`, { account });
  assert.equal((await ask('good')).body.result.isError, false);
  const before = await memoryOf(connek.pid);

  const leaving = new AbortController(); // ends the hanging ones: a modern client that leaves cancels
  const { message, headers } = modern('tools/call', { name: 'service_get', arguments: { account: 'hang' } });
  const hanging = Array.from({ length: 50 }, () =>
    fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(message), signal: leaving.signal }).catch(() => 'left'),
  );
  await eventually(() => assert.equal(service.asked.hang, 50));

  const isError = ({ status, body, text }, name) => {
    assert.equal(status, 200, `${name}: ${text}`);
    assert.equal(body.result.isError, true, `${name}: ${text.slice(0, 200)}`);
    assert.ok(body.result.content[0].text.startsWith(`${name}:`) || body.result.content[0].text.startsWith(`${name} answered`), body.result.content[0].text);
    return body.result.content[0].text;
  };
  const isSlow = (name) => name === 'unaccepting' || faults[name]?.isSlow;
  for (const name of Object.keys(accounts).filter((name) => name !== 'good' && !isSlow(name))) {
    isError(await ask(name), name);
    const fine = await ask('good');
    assert.equal(fine.body.result.isError, false, `after ${name}`);
    assert.deepEqual((await send(url, legacy('tools/list'))).body.result.tools.find((shown) => shown.name === 'service_get').inputSchema.properties.account.enum.length, Object.keys(accounts).length);
  }
  await Promise.all(
    Object.keys(accounts).filter(isSlow).map(async (name) => assert.match(isError(await ask(name, 'glance'), name), /not answer within 2000 ms|no answer from it in time/, name)),
  );
  leaving.abort();
  for (const answer of await Promise.all(hanging)) assert.equal(answer, 'left');
  const grown = (await memoryOf(connek.pid)) - before;
  assert.ok(grown < 128 * MiB, `${grown} bytes more`);
  assert.ok(service.poured < 512 * MiB, `${service.poured} bytes were taken`);
  assert.equal((await fetch(`${connek.base}/readyz`)).status, 200);
  t.diagnostic(`${Object.keys(accounts).length - 1} kinds; ${Math.round(grown / MiB)} MiB more at the highest; ${Math.round(service.poured / MiB)} MiB poured`);
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
