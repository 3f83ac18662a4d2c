// Where the data is: what --database says, and what becomes of a password in it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Connek } from './support/connek.js';

const secret = 'swordfish-0815';
const address = `postgres://connek:${secret}@127.0.0.1:1/books?connect_timeout=2`;

test('a password in an argument is refused before anybody is asked, and never repeated', async (t) => {
  const connek = await Connek.create(t);
  for (const command of [['serve'], ['apply', await connek.writeFile('config.json', { organisation: 'acme' })]]) {
    const { code, stdout, stderr } = await connek.command(...command, '--database', address);
    assert.equal(code, 1);
    assert.match(stderr, /CONNEK_DATABASE/);
    assert.ok(!`${stdout}${stderr}`.includes(secret));
  }
});

test('in the variable it is taken, and a server that cannot be reached is named without it', async (t) => {
  const connek = await Connek.create(t);
  connek.env = { CONNEK_DATABASE: address };
  const { code, stdout, stderr } = await connek.command('apply', await connek.writeFile('config.json', { organisation: 'acme' }));
  assert.equal(code, 1);
  assert.match(stderr, /the database books at 127\.0\.0\.1/);
  assert.ok(!`${stdout}${stderr}`.includes(secret));
});

test('a serving process keeps the address out of its environment', async (t) => {
  if (!process.env.CONNEK_TEST_DATABASE) return t.skip('no PostgreSQL server is named; part postgres of make test runs it with one');
  const connek = await Connek.serving(t);
  const environment = await readFile(`/proc/${connek.pid}/environ`, 'utf8');
  assert.ok(environment.includes('PATH='));
  assert.ok(!environment.includes(connek.env.CONNEK_DATABASE), 'the address');
});
