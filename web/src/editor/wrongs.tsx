// What the API finds wrong with a text of JSON: each place of it, in words.
import { Text } from '@mantine/core';
import { useMemo } from 'react';
import type { Problem } from '../api/client';
import type { Mark } from './Editor';

// Of a text that was sent as the member `under` of a request.
export const useMarks = (problem: Problem | null, under: string): Mark[] =>
  useMemo(
    () => (problem?.places ?? []).filter(({ pointer }) => pointer === under || pointer.startsWith(`${under}/`)).map(({ pointer, text }) => ({ pointer: pointer.slice(under.length), text })),
    [problem, under],
  );

const placeWords = (pointer: string): string =>
  pointer.split('/').slice(1).map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : part.replaceAll('~1', '/').replaceAll('~0', '~'))).join(' › ');

export function Wrongs({ marks }: { marks: Mark[] }) {
  if (!marks.length) return null;
  return (
    <div className="problem" role="alert">
      {marks.map(({ pointer, text }) => <Text key={pointer + text} size="sm" className="wrap">{pointer && <b>{placeWords(pointer)}: </b>}{text}</Text>)}
    </div>
  );
}
