// MCP servers over stdio that do what no server should: each is an error of its own, bounded, said in a sentence; others go
// on, and nothing of theirs is left behind.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Connek } from './support/connek.js';
import { callTool, legacy, send } from './support/mcp.js';
import { Served, organisation, tool, user } from './support/served.js';
import { commandOf, descendants, program, started } from './support/stdio.js';
import { eventually } from './support/wait.js';

const names = async (url) => (await send(url, legacy('tools/list'))).body.result.tools.map(({ name }) => name);
const textOf = ({ body }) => body.result?.content?.[0]?.text ?? JSON.stringify(body);
const lines = (connek) => connek.log.map(({ line }) => line).filter(Boolean);

async function serving(t, connectors) {
  const good = await Served.start(t, { tools: [tool('echo')] });
  const connek = await Connek.create(t);
  const all = [{ id: 'good', kind: 'mcp', url: good.url }, ...connectors];
  const config = organisation(all.map(({ id }) => ({ id, trust: 'accept' })));
  config.connectors = all;
  await connek.apply(config);
  await connek.start('--allow-upstream', '127.0.0.1');
  const { url } = await connek.token(user);
  return { connek, url };
}

const mib = 1024 * 1024;

// What a process does when its tool `lie` is called, what its caller is told, and what the log says.
const liars = {
  'answers with another id': { lie: '(args, id) => void say({ id: id + 1000, result: { content: [] } })', told: /^liar\d+ did not answer within 1 seconds$/ },
  'answers with a result that is no object': { lie: '(args, id) => void say({ id, result: 7 })', told: /did not answer|no object/, logged: /a result that is no object/ },
  'says nothing but nonsense': { lie: "() => { for (let i = 0; i < 200; i++) process.stdout.write('nonsense\\n'); }", told: /was ended by signal|ended with status/, logged: /says nothing that is MCP, and is stopped/ },
  'writes a line without end': { lie: "() => { const more = () => process.stdout.write('x'.repeat(1024 * 1024), more); more(); }", told: /was ended by signal|ended with status/, logged: /a line on its standard output is too long/ },
  'nests without end': { lie: "() => void process.stdout.write('['.repeat(1024 * 1024) + '\\n')", told: /did not answer/, logged: /no JSON/ },
  'never answers': { lie: '() => {}', told: /^liar\d+ did not answer within 1 seconds$/ },
  'closes its output': { lie: '() => void process.stdout.destroy()', told: /did not answer|ended/ },
  'ends without a word': { lie: '() => process.exit(0)', told: /^liar\d+ ended with status 0 before it had answered$/ },
};

test('a process that lies gets an error of its own, and its neighbours are untouched', { timeout: 120_000 }, async (t) => {
  const entries = Object.entries(liars).map(([what, { lie, told, logged }], i) => ({ id: `liar${i}`, what, lie, told, logged }));
  const { connek, url } = await serving(t, entries.map(({ id, lie }) => started(id, program({ lie, honest: "() => 'well'" }), { timeout_ms: 1000 })));
  const listed = async (end) => (await names(url)).filter((name) => name.endsWith(end)).length;
  await eventually(async () => assert.deepEqual([await listed('_lie'), await listed('good_echo')], [entries.length, 1]), { timeoutMs: 60_000 });
  for (const { id, what, told, logged } of entries) {
    const lying = callTool(url, `${id}_lie`);
    assert.match(textOf(await callTool(url, 'good_echo')), /"tool":"echo"/, what);
    const { body, text } = await lying;
    assert.equal(body.result?.isError, true, `${what}: ${text}`);
    assert.match(textOf({ body }), told, what);
    assert.ok(text.length < 1000, `${what}: a short error`);
    if (logged) await eventually(() => assert.ok(lines(connek).some((line) => logged.test(line)), `${what}: ${lines(connek).join('\n')}`));
  }
  // Each is there again without a restart, where it ended after a moment of being left alone.
  for (const { id, what } of entries.filter((each) => each.what !== 'closes its output'))
    await eventually(async () => assert.equal(textOf(await callTool(url, `${id}_honest`)), 'well', what));
});

