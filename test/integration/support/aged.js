// Time that passes in the database alone: what a test would otherwise wait for. Whatever a server keeps in its memory does
// not age with it.
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { run } from './connek.js';

// What SQLite's words are called on PostgreSQL: bytes, as they are written and read.
const onPostgres = (statement) => statement.replace(/\bx'([0-9a-f]*)'/gi, "'\\x$1'::bytea").replace(/\bhex\((\w+)\)/g, "upper(encode($1, 'hex'))");

// The rows of one SELECT; or other statements, which answer none. In the words that both databases know, and x'..', hex(..).
export async function sql(connek, statement) {
  if (connek.env.CONNEK_DATABASE) {
    const words = onPostgres(statement);
    const isRead = /^SELECT /.test(words);
    const said = await connek.psql(isRead ? `SELECT coalesce(json_agg(found), '[]') FROM (${words}) found` : words);
    return isRead ? JSON.parse(said) : [];
  }
  const { code, stdout, stderr } = await run('sqlite3', ['-cmd', '.timeout 10000', '-json', join(connek.data, 'connek.db'), statement]);
  assert.equal(code, 0, stderr);
  return stdout.trim() ? JSON.parse(stdout) : [];
}

const us = (seconds) => Math.round(seconds * 1_000_000);

// Every grant's tokens were got that long ago.
export const ageGrants = (connek, seconds) =>
  sql(connek, `UPDATE connection_grant SET obtained_at = obtained_at - ${us(seconds)}, expires_at = expires_at - ${us(seconds)}`);
// Consents that are under way, and links, were begun that long ago.
export const ageConsents = (connek, seconds) =>
  sql(connek, `UPDATE oauth_state SET expires_at = expires_at - ${us(seconds)}; UPDATE connect_link SET expires_at = expires_at - ${us(seconds)}`);
// What is to be done later is that much nearer.
export const ageJobs = (connek, seconds) => sql(connek, `UPDATE job SET due_at = due_at - ${us(seconds)}`);
