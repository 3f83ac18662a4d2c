// Every page that this server writes itself, as it is seen: in both themes, on a phone and on a desk, without script. Each
// has no accessibility violation that axe knows, fits its width, and shows where the focus is. With CONNEK_PICTURES=DIR the
// pictures are kept there, to be looked at.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { fillIn, launch } from './support/browser.js';
import { Connek, exampleConfig } from './support/connek.js';
import { Person } from './support/person.js';
import { allow, authorizeUrl, member, password, pkce, redirectUri, register, setupLink, signedIn } from './support/sign_in.js';
import { oneTimeCode } from './support/totp.js';
import { manifestOf, Vendor } from './support/vendor.js';

const finance = 'finance@acme.example';
const pictures = process.env.CONNEK_PICTURES;
const sizes = [{ width: 360, height: 740 }, { width: 1000, height: 740 }];
let browser, closers;

before(async () => {
  closers = [];
  browser = await launch();
  if (pictures) await mkdir(pictures, { recursive: true });
});

after(async () => {
  for (const close of closers.reverse()) await close();
  await browser.close();
});

const forFile = { after: (close) => closers.push(close) };

// A page on which no script of ours or of anybody's has to run. (axe and the looks below are scripts of the test's.)
async function opened(t) {
  const context = await browser.newContext({ viewport: sizes[1] });
  t.after(() => context.close());
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => message.type() === 'error' && !/status of (4|503)/.test(message.text()) && page.complaints.push(message.text()));
  return page;
}

// By keyboard: where the focus is, and whether that can be seen.
const focus = () => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return { tag: document.activeElement.tagName, isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
};

async function looked(page, name, status) {
  if (status) assert.equal(page.status, status, name);
  assert.deepEqual(page.complaints, [], name);
  assert.equal(await page.locator('h1').count(), 1, name);
  assert.match(await page.title(), /^.+ · Connek$/);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const size of sizes) {
      await page.setViewportSize(size);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, `${name} at ${size.width}`);
      if (pictures) await page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${size.width}.png`), fullPage: true });
    }
    // All of its rules once; colours in both themes, with what the first run has put there.
    const { violations } = colorScheme === 'light' ? await new AxeBuilder({ page }).setLegacyMode(true).analyze() : await page.evaluate(() => globalThis.axe.run({ runOnly: ['color-contrast'] }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`), [], `${name}, ${colorScheme}`);
  }
  const n = await page.locator('main :is(input:not([type=hidden]), button, a)').count();
  const seen = [];
  for (let i = 0; i < n; i++) {
    await page.keyboard.press('Tab');
    seen.push(await page.evaluate(focus));
  }
  for (const { tag, isSeen } of seen) assert.ok(isSeen || tag === 'BODY', `${name}: a focus on ${tag} is not seen`);
  assert.ok(n === 0 || seen.some(({ tag }) => tag !== 'BODY'), name);
}

async function go(page, address) {
  const response = await page.goto(String(address));
  page.status = response.status();
}

async function press(page, label) {
  const [response] = await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: label, exact: true }).click()]);
  page.status = response.status();
}

test('the pages of the first start and of sign-up', async (t) => {
  const connek = await Connek.create(t);
  await connek.start('--allow-sign-up');
  const page = await opened(t);
  const link = await setupLink(connek);
  await go(page, link);
  await looked(page, 'setup', 200);
  await go(page, link);
  await page.getByLabel('Organisation').fill('Globex');
  await page.getByLabel('Your e-mail').fill('owner@globex.example');
  await page.getByLabel('New password').fill('short');
  await page.getByLabel('The same again').fill('shorter');
  await press(page, 'Set up');
  await looked(page, 'setup-problem', 400);
  await page.getByLabel('New password').fill(password);
  await page.getByLabel('The same again').fill(password);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.waitForURL(`${connek.base}/`); // the dashboard, which is another one's to look at
  await go(page, `${connek.base}/account`);
  await looked(page, 'account-new', 200);
  await go(page, link);
  await looked(page, 'link-used', 404);
  await go(page, `${connek.base}/sign-up`);
  await looked(page, 'sign-up', 200);
});

