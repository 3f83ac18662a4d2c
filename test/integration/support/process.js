// What tests need of processes that they start.
import { once } from 'node:events';
import { createServer } from 'node:net';

// A port that nobody has, or had a moment ago: for programs that cannot say which they took.
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
