// Pictures of every page of the dashboard: both themes, wide and narrow, filled and empty, into build/screenshots/.
// Not a test: for people to look at.   scripts/screenshots [NAME...], or readme: those of the README, into docs/images/
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Connek } from '../integration/support/connek.js';
import { Person } from '../integration/support/person.js';
import { setupLink } from '../integration/support/sign_in.js';
import { acme, owner, password } from './support/acme.js';
import { closeBrowser, settled, signIn, visitor } from './support/browser.js';
import { manyCalls, moveApart } from './support/month.js';
import { everyPage } from './support/tour.js';

const out = resolve(import.meta.dirname, '../../build/screenshots');
const images = resolve(import.meta.dirname, '../../docs/images');
const only = process.argv.slice(2);
const closers = [];
const scope = { after: (close) => closers.push(close) };
const looks = [
  ['light', { width: 1280, height: 860 }],
  ['dark', { width: 1280, height: 860 }],
  ['light', { width: 360, height: 740 }],
  ['dark', { width: 360, height: 740 }],
];
const emptyPages = ['home', 'sources', 'catalogue', 'users', 'assistant', 'activity', 'usage', 'playground', 'developers', 'me', 'settings'];

async function shoot(world, kind, names) {
  const { base } = world;
  for (const [theme, viewport] of looks) {
    const { page, problems } = await visitor(scope, base, { theme, viewport });
    await page.goto(`${base}/sign-in`);
    await page.getByLabel('E-mail').fill(owner);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await settled(page);
    for (const [name, go] of everyPage) {
      if (!names.includes(name) || (only.length && !only.includes(name))) continue;
      const file = join(out, `${kind}-${name}-${theme}-${viewport.width}.png`);
      try {
        if (kind === 'empty') {
          await page.goto(base + ({ home: '/', catalogue: '/sources?tab=catalogue' }[name] ?? `/${name}`));
          await settled(page);
        } else await go(page, world);
        await page.waitForTimeout(200);
      } catch (error) {
        console.error(`${file}: ${error.message.split('\n')[0]}`);
      }
      // A page is shown whole by a screen as tall as it is: what sticks to an edge is then where people see it.
      const isWhole = viewport.width > 400 && (await page.getByRole('dialog').count()) === 0;
      const tall = isWhole ? await page.evaluate(() => document.documentElement.scrollHeight) : 0;
      if (tall > viewport.height) await page.setViewportSize({ ...viewport, height: Math.min(tall, 2400) });
      await page.screenshot({ path: file });
      await page.setViewportSize(viewport);
    }
    for (const problem of problems) console.error(`${kind} ${theme} ${viewport.width}: ${problem}`);
  }
}

// The three of the README.
async function shootReadme() {
  const world = await acme(scope);
  await manyCalls(scope, world);
  const first = await visitor(scope, world.base);
  await signIn(first.page, world.base, owner, password);
  await settled(first.page);
  await moveApart(world);
  for (const [name, theme] of [['home', 'light'], ['rules-open', 'light'], ['activity', 'dark']]) {
    const { page } = await visitor(scope, world.base, { theme, viewport: { width: 1280, height: 800 } });
    await signIn(page, world.base, owner, password);
    await everyPage.find(([one]) => one === name)[1](page, world);
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(images, `${name.split('-')[0]}.png`) });
  }
}

await mkdir(out, { recursive: true });
if (only[0] === 'readme') {
  try {
    await shootReadme();
  } finally {
    await closeBrowser();
    for (const close of closers.reverse()) await close();
  }
  process.exit();
}
try {
  const empty = await Connek.create(scope);
  await empty.start();
  await new Person().accept(await setupLink(empty), { name: 'Acme', email: owner, password });
  await shoot(empty, 'empty', emptyPages);
  await shoot(await acme(scope), 'filled', everyPage.map(([name]) => name));
} finally {
  await closeBrowser();
  for (const close of closers.reverse()) await close();
}
console.log(`build/screenshots/`);
