// The ways in which services depart from each other, one shape after the other as real services have them: what their
// consent page is asked, what their token endpoint is sent, what is taken out of its answer, and what a call then carries.
// The built-in manifests are begun with their own addresses; behind the other shapes stands a vendor of the tests.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { Browser, Vendor, manifestOf } from './support/vendor.js';
import { ageGrants, sql } from './support/aged.js';
import { callTool } from './support/mcp.js';
import { Person } from './support/person.js';

const secret = 'canary secret/+&=%';
const basic = `Basic ${Buffer.from(`id%3A1:${encodeURIComponent(secret)}`).toString('base64')}`;
const required = (...names) => Object.fromEntries(names.map((name) => [name, { description: 'From the service.', required: true }]));

// auth: of the manifest; more: the rest of it; asked: of the consent page; sent: to the token endpoint, as it came; bend:
// what the vendor does; called: what a call carries.
const shapes = {
  google: {
    auth: { extra: { access_type: 'offline', prompt: 'consent' }, client: 'body', scopes: { read: ['https://www.googleapis.com/auth/gmail.readonly'], write: ['https://www.googleapis.com/auth/gmail.send'] } },
    asked: { access_type: 'offline', prompt: 'consent', scope: 'https://www.googleapis.com/auth/gmail.readonly https://www.googleapis.com/auth/gmail.send', code_challenge_method: 'S256' },
    sent: { client_id: 'id:1', client_secret: secret, authorization: undefined, type: 'application/x-www-form-urlencoded' },
    bend: (vendor) => (vendor.isOneTime = false),
  },
  slack: {
    auth: { pkce: false, client: 'body', scope_separator: ',', scope_parameter: 'user_scope', token_path: 'authed_user', scopes: { read: ['channels:read', 'search:read'] }, capture: { team: 'team.id' } },
    more: { headers: { 'X-Team': '{conn.team}' }, settings: required('team') },
    asked: { user_scope: 'channels:read,search:read', scope: undefined, code_challenge: undefined },
    sent: { code_verifier: undefined },
    bend: (vendor) =>
      (vendor.answer = (_, response) => {
        const { access_token, refresh_token, expires_in } = vendor.issue();
        vendor.json(response, { ok: true, authed_user: { access_token, refresh_token, expires_in, scope: 'channels:read,search:read' }, team: { id: 'T024' } });
        return true;
      }),
    called: { 'x-team': 'T024' },
    scopes: 'channels:read search:read',
  },
  notion: {
    auth: { pkce: false, client: 'basic', token_format: 'json', extra: { owner: 'user' }, scopes: {}, capture: { workspace: 'workspace_id' } },
    more: { headers: { 'X-Workspace': '{conn.workspace}' }, settings: required('workspace') },
    asked: { owner: 'user', scope: undefined },
    sent: { type: 'application/json', authorization: basic, client_secret: undefined },
    bend: (vendor) => Object.assign(vendor, { extra: { workspace_id: 'w-1' }, lifetime: null }),
    called: { 'x-workspace': 'w-1' },
  },
  airtable: { auth: { client: 'basic', refresh: { rotates: true, idle: '60d' } }, asked: { code_challenge_method: 'S256' }, sent: { authorization: basic } },
  jira: {
    auth: { extra: { audience: 'api.atlassian.com', prompt: 'consent' }, scopes: { always: ['offline_access'], read: ['read:jira-work'] }, discover: { call: 'GET {vendor}/accounts', label: 'name', set: { cloud: 'id' } } },
    more: { headers: { 'X-Cloud': '{conn.cloud}' }, settings: required('cloud') },
    asked: { audience: 'api.atlassian.com', scope: 'offline_access read:jira-work' },
    bend: (vendor) => (vendor.accounts = [{ id: 'c-1', name: 'One' }, { id: 'c-2', name: 'Two' }]),
    choice: 'c-2',
    called: { 'x-cloud': 'c-2' },
  },
  mailchimp: {
    auth: { pkce: false, client: 'body', scopes: {}, discover: { call: 'GET {vendor}/accounts', label: 'dc', set: { dc: 'dc' } } },
    more: { headers: { 'X-Dc': '{conn.dc}' }, settings: required('dc') },
    bend: (vendor) => Object.assign(vendor, { accounts: { dc: 'us6', role: 'owner' }, lifetime: null }),
    called: { 'x-dc': 'us6' },
  },
  salesforce: {
    auth: { capture: { instance_url: 'instance_url' }, extra: { prompt: 'consent' } },
    more: { base: '{conn.instance_url}', settings: required('instance_url') },
    bend: (vendor) => Object.assign(vendor, { extra: { instance_url: vendor.base }, lifetime: null }),
    called: {},
  },
  quickbooks: {
    auth: { capture: { realm: 'realmId' }, scopes: ['com.intuit.quickbooks.accounting'] },
    more: { headers: { 'X-Realm': '{conn.realm}' }, settings: required('realm') },
    asked: { scope: 'com.intuit.quickbooks.accounting' },
    bend: (vendor) => (vendor.back = { realmId: '9341453474484455' }),
    called: { 'x-realm': '9341453474484455' },
  },
  microsoft: { auth: { pkce: false, extra: { response_mode: 'query' }, scopes: ['offline_access', '.default'] }, asked: { response_mode: 'query', scope: 'offline_access .default', code_challenge: undefined } },
  github: {
    auth: { client: 'body' },
    bend: (vendor) =>
      (vendor.answer = (_, response) => {
        const { access_token } = vendor.issue();
        response.writeHead(200, { 'Content-Type': 'application/x-www-form-urlencoded' }).end(`access_token=${access_token}&scope=repo%2Cgist&token_type=bearer`);
        return true;
      }),
    scopes: 'repo gist',
    renews: false,
  },
  monday: { auth: { pkce: false, refresh: false, extra: { force_install_if_needed: 'true' } }, asked: { force_install_if_needed: 'true' }, bend: (vendor) => (vendor.lifetime = null), renews: false },
};