test('a process that floods standard error fills neither log nor memory, and its call is answered', async (t) => {
  const flood = "() => { for (let i = 0; i < 20000; i++) process.stderr.write('line ' + i + 'x'.repeat(1000) + '\\n'); return 'done'; }";
  const { connek, url } = await serving(t, [started('loud', program({ flood }), { timeout_ms: 60_000 })]);
  await eventually(async () => assert.ok((await names(url)).includes('loud_flood')));
  assert.equal(textOf(await callTool(url, 'loud_flood')), 'done');
  await eventually(() => assert.ok(lines(connek).some((line) => / \(and more\)$/.test(line))));
  const written = lines(connek).filter((line) => line.startsWith('stderr: '));
  assert.ok(written.length <= 100, `${written.length} lines`);
  assert.ok(written.every((line) => line.length < 500));
});

test('a process that never reads is ended before it costs much; what waits is told so', { timeout: 120_000 }, async (t) => {
  const deaf = program({ deaf: '() => { process.stdin.pause(); process.stdin.removeAllListeners("data"); for (const end = Date.now() + 60000; Date.now() < end; ); }' });
  const { connek, url } = await serving(t, [started('mute', deaf, { timeout_ms: 60_000 })]);
  await eventually(async () => assert.ok((await names(url)).includes('mute_deaf')));
  const first = callTool(url, 'mute_deaf');
  const rest = Array.from({ length: 24 }, () => callTool(url, 'mute_deaf', { filler: 'x'.repeat(mib) }));
  for (const one of [first, ...rest]) {
    const { body } = await one;
    assert.equal(body.result.isError, true);
    assert.match(textOf({ body }), /^mute (ended|was ended|has just ended|keeps ending|has failed several times and is left alone)/);
  }
  await eventually(() => assert.ok(lines(connek).includes('stderr: it does not read its standard input'), lines(connek).join('\n')));
  assert.match(textOf(await callTool(url, 'good_echo')), /"tool":"echo"/);
});

const stubborn = program(
  { who: '() => process.pid' },
  `process.on('SIGTERM', () => {});
   process.stdin.on('end', () => setInterval(() => {}, 1000));
   require('child_process').spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: 'ignore' });`,
);

for (const [how, end] of [
  ['stops', (connek) => connek.stop()],
  ['is killed', (connek) => connek.kill()],
]) {
  test(`when Connek ${how} nothing is left of a process that ignores SIGTERM, nor of what it started`, async (t) => {
    const { connek, url } = await serving(t, [started('stubborn', stubborn)]);
    await eventually(async () => assert.match(textOf(await callTool(url, 'stubborn_who')), /^\d+$/));
    const before = await descendants(connek.pid);
    assert.ok(before.length >= 2, 'it and its child');
    await end(connek);
    await eventually(async () => {
      const left = [];
      for (const pid of before) if (!/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z')) && (await commandOf(pid))) left.push(pid);
      assert.deepEqual(left, []);
    });
  });
}

test('a program that is not there, and one that ends at once, are said so to who reviews', async (t) => {
  const { connek, url } = await serving(t, [
    { id: 'absent', kind: 'mcp', command: ['connek-no-such-program'] },
    started('brief', 'process.exit(7)'),
  ]);
  await eventually(async () => assert.ok((await names(url)).includes('good_echo')));
  await eventually(async () => {
    const review = await connek.ok('connector', 'review', '--all');
    assert.match(review, /^absent: its server could not be asked: absent(: there is no program connek-no-such-program| keeps ending and is left alone)/m);
    assert.match(review, /^brief: its server could not be asked: brief (ended with status 7 before it had answered|keeps ending and is left alone)/m);
    assert.doesNotMatch(review, /^good:/m);
  });
});

test('commands that only read a configuration start nothing', async (t) => {
  const connek = await Connek.create(t);
  const trap = connek.path('started');
  const definition = { id: 'trap', kind: 'mcp', command: [process.execPath, '-e', `require('fs').writeFileSync(${JSON.stringify(trap)}, '')`], directory: connek.home };
  const file = await connek.writeFile('trap.json', definition);
  const snippet = await connek.writeFile('snippet.json', { mcpServers: { trap: { command: definition.command[0], args: definition.command.slice(1) } } });
  const { code } = await connek.command('connector', 'check', file).catch(() => ({}));
  await connek.command('connector', 'import', snippet);
  await connek.apply({ ...organisation([{ id: 'trap', trust: 'accept' }]), connectors: [definition] });
  await connek.ok('connector', 'list');
  await connek.ok('connector', 'review', '--all');
  await connek.ok('connection', 'list');
  await connek.ok('export', '--organisation', 'acme');
  await assert.rejects(readFile(trap), { code: 'ENOENT' }, `${code}`);
});
