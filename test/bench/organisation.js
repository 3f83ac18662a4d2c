// The organisations that are measured, and what their users ask.
//
// `twenty`: an HTTP service with 17 tools and a SQLite ledger; with Connek's own three a user sees 20 tools.
// `manifests`: a service that answers a page of orders, by the least and by the most that a manifest can say of it.
// `thousand`: the same service and 49 more of 20 tools each: 1,000 tools, of which a user sees the same 20.
import { run } from './process.js';

export const ownTools = 3;
export const listedTools = 20;
const wideConnectors = 49;
const key = 'a key of the upstream, 32 bytes..';

const pad = (number) => String(number).padStart(2, '0');

function tool(i) {
  return {
    name: i === 0 ? 'get_order' : `get_report_${pad(i)}`,
    does: 'read',
    description: `Returns ${i === 0 ? 'one order with its customer and lines' : `report ${i}: totals by month, newest first`}. Amounts are in the order's currency.`,
    input: {
      type: 'object',
      properties: {
        id: { type: 'string', maxLength: 64, description: 'The id, as a list of orders gives it.' },
        expand: { type: 'string', enum: ['customer', 'lines', 'all'], description: 'What to include.' },
      },
      required: ['id'],
      additionalProperties: false,
    },
    call: 'GET /item',
    query: { id: '{id}', expand: '{expand}' },
  };
}

function connector(id, tools) {
  return {
    manifest: 1,
    id,
    name: id,
    base: '{conn.base}',
    auth: [{ type: 'key', in: 'header', name: 'X-Api-Key', value: '{key}' }],
    tools: Array.from({ length: tools }, (_, i) => tool(i)),
  };
}

// What the engine of manifests costs: the same page of orders, asked for by a manifest that says nothing but where, and by
// one that says all that real ones say.
export const smallPage = 1024;
export const largePage = 100 * 1024;

function listing(upstream) {
  const auth = [{ type: 'key', in: 'header', name: 'X-Api-Key' }];
  const described = { name: 'Orders', description: 'What is measured.' };
  const plain = (name, bytes) => ({ name, does: 'read', description: 'Returns a page of orders.', input: { type: 'object' }, call: `GET /list/${bytes}` });
  const input = {
    type: 'object',
    properties: {
      bytes: { type: 'integer', minimum: 512, maximum: 1_000_000, description: 'How large a page.' },
      customer: { type: 'string', pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 64, description: 'The customer.' },
      status: { type: 'array', items: { enum: ['draft', 'open', 'paid', 'void'] }, maxItems: 4, uniqueItems: true, description: 'Only these.' },
      since: { type: 'string', format: 'date', description: 'Made on that day or later.' },
      at_least: { type: 'number', minimum: 0, description: 'The total.' },
    },
    required: ['bytes'],
    additionalProperties: false,
  };
  const full = {
    name: 'list',
    does: 'read',
    description: 'Returns a page of orders.',
    input,
    call: 'GET /list/{bytes}',
    query: { status: '{status|csv}', customer: '{customer}', since: '{since}', filter: 'total>={at_least}', sort: '-created' },
    headers: { 'X-Request-Kind': 'list-{customer|or:all}' },
    page: true,
    items: 'data',
    keep: 'id,status,total,customer(id,name)',
  };
  return {
    connectors: [
      { manifest: 1, id: 'minimal', ...described, base: '{conn.base}', auth, tools: [plain('list', smallPage), plain('list_large', largePage)] },
      {
        manifest: 1,
        id: 'full',
        ...described,
        base: '{conn.base}',
        settings: { base: { description: 'Its address.', required: true }, tenant: { description: 'The tenant.', required: true, pattern: '^[a-z0-9-]+$' } },
        headers: { 'X-Tenant': '{conn.tenant}', Accept: 'application/json' },
        query: { version: '2026-11-01' },
        auth,
        retry: { on: [429, 503], after: ['retry-after'] },
        errors: { ok: { path: 'error', absent: true }, message: ['error.message', 'message'], code: ['error.code'] },
        page: { by: 'cursor', send: 'query.after', next: 'next', size: 'query.limit', default: 20, max: 1000 },
        tools: [full],
      },
    ],
    connections: [
      connection('minimal', upstream),
      { ...connection('full', upstream), settings: { base: upstream, tenant: 'acme-1' } },
    ],
  };
}

const connection = (name, upstream) => ({ name, connector: name, settings: { base: upstream }, credential: { key } });

