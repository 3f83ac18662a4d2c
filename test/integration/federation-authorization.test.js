// MCP servers that demand OAuth: an official SDK's server that takes the tokens of a certified authorization server (npm
// oidc-provider) alone. Who grants is found out, Connek registers itself, a person consents; and nothing of that goes where
// it does not belong.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ageGrants } from './support/aged.js';
import { Connek } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { consent } from './support/oidc.js';
import { authorizationServer, listening, ProtectedServer } from './support/protected.js';
import { Browser } from './support/vendor.js';
import { until } from './support/wait.js';

const textOf = ({ body, text }) => body?.result?.content?.[0]?.text ?? text;
const linkIn = (text) => /https?:\/\/\S+\/connect\/[0-9a-f]{64}/.exec(text)?.[0];
const linkOf = async (connek, name = 'notes') => (await connek.ok('connection', 'connect', '--connection', name)).trim();

async function healthOf(connek, name = 'notes') {
  const lines = (await connek.ok('connection', 'list', '--json')).trim().split('\n');
  return lines.map((line) => JSON.parse(line)).find(({ connection }) => connection === name);
}

const says = (connek, status, name) => until(`${name ?? 'notes'} is ${status}`, async () => {
  const health = await healthOf(connek, name);
  return health.status === status && health;
});
const hasTool = (url, wanted) => until(wanted, async () => (await send(url, legacy('tools/list'))).body?.result?.tools?.some(({ name }) => name === wanted));

// `servers`: connection name -> server. Their hosts alone are excepted from the address guard, with `hosts`.
async function serving(t, servers, { hosts = [], auth } = {}) {
  const connek = await Connek.create(t);
  const names = Object.keys(servers);
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: names.map((name) => ({ id: name, kind: 'mcp', url: servers[name].url, ...(auth && { auth }) })),
    connections: names.map((name) => ({ name, connector: name, trust: 'accept' })),
    roles: [{ name: 'all', rules: names.map((name) => ({ connection: name, does: ['read', 'write', 'destroy'] })) }],
    users: [{ email: 'admin@acme.example', kind: 'admin', roles: ['all'] }, { email: 'ann@acme.example', roles: ['all'] }],
  });
  const excepted = [...Object.values(servers).flatMap(({ host, authority }) => [host, authority.host]), ...hosts];
  await connek.start(...[...new Set(excepted)].flatMap((host) => ['--allow-upstream', host]));
  return { connek, url: (await connek.token('admin@acme.example')).url };
}

async function connected(t) {
  const authority = await authorizationServer(t);
  const server = await ProtectedServer.start(t, authority);
  const { connek, url } = await serving(t, { notes: server });
  await says(connek, 'reconnect');
  const page = await consent(await linkOf(connek));
  assert.match(page.text, /notes of acme is connected/, page.text);
  await hasTool(url, 'notes_read_note');
  return { authority, server, connek, url };
}

test('a server that demands OAuth is connected by a person, used, renewed once for many, and disconnected there as well', async (t) => {
  const { authority, server, connek, url } = await connected(t);
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note');
  const [{ form }] = authority.exchanges;
  assert.equal(form.resource, server.url, 'RFC 8707');
  assert.ok(form.code_verifier);
  const first = await healthOf(connek);
  assert.deepEqual([first.status, first.renews], ['active', true]);
  assert.match(first.scopes, /mcp:read/);

  await ageGrants(connek, 3600);
  await connek.restart();
  const answers = await Promise.all(Array.from({ length: 20 }, () => callTool(url.replace(/^http:\/\/[^/]+/, connek.base), 'notes_read_note')));
  assert.ok(answers.every((answer) => textOf(answer) === 'a note'), textOf(answers[0]));
  const renewals = authority.exchanges.filter((exchange) => exchange.form.grant_type === 'refresh_token');
  assert.deepEqual(renewals.map((exchange) => [exchange.status, exchange.form.resource]), [[200, server.url]]);

  const { stdout } = await connek.command('connection', 'disconnect', '--connection', 'notes', '--allow-upstream', authority.host);
  assert.match(stdout, /has revoked/);
  assert.equal(authority.revocations.length, 1);
  assert.equal((await healthOf(connek)).status, 'disconnected');
});

