// An MCP server on standard input and output that repeats its environment, wherever it can.
import { createInterface } from 'node:readline';
import { mcpAnswer } from './leaky.js';

const all = JSON.stringify(process.env);
process.stderr.write(`${process.argv[2] ?? ''} starts with ${all}\n`);
for (const [name, value] of Object.entries(process.env)) process.stderr.write(`${name} is ${value}\n`);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...mcpAnswer(method, params, all) })}\n`);
});
