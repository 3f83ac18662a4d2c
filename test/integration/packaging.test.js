// The files of packaging/ are not prose: each is used here as it stands, but for its addresses, names and paths.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { Connek, run } from './support/connek.js';
import { legacy, modern } from './support/mcp.js';
import { freePort } from './support/process.js';

const packaging = resolve(import.meta.dirname, '../../packaging');
const host = 'connek.example.com';

// The example file with each text of `changes` (which has to be in it) replaced, as NAME in the test's folder.
async function adapted(connek, file, name, changes) {
  let text = await readFile(join(packaging, file), 'utf8');
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${file} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return connek.writeFile(name, text);
}

async function makeCertificate(connek) {
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${host}`];
  const made = await run('openssl', [...words, '-addext', `subjectAltName=DNS:${host}`, '-keyout', connek.path('key.pem'), '-out', connek.path('cert.pem')]);
  assert.equal(made.code, 0, made.stderr);
  return readFile(connek.path('cert.pem'));
}

// POSTs a message over TLS to the proxy under its public name.
function postThrough(port, ca, path, { message, headers }) {
  return new Promise((resume, reject) => {
    const options = { host: '127.0.0.1', port, path, method: 'POST', ca, servername: host, agent: false };
    const sent = request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
      response.on('end', () => resume({ status: response.statusCode, text: Buffer.concat(chunks).toString() }));
    });
    sent.on('error', reject);
    sent.setHeader('Host', `${host}:${port}`);
    sent.setHeader('Content-Type', 'application/json');
    sent.setHeader('Accept', 'application/json, text/event-stream');
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
    sent.end(JSON.stringify(message));
  });
}

// A function that stops it and resolves with all that it printed.
async function startProxy(t, port, program, args, env) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const closed = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await closed;
    return output;
  };
  t.after(stop);
  for (let tries = 0; ; tries++) {
    assert.ok(child.exitCode === null && tries < 600, `${program} did not start: ${output}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise((resume) => socket.once('connect', () => resume(true)).once('error', () => resume(false)));
    socket.destroy();
    if (isOpen) return stop;
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

// Through the proxy both eras work, a personal URL that is unknown is refused by Connek, and no token is written down.
async function assertServes(connek, port, ca, writtenDown) {
  const { token } = await connek.token('finance@acme.example');
  for (const era of [legacy, modern]) {
    const listed = await postThrough(port, ca, `/mcp/${token}`, era('tools/list'));
    assert.equal(listed.status, 200, listed.text);
    assert.match(listed.text, /sqlite_query/);
    const call = era('tools/call', { name: 'sqlite_query', arguments: { sql: 'SELECT sum(cents) FROM invoice' } });
    assert.match((await postThrough(port, ca, `/mcp/${token}`, call)).text, /124649/);
  }
  assert.equal((await postThrough(port, ca, `/mcp/${'0'.repeat(64)}`, legacy('tools/list'))).status, 401);
  for (const place of ['link', 'connect']) await postThrough(port, ca, `/${place}/${token}`, legacy('tools/list'));
  await connek.stop();
  assert.equal((await postThrough(port, ca, `/mcp/${token}`, legacy('tools/list'))).status, 502);
  assert.doesNotMatch(await writtenDown(), new RegExp(token));
}

test('nginx with packaging/nginx/connek.conf serves Connek over TLS and logs no token', async (t) => {
  const nginx = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
  const port = await freePort();
  const connek = await Connek.serving(t, { args: ['--public-url', `https://${host}:${port}`] });
  const ca = await makeCertificate(connek);
  const site = await adapted(connek, 'nginx/connek.conf', 'site.conf', [
    ['server 127.0.0.1:8080', `server ${new URL(connek.base).host}`],
    ['listen 443', `listen 127.0.0.1:${port}`],
    ['/etc/ssl/connek/fullchain.pem', connek.path('cert.pem')],
    ['/etc/ssl/connek/privkey.pem', connek.path('key.pem')],
    ['/var/log/nginx/', `${connek.home}/`],
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${connek.path('tmp')};`);
  const main = await connek.writeFile(
    'nginx.conf',
    `daemon off; worker_processes 1; pid ${connek.path('nginx.pid')}; error_log ${connek.path('main-error.log')};
     events {} http { ${temporary.join(' ')} access_log off; include ${site}; }`,
  );
  const stop = await startProxy(t, port, nginx, ['-p', connek.home, '-c', main, '-e', connek.path('main-error.log')]);
  await assertServes(connek, port, ca, async () => {
    const printed = await stop();
    const logged = await readFile(connek.path('connek.log'), 'utf8');
    assert.match(logged, /"POST \/mcp\/-" 200/);
    const errors = await Promise.all(['connek-error.log', 'main-error.log'].map((name) => readFile(connek.path(name), 'utf8')));
    return logged + errors.join('') + printed;
  });
});

test('Caddy with packaging/caddy/Caddyfile serves Connek over TLS and logs no token', async (t) => {
  const port = await freePort();
  const connek = await Connek.serving(t, { args: ['--public-url', `https://${host}:${port}`] });
  const ca = await makeCertificate(connek);
  const certificate = `tls ${connek.path('cert.pem')} ${connek.path('key.pem')}`;
  const file = await adapted(connek, 'caddy/Caddyfile', 'Caddyfile', [
    ['\nconnek.example.com {', `\nhttps://${host}:${port} {\n\tbind 127.0.0.1\n\t${certificate}`],
    ['\n{\n', '\n{\n\tadmin off\n\tauto_https disable_redirects\n'],
    ['reverse_proxy 127.0.0.1:8080', `reverse_proxy ${new URL(connek.base).host}`],
  ]);
  await mkdir(connek.path('caddy'));
  const env = { HOME: connek.path('caddy'), XDG_DATA_HOME: connek.path('caddy'), XDG_CONFIG_HOME: connek.path('caddy') };
  const stop = await startProxy(t, port, 'caddy', ['run', '--config', file, '--adapter', 'caddyfile'], env);
  await assertServes(connek, port, ca, stop);
});

const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find(existsSync);

test('packaging/systemd/connek.service is a valid, well confined unit', { skip: analyze ? false : 'systemd-analyze is not installed' }, async (t) => {
  const connek = await Connek.create(t);
  const unit = await adapted(connek, 'systemd/connek.service', 'connek.service', [['/usr/local/bin/connek', connek.binary]]);
  const verified = await run(analyze, ['verify', unit]);
  assert.equal(verified.code, 0, verified.stderr + verified.stdout);
  assert.doesNotMatch(verified.stderr, /connek\.service:\d+:/);
  const confined = await run(analyze, ['security', '--offline=yes', '--threshold=20', unit]);
  assert.equal(confined.code, 0, confined.stdout.slice(-300));
});

test('what the systemd unit starts is what connek serve understands', async (t) => {
  const connek = await Connek.create(t);
  const unit = await readFile(join(packaging, 'systemd/connek.service'), 'utf8');
  const [, ...words] = /^ExecStart=(.*)$/m.exec(unit)[1].split(' ');
  assert.equal(words[0], 'serve');
  const help = await run(connek.binary, ['serve', '--help']);
  for (const option of words.filter((word) => word.startsWith('--'))) assert.match(help.stdout, new RegExp(`${option}\\b`));
});
