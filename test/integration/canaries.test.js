// Five hundred secrets, one in every field that can hold one, behind services that repeat all they are sent; then they are
// looked for wherever anything can be read. A control, planted in clear in each such place, shows that the search sees it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Canaries } from './support/canaries.js';
import { Connek, exampleLedger } from './support/connek.js';
import { Leaky, leakyProgram } from './support/leaky.js';
import { callTool, legacy, modern, send } from './support/mcp.js';
import { Person } from './support/person.js';
import { allow, authorizeUrl, pkce, redirectUri, register } from './support/sign_in.js';
import { Browser } from './support/vendor.js';
import { eventually } from './support/wait.js';

const root = resolve(import.meta.dirname, '../..');
const wanted = 500;
const hows = ['echo', 'fail', 'refuse', 'lead', 'break', 'garble'];

const manifest = (id, base, auth, { tools = ['echo', 'fail', 'refuse'], control = '', call = '' } = {}) => ({
  manifest: 1,
  id,
  name: id,
  base,
  auth: [auth],
  errors: { message: ['message'], code: ['code'] },
  tools: tools.map((name) => ({
    name,
    does: 'read',
    description: `Asks the service to ${name}. ${control}`,
    input: { type: 'object', properties: { q: { type: 'string' } } },
    call: `GET ${call}/${name}`,
    query: { q: '{q}' },
  })),
});

// Ways to authenticate, how many connections of each, and the credential of one.
const ways = (leaky, canary) => ({
  header: { n: 100, auth: { type: 'key', in: 'header', name: 'X-Key', prefix: 'Token ' }, credential: () => ({ key: canary('a key in a header') }), tools: hows },
  query: { n: 60, auth: { type: 'key', in: 'query', name: 'key' }, credential: () => ({ key: canary('a key in the query') }), tools: hows },
  odd: { n: 20, auth: { type: 'key', in: 'query', name: 'key' }, credential: () => ({ key: canary('a key of odd characters', '/+%&="\\ ') }), tools: hows },
  path: { n: 30, auth: { type: 'key', in: 'path' }, base: `${leaky.base}/bot{key}`, credential: () => ({ key: canary('a key in the path') }) },
  basic: { n: 60, auth: { type: 'basic' }, credential: () => ({ user: 'who', password: canary('a password of basic authentication') }) },
  template: { n: 20, auth: { type: 'basic', user: '{credential.a}', password: '{credential.b}/x' }, credential: () => ({ a: canary('the first half of a key'), b: canary('the second half of a key') }) },
  token: { n: 30, auth: oauth2(leaky), credential: () => ({ access_token: canary('an access token given by hand') }) },
  client: { n: 20, auth: oauth2(leaky, { grant: 'client_credentials', authorize: undefined }), credential: () => ({ client_id: 'ours', client_secret: canary('a client secret of a connection') }) },
  jwt: { n: 20, auth: { type: 'jwt', token: `${leaky.base}/token`, algorithm: 'HS256', issuer: 'us', audience: 'them' }, credential: () => ({ private_key: canary('a key that signs') }) },
  consent: { n: 2, auth: oauth2(leaky, { refresh: { before: '1s' } }) },
});

function oauth2(leaky, more = {}) {
  return { type: 'oauth2', authorize: `${leaky.base}/authorize`, token: `${leaky.base}/token`, revoke: `${leaky.base}/revoke`, scopes: { always: ['books'] }, ...more };
}

const people = { owner: 'all', admin: 'all', auditor: 'ledger', member: 'mine' };

