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

const write = (method, path, headers, body = '') =>
  `${method} ${path} HTTP/1.1\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;

async function ask(socket, request) {
  const answered = once(socket, 'data');
  socket.write(request);
  const text = (await answered)[0].toString('latin1');
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(`an idle connection's request was not answered: ${text}`);
  return text;
}

// Asks and stays open. `requests` is what is asked, in turn: texts, or what makes one of the answer before.
async function openConnection(port, requests) {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  await once(socket, 'connect');
  let answer = '';
  for (const request of requests) answer = await ask(socket, typeof request === 'function' ? request(answer) : request);
  return socket;
}

async function open(port, requests, n) {
  const sockets = [];
  try {
    while (sockets.length < n) {
      const more = Array.from({ length: Math.min(atOnce, n - sockets.length) }, () => openConnection(port, requests));
      sockets.push(...(await Promise.all(more)));
    }
  } catch (error) {
    sockets.forEach((socket) => socket.destroy());
    throw error;
  }
  return sockets;
}

async function measure(connek, name, requestsOf) {
  const { server, port } = await connek.serve({ name, args: ['--workers', '1'] });
  const requests = requestsOf(`127.0.0.1:${port}`);
  const mayOpen = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024);
  const n = Math.min(connectionsWanted, mayOpen - descriptorsSpare);
  let sockets = await open(port, requests, atOnce); // what the first calls cost is not the connections'
  sockets.forEach((socket) => socket.destroy());
  await rest(settleMs);
  const before = server.rss();
  sockets = await open(port, requests, n);
  await rest(settleMs);
  const after = server.rss();
  const open_n = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  sockets.forEach((socket) => socket.destroy());
  await server.stop();
  if (open_n !== n) throw new Error(`only ${open_n} of ${n} idle connections stayed open`);
  return { connections: n, bytes_each: (after - before) / n, rss: after };
}

// Each connection has called tools/list once.
export const measureConnections = (connek, { token, body, headers }) =>
  measure(connek, 'idle', (Host) => [write('POST', `/mcp/${token}`, { Host, ...headers, 'Content-Length': Buffer.byteLength(body) }, body)]);

// Each connection is a legacy client with a session of its own, whose GET stream says nothing.
export function measureStreams(connek, { token }) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
  const sent = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'Content-Length': Buffer.byteLength(body) };
  const streamed = { Accept: 'text/event-stream', 'MCP-Protocol-Version': '2025-11-25' };
  const session = (answer) => /^mcp-session-id: (\S+)/im.exec(answer)[1];
  return measure(connek, 'streams', (Host) => [
    write('POST', `/mcp/${token}`, { Host, ...sent }, body),
    (answer) => write('GET', `/mcp/${token}`, { Host, ...streamed, 'Mcp-Session-Id': session(answer) }),
  ]);
}
