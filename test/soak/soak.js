// make soak, once all is built and PostgreSQL runs: each promise of test/soak/promises/ in turn, a line each, and
// build/soak.json. Exit 0 only where every promise held.
//
//   soak.js [--full] [--rounds N] [--only TEXT] [NAME...]     names: files of promises/; --rounds: so many instead of each one's
//                                                             own; --only: those whose title has TEXT
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Scope } from './scope.js';

const { values, positionals } = parseArgs({ options: { full: { type: 'boolean', default: false }, rounds: { type: 'string' }, only: { type: 'string', default: '' } }, allowPositionals: true });
const length = values.full ? 'full' : 'short';
const rounds = (short, full) => (values.rounds ? Number(values.rounds) : values.full ? full : short);

const folder = new URL('promises/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.js$/, ''));
for (const name of positionals) if (!names.includes(name)) throw new Error(`no promise named ${name}: there are ${names.join(', ')}`);

// { title, aim, held, figure, seconds }; skipped: why.
async function keep({ title, aim, run }) {
  const scope = new Scope();
  const begun = performance.now();
  const result = { title, aim, held: false };
  try {
    const figure = await run(scope, { rounds, isFull: values.full });
    Object.assign(result, typeof figure === 'string' ? { held: true, figure } : figure);
  } catch (error) {
    result.figure = error.stack ?? String(error);
  }
  try {
    await scope.end();
  } catch (error) {
    Object.assign(result, { held: false, figure: `${result.figure}; and at its end: ${error.message}` });
  }
  result.seconds = Math.round((performance.now() - begun) / 1000);
  return result;
}

const results = [];
for (const name of positionals.length > 0 ? positionals : names) {
  const { default: promises } = await import(new URL(`${name}.js`, folder));
  for (const promise of promises.filter(({ title }) => title.includes(values.only))) {
    const result = await keep(promise);
    results.push(result);
    const word = result.skipped ? 'skipped' : result.held ? 'held' : 'BROKEN';
    console.log(`${word.padEnd(8)} ${result.title}\n         ${result.skipped ?? result.figure}\n         aim: ${result.aim} (${result.seconds} s)`);
  }
}
const areAllHeld = results.every(({ held, skipped }) => held || skipped);
mkdirSync('build', { recursive: true });
writeFileSync('build/soak.json', `${JSON.stringify({ length, held: areAllHeld, promises: results }, null, 2)}\n`);
const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
console.log(`${results.filter(({ held }) => held).length} of ${results.length} held, in ${Math.round(seconds / 60)} minutes: ${areAllHeld ? 'every promise was kept' : 'NOT every promise was kept'}`);
process.exit(areAllHeld ? 0 : 1);