async function planted(t) {
  const canaries = new Canaries();
  const canary = (name, before) => canaries.make(name, before);
  const control = canaries.control('planted in clear');
  const leaky = await Leaky.start(t, canaries);
  leaky.control = control;
  const env = {}, files = {};
  const variable = (name) => ((env[`V${Object.keys(env).length}`] = canary(name)), { env: `V${Object.keys(env).length - 1}` });
  const file = (name) => ((files[`f${Object.keys(files).length}.key`] = canary(name)), { file: `f${Object.keys(files).length - 1}.key` });
  const connectors = [], connections = [];
  for (const [id, { n, auth, base, credential, tools }] of Object.entries(ways(leaky, canary))) {
    connectors.push(manifest(id, base ?? leaky.base, auth, { tools, control: id === 'header' ? control : '' }));
    for (let i = 0; i < n; i++) {
      const owner = id === 'header' && i % 5 === 4 ? { owner: 'member@acme.example' } : {};
      connections.push({ name: `${id}-${i}`, connector: id, ...owner, ...(credential && { credential: credential() }) });
    }
  }
  // Where a value comes from the operator's environment, or from a file of the operator's.
  for (let i = 0; i < 6; i++) connections.push({ name: `far-${i}`, connector: 'header', credential: { key: i % 2 ? variable('a key from a variable') : file('a key from a file') } });
  // MCP servers: behind HTTP, and started here.
  connectors.push({ id: 'remote', kind: 'mcp', url: `${leaky.base}/mcp` }, { id: 'named', kind: 'mcp', url: `${leaky.base}/mcp`, auth: { key: { header: 'X-Secret', prefix: 'k=' } } });
  for (let i = 0; i < 16; i++) connections.push({ name: `mcp-${i}`, connector: i % 2 ? 'remote' : 'named', trust: 'accept', credential: { key: canary('a token of an MCP server') } });
  const own = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`OWN_${i}`, canary('a variable of a connection')]));
  const shared = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`SHARED_${i}`, i % 2 ? variable('a variable of a definition') : file('a variable of a definition, from a file')]));
  connectors.push({ id: 'child', kind: 'mcp', command: [process.execPath, leakyProgram, control], directory: root, environment: shared });
  connections.push({ name: 'child-0', connector: 'child', trust: 'accept', credential: own });
  connections.push({ name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' }, labels: { control } });
  const all = [...connectors.map(({ id }) => ({ connector: id, tools: ['*'], does: ['read', 'write', 'destroy'] })), { connection: 'ledger', tools: ['*'] }];
  const config = {
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors,
    connections,
    roles: [{ name: 'all', rules: all.map(({ connector, connection }) => ({ ...(connector ? { connector } : { connection }), does: ['read', 'write', 'destroy'] })) }, { name: 'ledger', rules: [{ connection: 'ledger', does: ['read'] }] }, { name: 'mine', rules: [{ connector: 'header', does: ['read'] }] }],
    users: Object.entries(people).map(([kind, role]) => ({ email: `${kind}@acme.example`, kind, roles: [role] })),
  };
  const connek = await Connek.create(t, { env });
  await connek.makeDatabase('ledger.db', exampleLedger);
  for (const [name, content] of Object.entries(files)) await connek.writeFile(name, `${content}\n`);
  await connek.apply(config);
  await connek.apply({
    organisation: 'globex',
    limits: { per_minute: 1_000_000 },
    connectors: connectors.slice(0, 1),
    connections: Array.from({ length: 6 }, (_, i) => ({ name: `header-${i}`, connector: 'header', credential: { key: canary('a key of another organisation') } })),
    roles: [{ name: 'all', rules: [{ connector: 'header', tools: ['*'] }] }],
    users: [{ email: 'owner@acme.example', roles: ['all'] }],
  });
  env.APP = canary('the secret of a client');
  env.EVERYBODYS = canary('the secret of the installation\'s client');
  await connek.ok('client-app', 'set', 'consent', '--organisation', 'acme', '--client-id', 'ours', '--secret', 'env:APP');
  await connek.ok('client-app', 'set', 'github', '--installation', '--client-id', 'ours', '--secret', 'env:EVERYBODYS');
  connek.env = { CONTROL: control };
  return { canaries, control, leaky, connek, config, env, connections };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
function totp(secret, step) {
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// What Connek itself hands out: each answer that does so is the one place where it may be.
async function handedOut({ canaries, connek }) {
  const urls = {}, persons = {};
  for (const kind of Object.keys(people)) {
    const email = `${kind}@acme.example`;
    urls[kind] = [];
    for (let i = 0; i < 2; i++) {
      const { token, url } = await connek.token(email, '--organisation', 'acme');
      urls[kind].push(url);
      canaries.add(`a personal URL of the ${kind}`, token);
      canaries.add(`a key of the ${kind}`, (await connek.token(email, '--organisation', 'acme', '--kind', 'key')).token, 4);
    }
    const password = canaries.make(`the password of the ${kind}`);
    const { link } = JSON.parse(await connek.ok('user', 'invite', email, '--organisation', 'acme', '--json', '--public-url', connek.base));
    canaries.add(`an invitation of the ${kind}`, link.split('/').at(-1));
    const person = (persons[kind] = new Person());
    await person.accept(link, { password });
    person.password = password;
    for (const [name, value] of person.cookies) canaries.add(`the cookie ${name} of the ${kind}`, value);
  }
  for (const kind of ['owner', 'auditor']) canaries.add(`a link that resets`, JSON.parse(await connek.ok('user', 'reset', `${kind}@acme.example`, '--json', '--public-url', connek.base)).link.split('/').at(-1));
  const { token } = await connek.token('owner@acme.example', '--organisation', 'globex');
  canaries.add('a personal URL of another organisation', token);
  urls.globex = [connek.url(token)];
  await secondStep(canaries, connek, persons.member);
  await oauthClients(canaries, connek, persons.admin);
  return { urls, persons };
}

async function secondStep(canaries, connek, person) {
  const page = await person.open(`${connek.base}/account/two-step`);
  const secret = canaries.add('the secret of a second step', /<code>([A-Z2-7]{32})<\/code>/.exec(page.text)[1]);
  const on = await person.press(page, 'Turn on', { code: totp(secret, Math.floor(Date.now() / 30000)) });
  const codes = [...on.text.matchAll(/<code>([a-z2-90-]{19})<\/code>/g)].map((found) => found[1]);
  assert.equal(codes.length, 10);
  for (const code of codes) canaries.add('a recovery code', code);
}

async function oauthClients(canaries, connek, person) {
  for (let i = 0; i < 3; i++) {
    const { body } = await register(connek.base, { token_endpoint_auth_method: 'client_secret_post' });
    canaries.add('the secret of a client of ours', body.client_secret);
    const { verifier, challenge } = pkce();
    canaries.add('a verifier of a client of ours', verifier);
    const location = await allow(person, authorizeUrl(connek.base, { client_id: body.client_id, code_challenge: challenge }));
    const code = canaries.add('a code of ours', location.searchParams.get('code'));
    const response = await fetch(`${connek.base}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'authorization_code', code, client_id: body.client_id, client_secret: body.client_secret, redirect_uri: redirectUri, code_verifier: verifier }),
    });
    const given = await response.json();
    canaries.add('an access token of ours', given.access_token, 4);
    canaries.add('a refresh token of ours', given.refresh_token, 4);
  }
}

// A person's consent at a service; later on its tokens are renewed, and refused.
async function consented({ canaries, connek, leaky }, name) {
  const link = (await connek.ok('connection', 'connect', '--connection', name, '--organisation', 'acme')).trim();
  canaries.add('a link by which somebody connects', link.split('/').at(-1));
  const browser = new Browser();
  const page = await browser.follow(link);
  assert.match(page.text, /is connected/, page.text);
  for (const [cookie, value] of browser.cookies) if (value.length >= 16) canaries.add(`the cookie ${cookie}`, value);
  canaries.search('responses', 'the page of a connection', page.text);
  assert.ok(leaky.seen.length > 0);
}

const accountsOf = (connections, id) => connections.filter(({ connector }) => connector === id).map(({ name }) => name);

function* questions({ connections, config }) {
  for (const era of [legacy, modern]) {
    for (const method of ['tools/list', 'ping', 'server/discover', 'resources/list', 'resources/templates/list', 'prompts/list', 'prompts/get', 'logging/setLevel', 'tasks/get', 'completion/complete']) yield era(method);
    for (const tool of ['connek_whoami', 'connek_list_connections', 'no_such_tool']) yield era('tools/call', { name: tool, arguments: {} });
    yield era('tools/call', { name: 'connek_search_tools', arguments: { query: 'key' } });
    yield era('tools/list', { cursor: 'x' });
    yield era('resources/read', { uri: 'leaky://all' });
    for (const { id } of config.connectors)
      for (const name of ['echo', 'fail', 'nope']) yield era('tools/call', { name: `${id}_${name}`, arguments: { account: accountsOf(connections, id)[0] } });
  }
  for (const broken of ['{', '[]', '"x"', '{"jsonrpc":"2.0","id":1,"id":2}']) yield { message: broken, headers: {} };
}

// Every connection, each of its tools, in turns with an argument that is somebody's secret too.
async function everyTool(world, urls) {
  const { canaries, connections, config } = world;
  const argument = canaries.make('an argument');
  let n = 0;
  const work = connections.flatMap(({ name, connector, owner }) => {
    const tools = config.connectors.find(({ id }) => id === connector)?.tools?.map((tool) => tool.name) ?? (connector === 'sqlite' ? [] : ['echo', 'fail', 'refuse', 'told']);
    return tools.map((tool) => ({ url: urls[owner ? 'member' : 'owner'][0], name: `${connector}_${tool}`, account: name }));
  });
  const each = async () => {
    for (let one = work.pop(); one; one = work.pop()) {
      const isMcp = ['remote', 'named', 'child'].includes(one.name.split('_')[0]);
      const args = { ...(one.name.startsWith('child') ? {} : { account: one.account }), ...(!isMcp && n % 7 === 0 && { q: argument }) };
      const { headers, text, body } = await callTool(one.url, one.name, args, n++ % 2 ? legacy : modern);
      assert.ok(body?.result || body?.error, text);
      canaries.search('responses', `${one.name} of ${one.account}`, JSON.stringify([...headers]) + text, (name) => name === 'an argument');
    }
  };
  await Promise.all(Array.from({ length: 8 }, each));
  return n;
}

async function everyPage({ canaries, connek }, { persons }) {
  const paths = ['/', '/account', '/account/two-step', '/sign-in', '/sign-in/code', '/sign-up', '/connect/x', '/oauth/authorize', '/oauth/callback?state=x', '/healthz', '/readyz', '/metrics', '/mcp', '/master.key', '/connek.db', '/.well-known/oauth-authorization-server', '/nope'];
  for (const person of [...Object.values(persons), new Person()])
    for (const path of paths)
      for (const base of [connek.base, connek.adminBase]) {
        const page = await person.open(base + path);
        // A form's token is its page's own.
        const text = page.text.replace(/name="csrf" value="[^"]*"/g, '');
        canaries.search('responses', `${path} for ${person.password ? 'somebody signed in' : 'a stranger'}`, text, (name) => path === '/account/two-step' && /second step/.test(name));
      }
  const forms = [['/sign-in', 'Sign in', { email: 'owner@acme.example', password: persons.admin.password }], ['/sign-in', 'Sign in', { email: persons.owner.password, password: persons.owner.password }]];
  for (const [path, label, values] of forms) {
    const person = new Person();
    const page = await person.press(await person.open(connek.base + path), label, values);
    canaries.search('responses', `${path}, refused`, page.text.replace(`value="${persons.owner.password}"`, ''));
  }
}

// What commands print, also where they are called wrongly with a secret in a name's place.
async function everyCommand({ canaries, connek, env, leaky, connections }) {
  const key = connections[0].credential.key;
  await connek.writeFile('try.json', manifest('try', leaky.base, { type: 'key', in: 'header', name: 'X-Key' }));
  const tried = ['connector', 'try', connek.path('try.json'), 'echo', '{}', '--credential', 'key=env:KEY'];
  const commands = [
    ['export', '--organisation', 'acme'], ['export', '--organisation', 'globex'], ['audit', 'list', '--json'], ['audit', 'list', '--json', '--arguments'],
    ['audit', 'verify'], ['audit', 'checkpoint'], ['token', 'list', '--json'], ['token', 'list'], ['connector', 'list', '--organisation', 'acme'],
    ['connector', 'review', '--organisation', 'acme'], ['connection', 'list', '--organisation', 'acme', '--json'], ['connection', 'list', '--organisation', 'acme'],
    ['client-app', 'list', '--organisation', 'acme'], ['client-app', 'list', '--installation'], ['client', 'list', '--organisation', 'acme'], ['session', 'list', '--organisation', 'acme'],
    ['key', 'check', '--json'], ['token', 'revoke', key], ['token', 'create', '--user', key], ['client-app', 'set', 'consent', '--client-id', 'x', '--secret', key],
    tried, [...tried, '--send'], [...tried.with(3, 'fail'), '--send'], [...tried.with(3, 'refuse'), '--send'], ['connection', 'disconnect', '--connection', 'consent-1', '--organisation', 'acme', '--allow-upstream', leaky.host],
  ];
  connek.env = { ...env, KEY: key, CONTROL: connek.env.CONTROL };
  for (const args of commands) {
    const { stdout, stderr } = await connek.command(...args, ...(args.includes('--send') ? ['--allow-upstream', leaky.host] : []));
    canaries.search('commands', args.join(' '), stdout + stderr, (name) => name === 'an argument' && args.includes('--arguments'));
  }
  const misplaced = [
    { connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' }, credential: { key } }] },
    { connections: [{ name: 'header-0', connector: 'header', settings: { base: 1 }, credential: { key, more: key } }] },
    { connections: [{ name: 'header-0', connector: 'header', credential: { kex: key } }] },
    { connections: [{ name: 'header-0', connector: 'header', credential: key }] },
    { connections: [{ name: 'header-0', connector: 'header', credential: [key] }] },
  ];
  for (const wrong of misplaced) {
    const { code, stdout, stderr } = await connek.command('apply', await connek.writeFile('wrong.json', { organisation: 'acme', ...wrong }));
    assert.equal(code, 1, stdout + stderr);
    canaries.search('commands', 'the errors of apply', stdout + stderr);
  }
}

async function everyProcess({ canaries, connek }) {
  const parents = new Map();
  for (const name of await readdir('/proc'))
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(/^\d+ \(.*\) \S (\d+)/s.exec(await readFile(`/proc/${name}/stat`, 'utf8').catch(() => ''))?.[1] ?? 0));
  const isOurs = (pid) => pid > 1 && (pid === connek.pid || isOurs(parents.get(pid) ?? 0));
  const ours = [...parents.keys()].filter(isOurs);
  assert.ok(ours.length > 1, 'the child runs');
  for (const pid of ours) {
    const itsOwn = (name) => pid !== connek.pid && /^a variable of/.test(name);
    canaries.search('cmdline', `of ${pid}`, await readFile(`/proc/${pid}/cmdline`).catch(() => ''));
    canaries.search('environ', `of ${pid}`, await readFile(`/proc/${pid}/environ`).catch(() => ''), itsOwn);
  }
}

const searchFiles = ({ canaries, connek }) =>
  canaries.searchFolder((path) => (/\.db/.test(path) ? path.slice(connek.data.length + 1) : 'other files'), connek.data, { skip: (path) => path.endsWith('master.key') });

test(`${wanted} secrets, in every field that holds one: in no answer, log, error, process or file`, async (t) => {
  const world = await planted(t);
  const { canaries, control, leaky, connek, connections, config } = world;
  await connek.start('--log-level', 'debug', '--admin-listen', '127.0.0.1:0', '--allow-upstream', leaky.host, '--allow-upstream', `${control}.example`, '--allow-sign-up');
  canaries.add('the master key', (await readFile(join(connek.data, 'master.key'), 'utf8')).trim());
  const out = await handedOut(world);
  leaky.lifetime = 2;
  await consented(world, 'consent-0');
  await consented(world, 'consent-1');
  leaky.lifetime = 3600;
  const owner = out.urls.owner[0];
  await eventually(async () => assert.match((await callTool(owner, 'child_echo', {})).text, /SHARED_0|\*\*\*/));

  const n_called = await everyTool(world, out.urls);
  let n_asked = 0;
  for (const [kind, urls] of Object.entries(out.urls))
    for (const question of questions(world)) {
      const { headers, text } = await send(urls[0], question);
      canaries.search('responses', `${JSON.stringify(question.message).slice(0, 200)} for ${kind}`, JSON.stringify([...headers]) + text);
      n_asked++;
    }
  // Services refuse what was right, and repeat it: tokens that end, MCP servers that do not answer.
  for (const error of ['invalid_grant', 'invalid_client', 'temporarily_unavailable']) {
    leaky.isTokenBroken = error;
    for (const account of ['consent-0', 'client-0', 'jwt-0']) {
      const { text } = await callTool(owner, `${account.split('-')[0]}_refuse`, { account });
      canaries.search('responses', `${account} when its tokens are refused`, text);
    }
  }
  for (const status of [401, 403, 500]) {
    leaky.isMcpBroken = status;
    for (const account of ['mcp-0', 'mcp-1']) {
      const { text } = await callTool(owner, account === 'mcp-0' ? 'named_echo' : 'remote_echo', { account });
      canaries.search('responses', `${account}, which answers ${status}`, text);
    }
  }
  leaky.isMcpBroken = false;
  const { text } = await new Browser().follow((await connek.ok('connection', 'connect', '--connection', 'consent-1', '--organisation', 'acme')).trim());
  assert.match(text, /could not be turned into access/);
  canaries.search('responses', 'a consent that fails', text);
  await everyPage(world, out);
  for (const [method, path] of [['GET', ''], ['DELETE', ''], ['PUT', ''], ['OPTIONS', ''], ['GET', '/header'], ['GET', '/../..']]) {
    const response = await fetch(owner + path, { method });
    canaries.search('responses', `${method} ${path}`, JSON.stringify([...response.headers]) + (await response.text()));
  }
  await everyProcess(world);
  await searchFiles(world);
  await everyCommand(world);
  await connek.apply({ ...config, connections: connections.map((one) => ({ ...one, labels: { control } })) });
  await searchFiles(world);
  canaries.search('log', 'at every level', connek.stderr);
  await connek.stop();
  await connek.writeFile(join('data', 'control.txt'), [Buffer.from(control).toString('base64'), Buffer.from(`x${control}`).toString('hex'), Buffer.from(control).toString('hex').replace(/../g, '%$&')].join('\n'));
  await searchFiles(world);
  canaries.search('log', 'at its end', connek.stderr);
  canaries.search('standard output', 'of the server', connek.stdout);

  canaries.assertTight();
  // They did go out: what nobody sends cannot be repeated.
  const used = [...canaries.secrets].filter(([secret, name]) => /^(a key in|a token of an MCP|an access token given)/.test(name) && !leaky.seen.includes(secret));
  assert.deepEqual(used.map(([, name]) => name), [], 'planted, and never used');
  assert.ok(canaries.secrets.size >= wanted, `${canaries.secrets.size} secrets`);
  canaries.assertSeeing(['responses', 'commands', 'log', 'cmdline', 'environ', 'connek.db', 'connek.db-wal', 'other files']);
  t.diagnostic(`${canaries.secrets.size} secrets; ${n_called + n_asked} calls; the control was seen ${[...canaries.found].map(([place, n]) => `in ${place} ${n} times`).join(', ')}`);
});
