// Services that tell everybody what they were told: an HTTP API, its OAuth endpoints and an MCP server that repeat
// whatever they are sent, in each way that they can answer. Tokens that they give are canaries.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';

const json = { 'Content-Type': 'application/json' };

export class Leaky {
  isTokenBroken = false; // the token endpoint refuses, and repeats
  isMcpBroken = false;
  seen = ''; // all that came, as text

  static async start(t, canaries) {
    const leaky = new Leaky();
    leaky.canaries = canaries;
    leaky.server = createServer((request, response) => leaky.#take(request, response).catch(() => response.destroy()));
    leaky.server.listen(0, '127.0.0.1');
    await once(leaky.server, 'listening');
    leaky.host = `127.0.0.1:${leaky.server.address().port}`;
    leaky.base = `http://${leaky.host}`;
    t.after(() => {
      leaky.server.closeAllConnections();
      leaky.server.close();
    });
    return leaky;
  }

  async #take(request, response) {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const all = { url: request.url, headers: request.rawHeaders, body };
    this.seen += `${JSON.stringify(all)}\n`;
    const url = new URL(request.url, this.base);
    if (url.pathname === '/authorize') return this.#authorize(url, response);
    if (url.pathname === '/token') return this.#token(all, response);
    if (url.pathname === '/revoke') return void response.writeHead(400, json).end(JSON.stringify({ error: 'no', error_description: JSON.stringify(all) }));
    if (url.pathname === '/mcp') return this.#mcp(all, response);
    return this.#repeat(/(\w+)$/.exec(url.pathname)?.[1], all, response);
  }

  #repeat(how, all, response) {
    const text = JSON.stringify(all);
    const { base } = this;
    switch (how) {
      case 'fail':
        return void response.writeHead(500, json).end(JSON.stringify({ message: `${this.control ?? ''} wrong: ${text}`, code: text.slice(0, 300) }));
      case 'refuse':
        return void response.writeHead(401, { 'Content-Type': 'text/plain', 'WWW-Authenticate': `Bearer realm="${all.headers.join(' ').replace(/[^ -~]|"/g, '')}"` }).end(`no: ${text}`);
      case 'lead':
        return void response.writeHead(302, { Location: `${base}${all.url}` }).end(text);
      case 'break':
        return void response.writeHead(200, { ...json, 'Content-Length': text.length + 100 }).end(text).destroy();
      case 'garble':
        return void response.writeHead(200, json).end(`{"a":1,"a":${text}`);
      default:
        return void response.writeHead(200, { ...json, Link: `<${base}${all.url}>; rel="next"`, 'X-All': all.headers.join(' ').replace(/[^ -~]/g, '') }).end(text);
    }
  }

  #authorize(url, response) {
    const back = new URL(url.searchParams.get('redirect_uri'));
    back.searchParams.set('code', this.canaries.make('a code of a service', 'co-'));
    back.searchParams.set('state', this.canaries.add('the state of a consent', url.searchParams.get('state')));
    response.writeHead(302, { Location: back.href }).end();
  }

  #token(all, response) {
    const repeated = `${all.headers.join(' ')} ${decodeURIComponent(all.body)} ${all.body}`;
    const verifier = new URLSearchParams(all.body).get('code_verifier');
    if (verifier) this.canaries.add('a PKCE verifier', verifier);
    if (this.isTokenBroken) return void response.writeHead(400, json).end(JSON.stringify({ error: this.isTokenBroken, error_description: repeated }));
    response.writeHead(200, json).end(JSON.stringify({
      access_token: this.canaries.make('an access token of a service', 'ac-'),
      refresh_token: this.canaries.make('a refresh token of a service', 're-'),
      token_type: 'Bearer',
      expires_in: this.lifetime ?? 3600,
      scope: 'books',
      name: 'captured',
    }));
  }

  // An MCP server whose tools, errors and description say what it was sent.
  #mcp(all, response) {
    const text = JSON.stringify(all.headers);
    if (all.body === '') return void response.writeHead(405).end();
    const { id, method, params } = JSON.parse(all.body);
    if (id === undefined) return void response.writeHead(202).end();
    if (this.isMcpBroken) return void response.writeHead(this.isMcpBroken, { 'Content-Type': 'text/plain', 'WWW-Authenticate': `Bearer error="${all.headers.join(' ').replace(/[^ -~]|"/g, '')}"` }).end(text);
    const reply = mcpAnswer(method, params, text);
    response.writeHead(200, json).end(JSON.stringify({ jsonrpc: '2.0', id, ...reply }));
  }
}

function mcpAnswer(method, params, text) {
  const tools = ['echo', 'fail', 'refuse'].map((name) => ({ name, description: `Does ${name}.`, inputSchema: { type: 'object' } }));
  switch (method) {
    case 'initialize':
      return { result: { protocolVersion: '2025-06-18', capabilities: { tools: {}, resources: {}, prompts: {} }, serverInfo: { name: 'leaky', version: '1' }, instructions: `All: ${text}` } };
    case 'tools/list':
      return { result: { tools: [...tools, { name: 'told', description: `Tells ${text}`, inputSchema: { type: 'object', properties: { a: { type: 'string', default: text } } } }] } };
    case 'resources/list':
      return { result: { resources: [{ uri: 'leaky://all', name: 'all', description: text }] } };
    case 'resources/templates/list':
      return { result: { resourceTemplates: [] } };
    case 'prompts/list':
      return { result: { prompts: [{ name: 'all', description: text }] } };
    case 'prompts/get':
      return { result: { messages: [{ role: 'user', content: { type: 'text', text } }] } };
    case 'resources/read':
      return { result: { contents: [{ uri: params.uri, text, mimeType: 'text/plain' }] } };
    case 'tools/call':
      if (params.name === 'fail') return { error: { code: -32000, message: text, data: { text } } };
      return { result: { content: [{ type: 'text', text }], isError: params.name === 'refuse', structuredContent: { text } } };
    case 'ping':
      return { result: {} };
    default:
      return { error: { code: -32601, message: `not found: ${text}` } };
  }
}

// A program for Connek to start: the same over standard input and output, with its environment and words. It prints them too.
export const leakyProgram = join(import.meta.dirname, 'leaky_child.js');

export { mcpAnswer };
