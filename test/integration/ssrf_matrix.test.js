// The guard against server-side request forgery, by number: in a network where every address is a sink that counts, over a
// thousand ways to be led to one that is not public end without a connection; and ways to public ones do not.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { callTool } from './support/mcp.js';
import { enter, everywhere, isInside, isPossible, names, unreachable } from './support/world.js';

const person = 'a@acme.example';
const publics = { v4: '93.184.216.34', v6: '2606:2800:220:1:248:1893:25c8:1946' };
const metadata = ['169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '168.63.129.16', '192.0.0.192', '169.254.42.42'];
const inner = ['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '10.255.255.254', '172.16.5.4', '172.31.255.254', '192.168.1.1', '100.64.0.1', '169.254.1.1', '198.18.0.1', '192.0.2.1', '240.0.0.1'];
const inner6 = ['::1', '::', 'fc00::1', 'fd12:3456::1', 'fdff::1', 'fe80::1', 'fec0::1', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', '2001:db8::1', '3fff::1', '100::1', '2001:10::1', '5f00::1', '4000::1'];

const hex = (n, width = 0) => n.toString(16).padStart(width, '0');
const octal = (n) => `0${n.toString(8)}`;
const pair = (a, b) => hex(a * 256 + b);

// Ways to write an IPv4 address, or to carry it in an IPv6 one.
function spellings(address) {
  const [a, b, c, d] = address.split('.').map(Number);
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const [high, low] = [pair(a, b), pair(c, d)];
  const wide = [...address].map((char) => (char === '.' ? '.' : String.fromCharCode(char.charCodeAt(0) + 0xfee0))).join('');
  return [
    address, `${address}.`, `${whole}`, `0x${hex(whole, 8)}`, `0X${hex(whole).toUpperCase()}`, `0${whole.toString(8)}`, `${whole + 2 ** 32}`,
    [a, b, c, d].map(octal).join('.'), [a, b, c, d].map((n) => `0x${hex(n)}`).join('.'), [a, b, c, d].map((n) => `${n}`.padStart(4, '0')).join('.'),
    `0x${hex(a)}.${octal(b)}.${c}.${d}`, `${a}.${b * 65536 + c * 256 + d}`, `${a}.${b}.${c * 256 + d}`, `0x${hex(a)}.0x${hex(b * 65536 + c * 256 + d)}`,
    `${octal(a)}.${b}.${c * 256 + d}`, `${a + 256}.${b}.${c}.${d}`, `${a}.${b}.${c}.${d}.`.toUpperCase(), `${address}..`, `${a}.${b}.${c}.${d}%00.example.com`,
    `[::ffff:${address}]`, `[::ffff:${high}:${low}]`, `[::FFFF:${high.toUpperCase()}:${low.toUpperCase()}]`, `[0:0:0:0:0:ffff:${high}:${low}]`, `[::${address}]`, `[::ffff:0:${address}]`,
    `[64:ff9b::${high}:${low}]`, `[64:ff9b:1::${high}:${low}]`, `[64:ff9b:1:${pair(a, b)}:${hex(c)}:${pair(d, 0)}::]`, `[2002:${high}:${low}::1]`, `[2002:${high}:${low}::]`,
    `[2001:0:${high}:${low}::1]`, `[2001:0:4136:e378:8000:63bf:${pair(255 - a, 255 - b)}:${pair(255 - c, 255 - d)}]`, `[fe80::5efe:${high}:${low}]`, `[::ffff:${address}%25lo]`, `[::ffff:${address}%lo]`,
    [...address].map((char) => (char === '.' ? '.' : `%${hex(char.charCodeAt(0))}`)).join(''), address.replaceAll('.', '%2e'), address.replaceAll('.', '\u3002'), address.replaceAll('.', '\uff0e'), wide, `user@${address}`, `example.com@${address}`, `${address}\\@example.com`, `[${address}]`,
  ];
}

function spellings6(address) {
  const [head, tail] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  const full = groups.map((group) => group.padStart(4, '0'));
  const last = (full[6] + full[7]).match(/../g).map((byte) => parseInt(byte, 16)).join('.');
  return [`[${address}]`, `[${groups.join(':')}]`, `[${full.join(':')}]`, `[${full.join(':').toUpperCase()}]`, `[${full.slice(0, 6).join(':')}:${last}]`, `[${address}%25lo]`, `[${address}%lo]`, `[${address}].`, address, `user@[${address}]`];
}

// ---- names

// name → addresses: each leads to one that is not public, alone, behind an alias, or beside a public one.
function zoneOf() {
  const zone = { 'public.test': [publics.v4], 'public6.test': [publics.v6] };
  const hidden = [...inner, ...metadata, ...inner6.filter((address) => address !== '::')];
  hidden.forEach((address, i) => {
    zone[`plain${i}.test`] = [address];
    zone[`alias${i}.test`] = { cname: `deep${i}.test` };
    zone[`deep${i}.test`] = { cname: `plain${i}.test` };
    zone[`beside${i}.test`] = [unreachable, address];
    zone[`before${i}.test`] = [address, unreachable];
  });
  [...inner, ...metadata].forEach((address, i) => {
    const [a, b, c, d] = address.split('.').map(Number);
    zone[`mapped${i}.test`] = [`0:0:0:0:0:ffff:${pair(a, b)}:${pair(c, d)}`];
    zone[`nat${i}.test`] = [`64:ff9b::${pair(a, b)}:${pair(c, d)}`];
    zone[`six${i}.test`] = [`2002:${pair(a, b)}:${pair(c, d)}::1`];
  });
  return zone;
}

// ---- one organisation, whose connections lead where the cases say

const service = {
  manifest: 1,
  id: 'service',
  name: 'Service',
  tools: [
    { name: 'get', does: 'read', description: 'Gets what is there.', call: 'GET /get' },
    { name: 'follow', does: 'read', description: 'Is redirected.', input: { type: 'object', properties: { to: { type: 'string' }, status: { type: 'integer' } } }, call: 'GET /redirect', query: { to: '{to}', status: '{status}' } },
    { name: 'page', does: 'read', description: 'Has a next page.', input: { type: 'object', properties: { to: { type: 'string' } } }, call: 'GET /page', query: { to: '{to}' }, items: 'items', page: { by: 'link', next: 'next' } },
    { name: 'linked', does: 'read', description: 'Has a next page by its field.', input: { type: 'object', properties: { to: { type: 'string' } } }, call: 'GET /linked', query: { to: '{to}' }, page: { by: 'link' } },
  ],
};

const organisation = (bases) => ({
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connectors: [service],
  connections: bases.map((base, i) => ({ name: `c${i}`, connector: 'service', settings: { base } })),
  roles: [{ name: 'all', rules: [{ connector: 'service', tools: ['*'] }] }],
  users: [{ email: person, roles: ['all'] }],
});

function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://x');
  const to = searchParams.get('to');
  const field = to && Buffer.from(to).toString('latin1');
  if (pathname === '/redirect') return response.writeHead(Number(searchParams.get('status')), { Location: field }).end();
  if (pathname === '/page') return response.end(JSON.stringify({ items: [1], next: to }));
  if (pathname === '/linked') return response.setHeader('Link', `<${field}>; rel="next"`).end('[1]');
  return response.setHeader('Connection', 'close').end('{"got":"in"}');
}

// Those of the bases that apply takes; it refuses one at a time, by its place.
async function takenBy(t, bases) {
  const taken = [];
  const scratch = await Connek.create(t);
  for (let from = 0; from < bases.length; from += 25) {
    let rest = bases.slice(from, from + 25);
    for (;;) {
      const { code, stderr } = await scratch.command('apply', await scratch.writeFile('some.json', organisation(rest)));
      if (code === 0) break;
      const at = Number(/\/connections\/(\d+)\/settings\/base/.exec(stderr)?.[1]);
      assert.ok(at >= 0, stderr);
      rest = rest.toSpliced(at, 1);
    }
    taken.push(...rest);
  }
  return taken;
}

// Some at a time, in order.
async function each(list, work, most = 24) {
  const results = [];
  let next = 0;
  await Promise.all(Array.from({ length: most }, async () => {
    while (next < list.length) {
      const i = next++;
      results[i] = await work(list[i], i);
    }
  }));
  return results;
}

const resultOf = ({ body, text }) => {
  assert.ok(body?.result, text);
  return { isError: body.result.isError ?? false, text: body.result.content[0].text, content: body.result.structuredContent };
};

// Addresses that were connected to, but for public ones.
const breaches = (sink) => [...sink.connections].filter(([address]) => !Object.values(publics).includes(address));

if (!isInside) {
  test('a thousand ways to an address that is not public, counted where every address is a sink: none connects', async (t) => {
    if (!(await isPossible())) return t.skip('this system gives no network namespaces (unshare); ssrf.test.js tries 105 spellings without');
    const { code, output } = await enter(import.meta.filename);
    for (const [, line] of output.matchAll(/^ *# (\d+ cases.*)$/gm)) t.diagnostic(line);
    assert.equal(code, 0, output);
    assert.match(output, /\d{4} cases, 0 connections/);
  });
} else {
  test('the matrix', async (t) => {
    const zone = zoneOf();
    await names(t, zone);
    const sink = await everywhere(t, answer);
    const port = `:${sink.port}`;
    const urls = (hosts) => hosts.map((host) => `http://${host}${port}`);
    const literals = urls([...inner.flatMap(spellings), ...metadata.flatMap(spellings), ...inner6.flatMap(spellings6), 'localhost', 'LocalHost', 'localhost.']);
    const named = urls(Object.keys(zone).filter((name) => !name.startsWith('public')));
    const control = urls([publics.v4, `[${publics.v6}]`, 'public.test', 'public6.test']);
    // One in whose place an honest one stood.
    const rebound = Array.from({ length: inner.length + metadata.length }, (_, i) => `rebound${i}.test`);
    for (const name of rebound) zone[name] = [publics.v4];

    const taken = await takenBy(t, [...new Set(literals)]);
    const bases = [...control, ...urls(rebound), ...taken, ...named];
    const connek = await Connek.create(t);
    await connek.apply(organisation(bases));
    await connek.start();
    const { token } = await connek.token(person);
    const ask = async (tool, args) => resultOf(await callTool(connek.url(token), `service_${tool}`, args));
    const account = (base) => `c${bases.indexOf(base)}`;

    // The control: what is public is reached, by address and by name.
    for (const { isError, text } of await each([...control, ...urls(rebound)], (base) => ask('get', { account: account(base) }))) assert.ok(!isError, text);
    assert.equal([...sink.connections.values()].reduce((a, b) => a + b), control.length + rebound.length);

    for (const [what, list] of [['spellings', taken], ['names', named]]) {
      const answers = await each(list, (base) => ask('get', { account: account(base) }));
      answers.forEach(({ isError, text }, i) => assert.ok(isError && !text.includes('"got"'), `${list[i]}: ${text}`));
      assert.deepEqual(breaches(sink), [], what);
    }

    // What an upstream names.
    const first = account(control[0]);
    const targets = [...new Set([...urls(inner), ...urls(metadata), ...urls(inner6.map((address) => `[${address}]`)), ...urls(inner.slice(0, 4).flatMap(spellings)), ...named.slice(0, 40), `//127.0.0.1${port}/`, `//10.0.0.1${port}/x`, 'file:///etc/passwd', `gopher://127.0.0.1${port}/`])];
    const redirects = targets.flatMap((to, i) => [[301, 302, 303, 307, 308][i % 5], 307].map((status) => ({ to, status })));
    for (const { isError, text } of await each(redirects, (args) => ask('follow', { account: first, ...args }))) assert.ok(isError && /redirects are not followed/.test(text), text);
    assert.deepEqual(breaches(sink), [], 'redirects');
    const linked = targets.filter((to) => !/^(file|gopher)/.test(to)).flatMap((to) => [{ tool: 'page', to }, { tool: 'linked', to }]);
    const followed = await each(linked, async ({ tool, to }) => {
      const { content, text } = await ask(tool, { account: first, to });
      assert.ok(content, text);
      return content.next_cursor ? ask(tool, { account: first, cursor: content.next_cursor }) : { isError: true };
    });
    followed.forEach(({ isError, text }, i) => assert.ok(isError, `${linked[i].to}: ${text}`));
    assert.deepEqual(breaches(sink), [], 'links');

    // Rebinding: the same names, whose connections were made and good, lead inside from now on.
    rebound.forEach((name, i) => (zone[name] = [[...inner, ...metadata][i]]));
    await each([...urls(rebound), ...urls(rebound)], (base) => ask('get', { account: account(base) }));
    assert.deepEqual(breaches(sink), [], 'rebinding, while the first answer may be kept');
    await connek.restart();
    for (const { isError, text } of await each(urls(rebound), (base) => ask('get', { account: account(base) }))) assert.ok(isError, text);
    assert.deepEqual(breaches(sink), [], 'rebinding');

    const total = new Set(literals).size + named.length + redirects.length + linked.length + 3 * rebound.length;
    t.diagnostic(`${total} cases, ${breaches(sink).length} connections: ${new Set(literals).size - taken.length} spellings refused by apply and ${taken.length} by the guard, ${named.length} names, ${redirects.length} redirects, ${linked.length} links, ${3 * rebound.length} rebound names`);
    assert.ok(total >= 1000, `${total}`);

    // The control: the operator's exceptions let these in, and never metadata.
    const excepted = ['127.0.0.1', '10.0.0.1', '192.168.1.1', '[fd12:3456::1]', 'plain0.test'];
    const forbidden = ['169.254.169.254', '[fd00:ec2::254]', '[::ffff:169.254.169.254]', '100.100.100.200'];
    await connek.restart(...[...excepted, ...forbidden].flatMap((host) => ['--allow-upstream', `${host}${port}`]));
    for (const base of urls(excepted)) assert.equal((await ask('get', { account: account(base) })).isError, false, base);
    for (const base of urls(forbidden)) assert.match((await ask('get', { account: account(base) })).text, /metadata/, base);
    assert.deepEqual(breaches(sink).map(([address]) => address).sort(), ['10.0.0.1', '127.0.0.1', '192.168.1.1', 'fd12:3456::1']);
  });
}
