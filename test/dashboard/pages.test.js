// Each page's main job, done by a person at the page.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { sdk1 } from '../integration/support/clients.js';
import { Served, readOnly } from '../integration/support/served.js';
import { acme, owner, password } from './support/acme.js';
import { choose, closeBrowser, settled, signIn, visitor } from './support/browser.js';
import { eventually } from '../integration/support/wait.js';

let world, who, page;
const closers = [];
const scope = { after: (close) => closers.push(close) };
before(async () => {
  world = await acme(scope, { upstreams: ['127.0.0.1'] });
  who = await visitor(scope, world.base);
  page = who.page;
  await signIn(page, world.base, owner, password);
});
after(async () => {
  await closeBrowser();
  for (const close of closers.reverse()) await close();
});

const open = async (path) => {
  await page.goto(world.base + path);
  await settled(page);
};
const dialog = () => page.getByRole('dialog');

test('Home: today\'s figures lead to their calls', async () => {
  await open('/');
  const denied = page.getByRole('link', { name: /Denied today/ });
  await denied.waitFor();
  const figures = page.getByRole('link', { name: / today/ });
  await eventually(async () => assert.deepEqual(await figures.evaluateAll((all) => all.map((one) => [one.innerText.split('\n')[0].trim(), one.querySelectorAll('polyline').length, one.querySelector('polyline').getAttribute('points').split(' ').length])), ['Calls', 'Denied', 'Errors', 'People active'].map((name) => [`${name} today`, 1, 14])));
  await eventually(async () => assert.match(await figures.last().innerText(), /3/)); // ann, carla, dilip
  await eventually(async () => assert.match(await denied.innerText(), /[1-9]/));
  await denied.click();
  await page.waitForURL(/decision=denied/);
  await page.getByRole('row').filter({ hasText: 'books_void_invoice' }).waitFor();
  await eventually(async () => assert.equal(await page.getByRole('row').filter({ hasText: 'books_list_customers' }).count(), 0));
  who.assertClean();
});

test('Users and Sources: the last call is a call, not the change that made somebody or something', async () => {
  await open('/users');
  await page.getByRole('row', { name: /eva@acme.example/ }).getByText('never').waitFor();
  assert.equal(await page.getByRole('row', { name: /ann@acme.example/ }).getByText('never').count(), 0);
  await open('/sources');
  await page.getByRole('link', { name: /Globex Books/ }).getByText('Never used').waitFor();
  who.assertClean();
});

test('Sources: a connection is checked, renamed, labelled and deleted', async () => {
  await open('/sources');
  await page.getByRole('link', { name: /Globex Books/ }).click();
  await dialog().getByRole('button', { name: 'Check now' }).click();
  await dialog().getByText('It works').waitFor();
  await dialog().getByRole('tab', { name: /Tools/ }).click();
  await dialog().getByText('books_list_invoices').waitFor();
  await dialog().getByRole('tab', { name: 'Settings' }).click();
  await dialog().getByLabel('Name', { exact: true }).fill('Globex accounting');
  const labels = dialog().getByRole('combobox', { name: 'Labels' }).or(dialog().getByRole('textbox', { name: 'Labels' }));
  await labels.fill('region=North');
  await labels.press('Enter');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').first().waitFor();
  await page.getByRole('link', { name: /Globex accounting/ }).waitFor();
  const { connections } = JSON.parse(await world.connek.ok('export'));
  assert.deepEqual(connections.find(({ name }) => name === 'Globex accounting').labels, { client: 'Globex', region: 'North' });
  await dialog().getByRole('tab', { name: 'Overview' }).click();
  await dialog().getByRole('button', { name: 'Delete' }).click();
  const sure = page.getByRole('dialog', { name: /Delete Globex accounting/ });
  assert.ok(await sure.getByRole('button', { name: 'Delete' }).isDisabled());
  await sure.getByLabel('Type Globex accounting to go on').fill('Globex accounting');
  await sure.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Globex accounting is deleted.').waitFor();
  who.assertClean();
});

