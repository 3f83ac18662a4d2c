// Hostile arguments: each string that a tool takes, one after the other, becomes something that another program might take
// for more than data. What reaches the service is then the same request with that data in its place, or nothing at all.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { callTool } from '../../integration/support/mcp.js';
import { parseMultipart } from './wire.js';

const marker = 'mrk7731q';
const deep = (levels) => JSON.parse(`${'[{"a":'.repeat(levels)}1${'}]'.repeat(levels)}`);

export const payloads = {
  'CR LF': `x\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n\r\n`,
  LF: 'x\nX-Evil: 1',
  dots: '../',
  'dots and more': '../../../admin/./..',
  'dots, encoded': '%2e%2e%2fadmin',
  'one dot': '.',
  'two dots': '..',
  '?': 'x?evil=1',
  '#': 'x#evil',
  '%2f': 'x%2fevil%2F',
  slash: '/evil//x',
  '&=;': '&evil=1;e=2',
  backslash: '\\..\\evil',
  JSON: '","evil":"1',
  template: '{key}{conn.x}{{x}}${id}`id`',
  NUL: 'x\u0000y',
  controls: '\u0001\u001f\u007f\u0085',
  emoji: '😀👩‍👩‍👧 é\u202e\ufeff',
  multipart: '\r\n--connek--\r\nContent-Disposition: form-data; name="evil"\r\n\r\n1',
  brackets: 'a]b[evil]=c',
  '1 MiB': 'x/?#'.repeat(256 * 1024),
};
export const trees = { 'deep JSON': deep(20), 'deeper JSON': deep(2000), 'an object': { evil: { '../x?y#z': ['\r\n', 1, null] } }, 'a list': ['a&b', ['c']], null: null };

const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const escaped = (text) => JSON.stringify(text).slice(1, -1);
const quoted = (text) => text.replace(/[\0-\x1f"\x7f]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

export class Recorder {
  requests = [];

  async start(t) {
    this.server = createServer({ maxHeaderSize: 1 << 20 }, async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      this.requests.push({ method: request.method, url: request.url, headers: request.headers, rawHeaders: request.rawHeaders, bytes: Buffer.concat(chunks) });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    });
    this.server.on('clientError', (error, socket) => {
      this.requests.push({ method: 'no HTTP', url: `${error}`, headers: {}, rawHeaders: [], bytes: Buffer.alloc(0) });
      socket.destroy();
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    t.after(() => {
      this.server.closeAllConnections();
      this.server.close();
    });
    return this;
  }
}

// ---- where strings are in arguments

function paths(value, at = []) {
  if (typeof value === 'string') return [at];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, [...at, key]));
}
const get = (value, path) => path.reduce((inner, key) => inner[key], value);
function replaced(value, path, to) {
  if (path.length === 0) return to;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[path[0]] = replaced(value[path[0]], path.slice(1), to);
  return copy;
}

// ---- what a request says, with its volatile parts left out

const isVolatile = (name) => ['host', 'content-length', 'traceparent'].includes(name) || /idempotency-key$/.test(name);

function read(request) {
  const { 'content-type': type = '' } = request.headers;
  const headers = {};
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i].toLowerCase();
    assert.ok(!(name in headers), `${name} twice`);
    if (!isVolatile(name)) headers[name] = request.rawHeaders[i + 1];
  }
  const text = request.bytes.toString();
  let body = text;
  if (type.startsWith('multipart/')) {
    headers['content-type'] = 'multipart';
    body = parseMultipart(type, request.bytes).map((part) => ({ ...part, bytes: part.bytes.toString() }));
  } else if (text !== '' && /json/.test(type)) {
    body = JSON.parse(text);
  }
  return { method: request.method, url: request.url, headers, body, isForm: type.includes('urlencoded') };
}

// Each way in which the mark may stand in a text as data.
const fillings = (payload) => [payload, escaped(payload), escaped(escaped(payload))];

function assertText(actual, expected, mark, payload, write, where) {
  if (!expected.includes(mark)) return assert.equal(actual, expected, where);
  const good = fillings(payload).map((text) => expected.replaceAll(mark, write(text)));
  assert.ok(good.includes(actual), `${where}: ${actual.slice(0, 300)}\n  expected ${good[0].slice(0, 300)}`);
}

