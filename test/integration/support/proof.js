// Tests that have a long form: `make test` runs the short one, `make proof` the long one (PROOF=1) of the same file.
import { appendFileSync } from 'node:fs';

export const isLong = process.env.PROOF === '1';

// How often, how many, how long: rounds(20, 500).
export const rounds = (short, long) => (isLong ? long : short);

// What held, and how often it was tried; a line of `make proof`. Call it when all of it has held.
export function held(name, count) {
  if (process.env.PROOF_FILE) appendFileSync(process.env.PROOF_FILE, JSON.stringify({ name, count, held: true }) + '\n');
}
