// make test-mutants: is every control of docs/THREAT-MODEL.md watched by a test that fails without it?
//
// mutants.json is a list of
//   { control, lesson, file, find, replace, also?, test, name? }
//     file, find, replace   what takes the control out: text that occurs exactly once in that file
//     also                  [{ file, find, replace }]: further changes, where a control has a second line behind it
//     test                  "unit:net/http_server" or "test/integration/x.test.js" (or test/dashboard/)
//     name                  a test's name, or the beginning of it: that one has to fail (else: any of the file)
//
// The tree is copied to build/mutants/tree and compiled there once; each mutant is then compiled alone (it has to
// compile), its test run (it has to fail), and the file put back. All tests have to pass before the first one. Of a file
// of outside tests only the named ones run.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const tree = join(root, 'build/mutants/tree');
const build = join(root, 'build/mutants/build');
const binary = join(build, 'connek');
const testSeconds = 240;
const patientSeconds = 20; // a test that hangs without its control has failed; how long that takes to say

function sh(program, args, env = {}, seconds = testSeconds) {
  const ended = spawnSync(program, args, {
    cwd: tree,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
  });
  return { isOk: ended.status === 0, isTimeout: ended.error?.code === 'ETIMEDOUT', output: `${ended.stdout}${ended.stderr}` };
}

