// HTML in every text that somebody can store stays text on every page that shows it.
import test, { after } from 'node:test';
import assert from 'node:assert/strict';
import { sdk1 } from '../integration/support/clients.js';
import { Connek } from '../integration/support/connek.js';
import { Served, readOnly } from '../integration/support/served.js';
import { member, password, register } from '../integration/support/sign_in.js';
import { books, booksManifest } from './support/acme.js';
import { closeBrowser, settled, signIn, visitor } from './support/browser.js';

after(closeBrowser);
const owner = 'ann@acme.example';
let n = 0;
// Each is another one, so that it is known which was seen. Short enough for a name.
const html = (where) => `<i id=x${++n}>${where}</i>`;
const image = '<img src=x onerror="document.title=\'owned\'">';

test('HTML that was stored anywhere is text on every page', async (t) => {
  const upstream = await books(t);
  const served = await Served.start(t, { tools: [readOnly('look', { title: html('tool title'), description: `${html('tool description')}${image}`, inputSchema: { type: 'object', properties: { q: { type: 'string', title: html('field'), description: image } } } })], instructions: html('instructions') });
  const manifest = booksManifest(upstream.base, 'books', html('connector'));
  manifest.description = `${html('about')}${image}`;
  manifest.tools[0] = { ...manifest.tools[0], title: `List ${html('title')}`, description: `${html('description')}${image}` };
  manifest.tools[1].input.properties.status.description = image;
  const names = { organisation: html('organisation'), books: html('connection'), mcp: html('server'), role: html('role') };
  const connek = await Connek.create(t);
  await connek.writeFile('books.json', manifest);
  await connek.apply({
    organisation: names.organisation,
    limits: { per_minute: 600 },
    connectors: ['books.json', { id: 'crm', kind: 'mcp', name: html('mcp'), description: image, url: served.url }],
    connections: [{ name: names.books, connector: 'books', labels: { client: html('label') }, credential: { key: 'k' } }, { name: names.mcp, connector: 'crm' }],
    roles: [{ name: names.role, rules: [{ connector: 'books', does: ['read'] }, { connector: 'crm', does: ['read'] }] }],
    users: [{ email: owner, kind: 'owner', roles: [names.role] }],
  });
  await connek.start('--allow-upstream', '127.0.0.1', '--allow-upstream', upstream.host);
  await member(connek, owner);
  await register(connek.base, { client_name: `${html('client')}${image}` });
  const { url } = await connek.token(owner, '--name', html('token'));
  const client = await sdk1(t, url);
  await client.callTool({ name: 'books_list_invoices', arguments: { status: image } }).catch(() => {});
  await client.callTool({ name: 'books_list_customers', arguments: {} });

  const { page, assertClean } = await visitor(t, connek.base);
  await signIn(page, connek.base, owner, password);
  const seen = new Set();
  const look = async (where) => {
    await settled(page);
    const found = await page.evaluate(() => ({
      text: document.body.innerText + [...document.querySelectorAll('input, textarea')].map(({ value }) => value).join(' '),
      made: [...document.querySelectorAll('i[id^=x], img[src=x]')].map(({ outerHTML }) => outerHTML),
      title: document.title,
    }));
    assert.deepEqual(found.made, [], where);
    assert.doesNotMatch(found.title, /owned/, where);
    for (const [, what] of found.text.matchAll(/<i id=x\d+>([^<]+)<\/i>/g)) seen.add(what);
  };
  const dialog = page.getByRole('dialog');
  const visits = {
    '/': null,
    '/sources': async () => {
      await page.getByText('to review').first().waitFor();
      await page.getByRole('link', { name: new RegExp(names.books) }).click();
      await dialog.getByRole('tab', { name: /Tools/ }).click();
      await look('a connection');
      await dialog.getByRole('tab', { name: 'Settings' }).click();
    },
    '/sources?': async () => {
      await page.getByRole('link', { name: new RegExp(names.mcp) }).click();
      await dialog.getByRole('button', { name: 'Whole definition' }).last().click();
    },
    '/sources?tab=catalogue': null,
    '/sources?tab=catalogue&connect=books': () => dialog.getByRole('button', { name: 'Go on' }).waitFor(),
    '/users': async () => {
      await page.getByRole('button', { name: owner }).click();
      await dialog.getByRole('tab', { name: /URLs and keys/ }).click();
    },
    '/rules': () => page.getByRole('button', { name: `Tools of ${names.books}` }).click(),
    '/activity': () => page.locator('.calls-body .row-link').first().click(),
    '/usage': () => page.getByRole('heading', { name: 'Connections' }).waitFor(),
    '/developers': null,
    '/me': () => page.getByText(/Can list/).first().waitFor(),
    '/settings': null,
  };
  for (const [path, then] of Object.entries(visits)) {
    await page.goto(connek.base + path);
    await settled(page);
    await then?.();
    await look(path);
  }
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder(/Search pages/).fill(names.books);
  await page.getByText(names.books).first().waitFor();
  await look('the palette');
  const shown = ['organisation', 'connection', 'server', 'connector', 'mcp', 'label', 'role', 'title', 'description', 'about', 'token', 'tool description', 'tool title'];
  assert.deepEqual(shown.filter((what) => !seen.has(what)), []);
  assertClean();
});
