// A thread of its own, so that what these clients cost is not on the clock of whoever is measured beside them. Each says a byte of
// its request every few seconds, or asks for much and does not read. workerData: { base, path, n }. Says 'there' when all of them
// are; goes when it is told anything.
import { once } from 'node:events';
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { base, path, n } = workerData;
const { hostname, port } = new URL(base);
const list = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'tools/list' });
const head = (length) => `POST ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`;
const beginnings = [head(100) + 'X-Slow: ', `${head(100_000)}\r\n{"jsonrpc":"2.0",`, `${head(list.length)}\r\n${list}`.repeat(20)];
const sockets = [];
for (let i = 0; i < n; i++) {
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => {}).pause();
  sockets.push({ socket, kind: i % beginnings.length });
  if (i % 200 === 199) await once(socket, 'connect');
}
for (const { socket, kind } of sockets) socket.write(beginnings[kind]);
const timer = setInterval(() => {
  for (const { socket, kind } of sockets) if (kind < 2 && socket.writable && Math.random() < 0.1) socket.write('x');
}, 200);
parentPort.once('message', () => {
  clearInterval(timer);
  for (const { socket } of sockets) socket.destroy();
});
parentPort.postMessage('there');
