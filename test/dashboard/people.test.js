// Who sees what, and what happens to an open page when its session, its server or somebody else's edit changes.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { signedInApi } from '../integration/support/api.js';
import { Connek } from '../integration/support/connek.js';
import { member } from '../integration/support/sign_in.js';
import { Browser, manifestOf, Vendor } from '../integration/support/vendor.js';
import { acme, owner, password } from './support/acme.js';
import { choose, closeBrowser, settled, signIn, visitor } from './support/browser.js';
import { eventually } from '../integration/support/wait.js';

let world;
const closers = [];
before(async () => {
  world = await acme({ after: (close) => closers.push(close) });
});
after(async () => {
  await closeBrowser();
  for (const close of closers.reverse()) await close();
});

async function at(t, email, path = '/', options) {
  const who = await visitor(t, world.base, options);
  await signIn(who.page, world.base, email, password);
  if (path !== '/') await who.page.goto(world.base + path);
  await settled(who.page);
  return who;
}

const pagesOf = async (page) => (await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts()).map((text) => text.trim()).filter((text) => text !== 'Connek');

test('a member sees their own page, activity and playground; nobody else\'s addresses or calls', async (t) => {
  const { page, assertClean } = await at(t, 'carla@acme.example');
  assert.deepEqual(await pagesOf(page), ['Activity', 'Playground', 'My page']);
  await page.getByRole('heading', { name: 'My page' }).waitFor();
  for (const path of ['/users', '/sources', '/rules', '/settings', '/developers', '/usage', '/assistant']) {
    await page.goto(world.base + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await settled(page);
    assert.doesNotMatch(await page.locator('main').innerText(), /dilip@|ben@|secret-of/, path);
  }
  await page.goto(`${world.base}/activity`);
  await page.getByRole('row').filter({ hasText: 'desk_list_tickets' }).first().waitFor();
  assert.doesNotMatch(await page.locator('main').innerText(), /ann@|dilip@/);
  assertClean();
});

test('an auditor reads everything and finds nothing to change', async (t) => {
  const { page, assertClean } = await at(t, 'eva@acme.example', '/users');
  await page.getByText('dilip@acme.example').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Invite someone' }).count(), 0);
  await page.goto(`${world.base}/rules`);
  await page.getByRole('heading', { name: 'Finance' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Make a role' }).count(), 0);
  assert.ok(await page.getByRole('radiogroup', { name: 'Read with Acme Books' }).getByRole('radio', { name: 'Deny' }).isDisabled());
  await page.goto(`${world.base}/activity`);
  await page.getByRole('row').filter({ hasText: 'books_void_invoice' }).waitFor();
  assertClean();
});

test('the operator sees how large the installation is by their key alone, and nothing of anybody\'s data', async (t) => {
  const { page, assertClean } = await visitor(t, world.base);
  await page.goto(`${world.base}/operator`);
  const key = page.getByLabel('Key', { exact: true });
  await key.fill('cap_nothing');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('alert').waitFor();
  assert.equal(await key.inputValue(), 'cap_nothing');
  await key.fill((await world.connek.ok('operator', 'key')).trim());
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('row', { name: /Acme/ }).waitFor();
  await page.getByText('Ready', { exact: true }).waitFor();
  await page.getByText('Serving', { exact: true }).waitFor();
  assert.doesNotMatch(await page.locator('main').innerText(), /@acme|Books|Finance|Ledger/);
  await page.getByRole('button', { name: 'Forget the key' }).click();
  await eventually(async () => assert.equal(await page.getByRole('row').count(), 0));
  assert.equal(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]).includes('cap_')), false);
  assertClean();
});

test('of a colleague\'s own account an admin is offered what they may do alone: end it and delete it', async (t) => {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { BOOKS_SECRET: 's' } });
  await connek.writeFile('books.json', manifestOf(vendor));
  await connek.apply({
    organisation: 'Acme',
    connectors: ['books.json'],
    personal: ['books'],
    roles: [{ name: 'Everything', rules: [{ connector: 'books', does: ['read'] }] }],
    users: [{ email: owner, kind: 'owner', roles: ['Everything'] }, { email: 'carla@acme.example', roles: ['Everything'] }],
  });
  await connek.ok('client-app', 'set', 'books', '--client-id', 'c', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  for (const email of [owner, 'carla@acme.example']) {
    const api = await signedInApi(connek, email, 'Acme');
    const { id } = await api.post('./me/connections', { connector: 'books', name: 'mine' });
    const { url } = await api.post(`./me/connections/${id}/link`, {});
    await Object.assign(new Browser(), { cookies: new Map(api.person.cookies) }).follow(url);
  }
  const { page, assertClean } = await visitor(t, connek.base);
  await signIn(page, connek.base, owner, password);
  const dialog = page.getByRole('dialog');
  const offered = async (email) => {
    await page.goto(`${connek.base}/sources`);
    await page.getByRole('link', { name: new RegExp(email) }).click();
    await dialog.getByText('Works', { exact: true }).waitFor();
    await dialog.getByText('What happened to it').waitFor();
    const names = ['Check now', 'Reconnect', 'Change the key', 'Disconnect', 'Delete', 'Settings'];
    const seen = await Promise.all(names.map((name) => dialog.getByRole('button', { name }).or(dialog.getByRole('tab', { name })).count()));
    return names.filter((_, i) => seen[i]);
  };
  assert.deepEqual(await offered(owner), ['Check now', 'Reconnect', 'Disconnect', 'Delete', 'Settings']);
  assert.deepEqual(await offered('carla@acme.example'), ['Disconnect', 'Delete']);
  await dialog.getByText('An account of carla@acme.example’s own').waitFor();
  const disconnect = dialog.getByRole('tabpanel').getByRole('button', { name: 'Disconnect' });
  await disconnect.click();
  await page.getByRole('dialog', { name: /^Disconnect/ }).getByRole('button', { name: 'Disconnect' }).click();
  await page.getByText(/^Disconnected/).first().waitFor();
  await disconnect.waitFor({ state: 'detached' });
  await page.getByRole('dialog', { name: /^Disconnect/ }).waitFor({ state: 'detached' });
  await dialog.getByRole('tabpanel').getByRole('button', { name: 'Delete' }).click();
  const sure = page.getByRole('dialog', { name: /^Delete/ });
  await sure.getByRole('textbox').fill('mine (carla@acme.example)');
  await sure.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('mine (carla@acme.example) is deleted.').waitFor();
  assertClean();
});

