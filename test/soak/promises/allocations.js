// Each allocation fails once, in a unit test that comes by it (test/faults/allocation.c). A test may fail then, for it expects things
// to work, and may trip over what it did not get; nothing of src/ may crash, read what is freed, hang, or leak where the test itself
// goes well.
import { existsSync, globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { run } from '../../integration/support/connek.js';

const build = resolve(import.meta.dirname, '../../../build/starving');
const report = /ERROR: \w+Sanitizer: .*|\S+: runtime error: .*/;

// The sanitizer's words where the fault is of src/: a test has not failed before (what it then left behind is in use), and it is
// not the test itself that goes where nothing is, by one call at most.
function faultOf(stderr) {
  const found = report.exec(stderr);
  if (!found || /\[ {2}ERROR {3}\]|^ERROR: /m.test(stderr.slice(0, found.index))) return null;
  if (/test\/unit\S*: runtime error/.test(found[0])) return null;
  const frames = stderr.slice(found.index).match(/#[01] .*/g)?.slice(0, 2) ?? [];
  return frames.some((frame) => /test\/unit|libcmocka/.test(frame)) ? null : `${found[0]} ${frames[0] ?? ''}`;
}

const environment = { ASAN_OPTIONS: 'detect_leaks=1:allow_user_segv_handler=0' };
const patienceMs = 60_000;

// The tests of a program, the quickest first: what they come by is not tried again in those that take their time. (Some fail by
// themselves here, where each allocation of an arena is one of its own.)
async function testsOf(program) {
  const env = { ASAN_OPTIONS: 'detect_leaks=0:allow_user_segv_handler=0', CMOCKA_MESSAGE_OUTPUT: 'XML' };
  const { stdout } = await run(program, [], { env, timeoutMs: 2 * patienceMs, isReportFine: true });
  const tests = [...stdout.matchAll(/<testcase name="(\w+)" time="([\d.]+)"/g)];
  if (tests.length === 0) throw new Error(`${program} names no test`);
  return tests.sort((a, b) => a[2] - b[2]).map(([, name]) => name);
}

// Each test of a program, again and again, until no allocation is left by which it comes that has not failed in one of them.
// { ways, crashes }
async function starve(program, depth, hasTime) {
  const folder = mkdtempSync(join(tmpdir(), 'connek-starving-'));
  const file = join(folder, 'ways');
  const size = () => (existsSync(file) ? statSync(file).size : 0);
  const crashes = new Set();
  let ways = 0;
  for (const test of await testsOf(program)) {
    const env = { ...environment, FAILED_ALLOCATIONS: file, FAILED_ALLOCATIONS_DEPTH: String(depth), FAILED_ALLOCATIONS_TEST: test };
    for (let before = -1; before !== size() && hasTime(); ) {
      before = size();
      const { signal, stderr } = await run(program, [], { env, timeoutMs: patienceMs, isReportFine: true });
      const fault = signal ? `ended by ${signal}` : faultOf(stderr);
      if (fault) crashes.add(`${basename(program)} ${test}: ${fault}`);
      if (before !== size()) ways++;
    }
  }
  rmSync(folder, { recursive: true });
  return { ways, crashes: [...crashes] };
}

export default [
  {
    title: 'each allocation fails once, across the unit tests',
    aim: 'no crash, no leak',
    async run(scope, { isFull }) {
      const { code, stdout, stderr } = await run('scripts/build', ['starving'], { timeoutMs: 900_000 });
      if (code !== 0) throw new Error(stdout + stderr);
      const programs = globSync(`${build}/test/unit/*/test_*`).filter((file) => statSync(file).isFile()).sort();
      const end = Date.now() + (isFull ? 45 : 4) * 60_000;
      const hasTime = () => Date.now() < end;
      const queue = [...programs];
      const crashes = [];
      let ways = 0, done = 0;
      await Promise.all(
        [1, 2, 3, 4, 5, 6].map(async () => {
          while (hasTime() && queue.length > 0) {
            const result = await starve(queue.splice(Math.floor(Math.random() * queue.length), 1)[0], isFull ? 5 : 3, hasTime);
            ways += result.ways;
            crashes.push(...result.crashes);
            if (hasTime()) done++;
          }
        }),
      );
      const figure = `${ways} allocations failed, in ${done} of ${programs.length} programs (chosen by chance, as far as the time went)`;
      // The long form has time for all of them.
      return { held: crashes.length === 0 && (!isFull || done === programs.length), figure: [figure, ...crashes].join('\n         ') };
    },
  },
];
