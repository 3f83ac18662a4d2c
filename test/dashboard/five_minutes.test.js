// Somebody who has never seen Connek: from the printed link to a colleague's assistant whose first call is seen live.
// Prints how many clicks that takes.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from '../integration/support/connek.js';
import { sdk1 } from '../integration/support/clients.js';
import { password, setupLink } from '../integration/support/sign_in.js';
import { books, booksManifest } from './support/acme.js';
import { closeBrowser, visitor } from './support/browser.js';
import { eventually } from '../integration/support/wait.js';

after(closeBrowser);

const colleague = 'cora@acme.example';

async function fresh(t) {
  const upstream = await books(t);
  const connek = await Connek.create(t);
  await connek.writeFile('books.json', booksManifest(upstream.base));
  await connek.apply({ organisation: 'Acme', connectors: ['books.json'] });
  await connek.start('--allow-upstream', upstream.host);
  return { connek, link: await setupLink(connek) };
}

test('from the printed link to a real client\'s call seen live in Activity', async (t) => {
  const { connek, link } = await fresh(t);
  const begun = performance.now();
  const { page, assertClean } = await visitor(t, connek.base);
  let clicks = 0;
  const click = async (role, name, scope = page) => {
    clicks++;
    await scope.getByRole(role, { name, exact: true }).click();
  };

  await page.goto(link);
  await page.getByLabel('Your e-mail').fill('owner@acme.example');
  await page.getByLabel('New password').fill(password);
  await page.getByLabel('The same again').fill(password);
  await click('button', 'Set up');

  await page.getByRole('heading', { name: 'Welcome to Acme' }).waitFor();
  await eventually(async () => assert.equal(await page.getByRole('listitem').count(), 4));
  await click('link', 'Connect a source');
  await click('button', 'Connect Books');
  const drawer = page.getByRole('dialog');
  await drawer.getByText('Void an invoice', { exact: true }).waitFor();
  await click('button', 'Go on', drawer);
  await drawer.getByLabel(/key/i).fill('secret-of-acme');
  await click('button', 'Connect', drawer);
  await drawer.getByText('Books is connected.').waitFor();
  await click('button', 'Make the first one', drawer);

  await page.getByRole('dialog').getByLabel('Name').fill('Finance');
  await eventually(async () => assert.ok(await page.getByRole('checkbox', { name: 'Books' }).isChecked(), 'the only source is chosen already'));
  await click('button', 'Make the role');
  await page.getByRole('heading', { name: 'Finance' }).waitFor();

  await click('link', 'Users', page.getByRole('navigation', { name: 'Pages' }));
  await click('button', 'Invite someone');
  await page.getByRole('dialog').getByLabel('E-mail').fill(colleague);
  await page.getByRole('dialog').getByText('Finance').first().waitFor();
  await click('button', 'Invite', page.getByRole('dialog'));
  const invitation = await page.locator('[data-secret]').first().innerText();
  await click('button', 'Make their personal URL');
  const url = await page.locator('[data-secret]').nth(1).innerText();
  assert.match(url, /\/mcp\/[0-9a-f]{64}$/);
  await click('button', 'Copy personal URL');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), url);
  await click('button', 'Done');
  await click('link', 'Activity', page.getByRole('navigation', { name: 'Pages' }));
  await page.getByText('No call yet.').waitFor();
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();

  // Elsewhere, the colleague's assistant.
  const client = await sdk1(t, url);
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === 'books_list_invoices'));
  assert.ok(!tools.some(({ name }) => name === 'books_void_invoice'), 'the role allows reading alone');
  const answer = await client.callTool({ name: 'books_list_invoices', arguments: { status: 'open' } });
  assert.match(answer.content[0].text, /INV-0042/);

  // Seen without a reload.
  const row = page.getByRole('row').filter({ hasText: 'books_list_invoices' });
  await row.waitFor();
  assert.match(await row.innerText(), /cora@acme\.example/);
  await eventually(async () => assert.match(await row.innerText(), /Allowed/));
  const seconds = (performance.now() - begun) / 1000;
  t.diagnostic(`five-minute path: ${clicks} clicks, ${seconds.toFixed(1)} s by machine`);

  await page.goto(`${connek.base}/`);
  await page.getByText('Calls today').waitFor();
  assertClean();

  // And the colleague, by the link.
  const cora = await visitor(t, connek.base);
  await cora.page.goto(invitation);
  await cora.page.getByLabel('New password').fill(password);
  await cora.page.getByLabel('The same again').fill(password);
  await cora.page.getByRole('button', { name: 'Accept' }).click();
  await cora.page.getByRole('heading', { name: 'My page' }).waitFor();
  await cora.page.getByText('List invoices').first().waitFor();
  cora.assertClean();
});

// Tab until the focus is on it.
async function reach(page, role, name) {
  const wanted = page.getByRole(role, { name, exact: true }).last();
  await wanted.waitFor();
  for (let i = 0; i < 80; i++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not lead to ${role} "${name}"`);
}

test('the same by keyboard alone', async (t) => {
  const { connek, link } = await fresh(t);
  const { page, assertClean } = await visitor(t, connek.base);
  const press = async (role, name) => {
    await reach(page, role, name);
    await page.keyboard.press('Enter');
  };
  const type = async (role, name, text) => {
    await reach(page, role, name);
    await page.keyboard.type(text);
  };
  await page.goto(link);
  await type('textbox', 'Your e-mail', 'owner@acme.example');
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await press('link', 'Connect a source');
  await press('button', 'Connect Books');
  await press('button', 'Go on');
  const key = page.getByRole('dialog').getByLabel(/key/i);
  await key.waitFor();
  for (let i = 0; i < 10 && !(await key.evaluate((element) => element === document.activeElement)); i++) await page.keyboard.press('Tab');
  await page.keyboard.type('secret-of-acme');
  await page.keyboard.press('Enter');
  await press('button', 'Make the first one');
  await type('textbox', 'Name', 'Finance');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Finance' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByPlaceholder(/Search pages/).waitFor();
  await page.keyboard.type('Invite');
  await page.keyboard.press('Enter');
  await type('textbox', 'E-mail', colleague);
  await page.keyboard.press('Enter');
  await press('button', 'Make their personal URL');
  await press('button', 'Copy personal URL');
  const url = await page.evaluate(() => navigator.clipboard.readText());
  const client = await sdk1(t, url);
  await press('button', 'Done');
  await press('link', 'Activity');
  await page.getByText('No call yet.').waitFor();
  await client.callTool({ name: 'books_list_customers', arguments: {} });
  await page.getByRole('row').filter({ hasText: 'books_list_customers' }).waitFor();
  assertClean();
});
