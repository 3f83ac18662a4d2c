// What each client is told to paste: parsed as that client would, and used by a real one.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { inspector, sdk1 } from '../integration/support/clients.js';
import { acme, owner, password } from './support/acme.js';
import { choose, closeBrowser, settled, signIn, visitor } from './support/browser.js';

let world, page, url;
const shown = {};
const closers = [];
const scope = { after: (close) => closers.push(close) };

before(async () => {
  world = await acme(scope, { calls: false });
  ({ page } = await visitor(scope, world.base));
  await signIn(page, world.base, owner, password);
  await page.goto(`${world.base}/me`);
  await settled(page);
  await page.getByRole('button', { name: /^Make/ }).first().click();
  await page.getByLabel('Name', { exact: false }).first().fill('Snippets');
  await page.getByRole('button', { name: 'Make it' }).click();
  url = await page.locator('main .hint [data-secret]').innerText();
  await page.getByRole('combobox', { name: 'Their assistant' }).click();
  const names = await page.getByRole('option').allInnerTexts();
  await page.keyboard.press('Escape');
  for (const name of names) {
    await choose(page, 'Their assistant', new RegExp(`^${name}$`));
    shown[name] = await page.getByLabel(`what ${name} is given`, { exact: true }).innerText();
  }
});
after(async () => {
  await closeBrowser();
  for (const close of closers.reverse()) await close();
});

const hasTools = async (client) => assert.ok((await client.listTools()).tools.some(({ name }) => name === 'books_list_invoices'));

test('those that take a URL are given the person\'s own, and it works', async (t) => {
  for (const name of ['Claude', 'ChatGPT']) assert.equal(shown[name], url, name);
  await hasTools(await sdk1(t, shown.Claude));
});

test('those that read a file are given JSON that leads to it', async (t) => {
  const address = {
    Cursor: ({ mcpServers }) => mcpServers.connek.url,
    'VS Code': ({ servers }) => servers.connek.type === 'http' && servers.connek.url,
    Windsurf: ({ mcpServers }) => mcpServers.connek.serverUrl,
    'Gemini CLI': ({ mcpServers }) => mcpServers.connek.httpUrl,
  };
  for (const [name, read] of Object.entries(address)) await hasTools(await sdk1(t, read(JSON.parse(shown[name]))));
});

// What a shell makes of a line.
const words = (line) => {
  const { stdout, status } = spawnSync('bash', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
  assert.equal(status, 0);
  return stdout.split('\0').slice(0, -1);
};

test('Claude Code\'s command names the transport and the URL', async (t) => {
  const given = words(shown['Claude Code']);
  assert.deepEqual(given.slice(0, 6), ['claude', 'mcp', 'add', '--transport', 'http', 'connek']);
  await hasTools(await sdk1(t, given[6]));
});

test('Claude Desktop\'s entry starts mcp-remote, which connects', async (t) => {
  const { command, args } = JSON.parse(shown['Claude Desktop']).mcpServers.connek;
  assert.deepEqual([command, ...args.slice(0, 2)], ['npx', '-y', 'mcp-remote']);
  const program = resolve(import.meta.dirname, '../../node_modules/mcp-remote/dist/proxy.js');
  const client = new Client({ name: 'connek-tests', version: '1.0.0' });
  t.after(() => client.close());
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [program, ...args.slice(2)], stderr: 'pipe' }));
  await hasTools(client);
});

test('the Inspector\'s command lists the tools', async () => {
  const given = words(shown['MCP Inspector']);
  assert.deepEqual(given.slice(0, 4), ['npx', '-y', '@modelcontextprotocol/inspector', '--cli']);
  const { code, stdout, stderr } = await inspector(given[4], given.slice(7));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /books_list_invoices/);
});

test('every client that is offered is tried here', () => {
  assert.deepEqual(Object.keys(shown).sort(), ['ChatGPT', 'Claude', 'Claude Code', 'Claude Desktop', 'Cursor', 'Gemini CLI', 'MCP Inspector', 'VS Code', 'Windsurf']);
});
