import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vendor } from './support/vendor.js';
import { connected, everyTool, readManifest, readPackage, textOf, walk, withBody, withHeader, withJson, withPath, withQuery, withoutQuery } from './support/drive.js';

const description = readPackage('@octokit/openapi/generated/api.github.com.json');
const auth = { authorization: 'Bearer the-key', 'user-agent': /./, accept: /^application\/vnd\.github[.+]/, 'x-github-api-version': /^\d{4}-\d{2}-\d{2}$/ };
const file = '{"not": "parsed",\r\n "a": 1}\n';

async function start(t, answers = {}) {
  const vendor = new Vendor(description, {
    auth,
    answers: { 'GET /repos/{owner}/{repo}/contents/{path}': () => ({ headers: { 'content-type': 'application/vnd.github.raw+json; charset=utf-8' }, body: file }), ...answers },
  });
  await vendor.start(t);
  return { vendor, base: vendor.origin };
}

const repo = { owner: 'octocat', repo: 'hello-world' };
const issue = { ...repo, number: 42 };
const badPage = withQuery('per_page', 'many');
const badNumber = withPath('/42', '/forty-two');

everyTool('github', {
  start,
  spoilings: { unknown: withQuery('perPage', '5'), unauthorized: withHeader('authorization') },
  cases: {
    get_me: { bad: withBody('{}') },
    list_repos: { calls: [{ visibility: 'private', affiliation: ['owner', 'organization_member'], sort: 'pushed', direction: 'asc' }, {}], bad: withQuery('visibility', 'secret') },
    search_repos: { calls: [{ query: 'parser language:c & "x"', sort: 'stars', order: 'asc' }, { query: 'a#b?c' }], bad: withoutQuery('q') },
    list_issues: { calls: [{ ...repo, state: 'all', labels: ['bug', 'ui'], assignee: '*', creator: 'octocat', milestone: 'none', since: '2026-11-20T00:00:00Z', sort: 'updated', direction: 'asc' }, repo], bad: withQuery('state', 'half-open') },
    get_issue: { calls: [issue], bad: badNumber },
    list_issue_comments: { calls: [{ ...issue, since: '2026-11-20T00:00:00Z' }], bad: withQuery('since', 'yesterday') },
    search_issues: { calls: [{ query: 'crash is:issue', sort: 'created', order: 'asc' }], bad: withQuery('sort', 'weight') },
    search_code: { calls: [{ query: 'parse repo:octocat/hello-world' }], bad: withoutQuery('q') },
    list_files: { calls: [{ ...repo, ref: 'feature/x', recursive: true }, { ...repo, ref: 'main' }], operation: 'GET /repos/{owner}/{repo}/git/trees/{tree_sha}', bad: withPath('/trees/', '/trees/x/') },
    get_file: { calls: [{ ...repo, path: 'src/a b.json', ref: 'main' }], bad: withPath('%2F', '/'), check: (result) => assert.equal(textOf(result), file) },
    list_commits: { calls: [{ ...repo, ref: 'main', path: 'src/x.c', author: 'octocat', since: '2026-01-01T00:00:00Z', until: '2026-02-01T00:00:00Z' }], bad: withQuery('until', '2026-02-31T') },
    list_pulls: { calls: [{ ...repo, state: 'closed', head: 'octocat:x', base: 'main', sort: 'popularity', direction: 'desc' }], bad: withQuery('sort', 'weight') },
    get_pull: { calls: [issue], bad: badNumber },
    list_pull_files: { calls: [issue], bad: badPage },
    list_workflow_runs: { calls: [{ ...repo, branch: 'main', event: 'push', status: 'failure', actor: 'octocat' }], bad: withQuery('status', 'broken') },
    create_issue: { calls: [{ ...repo, title: 'A title', body: 'Text', labels: ['bug'], assignees: ['octocat'], milestone: 3 }, { ...repo, title: 'A title alone' }], bad: withJson((body) => delete body.title) },
    update_issue: { calls: [{ ...issue, title: 'T', body: 'B', state: 'open', labels: [], assignees: ['octocat'], milestone: 3 }], bad: withJson((body) => (body.state = 'ajar')) },
    add_labels: { calls: [{ ...issue, labels: ['bug', 'ui'] }], bad: withJson((body) => (body.labels = 7)) },
    add_comment: { calls: [{ ...issue, body: 'Said "so".\n' }], bad: withJson((body) => delete body.body) },
    create_pull: { calls: [{ ...repo, title: 'T', head: 'octocat:x', base: 'main', body: 'B', draft: true }], bad: withJson((body) => (body.draft = 'yes')) },
    merge_pull: { calls: [{ ...issue, method: 'squash', title: 'T', message: 'M', sha: 'abc' }, issue], bad: withBody('{"merge_method":"octopus"}') },
    close_issue: {
      calls: [{ ...issue, reason: 'not_planned' }, issue],
      bad: withJson((body) => (body.state_reason = 'bored')),
      operation: 'PATCH /repos/{owner}/{repo}/issues/{issue_number}',
    },
    delete_comment: { calls: [{ ...repo, comment_id: 5_000_000_000 }], bad: withPath('5000000000', 'last') },
  },
});