test('a token that its server refuses is renewed; a grant that is revoked makes the connection say so, and a person connects again', async (t) => {
  const { authority, server, connek, url } = await connected(t);
  const issued = server.tokens.filter(({ status }) => status === 200).at(-1).token;
  await (await authority.provider.AccessToken.find(issued)).destroy();
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note', 'the same call, with a new token');

  const found = await authority.provider.AccessToken.find(server.tokens.filter(({ status }) => status === 200).at(-1).token);
  const refresh = JSON.parse(authority.exchanges.at(-1).body).refresh_token;
  await (await authority.provider.RefreshToken.find(refresh)).destroy();
  await found.destroy();
  const refused = await callTool(url, 'notes_read_note');
  assert.equal(refused.body.result.isError, true);
  assert.match(textOf(refused), /notes has to be connected again: .*invalid_grant/);
  assert.equal((await healthOf(connek)).status, 'reconnect');
  const others = await callTool((await connek.token('ann@acme.example')).url, 'notes_read_note');
  assert.match(textOf(others), /Tell an admin of acme/);
  assert.equal(linkIn(textOf(others)), undefined);
  const page = await consent(linkIn(textOf(refused)) ?? (await linkOf(connek)));
  assert.match(page.text, /is connected/);
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note');
});

test('what wants more than was granted leads an admin to a consent for that as well, and nobody in circles', async (t) => {
  const { authority, server, connek, url } = await connected(t);
  const refused = await callTool(url, 'notes_write_note');
  assert.equal(refused.body.result.isError, true);
  assert.match(textOf(refused), /notes wants more than was granted \(mcp:write\)/);
  const asked = (await healthOf(connek)).last_error;
  assert.match(asked, /mcp:write/);
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note', 'what was granted goes on');
  const before = authority.exchanges.length;
  const page = await consent(linkIn(textOf(refused)));
  assert.match(page.text, /is connected/, page.text);
  assert.equal(authority.exchanges.length, before + 1);
  assert.equal(textOf(await callTool(url, 'notes_write_note')), 'written');
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note');
  const { scopes } = await healthOf(connek);
  assert.match(scopes, /mcp:read/);
  assert.match(scopes, /mcp:write/);

  server.isStubborn = true;
  const again = textOf(await callTool(url, 'notes_write_note'));
  assert.match(again, /notes refuses although it was asked for all that it wants \(mcp:write\)/);
  assert.equal(linkIn(again), undefined);
});

test('a call that is refused while somebody grants more is made again with that, and says nothing against it', async (t) => {
  const { server, connek, url } = await connected(t);
  const link = linkIn(textOf(await callTool(url, 'notes_write_note')));
  let arrive, release;
  const arrived = new Promise((resolve) => (arrive = resolve));
  server.refusing = () => {
    arrive();
    return new Promise((resolve) => (release = resolve));
  };
  const call = callTool(url, 'notes_write_note');
  await arrived;
  assert.match((await consent(link)).text, /is connected/);
  release();
  assert.equal(textOf(await call), 'written');
  assert.equal((await healthOf(connek)).last_error, null);
});

