// Makes one file of what Vite has built, for scripts/embed_dashboard.py:
//
//   [{ path, type, is_immutable, is_template, etag, size, body }]    body: base64 of gzip; of a template, of the text
//
//   node pack.mjs DIST OUT
//
// Fails where the first page needs more script than its budget.
import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const firstPageMax = 250 * 1024;
const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};
const [dist, out] = process.argv.slice(2);

async function filesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => !name.startsWith('.vite'))
    .sort();
}

async function pack(name) {
  const content = await readFile(join(dist, name));
  const type = types[extname(name)];
  if (!type) throw new Error(`pack.mjs: no media type for ${name}`);
  const isTemplate = name === 'index.html';
  const body = isTemplate ? content : gzipSync(content, { level: 9 });
  return {
    path: `/${name}`,
    type,
    is_immutable: name.startsWith('assets/'),
    is_template: isTemplate,
    etag: createHash('sha256').update(content).digest('hex').slice(0, 32),
    size: content.length,
    body: body.toString('base64'),
  };
}

// What the browser loads before Home can be drawn: the entry, Home, and what these import.
function firstPage(manifest) {
  const wanted = Object.entries(manifest).filter(([, chunk]) => chunk.isEntry).map(([key]) => key);
  const home = 'src/pages/home/Home.tsx';
  if (!manifest[home]) throw new Error(`pack.mjs: ${home} is no chunk of its own`);
  wanted.push(home);
  const seen = new Set();
  while (wanted.length) {
    const key = wanted.pop();
    if (seen.has(key)) continue;
    seen.add(key);
    wanted.push(...(manifest[key].imports ?? []));
  }
  return new Set([...seen].map((key) => `/${manifest[key].file}`));
}

const files = await Promise.all((await filesIn(dist)).map(pack));
const manifest = JSON.parse(await readFile(join(dist, '.vite/manifest.json'), 'utf8'));
const needed = firstPage(manifest);
const sizeOf = (file) => Buffer.from(file.body, 'base64').length;
const scripts = files.filter((file) => file.path.endsWith('.js'));
const first = scripts.filter((file) => needed.has(file.path)).reduce((sum, file) => sum + sizeOf(file), 0);
const kib = (n) => `${(n / 1024).toFixed(0)} KiB`;
console.log(`first page: ${kib(first)} of script, gzip (at most ${kib(firstPageMax)}); all files: ${kib(files.reduce((sum, file) => sum + sizeOf(file), 0))}`);
if (process.env.CONNEK_WEB_SIZES)
  for (const file of scripts.sort((a, b) => sizeOf(b) - sizeOf(a))) console.log(`  ${needed.has(file.path) ? '*' : ' '} ${file.path} ${kib(sizeOf(file))}`);
if (first > firstPageMax) {
  console.error('pack.mjs: the first page is over its budget');
  process.exit(1);
}
await writeFile(out, JSON.stringify(files));
