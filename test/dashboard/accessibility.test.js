// Every page, filled, in both themes: nothing for axe to object to; on a phone, nothing wider than its screen.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { acme, owner, password } from './support/acme.js';
import { closeBrowser, settled, signIn, visitor } from './support/browser.js';
import { everyPage } from './support/tour.js';

let world;
const closers = [];
before(async () => {
  world = await acme({ after: (close) => closers.push(close) });
});
after(async () => {
  await closeBrowser();
  for (const close of closers.reverse()) await close();
});

// axe, once in each page however often it is asked.
const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function violations(page, rules) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  const found = await page.evaluate(async (only) => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'], ...(only && { runOnly: { type: 'rule', values: only } }) });
    return violations.map(({ id, nodes }) => ({ id, targets: nodes.slice(0, 3).map(({ target }) => target.join(' ')) }));
  }, rules);
  return found.map(({ id, targets }) => `${id}: ${targets.join(', ')}`);
}

const isTooWide = () => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function wear(page, theme) {
  await page.emulateMedia({ colorScheme: theme });
  await page.locator(`html[data-mantine-color-scheme="${theme}"]`).waitFor();
}

async function look(page, name, patience_ms = 5000) {
  const found = (await violations(page)).map((text) => `${name}: ${text}`);
  await wear(page, 'dark');
  found.push(...(await violations(page, ['color-contrast'])).map((text) => `${name}, dark: ${text}`));
  // A phone; and a window of 1280 px at 200%.
  for (const viewport of [{ width: 360, height: 740 }, { width: 640, height: 430 }]) {
    await page.setViewportSize(viewport);
    // Charts measure themselves after the page has; what is still too wide then, stays so.
    await page.waitForFunction(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth, null, { timeout: patience_ms }).catch(() => {});
    const over = await page.evaluate(isTooWide);
    if (over > 0) found.push(`${name}: ${over} px wider than ${viewport.width}`);
  }
  await page.setViewportSize({ width: 1280, height: 860 });
  await wear(page, 'light');
  return found;
}

test('axe sees what it is shown: text that is too pale in one theme, a page that is too wide', async (t) => {
  const { page } = await visitor(t, world.base);
  await signIn(page, world.base, owner, password);
  await settled(page);
  const title = page.locator('h1');
  const found = async (patience_ms) => (await look(page, 'home', patience_ms)).join();
  assert.equal(await found(), '');
  await title.evaluate(({ style }) => { style.color = '#b8b8b8'; });
  assert.match(await found(500), /^home: color-contrast: h1/);
  await title.evaluate(({ style }) => Object.assign(style, { color: '#444', width: '700px' }));
  assert.match(await found(500), /^home, dark: color-contrast: h1.*,home: \d+ px wider than 360,home: \d+ px wider than 640$/);
});

test('no page has a violation, in neither theme, and none is wider than a phone or a window at 200%', { concurrency: 2 }, async (t) => {
  const found = [];
  let broken = null; // the page that could not be looked at: both walks end there
  const walk = (half) => async (t) => {
    const { page, assertClean } = await visitor(t, world.base);
    await signIn(page, world.base, owner, password);
    for (const [name, go] of everyPage.filter((_, i) => i % 2 === half)) {
      if (broken) return;
      try {
        await go(page, world);
        found.push(...(await look(page, name)));
      } catch (error) {
        broken = name;
        throw new Error(`the page ${name} (${page.url()}): ${error.message}`, { cause: error });
      }
    }
    assertClean();
  };
  await Promise.all([t.test('every second page', walk(0)), t.test('and the others', walk(1))]);
  assert.deepEqual(found, []);
});
