// Requests of which two readers could disagree where one ends: each is refused, the connection closed, and what follows
// it is never taken for a request of its own.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { legacy, sendRaw } from './support/mcp.js';

let connek, closers, path;

before(async () => {
  closers = [];
  connek = await Connek.serving({ after: (close) => closers.push(close) });
  path = `/mcp/${(await connek.token('finance@acme.example')).token}`;
});

after(async () => {
  for (const close of closers) await close();
});

const list = JSON.stringify(legacy('tools/list').message);
const whoami = JSON.stringify(legacy('tools/call', { name: 'connek_whoami', arguments: {} }).message);
const start = () => `POST ${path} HTTP/1.1\r\n`;
const host = 'Host: 127.0.0.1\r\n';
const type = 'Content-Type: application/json\r\n';

// What an attacker would have us take for a request of somebody else: its call would stand in the audit.
const smuggled = () => `${start()}${host}${type}Content-Length: ${whoami.length}\r\nConnection: close\r\n\r\n${whoami}`;
const chunked = (text) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

const framed = (fields, body) => () => `${start()}${host}${type}${fields}\r\n${body ?? list}${smuggled()}`;
const coded = (coding) => framed(`${coding}\r\n`, chunked(list));
const sized = (length) => framed(`${length}\r\n`);
const inChunks = (body) => framed('Transfer-Encoding: chunked\r\n', body);
const n = list.length;

