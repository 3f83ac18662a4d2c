// Tools that answer in pages, before a service whose items change while they are read: every way of paging walked to
// its end, and cursors in the wrong hands.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { Upstream } from './support/upstream.js';
import { callTool, legacy, modern, send } from './support/mcp.js';

const total = 1000;

// A thousand items in the order of their ids, and all the ways in which services give them out.
class Shop {
  items = Array.from({ length: total }, (_, i) => ({ id: i + 1, name: `item ${i + 1}`, version: 0, price: 0, secret: 'x'.repeat(40) }));
  sizes = [];

  // Between two pages: everything is edited; where ids are asked for, items come and go as well.
  change(doesMove) {
    for (const item of this.items) item.version++;
    if (!doesMove) return;
    this.items.unshift({ id: -this.items[0].version, name: 'new at the front' });
    this.items.splice(0, 1);
    this.items.push({ id: this.items.at(-1).id + 1, name: 'new at the end', isNew: true });
  }

  after(id, size) {
    const from = id ? this.items.findIndex((item) => item.id > id) : 0;
    return from < 0 ? [] : this.items.slice(from, from + size);
  }

  answer(request, response, body, upstream) {
    const url = new URL(request.url, upstream.base);
    const query = Object.fromEntries(url.searchParams);
    const size = Math.min(Number(query.size ?? query.limit ?? 50), 100);
    this.sizes.push(size);
    const json = (value, headers = {}) => response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value));
    const slice = (from) => this.items.slice(from, from + size);
    switch (url.pathname) {
      case '/api/page':
        json({ data: slice((Number(query.page) - 1) * size) });
        return this.change(false);
      case '/api/page0':
        json({ data: slice(Number(query.page) * size), last_page: (Number(query.page) + 1) * size >= this.items.length });
        return this.change(false);
      case '/api/offset':
        json({ data: slice(Number(query.offset)), total: this.items.length });
        return this.change(false);
      case '/api/cursor': {
        const data = this.after(query.cursor ? Number(Buffer.from(query.cursor, 'base64').toString().slice(3)) : 0, size);
        const next = data.length === size && data.at(-1).id < this.items.at(-1).id ? Buffer.from(`id:${data.at(-1).id}`).toString('base64') : '';
        json({ data, meta: { next_cursor: next } });
        return this.change(true);
      }
      case '/api/link': {
        const data = this.after(Number(query.after ?? 0), size);
        const next = `<${upstream.base}/api/link?size=${size}&q=${encodeURIComponent(query.q ?? '')}&api_key=leaked&after=${data.at(-1)?.id}>; rel="next"`;
        json(data, data.length === size ? { Link: `<${upstream.base}/api/link>; rel="first", ${next}` } : {});
        return this.change(true);
      }
      case '/api/link-body': {
        const data = this.after(Number(query.after ?? 0), size);
        json({ data, next: data.length === size ? `?size=${size}&after=${data.at(-1).id}` : null });
        return this.change(true);
      }
      case '/api/last': {
        const data = this.after(Number(query.starting_after ?? 0), size);
        json({ data, has_more: data.length === size });
        return this.change(true);
      }
      case '/api/graphql': {
        const { variables } = JSON.parse(body);
        const nodes = this.after(Number(variables.after ?? 0), variables.first);
        json({ data: { items: { nodes, pageInfo: { hasNextPage: nodes.length === variables.first, endCursor: String(nodes.at(-1)?.id) } } } });
        return this.change(true);
      }
      case '/api/search': {
        const { cursor, size: wanted } = JSON.parse(body);
        const data = this.after(cursor ?? 0, wanted);
        json({ data, next: data.length === wanted ? data.at(-1).id : null });
        return this.change(true);
      }
      case '/api/foreign':
        return json([{ id: 1 }], { Link: '<http://evil.example/next>; rel="next"' });
      default:
        return response.writeHead(404).end();
    }
  }
}

