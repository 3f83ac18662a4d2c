// An MCP server whose lists a test writes, word for word: what no SDK would let it offer too. Legacy era, plain JSON
// replies; tools answer with what they were given, resources and prompts with who they are.
import { createServer } from 'node:http';
import { once } from 'node:events';

export class Served {
  name = 'served';
  tools = [];
  resources = [];
  templates = [];
  prompts = [];
  instructions = undefined;
  requests = []; // { method, params, headers }
  failure = null; // an HTTP status: what every request gets
  lie = null; // (message, response) => whether it has been answered so
  sessions = null; // [] where it has sessions: { id, ended }

  static async start(t, fields = {}) {
    const served = Object.assign(new Served(), fields);
    served.server = createServer((request, response) => served.#serve(request, response));
    served.server.listen(0, '127.0.0.1');
    await once(served.server, 'listening');
    served.port = served.server.address().port;
    served.url = `http://127.0.0.1:${served.port}/mcp`;
    t.after(() => served.stop());
    return served;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  of(method) {
    return this.requests.filter((request) => request.method === method);
  }

  async #serve(request, response) {
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    if (this.failure) return void response.writeHead(this.failure).end();
    if (request.method === 'DELETE' && this.sessions) return void this.#end(request, response);
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const message = JSON.parse(text);
    this.requests.push({ method: message.method, params: message.params, headers: request.headers });
    if (this.lie && (await this.lie(message, response))) return;
    if (this.sessions && message.method === 'initialize') {
      this.sessions.push({ id: `session-${this.sessions.length + 1}`, ended: false });
      response.setHeader('Mcp-Session-Id', this.sessions.at(-1).id);
    } else if (this.sessions && !this.#session(request)) {
      return void response.writeHead(404).end();
    }
    if (message.id === undefined) return void response.writeHead(202).end();
    const result = this.#answer(message);
    const reply = result ? { result } : { error: { code: -32601, message: 'Method not found' } };
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...reply }));
  }

  #session(request) {
    return this.sessions.find(({ id, ended }) => id === request.headers['mcp-session-id'] && !ended);
  }

  #end(request, response) {
    const session = this.#session(request);
    if (session) session.ended = true;
    response.writeHead(session ? 200 : 404).end();
  }

  #answer({ method, params = {} }) {
    const { name } = this;
    switch (method) {
      case 'initialize':
        return {
          protocolVersion: '2025-06-18',
          capabilities: { tools: {}, resources: {}, prompts: {} },
          serverInfo: { name, version: '1' },
          ...(this.instructions !== undefined && { instructions: this.instructions }),
        };
      case 'ping':
        return {};
      case 'tools/list':
        return { tools: this.tools };
      case 'resources/list':
        return { resources: this.resources };
      case 'resources/templates/list':
        return { resourceTemplates: this.templates };
      case 'prompts/list':
        return { prompts: this.prompts };
      case 'tools/call':
        return { content: [{ type: 'text', text: JSON.stringify({ server: name, tool: params.name, arguments: params.arguments }) }] };
      case 'resources/read':
        return { contents: [{ uri: params.uri, mimeType: 'text/plain', text: `${name} ${params.uri}` }] };
      case 'prompts/get':
        return { messages: [{ role: 'user', content: { type: 'text', text: `${name} ${params.name}` } }] };
      default:
        return null;
    }
  }
}

export const tool = (name, more = {}) => ({ name, description: `Does ${name}.`, inputSchema: { type: 'object' }, ...more });
export const readOnly = (name, more = {}) => tool(name, { annotations: { readOnlyHint: true }, ...more });

export const user = 'all@acme.example';

// An organisation with a connection for each server ({ id, url, trust, names, connection }), and one user who may do all
// of `does` there.
export function organisation(servers, { name = 'acme', does = ['read', 'write', 'destroy'] } = {}) {
  const connectors = new Map(servers.map(({ id, url }) => [id, { id, kind: 'mcp', url }]));
  return {
    organisation: name,
    limits: { per_minute: 1_000_000 },
    connectors: [...connectors.values()],
    connections: servers.map(({ id, trust, names, connection = id, credential }) => ({
      name: connection,
      connector: id,
      trust,
      names,
      credential,
    })),
    roles: [{ name: 'all', rules: [...connectors.keys()].map((id) => ({ connector: id, does })) }],
    users: [{ email: `all@${name}.example`, roles: ['all'] }],
  };
}
