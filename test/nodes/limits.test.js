// A rate is one, however many servers its calls come to: by shares of a bucket in the database.
import test from 'node:test';
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { exampleConfig } from '../integration/support/connek.js';
import { callTool } from '../integration/support/mcp.js';
import * as pooler from '../integration/support/pooler.js';
import { Cluster, skip } from './cluster.js';
import { exact, flood, judge, ping } from './rate.js';
import { eventually } from '../integration/support/wait.js';

const finance = 'finance@acme.example';
const limited = (perMinute) => ({ ...exampleConfig, limits: { per_minute: perMinute } });

test('three servers of one database keep one rate', { skip }, async (t) => {
  const cluster = await Cluster.start(t, { config: limited(30) });
  const { nodes } = cluster;
  const [a, b] = nodes;

  await t.test('a small one is exact: 200 calls at once at three servers, and 30 are let in', async () => {
    const { token } = await a.token(finance);
    await exact(nodes, token, { cap: 30, n: 200 });
  });

  await t.test('what is over it is told when to come again, and is on record once a minute at each server', async () => {
    const { token, id } = await a.token(finance);
    const calls = Array.from({ length: 60 }, (_, i) => callTool(nodes[i % 3].url(token), 'sqlite_query', { sql: 'SELECT 1' }));
    const refused = (await Promise.all(calls)).filter(({ status }) => status === 429);
    assert.ok(refused.length > 0);
    for (const { body, headers } of refused) {
      assert.match(body.error.message, /Over the rate of 30 calls in 60 s for this access token; try again in \d+ s/);
      assert.ok(Number(headers.get('retry-after')) >= 1);
    }
    const records = (await a.audit()).filter(({ token, reason }) => token === id && reason === 'rate');
    assert.ok(records.length >= 1 && records.length <= nodes.length, `${records.length} records`);
  });

  await t.test('a rate that is changed on one has changed on all', async () => {
    const { token } = await a.token(finance);
    await b.apply(limited(2));
    await exact(nodes, token, { cap: 2, n: 12 });
    await b.apply(limited(600_000));
    for (const node of nodes) assert.equal((await ping(node, token)).status, 200);
    await b.apply(limited(2));
    for (const node of nodes) await eventually(async () => assert.equal((await ping(node, token)).status, 429));
  });

  await t.test('a large one lets in what it would let in by itself, and no more than a second of it besides', async () => {
    const perMinute = 900;
    await b.apply(limited(perMinute));
    const { token } = await a.token(finance);
    const run = await flood(nodes.map((node) => node.url(token)), { clients: 24, ms: 1500 });
    const { figure } = judge(run, perMinute);
    t.diagnostic(figure);
  });
});

test('servers behind PgBouncer in transaction mode keep one rate, and let nobody in whom they cannot count', { skip: skip || pooler.skip }, async (t) => {
  let between;
  const cluster = await Cluster.start(t, {
    names: ['a', 'b'],
    config: limited(20),
    prepare: async (connek) => (between = await pooler.usePooler(t, connek, basename(connek.home), { poolSize: 8 })),
  });
  const { nodes } = cluster;
  const [a] = nodes;
  const [used, fresh] = [await a.token(finance), await a.token(finance)];
  await exact(nodes, used.token, { cap: 20, n: 100 });

  between.signal('SIGSTOP'); // the database does not answer any more
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ping(nodes[i % 2], fresh.token)));
  for (const { status, headers, text } of answers) {
    assert.equal(status, 503, text);
    assert.equal(headers.get('retry-after'), '1');
  }
  t.diagnostic(`${answers.filter(({ text }) => /could not be counted/.test(text)).length} of ${answers.length} waited for their rate`);
  between.signal('SIGCONT');
  for (const node of nodes) await eventually(async () => assert.notEqual((await ping(node, fresh.token)).status, 503));
});
