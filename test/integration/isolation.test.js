// Who may do what, tried in full: three organisations with the same names in them, every role with every tool of every connection.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Connek } from './support/connek.js';
import { callTool, legacy, modern, send } from './support/mcp.js';

const organisations = ['acme', 'globex', 'initech'];
const tools = { list_tables: 'read', describe_table: 'read', query: 'read', execute: 'destroy' };
const argumentsOf = {
  list_tables: {},
  describe_table: { table: 'secret' },
  query: { sql: 'SELECT word FROM secret' },
  execute: { sql: "INSERT INTO secret (word) VALUES ('more')" },
};

// Each role: its rules, and what they should come to, said a second time in plain code.
const roles = {
  nobody: { rules: [], may: () => false },
  reader: { rules: [{ connection: 'books', does: ['read'] }], may: (c, tool) => c === 'books' && tools[tool] === 'read' },
  querier: { rules: [{ connection: 'books', tools: ['query'] }], may: (c, tool) => c === 'books' && tool === 'query' },
  'all-books': { rules: [{ connection: 'books', tools: ['*'] }], may: (c) => c === 'books' },
  'all-sqlite': { rules: [{ connector: 'sqlite', tools: ['*'] }], may: () => true },
  labelled: { rules: [{ label: 'client=umbrella', does: ['read'] }], may: (c, tool) => c === 'archive' && tools[tool] === 'read' },
  destroyer: { rules: [{ connection: 'books', does: ['destroy'] }], may: (c, tool) => c === 'books' && tools[tool] === 'destroy' },
  'both-limits': { rules: [{ connector: 'sqlite', does: ['read'], tools: ['query', 'execute'] }], may: (c, tool) => tool === 'query' },
  'not-archive': {
    rules: [
      { connector: 'sqlite', tools: ['*'] },
      { connection: 'archive', tools: ['*'], effect: 'deny' },
    ],
    may: (c) => c === 'books',
  },
  asker: {
    rules: [
      { connector: 'sqlite', tools: ['*'] },
      { connector: 'sqlite', does: ['destroy'], effect: 'ask' },
    ],
    may: (c, tool) => tools[tool] === 'read',
  },
};

let connek, closers;
const tokens = {}; // [organisation][role]

before(async () => {
  closers = [];
  connek = await Connek.create({ after: (close) => closers.push(close) });
  for (const organisation of organisations) {
    for (const connection of ['books', 'archive'])
      await connek.makeDatabase(
        `${organisation}-${connection}.db`,
        `CREATE TABLE secret (word TEXT); INSERT INTO secret VALUES ('${organisation}-${connection}-canary');`,
      );
    await connek.apply({
      organisation,
      limits: { per_minute: 1_000_000 },
      connections: [
        { name: 'books', connector: 'sqlite', settings: { file: `${organisation}-books.db` } },
        { name: 'archive', connector: 'sqlite', labels: { client: 'umbrella' }, settings: { file: `${organisation}-archive.db` } },
      ],
      roles: Object.entries(roles).map(([name, { rules }]) => ({ name, rules })),
      // The same people in every organisation: a login may be a user in several.
      users: Object.keys(roles).map((role) => ({ email: `${role}@example.com`, roles: [role] })),
    });
  }
  await connek.start();
  for (const organisation of organisations) {
    tokens[organisation] = {};
    for (const role of Object.keys(roles))
      tokens[organisation][role] = (await connek.token(`${role}@example.com`, '--organisation', organisation)).url;
  }
});

after(async () => {
  for (const close of closers) await close();
});

const accountsOf = (may, tool) => ['archive', 'books'].filter((connection) => may(connection, tool));
const usable = (may) => ['archive', 'books'].filter((c) => Object.keys(tools).some((tool) => may(c, tool)));

