// wrk, which costs next to nothing beside what it asks: as many calls as a server can take, each answer looked at
// (test/bench/load.lua).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { run } from '../integration/support/connek.js';

const script = join(import.meta.dirname, '../bench/load.lua');

// `params`: of the tool's call; `expected`: in each right answer. How many there were.
export async function flood(connek, { token, params, expected, connections, seconds }) {
  const body = await connek.writeFile('call.json', { jsonrpc: '2.0', id: 0, method: 'tools/call', params });
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', script, connek.url(token), '--', body, expected, 'Content-Type: application/json'];
  const { code, stdout, stderr } = await run('wrk', args, { timeoutMs: (seconds + 30) * 1000 });
  assert.equal(code, 0, stderr);
  const { calls, wrong, socket_errors: broken, first_wrong: first } = JSON.parse(stdout.trim().split('\n').at(-1));
  assert.equal(wrong + broken, 0, `${first} of ${calls}: ${connek.stderr.split('\n').filter((line) => /error|warn/.test(line)).slice(0, 3).join(' ')}`);
  return calls;
}
