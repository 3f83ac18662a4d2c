// The way to each page of the dashboard, for whoever has to see them all: [name, go(page, base)].
import { choose, settled } from './browser.js';

const to = (path, then) => async (page, base) => {
  await page.goto(base + path);
  await settled(page);
  await then?.(page);
  await settled(page);
};
const dialog = (page) => page.getByRole('dialog').first().waitFor();

export const everyPage = [
  ['home', to('/')],
  ['sources', to('/sources')],
  ['catalogue', to('/sources?tab=catalogue')],
  ['connect', to('/sources?tab=catalogue&connect=stripe', dialog)],
  ['requests', to('/sources?tab=requests')],
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
  ['developers', to('/developers')],
  ['webhooks', to('/developers?tab=webhooks', async (page) => {
    await page.getByRole('button', { name: 'Add a webhook' }).click();
    await page.getByRole('checkbox', { name: 'connection.failed' }).check();
  })],
  ['reference', to('/developers', async (page) => {
    await page.getByRole('tab', { name: 'API reference' }).click();
    await page.getByRole('textbox', { name: 'Search operations' }).fill('roles');
    await page.locator('.mantine-Accordion-control').first().click();
  })],
  ['me', to('/me')],
  ['settings', to('/settings')],
  ['operator', to('/operator')],
  ['apply', to('/settings', async (page) => {
    await page.getByRole('button', { name: 'Apply a file' }).click();
    await page.getByRole('textbox', { name: 'Configuration' }).click();
    await page.keyboard.insertText(JSON.stringify({ organisation: 'Acme', roles: [{ name: 'Auditing', rules: [{ connection: 'Ledger', does: ['read'] }] }] }, null, 2));
    await page.getByRole('button', { name: 'Show what would change' }).click();
    await page.getByRole('list', { name: 'What would change' }).waitFor();
  })],
];
