// What a server costs that has nothing to do: its start, its memory, and connections that wait.
import { connect } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { median } from './rounds.js';

const starts = 5;
const connectionsWanted = 10_000;
const descriptorsSpare = 200;
const atOnce = 100;
const settleMs = 1000;
const rest = (ms) => new Promise((resume) => setTimeout(resume, ms));

export async function measureStart(connek) {
  const ready = [];
  let idleRss = 0;
  for (let i = 0; i < starts; i++) {
    const { server, readyMs } = await connek.serve({ name: 'started' });
    ready.push(readyMs);
    if (i === starts - 1) {
      await rest(settleMs);
      idleRss = server.rss();
    }
    await server.stop();
  }
  return { ready_ms: median(ready), ready_ms_each: ready, idle_rss: idleRss };
}

// Answers once and stays open.
async function openConnection(port, request) {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const answered = once(socket, 'data');
  socket.write(request);
  const [bytes] = await answered;
  if (!bytes.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(`an idle connection's request was not answered: ${bytes}`);
  return socket;
}

async function open(port, request, n) {
  const sockets = [];
  try {
    while (sockets.length < n) {
      const more = Array.from({ length: Math.min(atOnce, n - sockets.length) }, () => openConnection(port, request));
      sockets.push(...(await Promise.all(more)));
    }
  } catch (error) {
    sockets.forEach((socket) => socket.destroy());
    throw error;
  }
  return sockets;
}

// Each connection has called tools/list once.
export async function measureConnections(connek, { token, body, headers }) {
  const { server, port } = await connek.serve({ name: 'idle', args: ['--workers', '1'] });
  const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...headers, 'Content-Length': Buffer.byteLength(body) });
  const request = `POST /mcp/${token} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
  const mayOpen = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024);
  const n = Math.min(connectionsWanted, mayOpen - descriptorsSpare);
  let sockets = await open(port, request, atOnce); // what the first calls cost is not the connections'
  sockets.forEach((socket) => socket.destroy());
  await rest(settleMs);
  const before = server.rss();
  sockets = await open(port, request, n);
  await rest(settleMs);
  const after = server.rss();
  const open_n = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  sockets.forEach((socket) => socket.destroy());
  await server.stop();
  if (open_n !== n) throw new Error(`only ${open_n} of ${n} idle connections stayed open`);
  return { connections: n, bytes_each: (after - before) / n, rss: after };
}
