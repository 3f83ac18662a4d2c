// Real clients sign in by themselves: from a 401 to a tool's answer, with a person in a browser who agrees in between. Each
// stays signed in when its access token ends, and is out with its next request when it is revoked.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'node:http';
import { Client as Sdk1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Sdk1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as Client2, StreamableHTTPClientTransport as Transport2, UnauthorizedError as UnauthorizedError2 } from '@modelcontextprotocol/client';
import { agreeAt, fillIn, launch } from './support/browser.js';
import { launcher as inspectorLauncher } from './support/clients.js';
import { sql } from './support/aged.js';
import { Connek } from './support/connek.js';
import { authorizeUrl, member, password, pkce, register, token } from './support/sign_in.js';
import { eventually, until } from './support/wait.js';

const finance = 'finance@acme.example';
const who = { name: 'connek-tests', version: '1.0.0' };
const lifeMs = 2000;
const ledger = { sql: 'SELECT sum(cents) AS cents FROM invoice' };
let connek, closers, person, browser;
let forgotten, fresh; // clients that registered and were let in by nobody, a day ago and just now

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) }, { args: ['--token-life', `${lifeMs / 1000}s`] });
  forgotten = (await register(connek.base)).body.client_id;
  fresh = (await register(connek.base)).body.client_id;
  await sql(connek, `UPDATE oauth_client SET created_at = created_at - 90000000000 WHERE client_id = '${forgotten}'`);
  await connek.restart(); // what is over is taken away soon after a start, and every five minutes
  person = await member(connek, finance);
  browser = await launch();
  closers.push(() => browser.close());
});

after(async () => {
  for (const close of closers.reverse()) await close();
});

async function listening(t, answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return server.address().port;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((next) => server.close(next));
  return port;
}

async function temporaryHome(t) {
  const home = await mkdtemp(join(tmpdir(), 'oauth-client-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  return home;
}

// The SDKs' OAuthClientProvider, kept in memory.
class Provider {
  constructor(redirectUrl, agree) {
    this.redirectUrl = redirectUrl;
    this.agree = agree;
    this.clientMetadata = { client_name: 'A real client', redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' };
  }
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
    this.answer = await this.agree(String(url));
  }
  saveDiscoveryState(state) {
    this.discovery = state;
  }
  discoveryState() {
    return this.discovery;
  }
}

// The drivers: each signs a client in (`agree` is the person at an address) and gives { ask }, which calls a tool and gives
// the answer as text, or throws where the client is not let in without asking somebody again.
async function sdk(t, agree, ClientClass, TransportClass, Unauthorized, answerOf) {
  const port = await listening(t, (request, response) => response.end('back'));
  const provider = new Provider(`http://127.0.0.1:${port}/callback`, async (address) => (await agree(address)).url.searchParams);
  const url = new URL(`${connek.base}/mcp`);
  const first = new TransportClass(url, { authProvider: provider });
  await assert.rejects(new ClientClass(who).connect(first), Unauthorized);
  await first.finishAuth(answerOf(provider.answer));
  provider.agree = () => assert.fail('it asks again');
  const client = new ClientClass(who);
  await client.connect(new TransportClass(url, { authProvider: provider }));
  t.after(() => client.close());
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === 'sqlite_query'));
  return { ask: async () => JSON.stringify(await client.callTool({ name: 'sqlite_query', arguments: ledger })) };
}

const root = resolve(import.meta.dirname, '../..');
const modules = join(root, 'node_modules');

// A program that would open a browser: what it prints is read for the address, and the person goes there.
function started(t, args, env = {}) {
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, BROWSER: '/bin/true', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const seen = { child, text: '', lines: [], ended: once(child, 'close') };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    seen.text += text;
    rest += text;
    const lines = rest.split('\n');
    rest = lines.pop();
    seen.lines.push(...lines);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (seen.text += text));
  child.stdin.on('error', () => {});
  return seen;
}

