// Many clients at once that all use the same ids: no answer goes to the wrong one. `make proof` runs the long form.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { Connek, exampleConfig, releaseBinary } from './support/connek.js';
import { held, isLong, rounds } from './support/proof.js';

const clients = 100;
const calls = rounds(10_000, 1_000_000);

function ask(agent, base, path, body) {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { agent, hostname, port, path, method: 'POST', headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece) => (text += piece)).on('end', () => resolve({ status: response.statusCode, text }));
      },
    );
    outgoing.on('error', reject).end(body);
  });
}

test(`${clients} clients that all use id 0, ${calls} calls: none crossed`, async (t) => {
  const emails = Array.from({ length: clients }, (_, i) => `user${i}@acme.example`);
  const config = { ...exampleConfig, users: emails.map((email) => ({ email, roles: ['finance'] })) };
  const connek = await Connek.serving(t, { config, args: ['--workers', '3'], ...(isLong && { binary: releaseBinary }) });
  const paths = [];
  for (const email of emails) paths.push(new URL((await connek.token(email)).url).pathname);

  let crossed = 0, failed = 0, done = 0;
  await Promise.all(
    paths.map(async (path, client) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; done < calls; i++) {
        done++;
        const mark = `${client}-${i}`;
        // Reads of one's own mark, and every tenth time who one is: content, not only ids, must be one's own.
        const isWho = i % 10 === 0;
        const params = isWho
          ? { name: 'connek_whoami', arguments: {} }
          : { name: 'sqlite_query', arguments: { sql: 'SELECT $1 AS mark', params: [mark] } };
        const { status, text } = await ask(agent, connek.base, path, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'tools/call', params }));
        if (status !== 200) failed++;
        else if (!text.includes(isWho ? `user${client}@acme.example` : `"${mark}\\"`) || JSON.parse(text).id !== 0) crossed++;
      }
      agent.destroy();
    }),
  );
  t.diagnostic(`${done} calls`);
  assert.equal(failed, 0);
  assert.equal(crossed, 0);
  held(`${clients} clients that all use id 0: calls, none crossed`, done);
});