test('the pages of signing in, of the second step, and of links', async (t) => {
  const connek = await Connek.serving(t);
  const link = async (verb, email) => JSON.parse(await connek.ok('user', verb, email, '--json', '--public-url', connek.base)).link;
  const page = await opened(t);
  await go(page, await link('invite', finance));
  await looked(page, 'invitation', 200);
  await page.getByLabel('New password').fill(password);
  await page.getByLabel('The same again').fill(password);
  await press(page, 'Accept');
  await go(page, `${connek.base}/account/two-step`);
  await looked(page, 'two-step-off', 200);
  const secret = await page.locator('code').first().innerText();
  await page.getByLabel('The code that the app shows now').fill(await oneTimeCode(secret));
  await press(page, 'Turn on');
  await looked(page, 'recovery-codes', 200);
  await go(page, `${connek.base}/account/two-step`);
  await looked(page, 'two-step-on', 200);
  await page.context().clearCookies();

  await go(page, `${connek.base}/sign-in`);
  await looked(page, 'sign-in', 200);
  await fillIn(page, finance, 'not the password');
  await page.getByRole('alert').waitFor();
  page.status = 401;
  await looked(page, 'sign-in-wrong');
  await fillIn(page, finance, password);
  await page.getByLabel('Code').waitFor();
  await looked(page, 'code', undefined);
  await page.getByLabel('Code').fill('000000');
  await press(page, 'Go on');
  await looked(page, 'code-wrong', 401);
  await page.context().clearCookies();

  await go(page, await link('reset', finance));
  await looked(page, 'reset', 200);
  await go(page, `${connek.base}/link/${'0'.repeat(64)}`);
  await looked(page, 'link-unknown', 404);
  for (let i = 0; i < 12; i++) await new Person().signIn(connek.base, finance, `guess ${i}`);
  await go(page, `${connek.base}/sign-in`);
  await fillIn(page, finance, password);
  await page.getByText('Too many attempts').waitFor();
  await looked(page, 'throttled', undefined);
});

test('the pages that a program brings a person to: consent, in one organisation and in two; what is refused; the account', async (t) => {
  const connek = await Connek.serving(t);
  await connek.apply({ ...exampleConfig, organisation: 'Globex Corporation, Northern Europe', roles: [], users: [{ email: finance }] });
  const person = await member(connek, finance, '--organisation', 'acme');
  const joined = JSON.parse(await connek.ok('user', 'invite', finance, '--json', '--public-url', connek.base, '--organisation', 'Globex Corporation, Northern Europe'));
  const page = await opened(t);
  await go(page, joined.link);
  await looked(page, 'invitation-known', 200);
  const { challenge } = pkce();
  const ask = (client_id, more = {}) => authorizeUrl(connek.base, { client_id, code_challenge: challenge, ...more });
  const client = (await register(connek.base, { client_name: 'Claude' })).body;
  await go(page, ask(client.client_id));
  await fillIn(page, finance, password);
  await page.getByRole('heading', { name: 'Let this program in?' }).waitFor();
  await looked(page, 'consent', undefined);

  await new Person().accept(joined.link, { password });
  const long = (await register(connek.base, { client_name: 'An assistant whose name is as long as a name may be, and goes on and on and on', redirect_uris: ['https://a-rather-long-host-name.of-an-assistant.example/oauth/callback'] })).body;
  await go(page, ask(long.client_id, { redirect_uri: 'https://a-rather-long-host-name.of-an-assistant.example/oauth/callback' }));
  await looked(page, 'consent-two', 200);
  for (const label of ['Read', 'Change, where your roles allow it', 'Delete, where your roles allow it']) await page.getByRole('checkbox', { name: label }).uncheck();
  await press(page, 'Allow');
  await looked(page, 'consent-nothing', 200);
  await go(page, ask('nobody'));
  await looked(page, 'client-unknown', 400);
  await go(page, ask(client.client_id, { redirect_uri: 'https://evil.example/' }));
  await looked(page, 'redirect-unknown', 400);

  for (let i = 0; i < 3; i++) await signedIn(connek.base, person, { metadata: { client_name: ['Claude', 'Cursor', 'A program with a longer name than others'][i] } });
  await go(page, `${connek.base}/account`);
  await looked(page, 'account', 200);
  await go(page, `${connek.base}/account/password`);
  await looked(page, 'password', 200);
  assert.ok(await allow(person, ask(client.client_id, { redirect_uri: redirectUri })));
});

test('the pages of connecting an account', async (t) => {
  const vendor = await Vendor.start(t);
  vendor.accounts = [{ id: 't-1', name: 'Acme GmbH' }, { id: 't-2', name: 'Acme Holding, with a rather long name <b>' }];
  const connek = await Connek.create(forFile);
  await connek.writeFile('books.json', manifestOf(vendor, { discover: { call: `GET ${vendor.base}/accounts`, label: 'name', set: { tenant: 'id' } } }, { settings: { tenant: { description: 'Which books.' } } }));
  await connek.apply({ organisation: 'acme', connectors: ['books.json'], connections: [{ name: 'books', connector: 'books' }], roles: [], users: [{ email: finance }] });
  connek.env.BOOKS_SECRET = 'secret';
  await connek.ok('client-app', 'set', 'books', '--client-id', 'client-1', '--secret', 'env:BOOKS_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  const page = await opened(t);
  await go(page, (await connek.ok('connection', 'connect', '--connection', 'books', '--return', '/account')).trim());
  await looked(page, 'connect-choice', 200);
  await page.getByLabel('Acme GmbH').check();
  await press(page, 'Connect');
  await looked(page, 'connected', 200);
  await go(page, `${connek.base}/connect/${'0'.repeat(64)}`);
  await looked(page, 'not-connected', 404);
});

test('the page that says why signing in needs https', async (t) => {
  const connek = await Connek.serving(t, { args: ['--public-url', 'http://connek.example'] });
  const page = await opened(t);
  await go(page, `${connek.base}/sign-in`);
  await looked(page, 'needs-https', 403);
});
