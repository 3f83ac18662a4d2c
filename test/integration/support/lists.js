// Everything that an organisation can have very many of, written past the server, and how the API lists it: for what has to
// be quick however much there is.
import assert from 'node:assert/strict';
import { run } from './connek.js';
import { document, operations } from './api.js';
import { fillTrail, trailQueries } from './facts.js';

const many = '@many.example';
const [payload] = document.components.schemas.WebhookDelivery.examples.map(({ payload }) => JSON.stringify(payload));
const rows = ({ organisation, role, webhook }, n) => `
  PRAGMA synchronous = OFF;
  BEGIN;
  CREATE TEMP TABLE i (n INTEGER PRIMARY KEY);
  WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${n}) INSERT INTO temp.i SELECT n FROM i;
  INSERT INTO login (id, email, created_at) SELECT randomblob(16), printf('u%07d${many}', n), 1 FROM temp.i;
  INSERT INTO org_user (id, organisation_id, login_id, kind, created_at, accepted_at) SELECT randomblob(16), x'${organisation}', id, 'member', 1, 1 FROM login WHERE email LIKE '%${many}';
  CREATE TEMP TABLE u AS SELECT id FROM org_user WHERE organisation_id = x'${organisation}';
  INSERT OR IGNORE INTO user_role (organisation_id, user_id, role_id) SELECT x'${organisation}', id, x'${role}' FROM temp.u;
  INSERT INTO oauth_client (id, client_id, kind, name, redirect_uris, may_refresh, created_at) VALUES (x'00', 'many', 'registered', 'Many', '[]', 0, 1);
  INSERT INTO oauth_grant (id, organisation_id, user_id, oauth_client_id, scopes, resource, created_at, used_at, expires_at) SELECT randomblob(16), x'${organisation}', id, x'00', 7, '', 1, 1, 9000000000000000 FROM temp.u;
  INSERT INTO access_token (id, organisation_id, user_id, kind, name, hash, created_at) SELECT randomblob(16), x'${organisation}', id, 'key', 'many', randomblob(32), 1 FROM temp.u;
  INSERT INTO call_limit (id, organisation_id, scope, scope_key, window_us, cap) SELECT randomblob(16), organisation_id, 'token', id, 60000000, 60 FROM access_token WHERE organisation_id = x'${organisation}';
  INSERT INTO connector_request (id, organisation_id, user_id, name, reason, status, created_at) SELECT randomblob(16), x'${organisation}', id, 'HubSpot', '', 'done', 1 FROM temp.u;
  UPDATE connector_request SET status = 'open' WHERE rowid IN (SELECT rowid FROM connector_request ORDER BY rowid LIMIT 60);
  INSERT INTO api_key (id, organisation_id, user_id, name, hash, scopes, created_at) SELECT randomblob(16), x'${organisation}', id, 'many', randomblob(32), 'users:read', 1 FROM temp.u;
  INSERT INTO webhook_delivery (id, webhook_id, organisation_id, event, body, status, created_at) SELECT randomblob(16), x'${webhook}', x'${organisation}', 'user.joined', '${payload}', CASE WHEN n % 10000 = 1 THEN 'failed' ELSE 'delivered' END, 1 FROM temp.i;
  COMMIT;`;

const hex = (id) => id.replaceAll('-', '');

// { webhook, role, somebody }: what listPaths asks for.
export async function fillLists(connek, api, n) {
  const { id: role } = await api.post('./roles', { name: 'many' });
  const { webhook } = await api.post('./webhooks', { name: 'many', url: 'https://hooks.acme.example/', events: ['user.joined'] });
  const ids = { organisation: hex(api.organisation), role: hex(role), webhook: hex(webhook.id) };
  const { code, stderr } = await run('sqlite3', ['-bail', '-cmd', '.timeout 10000', `${connek.data}/connek.db`], { input: rows(ids, n), timeoutMs: 900_000 });
  assert.equal(code, 0, stderr);
  await fillTrail(connek, api, n);
  const [somebody] = (await api.get(`./users?limit=1&query=u0000001${many}`)).items;
  return { role, webhook: webhook.id, somebody: somebody.id };
}

// Where a page far down a list begins: half of the ids, of the addresses and of the times are behind it.
const at = (key) => `cursor=${Buffer.from(key).toString('base64url')}`;
const half = at(Buffer.alloc(16, 0x7f));
const halfOfUsers = (n) => at(`u${String(n >> 1).padStart(7, '0')}${many}`);
const halfOfCalls = (n) => at(`${1_700_000_000_000_000 + (n >> 1) * 1000} ${n >> 1} old`);
const halfOfLimits = at(Buffer.concat([Buffer.from('token 60000000 '), Buffer.alloc(16, 0x7f)]));

// By operation: what of it is asked for. `n`: of how many.
export const listPaths = (api, { webhook, role, somebody }, n) => ({
  list_audit: [...trailQueries(api).map((query) => `./audit?${query}`), `./audit?${halfOfCalls(n)}`],
  list_my_calls: ['./me/calls?', './me/calls?decision=allowed'],
  list_users: ['./users?', `./users?${halfOfUsers(n)}`, `./users?role=${role}`, './users?kind=member', './users?kind=admin', './users?status=active', './users?query=u0'],
  list_tokens: ['./tokens?', `./tokens?${half}`, `./tokens?user=${somebody}`, './tokens?status=live'],
  list_my_tokens: ['./me/tokens?'],
  list_clients: ['./clients?', `./clients?${half}`, `./clients?user=${somebody}`],
  list_my_clients: ['./me/clients?'],
  list_requests: ['./requests?', `./requests?${half}`, './requests?status=open'],
  list_my_requests: ['./me/requests?'],
  list_keys: ['./keys?', `./keys?${half}`],
  list_limits: ['./limits?', `./limits?${halfOfLimits}`],
  list_webhook_deliveries: ['', half, 'status=failed'].map((query) => `./webhooks/${webhook}/deliveries?${query}`),
});

// What there is no million of: each server holds all of it in memory, or it is one person's own.
export const neverMany = ['list_connections', 'list_connectors', 'list_my_connections', 'list_operator_organisations', 'list_review', 'list_roles', 'list_sessions', 'list_user_sessions'];

// The lists there are, of which every page has to come in time.
export const everyList = operations.filter(({ method, parameters }) => method === 'GET' && parameters?.some(({ name }) => name === 'cursor')).map(({ operationId }) => operationId);
