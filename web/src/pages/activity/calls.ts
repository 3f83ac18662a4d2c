// The list of calls: pages of the trail, and what comes live on top of it.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { useLive, useLiveCalls } from '../../api/live';
import { useHere } from '../../api/session';
import type { ActivitySearch } from '../../router';

type Record_ = Schemas['AuditRecord'];

export const fits = (record: Record_, filter: ActivitySearch): boolean =>
  (!filter.user || record.user?.id === filter.user) &&
  (!filter.tool || record.tool === filter.tool) &&
  (!filter.connection || record.connection === filter.connection) &&
  (!filter.decision || record.decision === filter.decision) &&
  (!filter.outcome || record.outcome === filter.outcome) &&
  (filter.kind ? record.kind === filter.kind : true) &&
  !filter.to;

export function useCalls(filter: ActivitySearch, isPaused: boolean) {
  const { organisation, may } = useHere();
  const isAll = may('audit:read');
  const { state } = useLive();
  const calls = useInfiniteQuery({
    queryKey: [organisation.id, 'calls', filter, isAll],
    queryFn: ({ pageParam }) => {
      const query = { limit: 100, ...(pageParam && { cursor: pageParam }) };
      const path = { organisation: organisation.id };
      const { user: _user, kind: _kind, outcome: _outcome, connection: _connection, ...own } = filter;
      return isAll
        ? take(api.GET('/organisations/{organisation}/audit', { params: { path, query: { ...query, ...filter } as never } }))
        : take(api.GET('/organisations/{organisation}/me/calls', { params: { path, query: { ...query, ...own } as never } }));
    },
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });

  const [fresh, setFresh] = useState<Record_[]>([]);
  const [waiting, setWaiting] = useState<Record_[]>([]);
  useLiveCalls((record) => {
    if (!fits(record, filter)) return;
    (isPaused ? setWaiting : setFresh)((now) => (now.some(({ id }) => id === record.id) ? now : [record, ...now]));
  });
  useEffect(() => {
    if (isPaused || !waiting.length) return;
    setFresh((now) => [...waiting, ...now]);
    setWaiting([]);
  }, [isPaused, waiting]);

  // What was missed while the stream was away is in the trail.
  const { refetch } = calls;
  const [wasAway, setWasAway] = useState(false);
  useEffect(() => {
    if (state === 'away') setWasAway(true);
    if (state !== 'live' || !wasAway) return;
    setWasAway(false);
    void refetch();
  }, [state, wasAway, refetch]);

  const items = useMemo(() => {
    const keyOf = ({ writer, seq }: Record_) => `${writer} ${seq}`;
    const known = calls.data?.pages.flatMap((page) => page.items) ?? [];
    if (!fresh.length) return known;
    const seen = new Set<string>();
    return [...fresh, ...known].filter((record) => !seen.has(keyOf(record)) && seen.add(keyOf(record)));
  }, [fresh, calls.data]);
  return { calls, items, nWaiting: waiting.length };
}
