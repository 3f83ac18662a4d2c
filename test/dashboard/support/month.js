// A month of an organisation's life for pictures: calls that real clients make, then moved apart in time, with days before them. Written past the server, so that the trail of it verifies no more: for looking at alone.
import assert from 'node:assert/strict';
import { sdk1 } from '../../integration/support/clients.js';
import { run } from '../../integration/support/connek.js';

const calls = [
  ['carla@acme.example', 'desk_list_tickets', {}],
  ['ann@acme.example', 'books_list_invoices', { status: 'open', account: 'Acme Books' }],
  ['carla@acme.example', 'desk_answer_ticket', { ticket: '17', answer: 'It is on its way.' }],
  ['ben@acme.example', 'desk_list_tickets', {}],
  ['ann@acme.example', 'sqlite_query', { sql: 'SELECT name FROM customer' }],
  ['carla@acme.example', 'books_create_invoice', { customer: 'Globex', amount: 120, account: 'Acme Books' }],
  ['dilip@acme.example', 'books_list_invoices', { status: 'open' }],
  ['ben@acme.example', 'books_list_customers', { account: 'Globex Books' }],
  ['ann@acme.example', 'books_list_invoices', { status: 'paid', account: 'Acme Books' }],
  ['ann@acme.example', 'books_void_invoice', { number: 'INV-0042' }],
];
const clientNames = { 'ann@acme.example': 'Claude', 'ben@acme.example': 'Cursor', 'carla@acme.example': 'Claude', 'dilip@acme.example': 'ChatGPT' };

// Of the days before today, a weekend is quiet.
const before = (days) =>
  Array.from({ length: days }, (_, i) => {
    const ago = i + 1;
    const weekday = new Date(Date.now() - ago * 86_400_000).getUTCDay();
    const tenths = weekday === 0 || weekday === 6 ? 3 : 8 + ((ago * 7) % 6);
    return `INSERT OR IGNORE INTO usage_day SELECT organisation_id, day - ${ago}, user_id, tool, connection, connector, ok * ${tenths} / 10, errors, denied * ${tenths - (ago % 3)} / 10, limited, durations FROM usage_day WHERE day = (SELECT max(day) FROM usage_day);`;
  }).join('\n');

export async function manyCalls(t, { connek, upstream }) {
  await connek.apply({ organisation: 'Acme', connections: [{ name: 'Globex Slack', connector: 'slack', labels: { client: 'Globex' } }] });
  const { answer } = upstream;
  let n = 0;
  upstream.answer = async (request, response, body) => {
    await new Promise((resume) => setTimeout(resume, 20 + ((n++ * 37) % 140)));
    await answer(request, response, body);
  };
  const clients = {};
  for (const [email, name] of Object.entries(clientNames)) clients[email] = await sdk1(t, (await connek.token(email, '--name', name)).url, {}, {}, name);
  for (let round = 0; round < 4; round++) for (const [email, name, args] of calls) await clients[email].callTool({ name, arguments: args }).catch(() => {});
  upstream.answer = answer;
}

// Once somebody has asked for them, which is when calls are counted.
export async function moveApart({ connek }) {
  const at = '(SELECT CAST((SELECT max(seq) FROM audit_record) - seq AS INTEGER))';
  const earlier = `time - (${at} * ${at} * 3 + ${at} * 40) * 1000000`;
  const { code, stderr } = await run('sqlite3', ['-bail', `${connek.data}/connek.db`], {
    input: `BEGIN; UPDATE call_fact SET time = ${earlier} WHERE kind = 'call'; UPDATE audit_record SET time = ${earlier}; ${before(29)} COMMIT;`,
  });
  assert.equal(code, 0, stderr);
}
