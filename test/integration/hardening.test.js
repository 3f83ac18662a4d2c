// The process and its files, looked at by somebody else on the same machine.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, chown, copyFile, lstat, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Connek, exampleLedger, releaseBinary } from './support/connek.js';

const nobody = 65534;
const isRoot = process.getuid() === 0;
// Root sees everything; so where the tests run as root, the server is somebody else's.
const user = isRoot ? { uid: nobody, gid: nobody } : {};

async function runAs(program, args) {
  const child = spawn(program, args, { ...user, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  return { code, output };
}

// A server of an unprivileged user, in a folder of that user's. The optimised binary: a sanitizer has to look into its own
// process, and would be kept from it.
async function served(t) {
  const home = await mkdtemp(join(tmpdir(), 'connek-'));
  const binary = join(home, 'connek');
  await copyFile(releaseBinary, binary);
  await chmod(binary, 0o755);
  if (isRoot) for (const path of [home, binary]) await chown(path, nobody, nobody);
  const data = join(home, 'data');
  const child = spawn(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--workers', '1'], { ...user, cwd: home, stdio: ['ignore', 'ignore', 'pipe'], env: {} });
  let stderr = '';
  const listens = new Promise((resume) => child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text).includes('"listening"') && resume()));
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(home, { recursive: true, force: true });
  });
  await Promise.race([listens, ended]);
  assert.ok(stderr.includes('"listening"'), stderr);
  return { pid: child.pid, data };
}

test('nobody else of the same user looks into the process, and it leaves no core', async (t) => {
  const { pid } = await served(t);
  const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
  assert.match(limits, /^Max core file size +0 +0 /m);
  const uid = Number(/^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
  assert.notEqual(uid, 0);
  // What is not dumpable belongs to root in /proc (proc(5)): its own user may neither read it nor attach to it.
  assert.equal((await stat(`/proc/${pid}/environ`)).uid, 0);
  const other = spawn('sleep', ['60'], { ...user, stdio: 'ignore' });
  t.after(() => other.kill());
  assert.equal((await stat(`/proc/${other.pid}/environ`)).uid, uid, 'another process of that user is its own');
  for (const name of ['environ', 'maps', 'mem', 'auxv']) assert.notEqual((await runAs('head', ['-c', '1', `/proc/${pid}/${name}`])).code, 0, name);
  for (const name of ['environ', 'maps']) assert.equal((await runAs('head', ['-c', '1', `/proc/${other.pid}/${name}`])).code, 0, name);
});

test('the data folder, its files and its socket are the owner\'s alone', async (t) => {
  const { data } = await served(t);
  assert.equal((await lstat(data)).mode & 0o777, 0o700);
  const names = await readdir(data);
  for (const name of ['connek.db', 'master.key', 'control.sock']) assert.ok(names.includes(name), name);
  for (const name of names) assert.equal((await lstat(join(data, name))).mode & 0o077, 0, name);
  assert.equal((await lstat(join(data, 'master.key'))).mode & 0o777, 0o400);
});

test('one folder has one server', async (t) => {
  const connek = await Connek.serving(t);
  const second = new Connek();
  Object.assign(second, { home: connek.home, data: connek.data });
  t.after(() => second.stop().catch(() => {}));
  await assert.rejects(second.start(), /another connek serve runs on this data folder/);
  assert.equal((await fetch(`${connek.base}/readyz`)).status, 200);
  await connek.restart();
});

test('data and key belong together: with another key nothing is read, written or served', async (t) => {
  const connek = await Connek.create(t);
  await connek.makeDatabase('ledger.db', exampleLedger);
  await connek.apply();
  const key = join(connek.data, 'master.key');
  const own = await readFile(key);
  await rm(key);
  await writeFile(key, `${'5'.repeat(64)}\n`, { mode: 0o400 });
  for (const args of [['export'], ['audit', 'list'], ['token', 'create', '--user', 'finance@acme.example'], ['apply', connek.path('config.json')]]) {
    const { code, stderr } = await connek.command(...args);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, /not the key this data was sealed with/);
  }
  await assert.rejects(connek.start(), /not the key this data was sealed with/);
  await connek.stop().catch(() => {});
  await rm(key);
  await writeFile(key, own, { mode: 0o400 });
  await connek.ok('export');
});

test('a command run by another user finds nothing', { skip: !isRoot && 'only root can be somebody else' }, async (t) => {
  const connek = await Connek.serving(t);
  await chmod(connek.home, 0o755);
  const binary = connek.path('connek');
  await copyFile(releaseBinary, binary);
  await chmod(binary, 0o755);
  for (const args of [['audit', 'list'], ['export'], ['token', 'list'], ['token', 'create', '--user', 'finance@acme.example']]) {
    const { code, output } = await runAs(binary, [...args, '--data', connek.data]);
    assert.notEqual(code, 0, args.join(' '));
    assert.doesNotMatch(output, /acme\.example.*(token|tool)|[0-9a-f]{64}/);
  }
  await chmod(connek.data, 0o755); // a careless operator: the files still hold
  for (const name of ['master.key', 'connek.db', 'control.sock']) assert.notEqual((await runAs('head', ['-c', '1', join(connek.data, name)])).code, 0, name);
  assert.notEqual((await runAs(binary, ['token', 'create', '--user', 'finance@acme.example', '--data', connek.data])).code, 0);
});