test('Sources: a name that is taken is said next to its field, and what was typed stays', async () => {
  await open('/sources?tab=catalogue&connect=books');
  await dialog().getByRole('button', { name: 'Go on' }).click();
  await dialog().getByLabel('Name', { exact: false }).first().fill('Acme Books');
  await dialog().getByLabel(/key/i).fill('another-key');
  await dialog().getByRole('button', { name: 'Connect', exact: true }).click();
  await dialog().locator('[class*="Input-error"], [role="alert"]').first().waitFor();
  assert.equal(await dialog().getByLabel(/key/i).inputValue(), 'another-key');
  who.assertClean();
});

test('Users: who looks after users sees where somebody is signed in, and signs them out there', async (t) => {
  const other = await visitor(t, world.base);
  await signIn(other.page, world.base, 'carla@acme.example', password);
  await settled(other.page);
  await open('/users');
  await page.getByRole('button', { name: 'carla@acme.example' }).click();
  await dialog().getByRole('tab', { name: 'Browsers' }).click();
  const buttons = dialog().getByRole('button', { name: 'Sign out' });
  await buttons.first().waitFor();
  const n = await buttons.count();
  await buttons.first().click(); // the newest
  await buttons.nth(n - 1).waitFor({ state: 'detached' });
  await other.page.goto(`${world.base}/`);
  await other.page.getByLabel('Password').waitFor();
  who.assertClean();
});

test('Users: a URL is made, shown once, rotated with overlap and revoked', async (t) => {
  await open('/users');
  await page.getByRole('button', { name: 'carla@acme.example' }).click();
  await dialog().getByRole('tab', { name: /URLs and keys/ }).click();
  await dialog().getByRole('button', { name: 'Make another' }).click();
  await dialog().getByLabel('Name', { exact: false }).first().fill('Laptop');
  await dialog().getByRole('button', { name: 'Make it' }).click();
  const old = await dialog().locator('[data-secret]').innerText();
  assert.equal(typeof (await sdk1(t, old)), 'object');
  await dialog().getByRole('button', { name: 'I have copied it' }).click();
  await eventually(async () => assert.equal(await dialog().locator('[data-secret]').count(), 0));
  await dialog().getByRole('button', { name: 'More for Laptop' }).click();
  await page.getByRole('menuitem', { name: /the old one works for a day/ }).click();
  const fresh = await dialog().locator('[data-secret]').innerText();
  assert.notEqual(fresh, old);
  await (await sdk1(t, old)).listTools();
  await (await sdk1(t, fresh)).listTools();
  await dialog().getByRole('button', { name: 'I have copied it' }).click();
  const laptops = dialog().getByRole('button', { name: 'More for Laptop' });
  for (let left = 2; left > 0; left--) {
    await eventually(async () => assert.equal(await laptops.count(), left));
    await laptops.first().click();
    await page.getByRole('menuitem', { name: 'Revoke' }).click();
    await page.getByRole('dialog', { name: /Revoke Laptop/ }).getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog', { name: /Revoke Laptop/ }).waitFor({ state: 'detached' });
  }
  await assert.rejects(sdk1(t, fresh));
  await assert.rejects(sdk1(t, old));
  who.assertClean();
});

test('Users: roles are changed, and hold from the next call on', async (t) => {
  const { url } = await world.connek.token('dilip@acme.example');
  await open('/users');
  await page.getByRole('button', { name: 'dilip@acme.example' }).click();
  await choose(page, 'Roles', 'Finance');
  await page.keyboard.press('Escape');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. It holds from the next call on.').first().waitFor();
  const { tools } = await (await sdk1(t, url)).listTools();
  assert.ok(tools.some(({ name }) => name === 'books_list_invoices'));
  who.assertClean();
});

