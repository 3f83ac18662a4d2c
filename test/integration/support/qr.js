// Reads a QR code (ISO/IEC 18004) of error correction level M and bytes, as it stands in a page: an SVG of one path. It
// repairs nothing: each block's check words have to fit.
import assert from 'node:assert/strict';

const checkWords = [, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28]; // of a block, by version
const blocksOf = [, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21];
const masks = [
  (y, x) => (y + x) % 2 === 0, (y) => y % 2 === 0, (y, x) => x % 3 === 0, (y, x) => (y + x) % 3 === 0,
  (y, x) => ((y >> 1) + Math.floor(x / 3)) % 2 === 0, (y, x) => ((y * x) % 2) + ((y * x) % 3) === 0,
  (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2 === 0, (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2 === 0,
];

// Rows of booleans, without the white around it, which is looked at as well.
export function modulesOf(svg) {
  const size = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)[1]);
  const rows = Array.from({ length: size }, () => Array(size).fill(false));
  const path = /<path d="([^"]*)"/.exec(svg)[1];
  const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)];
  assert.equal(runs.map(([run]) => run).join(''), path);
  for (const [, x, y, n] of runs) rows[y].fill(true, Number(x), Number(x) + Number(n));
  const isQuiet = (i) => i < 4 || i >= size - 4;
  rows.forEach((row, y) => row.forEach((is, x) => assert.ok(!is || !(isQuiet(x) || isQuiet(y)), 'four modules of white are around it')));
  return rows.slice(4, -4).map((row) => row.slice(4, -4));
}

function alignments(version, size) {
  if (version === 1) return [];
  const n = Math.floor(version / 7) + 2, step = Math.ceil((version * 4 + 4) / (n * 2 - 2)) * 2;
  const places = [6, ...Array.from({ length: n - 1 }, (_, i) => size - 7 - i * step)];
  const corners = new Set([`6 6`, `6 ${size - 7}`, `${size - 7} 6`]);
  return places.flatMap((y) => places.map((x) => [y, x])).filter(([y, x]) => !corners.has(`${y} ${x}`));
}

function codewords(rows, version, mask) {
  const size = rows.length, around = alignments(version, size);
  const isOther = (y, x) =>
    (y < 9 && (x < 9 || x >= size - 8)) || (y >= size - 8 && x < 9) || y === 6 || x === 6 ||
    (version >= 7 && ((y < 6 && x >= size - 11) || (x < 6 && y >= size - 11))) ||
    around.some(([cy, cx]) => Math.abs(cy - y) <= 2 && Math.abs(cx - x) <= 2);
  const bits = [];
  for (let right = size - 1, isUp = true; right >= 1; right -= 2, isUp = !isUp) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++)
      for (const x of [right, right - 1]) {
        const y = isUp ? size - 1 - i : i;
        if (!isOther(y, x)) bits.push(rows[y][x] !== masks[mask](y, x) ? 1 : 0);
      }
  }
  return Array.from({ length: bits.length >> 3 }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(''), 2));
}

const logs = [], powers = [];
for (let i = 0, value = 1; i < 255; i++, value = (value << 1) ^ (value & 0x80 ? 0x11d : 0)) (powers[i] = value), (logs[value] = i);
const times = (a, b) => (a && b ? powers[(logs[a] + logs[b]) % 255] : 0);

// The data of blocks that were written by turns; all of them must be without an error (Reed and Solomon's syndromes are 0).
function dataOf(words, version) {
  const n = blocksOf[version], n_check = checkWords[version], short = Math.floor(words.length / n), n_short = n - (words.length % n);
  const blocks = Array.from({ length: n }, () => []);
  const given = [...words];
  for (let i = 0; i <= short - n_check; i++) blocks.forEach((block, k) => (i < short - n_check || k >= n_short) && block.push(given.shift()));
  const data = blocks.flatMap((block) => [...block]);
  for (let i = 0; i < n_check; i++) for (const block of blocks) block.push(given.shift());
  assert.equal(given.length, 0);
  for (const block of blocks)
    for (let i = 0; i < n_check; i++) assert.equal(block.reduce((sum, word) => times(sum, powers[i]) ^ word, 0), 0, 'a block has an error');
  return data;
}

export function readQr(svg) {
  const rows = modulesOf(svg), size = rows.length, version = (size - 17) / 4;
  const ring = [0, 1, 2, 3, 4, 5, 7, 8].map((x) => rows[8][x]).concat([7, 5, 4, 3, 2, 1, 0].map((y) => rows[y][8]));
  const format = parseInt(ring.map(Number).join(''), 2) ^ 0x5412;
  assert.equal(format >> 13, 0, 'level M');
  const bits = dataOf(codewords(rows, version, (format >> 10) & 7), version).map((word) => word.toString(2).padStart(8, '0')).join('');
  let at = 0;
  const take = (n) => parseInt(bits.slice(at, (at += n)), 2);
  const bytes = [];
  for (let mode = take(4); mode; mode = take(4)) {
    assert.equal(mode, 4, 'bytes');
    for (let n = take(version < 10 ? 8 : 16); n > 0; n--) bytes.push(take(8));
  }
  return Buffer.from(bytes).toString();
}
