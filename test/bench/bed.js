// The test bed: the upstream, nginx, Google's MCP Toolbox, and Connek twice (strict and relaxed, a data folder each), all up at once, each
// idle while another is measured. The servers share one core, load and upstream another.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connek, post } from './connek.js';
import { mcpContestants, mcpKind, mcpOrganisations, onceFound, startMcpUpstream } from './mcp.js';
import { startNginx } from './nginx.js';
import { callKinds, makeLedger, message, organisations } from './organisation.js';
import { run, Server } from './process.js';
import { startToolbox } from './toolbox.js';
import { makeRequest } from './wrk.js';

export const cores = { server: 0, load: 1 };
const modes = ['strict', 'relaxed'];

async function startUpstream(program, folder) {
  const server = Server.start('upstream', [program], { core: cores.load, log: join(folder, 'upstream.log') });
  let said = '';
  server.stdout.on('data', (text) => (said += text));
  await server.ready(() => said.includes('\n'));
  return { server, port: Number(said) };
}

// A data folder with the bench's organisations, and a token for each kind of call.
async function makeConnek(program, folder, upstreamPort, servers, kinds) {
  await mkdir(folder, { recursive: true });
  const connek = new Connek(program, folder);
  const ledger = join(folder, 'ledger.db');
  await makeLedger(ledger);
  for (const [name, config] of Object.entries(organisations({ upstream: `http://127.0.0.1:${upstreamPort}`, ledger }))) {
    await connek.apply(name, config);
  }
  for (const [name, config] of Object.entries(servers)) await connek.apply(name, config);
  connek.tokens = {};
  for (const [kind, { email, organisation }] of Object.entries(kinds)) {
    connek.tokens[kind] = (await connek.token(email, '--organisation', organisation)).token;
  }
  return connek;
}

// One request of a kind to one contestant, with what a right answer is and whose CPU it costs.
async function aim(folder, name, url, kind, servers, isRight, expected) {
  const request = await makeRequest(folder, name, url, kind.body, kind.headers);
  return { ...request, servers, isRight, expected };
}

export async function sample(request) {
  const answer = await post(request.url, request.body, request.headers);
  if (answer.status !== 200 || !request.isRight(answer)) {
    throw new Error(`${request.name}: a wrong answer, status ${answer.status}: ${answer.text.slice(0, 400)}`);
  }
  return Buffer.byteLength(answer.text);
}

// Everything up, every request sampled once. { upstream, targets, sizes, connek, missing }; targets by contestant and
// kind; `missing`: why a contestant is not there.
export async function makeBed({ folder, connekProgram, upstreamProgram, mcpUpstreamProgram, era }) {
  const kinds = { ...callKinds(era), mcp: mcpKind(message, era, 'mcp'), mcp_stdio: mcpKind(message, era, 'mcp_stdio') };
  const upstream = await startUpstream(upstreamProgram, folder);
  const mcpUpstream = await startMcpUpstream(mcpUpstreamProgram, { core: cores.load, folder });
  const connek = {};
  const targets = {};
  const sizes = {};
  for (const mode of modes) {
    connek[mode] = await makeConnek(connekProgram, join(folder, mode), upstream.port, mcpOrganisations(mcpUpstream.port, mcpUpstreamProgram), kinds);
    const args = ['--workers', '1', '--audit', mode, '--allow-upstream', `127.0.0.1:${upstream.port}`, '--allow-upstream', `127.0.0.1:${mcpUpstream.port}`];
    const { server, base } = await connek[mode].serve({ core: cores.server, args, name: `connek ${mode}` });
    connek[mode].server = server;
    for (const [kind, asked] of Object.entries(kinds)) {
      const name = `${kind} ${mode}`;
      const isRight = ({ body }) => body !== undefined && asked.isRight(body);
      targets[name] = await aim(folder, name, `${base}/mcp/${connek[mode].tokens[kind]}`, asked, [server], isRight, asked.expected);
      sizes[kind] = await (kind.startsWith('mcp') ? onceFound(() => sample(targets[name])) : sample(targets[name]));
    }
  }
  const nginx = await startNginx({ folder: join(folder, 'nginx'), core: cores.server, upstreamPort: upstream.port, replies: { '/list': sizes.list } });
  const as = (size) => ({ text }) => Buffer.byteLength(text) === size;
  const direct = `http://127.0.0.1:${upstream.port}/bytes/${sizes.http}`;
  targets['http direct'] = await aim(folder, 'http direct', direct, kinds.http, [], as(sizes.http), 'nnnnnnnn');
  targets['http nginx'] = await aim(folder, 'http nginx', `${nginx.base}/bytes/${sizes.http}`, kinds.http, [nginx.server], as(sizes.http), 'nnnnnnnn');
  targets['list nginx'] = await aim(folder, 'list nginx', `${nginx.base}/list`, kinds.list, [nginx.server], as(sizes.list), 'nnnnnnnn');
  const missing = {};
  try {
    const toolbox = await startToolbox({ folder: join(folder, 'toolbox'), core: cores.server, upstreamPort: upstream.port });
    const isRight = ({ body }) => body !== undefined && kinds.http.isRight(body);
    targets['http toolbox'] = await aim(folder, 'http toolbox', toolbox.url, kinds.http, [toolbox.server], isRight, kinds.http.expected);
  } catch (error) {
    missing.toolbox = error.message;
  }
  const mcp = await mcpContestants({ folder: join(folder, 'mcp'), cores, kind: kinds.mcp, upstream: mcpUpstream, program: mcpUpstreamProgram, aim, era });
  Object.assign(targets, mcp.targets);
  Object.assign(missing, mcp.missing);
  for (const target of Object.values(targets)) await sample(target);
  return { upstream: upstream.server, upstreamPort: upstream.port, targets, sizes, connek, kinds, missing };
}

// Were all calls recorded, and does the trail hold? Once the servers have stopped. { records, seconds }
export async function checkTrail(connek, calls) {
  const start = performance.now();
  await connek.command('audit', 'verify');
  const seconds = (performance.now() - start) / 1000;
  const records = Number(await run(['sqlite3', '-readonly', join(connek.dir, 'connek.db'), 'SELECT count(*) FROM audit_record']));
  if (records < calls) throw new Error(`${calls} calls were answered, but ${records} are on record`);
  return { records, calls, verify_seconds: seconds };
}
