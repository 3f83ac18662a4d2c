// A server that is killed again and again while it works, and what has to be true afterwards.
import assert from 'node:assert/strict';
import { Load, holdAgainstTrail } from './load.js';

const clients = 8;

// `connek` serves loadConfig(8) and loadLedger. { acknowledged, written, unknown }: how many.
export async function killUnderLoad(connek, rounds, pause) {
  const people = await Load.clients(connek, clients);
  const acknowledged = [];
  for (let round = 0; round < rounds; round++) {
    const load = new Load(people.map(({ email, path }) => ({ email, urls: [connek.base + path] }))).start();
    await pause();
    await connek.kill();
    await load.stop();
    assert.deepEqual(load.wrong.slice(0, 3), [], `round ${round}`);
    acknowledged.push(...load.acknowledged);
    const { code, stdout, stderr } = await connek.verify();
    assert.equal(code, 0, `round ${round}: ${stdout}${stderr}`);
    await connek.start();
  }
  assert.ok(acknowledged.length > rounds, 'the load has done something');
  return holdAgainstTrail(connek, acknowledged);
}
