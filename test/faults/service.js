// A service over HTTP that misbehaves as it is asked: the first segment of a request's path names the fault (/hang/books).
// A program of its own, too: `node test/faults/service.js` prints its address and serves until it is killed.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';

const MiB = 1024 * 1024;
const jsonType = 'Content-Type: application/json\r\n';
const head = (fields, status = '200 OK') => `HTTP/1.1 ${status}\r\n${fields}\r\n`;
const answer = (status, body, fields = '') => head(`${jsonType}Content-Length: ${Buffer.byteLength(body)}\r\n${fields}`, status) + body;

// Writes `piece` for as long as anybody reads; the tally says how much went out.
function pour(socket, piece, tally) {
  const more = () => {
    while (!socket.destroyed) {
      tally.poured += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', more);
  more();
}

// A little now and then, for as long as anybody waits.
function drip(socket, piece) {
  const timer = setInterval(() => socket.write(piece), 100);
  socket.on('close', () => clearInterval(timer));
}

let bomb;
const makeBomb = () => (bomb ??= gzipSync(Buffer.alloc(256 * MiB, ' '), { level: 9 }));

// What is done to a connection that has asked. `isSlow`: only the caller's own patience ends it.
export const faults = {
  hang: { isSlow: true, answer: () => {} },
  'drip-head': { isSlow: true, answer: (socket) => (socket.write('HTTP/1.1 200 OK\r\nX: '), drip(socket, 'y')) },
  'drip-body': { isSlow: true, answer: (socket) => (socket.write(head(`${jsonType}Content-Length: 1000000\r\n`)), drip(socket, ' ')) },
  'endless-events': { isSlow: true, answer: (socket) => (socket.write(head('Content-Type: text/event-stream\r\n')), drip(socket, ': here\n\n')) },
  reset: { answer: (socket) => socket.resetAndDestroy() },
  'reset-in-body': { answer: (socket) => socket.write(head(`${jsonType}Content-Length: 1000\r\n`) + '{"a":', () => socket.resetAndDestroy()) },
  'half-a-head': { answer: (socket) => socket.end('HTTP/1.1 200 O') },
  'half-a-body': { answer: (socket) => socket.end(head(`${jsonType}Content-Length: 1000\r\n`) + '{"a":') },
  'half-a-chunk': { answer: (socket) => socket.end(head(`${jsonType}Transfer-Encoding: chunked\r\n`) + 'fff\r\n{"a":') },
  flood: { answer: (socket, tally) => (socket.write(head(jsonType)), pour(socket, Buffer.alloc(64 * 1024, ' '), tally)) },
  'flood-of-fields': { answer: (socket, tally) => (socket.write('HTTP/1.1 200 OK\r\n'), pour(socket, Buffer.from(`X: ${'y'.repeat(1000)}\r\n`.repeat(50)), tally)) },
  'flood-of-chunks': {
    answer: (socket, tally) => (socket.write(head(`${jsonType}Transfer-Encoding: chunked\r\n`)), pour(socket, Buffer.from('1\r\n \r\n'.repeat(10_000)), tally)),
  },
  'flood-of-interim-answers': { answer: (socket, tally) => pour(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(1000)), tally) },
  bomb: { answer: (socket) => (socket.write(head(`${jsonType}Content-Encoding: gzip\r\nContent-Length: ${makeBomb().length}\r\n`)), socket.end(makeBomb())) },
  'ten-gibibytes': { answer: (socket, tally) => (socket.write(head(`${jsonType}Content-Length: 10737418240\r\n`)), pour(socket, Buffer.alloc(64 * 1024, ' '), tally)) },
  'deep-json': { answer: (socket) => socket.end(head(jsonType) + '['.repeat(100_000) + ']'.repeat(100_000)) },
  'bad-json': { answer: (socket) => socket.end(answer('200 OK', '{"a":1,}')) },
  'a-key-twice': { answer: (socket) => socket.end(answer('200 OK', '{"a":1,"a":2}')) },
  'two-lengths': { answer: (socket) => socket.end(head(`${jsonType}Content-Length: 2\r\nContent-Length: 3\r\n`) + '{}x') },
  'redirect-loop': { answer: (socket, _, path) => socket.end(answer('302 Found', '', `Location: ${path}\r\n`)) },
  'server-error': { answer: (socket) => socket.end(answer('500 Internal Server Error', '{"error":"oops"}')) },
  'no-http': { answer: (socket) => socket.end('220 smtp.example ESMTP\r\n') },
};

export class FaultyService {
  asked = {}; // by fault
  poured = 0; // bytes of floods that went out
  sockets = new Set();

  static async start(t) {
    const service = new FaultyService();
    service.server = createServer((socket) => service.#take(socket));
    service.server.listen(0, '127.0.0.1');
    await once(service.server, 'listening');
    service.base = `http://127.0.0.1:${service.server.address().port}`;
    t?.after(() => service.close());
    return service;
  }

  // A request's fault may be another with each request of one connection.
  #take(socket) {
    this.sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    socket.on('data', (bytes) => {
      const path = /^\w+ (\/\S*)/.exec(bytes.toString('latin1'))?.[1] ?? '';
      const name = path.split('/')[1];
      this.asked[name] = (this.asked[name] ?? 0) + 1;
      if (faults[name]) faults[name].answer(socket, this, path);
      else socket.write(answer(name === 'fine' ? '200 OK' : '404 Not Found', '{"is":"fine"}'));
    });
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

// A port at which connections wait to be accepted and never are: its queue is full. { base, close }
export async function unacceptingService() {
  const program = "const s = require('node:net').createServer(); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const port = Number(line);
  child.kill('SIGSTOP');
  const waiting = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  return {
    base: `http://127.0.0.1:${port}`,
    close: () => {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

if (process.argv[1] === import.meta.filename) console.log((await FaultyService.start()).base);
