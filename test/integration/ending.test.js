// What an owner sees of who and what is let in, and how each of it ends: tokens, clients, sessions. Each has one list, and one
// way to end it, which holds from the next request.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { legacy, send } from './support/mcp.js';
import { member, signedIn } from './support/sign_in.js';

const finance = 'finance@acme.example';
const marketing = 'marketing@acme.example';
const other = 'someone@globex.example';
let connek, closers, person;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  await connek.apply({ ...exampleConfig, organisation: 'globex', users: [{ email: other, roles: ['finance'] }, { email: finance, roles: ['finance'] }] });
  person = await member(connek, finance, '--organisation', 'acme');
});

after(async () => {
  for (const close of closers) await close();
});

const listed = async (what, ...args) => (await connek.ok(what, 'list', '--json', ...args)).split('\n').filter(Boolean).map((line) => JSON.parse(line));
const words = async () => (await connek.audit()).map(({ tool }) => tool);
const isIn = async (headers) => (await send(`${connek.base}/mcp`, legacy('tools/list'), headers)).status === 200;
const bearer = (text) => ({ Authorization: `Bearer ${text}` });

const things = {
  token: async (email, organisation) => {
    const { id, token } = await connek.token(email, '--organisation', organisation, '--kind', 'key');
    return { id, isIn: () => isIn(bearer(token)) };
  },
  client: async () => {
    const known = new Set((await listed('client')).map(({ id }) => id));
    const { access_token } = await signedIn(connek.base, person);
    const [{ id }] = (await listed('client')).filter((row) => !known.has(row.id));
    return { id, isIn: () => isIn(bearer(access_token)) };
  },
  session: async () => {
    const known = new Set((await listed('session')).map(({ id }) => id));
    const someone = await member(connek, finance, '--organisation', 'acme').catch(() => person);
    const cookies = new Map(someone.cookies);
    const [{ id }] = (await listed('session')).filter((row) => !known.has(row.id));
    return {
      id,
      isIn: async () => {
        const response = await fetch(`${connek.base}/account`, { redirect: 'manual', headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } });
        return response.status === 200;
      },
    };
  },
};

for (const [what, make] of Object.entries(things))
  test(`a ${what} is listed, and ended by its id from the next request on, on record; ending it again says so; what is none is told`, async () => {
    const { id, isIn: stillIn } = await make(finance, 'acme');
    const another = what === 'token' ? await make(finance, 'acme') : undefined;
    const [row] = (await listed(what, '--user', finance)).filter((one) => one.id === id);
    assert.equal(row.user, finance);
    assert.match(row.created, /^20\d\d-/);
    assert.match(await connek.ok(what, 'list'), new RegExp(`^${id} +${finance}`, 'm'));
    assert.equal(await stillIn(), true);
    const n = (await words()).filter((word) => word === `${what}.revoke`).length;
    assert.equal(await connek.ok(what, 'revoke', id), `revoked ${id}\n`);
    assert.equal(await stillIn(), false);
    if (another) assert.equal(await another.isIn(), true);
    assert.ok((await words()).filter((word) => word === `${what}.revoke`).length > n, 'it is on record');
    const again = await connek.command(what, 'revoke', id);
    if (what === 'session') assert.equal(again.code, 1);
    else assert.equal(again.stdout, `${id} was revoked already\n`);

    for (const [args, code, why] of [
      [['01a1f8f9-ccdd-7472-95bb-c142fc6ec0c7'], 1, what === 'token' ? /token/ : new RegExp(`there is no such ${what}; connek ${what} list shows them`)],
      [['x'], 2, new RegExp(`that is not a ${what}'s id`)],
      [[], 2, new RegExp(`name one ${what} by its id`)],
      [[id, '--user', finance], 2, new RegExp(`name one ${what} by its id`)],
      [['--user', 'nobody@acme.example'], 1, /nobody has the address nobody@acme\.example here/],
      [['--user', 'x'], 2, /--user/],
    ]) {
      const { code: ended, stderr } = await connek.command(what, 'revoke', ...args);
      assert.equal(ended, code, stderr);
      assert.match(stderr, why);
    }
  });

test('a secret that stands where an id should is not repeated', async () => {
  const { token } = await connek.token(finance, '--organisation', 'acme');
  for (const what of Object.keys(things)) {
    const { stderr, stdout } = await connek.command(what, 'revoke', token);
    assert.ok(!`${stderr}${stdout}`.includes(token));
  }
});

test('all of one person end at once, in every organisation or in the one that is named; others stay', async () => {
  const theirs = await things.token(other, 'globex');
  const mine = [await things.token(finance, 'acme'), await things.token(finance, 'globex')];
  await connek.ok('token', 'revoke', '--user', finance, '--organisation', 'globex');
  assert.deepEqual([await mine[0].isIn(), await mine[1].isIn(), await theirs.isIn()], [true, false, true]);
  const lines = (await connek.ok('token', 'revoke', '--user', finance, '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  assert.ok(lines.some(({ id, revoked }) => id === mine[0].id && revoked));
  assert.deepEqual([await mine[0].isIn(), await theirs.isIn()], [false, true]);
  assert.equal(await connek.ok('token', 'revoke', '--user', finance), `${finance} has no token that is not revoked\n`);
  const clients = [await things.client(), await things.client()];
  await connek.ok('client', 'revoke', '--user', finance);
  for (const client of clients) assert.equal(await client.isIn(), false);
  const { code, stderr } = await connek.command('client', 'list', '--organisation', 'initech');
  assert.equal(code, 1);
  assert.match(stderr, /initech/);
  assert.deepEqual(await listed('client', '--organisation', 'globex'), []);
  assert.ok((await listed('token', '--organisation', 'globex')).every(({ organisation }) => organisation === 'globex'));
  assert.deepEqual(await listed('token', '--user', marketing), []);
});
