// Signing in for tests: persons who have accepted their invitations, and an OAuth client by hand, step by step.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Person } from './person.js';

export const password = 'correct horse battery';

// The link that the server prints at its first start.
export async function setupLink(connek) {
  for (let i = 0; i < 200; i++) {
    const found = /owner's account, once: (\S+)/.exec(connek.stdout);
    if (found) return found[1];
    await new Promise((resume) => setTimeout(resume, 50));
  }
  return assert.fail(`no link was printed: ${connek.stdout}`);
}

// Somebody who has a password, and is signed in. The user must be in the config.
export async function member(connek, email, ...args) {
  const { link } = JSON.parse(await connek.ok('user', 'invite', email, '--json', '--public-url', connek.base, ...args));
  const person = new Person();
  const page = await person.accept(link, { password });
  assert.match(page.url, /\/account/, page.text);
  return person;
}

export const redirectUri = 'http://127.0.0.1:9/callback';

export async function register(base, metadata = {}) {
  const response = await fetch(`${base}/oauth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_name: 'Test client', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none', ...metadata }),
  });
  return { status: response.status, body: await response.json() };
}

export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export function authorizeUrl(base, parameters) {
  const url = new URL(`${base}/oauth/authorize`);
  const all = { response_type: 'code', redirect_uri: redirectUri, code_challenge_method: 'S256', state: 'state', resource: `${base}/mcp`, ...parameters };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

// Through the consent page; the URL that the browser is sent to. `values`: what is ticked otherwise.
export async function allow(person, url, { values = {}, label = 'Allow' } = {}) {
  const page = await person.open(url);
  assert.equal(page.status, 200, page.text);
  const answered = await person.press(page, label, values);
  assert.ok(answered.location, answered.text);
  return answered.location;
}

export async function token(base, form, headers = {}) {
  const response = await fetch(`${base}/oauth/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

// All of it: { client_id, access_token, refresh_token, expires_in, scope }.
export async function signedIn(base, person, { metadata, scope, values, resource } = {}) {
  const { client_id } = (await register(base, metadata)).body;
  const { verifier, challenge } = pkce();
  const location = await allow(person, authorizeUrl(base, { client_id, code_challenge: challenge, scope, resource }), { values });
  const code = location.searchParams.get('code');
  const { status, body } = await token(base, { grant_type: 'authorization_code', code, client_id, redirect_uri: redirectUri, code_verifier: verifier });
  assert.equal(status, 200, JSON.stringify(body));
  return { client_id, ...body };
}