for (const [role, { may }] of Object.entries(roles)) {
  test(`${role}: sees exactly the tools and accounts that its rules allow`, async () => {
    for (const organisation of organisations) {
      for (const era of [legacy, modern]) {
        const { body } = await send(tokens[organisation][role], era('tools/list'));
        const seen = Object.fromEntries(
          body.result.tools
            .filter(({ name }) => name.startsWith('sqlite_'))
            .map(({ name, inputSchema }) => [name.slice(7), inputSchema]),
        );
        const expected = Object.keys(tools).filter((tool) => accountsOf(may, tool).length > 0);
        assert.deepEqual(Object.keys(seen).toSorted(), expected.toSorted());
        for (const tool of expected) {
          const { account } = seen[tool].properties ?? {};
          if (usable(may).length > 1) {
            assert.deepEqual(account.enum, accountsOf(may, tool), tool);
            assert.ok(seen[tool].required.includes('account'));
          } else {
            assert.equal(account, undefined, tool);
          }
        }
      }
    }
  });

  test(`${role}: can call exactly those, and reads only its own organisation`, async () => {
    const several = usable(may).length > 1;
    for (const organisation of organisations) {
      for (const connection of ['books', 'archive']) {
        for (const tool of Object.keys(tools)) {
          // Without an account argument the call goes to the one connection there is.
          if (!several && connection !== (usable(may)[0] ?? 'books')) continue;
          const args = { ...argumentsOf[tool], ...(several && { account: connection }) };
          const { status, text, body } = await callTool(tokens[organisation][role], `sqlite_${tool}`, args);
          const where = `${organisation} ${connection} ${tool}: ${text}`;
          assert.equal(status, 200, where);
          assert.equal(body.result.isError, !may(connection, tool), where);
          for (const other of organisations.filter((name) => name !== organisation)) assert.ok(!text.includes(other), where);
          if (tool === 'query') assert.equal(text.includes(`${organisation}-${connection}-canary`), may(connection, tool), where);
        }
      }
    }
  });
}

test('what a denied call would have changed has not changed', async () => {
  const count = async (connection) => {
    const { body } = await callTool(tokens.acme['all-sqlite'], 'sqlite_query', {
      account: connection,
      sql: "SELECT count(*) AS n FROM secret WHERE word = 'more'",
    });
    return body.result.structuredContent.rows[0].n ?? body.result.structuredContent.rows[0][0];
  };
  // Only those roles whose rules allow execute have inserted a row each.
  const allowed = (connection) => Object.values(roles).filter(({ may }) => may(connection, 'execute')).length;
  assert.equal(await count('books'), allowed('books'));
  assert.equal(await count('archive'), allowed('archive'));
});

test('an account outside the allowed ones is refused without telling of any other', async () => {
  const { body } = await callTool(tokens.acme['all-sqlite'], 'sqlite_query', { sql: 'SELECT 1', account: 'globex-books' });
  assert.equal(body.result.isError, true);
  assert.match(body.result.content[0].text, /account/);
  const missing = await callTool(tokens.acme['all-sqlite'], 'sqlite_query', { sql: 'SELECT 1' });
  assert.equal(missing.body.result.isError, true);
  const cased = await callTool(tokens.acme['all-sqlite'], 'sqlite_query', { sql: 'SELECT 1', account: 'Books' });
  assert.equal(cased.body.result.isError, true);
});

test('names are compared byte for byte', async () => {
  for (const name of ['SQLITE_QUERY', 'sqlite_Query', 'sqlite_query ', 'sqlite-query', 'sqlite_quer\u0443', 'query']) {
    const { body } = await callTool(tokens.acme['all-sqlite'], name, { account: 'books', sql: 'SELECT 1' }, legacy);
    assert.ok(body.error || body.result.isError, name);
  }
});

test('each organisation\'s log has its own calls alone, allowed and denied', async () => {
  for (const organisation of organisations) {
    const lines = (await connek.ok('audit', 'list', '--organisation', organisation, '--json')).split('\n').filter(Boolean);
    const calls = lines.map((line) => JSON.parse(line)).filter((record) => record.kind === 'call');
    assert.ok(calls.some(({ decision }) => decision === 'allowed') && calls.some(({ decision }) => decision === 'denied'));
    const text = lines.join('\n');
    for (const other of organisations.filter((name) => name !== organisation)) assert.ok(!text.includes(`${other}-`));
  }
  const { code, stdout, stderr } = await connek.verify();
  assert.equal(code, 0, stdout + stderr);
});

test('the tools about the caller tell what the caller may know, and need no rule', async () => {
  const { body } = await callTool(tokens.globex.nobody, 'connek_whoami');
  assert.match(JSON.stringify(body.result), /nobody@example\.com/);
  assert.match(JSON.stringify(body.result), /globex/);
  const none = await callTool(tokens.globex.nobody, 'connek_list_connections');
  assert.ok(!JSON.stringify(none.body.result).includes('archive'));
  const some = await callTool(tokens.globex.reader, 'connek_list_connections');
  assert.ok(JSON.stringify(some.body.result).includes('books'));
  assert.ok(!JSON.stringify(some.body.result).includes('archive'));
  const search = await callTool(tokens.globex.reader, 'connek_search_tools', { query: 'run a query' });
  assert.match(JSON.stringify(search.body.result), /sqlite_query/);
  assert.ok(!JSON.stringify(search.body.result).includes('sqlite_execute'));
});
