import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vendor } from './support/vendor.js';
import { parseMultipart } from './support/wire.js';
import { assertKept, connected, everyTool, readFixture, readManifest, textOf, withBody, withBytes, withJson, withPath } from './support/drive.js';

const description = readFixture('telegram.json');
const key = '123456:ABC-def_9';

async function start(t, answers) {
  const vendor = await new Vendor(description, { base: `/bot${key}`, answers }).start(t);
  return { vendor, base: `${vendor.origin}/bot{key}` };
}

const chat = -1001234567890;
const nameless = withJson((body) => delete body.chat_id);
const badMessage = withJson((body) => (body.message_id = 'last'));
const manifest = readManifest('telegram');
const tool = (name) => manifest.tools.find((candidate) => candidate.name === name);
const bytes = Buffer.from([0, 255, 13, 10, 45, 45, 200]);

function fileOf(request) {
  return parseMultipart(request.headers['content-type'], request.bytes).find((part) => part.name === 'document');
}

everyTool('telegram', {
  start,
  key,
  spoilings: { unauthorized: withPath('/bot', '/bat') },
  cases: {
    get_me: { bad: withBody('{"verbose":true}') },
    get_updates: { calls: [{ limit: 10, types: ['message', 'channel_post'] }, {}], bad: withJson((body) => (body.limit = 'all')) },
    get_chat: { calls: [{ chat }, { chat: '@ops_group' }], bad: nameless },
    get_administrators: { calls: [{ chat }], bad: nameless },
    get_member_count: { calls: [{ chat }], bad: nameless },
    get_member: { calls: [{ chat, user: 42 }], bad: withJson((body) => delete body.user_id) },
    send_message: { calls: [{ chat, text: 'Hi *you*\n"x"', format: 'MarkdownV2', reply_to: 7, topic: 3, silent: true, no_preview: true }, { chat: '@ops_group', text: 'Hi' }], bad: withJson((body) => (body.link_preview_options = { disabled: true })) },
    send_document: {
      calls: [
        { chat, filename: 'report.csv', content: 'a,b\r\n1,2\n', type: 'text/csv', caption: 'The report', silent: false },
        { chat, filename: 'a "b".bin', content: { base64: bytes.toString('base64') } },
      ],
      bad: withBytes((text) => text.replace('name="chat_id"', 'name="chat"')),
      check(result, request) {
        assertKept(tool('send_document'), result, request.answer);
        const file = fileOf(request);
        const isText = file.filename === 'report.csv';
        assert.deepEqual(file.bytes, isText ? Buffer.from('a,b\r\n1,2\n') : bytes);
        assert.equal(file.type, isText ? 'text/csv' : 'application/octet-stream');
      },
    },
    send_photo: { calls: [{ chat, photo: 'https://example.com/a.png', caption: 'A', format: 'HTML', silent: true }], bad: withJson((body) => delete body.photo) },
    send_poll: { calls: [{ chat, question: 'Lunch?', options: [{ text: 'Yes' }, { text: 'No' }], anonymous: false, multiple: true }], bad: withJson((body) => (body.options = ['Yes', 'No'])) },
    edit_message: { calls: [{ chat, message: 7, text: 'New', format: 'HTML' }], bad: badMessage },
    forward_message: { calls: [{ chat, from_chat: '@news', message: 7, silent: true }], bad: withJson((body) => delete body.from_chat_id) },
    pin_message: { calls: [{ chat, message: 7, silent: true }], bad: badMessage },
    acknowledge_updates: { calls: [{ before: 106 }], bad: withJson((body) => (body.offset = '106')) },
    delete_message: { calls: [{ chat, message: 7 }], bad: badMessage },
    ban_member: { calls: [{ chat, user: 42, until: 1795168800, delete_messages: true }], bad: withJson((body) => (body.user_id = '@anna')) },
  },
});

test('Telegram: a wait that the body names is waited, for reads', async (t) => {
  let refusals = 1;
  const { vendor, base } = await start(t, {
    'POST /getChat': (_, described) => (refusals-- > 0 ? { status: 429, body: { ok: false, error_code: 429, description: 'Too Many Requests: retry after 0', parameters: { retry_after: 0 } } } : { body: described() }),
  });
  const account = await connected(t, manifest, { base, key });
  assert.equal((await account.call('get_chat', { chat })).isError ?? false, false);
  assert.equal(vendor.requests.length, 2);
});

test("Telegram: the token is in no result, even where the service's refusal repeats it", async (t) => {
  const { base } = await start(t, { 'POST /sendMessage': () => ({ status: 400, body: { ok: false, error_code: 400, description: `Bad Request: chat not found at /bot${key}/sendMessage` } }) });
  const account = await connected(t, manifest, { base, key });
  const refused = await account.call('send_message', { chat, text: 'Hi' });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /chat not found/);
  assert.ok(!JSON.stringify(refused).includes(key), textOf(refused));
});
