// `connek connector import`: what people have of MCP servers becomes a configuration, and no secret comes along.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek, run as execute } from './support/connek.js';

const secrets = {
  github: 'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
  notion: 'ntn_4839204857dkfjghskdjfh38475hsdkfjgh',
  linear: 'lin_api_9f8e7d6c5b4a39281706f5e4d3c2b1a0',
  zapier: 'ZDhjYjA2NmEtMTIzNC00YjU2LWI3ODktYzBkZWYxMjM0NTY3',
  postgres: 'hunter2hunter2',
  brave: 'BSAq8v3nF2kLx0pYtR7wZcD1mE5hG9jU',
};

const claudeDesktop = {
  globalShortcut: '',
  mcpServers: {
    github: {
      command: 'docker',
      args: ['run', '-i', '--rm', '-e', 'GITHUB_PERSONAL_ACCESS_TOKEN', 'ghcr.io/github/github-mcp-server'],
      env: { GITHUB_PERSONAL_ACCESS_TOKEN: secrets.github },
    },
    filesystem: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/srv/docs', '/srv/more'] },
    notionApi: {
      command: 'npx',
      args: ['-y', '@notionhq/notion-mcp-server'],
      env: { OPENAPI_MCP_HEADERS: `{"Authorization": "Bearer ${secrets.notion}", "Notion-Version": "2022-06-28"}`, LOG_LEVEL: 'debug', PORT: '3000' },
    },
    postgres: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-postgres', `postgresql://reader:${secrets.postgres}@db.acme.example/sales`] },
    'brave-search': { command: 'npx', args: ['-y', 'brave-mcp', `--api-key=${secrets.brave}`, '--verbose', '--token', secrets.linear] },
    linear: { command: 'npx', args: ['-y', 'mcp-remote', 'https://mcp.linear.app/mcp', '--header', `Authorization: Bearer ${secrets.linear}`] },
    old: { command: 'npx', args: ['something'], disabled: true },
  },
};

const cursor = {
  mcpServers: {
    linear: { url: 'https://mcp.linear.app/mcp', headers: { Authorization: `Bearer ${secrets.linear}` } },
    context7: { url: 'https://mcp.context7.com/mcp', headers: { CONTEXT7_API_KEY: secrets.brave } },
    zapier: { url: `https://mcp.zapier.com/api/mcp/s/${secrets.zapier}/mcp` },
    query: { url: `https://mcp.tavily.com/mcp/?tavilyApiKey=${secrets.brave}&mode=fast` },
    events: { type: 'sse', url: 'https://mcp.asana.com/sse' },
    user: { url: `https://someone:${secrets.postgres}@mcp.acme.example/mcp` },
  },
};

const vsCode = `{
  // Comments and trailing commas, as VS Code has them
  "inputs": [{ "type": "promptString", "id": "perplexity-key", "description": "API key", "password": true }],
  "servers": {
    "perplexity": {
      "type": "stdio", "command": "npx", "args": ["-y", "server-perplexity-ask"],
      "env": { "PERPLEXITY_API_KEY": "\${input:perplexity-key}" },
    },
    "Figma Dev": { "type": "http", "url": "http://127.0.0.1:3845/mcp" },
    "github": { "type": "http", "url": "https://api.githubcopilot.com/mcp/", "headers": { "Authorization": "Bearer \${env:GITHUB_TOKEN}" } },
  },
}`;

const registryPackage = {
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'io.github.brave/brave-search-mcp-server',
  title: 'Brave Search',
  description: 'MCP server for Brave Search API integration',
  version: '1.0.2',
  packages: [
    {
      registryType: 'npm',
      identifier: '@brave/brave-search-mcp-server',
      version: '1.0.2',
      transport: { type: 'stdio' },
      runtimeArguments: [{ type: 'named', name: '--node-options', value: '--no-warnings' }],
      packageArguments: [
        { type: 'positional', value: 'serve' },
        { type: 'named', name: '--folder', isRequired: true, valueHint: 'path', description: 'Where it keeps files' },
        { type: 'named', name: '--optional', valueHint: 'word' },
      ],
      environmentVariables: [
        { name: 'BRAVE_API_KEY', isRequired: true, isSecret: true, description: 'Your API key' },
        { name: 'BRAVE_REGION', default: 'eu-west' },
        { name: 'BRAVE_DEBUG', description: 'May be left out' },
      ],
    },
  ],
};

