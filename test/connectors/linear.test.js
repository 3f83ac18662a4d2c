import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schemaFromTypes } from './support/graphql_schema.js';
import { GraphqlVendor } from './support/graphql_vendor.js';
import { connected, descriptions, everyTool, readManifest, textOf, walk, withHeader, withJson, withPath } from './support/drive.js';

// The package has the schema as the types of its documents, in the one file of its build that a hash names.
const folder = join(descriptions, '@linear/sdk/dist');
const types = readdirSync(folder).find((name) => /^index-.*\.d\.mts$/.test(name));
const schema = schemaFromTypes(readFileSync(join(folder, types), 'utf8'));

async function start(t) {
  const vendor = await new GraphqlVendor(schema, { path: '/graphql', auth: { authorization: 'the-key' } }).start(t);
  return { vendor, base: vendor.origin };
}

const id = 'f2a1f3de-0c5e-4a0b-9a6b-0c9c5a8a7b11';
const issue = 'ENG-123';
const details = { description: 'Text "x"\n', state_id: id, assignee_id: id, priority: 2, estimate: 3, due_date: '2026-11-30', project_id: id, cycle_id: id, parent: 'ENG-1', label_ids: [id] };
const badVariable = (name, value) => withJson((body) => (body.variables[name] = value));
const badFilter = (filter) => badVariable('filter', filter);

everyTool('linear', {
  start,
  spoilings: {
    unauthorized: withHeader('authorization', 'Bearer the-key'),
    elsewhere: withPath('/graphql', '/graph'),
    fieldless: withJson((body) => (body.query = body.query.replace(' }', ' surplus }'))),
    undeclared: withJson((body) => (body.variables = { ...body.variables, surplus: 1 })),
  },
  cases: {
    get_me: { operation: 'viewer', bad: withJson((body) => (body.query = body.query.replace('email', 'mail'))) },
    list_issues: {
      operation: 'issues',
      calls: [{ team: 'ENG', assignee_email: 'anna@acme.example', mine: true, state: 'In Progress', state_types: ['started', 'unstarted'], labels: ['Bug'], project: 'Launch', priority: 1, updated_since: '-P7D', created_since: '2026-01-01T00:00:00Z', order: 'updatedAt', include_archived: true }, {}, { team: 'ENG' }],
      bad: badFilter({ team: { key: 'ENG' } }),
    },
    search_issues: { operation: 'searchIssues', calls: [{ term: 'crash', team: 'ENG', include_comments: true, include_archived: false }, { term: 'x' }], bad: badVariable('term', null) },
    get_issue: { operation: 'issue', calls: [{ issue }], bad: withJson((body) => delete body.variables.id) },
    list_comments: { operation: 'issue', calls: [{ issue }], bad: badVariable('first', 'all') },
    list_teams: { operation: 'teams', bad: badVariable('first', 'many') },
    list_users: { operation: 'users', calls: [{ email: 'anna@acme.example', name: 'Anna' }, {}], bad: badFilter({ mail: { eq: 'x' } }) },
    list_projects: { operation: 'projects', calls: [{ team: 'ENG', name: 'Launch' }], bad: badFilter({ team: { key: { eq: 'ENG' } } }) },
    list_cycles: { operation: 'cycles', calls: [{ team: 'ENG', active: true }], bad: badFilter({ isActive: true }) },
    list_states: { operation: 'workflowStates', calls: [{ team: 'ENG' }], bad: badFilter({ team: 'ENG' }) },
    list_labels: { operation: 'issueLabels', calls: [{ name: 'Bug' }], bad: badFilter({ name: 'Bug' }) },
    create_issue: { operation: 'issueCreate', calls: [{ team_id: id, title: 'T', ...details }, { team_id: id, title: 'T' }], bad: withJson((body) => delete body.variables.input.teamId) },
    update_issue: { operation: 'issueUpdate', calls: [{ issue, title: 'T', ...details }], bad: withJson((body) => (body.variables.input.priority = 'high')) },
    create_comment: { operation: 'commentCreate', calls: [{ issue, body: 'Said', parent_id: id }], bad: withJson((body) => (body.variables.input.text = 'x')) },
    archive_issue: { operation: 'issueArchive', calls: [{ issue }], bad: badVariable('id', 5.5) },
    delete_issue: { operation: 'issueDelete', calls: [{ issue }], bad: badVariable('id', null) },
    delete_comment: { operation: 'commentDelete', calls: [{ comment_id: id }], bad: badVariable('id', null) },
  },
});

test('Linear: a list goes on by the cursor of its pageInfo', async (t) => {
  const { vendor, base } = await start(t);
  const account = await connected(t, readManifest('linear'), { base, key: 'the-key' });
  assert.equal((await walk(account, 'list_comments', { issue, page_size: 2 })).length, 4);
  assert.deepEqual(vendor.refused, []);
  const [first, second] = vendor.requests.map((request) => JSON.parse(request.bytes.toString()).variables);
  assert.deepEqual(first, { id: issue, first: 2 });
  assert.deepEqual(second, { id: issue, first: 2, after: 'cursor-of-the-last' });
});

test('Linear: an answer of status 200 with errors is an error, in the words for people', async (t) => {
  const { vendor, base } = await start(t);
  const { examine } = vendor;
  vendor.examine = (request) => ({ ...examine.call(vendor, request), reply: () => ({ body: { data: null, errors: [{ message: 'Entity not found: Issue', extensions: { code: 'INPUT_ERROR', userPresentableMessage: 'Could not find referenced Issue.' } }] } }) });
  const account = await connected(t, readManifest('linear'), { base, key: 'the-key' });
  const refused = await account.call('get_issue', { issue: 'ENG-9999' });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /Could not find referenced Issue/);
});

test('Linear: a read that is over the rate, by the word in a 400, is repeated; a write is not', async (t) => {
  const { vendor, base } = await start(t);
  const { examine } = vendor;
  const limited = { status: 400, headers: { 'retry-after': '0' }, body: { errors: [{ message: 'Rate limit exceeded', extensions: { code: 'RATELIMITED' } }] } };
  let refusals = 1;
  vendor.examine = (request) => {
    const examined = examine.call(vendor, request);
    return { ...examined, reply: () => (refusals-- > 0 ? limited : examined.reply()) };
  };
  const account = await connected(t, readManifest('linear'), { base, key: 'the-key' });
  assert.equal((await account.call('get_me')).isError ?? false, false);
  assert.equal(vendor.requests.length, 2);
  refusals = 1;
  const refused = await account.call('create_comment', { issue, body: 'Once' });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /Rate limit exceeded/);
  assert.equal(vendor.requests.length, 3);
});
