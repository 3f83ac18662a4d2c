// One rate over three servers on one PostgreSQL database: small ones exactly, large ones by shares, also where a server dies with one.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { exampleConfig, releaseBinary } from '../../integration/support/connek.js';
import { Cluster } from '../../nodes/cluster.js';
import { exact, flood, judge } from '../../nodes/rate.js';
import { eventually } from '../../integration/support/wait.js';

const email = 'finance@acme.example';
const start = (scope) => Cluster.start(scope, { binary: releaseBinary, args: ['--workers', '2'] });
const limit = (node, perMinute) => node.apply({ ...exampleConfig, limits: { per_minute: perMinute } });

async function smallOnes(scope, { rounds }) {
  const n = rounds(30, 300);
  const { nodes } = await start(scope);
  let calls = 0, admitted = 0;
  for (let round = 0; round < n; round++) {
    const cap = [1, 7, 30, 60, 600][round % 5];
    await limit(nodes[round % 3], cap);
    const { token } = await nodes[0].token(email);
    admitted += await exact(nodes, token, { cap, n: 3 * cap + 200 });
    calls += 3 * cap + 200;
  }
  // As if nobody had called for an hour: a server takes the rows away.
  await nodes[0].psql('UPDATE limit_bucket SET full_at = full_at - 3600000000');
  await eventually(async () => assert.equal((await nodes[0].psql('SELECT count(*) FROM limit_bucket')).trim(), '0'), { timeoutMs: 60_000 });
  return `${n} rounds with limits of 1 to 600 a minute: of ${calls} calls at once at three servers, exactly the ${admitted} that were to be had`;
}

async function largeOnes(scope, { rounds }) {
  const n = rounds(6, 60);
  const cluster = await start(scope);
  const { nodes } = cluster;
  let least = Infinity, admitted = 0, judged = 0;
  for (let round = 0; round < n; round++) {
    const perMinute = [700, 1200, 6000][round % 3];
    await limit(nodes[0], perMinute);
    const { token } = await nodes[0].token(email);
    const flooding = flood(nodes.map((node) => node.url(token)), { clients: 24, ms: 3000 });
    const victim = nodes[1 + (round % 2)];
    if (round % 2) {
      await sleep(100 + Math.random() * 500);
      await victim.kill(); // with the share that it has
    }
    const run = await flooding;
    const { share, isJudged } = judge(run, perMinute);
    if (isJudged) least = Math.min(least, share);
    judged += isJudged;
    admitted += run.admitted;
    if (round % 2) await victim.start('--node', victim.name, ...(await cluster.argumentsOf()));
  }
  // A server that is killed answers nobody for a while: such rounds show the upper bound alone.
  assert.ok(judged >= n / 2 && least >= 0.9, `${judged} rounds, ${least}`);
  const asks = Number(await nodes[0].psql("SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'limit_bucket' AND schemaname = current_schema()"));
  return `${n} rounds with limits of 700 to 6,000 a minute, a server killed in every other: never over the limit and a second of it, ${(100 * least).toFixed(1)}% of what was to be had at least where all three served; ${asks} asks of the database for ${admitted} calls let in`;
}

export default [
  { title: 'a small limit over three servers', aim: 'exact', run: smallOnes },
  { title: 'a large limit over three servers, one of them killed', aim: 'never over the limit and one lease, at least 90% of it let in', run: largeOnes },
];
