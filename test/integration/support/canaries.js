// Secrets that are planted, or handed out, and then looked for in whatever can be read. It must know nothing of where
// they are planted.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const width = 16; // what is looked for: pieces so long that none comes about by chance
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const random = (n) => [...randomBytes(n)].map((byte) => letters[byte % letters.length]).join('');

// Bytes as base64 where they stand at any offset, without what their neighbours decide.
function* base64Of(bytes) {
  for (let offset = 0; offset < 3; offset++) {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').replace(/=+$/, '');
    const from = Math.ceil((offset * 8) / 6);
    const inner = text.slice(from, Math.floor(((offset + bytes.length) * 8) / 6));
    yield inner;
    yield inner.replaceAll('+', '-').replaceAll('/', '_');
  }
}

// Every way in which bytes are written somewhere.
function* formsOf(secret) {
  const bytes = [Buffer.from(secret)];
  if (/^[0-9a-f]{64}$/.test(secret)) bytes.push(Buffer.from(secret, 'hex'));
  for (const some of bytes) {
    const hex = some.toString('hex');
    yield some.toString('latin1');
    yield [...some].reverse().map((byte) => String.fromCharCode(byte)).join('');
    yield hex;
    yield hex.toUpperCase();
    yield hex.replace(/../g, '%$&');
    yield hex.toUpperCase().replace(/../g, '%$&');
    yield hex.replace(/../g, '\\u00$&');
    yield* base64Of(some);
    yield some.toString('utf16le').length > 0 ? [...some].map((byte) => `${String.fromCharCode(byte)}\0`).join('') : '';
  }
  yield encodeURIComponent(secret);
  yield JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/');
}

const hashAt = (bytes, i) => (Math.imul(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24), 0x9e3779b1) ^ Math.imul(bytes[i + 4] | (bytes[i + 5] << 8), 0x85ebca6b)) >>> 10;

export class Canaries {
  secrets = new Map(); // secret -> its name
  #pieces = new Map(); // a piece -> the name of whose it is
  #starts = new Uint8Array(1 << 22); // by a hash of a piece's first characters: most of any text is passed over at once
  found = new Map(); // place -> how many controls were found there
  leaks = new Map(); // what is where it must not be -> the last place

  // A new one, with that many random characters behind `before`.
  make(name, before = '', n = 28) {
    return this.add(name, before + random(n), before.length);
  }

  // One that somebody else has made; its first characters may be everybody's.
  add(name, secret, n_common = 0) {
    assert.ok(typeof secret === 'string' && secret.length >= width, `${name} is no canary: ${secret}`);
    if (this.secrets.has(secret)) return secret;
    this.secrets.set(secret, name);
    this.#learn(name, secret, n_common);
    return secret;
  }

  // What has to be found wherever `search` is called with its place: what it does not find says nothing otherwise.
  control(name) {
    const secret = random(28);
    this.#learn({ control: name }, secret, 0);
    return secret;
  }

  #learn(name, secret, n_common) {
    for (const form of formsOf(secret)) {
      const from = form.startsWith(secret.slice(0, n_common)) ? n_common : 0;
      for (let at = from; at + width <= form.length; at += 4) this.#put(form.slice(at, at + width), name);
      if (form.length - from >= width) this.#put(form.slice(-width), name);
    }
  }

  #put(piece, name) {
    if (new Set(piece).size < 4) return;
    this.#pieces.set(piece, name);
    this.#starts[hashAt(Buffer.from(piece, 'latin1'), 0)] = 1;
  }

  // [{ name, at }] of what is in the bytes; `but`: names that may be in it.
  find(bytes, but = () => false) {
    const found = [];
    const end = bytes.length - width;
    for (let i = 0; i <= end; i++) {
      if (!this.#starts[hashAt(bytes, i)]) continue;
      const name = this.#pieces.get(bytes.toString('latin1', i, i + width));
      if (name !== undefined && (name.control || !but(name))) found.push({ name, at: i });
    }
    return found;
  }

  // What is in it counts as leaked. `place` is a kind of place, `where` says more.
  search(place, where, content, but) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    if (!this.found.has(place)) this.found.set(place, 0);
    for (const { name, at } of this.find(bytes, but)) {
      if (name.control) {
        this.found.set(place, this.found.get(place) + 1);
        continue;
      }
      const around = bytes.toString('latin1', Math.max(0, at - 120), at + 60).replace(/[^ -~]/g, '.');
      this.leaks.set(`${name} is in ${place}`, `${where}: ...${around}...`);
    }
  }

  // Every file below a folder.
  async searchFolder(place, folder, { but, skip = () => false } = {}) {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      if (!entry.isFile() || skip(path)) continue;
      this.search(place(path), path, await readFile(path).catch(() => Buffer.alloc(0)), but);
    }
  }

  assertTight() {
    assert.deepEqual([...this.leaks], []);
  }

  // The control was found wherever anything was looked for.
  assertSeeing(places) {
    for (const place of places) assert.ok((this.found.get(place) ?? 0) > 0, `the control was not found in ${place}: the search is blind there`);
  }
}