const addressesIn = (text) => [...text.matchAll(/http:\/\/127\.0\.0\.1:\d+\/oauth\/authorize\?\S+/g)].map(([address]) => address);
const addressOf = (seen) => until(() => `the address: ${seen.text}`, () => addressesIn(seen.text)[0], { timeoutMs: 60_000 });

async function mcpRemote(t, agree) {
  const home = await temporaryHome(t);
  const remote = started(t, [join(modules, 'mcp-remote/dist/proxy.js'), `${connek.base}/mcp`], { HOME: home, MCP_REMOTE_CONFIG_DIR: home });
  let n = 0;
  const say = (message) => remote.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const asks = async (method, params) => {
    const id = ++n;
    const began = remote.text.length;
    const answered = () => remote.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).find((message) => message.id === id);
    say({ id, method, params });
    const answer = await until(() => `answer ${id}: ${remote.text}`, () => answered() ?? (addressesIn(remote.text.slice(began)).length > 0 || remote.child.exitCode !== null ? { error: 'it asks again' } : undefined), { timeoutMs: 60_000 });
    assert.ok(answer.result, JSON.stringify(answer.error));
    return answer.result;
  };
  await agree(await addressOf(remote));
  const { serverInfo } = await asks('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: who });
  assert.equal(serverInfo.name, 'connek');
  say({ method: 'notifications/initialized' });
  return { ask: async () => JSON.stringify(await asks('tools/call', { name: 'sqlite_query', arguments: ledger })) };
}

// Each question is a process of its own; what it was given lies in its home.
async function inspector(t, agree) {
  const home = await temporaryHome(t);
  const env = { HOME: home, MCP_INSPECTOR_SECRET_STORE: 'file', MCP_AUTO_OPEN_ENABLED: 'true' };
  const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`;
  const args = [inspectorLauncher, '--cli', `${connek.base}/mcp`, '--transport', 'http', '--format', 'json', '--callback-url', callback,
    '--method', 'tools/call', '--tool-name', 'sqlite_query', '--tool-args-json', JSON.stringify(ledger)];
  const answerOf = async (seen) => {
    const [code] = await seen.ended;
    assert.equal(code, 0, seen.text);
    return seen.text;
  };
  const first = started(t, args, env);
  await agree(await addressOf(first));
  assert.match(await answerOf(first), /124649/);
  return { ask: () => answerOf(started(t, [...args, '--stored-auth-only'], env)) };
}

const rows = async (...command) => (await connek.ok(...command, '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line));

for (const [name, signIn, options] of [
  ['SDK 1.x', (t, agree) => sdk(t, agree, Sdk1Client, Sdk1Transport, UnauthorizedError, (answer) => answer.get('code'))],
  // Its person's browser runs no script at all.
  ['SDK 2.x', (t, agree) => sdk(t, agree, Client2, Transport2, UnauthorizedError2, (answer) => answer), { javaScriptEnabled: false }],
  ['mcp-remote', mcpRemote],
  ['the Inspector', inspector],
])
  test(`${name} signs in by itself, calls a tool, refreshes, and is out when it is revoked`, async (t) => {
    const before = await rows('client', 'list');
    const pages = [];
    const agree = async (address) => {
      assert.equal(pages.length, 0, 'it asks again');
      const page = await agreeAt(browser, address, { email: finance, password, options });
      pages.push(page);
      return page;
    };
    const client = await signIn(t, agree);
    assert.match(await client.ask(), /124649/);
    const { url, asked } = pages[0];
    assert.match(asked, /a program on this computer \((127\.0\.0\.1|localhost)\)/);
    assert.match(asked, /acme\s+Your roles allow tools of ledger: 3 that read/);
    assert.equal(url.searchParams.get('iss'), connek.base);

    const given = async () => (await rows('token', 'list')).filter(({ kind }) => kind === 'oauth').length;
    const nGiven = await given();
    await sleep(lifeMs + 100);
    assert.match(await client.ask(), /124649/, 'without asking anybody');
    assert.ok((await given()) > nGiven, 'with another access token');

    const known = new Set(before.map(({ id }) => id));
    const [own, ...others] = (await rows('client', 'list')).filter(({ id }) => !known.has(id));
    assert.deepEqual(others, []);
    await connek.ok('client', 'revoke', own.id);
    await assert.rejects(client.ask());
  });

// MCP 2025-11-25 and 2026-07-28, authorization, "Step-Up Authorization Flow". (SDK 1.x refreshes instead, which gives no more.)
test('SDK 2.x asks again when it needs more than the person gave, and goes on with that', async (t) => {
  const port = await listening(t, (request, response) => response.end('back'));
  const addresses = [];
  const provider = new Provider(`http://127.0.0.1:${port}/callback`, async (address) => {
    addresses.push(new URL(address));
    const without = addresses.length === 1 ? ['Read'] : [];
    return (await agreeAt(browser, address, { email: finance, password, without })).url.searchParams;
  });
  const url = new URL(`${connek.base}/mcp`);
  const connected = async () => {
    const client = new Client2(who);
    const transport = new Transport2(url, { authProvider: provider });
    await client.connect(transport);
    t.after(() => client.close());
    return { client, transport };
  };
  const first = new Transport2(url, { authProvider: provider });
  await assert.rejects(new Client2(who).connect(first), UnauthorizedError2);
  await first.finishAuth(provider.answer);
  assert.equal(provider.kept.scope, 'tools:write tools:destroy');
  const { client, transport } = await connected();
  await assert.rejects(client.callTool({ name: 'sqlite_query', arguments: ledger }), UnauthorizedError2);
  assert.equal(addresses.length, 2, 'the person is asked once more');
  assert.match(addresses[1].searchParams.get('scope'), /tools:read/);
  await transport.finishAuth(provider.answer);
  assert.equal(provider.kept.scope, 'tools:read tools:write tools:destroy');
  const answer = await (await connected()).client.callTool({ name: 'sqlite_query', arguments: ledger });
  assert.match(JSON.stringify(answer), /124649/);
});

