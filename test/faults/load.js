// Load that looks at every answer: its id, whose it is, what is in it. Many clients, each with its own connection, person and
// marks, all using the same ids. What is acknowledged is kept, so that it can be held against the trail afterwards.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../integration/support/connek.js';
import { legacy, modern } from '../integration/support/mcp.js';

export const loadConfig = (clients) => ({
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connections: [{ name: 'ledger', connector: 'sqlite', settings: { file: 'ledger.db' } }],
  roles: [{ name: 'finance', rules: [{ connection: 'ledger', tools: ['*'] }] }],
  users: Array.from({ length: clients }, (_, i) => ({ email: `user${i}@acme.example`, roles: ['finance'] })),
});
export const loadLedger = 'CREATE TABLE entry (mark TEXT PRIMARY KEY);';

function ask(agent, url, body, headers) {
  return new Promise((resolve, reject) => {
    const all = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers };
    const outgoing = request(url, { agent, method: 'POST', headers: all, timeout: 60_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => (text += piece)).on('error', reject).on('end', () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on('error', reject).on('timeout', () => outgoing.destroy(new Error('no answer within a minute'))).end(body);
  });
}

// What a client asks in turn, and what a right answer to it holds.
const kinds = {
  whoami: (client) => ({ name: 'connek_whoami', arguments: {}, expected: client.email }),
  read: (client, mark) => ({ name: 'sqlite_query', arguments: { sql: 'SELECT $1 AS mark', params: [mark] }, expected: mark }),
  write: (client, mark) => ({ name: 'sqlite_execute', arguments: { sql: 'INSERT INTO entry (mark) VALUES ($1)', params: [mark] }, expected: '' }),
};
const turns = { mixed: ['write', 'read', 'write', 'whoami', 'write', 'read'], reads: ['read', 'read', 'read', 'whoami'] };

export class Load {
  acknowledged = []; // { mark, isWrite }
  calls = 0; // answered rightly
  refused = 0; // told that it cannot be done now
  refusals = []; // what the first three were told
  broken = 0; // no answer: the connection ended
  failedAt = {}; // both of them, by the server that was asked
  wrong = []; // anything else, as text; the first hundred
  latencies = []; // milliseconds, where they are asked for
  #isOver = false;
  #running = [];

  // `clients`: { email, urls }, whose calls go to the URLs in turn. `kind`: mixed or reads. `pauseMs`: between two calls of one.
  constructor(clients, { kind = 'mixed', pauseMs = 0, wantsLatencies = false, most = Infinity } = {}) {
    Object.assign(this, { clients, kind, pauseMs, wantsLatencies, most });
  }

  // People of loadConfig with a token each: their calls go to `connek`, or in turn to several servers of its database.
  static async clients(connek, n, bases = [connek.base]) {
    const clients = [];
    for (let i = 0; i < n; i++) {
      const email = `user${i}@acme.example`;
      const { token } = await connek.token(email);
      clients.push({ email, path: `/mcp/${token}`, urls: bases.map((base) => `${base}/mcp/${token}`) });
    }
    return clients;
  }

  start() {
    this.#running = this.clients.map((client) => this.#run(client));
    return this;
  }

  async stop() {
    this.#isOver = true;
    await Promise.all(this.#running);
    return this;
  }

  // Until `most` calls were made.
  async end() {
    await Promise.all(this.#running);
    return this;
  }

  async #run(client) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; !this.#isOver && this.calls + this.broken + this.refused + this.wrong.length < this.most; i++) {
      const what = turns[this.kind][i % turns[this.kind].length];
      const isAnswered = await this.#call(agent, client, what, client.urls[i % client.urls.length], i % 3 === 2 ? modern : legacy);
      if (!isAnswered && !this.#isOver) await sleep(10);
      else if (this.pauseMs) await sleep(this.pauseMs);
    }
    agent.destroy();
  }

  async #call(agent, client, what, url, era) {
    const mark = randomBytes(16).toString('hex');
    const { expected, ...params } = kinds[what](client, mark);
    const { message, headers } = era('tools/call', params, { id: 0 });
    const begun = performance.now();
    let answer;
    try {
      answer = await ask(agent, url, JSON.stringify(message), { ...headers, traceparent: `00-${mark}-${'1'.repeat(16)}-00` });
    } catch {
      this.broken++;
      this.#failed(url);
      return false;
    }
    if (this.wantsLatencies) this.latencies.push(performance.now() - begun);
    const { status, text } = answer;
    // The ledger's own disk may be full while there is room for records: said by its tool, and on record.
    if (status === 503 || status === 502 || text.includes('ledger: there is no room left')) {
      this.refused++;
      if (this.refusals.length < 3) this.refusals.push(`${url} ${status} ${text.slice(0, 300)}`);
      this.#failed(url);
      return false;
    }
    const isRight = status === 200 && text.includes(expected) && text.includes('"isError":false') && text.includes('"id":0');
    if (isRight) {
      this.calls++;
      this.acknowledged.push({ mark, isWrite: what === 'write' });
    } else if (this.wrong.length < 100) {
      this.wrong.push(`${what} ${status} ${text.slice(0, 300)}`);
    }
    return isRight;
  }

  #failed(url) {
    const { origin } = new URL(url);
    this.failedAt[origin] = (this.failedAt[origin] ?? 0) + 1;
  }

  percentile(share) {
    const sorted = Float64Array.from(this.latencies).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  }
}

// The marks in the ledger.
export async function writtenIn(connek) {
  const { code, stdout, stderr } = await run('sqlite3', [connek.path('ledger.db'), 'SELECT mark FROM entry']);
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter(Boolean);
}

// Every acknowledged call has its record, every acknowledged write is there, and nothing was written without a record.
// How many: { acknowledged, written, unknown }, the last of them records whose outcome nobody knows.
export async function holdAgainstTrail(connek, acknowledged) {
  const records = new Map((await connek.audit()).map((record) => [record.trace_id, record]));
  const written = new Set(await writtenIn(connek));
  for (const { mark, isWrite } of acknowledged) {
    assert.equal(records.get(mark)?.outcome, 'ok', `acknowledged call ${mark} has no record`);
    if (isWrite) assert.ok(written.has(mark), `acknowledged write ${mark} is gone`);
  }
  for (const mark of written) assert.ok(records.has(mark), `${mark} was written without a record`);
  const unknown = [...records.values()].filter(({ outcome }) => outcome === 'unknown').length;
  return { acknowledged: acknowledged.length, written: written.size, unknown };
}
