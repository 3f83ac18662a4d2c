// A server that is slow, answers 503, or is cut off on the way: what was typed stays, the page says what happened and
// what to do, nothing is done twice, and it goes on once the server does.
import test, { before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { acme, owner, password } from './support/acme.js';
import { choose, closeBrowser, settled, signIn, visitor } from './support/browser.js';
import { Proxy } from './support/proxy.js';

let world, proxy, who, page;
const closers = [];
const scope = { after: (close) => closers.push(close) };
before(async () => {
  proxy = await Proxy.start(scope);
  world = await acme(scope);
  await world.connek.stop();
  await world.connek.start('--allow-upstream', world.upstream.host, '--public-url', proxy.base);
  proxy.to(world.connek.base);
  who = await visitor(scope, proxy.base);
  page = who.page;
  await signIn(page, proxy.base, owner, password);
});
afterEach(() => {
  proxy.bend = () => undefined;
});
after(async () => {
  await closeBrowser();
  for (const close of closers.reverse()) await close();
});

const open = async (path) => {
  await page.goto(proxy.base + path);
  await settled(page);
};
const dialog = () => page.getByRole('dialog');
const users = async () => JSON.parse(await world.connek.ok('export')).users.map(({ email }) => email);

for (const [what, bent, said] of [
  ['503', { status: 503 }, /Connek could not do this now\. Try again in a moment\./],
  ['a connection that is cut before', { cut: 'before' }, /Connek cannot be reached/],
  ['a connection that is cut when it was done', { cut: 'after' }, /Connek cannot be reached/],
])
  test(`inviting somebody into ${what}: the form says so, keeps what was typed, and done again it is done once`, async () => {
    const email = `${what.replaceAll(' ', '-')}@acme.example`;
    await open('/users?invite=true');
    await dialog().getByLabel('E-mail').fill(email);
    await choose(page, 'Roles', 'Support');
    await page.keyboard.press('Escape');
    proxy.bend = (method) => (method === 'POST' ? bent : undefined);
    await dialog().getByRole('button', { name: 'Invite', exact: true }).click();
    await dialog().getByRole('alert').filter({ hasText: said }).waitFor();
    assert.equal(await dialog().getByLabel('E-mail').inputValue(), email);
    assert.equal((await users()).includes(email), bent.cut === 'after');
    proxy.bend = () => undefined;
    await dialog().getByRole('button', { name: 'Invite', exact: true }).click();
    await page.getByText(`${email} is invited`).waitFor();
    assert.equal((await users()).filter((one) => one === email).length, 1);
    who.assertClean();
  });

test('a page whose list cannot be read says so, and shows it when it is asked again', async () => {
  for (const [path, api, shown] of [['/users', /\/users\?/, 'dilip@acme.example'], ['/sources', /\/connections\?/, 'Support desk'], ['/activity', /\/audit\?/, 'books_void_invoice'], ['/me', /\/me\/tokens/, 'Claude'], ['/settings', /\/settings/, 'Calls a minute of each URL or key']]) {
    proxy.bend = (method, asked) => (asked.startsWith('/api/') && api.test(asked) ? { status: 503 } : undefined);
    await page.goto(proxy.base + path);
    const alert = page.getByRole('alert').filter({ hasText: 'Connek could not do this now.' }).first();
    await alert.waitFor();
    assert.ok(await page.getByRole('heading', { level: 1 }).isVisible(), path);
    proxy.bend = () => undefined;
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.getByText(shown).first().waitFor();
  }
  who.assertClean();
});

test('while it is waited for, a page shows the shape of what comes, and a button that it is at work', async () => {
  proxy.bend = (method, path) => (path.includes('/users') ? { delayMs: 1500 } : undefined);
  await page.goto(`${proxy.base}/users`);
  await page.locator('[aria-busy="true"]').first().waitFor();
  await page.getByText('dilip@acme.example').waitFor();
  proxy.bend = () => undefined;
  await page.getByRole('button', { name: 'dilip@acme.example' }).click();
  await choose(page, 'Roles', 'Support');
  await page.keyboard.press('Escape');
  proxy.bend = (method) => (method === 'PATCH' ? { delayMs: 1500 } : undefined);
  const save = dialog().getByRole('button', { name: 'Save' });
  await save.click();
  await dialog().locator('button[data-loading]').waitFor();
  await page.getByText('Saved. It holds from the next call on.').first().waitFor();
  who.assertClean();
});

test('Ctrl K: what is typed before everybody is there is found as they come, and Enter leads there', async () => {
  await open('/');
  proxy.bend = (method, path) => (path.includes('/users') ? { delayMs: 1500 } : undefined);
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder(/Search pages/).fill('dilip');
  await page.getByText('Looking …').waitFor();
  await page.locator('.mantine-Spotlight-action').waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/users\//);
  await dialog().getByText('dilip@acme.example').first().waitFor();
  who.assertClean();
});

test('changes of a role that cannot be saved stay, and are saved when the server is there again', async () => {
  await open('/rules');
  await page.getByRole('navigation', { name: 'Roles' }).getByRole('link', { name: /Marketing/ }).click();
  await page.getByRole('heading', { name: 'Marketing' }).waitFor();
  await page.getByRole('radiogroup', { name: 'Read with Support desk' }).getByText('Allow').click();
  proxy.bend = (method) => (method === 'PUT' ? { status: 503 } : undefined);
  const bar = page.getByRole('region', { name: 'Unsaved changes' });
  await bar.getByRole('button', { name: 'Save' }).click();
  await bar.getByText('Connek could not do this now.', { exact: false }).waitFor();
  proxy.bend = () => undefined;
  assert.ok(await page.getByRole('radiogroup', { name: 'Read with Support desk' }).getByRole('radio', { name: 'Allow' }).isChecked());
  await bar.getByRole('button', { name: 'Save' }).click();
  await bar.waitFor({ state: 'detached' });
  const { roles } = JSON.parse(await world.connek.ok('export'));
  assert.equal(roles.find(({ name }) => name === 'Marketing').rules.length, 1);
  who.assertClean();
});

test('a configuration file that could not be applied is still in its editor', async () => {
  await open('/settings');
  await page.getByRole('button', { name: 'Apply a file' }).click();
  await page.getByRole('textbox', { name: 'Configuration' }).click();
  await page.keyboard.insertText(JSON.stringify({ organisation: 'Acme', roles: [{ name: 'Late', rules: [] }] }));
  await dialog().getByRole('button', { name: 'Show what would change' }).click();
  await dialog().getByRole('button', { name: 'Apply 1 change' }).waitFor(); // asking what would change is a POST as well
  proxy.bend = (method) => (method === 'POST' ? { cut: 'before' } : undefined);
  await dialog().getByRole('button', { name: 'Apply 1 change' }).click();
  await dialog().getByRole('alert').filter({ hasText: 'Connek cannot be reached' }).waitFor();
  assert.match(await page.getByRole('textbox', { name: 'Configuration' }).innerText(), /Late/);
  proxy.bend = () => undefined;
  await dialog().getByRole('button', { name: 'Apply 1 change' }).click();
  await page.getByText('1 change applied.', { exact: false }).waitFor();
  who.assertClean();
});