const tool = (name, more) => ({
  name,
  does: 'read',
  description: `Lists the items, ${name}.`,
  input: { type: 'object', properties: { q: { type: 'string' }, tags: { type: 'array' } }, additionalProperties: false },
  call: `GET /${name}`,
  query: { q: '{q}', tags: '{tags|csv}' },
  items: 'data',
  keep: 'id,name',
  ...more,
});
const size = { size: 'query.size', default: 50, max: 100 };
const manifest = {
  manifest: 1,
  id: 'shop',
  name: 'Shop',
  base: '{conn.base}',
  auth: [{ type: 'key', in: 'query', name: 'api_key' }],
  tools: [
    tool('page', { page: { by: 'page', send: 'query.page', ...size } }),
    tool('page0', { page: { by: 'page', send: 'query.page', first: 0, last: 'last_page', ...size } }),
    tool('offset', { page: { by: 'offset', send: 'query.offset', total: 'total', ...size } }),
    tool('cursor', { page: { by: 'cursor', send: 'query.cursor', next: 'meta.next_cursor', ...size } }),
    tool('link', { items: undefined, page: { by: 'link', ...size } }),
    tool('link_body', { call: 'GET /link-body', page: { by: 'link', next: 'next', ...size } }),
    tool('last', { page: { by: 'last_id', send: 'query.starting_after', id: 'id', more: 'has_more', size: 'query.limit', default: 50, max: 100 } }),
    tool('graphql', {
      call: 'POST /graphql',
      query: undefined,
      graphql: ['query($first: Int, $after: String) { items(first: $first, after: $after) { nodes { id name } } }'],
      variables: {},
      items: 'data.items.nodes',
      page: { by: 'cursor', send: 'body.variables.after', next: 'data.items.pageInfo.endCursor', more: 'data.items.pageInfo.hasNextPage', size: 'body.variables.first', default: 50, max: 100 },
    }),
    tool('search', { call: 'POST /search', query: undefined, body: { q: '{q}' }, page: { by: 'cursor', send: 'body.cursor', next: 'next', size: 'body.size', default: 50, max: 100 } }),
    ...['page', 'offset', 'cursor', 'link', 'last'].map((name) => {
      const base = {
        page: { page: { by: 'page', send: 'query.page', ...size } },
        offset: { page: { by: 'offset', send: 'query.offset', ...size } },
        cursor: { page: { by: 'cursor', send: 'query.cursor', next: 'meta.next_cursor', ...size } },
        link: { items: undefined, page: { by: 'link', ...size } },
        last: { page: { by: 'last_id', send: 'query.starting_after', id: 'id', more: 'has_more', size: 'query.limit', default: 50, max: 100 } },
      }[name];
      return tool(`small_${name}`, { call: `GET /${name}`, max_result: 1200, ...base });
    }),
    tool('foreign', { items: undefined, page: { by: 'link' } }),
  ],
};

async function serving(t, { accounts = ['shop'] } = {}) {
  const shop = new Shop();
  const upstream = await Upstream.start(t, (request, response, body) => shop.answer(request, response, body, upstream));
  const connek = await Connek.create(t, { env: { SHOP_KEY: 'canary-0ff1ce42' } });
  await connek.writeFile('shop.json', manifest);
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['shop.json'],
    connections: accounts.map((name) => ({ name, connector: 'shop', settings: { base: `${upstream.base}/api` }, credential: { key: { env: 'SHOP_KEY' } } })),
    roles: [{ name: 'buyer', rules: accounts.map((connection) => ({ connection, tools: ['*'] })) }],
    users: ['ann@acme.example', 'bob@acme.example'].map((email) => ({ email, roles: ['buyer'] })),
  });
  await connek.start('--allow-upstream', upstream.host);
  const { url } = await connek.token('ann@acme.example');
  const { url: bobs } = await connek.token('bob@acme.example');
  return { shop, upstream, connek, url, bobs };
}

async function page(url, name, args, era = legacy) {
  const { body, text } = await callTool(url, `shop_${name}`, args, era);
  assert.equal(body.result?.isError, false, text.slice(0, 500));
  assert.deepEqual(JSON.parse(body.result.content[0].text), body.result.structuredContent);
  return body.result.structuredContent;
}

async function refusal(url, name, args) {
  const { body, text } = await callTool(url, `shop_${name}`, args);
  assert.equal(body.result?.isError, true, text.slice(0, 500));
  return body.result.content[0].text;
}

// Every item that was there from the beginning, once, in order.
async function walk(url, name, args = {}) {
  const seen = [];
  let pages = 0;
  let cursor;
  do {
    const result = await page(url, name, cursor ? { cursor } : args, pages % 2 ? modern : legacy);
    for (const item of result.items) {
      assert.deepEqual(Object.keys(item), ['id', 'name']);
      seen.push(item.id);
    }
    cursor = result.next_cursor;
    pages++;
    assert.ok(pages < 500, 'it ends');
  } while (cursor);
  assert.deepEqual(seen.filter((id) => id > 0 && id <= total), Array.from({ length: total }, (_, i) => i + 1));
  return pages;
}

