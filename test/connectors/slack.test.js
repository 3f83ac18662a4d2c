import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vendor } from './support/vendor.js';
import { connected, everyTool, readFixture, readManifest, textOf, walk, withBody, withForm, withHeader, withQuery, withoutQuery } from './support/drive.js';

const description = readFixture('slack.json');

async function start(t, answers) {
  const vendor = await new Vendor(description, { auth: { authorization: 'Bearer the-key' }, answers }).start(t);
  return { vendor, base: `${vendor.origin}/api` };
}

const channel = 'C012AB3CD';
const ts = '1512085950.000216';
const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: '*Hi* & "bye"' } }];
const span = { oldest: '1500000000.000001', latest: '1600000000.000002' };

everyTool('slack', {
  start,
  spoilings: { unknown: withQuery('per_page', '5'), unauthorized: withHeader('authorization') },
  cases: {
    list_channels: { calls: [{ types: ['public_channel', 'im'], exclude_archived: true }, {}], bad: withQuery('limit', 'all') },
    get_channel: { calls: [{ channel }], bad: withQuery('include_num_members', '2') },
    get_history: { calls: [{ channel, ...span, inclusive: true }], bad: withQuery('oldest', 'yesterday') },
    get_thread: { calls: [{ channel, thread_ts: ts, ...span }], bad: withQuery('ts', 'the first') },
    search_messages: { calls: [{ query: 'invoice in:#billing', sort: 'timestamp', direction: 'asc' }], bad: withoutQuery('query') },
    list_users: { bad: withQuery('limit', '1.5') },
    get_user: { calls: [{ user: 'W012A3CDE' }], bad: withQuery('include_locale', 'de') },
    find_user: { calls: [{ email: 'anna+x@acme.example' }], bad: withoutQuery('email') },
    list_members: { calls: [{ channel }], bad: withQuery('token', 'xoxb-1') },
    post_message: { calls: [{ channel, text: 'Hello & <@U1>\n+1', thread_ts: ts, also_to_channel: true, blocks, unfurl_links: false }, { channel, text: 'Hi' }], bad: withForm('channel') },
    update_message: { calls: [{ channel, ts, text: 'New', blocks }], bad: withForm('ts') },
    schedule_message: { calls: [{ channel, text: 'Later', post_at: 1795168800, thread_ts: ts }], bad: withForm('at', '1') },
    add_reaction: { calls: [{ channel, ts, emoji: '+1' }], bad: withForm('name') },
    create_channel: { calls: [{ name: 'new-channel', private: true }], bad: withForm('is_private', 'very') },
    open_conversation: { calls: [{ users: ['U1', 'W2'] }], bad: withForm('return_im', 'please') },
    delete_message: { calls: [{ channel, ts }], bad: withForm('ts', 'last') },
    remove_reaction: { calls: [{ channel, ts, emoji: 'tada' }], bad: withForm('name') },
    archive_channel: { calls: [{ channel }], bad: withBody(JSON.stringify({ channel })) },
  },
});

test('Slack: an answer of status 200 that is not ok is an error, in its own word', async (t) => {
  const { base } = await start(t, {
    'POST /chat.postMessage': { ok: false, error: 'channel_not_found' },
    'GET /conversations.list': { ok: false, error: 'invalid_arguments', response_metadata: { messages: ['[ERROR] invalid limit'] } },
  });
  const account = await connected(t, readManifest('slack'), { base, key: 'the-key' });
  const refused = await account.call('post_message', { channel, text: 'Hi' });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /channel_not_found/);
  const wrong = await account.call('list_channels');
  assert.equal(wrong.isError, true);
  assert.match(textOf(wrong), /invalid limit/);
});

test('Slack: lists go on by cursor, searches by page', async (t) => {
  const ids = Array.from({ length: 120 }, (_, i) => `C${1000 + i}`);
  const { vendor, base } = await start(t, {
    'GET /conversations.list': ({ query }) => {
      const from = Number(query.cursor ?? 0);
      const to = from + Number(query.limit);
      return { body: { ok: true, channels: ids.slice(from, to).map((id) => ({ id, name: id.toLowerCase(), is_shared: false })), response_metadata: { next_cursor: to < ids.length ? String(to) : '' } } };
    },
    'GET /search.messages': ({ query }) => {
      const [page, count] = [Number(query.page), Number(query.count)];
      const matches = ids.slice((page - 1) * count, page * count).map((text) => ({ text, ts, type: 'message' }));
      return { body: { ok: true, messages: { matches, total: ids.length } } };
    },
  });
  const account = await connected(t, readManifest('slack'), { base, key: 'the-key' });
  assert.deepEqual((await walk(account, 'list_channels', { page_size: 50 })).map((item) => item.id), ids);
  assert.deepEqual((await walk(account, 'search_messages', { query: 'x', page_size: 50 })).map((item) => item.text), ids);
  assert.deepEqual(vendor.refused, []);
});
