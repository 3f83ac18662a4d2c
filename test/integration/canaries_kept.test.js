// What admins, people and the operator put in or are handed once: by the REST API, by commands, by pages. Then it is looked
// for in every answer of every operation for every role, in what is exported, backed up and posted, in the log and on disk.
import test from 'node:test';
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Api, operations, signedInApi } from './support/api.js';
import { Canaries } from './support/canaries.js';
import { Connek } from './support/connek.js';
import { Leaky } from './support/leaky.js';
import { oneTimeCode } from './support/totp.js';
import { eventually } from './support/wait.js';

// What an organisation's stream of events says.
async function listening(t, api) {
  const control = new AbortController();
  t.after(() => control.abort());
  const response = await fetch(`${api.base}/api/v1/organisations/${api.organisation}/events`, { headers: api.headers(), signal: control.signal });
  assert.equal(response.status, 200);
  const heard = { text: '' };
  const read = async () => {
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) heard.text += part;
  };
  read().catch(() => {}); // its end is ours
  return heard;
}

const kinds = ['owner', 'admin', 'auditor', 'member'];
const tools = ['echo', 'fail', 'refuse'].map((name) => ({ name, does: 'read', description: `Does ${name}.`, input: { type: 'object', properties: {} }, call: `GET /${name}` }));
const manifest = (leaky, id, auth) => ({ manifest: 1, id, name: id, base: leaky.base, auth: [auth], errors: { message: ['message'] }, tools });

// The lines of a private key, but for those that all keys share.
function signingKey(canaries) {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const line of pem.trim().split('\n').slice(2, -2)) canaries.add('a private key', line);
  return pem;
}

class World {
  static async open(t) {
    const world = new World();
    const canaries = (world.canaries = new Canaries());
    const leaky = (world.leaky = await Leaky.start(t, canaries));
    world.control = canaries.control('planted in clear');
    const oauth2 = { type: 'oauth2', authorize: `${leaky.base}/authorize`, token: `${leaky.base}/token`, scopes: { always: ['books'] } };
    const ways = {
      keyed: { type: 'key', in: 'header', name: 'X-Key', prefix: 'Token ' },
      signed: { type: 'jwt', token: `${leaky.base}/token`, algorithm: 'RS256', issuer: 'us', audience: 'them' },
      once: { type: 'oauth1' },
      asked: oauth2,
    };
    const connek = (world.connek = await Connek.create(t));
    const rules = [...Object.keys(ways), 'postgres'].map((connector) => ({ connector, does: ['read', 'write', 'destroy'] }));
    for (const organisation of ['acme', 'globex'])
      await connek.apply({
        organisation,
        limits: { per_minute: 1_000_000 },
        connectors: organisation === 'acme' ? Object.entries(ways).map(([id, auth]) => manifest(leaky, id, auth)) : [],
        personal: organisation === 'acme' ? ['keyed'] : [],
        roles: organisation === 'acme' ? [{ name: 'all', rules }] : [],
        users: kinds.map((kind) => ({ email: `${kind}@${organisation}.example`, kind, roles: organisation === 'acme' ? ['all'] : [] })),
      });
    await connek.start('--log-level', 'debug', '--admin-listen', '127.0.0.1:0', '--allow-upstream', leaky.host, '--allow-upstream', '127.0.0.1:1', '--allow-upstream', `${world.control}.example`);
    canaries.add('the master key', (await readFile(`${connek.data}/master.key`, 'utf8')).trim());
    world.people = {};
    for (const kind of kinds) {
      world.people[kind] = await signedInApi(connek, `${kind}@acme.example`, 'acme');
      for (const [name, value] of world.people[kind].person.cookies) canaries.add(`the cookie ${name} of the ${kind}`, value);
    }
    world.foreign = await signedInApi(connek, 'owner@globex.example', 'globex');
    return world;
  }

  // What is asked, and searched with all that is known so far: what an answer hands out is learned of it afterwards.
  async ask(who, method, path, body, headers) {
    const answer = await who.call(method, path, { body, headers });
    this.canaries.search('answers', `${method} ${path}`, JSON.stringify([...answer.headers]) + answer.text);
    return answer;
  }

  async made(who, path, body, names, method = 'POST') {
    const headers = { 'Idempotency-Key': randomUUID() };
    const answer = await this.ask(who, method, path, body, headers);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
    for (const [name, read, n_common] of names ?? []) this.canaries.add(name, read(answer.body), n_common);
    if (method === 'POST') await this.ask(who, method, path, body, headers); // the same request again: it shows nothing anew
    return answer.body;
  }

  async command(...args) {
    const { stdout, stderr } = await this.connek.command(...args);
    this.canaries.search('commands', args.join(' '), stdout + stderr);
    return stdout;
  }
}