test('each shape of consent, token and account that services have', async (t) => {
  const vendor = await Vendor.start(t);
  const connek = await Connek.create(t, { env: { APP_SECRET: secret } });
  const names = Object.keys(shapes);
  for (const name of names) {
    const { auth, more = {} } = shapes[name];
    const manifest = { ...manifestOf(vendor, auth, more), id: `my_${name}`, name };
    await connek.writeFile(`${name}.json`, JSON.stringify(manifest).replaceAll('{vendor}', vendor.base));
  }
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: names.map((name) => `${name}.json`),
    connections: names.map((name) => ({ name, connector: `my_${name}` })),
    roles: [{ name: 'all', rules: names.map((name) => ({ connection: name, does: ['read'] })) }],
    users: [{ email: 'finance@acme.example', roles: ['all'] }],
  });
  for (const name of names) await connek.ok('client-app', 'set', `my_${name}`, '--client-id', 'id:1', '--secret', 'env:APP_SECRET');
  await connek.start('--allow-upstream', vendor.host);
  const { url } = await connek.token('finance@acme.example');
  for (const name of names) {
    const { asked = {}, sent = {}, bend = () => {}, called, choice, scopes, renews = true } = shapes[name];
    Object.assign(vendor, { answer: null, back: null, extra: null, accounts: null, lifetime: 3600, isOneTime: true, exchanges: [] });
    bend(vendor);
    const browser = new Person();
    let page = await browser.request((await connek.ok('connection', 'connect', '--connection', name)).trim());
    while (page.headers.get('location')) page = await browser.request(new URL(page.headers.get('location'), page.url));
    if (choice) page = await browser.press(page, 'Connect', { choice });
    assert.match(page.text, new RegExp(`${name} of acme is connected`), `${name}: ${page.text}`);
    for (const [key, value] of Object.entries({ response_type: 'code', client_id: 'id:1', ...asked })) assert.equal(vendor.asked[key], value, `${name} asks ${key}`);
    const [exchange] = vendor.exchanges;
    for (const [key, value] of Object.entries(sent)) assert.equal(exchange[key], value, `${name} sends ${key}`);
    assert.equal(exchange.redirect_uri, `${connek.base}/oauth/callback`);
    assert.equal(exchange.code_verifier === undefined, shapes[name].auth.pkce === false);
    const used = async () => {
      const { body } = await callTool(url, `my_${name}_list`);
      assert.equal(body.result.isError, false, `${name}: ${JSON.stringify(body)}`);
      for (const [key, value] of Object.entries(called ?? {})) assert.equal(vendor.calls.at(-1).headers[key], value, `${name} calls with ${key}`);
    };
    const stored = JSON.parse((await connek.ok('connection', 'list', '--json')).split('\n').find((line) => line.includes(`"connection":"${name}"`)));
    assert.equal(stored.status, 'active', name);
    assert.equal(stored.renews, renews, name);
    if (scopes) assert.equal(stored.scopes, scopes);
    if (stored.expires) await ageGrants(connek, 7200);
    if (stored.expires && renews) vendor.back = null;
    await used();
    if (stored.expires && renews) {
      assert.equal(vendor.exchanges.at(-1).grant_type, 'refresh_token', name);
      await used(); // what was captured is still there
    }
  }
});