// Configurations by organisation. `upstream`: its address; `ledger`: the SQLite file.
export function organisations({ upstream, ledger }) {
  const orders = connector('orders', listedTools - ownTools);
  const wide = Array.from({ length: wideConnectors }, (_, i) => connector(`service${pad(i)}`, 20));
  const caller = { name: 'caller', rules: [{ connection: 'orders', does: ['read'] }] };
  const limits = { per_minute: 1_000_000 };
  const lists = listing(upstream);
  const user = (email, ...roles) => ({ email, roles });
  return {
    twenty: {
      organisation: 'twenty',
      limits,
      connectors: [orders],
      connections: [connection('orders', upstream), { name: 'ledger', connector: 'sqlite', settings: { file: ledger } }],
      roles: [caller, { name: 'analyst', rules: [{ connection: 'ledger', does: ['read'] }] }, { name: 'nobody', rules: [] }],
      users: [user('http@bench.example', 'caller'), user('list@bench.example', 'caller'), user('sqlite@bench.example', 'analyst'), user('denied@bench.example', 'nobody')],
    },
    manifests: {
      organisation: 'manifests',
      limits,
      ...lists,
      roles: [{ name: 'caller', rules: lists.connections.map(({ name }) => ({ connection: name, does: ['read'] })) }],
      users: [user('lists@bench.example', 'caller')],
    },
    thousand: {
      organisation: 'thousand',
      limits,
      connectors: [orders, ...wide],
      connections: [orders, ...wide].map(({ id }) => connection(id, upstream)),
      roles: [caller],
      users: [user('wide@bench.example', 'caller')],
    },
  };
}

export async function makeLedger(file) {
  const sql = `PRAGMA journal_mode=WAL;
    CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL, paid INTEGER NOT NULL);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO invoice SELECT i, 'customer ' || i, i * 100, i % 2 FROM n;`;
  await run(['sqlite3', '-bail', file, sql]);
}

// What is asked in each era: { headers, body }.
const eras = {
  legacy(method, params) {
    return {
      headers: { 'MCP-Protocol-Version': '2025-11-25' },
      body: { jsonrpc: '2.0', id: 1, method, ...(params && { params }) },
    };
  },
  modern(method, params = {}) {
    const revision = '2026-07-28';
    const prefix = 'io.modelcontextprotocol/';
    const meta = { [`${prefix}protocolVersion`]: revision, [`${prefix}clientCapabilities`]: {}, [`${prefix}clientInfo`]: { name: 'bench', version: '1' } };
    return {
      headers: { 'MCP-Protocol-Version': revision, 'Mcp-Method': method, ...(params.name && { 'Mcp-Name': params.name }) },
      body: { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } },
    };
  },
};

export function message(era, method, params) {
  const { headers, body } = eras[era](method, params);
  return {
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  };
}

// By kind of call: who asks what, what every answer must hold, and what one answer must say.
export function callKinds(era) {
  const call = (name, args) => message(era, 'tools/call', { name, arguments: args });
  const listed = (name, args) => ({
    organisation: 'manifests',
    email: 'lists@bench.example',
    ...call(name, args),
    expected: 'ord_000001',
    isRight: ({ result }) => result?.isError !== true && JSON.stringify(result?.content ?? '').includes('ord_000001'),
  });
  const wanted = { customer: 'acme-trading-2', status: ['open', 'paid'], since: '2026-11-01', at_least: 9.5, page_size: 500 };
  return {
    http: {
      organisation: 'twenty',
      email: 'http@bench.example',
      ...call('orders_get_order', { id: 'ord_20261120_0001', expand: 'all' }),
      expected: 'nnnnnnnn',
      isRight: ({ result }) => result?.isError !== true && JSON.stringify(result?.content ?? '').includes('ord_20261120_0001'),
    },
    minimal: listed('minimal_list', {}),
    minimal_large: listed('minimal_list_large', {}),
    full: listed('full_list', { ...wanted, bytes: smallPage }),
    full_large: listed('full_list', { ...wanted, bytes: largePage }),
    list: {
      organisation: 'twenty',
      email: 'list@bench.example',
      ...message(era, 'tools/list'),
      expected: '"orders_get_report_16"',
      isRight: ({ result }) => result?.tools?.length === listedTools && !result.nextCursor,
    },
    wide: {
      organisation: 'thousand',
      email: 'wide@bench.example',
      ...message(era, 'tools/list'),
      expected: '"orders_get_report_16"',
      isRight: ({ result }) => result?.tools?.length === listedTools && !result.nextCursor,
    },
    denied: {
      organisation: 'twenty',
      email: 'denied@bench.example',
      ...call('orders_get_order', { id: 'ord_20261120_0001' }),
      expected: '"isError":true',
      isRight: ({ result }) => result?.isError === true,
    },
    sqlite: {
      organisation: 'twenty',
      email: 'sqlite@bench.example',
      ...call('sqlite_query', { sql: 'SELECT id, customer, cents, paid FROM invoice WHERE id = ?', params: [417] }),
      expected: 'customer 417',
      isRight: ({ result }) => result?.isError !== true && JSON.stringify(result?.content ?? '').includes('customer 417'),
    },
  };
}
