// What happens, as it happens: the organisation's server-sent events. One stream for the whole page.
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import type { Schemas } from './client';
import { sessionQuery, useHere } from './session';

export type LiveState = 'connecting' | 'live' | 'away';
type Listener = (record: Schemas['AuditRecord']) => void;

interface Live {
  state: LiveState;
  listen: (listener: Listener) => () => void;
}

const LiveContext = createContext<Live>({ state: 'connecting', listen: () => () => {} });
export const useLive = () => useContext(LiveContext);

// Calls as they come.
export function useLiveCalls(listener: Listener) {
  const { listen } = useLive();
  const kept = useRef(listener);
  kept.current = listener;
  useEffect(() => listen((record) => kept.current(record)), [listen]);
}

const parsed = (event: Event): Schemas['AuditRecord'] | null => {
  try {
    return JSON.parse((event as MessageEvent<string>).data);
  } catch {
    return null;
  }
};

export function LiveProvider({ children }: { children: ReactNode }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  const listeners = useRef(new Set<Listener>());
  const listen = useCallback((listener: Listener) => {
    listeners.current.add(listener);
    return () => void listeners.current.delete(listener);
  }, []);

  useEffect(() => {
    let source: EventSource | undefined;
    let timer: number | undefined;
    let stale: number | undefined;
    let waitMs = 1000;
    let isOver = false;
    // What is shown is read again, at most once a second however much changes.
    const readAgain = () => {
      stale ??= window.setTimeout(() => {
        stale = undefined;
        void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === organisation.id && queryKey[1] !== 'calls' });
      }, 1000);
    };
    const open = () => {
      source = new EventSource(`/api/v1/organisations/${organisation.id}/events`);
      source.onopen = () => {
        if (waitMs > 1000) readAgain();
        waitMs = 1000;
        setState('live');
      };
      source.addEventListener('call', (event) => {
        const record = parsed(event);
        if (record) listeners.current.forEach((listener) => listener(record));
        readAgain();
      });
      source.addEventListener('change', readAgain);
      source.addEventListener('connection', readAgain);
      source.addEventListener('organisation', readAgain);
      source.onerror = () => {
        setState('away');
        source?.close();
        if (isOver) return;
        // A session that has ended is noticed by asking who is signed in.
        void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
        timer = window.setTimeout(open, waitMs);
        waitMs = Math.min(waitMs * 2, 15_000);
      };
    };
    setState('connecting');
    open();
    return () => {
      isOver = true;
      source?.close();
      window.clearTimeout(timer);
      window.clearTimeout(stale);
    };
  }, [organisation.id, queries]);

  const live = useMemo(() => ({ state, listen }), [state, listen]);
  return <LiveContext value={live}>{children}</LiveContext>;
}
