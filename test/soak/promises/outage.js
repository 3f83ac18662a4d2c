// What a server stands on goes away under load: its database, the room on its disk, the disk itself, descriptors. It refuses what
// it cannot record, answers nothing wrongly, and is back within five seconds of when it could be.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connek, releaseBinary, run } from '../../integration/support/connek.js';
import { Load, holdAgainstTrail, loadConfig, loadLedger } from '../../faults/load.js';
import * as postgres from '../postgres.js';

const backWithinMs = 5000;
const clients = 16;

async function isReady(connek) {
  return fetch(`${connek.base}/readyz`, { signal: AbortSignal.timeout(2000) }).then(({ status }) => status === 200, () => false);
}

async function untilReady(connek) {
  const begun = performance.now();
  while (!(await isReady(connek))) {
    assert.ok(performance.now() - begun < 60_000, 'not back within a minute');
    await sleep(20);
  }
  return performance.now() - begun;
}

// `goes` takes it away, `comes` gives it back. `stops`: all calls until then, some (there is room in files that need not grow), or
// none (who is connected goes on).
function outage(title, rounds, { make, goes, comes, stops = 'all' }) {
  return {
    title,
    aim: 'fails closed, no wrong answer, back within 5 s',
    async run(scope, { rounds: choose }) {
      const n = choose(...rounds);
      const made = await make(scope, n);
      if (made.skipped) return made;
      const { connek } = made;
      const people = await Load.clients(connek, clients);
      let slowest = 0;
      const all = { acknowledged: [], calls: 0, refused: 0, broken: 0 };
      for (let round = 0; round < n; round++) {
        const load = new Load(people).start();
        await sleep(300);
        await goes(made);
        await sleep(1000);
        assert.ok(stops === 'none' || load.refused > 0, 'nothing was refused meanwhile');
        const during = load.calls;
        await sleep(500);
        assert.ok(stops !== 'all' || load.calls === during, `${load.calls - during} calls were answered that could not be recorded`);
        await comes(made);
        const ms = await untilReady(connek);
        slowest = Math.max(slowest, ms);
        const before = load.calls;
        for (let i = 0; i < 100 && load.calls < before + clients; i++) await sleep(20);
        assert.ok(load.calls >= before + clients, 'no call is answered afterwards');
        await load.stop();
        assert.deepEqual(load.wrong.slice(0, 3), []);
        all.acknowledged.push(...load.acknowledged);
        for (const name of ['calls', 'refused', 'broken']) all[name] += load[name];
      }
      await holdAgainstTrail(connek, all.acknowledged);
      const { code, stdout, stderr } = await connek.verify();
      assert.equal(code, 0, stdout + stderr);
      return { held: slowest < backWithinMs, figure: `${n} rounds: ready again after ${Math.round(slowest)} ms at most; ${all.calls} answered, ${all.refused} refused, none wrong` };
    },
  };
}

const serving = (scope, options) => Connek.serving(scope, { binary: releaseBinary, config: loadConfig(clients), ledger: loadLedger, ...options });

// A disk of its own: there is room for SQLite's journal, for what is recorded in so many rounds, and a little more.
async function onSmallDisk(scope, n) {
  const bytes = (160 + 20 * n) * 1024 * 1024;
  if (process.getuid() !== 0) return { skipped: 'a disk of its own needs root to be mounted' };
  const disk = await mkdtemp(join(tmpdir(), 'connek-disk-'));
  const { code, stderr } = await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'connek', disk]);
  if (code !== 0) return { skipped: `a disk of its own cannot be mounted: ${stderr.trim()}` };
  scope.after(async () => {
    await run('umount', ['--lazy', disk]);
    await rm(disk, { recursive: true });
  });
  return { connek: await serving(scope, { isOnSqlite: true, within: disk }), disk, bytes };
}

// libfiu's faults, switched by its remote control.
const libfiu = '/usr/lib/fiu';
async function onFailingDisk(scope) {
  if (!existsSync(libfiu)) return { skipped: 'libfiu is not installed (fiu-utils)' };
  const env = { LD_PRELOAD: `${libfiu}/fiu_run_preload.so ${libfiu}/fiu_posix_preload.so`, FIU_ENABLE: '', FIU_CTRL_FIFO: '' };
  const connek = await Connek.create(scope, { binary: releaseBinary, isOnSqlite: true });
  await connek.makeDatabase('ledger.db', loadLedger);
  await connek.apply(loadConfig(clients));
  connek.env = { ...env, FIU_CTRL_FIFO: connek.path('fiu') };
  await connek.start();
  connek.env = {};
  return { connek };
}
const points = ['posix/io/rw/pwrite', 'posix/io/sync/fsync', 'posix/io/sync/fdatasync'];
const eio = 5;
async function switchFaults({ connek }, commands) {
  const { code, stdout, stderr } = await run('fiu-ctrl', [...commands.flatMap((command) => ['-c', command]), '-f', connek.path('fiu'), String(connek.pid)]);
  assert.equal(code, 0, stdout + stderr);
}

export default [
  outage('PostgreSQL crashes under load', [5, 20], { make: async (scope) => ({ connek: await serving(scope) }), goes: postgres.crash, comes: postgres.start }),
  outage('the disk is full under load', [5, 20], {
    stops: 'some',
    make: onSmallDisk,
    goes: ({ disk, bytes }) => writeFile(join(disk, 'filler'), Buffer.alloc(bytes)).catch(() => {}),
    comes: ({ disk }) => rm(join(disk, 'filler')),
  }),
  outage('the disk answers EIO under load', [5, 20], {
    make: onFailingDisk,
    goes: (made) => switchFaults(made, points.map((name) => `enable name=${name},failinfo=${eio}`)),
    comes: (made) => switchFaults(made, points.map((name) => `disable name=${name}`)),
  }),
  outage('no descriptors are left under load', [5, 20], {
    stops: 'none',
    make: async (scope) => ({ connek: await serving(scope, { isOnSqlite: true }) }),
    goes: async ({ connek }) => {
      const used = Number((await run('sh', ['-c', `ls /proc/${connek.pid}/fd | wc -l`])).stdout);
      await run('prlimit', ['--pid', String(connek.pid), `--nofile=${used}:65536`]);
      await Promise.allSettled(Array.from({ length: 50 }, () => fetch(`${connek.base}/readyz`, { headers: { Connection: 'close' }, signal: AbortSignal.timeout(500) })));
    },
    comes: ({ connek }) => run('prlimit', ['--pid', String(connek.pid), '--nofile=65536:65536']),
  }),
];
