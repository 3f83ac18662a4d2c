// Google's MCP Toolbox (npm's @toolbox-sdk/server, of which this system's package): a server in Go with an HTTP tool on the
// same upstream, which neither knows who asks nor records it. scripts/bench installs it beside this file where it can.
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accepts } from './nginx.js';
import { freePort, Server } from './process.js';

const program = join(import.meta.dirname, `node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox`);

export async function startToolbox({ folder, core, upstreamPort }) {
  try {
    await access(program);
  } catch {
    throw new Error('@toolbox-sdk/server-linux-x64 is not installed (npm ci --prefix test/bench)');
  }
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const parameter = (name, description) => ({ name, type: 'string', description, required: name === 'id' });
  const config = {
    sources: { orders: { kind: 'http', baseUrl: `http://127.0.0.1:${upstreamPort}`, timeout: '10s', allowedIpRanges: ['127.0.0.0/8'] } },
    tools: {
      orders_get_order: {
        kind: 'http',
        source: 'orders',
        method: 'GET',
        path: '/item',
        description: 'Returns one order with its customer and lines.',
        queryParams: [parameter('id', 'The id, as a list of orders gives it.'), parameter('expand', 'What to include.')],
      },
    },
  };
  const file = join(folder, 'tools.yaml');
  await writeFile(file, JSON.stringify(config, null, 1)); // JSON is YAML
  const command = [program, '--config', file, '--address', '127.0.0.1', '--port', String(port), '--disable-version-check', '--disable-reload', '--log-level', 'ERROR'];
  const server = Server.start('toolbox', command, { core, log: join(folder, 'toolbox.log'), cwd: folder });
  await server.ready(() => accepts(port), { everyMs: 50 });
  return { server, url: `http://127.0.0.1:${port}/mcp` };
}
