// Every page, filled, in both themes: nothing for axe to object to; on a phone, nothing wider than its screen.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import { acme, owner, password } from './support/acme.js';
import { closeBrowser, signIn, visitor } from './support/browser.js';
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

test('no page has a violation, in neither theme, and none is wider than a phone', async (t) => {
  const { page, assertClean } = await visitor(t, world.base);
  await signIn(page, world.base, owner, password);
  const found = [];
  const look = async (name, builder) => {
    const { violations } = await builder.analyze();
    for (const { id, nodes } of violations) found.push(`${name}: ${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`);
  };
  for (const [name, go] of everyPage) {
    await go(page, world.base);
    await look(name, new AxeBuilder({ page }));
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
    await look(`${name}, dark`, new AxeBuilder({ page }).withRules(['color-contrast']));
    await page.setViewportSize({ width: 360, height: 740 });
    // Charts measure themselves after the page has; what is still too wide then, stays so.
    const tooWide = () => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await page.waitForFunction(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth, null, { timeout: 5000 }).catch(() => {});
    const over = await page.evaluate(tooWide);
    if (over > 0) found.push(`${name}: ${over} px wider than the screen`);
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.emulateMedia({ colorScheme: 'light' });
  }
  assert.deepEqual(found, []);
  assertClean();
});