// Copies what git would (tracked, and new files that are not ignored); unchanged files keep their time, for ninja.
function copyTree() {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  const files = listed.stdout.split('\0').filter((file) => file && existsSync(join(root, file)));
  const wanted = new Set(files);
  mkdirSync(tree, { recursive: true });
  for (const file of files) {
    const from = join(root, file);
    const to = join(tree, file);
    if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
  const had = spawnSync('find', ['.', '-type', 'f', '-not', '-path', './build/*', '-printf', '%P\\0'], { cwd: tree, encoding: 'utf8', maxBuffer: 1 << 28 });
  for (const file of had.stdout.split('\0')) if (file && !wanted.has(file)) rmSync(join(tree, file));
  if (!existsSync(join(tree, 'node_modules'))) symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
}

const compile = (...targets) => sh(join(root, 'scripts/build'), ['plain', ...targets], { SOURCE: tree, BUILD: build });

const unitOf = (test) => (test.startsWith('unit:') ? test.slice('unit:'.length) : null);

// The ninja targets that a test needs.
function targetsOf(test) {
  const unit = unitOf(test);
  return unit ? [`test/unit/${dirname(unit)}/test_${unit.replaceAll('/', '_')}`] : ['connek'];
}

const pattern = (name) => `--test-name-pattern=^${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}`;

// Runs a test (of an outside file those named; all where there are none); the TAP of it, and whether it passed.
function runTest(test, names, seconds) {
  const unit = unitOf(test);
  if (unit) return sh(join(build, targetsOf(test)[0]), [], { CMOCKA_MESSAGE_OUTPUT: 'TAP' }, seconds);
  const patterns = names.every(Boolean) ? [...new Set(names)].map(pattern) : [];
  return sh(join(tree, 'scripts/suite/integration'), [...patterns, test], { CONNEK_BINARY: binary, CONNEK_RELEASE_BINARY: binary }, seconds);
}

// Did the named test fail, or any, where none is named?
function hasFailed({ test, name }, { isOk, isTimeout, output }) {
  if (isTimeout) return true;
  if (!name) return !isOk;
  const start = unitOf(test) ? '' : `${test}: `;
  return output.split('\n').some((line) => {
    const title = /^not ok (?:\d+ )?(?:- )?(.*)/.exec(line)?.[1];
    return title !== undefined && !/ # SKIP/.test(title) && title.startsWith(start + name);
  });
}

const hasNamed = ({ test, name }, output) => !name || output.split('\n').some((line) => /^ok /.test(line) && line.includes((unitOf(test) ? '- ' : `${test}: `) + name));

function tail(output) {
  return output.trimEnd().split('\n').slice(-30).map((line) => `    | ${line}`).join('\n');
}

const editsOf = ({ file, find, replace, also = [] }) => [{ file, find, replace }, ...also];

// null: killed, as it should be; else what is wrong with it.
function tryMutant(mutant, seconds) {
  const edits = editsOf(mutant);
  const originals = new Map(edits.map(({ file }) => [join(tree, file), readFileSync(join(tree, file), 'utf8')]));
  for (const { file, find, replace } of edits) {
    const path = join(tree, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(find, () => replace));
  }
  try {
    const compiled = compile(...targetsOf(mutant.test));
    if (!compiled.isOk) return `does not compile without it\n${tail(compiled.output)}`;
    const ran = runTest(mutant.test, [mutant.name], seconds);
    return hasFailed(mutant, ran) ? null : `SURVIVED: ${mutant.test} passes without it\n${ran.isOk ? '' : tail(ran.output)}`;
  } finally {
    for (const [path, original] of originals) writeFileSync(path, original);
  }
}

function checkText({ file, find }) {
  const path = join(tree, file);
  if (!existsSync(path)) return `there is no ${file}`;
  const count = readFileSync(path, 'utf8').split(find).length - 1;
  return count === 1 ? null : `its text occurs ${count} times in ${file}, not once: ${JSON.stringify(find)}`;
}

// docs/THREAT-MODEL.md names tests, and each mutant's lesson is a row there. What is wrong, as texts.
function checkDocument() {
  const { output } = sh(join(root, 'test/lint/threats'), []);
  return output.split('\n').filter(Boolean);
}

const words = process.argv.slice(2);
const mutants = JSON.parse(readFileSync(join(root, 'test/mutants/mutants.json'), 'utf8')).filter(
  ({ control, lesson }) => words.length === 0 || words.some((word) => `${control} ${lesson}`.includes(word)),
);

let failed = 0;
const fail = (what, why) => {
  failed++;
  console.log(`FAILED  ${what}: ${why}`);
};

copyTree();
for (const wrong of checkDocument()) fail('docs/THREAT-MODEL.md', wrong);
for (const mutant of mutants) {
  for (const wrong of editsOf(mutant).map(checkText)) if (wrong) fail(mutant.control, wrong);
}
const tests = [...new Set(mutants.map(({ test }) => test))];
const compiled = failed === 0 ? compile(...new Set(tests.flatMap(targetsOf))) : { isOk: true };
if (!compiled.isOk) fail('the tree', `does not compile\n${tail(compiled.output)}`);
const seconds = new Map(); // how long a test takes with all controls in place
if (failed === 0) {
  for (const test of tests) {
    const start = performance.now();
    const ran = runTest(test, mutants.filter((mutant) => mutant.test === test).map(({ name }) => name));
    seconds.set(test, (performance.now() - start) / 1000);
    if (!ran.isOk) fail(test, `has to pass while nothing is taken out\n${tail(ran.output)}`);
    for (const mutant of mutants) {
      if (mutant.test === test && !hasNamed(mutant, ran.output)) fail(mutant.control, `${test} has no test named "${mutant.name}..."`);
    }
  }
}
let killed = 0;
if (failed === 0) {
  for (const mutant of mutants) {
    const start = performance.now();
    const wrong = tryMutant(mutant, Math.max(patientSeconds, Math.ceil(4 * seconds.get(mutant.test))));
    if (wrong) {
      fail(mutant.control, wrong);
      continue;
    }
    killed++;
    console.log(`killed  ${mutant.control} (${mutant.test}${mutant.name ? `: ${mutant.name}` : ''}, ${Math.round((performance.now() - start) / 1000)} s)`);
  }
}
console.log(`${killed} of ${mutants.length} mutants killed${failed ? `, ${failed} failures` : ''}`);
process.exit(failed === 0 && mutants.length > 0 ? 0 : 1);
