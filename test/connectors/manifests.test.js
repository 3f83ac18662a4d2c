// What is promised of each manifest that ships: whole, and an example for those who write another.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { binary, Connek, run } from '../integration/support/connek.js';
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

test("a connection cannot lead a manifest's credential elsewhere by its settings", async (t) => {
  const connek = await Connek.create(t, { env: { VENDOR_KEY: 'k' } });
  const { $schema, ...copied } = readManifest('slack');
  await connek.writeFile('copy.json', { ...copied, id: 'slackx', tools: copied.tools.slice(0, 1) });
  const config = {
    organisation: 'acme',
    connectors: ['copy.json'],
    connections: [{ name: 'account', connector: 'slackx', settings: { base: 'https://elsewhere.example' }, credential: { key: { env: 'VENDOR_KEY' } } }],
  };
  const { code, stderr } = await connek.command('apply', await connek.writeFile('config.json', config));
  assert.notEqual(code, 0);
  assert.match(stderr, /base/);
});
