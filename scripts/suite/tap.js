// A reporter for `node --test`: flat TAP, one line a test (suites are not tests), errors as comments beneath.
import { relative, resolve } from 'node:path';
import { inspect } from 'node:util';

const comment = (text) => text.trimEnd().replace(/^/gm, '#   ') + '\n';

function line({ type, data }) {
  const { name, file, skip, todo, details } = data;
  const title = `${file ? relative(process.cwd(), file) : '?'}: ${name}`.replace(/\s+/g, ' ').replaceAll('#', '\\#');
  if (skip !== undefined || todo !== undefined) return `ok - ${title} # SKIP ${skip || todo || ''}\n`;
  if (type === 'test:fail') {
    return `not ok - ${title}\n${comment(inspect(details.error?.cause ?? details.error, { depth: 6, maxStringLength: 4000 }))}`;
  }
  // Node passes a file in which there is no test.
  return file && resolve(name) === file ? `not ok - ${title}: it holds no test\n` : `ok - ${title}\n`;
}

// A suite counts only where it failed by itself (a hook that threw); nor does a parent whose fault is its child's.
function counts({ type, data }) {
  if (type === 'test:pass') return data.details?.type !== 'suite';
  return data.details.error?.failureType !== 'subtestsFailed';
}

export default async function* tap(events) {
  let ran = 0;
  for await (const event of events) {
    if (event.type === 'test:stderr' || event.type === 'test:stdout') yield comment(event.data.message);
    if ((event.type !== 'test:pass' && event.type !== 'test:fail') || !counts(event)) continue;
    ran++;
    yield line(event);
  }
  yield `1..${ran}\n`;
}
