// The headers of the modern era (2026-07-28, Streamable HTTP): what a body says is said again where proxies see it.

const meta = 'io.modelcontextprotocol/';
const nameOf = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// The modern revision that a message says it is of, or undefined.
export function modernVersion(message) {
  const version = message.params?._meta?.[`${meta}protocolVersion`];
  return typeof version === 'string' ? version : undefined;
}

// What no field's value can hold is wrapped.
export function encode(value) {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

// What tools say of their arguments: which are repeated in a header (x-mcp-header). Learnt from every list that passes.
export class ToolHeaders {
  #known = new Map(); // tool's name: [{ path, header }]

  learn(tools) {
    if (!Array.isArray(tools)) return;
    for (const tool of tools) {
      if (typeof tool?.name !== 'string') continue;
      const found = [];
      collect(tool.inputSchema, [], found);
      this.#known.set(tool.name, found);
    }
  }

  of(name, args) {
    const headers = {};
    for (const { path, header } of this.#known.get(name) ?? []) {
      const value = path.reduce((node, key) => (node !== null && typeof node === 'object' ? node[key] : undefined), args);
      const isSafe = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value) || isFraction(value);
      if (isSafe) headers[`Mcp-Param-${header}`] = encode(String(value));
    }
    return headers;
  }
}

const isFraction = (value) => typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value);

// Through `properties` alone: anywhere else the annotation has no meaning.
function collect(schema, path, found, depth = 0) {
  if (schema === null || typeof schema !== 'object' || depth > 32) return;
  const header = schema['x-mcp-header'];
  if (path.length > 0 && typeof header === 'string' && token.test(header)) found.push({ path, header });
  if (schema.properties === null || typeof schema.properties !== 'object') return;
  for (const [key, child] of Object.entries(schema.properties)) collect(child, [...path, key], found, depth + 1);
}

export function modernHeaders(message, version, tools) {
  const { method, params } = message;
  const name = Object.hasOwn(nameOf, method) ? params?.[nameOf[method]] : undefined;
  return {
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': encode(version),
    'Mcp-Method': encode(method),
    ...(typeof name === 'string' && { 'Mcp-Name': encode(name) }),
    ...(method === 'tools/call' && typeof name === 'string' && tools.of(name, params.arguments)),
  };
}
