// The PostgreSQL server that scripts/suite/postgres has started for us, as whoever runs it may treat it.
import { globSync } from 'node:fs';
import { run } from '../integration/support/connek.js';

const folder = process.env.CONNEK_TEST_POSTGRES;
const programs = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).at(-1);
const as = process.getuid() === 0 ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'] : [];

async function control(...args) {
  const [program, ...rest] = [...as, `${programs}/pg_ctl`, '-D', `${folder}/data`, '-l', `${folder}/server.log`, '-w', ...args];
  const { code, stdout, stderr } = await run(program, rest, { cwd: folder });
  if (code !== 0) throw new Error(`pg_ctl ${args.join(' ')}: ${stdout}${stderr}`);
}

// As a crash does: nobody is told, and its journal is replayed at the start.
export const crash = () => control('stop', '-m', 'immediate');
export const start = () => control('start');
