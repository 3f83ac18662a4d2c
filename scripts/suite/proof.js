// make proof, once all is built: runs each file with PROOF=1 and gathers what it says has held.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, globSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const list = 'test/proof/proofs.txt';
const logs = 'build/proof';

function files() {
  if (process.argv.length > 2) return process.argv.slice(2);
  const named = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter((line) => /^[^#\s]/.test(line)) : [];
  return [...named, ...globSync('test/proof/*.test.js').sort()];
}

// { file, seconds, proofs: [{ name, count, held }] }: one that failed by itself where the file did, or said nothing.
function prove(file) {
  const base = `${logs}/${file.replaceAll('/', '_')}`;
  rmSync(`${base}.jsonl`, { force: true });
  const log = openSync(`${base}.log`, 'w');
  const start = performance.now();
  const { status } = spawnSync('scripts/suite/integration', [file], {
    env: { ...process.env, PROOF: '1', PROOF_FILE: `${base}.jsonl`, TEST_TIMEOUT_MS: String(60 * 60 * 1000) },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const proofs = existsSync(`${base}.jsonl`) ? readFileSync(`${base}.jsonl`, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)) : [];
  if (status !== 0) proofs.push({ name: `${file} (see ${base}.log)`, count: 0, held: false });
  else if (proofs.length === 0) proofs.push({ name: `${file} reported nothing`, count: 0, held: false });
  return { file, seconds: Math.round((performance.now() - start) / 1000), proofs };
}

mkdirSync(logs, { recursive: true });
const results = [];
for (const file of files()) {
  const result = prove(file);
  results.push(result);
  for (const { name, count, held } of result.proofs) {
    console.log(`${held ? 'held  ' : 'FAILED'}  ${String(count).padStart(10)}  ${name}`);
  }
  console.log(`${' '.repeat(20)}(${file}, ${result.seconds} s)`);
}
const allHeld = results.length > 0 && results.every(({ proofs }) => proofs.every(({ held }) => held));
writeFileSync('build/proof.json', JSON.stringify({ held: allHeld, files: results }, null, 2) + '\n');
if (results.length === 0) console.error(`scripts/proof: ${list} names no file`);
console.log(allHeld ? 'all held' : 'NOT all held');
process.exit(allHeld ? 0 : 1);
