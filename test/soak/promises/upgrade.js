// Three servers on one PostgreSQL database go on to the next version, one after the other, under load; and one whose migration
// is killed again and again before it is let through.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { releaseBinary } from '../../integration/support/connek.js';
import { Load, holdAgainstTrail, loadConfig, loadLedger } from '../../faults/load.js';
import { Cluster, readiness, versionsOf } from '../../nodes/cluster.js';
import { Scope } from '../scope.js';

const clients = 12;
const versions = versionsOf(releaseBinary);
const isQuiet = ({ wrong, broken, refusals }) => assert.deepEqual({ wrong: wrong.slice(0, 3), broken, refusals }, { wrong: [], broken: 0, refusals: [] });

async function once(scope, kills) {
  const cluster = await Cluster.start(scope, { binary: versions[0], config: loadConfig(clients), args: ['--workers', '1'], ledger: loadLedger });
  const { first, nodes } = cluster;
  const load = new Load(await Load.clients(first, clients, [await cluster.balance()]), { pauseMs: 1 }).start();
  scope.after(() => load.stop());
  const before = await first.psql('SELECT count(*) FROM schema_migration');
  for (let i = 0; i < kills; i++) {
    const eager = Object.assign(await cluster.folder(), { binary: versions[1], name: 'eager' });
    const started = cluster.begin(eager).catch(() => {});
    await sleep(Math.random() * 120);
    await eager.kill();
    await started;
    const now = await first.psql('SELECT count(*) FROM schema_migration');
    const hasAll = (await first.psql("SELECT to_regclass('next_note') IS NOT NULL AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'node'::regclass AND attname = 'next_number')")).trim();
    const hasAny = (await first.psql("SELECT to_regclass('next_note') IS NOT NULL OR EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'node'::regclass AND attname = 'next_number')")).trim();
    assert.equal(hasAll, hasAny, 'a migration that was killed is half there');
    assert.equal(hasAll, now === before ? 'f' : 't');
  }
  for (const node of nodes) {
    await cluster.replace(node, versions[1]);
    await sleep(200);
    for (const each of nodes) assert.equal((await readiness(each)).code, 200);
  }
  await load.stop();
  isQuiet(load);
  const { acknowledged, written } = await holdAgainstTrail(first, load.acknowledged);
  const { code, stdout, stderr } = await first.verify();
  assert.equal(code, 0, stdout + stderr);
  return { acknowledged, written };
}

async function upgrades(scope, { rounds }) {
  const n = rounds(5, 50);
  let acknowledged = 0;
  for (let round = 0; round < n; round++) {
    const own = new Scope();
    try {
      acknowledged += (await once(own, 5)).acknowledged;
    } finally {
      await own.end();
    }
  }
  return `${n} rounds: ${acknowledged.toLocaleString('en')} calls acknowledged, all on record; none failed, none was refused; ${5 * n} migrations were killed`;
}

export default [{ title: 'three servers go on to the next version under load', aim: 'no call fails, is refused or is lost; no migration is half done', run: upgrades }];
