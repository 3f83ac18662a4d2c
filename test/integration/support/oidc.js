// A vendor whose OAuth server is a certified one (npm oidc-provider): PKCE is required, refresh tokens rotate and one that
// is shown again ends all that came of it, clients register themselves, tokens are revoked. Its API takes what that server
// says is live. What a certified server cannot do is done by vendor.js.
import { createServer } from 'node:http';
import { once } from 'node:events';
import assert from 'node:assert/strict';
import Provider from 'oidc-provider';
import { Person } from './person.js';

export class CertifiedVendor {
  exchanges = []; // what came to the token endpoint and how it went: { status, body, authorization, form }
  revocations = []; // likewise, to the revocation endpoint
  calls = []; // the API's: { token, status, headers }
  accessSeconds = 3600; // of tokens from now on

  static async start(t, configuration = {}) {
    const vendor = new CertifiedVendor();
    vendor.server = createServer((request, response) => vendor.#take(request, response).catch(() => response.destroy()));
    vendor.server.listen(0, '127.0.0.1');
    await once(vendor.server, 'listening');
    vendor.host = `127.0.0.1:${vendor.server.address().port}`;
    vendor.base = `http://${vendor.host}`;
    vendor.provider = new Provider(vendor.base, {
      scopes: ['openid', 'offline_access', 'books.read'],
      pkce: { required: () => true },
      rotateRefreshToken: true,
      cookies: { keys: ['the tests sign with this'] },
      features: { registration: { enabled: true }, revocation: { enabled: true }, introspection: { enabled: true } },
      ttl: { AccessToken: () => vendor.accessSeconds, AuthorizationCode: 60, Grant: 3600, Interaction: 600, RefreshToken: 86_400, Session: 3600, IdToken: 3600 },
      ...configuration,
    });
    vendor.handle = vendor.provider.callback();
    t.after(() => {
      vendor.server.closeAllConnections();
      vendor.server.close();
    });
    return vendor;
  }

  // A client, as it registers itself (RFC 7591): { client_id, client_secret, ... }
  async register(metadata = {}) {
    const response = await fetch(`${this.base}/reg`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Connek',
        application_type: 'native', // it comes from loopback in tests
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
        ...metadata,
      }),
    });
    const client = await response.json();
    assert.equal(response.status, 201, JSON.stringify(client));
    return client;
  }

  // What a manifest says of it.
  auth(more = {}) {
    return {
      type: 'oauth2',
      authorize: `${this.base}/auth`,
      token: `${this.base}/token`,
      revoke: `${this.base}/token/revocation`,
      issuer: this.base,
      scopes: { always: ['openid', 'offline_access'], read: ['books.read'] },
      extra: { prompt: 'consent' },
      ...more,
    };
  }

  async #take(request, response) {
    const { pathname } = new URL(request.url, this.base);
    if (pathname === '/books') return this.#api(request, response);
    const seen = { '/token': this.exchanges, '/token/revocation': this.revocations }[pathname];
    if (seen) this.#watch(request, response, seen);
    await this.handle(request, response);
  }

  #watch(request, response, seen) {
    const chunks = [];
    const entry = { authorization: request.headers.authorization };
    seen.push(entry);
    request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      entry.form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    });
    const { end } = response;
    response.end = (...args) => {
      entry.status = response.statusCode;
      entry.body = String(args[0] ?? '');
      return end.apply(response, args);
    };
  }

  async #api(request, response) {
    const token = request.headers.authorization?.slice('Bearer '.length);
    const found = token && (await this.provider.AccessToken.find(token));
    const status = found?.isValid ? 200 : 401;
    this.calls.push({ token, status, headers: request.headers });
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? { ok: true, account: found.accountId, scope: found.scope } : { error: 'invalid_token' }));
  }
}

// A person who goes through the server's own pages from a link, by forms alone; the page they end on. `account`: as whom
// they sign in there.
export async function consent(link, { account = 'owner', person = new Person(), refuse = false } = {}) {
  let page = await person.request(link);
  for (let i = 0; i < 20; i++) {
    const location = page.headers.get('location');
    if (location) {
      page = await person.request(new URL(location, page.url));
      continue;
    }
    if (!/\/interaction\//.test(page.url)) return page;
    const isLogin = /name="login"/.test(page.text);
    if (refuse && !isLogin) {
      page = await person.request(new URL(`${new URL(page.url).pathname}/abort`, page.url));
      continue;
    }
    const form = isLogin ? { prompt: 'login', login: account, password: 'any' } : { prompt: 'consent' };
    page = await person.request(page.url, { method: 'POST', form });
  }
  return assert.fail(`too many pages; the last was ${page.url}`);
}