test('a server that names another authorization server gets nothing of what the one before granted, and the admin is told', async (t) => {
  const { authority, server, connek, url } = await connected(t);
  const seen = [];
  const other = await authorizationServer(t);
  const host = await listening(t, async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ path: request.url, authorization: request.headers.authorization, body: Buffer.concat(chunks).toString() });
    response.writeHead(404).end();
  });
  const secrets = authority.exchanges.map(({ body }) => JSON.parse(body)).flatMap(({ access_token, refresh_token }) => [access_token, refresh_token]);
  const kept = server.authority;
  server.authority = other;
  server.metadata = { authorization_servers: [`http://${host}`] };
  const refused = await callTool(url, 'notes_read_note');
  assert.equal(refused.body.result.isError, true);
  const health = await says(connek, 'reconnect');
  assert.match(health.last_error, /now names another authorization server, http:\/\/127\.0\.0\.1:\d+ in place of http:\/\/127\.0\.0\.1:\d+: what was granted there is withheld/);
  await ageGrants(connek, 3600);
  assert.equal((await callTool(url, 'notes_read_note')).body.result.isError, true);
  assert.ok(!seen.some(({ authorization, body }) => authorization || secrets.some((secret) => body.includes(secret))), JSON.stringify(seen));
  assert.ok(connek.log.some(({ event, reason }) => event === 'grant_dead' && /another authorization server/.test(reason)));

  // It takes the change back: what was granted is as good as it was.
  server.authority = kept;
  server.metadata = {};
  const page = await consent(await linkOf(connek));
  assert.match(page.text, /is connected/, page.text);
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note');
});