const registryRemote = {
  servers: [
    {
      server: {
        name: 'com.example/analytics',
        version: '2.0.0',
        remotes: [
          { type: 'sse', url: 'https://analytics.example.com/sse' },
          {
            type: 'streamable-http',
            url: 'https://analytics.example.com/mcp',
            headers: [{ name: 'X-API-Key', isRequired: true, isSecret: true, value: 'Token {api_key}' }],
          },
        ],
      },
      _meta: {},
    },
    {
      server: {
        name: 'io.github.someone/py-tool',
        version: '0.3.0',
        packages: [{ registry_type: 'pypi', identifier: 'py-tool', version: '0.3.0', transport: { type: 'stdio' }, environment_variables: [] }],
      },
    },
    { server: { name: 'io.github.someone/bundle', version: '1', packages: [{ registryType: 'mcpb', identifier: 'https://x.example/a.mcpb', transport: { type: 'stdio' } }] } },
  ],
};

async function imported(t, content, name = 'mcp.json') {
  const connek = await Connek.create(t);
  const path = await connek.writeFile(name, content);
  const { code, stdout, stderr } = await run(connek, path, '--json');
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout);
  for (const [whose, secret] of Object.entries(secrets)) assert.ok(!stdout.includes(secret), `${whose}'s secret was copied`);
  return { connek, path, ...result, of: (id) => result.connectors.find((connector) => connector.id === id), result };
}

const run = (connek, ...args) => execute(connek.binary, ['connector', 'import', ...args], { cwd: connek.home });
const credential = ({ connections }, name) => connections.find((connection) => connection.name === name).credential;
const variables = ({ variables: all }) => all.map(({ name }) => name).sort();

// What was made is what `connek apply` takes, once the variables are set.
async function applies({ connectors, connections, variables: all }, t) {
  const env = Object.fromEntries(all.map(({ name }) => [name, 'a-value']));
  const connek = await Connek.create(t, { env });
  await connek.apply({ organisation: 'acme', connectors, connections, roles: [], users: [] });
}

test('Claude Desktop: commands keep their words, variables become references', async (t) => {
  const made = await imported(t, claudeDesktop, 'claude_desktop_config.json');
  assert.deepEqual(made.connectors.map(({ id }) => id), ['github_mcp', 'filesystem', 'notionapi', 'postgres_mcp', 'brave_search', 'linear_mcp']);
  assert.deepEqual(made.of('github_mcp').command.at(-1), 'ghcr.io/github/github-mcp-server');
  assert.deepEqual(made.of('github_mcp').environment, { GITHUB_PERSONAL_ACCESS_TOKEN: { env: 'GITHUB_PERSONAL_ACCESS_TOKEN' } });
  assert.deepEqual(made.of('filesystem'), {
    id: 'filesystem',
    kind: 'mcp',
    command: ['npx', '-y', '@modelcontextprotocol/server-filesystem', '/srv/docs', '/srv/more'],
  });
  assert.deepEqual(made.of('notionapi').environment, { OPENAPI_MCP_HEADERS: { env: 'OPENAPI_MCP_HEADERS' }, LOG_LEVEL: 'debug', PORT: '3000' });
  assert.equal(made.of('postgres_mcp').command.at(-1), 'REPLACE_ME');
  assert.deepEqual(made.of('brave_search').command.slice(2), ['brave-mcp', '--api-key=REPLACE_ME', '--verbose', '--token', 'REPLACE_ME']);
  assert.equal(made.of('linear_mcp').url, 'https://mcp.linear.app/mcp');
  assert.deepEqual(credential(made, 'linear_mcp'), { key: { env: 'LINEAR_MCP_KEY' } });
  assert.deepEqual(variables(made), ['GITHUB_PERSONAL_ACCESS_TOKEN', 'LINEAR_MCP_KEY', 'OPENAPI_MCP_HEADERS']);
  assert.ok(made.notes.some((note) => /disabled/.test(note)));
  await applies(made, t);
});

