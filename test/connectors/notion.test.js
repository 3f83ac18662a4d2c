import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vendor } from './support/vendor.js';
import { connected, everyTool, readFixture, readManifest, textOf, walk, withHeader, withJson, withMethod, withPath, withQuery, withoutQuery } from './support/drive.js';

const description = readFixture('notion.json');

async function start(t, answers) {
  const auth = { authorization: 'Bearer the-key', 'notion-version': /^202\d-\d{2}-\d{2}$/ };
  const vendor = await new Vendor(description, { auth, answers }).start(t);
  return { vendor, base: vendor.origin };
}

const page = 'f2a1f3de-0c5e-4a0b-9a6b-0c9c5a8a7b11';
const other = '0d5f1b1e-7b2c-4d9a-8f0e-2b6f4f0c9a22';
const paragraph = (content) => ({ type: 'paragraph', paragraph: { rich_text: [{ type: 'text', text: { content } }] } });
const children = [paragraph('One "1"'), { type: 'bulleted_list_item', bulleted_list_item: { rich_text: [{ text: { content: 'Two' } }] } }];
const properties = { Status: { status: { name: 'Done' } }, Due: { date: { start: '2026-11-30' } } };
const badSize = withQuery('page_size', 'all');

everyTool('notion', {
  start,
  spoilings: { unknown: withQuery('per_page', '5'), unauthorized: withHeader('authorization'), versionless: withHeader('notion-version') },
  cases: {
    search: { calls: [{ query: 'Roadmap', only: 'data_source', direction: 'ascending' }, {}, { query: 'x' }], bad: withJson((body) => (body.filter = { value: 'database', property: 'object' })) },
    get_page: { calls: [{ page }], bad: withMethod('PUT') },
    get_page_markdown: { calls: [{ page }], bad: withHeader('notion-version', '2025-09-03') },
    get_blocks: { calls: [{ block: page }], bad: badSize },
    get_database: { calls: [{ database: page }], bad: withPath('/databases/', '/database/') },
    get_data_source: { calls: [{ data_source: page }], bad: withHeader('notion-version', '2022-06-28') },
    query_data_source: { calls: [{ data_source: page, filter: { and: [{ property: 'Status', status: { equals: 'Done' } }] }, sorts: [{ property: 'Due', direction: 'descending' }] }, { data_source: page }], bad: withJson((body) => (body.sorts = [{ property: 'Due', direction: 'down' }])) },
    list_users: { bad: badSize },
    list_comments: { calls: [{ block: page }], bad: withoutQuery('block_id') },
    create_page: { calls: [{ parent: page, title: 'Plan', children, emoji: '🚀' }, { parent: page, title: 'Plan' }], bad: withJson((body) => delete body.parent.page_id) },
    create_entry: { calls: [{ data_source: page, properties, children }], bad: withJson((body) => (body.parent.data_source_id = 'tasks')) },
    update_page: { calls: [{ page, properties }], bad: withJson((body) => (body.in_bin = true)) },
    append_blocks: { calls: [{ block: page, children, after: other }], bad: withJson((body) => (body.children[0].paragraph.text = 'x')) },
    edit_page: { calls: [{ page, edits: [{ old_str: 'a', new_str: '', replace_all_matches: true }, { old_str: 'b', new_str: 'c' }] }], bad: withJson((body) => delete body.update_content.content_updates[0].old_str) },
    create_comment: { calls: [{ page, text: 'Nice.\n"Yes"' }], bad: withJson((body) => (body.rich_text[0].text = 'Nice')) },
    move_page: { calls: [{ page, parent: other }], bad: withJson((body) => (body.parent.page_id = 'home')) },
    restore_page: { calls: [{ page }], bad: withJson((body) => (body.in_trash = 'no')) },
    trash_page: { calls: [{ page }], bad: withJson((body) => (body.in_trash = 'yes')) },
    delete_block: { calls: [{ block: page }], bad: withPath('/blocks/', '/block/') },
  },
});

test('Notion: a search goes on by the cursor in its body, a list by the one in its query', async (t) => {
  const ids = Array.from({ length: 70 }, (_, i) => `id-${i}`);
  const answer = ({ start_cursor: cursor, page_size: size }) => {
    const from = cursor === undefined ? 0 : Number(cursor.slice(1));
    const to = from + Number(size);
    const isLast = to >= ids.length;
    return { body: { object: 'list', results: ids.slice(from, to).map((id) => ({ object: 'page', id, cover: null })), has_more: !isLast, next_cursor: isLast ? null : `c${to}` } };
  };
  const { vendor, base } = await start(t, { 'POST /v1/search': ({ body }) => answer(body), 'GET /v1/users': ({ query }) => answer(query) });
  const account = await connected(t, readManifest('notion'), { base, key: 'the-key' });
  assert.deepEqual((await walk(account, 'search', { query: 'x', page_size: 30 })).map((item) => item.id), ids);
  assert.deepEqual((await walk(account, 'list_users', { page_size: 35 })).map((item) => item.id), ids);
  assert.deepEqual(vendor.refused, []);
});

test('Notion: a read by POST is repeated after the time that Notion names', async (t) => {
  let refusals = 2;
  const { vendor, base } = await start(t, { 'POST /v1/search': (_, described) => (refusals-- > 0 ? { status: 429, headers: { 'retry-after': '0' }, body: { object: 'error', status: 429, code: 'rate_limited', message: 'Slow down' } } : { body: described() }) });
  const account = await connected(t, readManifest('notion'), { base, key: 'the-key' });
  assert.equal((await account.call('search', {})).isError ?? false, false);
  assert.equal(vendor.requests.length, 3);
});

test("Notion: a refusal is the service's own words", async (t) => {
  const { base } = await start(t, { 'GET /v1/pages/{page_id}': () => ({ status: 404, body: { object: 'error', status: 404, code: 'object_not_found', message: 'Could not find page with ID: x.' } }) });
  const account = await connected(t, readManifest('notion'), { base, key: 'the-key' });
  const refused = await account.call('get_page', { page });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /Could not find page/);
});
