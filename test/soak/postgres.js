// The PostgreSQL server that scripts/suite/postgres has started for us, as whoever runs it may treat it.
import { runPostgres } from '../integration/support/postgres.js';

const control = (...args) => runPostgres(process.env.CONNEK_TEST_POSTGRES, 'pg_ctl', '-D', 'data', '-l', 'server.log', '-w', ...args);

// As a crash does: nobody is told, and its journal is replayed at the start.
export const crash = () => control('stop', '-m', 'immediate');
export const start = () => control('start');
