// A Connek before one MCP server, and two people who may do everything there: connection and connector are both "x".
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { Connek } from './connek.js';
import { legacy, send } from './mcp.js';
import { freePort } from './process.js';
import { startFixture } from '../../fixtures/mcp/process.js';
import { eventually } from './wait.js';

const modules = resolve(import.meta.dirname, '../../../node_modules');
const everythingProgram = join(modules, '@modelcontextprotocol/server-everything/dist/index.js');

export const ann = 'ann@acme.example';
export const bob = 'bob@acme.example';
export const everything = [{ connection: 'x', does: ['read', 'write', 'destroy'] }];

const config = (connector, rules) => ({
  organisation: 'acme',
  limits: { per_minute: 1_000_000 },
  connectors: [{ id: 'x', kind: 'mcp', ...connector }],
  connections: [{ name: 'x', connector: 'x', names: 'plain', trust: 'accept' }],
  roles: [{ name: 'all', rules }],
  users: [
    { email: ann, roles: ['all'] },
    { email: bob, roles: ['all'] },
  ],
});

// `connector`: url or command. Resolves once its tools are there; url and other are Ann's and Bob's, allow changes what both
// may do.
export async function federated(t, connector, options = {}) {
  const connek = await Connek.create(t, options);
  await connek.apply(config(connector, everything));
  await connek.start('--allow-upstream', '127.0.0.1');
  const [{ url }, other] = [await connek.token(ann), await connek.token(bob)];
  await eventually(async () => {
    const { body } = await send(url, legacy('tools/list'));
    assert.ok(body.result.tools.some(({ name }) => !name.startsWith('connek_')));
  });
  return { connek, url, other: other.url, allow: (rules) => connek.apply(config(connector, rules)) };
}

export const withFixture = async (t, options) => federated(t, { url: await startFixture(t, options) });

// The SDK's own example of a server, of the legacy era. In a sandbox it would see a /tmp of its own, and a checkout may be
// there.
export const withEverything = (t) => federated(t, { command: [process.execPath, everythingProgram] }, { env: { PATH: '/nowhere' } });

export async function withEverythingOverHttp(t) {
  const PORT = String(await freePort());
  const child = spawn(process.execPath, [everythingProgram, 'streamableHttp'], { env: { ...process.env, PORT }, stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  return federated(t, { url: `http://127.0.0.1:${PORT}/mcp` });
}