test('GitHub: a list is followed by the Link header to its end', async (t) => {
  const total = 250;
  const { vendor, base } = await start(t, {
    'GET /repos/{owner}/{repo}/issues': ({ query }, described) => {
      const [page, size] = [Number(query.page ?? 1), Number(query.per_page ?? 30)];
      const [template] = described();
      const numbers = Array.from({ length: total }, (_, i) => i + 1).slice((page - 1) * size, page * size);
      const next = `<${vendor.origin}/repos/octocat/hello-world/issues?state=all&per_page=${size}&page=${page + 1}>; rel="next"`;
      const headers = page * size < total ? { link: `<${vendor.origin}/x?page=1>; rel="first", ${next}` } : {};
      return { headers, body: numbers.map((number) => ({ ...template, number })) };
    },
  });
  const account = await connected(t, readManifest('github'), { base, key: 'the-key' });
  const items = await walk(account, 'list_issues', { ...repo, state: 'all', page_size: 40 });
  assert.deepEqual(items.map((item) => item.number), Array.from({ length: total }, (_, i) => i + 1));
  assert.deepEqual(vendor.refused, []);
  assert.equal(vendor.requests.length, 7);
});

test("GitHub: a refusal is the service's own words", async (t) => {
  const { base } = await start(t, {
    'POST /repos/{owner}/{repo}/issues': () => ({ status: 422, body: { message: 'Validation Failed', errors: [{ resource: 'Issue', field: 'title', code: 'custom', message: 'title is too long' }] } }),
    'GET /repos/{owner}/{repo}/issues/{issue_number}': () => ({ status: 404, body: { message: 'Not Found', documentation_url: 'https://docs.github.com' } }),
  });
  const account = await connected(t, readManifest('github'), { base, key: 'the-key' });
  const refused = await account.call('create_issue', { ...repo, title: 'x' });
  assert.equal(refused.isError, true);
  assert.match(textOf(refused), /title is too long/);
  const missing = await account.call('get_issue', issue);
  assert.equal(missing.isError, true);
  assert.match(textOf(missing), /Not Found/);
});

test('GitHub: a 403 is repeated where it names a wait, and not where it is about rights', async (t) => {
  let refusals = 1;
  const limited = { status: 403, headers: { 'retry-after': '0' }, body: { message: 'You have exceeded a secondary rate limit' } };
  const { vendor, base } = await start(t, {
    'GET /user': (_, described) => (refusals-- > 0 ? limited : { body: described() }),
    'GET /repos/{owner}/{repo}/pulls': () => ({ status: 403, body: { message: 'Resource not accessible by personal access token' } }),
  });
  const account = await connected(t, readManifest('github'), { base, key: 'the-key' });
  assert.equal((await account.call('get_me')).isError ?? false, false);
  assert.equal(vendor.requests.length, 2);
  const refused = await account.call('list_pulls', repo);
  assert.match(textOf(refused), /not accessible/);
  assert.equal(vendor.requests.length, 3);
});
