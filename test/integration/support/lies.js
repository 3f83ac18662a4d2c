// What an MCP server over HTTP may do instead of answering.
import { gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';

export const json = (response, text) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);

// Writes `piece` until the other side has had enough: how much that was.
async function endless(response, type, first, piece, more = {}) {
  response.writeHead(200, { 'Content-Type': type, ...more });
  response.write(first);
  const gone = new Promise((resolve) => response.on('close', resolve));
  let isOpen = true;
  gone.then(() => (isOpen = false));
  let written = 0;
  while (isOpen) {
    written += piece.length;
    if (!response.write(piece)) await Promise.race([gone, new Promise((resolve) => response.once('drain', resolve))]);
  }
  return written;
}

const mib = 1024 * 1024;
const bomb = gzipSync(Buffer.alloc(256 * mib, ' '), { level: 9 });

// A byte now and then, for as long as anybody waits.
async function drip(response, first) {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write(first);
  while (!response.destroyed) {
    response.write(' ');
    await sleep(100);
  }
}

export const notice = (method, params) => `data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;

// What each does to a request, and what is said of it; `most`: what it gets rid of before it is cut off; `isSlow`: it takes its
// connector's timeout_ms, a second.
export const lies = {
  'answers with another id': { lie: ({ id }, response) => json(response, `{"jsonrpc":"2.0","id":${id + 1000},"result":{"content":[]}}`), told: /another id/ },
  'answers with what is no JSON': { lie: (message, response) => json(response, '{"jsonrpc":"2.0","id":'), told: /no JSON/ },
  'answers with JSON that is no message': { lie: ({ id }, response) => json(response, `{"id":${id},"answer":42}`), told: /no JSON-RPC message/ },
  'answers with a result that is no object': { lie: ({ id }, response) => json(response, `{"jsonrpc":"2.0","id":${id},"result":7}`), told: /no object/ },
  'nests without end': { lie: (message, response) => json(response, '['.repeat(mib)), told: /no JSON/ },
  'ends its stream without an answer': {
    lie: (message, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(': nothing\n\n'),
    told: /without answering/,
  },
  'hangs up': { lie: (message, response) => response.destroy(), told: /broke off/ },
  'streams comments without end': { lie: (message, response) => endless(response, 'text/event-stream', '', `: ${'x'.repeat(mib)}\n\n`), told: /larger than allowed/, most: 80 * mib },
  'sends an event without end': { lie: (message, response) => endless(response, 'text/event-stream', 'data: {', 'x'.repeat(mib)), told: /too large/, most: 40 * mib },
  'sends a body without end': { lie: ({ id }, response) => endless(response, 'application/json', `{"jsonrpc":"2.0","id":${id},"result":{"a":"`, 'x'.repeat(mib)), told: /more than \d+ bytes/, most: 40 * mib },
  'is redirected elsewhere': { lie: (message, response) => response.writeHead(307, { Location: 'http://127.0.0.1:1/' }).end(), told: /another address/ },
  'is redirected to where a cloud keeps credentials': { lie: (message, response) => response.writeHead(302, { Location: 'http://169.254.169.254/latest/meta-data/' }).end(), told: /another address/ },
  'answers 500': { lie: (message, response) => response.writeHead(500).end('<h1>oops</h1>'), told: /HTTP 500/ },
  'hangs': { lie: () => {}, told: /did not answer within 1 seconds/, isSlow: true },
  'drips': { lie: (message, response) => drip(response, '{'), told: /did not answer within 1 seconds/, isSlow: true },
  'streams without an answer': { lie: (message, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': here\n\n'), told: /did not answer within 1 seconds/, isSlow: true },
  'promises 10 GiB, and sends': { lie: (message, response) => endless(response, 'application/json', '{', ' '.repeat(mib), { 'Content-Length': 10 * 1024 * mib }), told: /larger than|more than \d+ bytes/, most: 40 * mib },
  'sends a compressed bomb': { lie: (message, response) => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end(bomb), told: /compress|encod/ },
  'breaks off in its answer': {
    lie: ({ id }, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 });
      response.write(`{"jsonrpc":"2.0","id":${id}`, () => response.destroy());
    },
    told: /broke off/,
  },
};
