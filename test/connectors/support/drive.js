// Drives every tool of a built-in manifest against a service made from its description, through the real binary and MCP.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Connek } from '../../integration/support/connek.js';
import { callTool } from '../../integration/support/mcp.js';
import { assertStaysData, Recorder } from './hostile.js';
import { expected } from './oracle.js';

const root = resolve(import.meta.dirname, '../../..');
export const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
export const descriptions = join(root, 'build/descriptions'); // scripts/descriptions makes it
export const readPackage = (path) => readJson(join('build/descriptions', path));
export const readFixture = (name) => readJson(join('test/connectors/fixtures', name));
export const readManifest = (id) => readJson(`connectors/${id}.json`);

// ---- ways to spoil a request that the service took: each gives another request

export const withQuery = (name, value) => (request) => {
  const [path, text = ''] = request.url.split('?');
  const parts = text.split('&').filter((part) => part && decodeURIComponent(part.split('=')[0]) !== name);
  if (value !== undefined) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return { ...request, url: parts.length > 0 ? `${path}?${parts.join('&')}` : path };
};
export const withoutQuery = (name) => withQuery(name, undefined);
export const withHeader = (name, value) => (request) => {
  const { [name]: _, ...headers } = request.headers;
  return { ...request, headers: value === undefined ? headers : { ...headers, [name]: value } };
};
export const withPath = (from, to) => (request) => ({ ...request, url: request.url.replace(from, to) });
export const withMethod = (method) => (request) => ({ ...request, method });
export const withBytes = (change) => (request) => ({ ...request, bytes: Buffer.from(change(request.bytes.toString())) });
// change(body): changes the JSON body in place.
export const withJson = (change) => withBytes((text) => {
  const body = JSON.parse(text);
  change(body);
  return JSON.stringify(body);
});
export const withForm = (name, value) => withBytes((text) => {
  const parts = text.split('&').filter((part) => part && decodeURIComponent(part.split('=')[0]) !== name);
  if (value !== undefined) parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return parts.join('&');
});
export const withBody = (text, type = 'application/json') => (request) => ({ ...request, headers: { ...request.headers, 'content-type': type }, bytes: Buffer.from(text) });

// ---- Connek with a copy of the manifest whose base is the mock's

// A built-in leads to its service alone; what is tested is a copy of it under another id, which differs in its base, and in
// its rate, since the mock has none to keep to.
export async function connected(t, manifest, { base, settings, key }) {
  const connek = await Connek.create(t, { env: { VENDOR_KEY: key } });
  const { limits, $schema, ...copied } = manifest;
  const copy = { ...copied, ...(limits?.concurrent && { limits: { concurrent: limits.concurrent } }), id: `${manifest.id}x`, base };
  await connek.writeFile('copy.json', copy);
  await connek.apply({
    organisation: 'acme',
    limits: { per_minute: 1_000_000 },
    connectors: ['copy.json'],
    connections: [{ name: 'account', connector: copy.id, ...(settings && { settings }), credential: { key: { env: 'VENDOR_KEY' } } }],
    roles: [{ name: 'all', rules: [{ connection: 'account', does: ['read', 'write', 'destroy'] }] }],
    users: [{ email: 'anna@acme.example', roles: ['all'] }],
  });
  await connek.start('--allow-upstream', new URL(base.replace('{key}', 'k')).host);
  const { url } = await connek.token('anna@acme.example');
  return {
    connek,
    url,
    nameOf: (name) => `${copy.id}_${name}`,
    // The call's result; what is no result fails the test.
    async call(name, args = {}) {
      const { status, body, text } = await callTool(url, `${copy.id}_${name}`, args);
      assert.equal(status, 200, text);
      assert.ok(body.result, text);
      return body.result;
    },
  };
}

// "GET /a/{b}" without its names: a manifest has its own.
const nameless = (operation) => operation.replace(/\{[^}]*\}/g, '{}');

export const textOf = (result) => result.content?.map((part) => part.text ?? JSON.stringify(part.resource ?? part)).join('\n');

// cases: tool → { calls: [arguments, ...], bad: a request's spoiling, operation, check(result, request) }. Between them the
// calls of a case have to use every argument that the tool takes.
export function everyTool(id, { start, settings, key = 'the-key', cases, spoilings = {} }) {
  const manifest = readManifest(id);
  test(`${manifest.name}: every tool's requests are what the service describes, and its answers are kept as the mask says`, async (t) => {
    const { vendor, base } = await start(t);
    const account = await connected(t, manifest, { base, settings, key });
    assert.deepEqual(Object.keys(cases).sort(), manifest.tools.map((tool) => tool.name).sort());
    for (const tool of manifest.tools) {
      const { calls = [{}], bad, operation, check } = cases[tool.name];
      await t.test(tool.name, async (t) => {
        const used = new Set(calls.flatMap((args) => Object.keys(args)));
        assert.deepEqual(Object.keys(tool.input.properties ?? {}).filter((name) => !used.has(name)), [], 'arguments that no call uses');
        for (const args of calls) {
          const before = vendor.requests.length;
          const result = await account.call(tool.name, args);
          const request = vendor.requests.at(-1);
          assert.equal(vendor.requests.length, before + 1, textOf(result));
          assert.deepEqual(request.reasons, [], `${request.method} ${request.url} ${request.bytes}`);
          assert.equal(result.isError ?? false, false, textOf(result));
          assert.equal(nameless(request.key), nameless(operation ?? tool.call));
          if (check) check(result, request);
          else assertKept(tool, result, request.answer);
        }
        const request = vendor.requests.at(-1);
        const all = { bad, ...spoilings };
        for (const [name, spoil] of Object.entries(all)) {
          assert.ok(spoil, `no ${name} request`);
          const { status, reasons } = await vendor.send(spoil(request));
          assert.equal(status, 400, `${name} was taken`);
          assert.ok(reasons.length > 0);
          t.diagnostic(`${name}: ${reasons.join('; ').slice(0, 200)}`);
        }
      });
    }
  });
  everyArgument(manifest, { start, settings, key, cases });
}

function everyArgument(manifest, { start, settings, key, cases }) {
  test(`${manifest.name}: whatever any argument of any tool holds stays data, or is refused`, async (t) => {
    const recorder = await new Recorder().start(t);
    const { vendor, base } = await start(t);
    const account = await connected(t, manifest, { base: base.replace(vendor.origin, recorder.origin), settings, key });
    let [sent, refused] = [0, 0];
    for (const tool of manifest.tools)
      await t.test(tool.name, async () => {
        const counts = await assertStaysData(account, recorder, tool, cases[tool.name].calls ?? [{}]);
        sent += counts.sent;
        refused += counts.refused;
      });
    t.diagnostic(`${sent} calls were sent as data, ${refused} refused`);
  });
}

export function assertKept(tool, result, answer) {
  if (answer === undefined) return;
  const { next_cursor: _, ...content } = result.structuredContent;
  assert.deepEqual(content, expected(tool, answer));
}

// Follows a paging tool's cursor to its end: all items.
export async function walk(account, name, args, { most = 1000 } = {}) {
  const items = [];
  let cursor;
  for (let pages = 0; pages < most; pages++) {
    const result = await account.call(name, cursor === undefined ? args : { ...args, cursor });
    assert.equal(result.isError ?? false, false, textOf(result));
    items.push(...result.structuredContent.items);
    cursor = result.structuredContent.next_cursor;
    if (cursor === undefined) return items;
  }
  assert.fail('it does not end');
}