test('the conformance suite of authorization servers: 2/2', async (t) => {
  const port = await freePort();
  const { body } = await register(connek.base, { redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const suite = started(t, [join(modules, '@modelcontextprotocol/conformance/dist/index.js'), 'authorization', '--url', connek.base,
    '--client-id', body.client_id, '--resource', `${connek.base}/mcp`, '--port', String(port)]);
  await agreeAt(browser, await addressOf(suite), { email: finance, password });
  assert.equal((await suite.ended)[0], 0, suite.text);
  assert.equal([...suite.text.matchAll(/^✓ \S+: \d+ passed, 0 failed/gm)].length, 2, suite.text);
});

test('a person goes through the consent page in Chromium, in both themes and on a small screen; it says nothing that the policy forbids', async (t) => {
  const redirect_uri = `http://127.0.0.1:${await listening(t, (request, response) => response.end('back'))}/callback`;
  const { body } = await register(connek.base, { client_name: 'Claude <b>', redirect_uris: [redirect_uri] });
  const { challenge, verifier } = pkce();
  const address = String(authorizeUrl(connek.base, { client_id: body.client_id, redirect_uri, code_challenge: challenge }));
  for (const [colorScheme, width] of [['light', 1000], ['dark', 360]]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(address);
    await fillIn(page, finance, password);
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

test('a client that registered and was let in by nobody is taken away by the running server after a day', async () => {
  const status = async (client_id) => (await person.open(authorizeUrl(connek.base, { client_id, code_challenge: pkce().challenge }))).status;
  await eventually(async () => assert.equal(await status(forgotten), 400), { timeoutMs: 60_000 });
  assert.equal(await status(fresh), 200);
});
