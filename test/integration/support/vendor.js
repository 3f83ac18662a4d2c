// A vendor for tests: an OAuth token endpoint that a test bends as it likes, and an API that takes what it gave.
// A certified OAuth server is in oidc.js; this one stands in for what a certified one cannot do.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';

export class Vendor {
  exchanges = []; // what came to the token endpoint: { ...parameters, authorization }
  calls = []; // the API's: { authorization, status }
  live = new Map(); // access tokens that the API takes -> when they end (ms)
  refresh = null; // the one refresh token that is good
  reused = 0; // refresh tokens that came a second time
  used = new Set();
  lifetime = 3600; // s; null: not said
  delayMs = 0;
  isOneTime = true;
  answer = null; // (parameters, response) => true where it has answered itself
  revoked = [];

  static async start(t) {
    const vendor = new Vendor();
    vendor.server = createServer((request, response) => vendor.#take(request, response).catch(() => response.destroy()));
    vendor.server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }); // thousands may come at once
    await once(vendor.server, 'listening');
    vendor.host = `127.0.0.1:${vendor.server.address().port}`;
    vendor.base = `http://${vendor.host}`;
    t.after(() => {
      vendor.server.closeAllConnections();
      vendor.server.close();
    });
    return vendor;
  }

  json(response, value, status = 200) {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  }

  // What a token endpoint says of new tokens.
  issue() {
    const access_token = `access-${randomBytes(12).toString('hex')}`;
    this.live.set(access_token, Date.now() + (this.lifetime ?? 3600) * 1000);
    this.refresh = `refresh-${randomBytes(12).toString('hex')}`;
    return { access_token, token_type: 'Bearer', refresh_token: this.refresh, ...(this.lifetime !== null && { expires_in: this.lifetime }) };
  }

  endAccess() {
    for (const token of this.live.keys()) this.live.set(token, 0);
  }

  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(request.url, this.base);
    if (url.pathname === '/authorize') return this.#authorize(url, response);
    if (url.pathname === '/token') return this.#token(request, body, response);
    if (url.pathname === '/revoke') {
      this.revoked.push(Object.fromEntries(new URLSearchParams(body)));
      return response.writeHead(200).end();
    }
    if (url.pathname === '/accounts') return this.json(response, this.accounts ?? []);
    const token = request.headers.authorization?.slice('Bearer '.length);
    const isLive = this.live.get(token) > Date.now();
    const status = isLive ? 200 : 401;
    this.calls.push({ authorization: request.headers.authorization, headers: request.headers, url: request.url, status });
    this.json(response, isLive ? { ok: true, path: request.url } : { error: 'token not accepted' }, status);
  }

  #authorize(url, response) {
    this.asked = Object.fromEntries(url.searchParams);
    this.code = `code-${randomBytes(8).toString('hex')}`;
    const back = new URL(this.asked.redirect_uri);
    back.searchParams.set('code', this.code);
    back.searchParams.set('state', this.asked.state);
    for (const [name, value] of Object.entries(this.back ?? {})) back.searchParams.set(name, value);
    response.writeHead(302, { Location: back.href }).end();
  }

  async #token(request, body, response) {
    const isJson = request.headers['content-type'] === 'application/json';
    const parameters = isJson ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
    this.exchanges.push({ ...parameters, authorization: request.headers.authorization, type: request.headers['content-type'] });
    const delay = this.delayMs;
    const isKnown = parameters.grant_type !== 'refresh_token' || parameters.refresh_token === this.refresh;
    const wasUsed = this.used.has(parameters.refresh_token);
    if (parameters.grant_type === 'refresh_token' && this.isOneTime) {
      if (wasUsed) this.reused++;
      this.used.add(parameters.refresh_token);
    }
    if (this.answer && (await this.answer(parameters, response))) return;
    if (!isKnown || (wasUsed && this.isOneTime)) return this.json(response, { error: 'invalid_grant', error_description: 'unknown or used' }, 400);
    const issued = this.issue(); // the old one ends here, whether the answer arrives or not
    if (delay) await new Promise((resume) => setTimeout(resume, delay));
    this.json(response, { ...issued, ...(this.extra ?? {}) });
  }
}

export const manifestOf = (vendor, auth = {}, more = {}) => ({
  manifest: 1,
  id: 'books',
  name: 'Books',
  base: vendor.base,
  auth: [{
    type: 'oauth2', authorize: `${vendor.base}/authorize`, token: `${vendor.base}/token`, revoke: `${vendor.base}/revoke`,
    scopes: { always: ['offline'], read: ['books.read'] }, ...auth,
  }],
  tools: [{ name: 'list', does: 'read', description: 'Lists the books, newest first.', input: { type: 'object', properties: {} }, call: 'GET /books' }],
  ...more,
});

// A browser that keeps cookies and follows redirects by hand.
export class Browser {
  cookies = new Map();

  async get(url, options = {}) {
    const response = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, ...(this.cookies.size > 0 && { Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }) } });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split(/=(.*)/s);
      this.cookies.set(name, value);
    }
    return response;
  }

  async follow(url) {
    for (let i = 0; i < 10; i++) {
      const response = await this.get(url);
      const location = response.headers.get('location');
      if (!location) return { status: response.status, url, text: await response.text(), headers: response.headers };
      await response.body?.cancel();
      url = new URL(location, url).href;
    }
    throw new Error('too many redirects');
  }
}
