// An organisation with something in it: a service with tools that read, write and destroy, a ledger, an MCP server, people
// and roles, and calls that real clients have made.
import { exampleLedger, Connek } from '../../integration/support/connek.js';
import { Upstream } from '../../integration/support/upstream.js';
import { sdk1 } from '../../integration/support/clients.js';
import { member, password } from '../../integration/support/sign_in.js';

export { password };
export const owner = 'ann@acme.example';

const text = { type: 'string' };
const input = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });

// A service of accounting, as its manifest describes it; `base` is where it answers.
export const booksManifest = (base, id = 'books', name = 'Books') => ({
  manifest: 1,
  id,
  name,
  description: `Accounting in ${name}: customers, invoices and what is still owed.`,
  base,
  categories: ['accounting', 'customers'],
  auth: [{ type: 'key', in: 'header', name: 'Authorization', prefix: 'Bearer ', description: `In ${name}, open Settings, then API, and make a key that may read and write.` }],
  check: { tool: 'list_customers' },
  tools: [
    { name: 'list_customers', title: 'List customers', does: 'read', description: 'Lists the customers, by name.', input: input({}), call: 'GET /customers' },
    {
      name: 'list_invoices',
      title: 'List invoices',
      does: 'read',
      description: 'Lists invoices by status, newest first, with what is still owed of each.',
      input: input({ status: { ...text, enum: ['open', 'paid'], description: 'Which invoices.' }, limit: { type: 'integer', minimum: 1, maximum: 100, description: 'How many at most.' } }, ['status']),
      call: 'GET /invoices',
      query: { status: '{status}', limit: '{limit}' },
    },
    {
      name: 'create_invoice',
      title: 'Create an invoice',
      does: 'write',
      description: 'Creates a draft of an invoice for a customer.',
      input: input({ customer: { ...text, description: 'The name of the customer.' }, amount: { type: 'number', description: 'In euros.' } }),
      call: 'POST /invoices',
      body: { customer: '{customer}', amount: '{amount}' },
    },
    { name: 'void_invoice', title: 'Void an invoice', does: 'destroy', description: 'Voids an invoice for good.', input: input({ number: text }), call: 'DELETE /invoices/{number}' },
  ],
});

export const deskManifest = (base) => ({
  ...booksManifest(base, 'desk', 'Desk'),
  description: 'The support desk: tickets and their answers.',
  categories: ['customers'],
  tools: [
    { name: 'list_tickets', title: 'List tickets', does: 'read', description: 'Lists open tickets.', input: input({}), call: 'GET /tickets' },
    { name: 'answer_ticket', title: 'Answer a ticket', does: 'write', description: 'Sends an answer to whoever asked.', input: input({ ticket: text, answer: text }), call: 'POST /tickets/{ticket}', body: { answer: '{answer}' } },
  ],
  check: { tool: 'list_tickets' },
});

const invoices = [
  { number: 'INV-0042', customer: 'Globex', owed: 1245.5 },
  { number: 'INV-0041', customer: 'Initech', owed: 99 },
];

export async function books(t) {
  const upstream = await Upstream.start(t);
  upstream.answer = (request, response) => {
    if (!(request.headers.authorization ?? '').startsWith('Bearer ')) return upstream.json(response, { message: 'Who are you?' }, 401);
    if (request.url.includes('void') || request.method === 'DELETE') return upstream.json(response, { message: 'This invoice is paid, and cannot be voided.' }, 409);
    return upstream.json(response, request.url.startsWith('/invoices') ? { invoices } : { items: ['Globex', 'Initech'] });
  };
  return upstream;
}

export const people = {
  [owner]: { kind: 'owner', roles: ['Finance'] },
  'ben@acme.example': { kind: 'admin', roles: ['Support'] },
  'carla@acme.example': { kind: 'member', roles: ['Finance', 'Support'] },
  'dilip@acme.example': { kind: 'member', roles: ['Marketing'] },
  'eva@acme.example': { kind: 'auditor', roles: [] },
};

// A running Connek with all of it. `calls`: whether its clients have called already; `upstreams`: where else it may call.
export async function acme(t, { calls = true, upstreams = [], ...options } = {}) {
  const upstream = await books(t);
  const connek = await Connek.create(t, options);
  await connek.makeDatabase('ledger.db', exampleLedger);
  await connek.writeFile('books.json', booksManifest(upstream.base));
  await connek.writeFile('desk.json', deskManifest(upstream.base));
  await connek.apply({
    organisation: 'Acme',
    limits: { per_minute: 600 },
    connectors: ['books.json', 'desk.json'],
    connections: [
      { name: 'Acme Books', connector: 'books', labels: { client: 'Acme' }, credential: { key: 'secret-of-acme' } },
      { name: 'Globex Books', connector: 'books', labels: { client: 'Globex' }, credential: { key: 'secret-of-globex' } },
      { name: 'Support desk', connector: 'desk', credential: { key: 'secret-of-desk' } },
      { name: 'Ledger', connector: 'sqlite', settings: { file: 'ledger.db' } },
    ],
    roles: [
      { name: 'Finance', rules: [{ connection: 'Acme Books', does: ['read', 'write'] }, { connection: 'Acme Books', tools: ['void_invoice'], effect: 'deny' }, { connection: 'Ledger', does: ['read'] }] },
      { name: 'Marketing', rules: [] },
      { name: 'Support', rules: [{ connection: 'Support desk', does: ['read', 'write'] }, { label: 'client=Globex', does: ['read'] }] },
    ],
    users: Object.entries(people).map(([email, { kind, roles }]) => ({ email, kind, roles })),
  });
  await connek.start(...[upstream.host, ...upstreams].flatMap((host) => ['--allow-upstream', host]));
  for (const email of Object.keys(people)) if (email !== 'dilip@acme.example') await member(connek, email);
  const world = { connek, upstream, base: connek.base };
  if (calls) await makeCalls(t, world);
  return world;
}

const callsOf = {
  [owner]: [
    ['books_list_invoices', { status: 'open', account: 'Acme Books' }],
    ['books_list_customers', {}],
    ['sqlite_query', { sql: 'SELECT name FROM customer' }],
    ['books_void_invoice', { number: 'INV-0042' }],
  ],
  'carla@acme.example': [
    ['desk_list_tickets', {}],
    ['desk_answer_ticket', { ticket: '17', answer: 'It is on its way.' }],
    ['books_create_invoice', { customer: 'Globex', amount: 120 }],
  ],
  'dilip@acme.example': [['books_list_invoices', { status: 'open' }]],
};

export async function makeCalls(t, { connek }) {
  for (const [email, calls] of Object.entries(callsOf)) {
    const { url } = await connek.token(email, '--name', 'Claude');
    const client = await sdk1(t, url);
    for (const [name, args] of calls) await client.callTool({ name, arguments: args }).catch(() => {});
  }
}
