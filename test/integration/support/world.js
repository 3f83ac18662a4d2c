// A network of its own for a test: every address there is, public, private or metadata, IPv4 and IPv6, is this machine, and
// names are what the test says. So whatever is connected to anywhere is counted. It takes Linux namespaces, no rights.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from './connek.js';

export const isInside = process.env.CONNEK_TEST_WORLD === '1';

// Of these no connection comes about: what resolves to one and to another goes on to the other.
export const unreachable = '93.184.216.99';

const setUp = `set -e
ip link set lo up
ip addr add 203.0.113.77/32 dev lo
ip -6 addr add 2001:db8:77::1/128 dev lo nodad
ip route add local 0.0.0.0/0 dev lo
ip route add unreachable ${unreachable}/32 table local
ip -6 route add local ::/0 dev lo
file=$(mktemp)
echo 'nameserver 127.0.0.1' > "$file"
mount --bind "$file" /etc/resolv.conf
exec "$@"`;

export const isPossible = async () => (await run('unshare', ['-rnm', 'sh', '-c', setUp, 'sh', 'true']).catch(() => ({ code: 1 }))).code === 0;

// Runs a file of tests in there: { code, output }.
export async function enter(file) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // a run of its own
  const child = spawn('unshare', ['-rnm', 'sh', '-c', setUp, 'sh', process.execPath, '--test-reporter=tap', file], {
    env: { ...env, CONNEK_TEST_WORLD: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  return { code, output };
}

// ---- inside

// A web server at every address. `connections` and `requests`: how many came to each address.
export async function everywhere(t, answer) {
  const sink = { connections: new Map(), requests: new Map() };
  const count = (map, address) => map.set(address, (map.get(address) ?? 0) + 1);
  const addressOf = (socket) => socket.localAddress.replace(/^::ffff:(?=\d+\.)/, '');
  const server = createServer((request, response) => {
    count(sink.requests, addressOf(request.socket));
    response.setHeader('Content-Type', 'application/json');
    answer(request, response);
  });
  server.on('connection', (socket) => count(sink.connections, addressOf(socket)));
  server.listen(0, '::');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(sink, { port: server.address().port });
}

const encodeName = (name) => Buffer.concat([...name.split('.').filter(Boolean).map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])]);
const types = { A: 1, CNAME: 5, AAAA: 28 };

function addressBytes(address) {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head, tail] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return Buffer.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]));
}

// Names: `zone[name]` is a list of addresses, { cname }, or a function that gives one. Nothing lives longer than its answer.
export async function names(t, zone) {
  const asked = new Map();
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const labels = [];
    let at = 12;
    for (; query[at] > 0; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    const question = query.subarray(12, at + 5);
    const type = query.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    asked.set(name, (asked.get(name) ?? 0) + 1);
    const record = (owner, kind, bytes) => {
      const fixed = Buffer.alloc(10);
      fixed.writeUInt16BE(kind, 0);
      fixed.writeUInt16BE(1, 2);
      fixed.writeUInt16BE(bytes.length, 8);
      return Buffer.concat([encodeName(owner), fixed, bytes]);
    };
    const answers = [];
    let current = name, found;
    while ((found = typeof zone[current] === 'function' ? zone[current]() : zone[current])?.cname) {
      answers.push(record(current, types.CNAME, encodeName(found.cname)));
      current = found.cname;
    }
    for (const address of found ?? [])
      if (type === (address.includes(':') ? types.AAAA : types.A)) answers.push(record(current, type, addressBytes(address)));
    const head = Buffer.alloc(12);
    head.writeUInt16BE(query.readUInt16BE(0), 0);
    head.writeUInt16BE(found ? 0x8580 : 0x8583, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    socket.send(Buffer.concat([head, question, ...answers]), from.port, from.address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return asked;
}