test('every way of paging, to its end: no item lost, none doubled', async (t) => {
  const { shop, upstream, url } = await serving(t);
  for (const name of ['page', 'page0', 'offset', 'cursor', 'link', 'link_body', 'last', 'graphql', 'search']) {
    await t.test(name, async () => {
      shop.items = new Shop().items;
      const before = upstream.count;
      const pages = await walk(url, name, { page_size: 40, q: 'a b' });
      assert.equal(upstream.count - before, pages, 'one call, one page');
    });
  }
});

test('a result over its cap is cut between items, and the cursor goes on behind the last one shown', async (t) => {
  const { shop, upstream, url } = await serving(t);
  for (const name of ['page', 'offset', 'cursor', 'link', 'last']) {
    await t.test(name, async () => {
      shop.items = new Shop().items;
      const first = await page(url, `small_${name}`, { page_size: 100 });
      assert.equal(first.truncated, true);
      assert.ok(first.items.length > 10 && first.items.length < 100);
      shop.items = new Shop().items;
      await walk(url, `small_${name}`, { page_size: 100 });
    });
  }
  assert.ok(upstream.count > 0);
});

test('a role may get less: cut between items, with a cursor for the rest; of several roles the most generous counts', async (t) => {
  const shop = new Shop();
  const upstream = await Upstream.start(t, (request, response, body) => shop.answer(request, response, body, upstream));
  const connek = await Connek.create(t, { env: { SHOP_KEY: 'canary-0ff1ce42' } });
  await connek.writeFile('shop.json', manifest);
  await connek.makeDatabase('big.db', "CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT 'row ' || i || ' of a long text' FROM n;");
  const rules = [{ connection: 'shop', tools: ['*'] }, { connection: 'big', does: ['read'] }];
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['shop.json'],
    connections: [
      { name: 'shop', connector: 'shop', settings: { base: `${upstream.base}/api` }, credential: { key: { env: 'SHOP_KEY' } } },
      { name: 'big', connector: 'sqlite', settings: { file: 'big.db' } },
    ],
    roles: [{ name: 'guest', max_result: 1500, rules }, { name: 'buyer', rules }],
    users: [{ email: 'gast@acme.example', roles: ['guest'] }, { email: 'both@acme.example', roles: ['guest', 'buyer'] }],
  });
  await connek.start('--allow-upstream', upstream.host);
  const { url: guest } = await connek.token('gast@acme.example');
  const { url: both } = await connek.token('both@acme.example');
  for (const name of ['page', 'cursor', 'last']) {
    shop.items = new Shop().items;
    const first = await page(guest, name, { page_size: 100 });
    assert.equal(first.truncated, true);
    assert.ok(first.items.length > 10 && JSON.stringify(first.items).length <= 1600);
    shop.items = new Shop().items;
    await walk(guest, name, { page_size: 100 });
    assert.equal((await page(both, name, { page_size: 100 })).items.length, 100);
  }
  const rows = async (url) => (await callTool(url, 'sqlite_query', { sql: 'SELECT x FROM t' })).body.result.structuredContent;
  const few = await rows(guest);
  assert.equal(few.truncated, true);
  assert.ok(few.rows.length > 10 && few.rows.length < 100, `${few.rows.length}`);
  assert.equal((await rows(both)).rows.length, 500);
});

test('tools/list tells of page_size and cursor', async (t) => {
  const { url } = await serving(t);
  const { body } = await send(url, legacy('tools/list'));
  const { inputSchema } = body.result.tools.find(({ name }) => name === 'shop_page');
  assert.equal(inputSchema.properties.page_size.maximum, 100);
  assert.equal(inputSchema.properties.cursor.type, 'string');
});

test('page_size is kept within what the service takes', async (t) => {
  const { shop, url } = await serving(t);
  await page(url, 'page', {});
  assert.equal(shop.sizes.at(-1), 50);
  await page(url, 'page', { page_size: 7 });
  assert.equal(shop.sizes.at(-1), 7);
  for (const page_size of [0, 101, -1, 1.5, '7']) await refusal(url, 'page', { page_size });
});