test('an installation\'s client works with the built-in connectors as they are, and begins each at its own address', async (t) => {
  const connek = await Connek.create(t, { env: { APP_SECRET: secret } });
  const begins = {
    github: ['github.com', 'scope', / /],
    linear: ['linear.app', 'scope', /,/],
    notion: ['api.notion.com', null],
    slack: ['slack.com', 'user_scope', /,/],
    xero: ['login.xero.com', 'scope', / /],
  };
  const names = Object.keys(begins);
  const mine = { ...manifestOf({ base: 'https://books.example' }), id: 'books' };
  await connek.writeFile('books.json', mine);
  const settled = { ...manifestOf({ base: 'https://books.example' }), id: 'settled', settings: required('host') };
  settled.auth[0].token = 'https://{conn.host}/token';
  await connek.writeFile('settled.json', settled);
  await connek.apply({
    organisation: 'acme',
    connectors: ['books.json', 'settled.json'],
    connections: [...names.map((name) => ({ name, connector: name })), { name: 'books', connector: 'books' }, { name: 'settled', connector: 'settled', settings: { host: 'evil.example' } }],
    roles: [],
    users: [{ email: 'boss@acme.example', kind: 'owner', roles: [] }],
  });
  for (const name of names) await connek.ok('client-app', 'set', name, '--installation', '--client-id', `app-of-${name}`, '--secret', 'env:APP_SECRET');
  await connek.start();
  const begin = async (name) => {
    const link = (await connek.ok('connection', 'connect', '--connection', name)).trim();
    return new Browser().get(link);
  };
  for (const [name, [host, parameter, separator]] of Object.entries(begins)) {
    const location = new URL((await begin(name)).headers.get('location'));
    assert.equal(location.host, host);
    assert.equal(location.searchParams.get('client_id'), `app-of-${name}`);
    assert.equal(location.searchParams.get('redirect_uri'), `${connek.base}/oauth/callback`);
    if (parameter) assert.match(location.searchParams.get(parameter), separator);
    else assert.equal(location.searchParams.get('scope'), null);
    assert.ok(!location.href.includes('canary'));
  }
  const refused = await connek.command('client-app', 'set', 'books', '--installation', '--client-id', 'x');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /there is no connector books/);

  // However it came there: it is for no other connector, for none with a setting in its addresses, and for none that was changed.
  const withheld = async (name) => {
    const { code, stderr } = await connek.command('connection', 'connect', '--connection', name);
    assert.equal(code, 1, name);
    assert.match(stderr, /the installation's client for \w+ is for the built-in connector and its own addresses alone; this organisation needs one of its own/);
  };
  await sql(connek, `UPDATE client_app SET connector_id = 'books', secret = NULL WHERE connector_id = 'notion'; UPDATE client_app SET connector_id = 'settled', secret = NULL WHERE connector_id = 'xero'`);
  await withheld('books');
  await withheld('settled');
  const link = (await connek.ok('connection', 'connect', '--connection', 'github')).trim();
  await sql(connek, `UPDATE connector SET definition = replace(definition, 'https://github.com/login/oauth/', 'https://evil.example/') WHERE id = 'github'`);
  await withheld('github');
  const page = await new Browser().follow(link);
  assert.match(page.text, /for the built-in connector and its own addresses alone/, page.text);
  // An organisation's own client is its own affair.
  await connek.ok('client-app', 'set', 'books', '--client-id', 'mine', '--secret', 'env:APP_SECRET');
  assert.equal(new URL((await begin('books')).headers.get('location')).searchParams.get('client_id'), 'mine');
});
