// Where a connection may lead: every spelling of an address that is not public, names that resolve to one, redirects,
// and certificates. Sinks count who comes.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { readFile } from 'node:fs/promises';
import { Connek, run } from './support/connek.js';
import { callTool } from './support/mcp.js';

const person = 'a@acme.example';
const service = {
  manifest: 1,
  id: 'service',
  name: 'Service',
  tools: [{ name: 'get', does: 'read', description: 'Gets what is there.', input: { type: 'object', properties: {} }, call: 'GET /get' }],
};

// bases: { connection: base }
const organisation = (bases) => ({
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connectors: [service],
  connections: Object.entries(bases).map(([name, base]) => ({ name, connector: 'service', settings: { base } })),
  roles: [{ name: 'all', rules: [{ connector: 'service', tools: ['*'] }] }],
  users: [{ email: person, roles: ['all'] }],
});

// A service that counts connections and requests. `others`: further addresses with the same port.
async function sink(t, answer = (request, response) => response.end('{"got":"in"}'), { others = [], tls } = {}) {
  const counted = { connections: 0, requests: 0, errors: 0 };
  let port = 0;
  for (const address of ['127.0.0.1', ...others]) {
    const take = (request, response) => {
      counted.requests++;
      response.setHeader('Content-Type', 'application/json');
      answer(request, response);
    };
    const server = tls ? createTlsServer(tls, take) : createServer(take);
    server.on('connection', () => counted.connections++).on('tlsClientError', () => counted.errors++);
    server.listen(port, address);
    await once(server, 'listening');
    ({ port } = server.address());
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
  }
  return Object.assign(counted, { port });
}

const resultOf = ({ body, text }) => {
  assert.ok(body?.result, text);
  return { isError: body.result.isError, text: body.result.content[0].text };
};

const hasIpv6 = async () => /inet6 ::1/.test((await run('sh', ['-c', 'ip -6 addr show lo 2>/dev/null || grep -q 0001 /proc/net/if_inet6 && echo inet6 ::1'])).stdout);

// Ways to write an address of this machine, or to make one reader see it where another does not.
const spellings = (port) => [
  'http://127.0.0.1:§', 'HTTP://127.0.0.1:§', 'http://127.0.0.1:§/', 'http://127.1:§', 'http://127.0.1:§', 'http://127.255.255.254:§', 'http://2130706433:§', 'http://0x7f000001:§',
  'http://0x7f.0.0.1:§', 'http://0x7f.1:§', 'http://0177.0.0.1:§', 'http://017700000001:§', 'http://127.0.0.01:§', 'http://127.0.0.1.:§', 'http://127.000.000.001:§', 'http://0127.0.0.1:§',
  'http://4294967297:§', 'http://127.0.0.257:§', 'http://0:§', 'http://0.0.0.0:§', 'http://00:§', 'http://[::]:§', 'http://[::1]:§', 'http://[0:0:0:0:0:0:0:1]:§', 'http://[0000::0001]:§',
  'http://[::ffff:127.0.0.1]:§', 'http://[::ffff:7f00:1]:§', 'http://[::FFFF:7F00:0001]:§', 'http://[::127.0.0.1]:§', 'http://[::ffff:0:127.0.0.1]:§', 'http://[64:ff9b::7f00:1]:§', 'http://[64:ff9b:1::7f00:1]:§',
  'http://[2002:7f00:1::1]:§', 'http://[::1%25lo]:§', 'http://[::1%lo]:§', 'http://[fe80::1%25lo]:§', 'http://localhost:§', 'http://LocalHost:§', 'http://localhost.:§', `http://${hostname()}:§`,
  'http://%31%32%37.0.0.1:§', 'http://127%2e0%2e0%2e1:§', 'http://127.0.0.1%00.example.com:§', 'http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:§', 'http://127\u30020\u30020\u30021:§', 'http://\uff11\uff12\uff17.0.0.1:§', 'http://loc\u00adalhost:§',
  'http://user@127.0.0.1:§', 'http://example.com@127.0.0.1:§', 'http://example.com:80@127.0.0.1:§', 'http://127.0.0.1:§@example.com', 'http://example.com#@127.0.0.1:§/', 'http://example.com?@127.0.0.1:§/', 'http://example.com\\@127.0.0.1:§/',
  'http://127.0.0.1:§\\.example.com', 'http://127.0.0.1\t:§', 'http://127.0.0.1 :§', 'http:// 127.0.0.1:§', 'http:127.0.0.1:§', 'http:/127.0.0.1:§', '//127.0.0.1:§', 'http:///127.0.0.1:§', 'http:\\\\127.0.0.1:§', '127.0.0.1:§', ' http://127.0.0.1:§',
  'http://127.0.0.1:0§', 'http://127.0.0.1:+§', 'http://127.0.0.1:§:§', 'http://127.0.0.1:§?x=', 'http://127.0.0.1:§#', 'http://127.0.0.1:§/..', 'http://127.0.0.1:§/%2e%2e/', 'http://127.0.0.1:§\r\nX: y',
  'ftp://127.0.0.1:§', 'gopher://127.0.0.1:§/_GET', 'file:///etc/passwd', 'dict://127.0.0.1:§/x', 'unix:/var/run/docker.sock', 'http+unix://%2fvar%2frun', 'ldap://127.0.0.1:§', 'javascript:1', 'ws://127.0.0.1:§',
  // where clouds keep credentials
  'http://169.254.169.254', 'http://2852039166', 'http://0xa9fea9fe', 'http://0251.0376.0251.0376', 'http://[::ffff:169.254.169.254]', 'http://[::ffff:a9fe:a9fe]', 'http://[fd00:ec2::254]', 'http://[64:ff9b::a9fe:a9fe]', 'http://[2002:a9fe:a9fe::1]', 'http://100.100.100.200', 'http://168.63.129.16',
  // other networks
  'http://10.0.0.1:§', 'http://172.16.0.1:§', 'http://192.168.0.1:§', 'http://100.64.0.1:§', 'http://169.254.1.1:§', 'http://[fc00::1]:§', 'http://[fd12::1]:§', 'http://224.0.0.1:§', 'http://255.255.255.255:§', 'http://192.0.2.1:§', 'http://198.18.0.1:§', 'http://240.0.0.1:§',
].map((base) => base.replaceAll('§', String(port)));

