// What is promised of each manifest that ships: whole, and an example for those who write another.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { binary, Connek, run } from '../integration/support/connek.js';
import { legacy, send } from '../integration/support/mcp.js';
import { readJson, readManifest } from './support/drive.js';
import { unmatched } from './support/oracle.js';

const folder = resolve(import.meta.dirname, '../../connectors');
const ids = readdirSync(folder)
  .map((name) => name.replace(/\.json$/, ''))
  .filter((id) => !readManifest(id).kind);

const does = ['read', 'write', 'destroy'];

test('the seven are there', () => {
  assert.deepEqual(ids, ['github', 'linear', 'notion', 'slack', 'stripe', 'telegram', 'xero']);
});

for (const id of ids) {
  const manifest = readManifest(id);

  test(`${id}: connek connector check has nothing to say against it`, async () => {
    const { code, stdout, stderr } = await run(binary, ['connector', 'check', join(folder, `${id}.json`)]);
    const said = `${stdout}${stderr}`;
    assert.equal(code, 0, said);
    assert.deepEqual(said.split('\n').filter((line) => /error|warning:/.test(line)), []);
  });

  test(`${id}: it is what the JSON Schema of manifests describes`, () => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(ajv);
    const validate = ajv.compile(readJson('schema/manifest.schema.json'));
    assert.ok(validate(manifest), JSON.stringify(validate.errors, null, 1));
  });

  test(`${id}: it has at least eight tools, of each kind, and says where its facts are from`, () => {
    assert.ok(manifest.tools.length >= 8);
    for (const word of does) assert.ok(manifest.tools.some((tool) => tool.does === word), word);
    assert.ok(manifest.source.from);
    assert.match(manifest.source.date, /^\d{4}-\d{2}-\d{2}$/);
    for (const member of ['description', 'base', 'auth', 'limits', 'retry', 'errors']) assert.ok(manifest[member], member);
  });

  for (const tool of manifest.tools) {
    test(`${id}_${tool.name}: a model can tell what it is for and what each argument means`, () => {
      assert.match(tool.description, /^[A-Z].{15,}\.$/s);
      assert.ok(tool.title);
      assert.equal(tool.input.additionalProperties, false);
      for (const [name, property] of Object.entries(tool.input.properties)) {
        assert.ok(property.description?.length > 4, name);
        assert.ok(property.type, name);
      }
    });

    test(`${id}_${tool.name}: each name of its mask is in its example`, () => {
      assert.deepEqual(tool.keep ? unmatched(tool, tool.example) : [], []);
    });
  }
}

test('the public names are as people see them, none of them cut', () => {
  for (const id of ids) for (const tool of readManifest(id).tools) assert.ok(`${id}_${tool.name}`.length <= 48, tool.name);
});

test('the page on connectors counts their tools right', () => {
  const page = readFileSync(join(folder, '../docs/connectors.md'), 'utf8');
  for (const id of ids) {
    const counts = does.map((word) => readManifest(id).tools.filter((tool) => tool.does === word).length);
    assert.ok(page.includes(`| \`${id}\` | ${counts.join(', ')} |`), `${id}: ${counts.join(', ')}`);
  }
});

test('the binary brings each as it is here, and shows the request of a tool by the id alone', async () => {
  const { stdout } = await run(binary, ['connector', 'list', '--json']);
  const listed = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  assert.deepEqual(Object.fromEntries(listed.filter(({ kind }) => kind === 'http').map((row) => [row.id, row.tools])), Object.fromEntries(ids.map((id) => [id, readManifest(id).tools.length])));
  const { code, stdout: shown } = await run(binary, ['connector', 'try', 'github', 'get_me']);
  assert.equal(code, 0);
  assert.match(shown, /^GET https:\/\/api\.github\.com\/user$/m);
  assert.match(shown, /^Authorization: Bearer \*\*\*$/m);
});

test('a connection names a built-in one and no file, and has its tools; another organisation has not', async (t) => {
  const connek = await Connek.create(t, { env: { VENDOR_KEY: 'k' } });
  const config = (connections) => ({ organisation: 'acme', connections, roles: [{ name: 'all', rules: [{ connection: 'account', does: ['read', 'write', 'destroy'] }] }], users: [{ email: 'anna@acme.example', roles: ['all'] }] });
  const account = { name: 'account', connector: 'telegram', credential: { key: { env: 'VENDOR_KEY' } } };
  await connek.apply(config([account]));
  await connek.apply({ ...config([]), organisation: 'globex', roles: [], users: [{ email: 'bert@globex.example' }] });
  await connek.start('--allow-upstream', '127.0.0.1');
  const names = async (...who) => (await send((await connek.token(...who)).url, legacy('tools/list'))).body.result.tools.map(({ name }) => name).filter((name) => !name.startsWith('connek_'));
  assert.deepEqual((await names('anna@acme.example', '--organisation', 'acme')).sort(), readManifest('telegram').tools.map(({ name }) => `telegram_${name}`).sort());
  assert.deepEqual(await names('bert@globex.example', '--organisation', 'globex'), []);
});

// An exception of the operator's is for addresses: it must not become a way to send a built-in's credential there.
test("no configuration leads a built-in's credential elsewhere", async (t) => {
  const connek = await Connek.create(t, { env: { VENDOR_KEY: 'k' } });
  const refused = async (more, expected) => {
    const config = { organisation: 'acme', users: [], ...more };
    const { code, stderr } = await connek.command('apply', await connek.writeFile('config.json', config));
    assert.notEqual(code, 0);
    assert.match(stderr, expected);
  };
  for (const id of ids) {
    const { $schema, ...manifest } = readManifest(id);
    const settings = { ...(id === 'xero' && { tenant_id: 'b4a1c3d2-0000-4000-8000-0123456789ab' }), base: 'http://127.0.0.1:1' };
    await refused({ connections: [{ name: 'account', connector: id, settings, credential: { key: { env: 'VENDOR_KEY' } } }] }, /base is fixed/);
    await refused({ connectors: [{ ...manifest, base: 'http://127.0.0.1:1' }] }, /built-in connector/);
    await refused({ connectors: [manifest] }, /built-in connector/);
  }
});
