// A server that its database lets in no more, or that must not use it any more: it serves nothing, and says why.
import test from 'node:test';
import assert from 'node:assert/strict';
import { begin, get, postStream } from '../integration/support/events.js';
import { modern } from '../integration/support/mcp.js';
import { Cluster, list, readiness, skip } from './cluster.js';
import { eventually } from '../integration/support/wait.js';

const finance = 'finance@acme.example';

// A legacy client's stream, and a modern one's, with what was said first read.
async function ears(url) {
  const { session } = await begin(url);
  const streams = [await get(url, session), await postStream(url, modern('subscriptions/listen', { notifications: { toolsListChanged: true } }))];
  assert.equal((await streams[0].next()).data, '');
  assert.match((await streams[1].nextMessage()).data.method, /acknowledged/);
  return streams;
}

// Without what its own role may, a server can neither check nor record.
test('a server that is let into its database no more serves nothing, says why, and comes back', { skip }, async (t) => {
  const role = `node_${process.pid}`;
  const cluster = await Cluster.start(t, {
    names: ['a'],
    prepare: async (connek) => {
      const schema = /search_path="([^"]+)"/.exec(connek.env.CONNEK_DATABASE)[1];
      await connek.psql(`CREATE ROLE ${role} LOGIN; GRANT ${role} TO CURRENT_USER; ALTER SCHEMA "${schema}" OWNER TO ${role}`);
      connek.admin = { ...connek.env };
      connek.env.CONNEK_DATABASE = connek.env.CONNEK_DATABASE.replace('user=connek', `user=${role}`);
    },
  });
  const [a] = cluster.nodes;
  const psql = async (sql) => {
    const own = a.env;
    a.env = a.admin;
    try {
      return await a.psql(sql);
    } finally {
      a.env = own;
    }
  };
  const { token } = await a.token(finance);
  const throwOut = () => psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`);
  for (const [broken, reason, whole] of [
    [`ALTER ROLE ${role} NOLOGIN`, /our role may not use it/, `ALTER ROLE ${role} LOGIN`],
    ["INSERT INTO schema_migration VALUES (9999, '\\x00', 0)", /newer version of Connek/, 'DELETE FROM schema_migration WHERE version = 9999'],
    [`REVOKE UPDATE ON node FROM ${role}`, /refuses us a right/, `GRANT UPDATE ON node TO ${role}`],
    ['ALTER TABLE schema_migration RENAME TO elsewhere', /lacks a table of ours: it is not Connek's/, 'ALTER TABLE elsewhere RENAME TO schema_migration'],
    [`CREATE TABLE kept AS SELECT * FROM schema_migration; DELETE FROM schema_migration WHERE version > 3`, /of an older version of Connek: start this server again/, 'DELETE FROM schema_migration; INSERT INTO schema_migration SELECT * FROM kept; DROP TABLE kept'],
    [`ALTER ROLE ${role} CONNECTION LIMIT 0`, /takes no more connections/, `ALTER ROLE ${role} CONNECTION LIMIT -1`],
  ]) {
    assert.equal((await list(a, token)).status, 200);
    const streams = broken.includes('NOLOGIN') ? await ears(a.url(token)) : [];
    await psql(broken);
    await throwOut();
    await eventually(async () => {
      const { code, reason: said } = await readiness(a);
      assert.equal(code, 503);
      assert.match(said, reason);
    });
    const refused = await list(a, token);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal((await fetch(`${a.base}/healthz`)).status, 200);
    // What still listens would be told of what it may have lost the right to: each stream ends, and its client asks again.
    for (const stream of streams) for (let last; (last = await stream.nextMessage()); ) assert.equal(last.data.result?.resultType, 'complete', `a stream goes on: ${reason}`);
    await psql(whole);
    const began = Date.now();
    await eventually(async () => assert.equal((await list(a, token)).status, 200));
    t.diagnostic(`it served again after ${Date.now() - began} ms`);
  }
});
