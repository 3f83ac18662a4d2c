// A person in a real browser (headless Chromium): signs in and agrees, on the pages as they are. It must know nothing of
// Connek but what these pages say.
import { chromium } from 'playwright-core';

// One browser for a file of tests; each test has contexts of its own. Chromium's own sandbox needs what containers lack.
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

export async function fillIn(page, email, password) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// From the address that a client opens to the page that it answers with: { url, text, asked } (asked: what the consent page
// said). `without`: what the person takes the tick from; `options`: of the browser's context, such as { javaScriptEnabled: false }.
export async function agreeAt(browser, address, { email, password, without = [], options = {} }) {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    await page.goto(address);
    await fillIn(page, email, password);
    await page.getByRole('heading', { name: 'Let this program in?' }).waitFor();
    const asked = await page.locator('main').innerText();
    for (const name of without) await page.getByRole('checkbox', { name }).uncheck();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    const { origin } = new URL(address);
    await page.waitForURL((url) => url.origin !== origin);
    return { url: new URL(page.url()), text: await page.locator('body').innerText(), asked };
  } finally {
    await context.close();
  }
}