// A secret in each place where one can be put in, or is handed out; what has an id.
async function plant(world) {
  const { canaries, connek, leaky, control, people: { owner, admin, member } } = world;
  const canary = (name) => canaries.make(name);
  const ids = { organisation: owner.organisation, connector: 'keyed', user: owner.user };
  const connect = (connector, credential, more = {}) => world.made(admin, './connections', { name: `${connector} ${control}`, connector, ...(credential && { credential }), ...more });
  ids.connection = (await connect('keyed', { key: canary('a key') })).id;
  const key = { credential: { key: canary('a key that replaced another') } };
  await world.ask(admin, 'PUT', `./connections/${ids.connection}/credential`, key);
  const others = [
    await connect('signed', { private_key: signingKey(canaries) }),
    await connect('once', { consumer_key: 'ours', consumer_secret: canary('a consumer secret'), token: canary('a token of OAuth 1.0a'), token_secret: canary('a token secret') }),
    await connect('postgres', { password: canary('a password of a database') }, { settings: { host: '127.0.0.1', port: 1, database: 'books', user: 'reader' } }),
    await connect('asked'),
  ];
  for (const { id } of others) await world.ask(admin, 'POST', `./connections/${id}/check`, {});
  await world.ask(admin, 'PUT', './connectors/asked/client-app', { client_id: 'ours', client_secret: canary('a client secret') });
  const linkOf = ({ url }) => url.split('/').at(-1);
  await world.made(admin, `./connections/${others.at(-1).id}/link`, {}, [['a link by which somebody connects', linkOf]]);
  const mine = await world.made(member, './me/connections', { connector: 'keyed', credential: { key: canary('a key of a person\'s own') } });
  await world.ask(member, 'PUT', `./me/connections/${mine.id}/credential`, { credential: { key: canary('another key of a person\'s own') } });
  await world.ask(member, 'POST', `./me/connections/${mine.id}/check`, {});
  ids.mine = mine.id;

  const invited = await world.made(admin, './users', { email: 'new@acme.example', kind: 'member', roles: [] }, [['an invitation', ({ invitation }) => linkOf(invitation)]]);
  await world.made(admin, `./users/${invited.user.id}/invitation`, {}, [['another invitation', linkOf]]);
  ids.key = (await world.made(owner, './keys', { name: 'all', scopes: ['users:read', 'connections:read', 'audit:read', 'config:read', 'webhooks:read'] }, [['an API key', ({ secret }) => (world.key = secret), 4]])).key.id;
  for (const kind of ['url', 'key']) {
    const { token } = await world.made(owner, './tokens', { user: owner.user, kind, name: kind }, [[`an access token (${kind})`, ({ secret }) => secret, 4]]);
    await world.made(owner, `./tokens/${token.id}/rotation`, {}, [[`an access token (${kind}) that replaced one`, ({ secret }) => secret, 4]]);
    ids.token = token.id;
  }
  canaries.add('the operator\'s key', (await connek.ok('operator', 'key')).trim(), 4);
  for (const path of ['echo', 'refuse', 'fail']) {
    const { webhook } = await world.made(admin, './webhooks', { name: path, url: `${leaky.base}/hook/${path}`, events: ['role.created', 'connection.failed'] }, [['a secret of a webhook', ({ secret }) => secret, 6]]);
    await world.made(admin, `./webhooks/${webhook.id}/rotation`, {}, [['a secret of a webhook that replaced one', ({ secret }) => secret, 6]]);
    await world.ask(admin, 'POST', `./webhooks/${webhook.id}/test`, {});
    ids.webhook = webhook.id;
  }
  await twoSteps(world, member.person);
  return ids;
}

async function twoSteps({ canaries, connek }, person) {
  const page = await person.open(`${connek.base}/account/two-step`);
  const secret = canaries.add('the secret of a second step', /<code>([A-Z2-7]{32})<\/code>/.exec(page.text)[1]);
  const on = await person.press(page, 'Turn on', { code: oneTimeCode(secret) });
  const codes = [...on.text.matchAll(/<code>([a-z2-90-]{19})<\/code>/g)];
  assert.equal(codes.length, 10);
  for (const [, code] of codes) canaries.add('a recovery code', code);
}

// Every operation that reads, with ids of what is there, for everybody there is.
async function everyOperation(world, ids) {
  const { connek, people, foreign } = world;
  const everybody = { ...people, foreign, nobody: new Api(connek.base), key: new Api(connek.base, world.key, ids.organisation) };
  let n = 0, n_read = 0;
  for (const { path, method } of operations.filter((one) => one.method === 'GET' && !one['x-planned'] && one.operationId !== 'stream_events'))
    for (const [name, who] of Object.entries(everybody)) {
      const real = path.replace('/me/connections/{connection}', `/me/connections/${ids.mine}`).replace(/\{(\w+)\}/g, (_, one) => ids[one] ?? randomUUID());
      const { status } = await world.ask(who, method, real);
      n++;
      n_read += status === 200;
      assert.ok(status < 500, `${name}: ${method} ${real}: ${status}`);
    }
  assert.ok(n > 200 && n_read > 100, `${n_read} of ${n}`);
}