test('Access rules: a change says what it would mean before it is saved', async (t) => {
  await open('/rules');
  await page.getByRole('navigation', { name: 'Roles' }).getByRole('link', { name: /Finance/ }).click();
  const write = page.getByRole('radiogroup', { name: 'Write with Acme Books' });
  await eventually(async () => assert.ok(await write.getByRole('radio', { name: 'Allow' }).isChecked()));
  await page.getByRole('radiogroup', { name: 'Read with Acme Books' }).getByText('Deny').click();
  const bar = page.getByRole('region', { name: 'Unsaved changes' });
  await bar.getByText(/1 change/).waitFor();
  await bar.getByText(/lose/).waitFor();
  await bar.getByRole('button', { name: 'Details' }).click();
  await dialog().getByText(/books_list_invoices|list_invoices/).first().waitFor();
  await page.keyboard.press('Escape');
  await bar.getByRole('button', { name: 'Discard' }).click();
  await bar.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Tools of Acme Books' }).click();
  await page.getByRole('radiogroup', { name: 'Create an invoice of Acme Books' }).getByText('Deny').click();
  await bar.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. It holds from the next call on.').first().waitFor();
  await bar.waitFor({ state: 'detached' });
  const { url } = await world.connek.token(owner);
  const { tools } = await (await sdk1(t, url)).listTools();
  assert.ok(!tools.some(({ name }) => name === 'books_create_invoice'));
  who.assertClean();
});

test('Access rules: an admin\'s assistant is let ask Connek itself about the organisation', async (t) => {
  await open('/rules');
  await page.getByRole('navigation', { name: 'Roles' }).getByRole('link', { name: /Finance/ }).click();
  await choose(page, 'Add a rule for more', 'Connek itself');
  await page.getByRole('radiogroup', { name: 'Read with Connek itself' }).getByText('Allow').click();
  const bar = page.getByRole('region', { name: 'Unsaved changes' });
  await bar.getByRole('button', { name: 'Save' }).click();
  await bar.waitFor({ state: 'detached' });
  const toolsOf = async (email) => (await (await sdk1(t, (await world.connek.token(email)).url)).listTools()).tools.map(({ name }) => name);
  assert.ok((await toolsOf(owner)).includes('connek_list_users'));
  assert.ok(!(await toolsOf('carla@acme.example')).includes('connek_list_users'), 'a member of the same role');
  await page.getByRole('button', { name: 'Remove Connek itself' }).click();
  await bar.getByRole('button', { name: 'Save' }).click();
  await bar.waitFor({ state: 'detached' });
  assert.ok(!(await toolsOf(owner)).includes('connek_list_users'));
  who.assertClean();
});