test('a cursor is opaque: neither arguments nor the service\'s URL can be read in it', async (t) => {
  const { url } = await serving(t);
  const { next_cursor: cursor } = await page(url, 'link', { q: 'confidential' });
  assert.match(cursor, /^[A-Za-z0-9_-]+$/);
  assert.ok(!Buffer.from(cursor, 'base64url').toString('latin1').includes('confidential'));
  assert.ok(!Buffer.from(cursor, 'base64url').toString('latin1').includes('/api/link'));
});

test('the key goes into the next page\'s URL anew, and only once', async (t) => {
  const { upstream, url } = await serving(t);
  const { next_cursor: cursor } = await page(url, 'link', { q: 'x&y' });
  await page(url, 'link', { cursor });
  const sent = new URL(upstream.requests.at(-1).url, upstream.base).searchParams;
  assert.deepEqual(sent.getAll('api_key'), ['canary-0ff1ce42']);
  assert.equal(sent.get('q'), 'x&y');
});

test('a cursor is good for its user, tool and connection alone', async (t) => {
  const { upstream, url, bobs } = await serving(t, { accounts: ['north', 'south'] });
  const { next_cursor: cursor } = await page(url, 'page', { account: 'north', q: 'x' });
  await page(url, 'page', { cursor });
  await page(url, 'page', { cursor, account: 'north' });
  const before = upstream.count;
  const unknown = await refusal(url, 'page', { cursor: 'AAAA' });
  assert.match(unknown, /no such cursor/);
  assert.equal(await refusal(bobs, 'page', { cursor }), unknown);
  assert.equal(await refusal(url, 'page0', { cursor }), unknown);
  await refusal(url, 'page', { cursor, account: 'south' });
  for (let i = 0; i < cursor.length; i += 7) {
    const broken = cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1);
    assert.equal(await refusal(url, 'page', { cursor: broken }), unknown);
  }
  for (const bad of ['', ' ', cursor + 'A', cursor.slice(1), `${cursor}=`, 'x'.repeat(100_000)]) assert.equal(await refusal(url, 'page', { cursor: bad }), unknown);
  assert.equal(upstream.count, before, 'nothing was asked of the service');
});

test('arguments beside a cursor are the same, or it is refused', async (t) => {
  const { upstream, url } = await serving(t);
  const { next_cursor: cursor } = await page(url, 'page', { q: 'x', tags: ['a', 'b'], page_size: 10 });
  await page(url, 'page', { cursor, q: 'x', tags: ['a', 'b'], page_size: 10 });
  await page(url, 'page', { cursor, tags: ['a', 'b'] });
  const sent = new URL(upstream.requests.at(-1).url, upstream.base).searchParams;
  assert.deepEqual([sent.get('q'), sent.get('tags'), sent.get('size'), sent.get('page')], ['x', 'a,b', '10', '2']);
  for (const other of [{ q: 'y' }, { tags: ['b', 'a'] }, { page_size: 11 }]) assert.match(await refusal(url, 'page', { cursor, ...other }), /another/);
});

test('arguments too long for a cursor are repeated with it', async (t) => {
  const { url } = await serving(t);
  const q = 'long '.repeat(500);
  const { next_cursor: cursor } = await page(url, 'search', { q });
  assert.ok(cursor.length < 1000);
  assert.match(await refusal(url, 'search', { cursor }), /repeat the other arguments/);
  assert.match(await refusal(url, 'search', { cursor, q: `${q}!` }), /repeat the other arguments/);
  assert.equal((await page(url, 'search', { cursor, q })).items[0].id, 51);
});

test('the record of a page holds the whole call', async (t) => {
  const { connek, url } = await serving(t);
  const { next_cursor: cursor } = await page(url, 'page', { q: 'needle' });
  await page(url, 'page', { cursor });
  const lines = (await connek.ok('audit', 'list', '--json', '--arguments')).split('\n').filter(Boolean);
  const records = lines.map((line) => JSON.parse(line)).filter(({ tool: name }) => name === 'shop_page');
  assert.deepEqual(records.map((record) => record.arguments), [{ q: 'needle' }, { q: 'needle' }]);
});

test('a page at another origin is not followed', async (t) => {
  const { upstream, url } = await serving(t);
  const { items, next_cursor: cursor } = await page(url, 'foreign', {});
  assert.equal(items.length, 1);
  const before = upstream.count;
  assert.match(await refusal(url, 'foreign', { cursor }), /evil\.example.*not followed/);
  assert.equal(upstream.count, before);
});
