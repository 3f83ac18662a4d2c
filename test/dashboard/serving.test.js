// What is served of the dashboard, and with which headers, before any script runs.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { Connek, run } from '../integration/support/connek.js';

let connek;
const closers = [];

before(async () => {
  connek = await Connek.create({ after: (close) => closers.push(close) });
  await connek.start();
});
after(async () => {
  for (const close of closers) await close();
});

const get = (path, headers = {}, method = 'GET') => fetch(`${connek.base}${path}`, { method, headers, redirect: 'manual' });
const page = async (path = '/') => {
  const response = await get(path);
  assert.equal(response.status, 200, path);
  return { response, html: await response.text() };
};
const scriptOf = (html) => /src="(\/assets\/index-[^"]+\.js)"/.exec(html)[1];

test('every page is the same HTML, never kept, under a policy without eval, inline script or anybody else', async () => {
  const { response } = await page();
  const policy = response.headers.get('content-security-policy');
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[A-Za-z0-9+/]{24}'; /);
  assert.match(policy, /frame-ancestors 'none'; base-uri 'none'$/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('x-frame-options'), 'DENY');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(response.headers.get('referrer-policy'), 'same-origin');
  assert.equal(response.headers.get('cross-origin-opener-policy'), 'same-origin');
  const strip = (html) => html.replace(/nonce="[^"]*"/g, '');
  const first = strip((await page()).html);
  for (const path of ['/users', '/sources/abc', '/activity?decision=denied']) assert.equal(strip((await page(path)).html), first, path);
});

test('each response has a nonce of its own', async () => {
  const nonces = new Set();
  for (let i = 0; i < 5; i++) nonces.add(/'nonce-([^']+)'/.exec((await get('/')).headers.get('content-security-policy'))[1]);
  assert.equal(nonces.size, 5);
});

test('the nonce stands in its page, which has no script but files', async () => {
  const { response, html } = await page();
  const [, nonce] = /'nonce-([^']+)'/.exec(response.headers.get('content-security-policy'));
  assert.ok(html.includes(`nonce="${nonce}"`));
  assert.doesNotMatch(html, /CONNEK-NONCE|<script(?![^>]*\ssrc=)/);
});

test('files are compressed, kept for ever, and not sent again to whoever has them', async () => {
  const script = scriptOf((await page()).html);
  const raw = await run('curl', ['-s', '-H', 'Accept-Encoding: gzip', '-D', connek.path('head'), '-o', connek.path('body'), `${connek.base}${script}`]);
  assert.equal(raw.code, 0);
  const { readFile } = await import('node:fs/promises');
  assert.match(await readFile(connek.path('head'), 'utf8'), /content-encoding: gzip/i);
  const plain = await get(script, { 'Accept-Encoding': 'identity' });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.equal(plain.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  assert.equal(plain.headers.get('vary'), 'Accept-Encoding');
  assert.equal(plain.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.equal(gunzipSync(await readFile(connek.path('body'))).toString(), await plain.text());

  const etag = plain.headers.get('etag');
  for (const known of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
    const again = await get(script, { 'If-None-Match': known });
    assert.equal(again.status, 304, known);
    assert.equal(await again.text(), '');
  }
  assert.equal((await get(script, { 'If-None-Match': '"other"' })).status, 200);
  const named = await get('/color-scheme.js');
  assert.equal(named.headers.get('cache-control'), 'no-cache');
  assert.equal((await get(script, { 'Accept-Encoding': 'br, gzip;q=0' })).headers.get('content-encoding'), null);
});

test('what is no page and no file is not there', async () => {
  for (const path of ['/index.html', '/assets/', '/assets/nothing.js', '/usersx', '/.vite/manifest.json', '/assets/../index.html', '/%75sers', '/favicon.ico', '/wp-admin'])
    assert.equal((await get(path)).status, 404, path);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const refused = await get('/users', {}, method);
    assert.equal(refused.status, 405, method);
    assert.equal(refused.headers.get('allow'), 'GET, HEAD');
  }
  const head = await get('/users', {}, 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
});

test('under a host that is not its own it is not served', async () => {
  const { stdout } = await run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: evil.example', `${connek.base}/users`]);
  assert.equal(stdout, '403');
});