// What is wrong is said, not repeated.
async function misplaced(world, ids) {
  const { canaries, people: { admin, member } } = world;
  const secret = canaries.make('a key in the wrong place');
  for (const [method, path, body] of [
    ['POST', './connections', { name: 'wrong', connector: 'keyed', credential: secret }],
    ['POST', './connections', { name: 'wrong', connector: 'keyed', credential: { key: [secret] } }],
    ['POST', './connections', { name: 'wrong', connector: 'keyed', credential: { kex: secret } }],
    ['POST', './connections', { name: 'wrong', connector: 'signed', credential: { private_key: secret } }],
    ['POST', './connections', { name: 'wrong', connector: secret, credential: { key: 'k' } }],
    ['PUT', `./connections/${ids.connection}/credential`, { credential: { key: secret, more: secret } }],
    ['PUT', './connectors/asked/client-app', { client_id: 'ours', client_secret: [secret] }],
    ['POST', './me/connections', { connector: 'keyed', credential: { key: { env: secret } } }],
    ['POST', './config', { config: { organisation: 'acme', connections: [{ name: 'wrong', connector: 'keyed', credential: { key: secret, more: secret } }] } }],
    ['GET', `./connections/${secret}`], ['GET', `./audit/${secret}`], ['DELETE', `./tokens/${secret}`],
  ]) {
    const { status } = await world.ask(path.includes('/me/') ? member : admin, method, path, body);
    assert.ok(status < 500, `${method} ${path}: ${status}`); // a text that is no key may be one for all that is known here
  }
}

async function everyCall(world) {
  const { people: { owner, member } } = world;
  for (const connector of ['keyed', 'signed', 'once', 'asked'])
    for (const { name } of tools) {
      const body = { tool: `${connector}_${name}`, arguments: {} };
      await world.ask(owner, 'POST', './playground/call', { user: owner.user, ...body });
      await world.ask(member, 'POST', './me/call', body);
    }
  await world.ask(owner, 'POST', './me/call', { tool: 'postgres_query', arguments: { sql: 'SELECT 1' } });
}

async function everyCommand(world) {
  const { connek, canaries } = world;
  const organisation = ['--organisation', 'acme'];
  for (const args of [
    ['export', ...organisation], ['connection', 'list', ...organisation, '--json'], ['client-app', 'list', ...organisation], ['token', 'list', '--json'], ['key', 'check', '--json'],
    ...['jsonl', 'syslog', 'cef'].flatMap((format) => [['audit', 'export', '--format', format], ['audit', 'export', '--format', format, '--arguments']]),
  ]) await world.command(...args);
  for (const name of ['keyed', 'signed', 'once', 'asked', 'postgres']) await world.command('connection', 'show', '--connection', `${name} ${world.control}`, ...organisation, '--json');
  await connek.ok('backup', connek.path('all.backup'));
  canaries.search('a backup', 'all.backup', await readFile(connek.path('all.backup')));
}

test('what is put in and handed out by the API, commands and pages is in no answer, export, backup, posting, log or file', async (t) => {
  const world = await World.open(t);
  const { canaries, control, leaky, connek, people: { owner, admin } } = world;
  const heard = await listening(t, owner);
  const ids = await plant(world);
  await everyCall(world);
  ids.role = (await world.made(admin, './roles', { name: control })).id;
  ids.record = (await owner.get('./audit')).items[0].id;
  ids.session = (await owner.get('/sessions')).items[0].id;
  const delivered = async () => (await owner.get(`./webhooks/${ids.webhook}/deliveries`)).items;
  await eventually(async () => assert.ok((await delivered()).some(({ event, attempts }) => event === 'role.created' && attempts > 0)));
  ids.delivery = (await delivered())[0].id;
  await misplaced(world, ids);
  await everyOperation(world, ids);
  await everyCommand(world);
  for (const base of [connek.base, connek.adminBase]) canaries.search('metrics', base, await (await fetch(`${base}/metrics`)).text());
  canaries.search('events', 'of the owner', heard.text);
  const posted = leaky.seen.split('\n').filter((line) => line.includes('"url":"/hook/'));
  canaries.search('webhooks', 'what was posted', posted.join('\n'));
  const files = () => canaries.searchFolder((path) => (/\.db/.test(path) ? 'the database' : 'other files'), connek.data, { skip: (path) => path.endsWith('master.key') });
  await files();
  await connek.stop();
  await files();
  canaries.search('log', 'at its end', connek.stderr);
  canaries.search('log', 'standard output', connek.stdout);

  canaries.assertTight();
  for (const name of ['a key that replaced another', 'a token of OAuth 1.0a', 'another key of a person\'s own'])
    assert.ok([...canaries.secrets].some(([secret, one]) => one === name && leaky.seen.includes(secret)), `${name} was never used`);
  canaries.assertSeeing(['answers', 'commands', 'a backup', 'events', 'webhooks', 'log', ...(connek.env.CONNEK_DATABASE ? [] : ['the database'])]); // elsewhere it is in the backup alone
  t.diagnostic(`${canaries.secrets.size} secrets`);
});
