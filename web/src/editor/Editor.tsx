// An editor of JSON, loaded where one is opened.
import { Skeleton } from '@mantine/core';
import { lazy, Suspense, type CSSProperties } from 'react';

export interface Mark {
  pointer: string;
  text: string;
}

export interface EditorProps {
  value: string;
  label: string;
  // Without it the text is only shown.
  onChange?: (value: string) => void;
  // What is wrong, by JSON pointers into the text.
  marks?: Mark[];
}

const JsonEditor = lazy(() => import('./JsonEditor'));

export function Editor({ min = 120, max = 420, ...props }: EditorProps & { min?: number; max?: number }) {
  return (
    <div style={{ '--editor-min': `${min}px`, '--editor-max': `${max}px` } as CSSProperties}>
      <Suspense fallback={<Skeleton height={min} />}><JsonEditor {...props} /></Suspense>
    </div>
  );
}