// Those that apply takes, as { c0: base, ... }; the others it has refused, each by itself.
async function takenBy(connek, bases) {
  const taken = {};
  for (const base of bases) {
    const { code, stderr } = await connek.command('apply', await connek.writeFile('one.json', organisation({ only: base })));
    if (code === 0) taken[`c${Object.keys(taken).length}`] = base;
    else assert.match(stderr, /\/connections\/0\/settings\/base/, base);
  }
  return taken;
}

test('no spelling of an address that is not public gets through; what the operator names does, and nothing else', async (t) => {
  const counted = await sink(t, undefined, { others: (await hasIpv6()) ? ['::1'] : [] });
  const bases = spellings(counted.port);
  const scratch = await Connek.create(t);
  const taken = await takenBy(scratch, bases);
  const names = Object.keys(taken);
  assert.ok(names.length > 20 && names.length < bases.length - 20, `${names.length} of ${bases.length} are taken`);
  const connek = await Connek.create(t);
  await connek.apply(organisation(taken));
  await connek.start();
  const { token } = await connek.token(person);
  const ask = (name) => callTool(connek.url(token), 'service_get', { account: name });
  for (const answer of await Promise.all(names.map(ask))) {
    const { isError, text } = resultOf(answer);
    assert.ok(isError, text);
    assert.ok(!text.includes('"got"'), text);
  }
  assert.deepEqual([counted.connections, counted.requests], [0, 0]);

  // The control: the same calls, one of them excepted.
  const allowed = `127.0.0.1:${counted.port}`;
  await connek.restart('--allow-upstream', allowed, '--allow-upstream', '169.254.169.254', '--allow-upstream', '[fd00:ec2::254]');
  const answers = await Promise.all(names.map(async (name) => ({ base: taken[name], ...resultOf(await ask(name)) })));
  const through = answers.filter(({ isError }) => !isError).map(({ base }) => base.toLowerCase().replace(/\/$/, ''));
  assert.ok(through.length >= 1);
  assert.deepEqual([...new Set(through)], [`http://${allowed}`]);
  assert.equal(counted.requests, through.length);
  for (const { base, text } of answers) if (/169\.254\.169\.254$|ec2/.test(base)) assert.match(text, /metadata/, base);
  t.diagnostic(`${bases.length} spellings: ${bases.length - names.length} refused by apply, ${names.length - through.length} by the guard`);
});

test('an exception is for the name that it names, not for the address behind it', async (t) => {
  const counted = await sink(t);
  const connek = await Connek.create(t);
  await connek.apply(organisation({ name: `http://localhost:${counted.port}`, number: `http://127.0.0.1:${counted.port}` }));
  const isServed = async (name, ...allow) => {
    await (connek.isRunning ? connek.restart(...allow) : connek.start(...allow));
    const { token } = await connek.token(person);
    return !resultOf(await callTool(connek.url(token), 'service_get', { account: name })).isError;
  };
  assert.equal(await isServed('name', '--allow-upstream', `127.0.0.1:${counted.port}`), false);
  assert.equal(counted.connections, 0);
  assert.equal(await isServed('name', '--allow-upstream', `localhost:${counted.port + 1}`), false);
  assert.equal(await isServed('name', '--allow-upstream', `localhost:${counted.port}`), true);
  assert.equal(await isServed('number', '--allow-upstream', `localhost:${counted.port}`), false);
  assert.equal(counted.requests, 1);
});

