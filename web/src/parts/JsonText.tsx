// JSON for reading: indented, and each name, text and number in its colour.
import { useMemo, type ReactNode } from 'react';

const token = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
// Beyond, the colours would cost more than they help.
const colouredMax = 100_000;

export const indented = (value: unknown): string => JSON.stringify(value, null, 2);

function coloured(text: string): ReactNode[] {
  const pieces: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(token)) {
    const [whole, quoted, colon] = match;
    const word = quoted ?? whole;
    pieces.push(text.slice(at, match.index));
    pieces.push(<span key={match.index} className={quoted === undefined ? 'json-value' : colon === undefined ? 'json-text' : 'json-name'}>{word}</span>);
    at = match.index + word.length;
  }
  pieces.push(text.slice(at));
  return pieces;
}

export function JsonText({ text }: { text: string }) {
  const pieces = useMemo(() => (text.length > colouredMax ? text : coloured(text)), [text]);
  return <>{pieces}</>;
}
