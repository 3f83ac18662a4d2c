// Real clients sign in by themselves: from a 401 to a tool's answer, with a person who agrees in between.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createServer } from 'node:http';
import { Client as Sdk1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Sdk1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as Client2, StreamableHTTPClientTransport as Transport2, UnauthorizedError as UnauthorizedError2 } from '@modelcontextprotocol/client';
import { Connek } from './support/connek.js';
import { authorizeUrl, member, password, pkce, register, token } from './support/sign_in.js';

const finance = 'finance@acme.example';
const who = { name: 'connek-tests', version: '1.0.0' };
let connek, closers, person;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  person = await member(connek, finance);
});

after(async () => {
  for (const close of closers) await close();
});

// The SDKs' OAuthClientProvider, kept in memory; the person is who agrees.
class Provider {
  redirectUrl = 'http://127.0.0.1:9/callback';
  clientMetadata = { client_name: 'A real client', redirect_uris: [this.redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' };
  clientInformation() {
    return this.information;
  }
  saveClientInformation(information) {
    this.information = information;
  }
  tokens() {
    return this.kept;
  }
  saveTokens(tokens) {
    this.kept = tokens;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
  async redirectToAuthorization(url) {
    const page = await person.open(url);
    assert.match(page.text, /A real client/);
    const { location } = await person.press(page, 'Allow');
    this.answer = location;
  }
  saveDiscoveryState(state) {
    this.discovery = state;
  }
  discoveryState() {
    return this.discovery;
  }
}

async function signInWith(ClientClass, TransportClass, Unauthorized) {
  const provider = new Provider();
  const url = new URL(`${connek.base}/mcp`);
  const first = new TransportClass(url, { authProvider: provider });
  await assert.rejects(new ClientClass(who).connect(first), Unauthorized);
  await (first.finishAuth.length > 1 || TransportClass === Transport2
    ? first.finishAuth(provider.answer.searchParams)
    : first.finishAuth(provider.answer.searchParams.get('code')));
  const client = new ClientClass(who);
  await client.connect(new TransportClass(url, { authProvider: provider }));
  return { client, provider };
}

async function asksTheLedger(client) {
  const { tools } = await client.listTools();
  assert.ok(tools.length > 0);
  const answer = await client.callTool({ name: 'sqlite_query', arguments: { sql: 'SELECT sum(cents) AS cents FROM invoice' } });
  assert.match(JSON.stringify(answer), /124649/);
}

test('SDK 1.x signs in by itself, calls a tool, and refreshes', async () => {
  const { client, provider } = await signInWith(Sdk1Client, Sdk1Transport, UnauthorizedError);
  await asksTheLedger(client);
  await client.close();
  // Its access token is lost: it refreshes without asking anybody.
  const old = provider.kept;
  provider.kept = { ...old, access_token: old.refresh_token };
  provider.redirectToAuthorization = () => assert.fail('it asked again');
  const again = new Sdk1Client(who);
  await again.connect(new Sdk1Transport(new URL(`${connek.base}/mcp`), { authProvider: provider }));
  await asksTheLedger(again);
  assert.notEqual(provider.kept.refresh_token, old.refresh_token);
  await again.close();
});

test('SDK 2.x signs in by itself and calls a tool', async () => {
  const { client } = await signInWith(Client2, Transport2, UnauthorizedError2);
  await asksTheLedger(client);
  await client.close();
});

const root = resolve(import.meta.dirname, '../..');
const modules = join(root, 'node_modules');

// A program that would open a browser: what it prints is read for the address, and the person goes there.
function started(t, args, env = {}) {
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const seen = { child, text: '', lines: [] };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    seen.text += text;
    rest += text;
    const lines = rest.split('\n');
    rest = lines.pop();
    seen.lines.push(...lines);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (seen.text += text));
  return seen;
}

async function until(what, found, timeoutMs = 60_000) {
  for (const deadline = Date.now() + timeoutMs; ; ) {
    const value = found();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what} did not come`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

async function agree(address) {
  const page = await person.open(address);
  const { location } = await person.press(page, 'Allow');
  return (await fetch(location)).status;
}

const authorizeAddress = (text) => /(http:\/\/127\.0\.0\.1:\d+\/oauth\/authorize\?\S+)/.exec(text)?.[1];

test('mcp-remote signs in by itself and calls a tool', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'mcp-remote-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const remote = started(t, [join(modules, 'mcp-remote/dist/proxy.js'), `${connek.base}/mcp`], { HOME: home, MCP_REMOTE_CONFIG_DIR: home, BROWSER: '/bin/true' });
  const say = (message) => remote.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const answer = (id) => until(`answer ${id}: ${remote.text}`, () => remote.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).find((message) => message.id === id));
  await agree(await until('the address', () => authorizeAddress(remote.text)));
  say({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: who } });
  assert.equal((await answer(1)).result.serverInfo.name, 'connek');
  say({ method: 'notifications/initialized' });
  say({ id: 2, method: 'tools/call', params: { name: 'sqlite_query', arguments: { sql: 'SELECT sum(cents) AS cents FROM invoice' } } });
  assert.match(JSON.stringify(await answer(2)), /124649/);
});

test('the conformance suite of authorization servers: 2/2', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((next) => server.once('listening', next));
  const { port } = server.address();
  await new Promise((next) => server.close(next));
  const { body } = await register(connek.base, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const suite = started(t, [join(modules, '@modelcontextprotocol/conformance/dist/index.js'), 'authorization', '--url', connek.base,
    '--client-id', body.client_id, '--resource', `${connek.base}/mcp`, '--port', String(port)]);
  const ended = new Promise((next) => suite.child.once('close', next));
  await agree(await until('the address', () => authorizeAddress(suite.text)));
  assert.equal(await ended, 0, suite.text);
  assert.equal([...suite.text.matchAll(/^✓ \S+: \d+ passed, 0 failed/gm)].length, 2, suite.text);
});

test('a person goes through the consent page in Chromium, in both themes and on a small screen; it says nothing that the policy forbids', async (t) => {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  t.after(() => browser.close());
  const callback = createServer((request, response) => response.end('back')).listen(0, '127.0.0.1');
  t.after(() => callback.close());
  await new Promise((next) => (callback.listening ? next() : callback.once('listening', next)));
  const redirect_uri = `http://127.0.0.1:${callback.address().port}/callback`;
  const { body } = await register(connek.base, { client_name: 'Claude <b>', redirect_uris: [redirect_uri] });
  const { challenge, verifier } = pkce();
  const address = String(authorizeUrl(connek.base, { client_id: body.client_id, redirect_uri, code_challenge: challenge }));
  for (const [colorScheme, width] of [['light', 1000], ['dark', 360]]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(address);
    await page.getByLabel('E-mail').fill(finance);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Let this program in?' }).waitFor();
    assert.equal(await page.locator('main b').count(), 0, 'a name is text');
    assert.ok(await page.getByText(/^Claude <b> wants to use/).isVisible());
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${redirect_uri}?*`);
    const code = new URL(page.url()).searchParams.get('code');
    const { status } = await token(connek.base, { grant_type: 'authorization_code', code, client_id: body.client_id, redirect_uri, code_verifier: verifier });
    assert.equal(status, 200);
    assert.deepEqual(complaints, []);
    await context.close();
  }
});