const corpus = {
  // both ways of framing
  'length and chunked': framed(`Content-Length: ${n}\r\nTransfer-Encoding: chunked\r\n`, chunked(list)),
  'chunked and length': framed(`Transfer-Encoding: chunked\r\nContent-Length: ${n}\r\n`, chunked(list)),
  'a length that ends before the chunks do': framed('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'a length of 0 and chunks': framed('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', chunked(list)),
  // codings that one reader knows and another does not
  'xchunked': coded('Transfer-Encoding: xchunked'),
  'chunked, identity': coded('Transfer-Encoding: chunked, identity'),
  'identity, chunked': coded('Transfer-Encoding: identity, chunked'),
  'gzip, chunked': coded('Transfer-Encoding: gzip, chunked'),
  'chunked, chunked': coded('Transfer-Encoding: chunked, chunked'),
  'identity': framed(`Transfer-Encoding: identity\r\nContent-Length: ${n}\r\n`),
  'an empty coding': coded('Transfer-Encoding:'),
  'a quoted coding': coded('Transfer-Encoding: "chunked"'),
  'a coding with a parameter': coded('Transfer-Encoding: chunked;q=1'),
  'a coding after a comma': coded('Transfer-Encoding: ,chunked'),
  'a coding before a comma': coded('Transfer-Encoding: chunked,'),
  'a space before the colon': coded('Transfer-Encoding : chunked'),
  'a tab before the colon': coded('Transfer-Encoding\t: chunked'),
  'a vertical tab before the coding': coded('Transfer-Encoding:\x0bchunked'),
  'a form feed after the coding': coded('Transfer-Encoding: chunked\x0c'),
  'a NUL after the coding': coded('Transfer-Encoding: chunked\x00'),
  'two codings': coded('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
  'a coding and a strange one': coded('Transfer-Encoding: chunked\r\nTransfer-Encoding: x'),
  'a strange coding and one': coded('Transfer-Encoding: x\r\nTransfer-Encoding: chunked'),
  'a coding on a folded line': coded('Transfer-Encoding:\r\n chunked'),
  'a coding folded into another field': coded('X: y\r\n Transfer-Encoding: chunked'),
  'a coding after a bare LF': coded('X: y\nTransfer-Encoding: chunked'),
  'a coding after a bare CR': coded('X: y\rTransfer-Encoding: chunked'),
  'a coding in HTTP/1.0': () => `POST ${path} HTTP/1.0\r\n${host}${type}Transfer-Encoding: chunked\r\n\r\n${chunked(list)}${smuggled()}`,
  // lengths that two readers read differently
  'two lengths': sized(`Content-Length: ${n}\r\nContent-Length: ${n + 1}`),
  'the same length twice': sized(`Content-Length: ${n}\r\nContent-Length: ${n}`),
  'a list of lengths': sized(`Content-Length: ${n}, ${n}`),
  'a signed length': sized(`Content-Length: +${n}`),
  'a negative length': sized('Content-Length: -1'),
  'a hexadecimal length': sized(`Content-Length: 0x${n.toString(16)}`),
  'a length with a fraction': sized(`Content-Length: ${n}.0`),
  'a length with an exponent': sized('Content-Length: 1e2'),
  'a length with a space within': sized('Content-Length: 1 0'),
  'a length with an underscore': sized('Content-Length: 1_0'),
  'a length with a NUL': sized(`Content-Length: ${n}\x00`),
  'no length in the field': sized('Content-Length:'),
  'a length beyond 64 bits': sized('Content-Length: 18446744073709551621'),
  'a space before the length\'s colon': sized(`Content-Length : ${n}`),
  'a length on a folded line': sized(`Content-Length:\r\n ${n}`),
  'a length after a bare LF': framed(`X: y\nContent-Length: ${n}\r\n`),
  // chunks
  'a signed size': inChunks(`+${n.toString(16)}\r\n${list}\r\n0\r\n\r\n`),
  'a negative size': inChunks(`-1\r\n${list}\r\n0\r\n\r\n`),
  'a size with 0x': inChunks(`0x${n.toString(16)}\r\n${list}\r\n0\r\n\r\n`),
  'a size beyond 64 bits': inChunks(`1000000000000000${n.toString(16)}\r\n${list}\r\n0\r\n\r\n`),
  'a size that is none': inChunks(`g\r\n${list}\r\n0\r\n\r\n`),
  'an empty size': inChunks(`\r\n${list}\r\n0\r\n\r\n`),
  'a size with a space before it': inChunks(` ${n.toString(16)}\r\n${list}\r\n0\r\n\r\n`),
  'a size that ends in a bare LF': inChunks(`${n.toString(16)}\n${list}\r\n0\r\n\r\n`),
  'a size that ends in a bare CR': inChunks(`${n.toString(16)}\r${list}\r\n0\r\n\r\n`),
  'an extension that hides a line': inChunks(`${n.toString(16)};a\n${list}\r\n0\r\n\r\n`),
  'a chunk longer than its size': inChunks(`${(n - 1).toString(16)}\r\n${list}\r\n0\r\n\r\n`),
  'a chunk without its end': inChunks(`${n.toString(16)}\r\n${list}0\r\n\r\n`),
  'a chunk that ends in a bare LF': inChunks(`${n.toString(16)}\r\n${list}\n0\r\n\r\n`),
  'a trailer with a space in its name': inChunks(`${n.toString(16)}\r\n${list}\r\n0\r\nA b: c\r\n\r\n`),
  'a trailer that begins with a space': inChunks(`${n.toString(16)}\r\n${list}\r\n0\r\n a: b\r\n\r\n`),
  // whose request it is
  'two Hosts': framed(`Host: evil.example\r\nContent-Length: ${n}\r\n`),
  'the same Host twice': framed(`${host}Content-Length: ${n}\r\n`),
  'no Host': () => `${start()}${type}Content-Length: ${n}\r\n\r\n${list}${smuggled()}`,
  'a list of Hosts': () => `${start()}Host: 127.0.0.1, evil.example\r\n${type}Content-Length: ${n}\r\n\r\n${list}${smuggled()}`,
  'a target of another host': () => `POST http://evil.example${path} HTTP/1.1\r\n${host}${type}Content-Length: ${n}\r\n\r\n${list}${smuggled()}`,
  'an authority for a target': () => `CONNECT 127.0.0.1:80 HTTP/1.1\r\n${host}\r\n${smuggled()}`,
  // lines
  'a bare LF after the request line': () => `POST ${path} HTTP/1.1\n${host}${type}Content-Length: ${n}\r\n\r\n${list}${smuggled()}`,
  'bare LFs throughout': () => `POST ${path} HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0\n\n${smuggled()}`,
  'a bare CR in the request line': () => `POST ${path}\rx HTTP/1.1\r\n${host}\r\n${smuggled()}`,
  'a tab in the request line': () => `POST\t${path} HTTP/1.1\r\n${host}\r\n${smuggled()}`,
  'two spaces in the request line': () => `POST  ${path} HTTP/1.1\r\n${host}\r\n${smuggled()}`,
  'a space in the target': () => `POST ${path} x HTTP/1.1\r\n${host}\r\n${smuggled()}`,
  'a request line within the target': () => `POST ${path}%20HTTP/1.1%0d%0aX: y HTTP/1.1\r\n${host}\r\n${smuggled()}`,
  'a first line that is folded': () => `${start()} X: y\r\n${host}Content-Length: 0\r\n\r\n${smuggled()}`,
  'a field without a colon': framed(`X\r\nContent-Length: ${n}\r\n`),
  'a field without a name': framed(`: y\r\nContent-Length: ${n}\r\n`),
  'a space in a field\'s name': framed(`X y: z\r\nContent-Length: ${n}\r\n`),
  'a NUL in a field\'s name': framed(`X\x00: z\r\nContent-Length: ${n}\r\n`),
  'a NUL in a value': framed(`X: a\x00b\r\nContent-Length: ${n}\r\n`),
  'a bare CR in a value': framed(`X: a\rb\r\nContent-Length: ${n}\r\n`),
  'HTTP/0.9': () => `GET ${path}\r\n${smuggled()}`,
  'HTTP/2 by its preface': () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled()}`,
  'HTTP/1.2': () => `POST ${path} HTTP/1.2\r\n${host}Content-Length: 0\r\n\r\n${smuggled()}`,
  'a version in odd case': () => `POST ${path} http/1.1\r\n${host}Content-Length: 0\r\n\r\n${smuggled()}`,
  'a TLS hello': () => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${smuggled()}`,
};

const responses = (text) => text.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0;

test('a request that two readers could frame differently is refused, closed, and nothing after it is read', async (t) => {
  const names = Object.keys(corpus);
  for (let at = 0; at < names.length; at += 10) {
    await Promise.all(
      names.slice(at, at + 10).map(async (name) => {
        const { text, status, isClosed } = await sendRaw(connek.base, corpus[name](), { timeoutMs: 20_000 });
        assert.ok(status >= 400, `${name}: ${status}`);
        assert.ok(isClosed, `${name}: not closed`);
        assert.equal(responses(text), 1, `${name}: ${text}`);
        assert.ok(!/tools|whoami|acme/.test(text), `${name}: ${text}`);
      }),
    );
  }
  assert.ok(!(await connek.audit()).some(({ tool }) => tool === 'connek_whoami'), 'a smuggled call was made');
  t.diagnostic(`${names.length} requests`);
});

test('what is framed in one way alone is served, one answer each', async () => {
  const last = smuggled();
  for (const first of [
    `${start()}${host}${type}Content-Length: ${n}\r\n\r\n${list}`,
    `${start()}${host}${type}Transfer-Encoding: chunked\r\n\r\n${chunked(list)}`,
    `${start()}${host}${type}transfer-encoding: CHUNKED\r\n\r\n${n.toString(16)};x=y\r\n${list}\r\n0\r\nTrailer: z\r\n\r\n`,
  ]) {
    const { text, status } = await sendRaw(connek.base, first + last);
    assert.equal(status, 200, text);
    assert.equal(responses(text), 2);
    assert.match(text, /"tools"[^]*finance@acme\.example/);
  }
});
