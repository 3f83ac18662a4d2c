// What the suite starts as "the client" for its client scenarios: a real Connek before the scenario's server, and a real
// client that does through it whatever the scenario is about. The suite appends the server's URL.
import { Client as Client2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Connek } from '../integration/support/connek.js';
import { legacy, modernRevision, send } from '../integration/support/mcp.js';
import { Admin, publicUrl } from './admin.js';

const url = process.argv.at(-1);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const isModern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === modernRevision;

const wantsAuthorization = scenario.startsWith('auth/');

// A client of its own right: an admin has set its id and key, and the authorization server that they are for.
const isOwnClient = scenario.startsWith('auth/client-credentials');
const ownCredential = {
  client_id: { env: 'CLIENT_ID' },
  ...(context.client_secret && { client_secret: { env: 'CLIENT_SECRET' } }),
  ...(context.private_key_pem && { private_key: { env: 'PRIVATE_KEY' } }),
};
async function ownClient() {
  const document = await (await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url))).json();
  const algorithm = context.signing_algorithm;
  return { grant: 'client_credentials', issuer: document.authorization_servers[0], ...(algorithm && { algorithm }) };
}

async function gateway(scope) {
  const env = { CLIENT_ID: context.client_id ?? '', CLIENT_SECRET: context.client_secret ?? '', PRIVATE_KEY: context.private_key_pem ?? '' };
  const connek = await Connek.create(scope, { env });
  await connek.apply({
    organisation: 'conformance',
    limits: { per_minute: 1_000_000 },
    connectors: [{ id: 'scenario', kind: 'mcp', url, ...(isOwnClient && { auth: { oauth: await ownClient() } }) }],
    connections: [{ name: 'scenario', connector: 'scenario', names: 'plain', trust: 'accept', ...(isOwnClient && { credential: ownCredential }) }],
    roles: [{ name: 'everything', rules: [{ connection: 'scenario', does: ['read', 'write', 'destroy'] }] }],
    users: [{ email: 'client@conformance.example', kind: 'admin', roles: ['everything'] }],
  });
  if (context.client_id && !isOwnClient) {
    await connek.ok('client-app', 'set', 'scenario', '--client-id', context.client_id, '--secret', 'env:CLIENT_SECRET', '--issuer', context.issuer);
  }
  /* The authorization server is at another port of the same host. */
  const { host, hostname } = new URL(url);
  await connek.start('--allow-upstream', wantsAuthorization ? hostname : host, ...(wantsAuthorization ? ['--public-url', publicUrl] : []));
  return { connek, url: (await connek.token('client@conformance.example')).url };
}

// Arguments that a schema takes.
function argumentsFor({ properties = {}, required = [] }) {
  const values = { number: 5, integer: 3, boolean: true, string: 'text', array: [], object: {} };
  return Object.fromEntries(required.map((name) => [name, properties[name]?.enum?.[0] ?? values[properties[name]?.type] ?? 'text']));
}

async function connect(scope, target) {
  const capabilities = { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} };
  const mode = isModern ? { pin: modernRevision } : 'legacy';
  const client = new Client2({ name: 'connek-conformance', version: '1' }, { capabilities, versionNegotiation: { mode } });
  client.setRequestHandler('elicitation/create', async ({ params }) => ({
    action: 'accept',
    content: argumentsFor({ ...params.requestedSchema, properties: withoutDefaults(params.requestedSchema.properties) }),
  }));
  client.setRequestHandler('sampling/createMessage', async () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'said' } }));
  client.setRequestHandler('roots/list', async () => ({ roots: [] }));
  await client.connect(new StreamableHTTPClientTransport(new URL(target)));
  scope.after(() => client.close());
  return client;
}

const withoutDefaults = (properties = {}) => Object.fromEntries(Object.entries(properties).filter(([, { default: value }]) => value === undefined));
const quietly = (work) => work.catch((error) => console.error(`${scenario}: ${error.message}`));

const isOfServer = ({ name }) => !name.startsWith('connek_');

// Are the server's tools there? Not asked with the client, which keeps a list for a while.
const hasTools = (target) => async () => (await send(target, legacy('tools/list'))).body?.result?.tools?.some(isOfServer);

// They are asked for once Connek serves; some scenarios have none.
async function awaitTools(target) {
  const isThere = hasTools(target);
  for (let tries = 0; tries < 80 && !(await isThere()); tries++) await new Promise((resume) => setTimeout(resume, 100));
}

const listTools = async (client) => (await client.listTools()).tools.filter(isOfServer);

// What a person's assistant and an admin do together: the admin connects what has to be, the assistant calls the tools
// that are there, and tells the admin of the link that a refusal has for them.
async function driveAuthorized(connek, target, scope) {
  const admin = new Admin(connek, 'scenario');
  await admin.attend(hasTools(target));
  const client = await connect(scope, target);
  for (const { name, inputSchema } of await listTools(client)) {
    const call = () => client.callTool({ name, arguments: argumentsFor(inputSchema) });
    let answer = await call();
    for (let tries = 0; answer.isError && tries < 6; tries++) {
      const link = /https?:\/\/\S+\/connect\/[0-9a-f]{64}/.exec(answer.content[0]?.text)?.[0];
      if (!link) break;
      await admin.follow(link);
      answer = await call();
    }
    if (answer.isError) console.error(`${scenario}: ${answer.content[0]?.text}`);
  }
}

async function drive(target, scope) {
  await awaitTools(target);
  const client = await connect(scope, target);
  const tools = await listTools(client);
  if (context.toolCalls) {
    for (const { name, arguments: args } of context.toolCalls) await quietly(client.callTool({ name, arguments: args }));
  } else {
    await Promise.all(tools.map(({ name, inputSchema }) => quietly(client.callTool({ name, arguments: argumentsFor(inputSchema) }))));
  }
  if (scenario !== 'http-standard-headers') return;
  const { resources } = await client.listResources();
  for (const { uri } of resources) await quietly(client.readResource({ uri }));
  const { prompts } = await client.listPrompts();
  for (const { name, arguments: args = [] } of prompts) {
    await quietly(client.getPrompt({ name, arguments: Object.fromEntries(args.map((argument) => [argument.name, 'text'])) }));
  }
}

const undone = [];
const scope = { after: (undo) => undone.unshift(undo) };
try {
  const { connek, url: target } = await gateway(scope);
  await (wantsAuthorization ? driveAuthorized(connek, target, scope) : drive(target, scope));
} catch (error) {
  console.error(`${scenario}: ${error.stack}`);
  process.exitCode = 1;
}
for (const undo of undone) await undo().catch((error) => (console.error(error.message), (process.exitCode = 1)));