test("an organisation's exception is its own: another's calls to the same place are refused, also while its connections stand open", async (t) => {
  const counted = await sink(t);
  const hosts = [`127.0.0.1:${counted.port}`, `localhost:${counted.port}`];
  const connek = await Connek.create(t);
  const urls = {};
  for (const name of ['acme', 'globex']) await connek.apply({ ...organisation({ number: `http://${hosts[0]}`, name: `http://${hosts[1]}` }), organisation: name });
  await connek.start('--workers', '1', ...hosts.flatMap((host) => ['--allow-upstream', `acme=${host}`]));
  for (const name of ['acme', 'globex']) urls[name] = connek.url((await connek.token(person, '--organisation', name)).token);
  const ask = async (name, account) => resultOf(await callTool(urls[name], 'service_get', { account }));
  for (const account of ['number', 'name']) {
    assert.ok((await ask('globex', account)).isError);
    assert.equal((await ask('acme', account)).isError, false);
    for (let i = 0; i < 5; i++) assert.match((await ask('globex', account)).text, /private address/);
    assert.equal((await ask('acme', account)).isError, false);
  }
  assert.equal(counted.requests, 4);
  for (const bad of ['=127.0.0.1', 'acme=', 'acme=http://x']) assert.equal((await run(connek.binary, ['serve', '--data', connek.data, '--allow-upstream', bad])).code, 2, bad);
});

test('a redirect is an answer and never a way: not to this machine, not to metadata, not to another scheme', async (t) => {
  const inner = await sink(t);
  let location, status;
  const outer = await sink(t, (request, response) => response.writeHead(status, { Location: location }).end());
  const connek = await Connek.create(t);
  await connek.apply(organisation({ only: `http://127.0.0.1:${outer.port}` }));
  // Even where the place it leads to would be allowed by itself.
  await connek.start('--allow-upstream', `127.0.0.1:${outer.port}`, '--allow-upstream', `127.0.0.1:${inner.port}`);
  const { url } = await connek.token(person);
  let n = 0;
  for (location of [`http://127.0.0.1:${inner.port}/`, `//127.0.0.1:${inner.port}/`, 'http://169.254.169.254/latest/meta-data/', 'file:///etc/passwd', 'gopher://127.0.0.1/', '/get', '']) {
    for (status of [301, 302, 303, 307, 308]) {
      const { isError, text } = resultOf(await callTool(url, 'service_get'));
      assert.ok(isError);
      assert.match(text, /redirects are not followed/);
      assert.equal(outer.requests, ++n, `${status} ${location}`);
    }
  }
  assert.equal(inner.connections, 0);
});

async function certificate(connek, name) {
  const [key, cert] = [connek.path(`${name}.key`), connek.path(`${name}.pem`)];
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]);
  assert.equal(made.code, 0, made.stderr);
  return { key: await readFile(key), cert: await readFile(cert), file: cert };
}

test('an upstream proves who it is: no certificate that is unknown, of another name, or none at all', async (t) => {
  const connek = await Connek.create(t);
  const [right, other] = [await certificate(connek, 'localhost'), await certificate(connek, 'other.example')];
  const [honest, impostor] = [await sink(t, undefined, { tls: right }), await sink(t, undefined, { tls: other })];
  const plain = await sink(t);
  await connek.apply(
    organisation({ honest: `https://localhost:${honest.port}`, impostor: `https://localhost:${impostor.port}`, plain: `https://localhost:${plain.port}` }),
  );
  const start = (...args) => (connek.isRunning ? connek.restart('--allow-upstream', 'localhost', ...args) : connek.start('--allow-upstream', 'localhost', ...args));
  await start();
  const { token } = await connek.token(person);
  const ask = async (account) => resultOf(await callTool(connek.url(token), 'service_get', { account }));
  for (const account of ['honest', 'impostor', 'plain']) assert.ok((await ask(account)).isError, `${account}, with the system's certificates`);
  assert.deepEqual([honest.requests, impostor.requests, plain.requests], [0, 0, 0]);
  await start('--ca', right.file);
  assert.equal((await ask('honest')).isError, false);
  assert.ok((await ask('impostor')).isError);
  await start('--ca', other.file);
  assert.ok((await ask('impostor')).isError, 'known, but of another name');
  assert.ok((await ask('honest')).isError);
  assert.deepEqual([honest.requests, impostor.requests, plain.requests], [1, 0, 0]);
});
