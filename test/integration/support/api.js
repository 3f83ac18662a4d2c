// The REST API for tests: whoever calls it, and what the document says of every answer, which each call holds against it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { member } from './sign_in.js';

export const document = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../schema/api.json'), 'utf8'));

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: 'https://connek.example/schema/api.json', ...document }, 'https://connek.example/schema/api.json');

const compiled = new Map();
function checkerOf(pointer) {
  if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({ $ref: `https://connek.example/schema/api.json#${pointer}` }));
  return compiled.get(pointer);
}
const token = (text) => text.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D');

export const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
);

// The operation of a real path.
function operationOf(method, path) {
  const fits = (pattern) => new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(path);
  return operations.find((one) => one.method === method && fits(one.path));
}

function checkAnswer(method, path, answer) {
  const operation = operationOf(method, path);
  if (answer.status >= 400) {
    assert.equal(answer.headers.get('content-type'), 'application/problem+json', answer.text);
    assert.ok(checkerOf('/components/schemas/Problem')(answer.body), answer.text);
    assert.equal(answer.body.status, answer.status);
    return;
  }
  if (!operation) return;
  const response = operation.responses[answer.status];
  assert.ok(response, `${method} ${path}: ${answer.status} is not described`);
  const content = Object.keys(response.content ?? {})[0];
  if (content !== 'application/json') return;
  const check = checkerOf(`/paths/${token(operation.path)}/${method.toLowerCase()}/responses/${answer.status}/content/${token(content)}/schema`);
  assert.ok(check(answer.body), `${method} ${path}: ${ajv.errorsText(check.errors)} in ${answer.text.slice(0, 2000)}`);
}

export class Api {
  // `who`: a Person who has signed in, or an API key's text, or nothing.
  constructor(base, who, organisation) {
    this.base = base;
    this.person = typeof who === 'string' ? undefined : who;
    this.key = typeof who === 'string' ? who : undefined;
    this.organisation = organisation;
  }

  headers(extra) {
    const cookie = this.person && [...this.person.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return { ...(cookie && { Cookie: cookie }), ...(this.key && { Authorization: `Bearer ${this.key}` }), 'X-Connek': '1', ...extra };
  }

  // { status, headers, text, body }; a path that begins with "." is the organisation's.
  async call(method, path, { body, headers, raw } = {}) {
    const whole = path.startsWith('.') ? `/organisations/${this.organisation}${path.slice(1)}` : path;
    const response = await fetch(`${this.base}/api/v1${whole}`, {
      method,
      redirect: 'manual',
      headers: this.headers({ ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers }),
      body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
    });
    const text = await response.text();
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    const answer = { status: response.status, headers: response.headers, text, body: parsed };
    checkAnswer(method, whole.split('?')[0], answer);
    return answer;
  }

  // The same, where it has to succeed: the answer's body.
  async ok(method, path, body, headers) {
    const answer = await this.call(method, path, { body, headers });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  get = (path) => this.ok('GET', path);
  post = (path, body = {}, headers) => this.ok('POST', path, body, headers);
  put = (path, body, headers) => this.ok('PUT', path, body, headers);
  patch = (path, body, etag) => this.ok('PATCH', path, body, { 'If-Match': etag });
  delete = (path) => this.ok('DELETE', path);
}

// Somebody of the config, signed in, at the API.
export async function signedInApi(connek, email, organisation) {
  const person = await member(connek, email, ...(organisation ? ['--organisation', organisation] : []));
  const api = new Api(connek.base, person);
  const session = await api.get('/session');
  const one = organisation ? session.organisations.find(({ name }) => name === organisation) : session.organisations[0];
  api.organisation = one.id;
  api.user = one.user_id;
  return api;
}
