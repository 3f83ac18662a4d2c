// Real clients sign in by themselves: from a 401 to a tool's answer, with a person who agrees in between.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createServer } from 'node:http';
import { Client as Sdk1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Sdk1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as Client2, StreamableHTTPClientTransport as Transport2, UnauthorizedError as UnauthorizedError2 } from '@modelcontextprotocol/client';
import { Connek } from './support/connek.js';
import { member } from './support/sign_in.js';

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
  provider.kept = { ...old, access_token: `${old.access_token.slice(0, -1)}0` };
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