test('Cursor: URLs and headers; a secret in a URL is left out', async (t) => {
  const made = await imported(t, cursor);
  assert.deepEqual(made.of('linear_mcp'), { id: 'linear_mcp', kind: 'mcp', url: 'https://mcp.linear.app/mcp' });
  assert.deepEqual(made.of('context7').auth, { key: { header: 'CONTEXT7_API_KEY' } });
  assert.equal(made.of('zapier').url, 'https://mcp.zapier.com/api/mcp/s/REPLACE_ME/mcp');
  assert.equal(made.of('query').url, 'https://mcp.tavily.com/mcp/?tavilyApiKey=REPLACE_ME&mode=fast');
  assert.equal(made.of('user').url, 'https://mcp.acme.example/mcp');
  assert.equal(made.of('events').url, 'https://mcp.asana.com/sse');
  assert.equal(made.notes.filter((note) => /secret/.test(note)).length, 3);
  await applies(made, t);
});

test('VS Code: comments, trailing commas, inputs and variables', async (t) => {
  const made = await imported(t, vsCode);
  assert.deepEqual(made.of('perplexity').environment, { PERPLEXITY_API_KEY: { env: 'PERPLEXITY_API_KEY' } });
  assert.equal(made.of('figma_dev').url, 'http://127.0.0.1:3845/mcp');
  assert.deepEqual(credential(made, 'github_mcp'), { key: { env: 'GITHUB_TOKEN' } });
  await applies(made, t);
});

test('the registry: a package', async (t) => {
  const made = await imported(t, registryPackage, 'server.json');
  const [connector] = made.connectors;
  assert.equal(connector.id, 'brave_search');
  assert.equal(connector.name, 'Brave Search');
  assert.deepEqual(connector.command, [
    'npx', '-y', '--node-options', '--no-warnings', '@brave/brave-search-mcp-server@1.0.2', 'serve', '--folder', 'REPLACE_ME',
  ]);
  assert.deepEqual(connector.environment, { BRAVE_API_KEY: { env: 'BRAVE_API_KEY' }, BRAVE_REGION: 'eu-west' });
  assert.equal(made.variables[0].description, 'Your API key');
  assert.ok(made.notes.some((note) => /Where it keeps files/.test(note)));
  await applies(made, t);
});

test('the registry: what its API answers, remotes before packages, other registries', async (t) => {
  const made = await imported(t, registryRemote);
  assert.equal(made.of('analytics').url, 'https://analytics.example.com/mcp');
  assert.deepEqual(made.of('analytics').auth, { key: { header: 'X-API-Key', prefix: 'Token ' } });
  assert.deepEqual(credential(made, 'analytics'), { key: { env: 'API_KEY' } });
  assert.deepEqual(made.of('py_tool').command, ['uvx', 'py-tool@0.3.0']);
  assert.equal(made.connectors.length, 2);
  assert.ok(made.notes.some((note) => note.startsWith('bundle: ')));
  await applies(made, t);
});

test('two servers whose variables have one name get two', async (t) => {
  const server = (value) => ({ command: 'x', env: { API_KEY: value } });
  const made = await imported(t, { mcpServers: { one: server(secrets.brave), two: server(secrets.linear), 'mcp-one': server('') } });
  assert.deepEqual(made.connectors.map(({ id }) => id), ['one', 'two', 'one_2']);
  assert.deepEqual(variables(made), ['API_KEY', 'ONE_2_API_KEY', 'TWO_API_KEY']);
  await applies(made, t);
});

test('people read a configuration on standard output, and what to set on standard error', async (t) => {
  const connek = await Connek.create(t);
  const path = await connek.writeFile('mcp.json', cursor);
  const { code, stdout, stderr } = await run(connek, path);
  assert.equal(code, 0);
  assert.deepEqual(Object.keys(JSON.parse(stdout)), ['connectors', 'connections']);
  assert.match(stderr, /Set these variables[^]*LINEAR_MCP_KEY \(linear_mcp\)/);
  for (const secret of Object.values(secrets)) assert.ok(!stderr.includes(secret) && !stdout.includes(secret));
});

test('what is none of these forms is refused', async (t) => {
  const connek = await Connek.create(t);
  for (const content of ['[]', '{}', '{"mcpServers": 3}', '{"mcpServers": {}}', '{"servers": {"x": {}}}', '{"a"', '{"name": "x", "packages": []}']) {
    const { code, stderr } = await run(connek, await connek.writeFile('odd.json', content));
    assert.equal(code, 1, content);
    assert.match(stderr, /odd\.json|x: /, content);
  }
  assert.equal((await run(connek, 'not-there.json')).code, 1);
});
