// Whose attempts are counted, with and without a proxy in front: nobody escapes a rate by saying to be somebody else, and
// nobody is locked out by somebody else behind the same proxy that the operator named.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { legacy, send, sendRaw } from './support/mcp.js';
import { Person } from './support/person.js';
import { member, password } from './support/sign_in.js';

const finance = 'finance@acme.example';
const guesses = 12; // one place has ten at one account; accepting an invitation is one
const other = '198.51.100.77';

// How many of the guesses were answered; `says(i)` is what stands in X-Forwarded-For.
async function answered(connek, says) {
  let n = 0;
  for (let i = 0; i < guesses; i++) {
    const headers = says(i) === undefined ? {} : { 'X-Forwarded-For': says(i) };
    n += (await new Person({ headers }).signIn(connek.base, finance, `guess number ${i}`)).status === 401;
  }
  return n;
}
const signsIn = async (connek, headers) => (await new Person({ headers }).signIn(connek.base, finance, password)).status;

for (const [what, args, says] of [
  ['without a trusted proxy X-Forwarded-For changes nothing', [], (i) => `203.0.113.${i}`],
  ['the word of a peer that is no trusted proxy changes nothing', ['--trusted-proxy', '192.0.2.0/24', '--trusted-proxy', '::1'], (i) => `203.0.113.${i}`],
  ['what a client says of itself before a trusted proxy adds to it changes nothing', ['--trusted-proxy', '127.0.0.1'], (i) => `203.0.113.${i}, 192.0.2.9`],
  ['what is no address is the proxy\'s own', ['--trusted-proxy', '127.0.0.0/8'], (i) => `203.0.113.${i}, unknown`],
])
  test(`guesses are counted by who they come from: ${what}`, async (t) => {
    const connek = await Connek.serving(t, { args });
    await member(connek, finance);
    const headers = { 'X-Forwarded-For': says(0) };
    const n = await answered(connek, says);
    assert.ok(n === 9 || n === 10, `${n}`);
    assert.equal(await signsIn(connek, headers), 429);
    const isNamed = args.includes('127.0.0.1') || args.includes('127.0.0.0/8');
    assert.equal(await signsIn(connek, { 'X-Forwarded-For': other }), isNamed ? 200 : 429);
  });

test('behind a trusted proxy each address has its own rates: signing in, registering, wrong tokens', async (t) => {
  const connek = await Connek.serving(t, { args: ['--trusted-proxy', '127.0.0.1', '--peer-limit', '3'] });
  await member(connek, finance);
  const from = (address) => ({ 'X-Forwarded-For': address });
  const statuses = async (n, ask) => {
    const seen = [];
    for (let i = 0; i < n; i++) seen.push(await ask());
    return new Set(seen);
  };
  const wrong = (address) => async () => (await send(`${connek.base}/mcp`, legacy('tools/list'), { ...from(address), Authorization: 'Bearer x' })).status;
  const exhaust = async () => assert.ok((await statuses(5, wrong('203.0.113.5'))).has(429)); // a place comes back every 20 s
  await exhaust();
  assert.equal(await wrong(other)(), 401);
  assert.equal(await wrong(`203.0.113.5, ${other}`)(), 401);
  await exhaust();
  assert.equal(await wrong(`${other}, 203.0.113.5`)(), 429);

  const registers = (address) => async () => {
    const response = await fetch(`${connek.base}/oauth/register`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...from(address) }, body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'] }) });
    return response.status;
  };
  assert.ok((await statuses(25, registers('203.0.113.5'))).has(429));
  assert.equal(await registers(other)(), 201);
  // The last field counts, however often it stands there.
  const raw = (fields) => sendRaw(connek.base, `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${fields}Content-Length: 2\r\n\r\n{}`);
  await exhaust();
  assert.equal((await raw(`X-Forwarded-For: ${other}\r\nx-forwarded-for: 203.0.113.5\r\n`)).status, 429);
  assert.equal((await raw(`X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-For: 198.51.100.78\r\n`)).status, 401);
  // Other fields of that kind are nobody's word.
  for (const field of ['Forwarded: for=198.51.100.79', 'X-Real-IP: 198.51.100.79', 'True-Client-IP: 198.51.100.79', 'CF-Connecting-IP: 198.51.100.79']) {
    await exhaust();
    assert.equal((await raw(`X-Forwarded-For: 203.0.113.5\r\n${field}\r\n`)).status, 429, field);
  }
});

test('a proxy that is none, and one that is everybody, is refused with the reason', async (t) => {
  const connek = await Connek.create(t);
  for (const [text, why] of [['0.0.0.0/0', /anybody could say to be somebody else/], ['::/0', /anybody/], ['edge', /an address, or a network/], ['10.0.0.0/40', /1 to 32/]]) {
    const { code, stderr } = await connek.command('serve', '--trusted-proxy', text);
    assert.equal(code, 2, stderr);
    assert.match(stderr, why);
  }
});