test('two admins edit the same role: the later one is told, and loses nothing without a word', async (t) => {
  const first = await at(t, owner, '/rules');
  const second = await at(t, 'ben@acme.example', '/rules');
  for (const { page } of [first, second]) {
    await page.getByRole('navigation', { name: 'Roles' }).getByRole('link', { name: /Marketing/ }).click();
    await page.getByRole('heading', { name: 'Marketing' }).waitFor();
  }
  const read = (page, name) => page.getByRole('radiogroup', { name: `Read with ${name}` }).getByText('Allow');
  await read(first.page, 'Ledger').click();
  await read(second.page, 'Support desk').click();
  await first.page.getByRole('button', { name: 'Save' }).click();
  await first.page.getByText('Saved.').waitFor();
  await second.page.getByRole('button', { name: 'Save' }).click();
  await second.page.getByText('Somebody else has changed this role meanwhile.').waitFor();
  await second.page.getByRole('button', { name: 'Discard' }).click();
  await second.page.locator('.switch[data-choice="allow"]').first().waitFor();
  await read(second.page, 'Support desk').click();
  await second.page.getByRole('button', { name: 'Save' }).click();
  await second.page.getByText('Saved.').waitFor();
  const { roles } = JSON.parse(await world.connek.ok('export'));
  assert.deepEqual(roles.find(({ name }) => name === 'Marketing').rules.map(({ connection }) => connection).sort(), ['Ledger', 'Support desk']);
  first.assertClean();
  second.assertClean();
});

test('what is typed stays when somebody else changes the same thing meanwhile, and is refused rather than written over theirs', async (t) => {
  const first = await at(t, owner, '/users');
  const second = await at(t, 'ben@acme.example', '/users');
  for (const { page } of [first, second]) await page.getByRole('button', { name: 'dilip@acme.example' }).click();
  const roles = async (page, role) => {
    await choose(page, 'Roles', role);
    await page.keyboard.press('Escape');
  };
  await roles(first.page, 'Finance');
  await roles(second.page, 'Support');
  await first.page.getByRole('button', { name: 'Save' }).click();
  await first.page.getByText('Saved.').first().waitFor();
  await second.page.getByText('Somebody else has changed this meanwhile. What you typed is still here.').waitFor();
  const chosen = (page) => page.getByRole('dialog').getByRole('list').or(page.getByRole('dialog').locator('.mantine-PillsInputField-field, .mantine-Pill-label')).allInnerTexts();
  assert.match((await chosen(second.page)).join(' '), /Support/);
  await second.page.getByRole('button', { name: 'Save' }).click();
  await second.page.getByRole('dialog').getByRole('alert').waitFor();
  assert.match((await chosen(second.page)).join(' '), /Support/);
  await second.page.getByRole('button', { name: 'Show theirs instead' }).click();
  await second.page.getByRole('alert').waitFor({ state: 'detached' });
  await eventually(async () => assert.match((await chosen(second.page)).join(' '), /Finance/));
  first.assertClean();
  second.assertClean();
});

test('when the session has ended the next step leads to signing in, and back to where one was', async (t) => {
  const { page, context } = await at(t, owner, '/users?q=dilip');
  await context.clearCookies();
  await page.getByRole('textbox', { name: 'Search users' }).fill('carla');
  await page.waitForURL(/\/sign-in\?return=/);
  await page.getByLabel('E-mail').fill(owner);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/users\?q=/);
  await page.getByRole('heading', { name: 'Users' }).waitFor();
});

test('while the server restarts an open page says so, keeps what was typed, and goes on by itself', async (t) => {
  const { page } = await at(t, owner, '/users?invite=true');
  await page.getByRole('dialog').getByLabel('E-mail').fill('frida@acme.example');
  const port = new URL(world.base).port;
  const args = ['--allow-upstream', world.upstream.host, '--listen', `127.0.0.1:${port}`];
  await world.connek.stop();
  await page.getByText('Not connected').waitFor();
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'Connek cannot be reached' }).waitFor();
  assert.equal(await page.getByRole('dialog').getByLabel('E-mail').inputValue(), 'frida@acme.example');
  await world.connek.start(...args);
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor({ timeout: 40_000 });
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByText('frida@acme.example is invited').waitFor();
});
