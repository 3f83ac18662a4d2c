// What is being edited while others may change it too: as long as something is typed, it stays what it was when typing
// began. Saving is then refused by its ETag, and nothing typed is lost.
import { Button, Group } from '@mantine/core';
import { useState, type ReactNode } from 'react';

export function Edited<T extends { etag: string }>({ of, children }: { of: T; children: (base: T, setTyped: (is: boolean) => void) => ReactNode }) {
  const [kept, setKept] = useState<T | null>(null);
  const [n, setN] = useState(0);
  const base = kept ?? of;
  const isStale = kept !== null && kept.etag !== of.etag;
  const setTyped = (is: boolean) => {
    if (is) setKept((before) => before ?? of);
    else setKept(null);
  };
  return (
    <>
      {isStale && (
        <div className="hint" role="status" style={{ marginBottom: 12 }}>
          <Group justify="space-between" gap={8}>
            <span>Somebody else has changed this meanwhile. What you typed is still here.</span>
            <Button size="compact-sm" variant="default" onClick={() => { setKept(null); setN(n + 1); }}>Show theirs instead</Button>
          </Group>
        </div>
      )}
      <div key={`${base.etag} ${n}`}>{children(base, setTyped)}</div>
    </>
  );
}
