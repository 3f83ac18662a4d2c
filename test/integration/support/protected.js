// An MCP server that lets nobody in without a token of its authorization server, as the MCP authorization specification has
// it: real software on both sides (the official SDK's server, npm oidc-provider in oidc.js). Tests bend what it says of
// itself.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CertifiedVendor } from './oidc.js';

export async function listening(t, answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${server.address().port}`;
}

// An authorization server that gives tokens for whatever resource it is asked about.
export const authorizationServer = (t, configuration = {}) =>
  CertifiedVendor.start(t, {
    scopes: ['openid', 'offline_access'],
    features: {
      registration: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, resource) => ({ scope: 'mcp:read mcp:write', audience: resource, accessTokenFormat: 'opaque' }),
        useGrantedResource: () => true,
      },
    },
    ...configuration,
  });

function tools() {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('read_note', { description: 'Reads a note.', annotations: { readOnlyHint: true } }, () => ({ content: [{ type: 'text', text: 'a note' }] }));
  server.registerTool('write_note', { description: 'Writes a note.' }, () => ({ content: [{ type: 'text', text: 'written' }] }));
  return server;
}

export class ProtectedServer {
  tokens = []; // that came, with what became of them: { token, status }
  documents = 0; // how often its metadata was read
  challenge = true; // whether it says where its metadata is
  metadata = {}; // over what it publishes of itself
  refusing = async () => {}; // what it waits for before it says that more has to be granted
  isStubborn = false; // whether it refuses to write whatever was granted

  static async start(t, authority) {
    const server = new ProtectedServer();
    server.authority = authority;
    server.host = await listening(t, (request, response) => server.#take(request, response).catch(() => response.destroy()));
    server.url = `http://${server.host}/mcp`;
    return server;
  }

  get document() {
    return { resource: this.url, authorization_servers: [this.authority.base], scopes_supported: ['mcp:read'], ...this.metadata };
  }

  get documentUrl() {
    return `http://${this.host}/.well-known/oauth-protected-resource/mcp`;
  }

  #refuse(response, token, status, parameters) {
    this.tokens.push({ token, status });
    const all = { ...parameters, ...(this.challenge && { resource_metadata: this.challengeUrl ?? this.documentUrl }) };
    const text = Object.entries(all).map(([name, value]) => `${name}="${value}"`).join(', ');
    response.writeHead(status, { 'WWW-Authenticate': `Bearer ${text}`, 'Content-Type': 'application/json' }).end('{"error":"refused"}');
  }

  async #take(request, response) {
    const { pathname } = new URL(request.url, this.url);
    if (pathname === '/.well-known/oauth-protected-resource/mcp') {
      this.documents++;
      return response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(this.document));
    }
    if (pathname !== '/mcp') return response.writeHead(404).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const token = request.headers.authorization?.slice('Bearer '.length);
    const found = token && (await this.authority.provider.AccessToken.find(token));
    const isGood = found?.isValid && [found.aud].flat().includes(this.url);
    if (!isGood) return this.#refuse(response, token, 401, token ? { error: 'invalid_token' } : { scope: 'mcp:read' });
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
    const wants = body?.params?.name === 'write_note' ? 'mcp:write' : 'mcp:read';
    const isGranted = found.scope?.split(' ').includes(wants) && !(this.isStubborn && wants === 'mcp:write');
    if (!isGranted) await this.refusing();
    if (!isGranted) return this.#refuse(response, token, 403, { error: 'insufficient_scope', scope: wants });
    this.tokens.push({ token, status: 200 });
    if (request.method !== 'POST') return response.writeHead(405).end();
    const server = tools();
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    response.on('close', () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, body);
  }
}
