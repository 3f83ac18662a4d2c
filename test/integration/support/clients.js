// Real clients of MCP, connected: what people's assistants are built from.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client as Sdk1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Sdk1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { run } from './connek.js';
import { modernRevision } from './mcp.js';

const who = { name: 'connek-tests', version: '1.0.0' };

async function connected(t, client, transport) {
  t.after(() => client.close());
  await client.connect(transport);
  return client;
}

// @modelcontextprotocol/sdk 1.x
export function sdk1(t, url, headers = {}, capabilities = {}, name = who.name) {
  return connected(t, new Sdk1Client({ ...who, name }, { capabilities }), new Sdk1Transport(new URL(url), { requestInit: { headers } }));
}

// @modelcontextprotocol/client 2.x; mode: 'legacy', 'auto', or a modern revision alone.
function client2(t, url, headers, capabilities, mode) {
  const client = new Client2(who, { capabilities, versionNegotiation: { mode } });
  return connected(t, client, new Transport2(new URL(url), { requestInit: { headers } }));
}
export const client2Legacy = (t, url, headers = {}, capabilities = {}) => client2(t, url, headers, capabilities, 'legacy');
export const client2Auto = (t, url, headers = {}, capabilities = {}) => client2(t, url, headers, capabilities, 'auto');
export const client2Modern = (t, url, headers = {}, capabilities = {}) => client2(t, url, headers, capabilities, { pin: modernRevision });

const remoteProgram = resolve(import.meta.dirname, '../../../node_modules/mcp-remote/dist/proxy.js');

// What Claude Desktop and others start for a server that is elsewhere: SDK 1.x over stdio, mcp-remote from there.
export async function mcpRemote(t, url, headers = {}, capabilities = {}) {
  const home = await mkdtemp(join(tmpdir(), 'mcp-remote-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const words = [remoteProgram, url, '--allow-http', '--transport', 'http-only'];
  for (const [name, value] of Object.entries(headers)) words.push('--header', `${name}:${value}`);
  const env = { PATH: process.env.PATH, HOME: home, MCP_REMOTE_CONFIG_DIR: home };
  const transport = new StdioClientTransport({ command: process.execPath, args: words, env, stderr: 'ignore' });
  return connected(t, new Sdk1Client(who, { capabilities }), transport);
}

// Every kind, by name: for tests that hold for all of them.
export const everyClient = {
  'sdk 1.x': sdk1,
  'client 2.x, legacy': client2Legacy,
  'client 2.x, modern': client2Modern,
  'client 2.x, auto': client2Auto,
};

export const launcher = resolve(import.meta.dirname, '../../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

// `inspector --cli`: { code, stdout, stderr, result }; era: legacy, auto or modern.
export async function inspector(url, args, { era = 'legacy', env = {} } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'inspector-'));
  try {
    const words = [launcher, '--cli', url, '--transport', 'http', '--protocol-era', era, '--format', 'json', '--quiet', ...args];
    const ended = await run(process.execPath, words, { env: { ...env, HOME: home } });
    let result;
    try {
      result = JSON.parse(ended.stdout);
    } catch {
      // The text tells.
    }
    return { ...ended, result };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
