// The way to each page of the dashboard, for whoever has to see them all: [name, go(page, world)], of the world of acme.js.
import { owner } from './acme.js';
import { choose, settled } from './browser.js';

const to = (path, then) => async (page, world) => {
  await page.goto(world.base + path);
  await settled(page);
  await then?.(page, world);
  await settled(page);
};
const dialog = (page) => page.getByRole('dialog').first().waitFor();

// The link to a webhook of this name, which is made where there is none. Its receiver refuses what has no key.
async function webhook(page, { upstream }, name) {
  const made = page.getByRole('link', { name });
  if (await made.count()) return made;
  await page.getByRole('button', { name: 'Add a webhook' }).click();
  await page.getByLabel('Name', { exact: false }).first().fill(name);
  await page.getByLabel('Address').fill(`${upstream.base}/hook`);
  await page.getByRole('checkbox', { name: 'connection.failed' }).check();
  await page.getByRole('button', { name: 'Add it' }).click();
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await made.waitFor();
  return made;
}

export const everyPage = [
  ['home', to('/')],
  ['sources', to('/sources')],
  ['catalogue', to('/sources?tab=catalogue')],
  ['connect', to('/sources?tab=catalogue&connect=stripe', dialog)],
  ['requests', to('/me', async (page, { base }) => {
    if (!(await page.getByText('HubSpot', { exact: true }).count())) {
      await page.getByRole('button', { name: 'Ask for a source that is missing' }).click();
      await page.getByLabel('What is missing').fill('HubSpot');
      await page.getByLabel('What for').fill('Our customers are in there, and what was said to them last.');
      await page.getByRole('button', { name: 'Ask for it' }).click();
      await page.getByText('HubSpot', { exact: true }).waitFor();
    }
    await page.goto(`${base}/sources?tab=requests`);
    await page.getByText('HubSpot', { exact: true }).waitFor();
  })],
  ['connection', to('/sources', async (page) => {
    await page.locator('a.card').first().click();
    await dialog(page);
  })],
  ['users', to('/users')],
  ['invite', to('/users?invite=true', dialog)],
  ['user', to('/users', async (page) => {
    await page.locator('.row-link').first().click();
    await dialog(page);
  })],
  ['rules', to('/rules', (page) => page.locator('.matrix-row').first().waitFor())],
  ['rules-open', to('/rules', async (page) => {
    await page.locator('.matrix-row button[aria-expanded]').first().click();
    await page.locator('.matrix-tool').first().waitFor();
    await page.getByRole('radiogroup').nth(1).getByText('Deny').click();
    await page.locator('.changes').waitFor();
    await page.getByText(/of the last/).waitFor();
  })],
  ['role-new', to('/rules?make=true', dialog)],
  ['assistant', to('/assistant', async (page) => {
    await choose(page, 'Whose assistant', /carla/);
    await page.getByRole('switch', { name: 'Also what is denied' }).check();
    await page.getByText(/It could use/).waitFor();
  })],
  ['activity', to('/activity', (page) => page.locator('.calls-body .calls-row').first().waitFor())],
  ['call', to('/activity', async (page) => {
    await page.locator('.calls-body .row-link').first().click();
    await dialog(page);
  })],
  ['usage', to('/usage', (page) => page.locator('svg.recharts-surface').first().waitFor())],
  ['playground', to('/playground', async (page) => {
    await choose(page, 'Who', /ann@/);
    await page.getByRole('button', { name: /List invoices/ }).click();
    await page.getByRole('button', { name: 'Call', exact: true }).waitFor();
  })],
  ['playground-answer', to('/playground', async (page) => {
    await choose(page, 'Who', /ann@/);
    await page.getByRole('button', { name: /List invoices/ }).click();
    await choose(page, /status/i, 'open');
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await page.getByRole('region', { name: 'Rows of the result' }).waitFor();
  })],
  ['developers', to('/developers')],
  ['webhooks', to('/developers?tab=webhooks', async (page) => {
    await page.getByRole('button', { name: 'Add a webhook' }).click();
    await page.getByRole('checkbox', { name: 'connection.failed' }).check();
  })],
  ['webhooks-made', to('/developers?tab=webhooks', (page, world) => webhook(page, world, 'Accounting'))],
  ['webhook', to('/developers?tab=webhooks', async (page, world) => {
    await (await webhook(page, world, 'On call')).click();
    await dialog(page);
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByRole('button', { name: 'webhook.test' }).first().click();
    await page.getByText(/401, after/).first().waitFor();
  })],
  ['reference', to('/developers', async (page) => {
    await page.getByRole('tab', { name: 'API reference' }).click();
    await page.getByRole('textbox', { name: 'Search operations' }).fill('roles');
    await page.locator('.mantine-Accordion-control').first().click();
  })],
  ['me', to('/me')],
  ['me-account', async (page, { base, connek }) => {
    await connek.apply({ organisation: 'Acme', personal: ['desk'], roles: [{ name: 'Own desk', rules: [{ connector: 'desk', does: ['read'] }] }], users: [{ email: owner, kind: 'owner', roles: ['Finance', 'Own desk'] }] });
    await page.goto(`${base}/me`);
    const own = page.getByText(`work (${owner})`);
    const connect = page.getByRole('button', { name: 'Connect an account of mine' });
    await connect.waitFor();
    if (!(await own.count())) {
      await connect.click();
      await page.getByLabel('Name', { exact: true }).fill('work');
      await page.getByLabel('Key').fill('secret-of-ann');
      await page.getByRole('button', { name: 'Connect', exact: true }).click();
    }
    await own.first().scrollIntoViewIfNeeded();
    await settled(page);
  }],
  ['settings', to('/settings')],
  ['operator', to('/operator')],
  ['operator-open', to('/operator', async (page, { connek }) => {
    await page.getByLabel('Key', { exact: true }).fill((await connek.ok('operator', 'key')).trim());
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('row', { name: /Acme/ }).waitFor();
  })],
  ['apply', to('/settings', async (page) => {
    await page.getByRole('button', { name: 'Apply a file' }).click();
    await page.getByRole('textbox', { name: 'Configuration' }).click();
    await page.keyboard.insertText(JSON.stringify({ organisation: 'Acme', roles: [{ name: 'Auditing', rules: [{ connection: 'Ledger', does: ['read'] }] }] }, null, 2));
    await page.getByRole('button', { name: 'Show what would change' }).click();
    await page.getByRole('list', { name: 'What would change' }).waitFor();
  })],
];
