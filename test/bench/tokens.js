// One change among a million access tokens.
import { run } from './process.js';
import { median } from './rounds.js';
import { post } from './connek.js';

const changes = 40;
const commands = 10;

const milliseconds = async (work) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

// `asked`: a request that a token answers, { organisation, email, body, headers }.
export async function measureTokens(connek, program, n, asked) {
  const { organisation, email } = asked;
  const first = await connek.serve({ name: 'few tokens', args: ['--workers', '1'] });
  const rssBefore = first.server.rss();
  await first.server.stop();

  const fillMs = await milliseconds(() => run([program, 'fill', connek.dir, organisation, email, String(n)], { timeoutMs: 120_000 }));
  const { server, base, readyMs } = await connek.serve({ name: 'many tokens', args: ['--workers', '1'] });
  const rss = server.rss();
  const timed = JSON.parse(await run([program, 'change', connek.dir, organisation, email, String(changes)]));

  const status = async (token) => (await post(`${base}/mcp/${token}`, asked.body, asked.headers)).status;
  const createMs = [];
  const revokeMs = [];
  for (let i = 0; i < commands; i++) {
    let made;
    createMs.push(await milliseconds(async () => (made = await connek.token(email, '--organisation', organisation))));
    const before = await status(made.token);
    revokeMs.push(await milliseconds(() => connek.command('token', 'revoke', made.id)));
    const after = await status(made.token);
    if (before !== 200 || after !== 401) throw new Error(`a new token got ${before}, and ${after} once it was revoked`);
  }
  await server.stop();
  return {
    tokens: n,
    fill_seconds: fillMs / 1000,
    ready_ms: readyMs,
    rss,
    bytes_each: (rss - rssBefore) / n,
    commit_ms: median(timed.map(({ commit_us }) => commit_us)) / 1000,
    sync_ms: median(timed.map(({ sync_us }) => sync_us)) / 1000,
    sync_max_ms: Math.max(...timed.map(({ sync_us }) => sync_us)) / 1000,
    create_command_ms: median(createMs),
    revoke_command_ms: median(revokeMs),
  };
}
