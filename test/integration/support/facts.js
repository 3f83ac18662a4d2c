// A trail of many calls, as the API lists them, written past the server: for what has to be quick however much there is.
import assert from 'node:assert/strict';
import { run } from './connek.js';

// Facts as the trail's records make them, and the records of the pages that are asked for. Nothing of it is sealed.
const rows = (organisation, user, n) => `
  BEGIN;
  WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${n})
  INSERT INTO call_fact (organisation_id, time, writer, seq, call_id, kind, user_id, tool, does, connector, connection, decision, outcome, duration_us)
  SELECT x'${organisation}', 1700000000000000 + n * 1000, 'old', n, randomblob(16), 'call', CASE WHEN n % 100000 = 1 THEN x'${user}' ELSE randomblob(16) END,
    'tool_' || (n % 50), 'read', 'sqlite', 'connection_' || (n % 7), CASE WHEN n % 1000 = 0 THEN 'denied' ELSE 'allowed' END,
    CASE WHEN n % 5000 = 1 THEN 'error' WHEN n % 1000 = 0 THEN 'none' ELSE 'ok' END, 1000 FROM i;
  INSERT INTO audit_record (organisation_id, writer, seq, time, record, mac)
  SELECT organisation_id, 'old', seq, time, '{"kind":"call","call":"01935a10-4f00-7a11-9a54-5f0e6f1b2a00","tool":"' || tool || '","decision":"' || decision || '","outcome":"' || outcome || '","reason":"no_rule"}', zeroblob(32) FROM call_fact WHERE writer = 'old';
  COMMIT;`;

// What a list of calls is asked for: all, and by each of what they are filtered by.
export const trailQueries = ({ user }) => [
  '',
  'decision=denied&outcome=none',
  'decision=allowed&outcome=error',
  `user=${user}`,
  'tool=tool_7',
  'connection=connection_3',
  'tool=tool_7&connection=connection_3',
  'from=2023-11-14T22:13:21Z&to=2023-11-14T22:13:30Z',
];

const hex = (id) => id.replaceAll('-', '');

export async function fillTrail(connek, { organisation, user }, n) {
  const { code, stderr } = await run('sqlite3', ['-bail', `${connek.data}/connek.db`], { input: rows(hex(organisation), hex(user), n), timeoutMs: 600_000 });
  assert.equal(code, 0, stderr);
}
