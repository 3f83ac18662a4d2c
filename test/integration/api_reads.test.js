// Every operation that reads, with each of its parameters: none of them is a mistake of ours, on either database.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig } from './support/connek.js';
import { Api, operations, signedInApi } from './support/api.js';
import { callTool } from './support/mcp.js';

const nothing = '01935a10-4f00-7a11-9a54-5f0e6f1b2a00';
const config = { ...exampleConfig, users: [{ email: 'owner@acme.example', kind: 'owner', roles: [] }, ...exampleConfig.users] };

// Something that the parameter may be.
function valueOf({ name, schema }, user) {
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'integer') return 5;
  if (schema.type === 'boolean') return true;
  if (schema.format === 'uuid') return user;
  if (schema.format === 'date-time') return '2026-11-20T00:00:00Z';
  return name === 'cursor' ? 'YWJj' : 'member';
}

test('every operation that reads is answered, whatever it is filtered by', async (t) => {
  const connek = await Connek.serving(t, { config, args: ['--node', 'north'] });
  const owner = await signedInApi(connek, 'owner@acme.example');
  const operator = new Api(connek.base, (await connek.ok('operator', 'key')).trim());
  await callTool((await connek.token('finance@acme.example')).url, 'sqlite_query', { sql: 'SELECT 1' });
  assert.deepEqual((await operator.get('/operator')).nodes.map(({ name, state, is_answering }) => [name, state, is_answering]), [['north', 'serving', true]]);
  const { webhook } = await owner.post('./webhooks', { name: 'a', url: 'https://hooks.acme.example/', events: ['user.joined'] });
  const first = async (path) => (await owner.get(path)).items[0].id;
  const ids = { user: owner.user, role: await first('./roles'), connection: await first('./connections'), token: await first('./tokens'), record: await first('./audit'), connector: 'sqlite', webhook: webhook.id };
  const reads = operations.filter(({ method, path }) => method === 'GET' && !path.endsWith('/events'));
  const failed = [];
  let n = 0;
  for (const { path, parameters = [], ...operation } of reads) {
    const real = path.replace('{organisation}', owner.organisation).replace(/\{(\w+)\}/g, (_, name) => ids[name] ?? nothing);
    const filters = parameters.filter((one) => one.in === 'query');
    for (const query of ['', ...filters.map((one) => `?${one.name}=${encodeURIComponent(valueOf(one, owner.user))}`)]) {
      const { status } = await (operation['x-permission'] === 'operator' ? operator : owner).call('GET', real + query);
      n++;
      if (status >= 500) failed.push(`${path}${query}: ${status}`);
    }
  }
  assert.deepEqual(failed, []);
  assert.ok(n > 100);
});