test('a client that was registered by hand is withheld from any authorization server but its own', async (t) => {
  const authority = await authorizationServer(t);
  const server = await ProtectedServer.start(t, authority);
  const seen = [];
  const host = await listening(t, (request, response) => {
    seen.push({ url: request.url, authorization: request.headers.authorization });
    const base = `http://${host}`;
    if (!request.url.startsWith('/.well-known/')) return response.writeHead(500).end();
    const metadata = { issuer: base, authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token`, registration_endpoint: `${base}/register`, response_types_supported: ['code'], code_challenge_methods_supported: ['S256'], token_endpoint_auth_methods_supported: ['client_secret_basic'] };
    return response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(metadata));
  });
  const { connek, url } = await serving(t, { notes: server }, { hosts: [host] });
  const registered = await authority.register({ redirect_uris: [`${connek.base}/oauth/callback`] });
  connek.env.SECRET = registered.client_secret;
  const set = ['client-app', 'set', 'notes', '--client-id', registered.client_id, '--secret', 'env:SECRET'];
  const without = await connek.command(...set);
  assert.notEqual(without.code, 0);
  assert.match(without.stderr, /--issuer/);
  await connek.ok(...set, '--issuer', authority.base);

  server.metadata = { authorization_servers: [`http://${host}`] };
  const page = await new Browser().follow(await linkOf(connek));
  assert.match(page.text, /it is withheld/, page.text);
  assert.deepEqual(seen.map(({ url: path }) => path), ['/.well-known/oauth-authorization-server']);
  assert.ok(seen.every(({ authorization }) => !authorization));

  server.metadata = {};
  assert.match((await consent(await linkOf(connek))).text, /is connected/);
  assert.equal(authority.exchanges[0].authorization?.startsWith('Basic '), true);
  await hasTool(url, 'notes_read_note');
  assert.equal(textOf(await callTool(url, 'notes_read_note')), 'a note');
});

test('nothing that a server names is asked where the address guard says no', async (t) => {
  const authority = await authorizationServer(t);
  const server = await ProtectedServer.start(t, authority);
  let nAsked = 0;
  const inside = await listening(t, (request, response) => {
    nAsked++;
    const base = `http://${inside}`;
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({
      resource: server.url, authorization_servers: [base], issuer: base, authorization_endpoint: `${base}/a`, token_endpoint: `${base}/t`,
      registration_endpoint: `${base}/r`, code_challenge_methods_supported: ['S256'], client_id: 'x', access_token: 'x', token_type: 'Bearer',
    }));
  });
  const { connek } = await serving(t, { notes: server });
  await says(connek, 'reconnect');
  const attempt = async () => (await new Browser().follow(await linkOf(connek))).text;

  server.metadata = { authorization_servers: [`http://${inside}`] };
  assert.match(await attempt(), /could not be found out/);
  server.metadata = { authorization_servers: ['https://169.254.169.254'] };
  assert.match(await attempt(), /could not be found out: 169\.254\.169\.254/);
  server.metadata = { authorization_servers: ['http://intranet.example'] };
  assert.match(await attempt(), /is not https/);
  server.metadata = {};
  for (const member of ['registration_endpoint', 'token_endpoint']) {
    const mixed = await listening(t, (request, response) => {
      const base = `http://${mixed}`;
      if (request.url === '/register') return response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"client_id":"c","token_endpoint_auth_method":"none"}');
      if (request.url.startsWith('/authorize')) {
        const asked = new URL(request.url, base).searchParams;
        return response.writeHead(302, { Location: `${asked.get('redirect_uri')}?code=x&state=${asked.get('state')}` }).end();
      }
      const metadata = { issuer: base, authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token`, registration_endpoint: `${base}/register`, token_endpoint_auth_methods_supported: ['none'], code_challenge_methods_supported: ['S256'] };
      metadata[member] = `http://${inside}/x`;
      return response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(metadata));
    });
    await connek.restart('--allow-upstream', server.host, '--allow-upstream', mixed);
    server.metadata = { authorization_servers: [`http://${mixed}`] };
    assert.match(await attempt(), /could not be (asked|turned into access)/);
  }
  server.metadata = {};
  server.challengeUrl = `http://${inside}/metadata`;
  const { connek: other } = await serving(t, { notes: server });
  await says(other, 'reconnect');
  assert.match((await new Browser().follow(await linkOf(other))).text, /could not be found out/);
  assert.equal(nAsked, 0);
});

test('a code that another server sends back goes nowhere: iss is compared, in one flow and across two (mix-up)', async (t) => {
  const honest = await authorizationServer(t);
  const evil = await authorizationServer(t);
  const notes = await ProtectedServer.start(t, honest);
  const trap = await ProtectedServer.start(t, evil);
  const { connek } = await serving(t, { notes, trap });
  await Promise.all([says(connek, 'reconnect'), says(connek, 'reconnect', 'trap')]);

  const begin = async (name) => {
    const browser = new Browser();
    const response = await browser.get(await linkOf(connek, name));
    const asked = new URL(response.headers.get('location'));
    return { browser, asked };
  };
  const back = (asked, parameters) => {
    const url = new URL(asked.searchParams.get('redirect_uri'));
    for (const [name, value] of Object.entries({ code: 'stolen', state: asked.searchParams.get('state'), ...parameters })) url.searchParams.set(name, value);
    return url.href;
  };
  for (const parameters of [{ iss: evil.base }, { iss: `${honest.base}/` }, { iss: honest.base.toUpperCase() }, {}]) {
    const { browser, asked } = await begin('notes');
    const page = await browser.follow(back(asked, parameters));
    assert.match(page.text, /came from another server/, JSON.stringify(parameters));
  }
  // The mix-up: the person believes to be with `trap`, whose server made them consent at the honest one.
  const { browser, asked } = await begin('trap');
  assert.equal(asked.origin, evil.base);
  assert.match((await browser.follow(back(asked, { iss: honest.base }))).text, /came from another server/);
  assert.deepEqual([...honest.exchanges, ...evil.exchanges], [], 'no code was sent anywhere');
});

test('what one server granted is sent to no other that takes its name', async (t) => {
  const { authority, server, connek, url } = await connected(t);
  const issued = server.tokens.filter(({ status }) => status === 200).at(-1).token;
  const other = await ProtectedServer.start(t, authority);
  const config = JSON.parse(await readFile(connek.path('config.json')));
  config.connectors[0].url = other.url;
  await connek.apply(config);
  await connek.restart('--allow-upstream', server.host, '--allow-upstream', authority.host, '--allow-upstream', other.host);
  const own = url.replace(/^http:\/\/[^/]+/, connek.base);
  const refused = await until('it is told', async () => {
    const answer = await callTool(own, 'notes_read_note');
    return answer.body?.result?.isError && answer;
  });
  assert.match(textOf(refused), /names another server now|was disconnected|connected again/);
  assert.ok(!other.tokens.some(({ token }) => token === issued));
  assert.match((await consent(await linkOf(connek))).text, /is connected/);
  await until('it is used', async () => textOf(await callTool(own, 'notes_read_note')) === 'a note');
  assert.equal(authority.exchanges.at(-1).form.resource, other.url);
});
