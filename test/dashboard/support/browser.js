// A person at the dashboard, in headless Chromium, and what must hold of everything they open: nothing is asked of
// anybody else, nothing breaks the page's policy, no error in the script. It must know nothing of Connek but its pages.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch } from '../../integration/support/browser.js';

// One, however many ask for it at once: a second one would be closed by nobody, and the tests' process never end.
let browser;
export const openBrowser = () => (browser ??= launch());
export const closeBrowser = async () => {
  const opened = browser;
  browser = undefined;
  await (await opened)?.close();
};

// Whose page asks; a new page is nobody's yet.
function askedFrom(request) {
  try {
    return request.isNavigationRequest() ? null : new URL(request.frame().url()).origin;
  } catch {
    return null;
  }
}

// CONNEK_TEST_SLOWNESS=N: scripts run N times slower and what the API is asked is up to N tenths of a second late, by chance,
// so that a test that does not wait for what it looks at fails here and not on somebody's busy machine.
const slowness = Number(process.env.CONNEK_TEST_SLOWNESS ?? 1);
async function slowDown(page, times) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: times });
  await page.route('**/api/v1/**', async (route) => {
    await sleep(Math.random() * times * 100);
    await route.continue().catch(() => {}); // the page has gone
  });
}

const wide = { width: 1280, height: 860 };

// A page of its own, signed in to nothing. `problems` fills with what must not be; assertClean() looks at it. `alsoAsked`:
// origins that the person goes to; what their pages ask is theirs.
export async function visitor(t, base, { theme = 'light', viewport = wide, expected = [], alsoAsked = [] } = {}) {
  const context = await (await openBrowser()).newContext({ viewport, colorScheme: theme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Europe/Berlin', permissions: ['clipboard-read', 'clipboard-write'] });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  if (slowness > 1) await slowDown(page, slowness);
  const problems = [];
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (alsoAsked.includes(origin) || alsoAsked.includes(askedFrom(request))) return;
    if (origin !== base && !['data:', 'blob:'].includes(protocol)) problems.push(`a request to ${origin}`);
  });
  page.on('pageerror', (error) => problems.push(`an error in the script: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() !== 'error') return;
    // What a test brings about on purpose: a refused request, a server that has gone.
    if (/Failed to load resource|^Form validation failed/.test(text) || expected.some((pattern) => pattern.test(text))) return;
    problems.push(`on the console: ${text}`);
  });
  return { page, context, problems, assertClean: () => assert.deepEqual(problems, []) };
}

export async function signIn(page, base, email, password) {
  await page.goto(`${base}/sign-in`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

// Until nothing is loading any more.
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]') && document.querySelector('h1'));
}

// Opens a field that offers a list, and takes from it.
export async function choose(page, field, option) {
  const box = page.getByRole('combobox', { name: field });
  await box.focus();
  await box.press('ArrowDown');
  await page.getByRole('option', { name: option }).click();
}