test('Access rules: a category is a shortcut: what is chosen for it is set for each of its connectors', async () => {
  await open('/rules');
  await page.getByRole('navigation', { name: 'Roles' }).getByRole('link', { name: /Marketing/ }).click();
  await choose(page, 'Add a rule for more', 'Customers');
  await page.getByText('sets Books, Desk').waitFor();
  const chosen = (name) => page.getByRole('radiogroup', { name, exact: true }).getByRole('radio', { checked: true });
  for (const [does, choice] of [['Read', 'Allow'], ['Write', 'Allow'], ['Destroy', 'Deny']]) await page.getByRole('radiogroup', { name: `${does} with Customers` }).getByText(choice).click();
  for (const name of ['Books', 'Desk']) await eventually(async () => assert.equal(await chosen(`Destroy with ${name}`).getAttribute('value'), 'deny'));
  // One of them differs: nothing is said of all.
  await page.getByRole('radiogroup', { name: 'Write with Desk', exact: true }).getByText('Off').click();
  await eventually(async () => assert.equal(await chosen('Write with Customers').count(), 0));
  await eventually(async () => assert.equal(await chosen('Read with Customers').getAttribute('value'), 'allow'));
  await page.getByRole('region', { name: 'Unsaved changes' }).getByText('5 changes').waitFor();
  await page.getByRole('button', { name: 'Remove Customers' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. It holds from the next call on.').first().waitFor();
  await page.getByRole('region', { name: 'Unsaved changes' }).waitFor({ state: 'detached' });
  const { roles } = JSON.parse(await world.connek.ok('export'));
  assert.deepEqual(roles.find(({ name }) => name === 'Marketing').rules, [
    { connector: 'books', does: ['read', 'write'] },
    { connector: 'books', does: ['destroy'], effect: 'deny' },
    { connector: 'desk', does: ['read'] },
    { connector: 'desk', does: ['destroy'], effect: 'deny' },
  ]);
  who.assertClean();
});

test('Access rules: leaving with changes asks first', async () => {
  await open('/rules');
  await page.getByRole('radiogroup', { name: 'Read with Support desk' }).first().getByText('Allow').click();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Users' }).click();
  await page.getByRole('dialog', { name: 'Leave without saving?' }).getByRole('button', { name: 'Keep it' }).click();
  assert.match(page.url(), /\/rules/);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Users' }).click();
  await page.getByRole('dialog', { name: 'Leave without saving?' }).getByRole('button', { name: 'Leave' }).click();
  await page.getByRole('heading', { name: 'Users' }).waitFor();
  who.assertClean();
});

test('What could this person\'s assistant do: sentences, and behind a switch what is denied and why', async () => {
  await open('/assistant');
  await choose(page, 'Whose assistant', 'carla@acme.example');
  await page.getByText(/It could use \d+ tools/).waitFor();
  await page.getByText('Can list customers in Acme Books, because role Finance allows it.').waitFor();
  const before = await page.getByText('desk_answer_ticket').count();
  assert.equal(before, 1);
  await eventually(async () => assert.equal(await page.getByText('Denied', { exact: true }).count(), 0));
  await page.getByRole('switch', { name: 'Also what is denied' }).check();
  await page.getByText('Denied', { exact: true }).first().waitFor();
  await page.getByRole('textbox', { name: 'Search' }).fill('void');
  await page.getByText('books_void_invoice').first().waitFor();
  await eventually(async () => assert.equal(await page.getByText('desk_answer_ticket').count(), 0));
  who.assertClean();
});

test('Activity: filters are in the address; a row tells the whole story; pausing holds new ones back', async (t) => {
  await open('/activity');
  await page.getByRole('radiogroup', { name: 'Decision' }).getByText('Denied').click();
  await page.waitForURL(/decision=denied/);
  await page.getByRole('row').filter({ hasText: 'books_void_invoice' }).getByRole('button').click();
  await dialog().getByText('A rule of role Finance decided.').waitFor();
  await dialog().getByText('INV-0042').waitFor();
  const address = page.url();
  await page.goBack();
  await dialog().waitFor({ state: 'detached' });
  await page.goto(address);
  await dialog().getByText('A rule of role Finance decided.').waitFor();

  await open('/activity');
  await page.getByRole('button', { name: 'Pause' }).click();
  const rows = await page.getByRole('row').count();
  const { url } = await world.connek.token('ben@acme.example');
  const client = await sdk1(t, url);
  await client.callTool({ name: 'desk_list_tickets', arguments: {} });
  await page.getByRole('button', { name: 'Go on (1 new)' }).click();
  await page.getByRole('row').filter({ hasText: 'ben@acme.example' }).waitFor();
  await eventually(async () => assert.equal(await page.getByRole('row').count(), rows + 1));
  who.assertClean();
});

test('Usage: what was called, by whom, and what came of it', async () => {
  await open('/usage');
  await page.getByRole('heading', { name: 'Calls by day' }).waitFor();
  await page.getByRole('row').filter({ hasText: 'books_list_invoices' }).first().waitFor();
  await page.getByRole('heading', { name: 'Slowest tools' }).waitFor();
  await page.locator('svg .recharts-bar-rectangle path, svg .recharts-bar-rectangle').first().waitFor({ state: 'attached' });
  await page.getByRole('link', { name: 'carla@acme.example' }).click();
  await page.waitForURL(/\/activity\?user=/);
  who.assertClean();
});

test('Playground: a form made from the schema, a call, its result and what the rules said', async () => {
  await open('/playground');
  await choose(page, 'Who', owner);
  // Globex Books denies it and Acme Books allows it: the one tool of both is allowed.
  await page.getByRole('button', { name: /List invoices/ }).click();
  await eventually(async () => assert.equal(await page.getByRole('button', { name: /List invoices/ }).getByText('Denied').count(), 0));
  await eventually(async () => assert.equal(await page.getByText('The rules deny it').count(), 0));
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await page.getByText(/is needed/).first().waitFor();
  await choose(page, /status/i, 'open');
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  const rows = page.getByRole('region', { name: 'Rows of the result' });
  await rows.getByRole('row').filter({ hasText: 'INV-0042' }).waitFor();
  assert.deepEqual(await rows.getByRole('columnheader').allInnerTexts(), ['number', 'customer', 'owed']);
  await page.getByRole('tab', { name: 'What the assistant reads' }).click();
  await page.getByLabel('Text of the result').locator('.json-text', { hasText: 'INV-0042' }).waitFor();
  await page.getByText('A rule of role Finance decided.').waitFor();
  const address = page.url();
  assert.match(address, /arguments=/);
  await page.getByRole('button', { name: /Void an invoice/ }).click();
  await page.getByText('The rules deny it').waitFor();
  who.assertClean();
});

test('Playground: what a tool answers is shown as what it is: text, images, files, links; a failure is said, and markup stays text', async (t) => {
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
  const results = {
    draw: { content: [{ type: 'text', text: 'Here it is.' }, { type: 'image', data: pixel, mimeType: 'image/png' }, { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' }] },
    find: { content: [{ type: 'resource', resource: { uri: 'file:///a.txt', mimeType: 'text/plain', text: '<b>bold</b>' } }, { type: 'resource_link', uri: 'https://studio.example/b', name: 'b' }] },
    fail: { content: [{ type: 'text', text: 'The brush is dry.' }], isError: true },
  };
  const lie = (message, response) => message.method === 'tools/call' && response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: results[message.params.name] }));
  const studio = await Served.start(t, { tools: Object.keys(results).map((name) => readOnly(name)), lie });
  await world.connek.apply({
    organisation: 'Acme',
    connectors: [{ id: 'studio', kind: 'mcp', name: 'Studio', url: studio.url }],
    connections: [{ name: 'Studio', connector: 'studio', trust: 'accept' }],
    roles: [{ name: 'Studio', rules: [{ connector: 'studio', does: ['read'] }] }],
  });
  await open('/playground');
  await choose(page, 'Who', 'Studio');
  const answer = page.getByRole('region', { name: 'Answer' });
  const call = async (name) => {
    await page.getByRole('button', { name: `studio_${name}` }).click();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
  };
  await call('draw');
  await answer.getByText('Here it is.').waitFor();
  const image = answer.getByRole('img', { name: 'The result: image' });
  assert.equal(await image.evaluate((one) => one.decode().then(() => one.naturalWidth)), 1);
  const download = page.waitForEvent('download');
  await answer.getByRole('button', { name: 'Save it' }).click();
  assert.equal((await download).suggestedFilename(), 'sound');
  await call('find');
  await answer.getByText('<b>bold</b>').waitFor();
  await answer.getByText('https://studio.example/b').waitFor();
  assert.equal(await answer.getByRole('link', { name: /studio/ }).count(), 0);
  await call('fail');
  await answer.getByRole('alert').getByText('The brush is dry.').waitFor();
  await answer.getByText('Error', { exact: true }).waitFor();
  await answer.getByRole('tab', { name: 'Result' }).click();
  await answer.getByLabel('result', { exact: true }).locator('.json-name', { hasText: 'isError' }).waitFor();
  await answer.getByRole('tab', { name: 'Request' }).click();
  await answer.getByLabel('request', { exact: true }).locator('.json-text', { hasText: 'studio_fail' }).waitFor();
  await world.connek.apply({ organisation: 'Acme', roles: [{ name: 'Studio', rules: [] }] });
  who.assertClean();
});

test('My page: a URL of one\'s own, and what one\'s assistant may do with it', async (t) => {
  const carla = await visitor(t, world.base);
  await signIn(carla.page, world.base, 'carla@acme.example', password);
  await carla.page.getByRole('heading', { name: 'My page' }).waitFor();
  await carla.page.getByRole('button', { name: /Make/ }).first().click();
  await carla.page.getByLabel('Name', { exact: false }).first().fill('Phone');
  await carla.page.getByRole('button', { name: 'Make it' }).click();
  const url = await carla.page.locator('main .hint [data-secret]').innerText();
  const { tools } = await (await sdk1(t, url)).listTools();
  assert.ok(tools.some(({ name }) => name === 'desk_list_tickets'));
  await carla.page.locator('code', { hasText: 'desk_list_tickets' }).waitFor();

  await carla.page.getByRole('switch', { name: 'Use Desk' }).press('Space');
  await carla.page.locator('code', { hasText: 'desk_list_tickets' }).waitFor({ state: 'detached' });
  assert.ok(!(await (await sdk1(t, url)).listTools()).tools.some(({ name }) => name === 'desk_list_tickets'));
  await open('/users');
  await page.getByRole('button', { name: 'carla@acme.example' }).click();
  await dialog().getByText('by themselves, for their own assistants').waitFor();
  await carla.page.getByRole('switch', { name: 'Use Desk' }).press('Space');
  await carla.page.locator('code', { hasText: 'desk_list_tickets' }).waitFor();
  assert.ok((await (await sdk1(t, url)).listTools()).tools.some(({ name }) => name === 'desk_list_tickets'));
  carla.assertClean();
});

test('Sources: a member asks for one that is missing, an admin answers, and the member reads it', async (t) => {
  const carla = await visitor(t, world.base);
  await signIn(carla.page, world.base, 'carla@acme.example', password);
  await carla.page.getByRole('button', { name: 'Ask for a source that is missing' }).click();
  await carla.page.getByLabel('What is missing').fill('HubSpot');
  await carla.page.getByLabel('What for').fill('Our leads are there.');
  await carla.page.getByRole('button', { name: 'Ask for it' }).click();
  await carla.page.getByText('Open', { exact: true }).waitFor();
  await open('/sources?tab=requests');
  await page.getByText('Our leads are there.').waitFor();
  await page.getByRole('button', { name: 'Answer HubSpot' }).click();
  await page.getByLabel('Answer', { exact: true }).fill('Use the CRM instead.');
  await page.getByRole('button', { name: 'Decline' }).click();
  await page.getByText('carla@acme.example sees the answer on My page.').waitFor();
  await carla.page.reload();
  await carla.page.getByText('Use the CRM instead.').waitFor();
  await carla.page.getByText('Declined', { exact: true }).waitFor();
  carla.assertClean();
  who.assertClean();
});

test('Developers: a key is made with scopes, works, and is revoked', async () => {
  await open('/developers');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await page.getByLabel('Name', { exact: false }).first().fill('Reports');
  await page.getByRole('checkbox', { name: 'usage:read' }).check();
  await page.getByRole('button', { name: 'Make the key' }).click();
  const key = await page.locator('[data-secret]').innerText();
  const { organisations } = await page.evaluate(async () => (await fetch('/api/v1/session')).json());
  const asked = (path) => fetch(`${world.base}/api/v1/organisations/${organisations[0].id}${path}`, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal((await asked('/usage')).status, 200);
  assert.equal((await asked('/users')).status, 403);
  await page.getByRole('button', { name: 'Revoke Reports' }).click();
  await dialog().getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('Reports is revoked.').waitFor();
  assert.equal((await asked('/usage')).status, 401);
  await page.getByRole('tab', { name: 'API reference' }).click();
  await page.getByRole('textbox', { name: 'Search operations' }).fill('invite');
  await page.getByRole('button', { name: /POST .*\/users/ }).first().click();
  await page.getByText('users:write').waitFor();
  who.assertClean();
});

test('Developers: a webhook is added, tested, seen to fail and to be sent again, and deleted', async () => {
  const received = [];
  const { answer } = world.upstream;
  let status = 500;
  world.upstream.answer = (request, response, body) => {
    if (request.url !== '/hook') return answer(request, response, body);
    received.push({ ...JSON.parse(body), id: request.headers['webhook-id'] });
    return response.writeHead(status).end();
  };
  await open('/developers?tab=webhooks');
  await page.getByRole('button', { name: 'Add a webhook' }).click();
  await page.getByLabel('Name', { exact: false }).first().fill('On call');
  await page.getByLabel('Address').fill('http://hooks.acme.example/');
  await page.getByRole('checkbox', { name: 'connection.failed' }).check();
  await page.getByRole('button', { name: 'Add it' }).click();
  await page.locator('[class*="Input-error"]').filter({ hasText: 'begin it with https' }).waitFor();
  assert.equal(await page.getByLabel('Name', { exact: false }).first().inputValue(), 'On call');
  await page.getByLabel('Address').fill(`${world.upstream.base}/hook`);
  await page.getByRole('button', { name: 'Add it' }).click();
  assert.match(await page.locator('[data-secret]').innerText(), /^whsec_/);
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await page.getByRole('link', { name: 'On call' }).click();
  await page.waitForURL(/webhook=/);
  await dialog().getByRole('button', { name: 'Send a test' }).click();
  await dialog().getByText('Waits').waitFor();
  await dialog().getByRole('button', { name: 'webhook.test' }).click();
  await dialog().getByText(/500, after/).waitFor();
  status = 204;
  await dialog().getByRole('button', { name: 'Send it again' }).click();
  await dialog().getByText('Delivered', { exact: true }).waitFor();
  assert.deepEqual(received.map(({ type }) => type), ['webhook.test', 'webhook.test']);
  assert.equal(received[0].id, received[1].id);
  await dialog().getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'Delete On call?' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No webhook yet.', { exact: false }).waitFor();
  world.upstream.answer = answer;
  who.assertClean();
});

test('Settings: the limit of calls a minute, the sessions, the configuration as a file', async () => {
  await open('/settings');
  await page.getByLabel(/Calls a minute/).fill('120');
  await page.locator('form').filter({ hasText: 'Calls a minute' }).getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved. It holds from the next call on.').first().waitFor();
  assert.equal(JSON.parse(await world.connek.ok('export')).limits.per_minute, 120);
  await page.getByText('This one').waitFor();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download the configuration' }).click();
  const { readFile } = await import('node:fs/promises');
  const file = JSON.parse(await readFile(await (await download).path(), 'utf8'));
  assert.equal(file.organisation, 'Acme');
  assert.doesNotMatch(JSON.stringify(file), /secret-of/);
  who.assertClean();
});

test('Settings: to keep records for a shorter time is asked for twice, and says what goes', async () => {
  await open('/settings');
  await page.getByText('Records are kept for ever.').waitFor();
  const form = page.locator('form').filter({ hasText: 'Keep records for ever' });
  await form.getByRole('switch').click();
  await form.getByLabel('Days to keep records').fill('90');
  await form.getByRole('button', { name: 'Save' }).click();
  await dialog().getByText('No record is that old yet', { exact: false }).waitFor();
  await dialog().getByRole('button', { name: 'Keep them for that long' }).click();
  await page.getByText('Records are kept for 90 days.').waitFor();
  await form.getByRole('switch').click();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Records are kept for ever.').waitFor();
});

test('Settings: a configuration file shows what it would change, then what is wrong with it where it is wrong, and is applied', async () => {
  await open('/settings');
  await page.getByRole('button', { name: 'Apply a file' }).click();
  const editor = dialog().getByRole('textbox', { name: 'Configuration' });
  const type = async (value) => {
    await editor.click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  };
  const roles = (connection) => ({ organisation: 'Acme', roles: [{ name: 'Auditing', rules: [{ connection, does: ['read'] }] }] });
  const show = dialog().getByRole('button', { name: 'Show what would change' });
  assert.ok(await show.isDisabled());
  await type('{ "organisation": ');
  await show.click();
  await dialog().getByText(/This is not JSON/).waitFor();
  await type(roles('Nowhere'));
  await show.click();
  await dialog().getByRole('alert').getByText('roles › 1 › rules › 1 › connection:').waitFor();
  await eventually(async () => assert.equal(await dialog().locator('.cm-lintRange-error').innerText(), '"Nowhere"'));
  assert.match(await editor.innerText(), /Nowhere/);
  await dialog().getByRole('button', { name: 'Close' }).click();
  await dialog().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Apply a file' }).click();
  await editor.getByText('"Nowhere"').waitFor();
  await type(roles('Ledger'));
  await show.click();
  await dialog().getByRole('list', { name: 'What would change' }).getByText('role Auditing').waitFor();
  await eventually(async () => assert.equal(await dialog().getByRole('listitem').count(), 1));
  await dialog().getByText(/Not in the file, and kept: .*role Finance/).waitFor();
  const exported = async () => JSON.parse(await world.connek.ok('export')).roles.map(({ name }) => name);
  assert.ok(!(await exported()).includes('Auditing'));
  // Of another text nothing is known yet.
  await type({ ...roles('Ledger'), limits: { per_minute: 90 } });
  await dialog().getByRole('list', { name: 'What would change' }).waitFor({ state: 'detached' });
  await show.click();
  await dialog().getByRole('button', { name: 'Apply 2 changes' }).click();
  await page.getByText('2 changes applied.', { exact: false }).waitFor();
  assert.ok((await exported()).includes('Auditing'));
  who.assertClean();
});

test('Ctrl K finds pages, people and connections', async () => {
  for (const [typed, address] of [['support d', /\/sources\//], ['query', /\/playground\?.*tool=sqlite_query/], ['configuration', /\/settings\?apply/], ['carla', /\/users\//]]) {
    await open('/');
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder(/Search pages/).fill(typed);
    await page.waitForFunction(() => document.querySelectorAll('.mantine-Spotlight-action').length === 1);
    await page.keyboard.press('Enter');
    await page.waitForURL(address);
    if (typed === 'support d') await dialog().getByText('Support desk').first().waitFor();
  }
  who.assertClean();
});

test('Settings: how long sessions last, where else one is signed in, the second step, the master key, a new name', async () => {
  const other = await visitor(scope, world.base);
  await signIn(other.page, world.base, owner, password);
  await open('/settings');
  await page.getByText('A session ends after 12 hours without use, and after 7 days at the latest.').waitFor();
  const fact = (name) => page.locator('dt', { hasText: name }).locator('xpath=following-sibling::dd[1]');
  assert.match(await fact('Master key').innerText(), /In place/);
  assert.match(await fact('Data key').innerText(), /version 1/);
  assert.match(await fact('Second step').innerText(), /Off/);
  assert.equal(await page.getByRole('link', { name: 'Switch it on' }).getAttribute('href'), '/account/two-step');
  const ending = page.getByRole('button', { name: 'Sign out' });
  for (let left = await ending.count(); left > 0; left--) {
    await ending.first().click();
    await page.waitForFunction((n) => [...document.querySelectorAll('main button')].filter(({ innerText }) => innerText === 'Sign out').length === n, left - 1);
  }
  await page.getByText('This one').waitFor();
  // The page may have gone there by itself already, or be about to.
  await other.page.goto(`${world.base}/users`).catch((error) => assert.match(error.message, /interrupted by another navigation|ERR_ABORTED/));
  await other.page.waitForURL(/\/sign-in/);
  await page.getByLabel('Name', { exact: true }).fill('Acme Ltd');
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByText('What holds for the whole of Acme Ltd.').waitFor();
  who.assertClean();
});

test('Settings: an organisation is deleted by who types its name, and nobody is let in there any more', async () => {
  const { url } = await world.connek.token('ben@acme.example', '--organisation', 'Acme Ltd');
  await open('/settings');
  await page.getByRole('button', { name: 'Delete Acme Ltd' }).click();
  const sure = page.getByRole('dialog', { name: 'Delete Acme Ltd?' });
  await sure.getByText('5 users', { exact: false }).waitFor();
  const button = sure.getByRole('button', { name: 'Delete all of it' });
  await sure.getByLabel('Type Acme Ltd to go on').fill('Acme');
  await eventually(async () => assert.ok(await button.isDisabled()));
  await sure.getByLabel('Type Acme Ltd to go on').fill('Acme Ltd');
  await button.click();
  await page.getByRole('heading', { name: 'You are in no organisation' }).waitFor();
  const { organisations } = await page.evaluate(async () => (await fetch('/api/v1/session')).json());
  assert.deepEqual(organisations, []);
  await assert.rejects(sdk1(scope, url));
  who.assertClean();
});
