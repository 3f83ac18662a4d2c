// Activity: every call, as it happens; filters are in the address; a row opens the whole story.
import { Button, Menu, SegmentedControl, Select, Text, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconDownload, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { memo, useCallback, useEffect, useRef, useState } from 'react';
import type { Schemas } from '../../api/client';
import { useLive } from '../../api/live';
import { connectionsQuery, settingsQuery, usersQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { CallStatus, DoesBadge, Duration, Empty, Lines, PageHead, ProblemBox } from '../../parts/parts';
import { ago, count, exact } from '../../parts/words';
import type { ActivitySearch } from '../../router';
import { whatIsGone } from '../settings/Records';
import { useCalls } from './calls';

const decisionOf = (filter: ActivitySearch): string => (filter.decision === 'denied' ? 'denied' : filter.outcome === 'error' ? 'error' : filter.decision === 'allowed' ? 'allowed' : '');
const decisionSearch: Record<string, ActivitySearch> = {
  '': { decision: undefined, outcome: undefined },
  allowed: { decision: 'allowed', outcome: undefined },
  denied: { decision: 'denied', outcome: undefined },
  error: { decision: undefined, outcome: 'error' },
};

function Filters({ filter, set }: { filter: ActivitySearch; set: (change: ActivitySearch) => void }) {
  const { organisation, may } = useHere();
  const users = useQuery({ ...usersQuery(organisation.id, {}), enabled: may('users:read') });
  const connections = useQuery({ ...connectionsQuery(organisation.id), enabled: may('connections:read') });
  const [tool, setTool] = useState(filter.tool ?? '');
  useEffect(() => setTool(filter.tool ?? ''), [filter.tool]);
  return (
    <div className="filters">
      <SegmentedControl
        aria-label="Decision"
        size="sm"
        value={decisionOf(filter)}
        data={[{ value: '', label: 'All' }, { value: 'allowed', label: 'Allowed' }, { value: 'denied', label: 'Denied' }, ...(may('audit:read') ? [{ value: 'error', label: 'Errors' }] : [])]}
        onChange={(value) => set(decisionSearch[value] ?? {})}
      />
      {may('users:read') && (
        <Select aria-label="Person" placeholder="Everybody" searchable clearable value={filter.user ?? null} data={(users.data?.items ?? []).map(({ id, email }) => ({ value: id, label: email }))} onChange={(value) => set({ user: value ?? undefined })} />
      )}
      {may('connections:read') && (
        <Select aria-label="Connection" placeholder="Every connection" searchable clearable value={filter.connection ?? null} data={(connections.data?.items ?? []).map(({ name }) => name)} onChange={(value) => set({ connection: value ?? undefined })} />
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          set({ tool: tool.trim() || undefined });
        }}
      >
        <TextInput aria-label="Tool" placeholder="Tool, then Enter" value={tool} onChange={(event) => setTool(event.currentTarget.value)} onBlur={() => tool !== (filter.tool ?? '') && set({ tool: tool.trim() || undefined })} />
      </form>
      {may('audit:read') && (
        <Select aria-label="Calls or changes" className="filter-kind" value={filter.kind ?? 'call'} allowDeselect={false} data={[{ value: 'call', label: 'Calls' }, { value: 'change', label: 'Changes' }]} onChange={(value) => set({ kind: value === 'change' ? 'change' : undefined })} />
      )}
    </div>
  );
}

const columns = ['Time', 'Person', 'Client', 'Tool', 'Connection', 'Decision', 'Took'] as const;

interface RowProps {
  record: Schemas['AuditRecord'];
  index: number;
  start: number;
  isOpen: boolean;
  onOpen: (id: string) => void;
  measure?: (element: HTMLElement | null) => void;
}

// Dozens of these come and go with every frame that somebody scrolls: nothing in them but elements, and the exact time is
// the browser's own hint.
const Row = memo(function Row({ record, index, start, isOpen, onOpen, measure }: RowProps) {
  return (
    <div
      ref={measure}
      data-index={index}
      role="row"
      aria-rowindex={index + 2}
      className="calls-row"
      data-open={isOpen || undefined}
      style={{ position: 'absolute', top: 0, left: 0, right: 0, transform: `translateY(${start}px)` }}
      onClick={() => onOpen(record.id)}
    >
      <span role="cell" data-column="Time" className="cut"><time dateTime={record.time} title={exact(record.time)}>{ago(record.time)}</time></span>
      <span role="cell" data-column="Person" className="cut">{record.user?.email ?? 'unknown'}</span>
      <span role="cell" data-column="Client" className="cut dim">{record.client}</span>
      <span role="cell" data-column="Tool" className="row">
        <button type="button" className="row-link cut" onClick={(event) => { event.stopPropagation(); onOpen(record.id); }}>{record.tool}</button>
        {record.does && record.does !== 'read' && <DoesBadge of={record.does} />}
      </span>
      <span role="cell" data-column="Connection" className="cut">{record.connection}</span>
      <span role="cell" data-column="Decision"><CallStatus of={record} /></span>
      <span role="cell" data-column="Took" className="nums"><Duration ms={record.duration_ms} /></span>
    </div>
  );
});

const rowPx = 41;

// Ten thousand rows are as quick as ten: only those in sight are there. As cards, on narrow screens, they are as tall as
// what they say; as a table all are alike, and nobody has to ask how tall.
function Rows({ items, open, onOpen, more }: { items: Schemas['AuditRecord'][]; open?: string; onOpen: (id: string) => void; more: () => void }) {
  const parent = useRef<HTMLDivElement>(null);
  const isNarrow = useMediaQuery('(max-width: 960px)', undefined, { getInitialValueInEffect: false });
  // Another function would have every row measured again.
  const keyOf = useCallback((i: number) => `${items[i]!.writer} ${items[i]!.seq}`, [items]);
  const rows = useVirtualizer({ count: items.length, getScrollElement: () => parent.current, estimateSize: () => (isNarrow ? 84 : rowPx), overscan: 8, getItemKey: keyOf });
  useEffect(() => rows.measure(), [rows, isNarrow]);
  const virtual = rows.getVirtualItems();
  const last = virtual.at(-1)?.index ?? 0;
  const opened = useRef(onOpen);
  opened.current = onOpen;
  const openRow = useCallback((id: string) => opened.current(id), []);
  useEffect(() => {
    if (last >= items.length - 20) more();
  }, [last, items.length, more]);
  return (
    <div className="calls" role="table" aria-label="Calls" aria-rowcount={items.length + 1}>
      <div className="calls-row calls-head" role="row">
        {columns.map((name) => <span key={name} role="columnheader" data-column={name}>{name}</span>)}
      </div>
      <div className="calls-body" ref={parent} role="rowgroup" tabIndex={0} aria-label="Calls, newest first">
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {virtual.map(({ index, key, start }) => (
            <Row key={key} record={items[index]!} index={index} start={start} isOpen={items[index]!.id === open} onOpen={openRow} measure={isNarrow ? rows.measureElement : undefined} />
          ))}
        </div>
      </div>
    </div>
  );
}

// What is not in the list because the organisation no longer keeps it.
function Gone() {
  const { organisation } = useHere();
  const { data } = useQuery(settingsQuery(organisation.id));
  return data && data.audit.removed > 0 ? ` ${whatIsGone(data.audit)}` : null;
}

export function Activity() {
  const { organisation, may } = useHere();
  const search = useSearch({ from: '/activity' });
  const { org: _, ...filter } = search as ActivitySearch & { org?: string };
  const { record: open } = useParams({ strict: false });
  const navigate = useNavigate({ from: '/activity' });
  const { state } = useLive();
  const [isPaused, setPaused] = useState(false);
  const isAll = may('audit:read');
  const asked = { ...filter, kind: filter.kind ?? (isAll ? 'call' : undefined) };
  const { calls, items, nWaiting } = useCalls(asked, isPaused || open !== undefined);
  const set = (change: ActivitySearch) => void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const isFiltered = Object.values(filter).some(Boolean);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = calls;
  const exportUrl = (format: string) => {
    const query = new URLSearchParams(Object.entries({ ...asked, format }).filter((entry): entry is [string, string] => Boolean(entry[1])));
    return `/api/v1/organisations/${organisation.id}/audit-export?${query}`;
  };
  return (
    <>
      <PageHead title="Activity" lead={isAll ? 'Every call of every assistant, with what the rules said. It grows while you look.' : 'What your assistants have asked for, with what the rules said.'}>
        <Button variant="default" leftSection={isPaused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />} onClick={() => setPaused(!isPaused)} aria-pressed={isPaused}>
          {isPaused ? `Go on${nWaiting ? ` (${count(nWaiting)} new)` : ''}` : 'Pause'}
        </Button>
        {isAll && (
          <Menu position="bottom-end">
            <Menu.Target><Button variant="default" leftSection={<IconDownload size={16} />}>Export</Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item component="a" href={exportUrl('csv')} download>As a table (CSV)</Menu.Item>
              <Menu.Item component="a" href={exportUrl('ndjson')} download>As JSON, a line each</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </PageHead>
      <Filters filter={filter} set={set} />
      {calls.isPending ? (
        <Lines n={8} />
      ) : calls.error && !calls.data ? (
        <ProblemBox error={calls.error} again={() => void calls.refetch()} />
      ) : items.length === 0 ? (
        <Empty action={isFiltered && <Button variant="default" onClick={() => void navigate({ search: {} })}>Show all</Button>}>
          {isFiltered ? 'No call fits these filters.' : state === 'live' ? 'No call yet. The first one shows here the moment it comes.' : 'No call yet.'}
        </Empty>
      ) : (
        <>
          <Rows items={items} open={open} onOpen={(record) => void navigate({ to: '/activity/$record', params: { record }, search: (before) => before as never })} more={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()} />
          <Text size="sm" c="dimmed" mt={8}>{count(items.length)} shown{hasNextPage ? '; scroll for older ones' : ', which is all'}.{!hasNextPage && <Gone />}</Text>
        </>
      )}
      <Outlet />
    </>
  );
}
