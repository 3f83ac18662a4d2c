// nginx, the yardstick: as a proxy before the same upstream, and answering by itself.
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, Server } from './process.js';

export const nginxProgram = '/usr/sbin/nginx';

// A parameter of nginx's configuration is at most 4 KiB: a longer body is put together from pieces.
const pieceSize = 3500;

function fixedReply(path, bytes) {
  const pieces = [];
  for (let left = bytes; left > 0; left -= pieceSize) pieces.push('n'.repeat(Math.min(left, pieceSize)));
  const names = pieces.map((_, i) => `$piece_${path.slice(1)}_${i}`);
  const sets = pieces.map((piece, i) => `set ${names[i]} "${piece}";`).join(' ');
  return `location = ${path} { default_type application/json; ${sets} return 200 "${names.join('')}"; }`;
}

// `replies`: { path: bytes } that it answers by itself; everything else goes to the upstream.
export async function startNginx({ folder, core, upstreamPort, replies }) {
  const port = await freePort();
  await mkdir(folder, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const configuration = `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  keepalive_requests 1000000000;
  upstream service {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    ${Object.entries(replies).map(([path, bytes]) => fixedReply(path, bytes)).join('\n    ')}
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configuration);
  const server = Server.start('nginx', [nginxProgram, '-p', folder, '-c', file], { core, log: join(folder, 'stderr') });
  await server.ready(() => accepts(port));
  return { server, port, base: `http://127.0.0.1:${port}` };
}

export function accepts(port) {
  return new Promise((resume) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (does) => {
      socket.destroy();
      resume(does);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