function assertTree(actual, expected, mark, payload, where) {
  if (typeof expected === 'string') return assertText(actual, expected, mark, payload, (text) => text, where);
  if (expected === null || typeof expected !== 'object') return assert.deepEqual(actual, expected, where);
  assert.deepEqual(Object.keys(actual), Object.keys(expected), where);
  for (const key of Object.keys(expected)) assertTree(actual[key], expected[key], mark, payload, `${where}/${key}`);
}

function assertSame(actual, expected, mark, payload, where) {
  assert.equal(actual.method, expected.method, where);
  assertText(actual.url, expected.url, mark, payload, encode, `${where}: the target`);
  assert.deepEqual(Object.keys(actual.headers), Object.keys(expected.headers), where);
  for (const name of Object.keys(expected.headers)) assertText(Buffer.from(actual.headers[name], 'latin1').toString(), expected.headers[name], mark, payload, (text) => text, `${where}: ${name}`);
  if (expected.isForm) return assertText(actual.body, expected.body, mark, payload, encode, `${where}: the form`);
  if (!Array.isArray(expected.body) || expected.headers['content-type'] !== 'multipart') return assertTree(actual.body, expected.body, mark, payload, `${where}: the body`);
  assert.equal(actual.body.length, expected.body.length, where);
  return expected.body.forEach((part, i) => {
    assert.equal(actual.body[i].name, part.name, where);
    if (part.filename !== undefined) assertText(Buffer.from(actual.body[i].filename, 'latin1').toString(), part.filename, mark, payload, quoted, `${where}: the file's name`);
    assertText(actual.body[i].bytes, part.bytes, mark, payload, (text) => text, `${where}: ${part.name}`);
  });
}

// What cannot be told from the text: the names of all there is, and nothing of their values.
function shape(request) {
  const [path, query = ''] = request.url.split('?');
  const names = (text) => text.split('&').map((pair) => pair.split('=')[0]);
  const body = request.isForm ? names(request.body) : Array.isArray(request.body) ? request.body.length : typeof request.body === 'object' ? Object.keys(request.body) : '';
  return { method: request.method, segments: path.split('/').length, query: names(query), headers: Object.keys(request.headers), body };
}

// Calls `tool` with every argument of `calls` made hostile in turn. Counts: { sent, refused }.
export async function assertStaysData(account, recorder, tool, calls) {
  const counts = { sent: 0, refused: 0 };
  // The request that reached the service, or null where the call was refused.
  const send = async (args, where) => {
    const before = recorder.requests.length;
    const { status, body, text } = await callTool(account.url, account.nameOf(tool.name), args);
    const requests = recorder.requests.slice(before);
    assert.ok(status < 500 && body, `${where}: ${status} ${text.slice(0, 300)}`);
    assert.ok(requests.length <= 1, `${where}: ${requests.length} requests`);
    if (requests.length === 0) {
      assert.ok(body.error || body.result.isError, `${where}: it did nothing, and says nothing`);
      counts.refused++;
      return null;
    }
    counts.sent++;
    return read(requests[0]);
  };

  for (const name of Object.keys(tool.input.properties ?? {})) {
    const args = calls.find((candidate) => name in candidate);
    const where = `${tool.name}: ${name}`;
    for (const path of paths(args[name])) {
      const own = get(args, [name, ...path]);
      let mark = marker;
      let expected = await send(replaced(args, [name, ...path], marker), where);
      if (!expected) [mark, expected] = [own, await send(args, where)];
      assert.ok(expected, where);
      const isTold = mark === marker || /^[\w.~-]{6,}$/.test(mark);
      for (const [kind, payload] of Object.entries(payloads)) {
        const sent = await send(replaced(args, [name, ...path], payload), `${where}: ${kind}`);
        if (sent && isTold) assertSame(sent, expected, mark, payload, `${where}: ${kind}`);
        else if (sent) assert.deepEqual(shape(sent), shape(expected), `${where}: ${kind}`);
      }
    }
    const plain = await send(args, where);
    for (const [kind, tree] of Object.entries({ ...trees, ...(typeof args[name] !== 'string' && { text: '../x?y#z\r\n' }) })) {
      const sent = await send({ ...args, [name]: tree }, `${where}: ${kind}`);
      // A tree may be more than one value, but never another method, path or header.
      if (sent) assert.deepEqual([sent.method, shape(sent).segments, Object.keys(sent.headers).filter((header) => header !== 'content-type')], [plain.method, shape(plain).segments, Object.keys(plain.headers).filter((header) => header !== 'content-type')], `${where}: ${kind}`);
    }
  }
  return counts;
}
