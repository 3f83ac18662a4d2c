// What has changed in a definition, as people read it: which part, what it said, what it says now.
import { useMemo } from 'react';

interface Change {
  sign: '+' | '-' | '~';
  place: string[];
  before?: unknown;
  after?: unknown;
  text?: string;
}

const parsed = (text: string): { value: unknown } | null => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
};

// ` -> ` may be in what is said itself: only one of them parts two values.
function halves(text: string): [unknown, unknown] | null {
  for (let at = text.indexOf(' -> '); at >= 0; at = text.indexOf(' -> ', at + 1)) {
    const before = parsed(text.slice(0, at));
    const after = before && parsed(text.slice(at + 4));
    if (before && after) return [before.value, after.value];
  }
  return null;
}

// "~ /description: "a" -> "b"" (src/org/catalogue_difference.c)
export function changeOf(line: string): Change {
  const sign = line[0] === '+' || line[0] === '-' ? line[0] : '~';
  const rest = line.slice(2);
  const colon = rest.startsWith('/') ? rest.indexOf(': ') : -1;
  const place = colon < 0 ? [] : rest.slice(1, colon).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const said = colon < 0 ? rest : rest.slice(colon + 2);
  if (sign === '~') {
    const both = halves(said);
    return both ? { sign, place, before: both[0], after: both[1] } : { sign, place, text: said };
  }
  const one = parsed(said);
  if (!one) return { sign, place, text: said };
  return sign === '+' ? { sign, place, after: one.value } : { sign, place, before: one.value };
}

const partWords: Record<string, string> = {
  description: 'Description', title: 'Title', inputSchema: 'Arguments', outputSchema: 'Result', annotations: 'What the server says it does', name: 'Name',
  required: 'needed', type: 'kind', enum: 'choices', default: 'default', readOnlyHint: 'only reads', destructiveHint: 'destroys', idempotentHint: 'may be repeated', openWorldHint: 'reaches outside',
};

// /inputSchema/properties/path/type: "Arguments › path › kind".
function placeWords(place: string[]): string {
  const words: string[] = [];
  place.forEach((part, i) => {
    if (part === 'properties') return;
    const isNamed = place[i - 1] === 'properties';
    words.push(isNamed ? part : /^\d+$/.test(part) ? String(Number(part) + 1) : partWords[part] ?? part);
  });
  return words.join(' › ') || 'Text';
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 1).replace(/\n\s*/g, ' '));

interface Piece {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

// Word by word, by the longest common subsequence; texts that are too long for that are shown whole, one after the other.
export function wordDifference(before: string, after: string): Piece[] {
  const a = before.match(/\s+|[^\s]+/g) ?? [];
  const b = after.match(/\s+|[^\s]+/g) ?? [];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const [x, y] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const pieces: Piece[] = [];
  const push = (kind: Piece['kind'], text: string) => {
    const last = pieces.at(-1);
    if (!text) return;
    if (last?.kind === kind) last.text += text;
    else pieces.push({ kind, text });
  };
  push('same', a.slice(0, head).join(''));
  if (x.length * y.length > 250_000) {
    push('gone', x.join(''));
    push('new', y.join(''));
  } else {
    const width = y.length + 1;
    const longest = new Uint32Array((x.length + 1) * width);
    for (let i = x.length - 1; i >= 0; i--)
      for (let j = y.length - 1; j >= 0; j--)
        longest[i * width + j] = x[i] === y[j] ? longest[(i + 1) * width + j + 1]! + 1 : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    let [i, j] = [0, 0];
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) {
        push('same', x[i]!);
        i++;
        j++;
      } else if (j >= y.length || (i < x.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)) push('gone', x[i++]!);
      else push('new', y[j++]!);
    }
  }
  push('same', a.slice(a.length - tail).join(''));
  return pieces;
}

function One({ change }: { change: Change }) {
  const { before, after, text } = change;
  const isBoth = before !== undefined && after !== undefined;
  return (
    <div className="difference-one">
      <div className="difference-place">
        <b>{placeWords(change.place)}</b>
        <span className="dim">{isBoth || text !== undefined ? 'changed' : before === undefined ? 'is new' : 'is gone'}</span>
      </div>
      {text !== undefined && <div className="wrap">{text}</div>}
      {isBoth && typeof before === 'string' && typeof after === 'string' ? (
        <div className="difference-text">
          {wordDifference(before, after).map((piece, i) => (piece.kind === 'same' ? <span key={i}>{piece.text}</span> : piece.kind === 'gone' ? <del key={i}>{piece.text}</del> : <ins key={i}>{piece.text}</ins>))}
        </div>
      ) : (
        <>
          {before !== undefined && <div className="difference-text"><del>{shown(before)}</del></div>}
          {after !== undefined && <div className="difference-text"><ins>{shown(after)}</ins></div>}
        </>
      )}
    </div>
  );
}

export function Difference({ lines }: { lines: string[] }) {
  const changes = useMemo(() => lines.map(changeOf), [lines]);
  return (
    <div className="difference" role="group" aria-label="What has changed">
      {changes.map((change, i) => <One key={i} change={change} />)}
    </div>
  );
}
