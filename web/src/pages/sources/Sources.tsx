// Sources: what is connected, and what could be.
import { Button, Select, Tabs, Text, TextInput } from '@mantine/core';
import { IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router';
import type { Schemas } from '../../api/client';
import { connectionsQuery, connectorsQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { LinkButton } from '../../parts/links';
import { CardLines, Empty, HealthStatus, Initials, Labels, Loaded, needsAttention, PageHead, Status, Used } from '../../parts/parts';
import { capital, counted } from '../../parts/words';
import { Requests, requestsQuery } from './Requests';
import { ConnectDrawer } from './ConnectDrawer';

const matches = (query: string, ...texts: string[]) => texts.some((text) => text.toLowerCase().includes(query.trim().toLowerCase()));

function ConnectionCard({ connection }: { connection: Schemas['Connection'] }) {
  return (
    <Link to="/sources/$connection" params={{ connection: connection.id }} search={(before) => before} className="card">
      <div className="row" style={{ gap: 12 }}>
        <Initials of={connection.connector_name} />
        <div style={{ flex: 1, minWidth: 0 }}>
          <Text fw={500} className="cut">{connection.name}</Text>
          <Text size="sm" c="dimmed" className="cut">{connection.connector_name}{connection.owner && ` · ${connection.owner.email}`}</Text>
        </div>
        <HealthStatus of={connection.status} />
      </div>
      <div className="row dim small" style={{ marginTop: 12, justifyContent: 'space-between', flexWrap: 'wrap' }}>
        <span className="first-capital"><Used at={connection.last_call_at} /></span>
        <span>{counted(connection.calls_30_days, 'call')} in 30 days</span>
      </div>
      {Object.keys(connection.labels).length > 0 && <div style={{ marginTop: 8 }}><Labels of={connection.labels} /></div>}
      {connection.n_waiting > 0 && <div style={{ marginTop: 8 }}><Status tone="warn">{counted(connection.n_waiting, 'definition')} to review</Status></div>}
    </Link>
  );
}

interface Filter {
  q: string;
  category?: string;
  kind?: string;
  status?: string;
  label?: string;
}

const states: { value: string; label: string; holds: (connection: Schemas['Connection']) => boolean }[] = [
  { value: 'working', label: 'Works', holds: ({ status }) => ['active', 'own', 'none'].includes(status) },
  { value: 'attention', label: 'Needs attention', holds: ({ status, n_waiting }) => needsAttention(status) || n_waiting > 0 },
  { value: 'disconnected', label: 'Disconnected', holds: ({ status }) => status === 'disconnected' },
];
const labelsOf = (connection: Schemas['Connection']) => Object.entries(connection.labels).map(([name, value]) => `${name}=${value}`);

function Connected({ filter }: { filter: Filter }) {
  const { organisation, may } = useHere();
  const connections = useQuery(connectionsQuery(organisation.id));
  const connectors = useQuery({ ...connectorsQuery(organisation.id), enabled: may('connectors:read') });
  const navigate = useNavigate({ from: '/sources' });
  const { q, category, kind, status, label } = filter;
  return (
    <Loaded query={connections} waiting={<CardLines />}>
      {({ items }) => {
        const connectorOf = new Map((connectors.data?.items ?? []).map((connector) => [connector.id, connector]));
        const seen = items.filter((connection) => {
          const connector = connectorOf.get(connection.connector);
          return (
            matches(q, connection.name, connection.connector_name, ...labelsOf(connection)) &&
            (!category || connector?.categories.includes(category)) &&
            (!kind || connector?.kind === kind) &&
            (!status || states.find(({ value }) => value === status)?.holds(connection)) &&
            (!label || labelsOf(connection).includes(label))
          );
        });
        if (!items.length)
          return (
            <Empty action={may('connections:write') && <Button onClick={() => void navigate({ search: { tab: 'catalogue' } })}>Open the catalogue</Button>}>
              Nothing is connected yet. Connect the first tool of your company’s.
            </Empty>
          );
        if (!seen.length) return <Empty action={<Button variant="default" onClick={() => void navigate({ search: {} })}>Show all</Button>}>{q ? `No connection that fits is called “${q}”.` : 'No connection fits these filters.'}</Empty>;
        return <div className="cards">{seen.map((connection) => <ConnectionCard key={connection.id} connection={connection} />)}</div>;
      }}
    </Loaded>
  );
}

const kindWord: Record<string, string> = { http: 'Service', mcp: 'MCP server', sqlite: 'SQLite database', postgres: 'PostgreSQL database', self: 'Connek' };

function ConnectorCard({ connector, onConnect }: { connector: Schemas['Connector']; onConnect?: () => void }) {
  const isReady = connector.status === 'available' || connector.status === 'beta';
  return (
    <div className="card" style={{ display: 'flex', flexDirection: 'column', gap: 10 }}>
      <div className="row" style={{ gap: 12 }}>
        <Initials of={connector.name} />
        <div style={{ flex: 1, minWidth: 0 }}>
          <Text fw={500} className="cut">{connector.name}</Text>
          <Text size="sm" c="dimmed" className="cut">{[kindWord[connector.kind], ...connector.categories.map(capital)].join(' · ')}</Text>
        </div>
        {connector.status !== 'available' && <Status tone="plain">{capital(connector.status)}</Status>}
      </div>
      <Text size="sm" lineClamp={2} style={{ flex: 1 }}>{connector.description}</Text>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <span className="dim small">
          {connector.n_tools > 0 ? counted(connector.n_tools, 'tool') : 'Tools are found when it is connected'}
          {connector.n_connections > 0 && ` · ${counted(connector.n_connections, 'connection')}`}
        </span>
        {isReady && onConnect && <Button size="xs" variant="default" onClick={onConnect} aria-label={`Connect ${connector.name}`}>Connect</Button>}
      </div>
    </div>
  );
}

function Catalogue({ filter: { q: query, category, kind, status } }: { filter: Filter }) {
  const { organisation, may } = useHere();
  const navigate = useNavigate({ from: '/sources' });
  const connectors = useQuery(connectorsQuery(organisation.id));
  return (
    <Loaded query={connectors} waiting={<CardLines />}>
      {({ items }) => {
        const offered = items.filter(({ kind }) => kind !== 'self');
        const seen = offered.filter((one) => matches(query, one.name, one.description, ...one.categories) && (!category || one.categories.includes(category)) && (!kind || one.kind === kind) && (!status || one.status === status));
        if (!seen.length)
          return (
            <Empty action={may('connectors:write') && <LinkButton variant="default" to="/developers">Add one of your own</LinkButton>}>
              Nothing in the catalogue fits. A REST API or an MCP server of your own can be added with a definition of it.
            </Empty>
          );
        return (
          <div className="cards">
            {seen.map((connector) => (
              <ConnectorCard
                key={connector.id}
                connector={connector}
                onConnect={may('connections:write') ? () => void navigate({ search: (before) => ({ ...before, connect: connector.id }) }) : undefined}
              />
            ))}
          </div>
        );
      }}
    </Loaded>
  );
}

const connectorStates = ['available', 'beta', 'coming_soon', 'deprecated'];

// Only what there is to choose from.
function Choice({ label, everything, value, data, onChange }: { label: string; everything: string; value?: string; data: { value: string; label: string }[]; onChange: (value?: string) => void }) {
  if (data.length < 2 && !value) return null;
  return <Select aria-label={label} placeholder={everything} clearable value={value ?? null} onChange={(chosen) => onChange(chosen ?? undefined)} data={data} />;
}

function Filters({ isCatalogue, filter, set }: { isCatalogue: boolean; filter: Filter; set: (change: Partial<Filter>) => void }) {
  const { organisation, may } = useHere();
  const connectors = useQuery({ ...connectorsQuery(organisation.id), enabled: may('connectors:read') });
  const connections = useQuery(connectionsQuery(organisation.id));
  const used = new Set((connections.data?.items ?? []).map(({ connector }) => connector));
  const offered = (connectors.data?.items ?? []).filter(({ id, kind }) => kind !== 'self' && (isCatalogue || used.has(id)));
  const of = (values: string[], words: (value: string) => string) => [...new Set(values)].sort().map((value) => ({ value, label: words(value) }));
  const present = isCatalogue
    ? connectorStates.filter((status) => offered.some((one) => one.status === status)).map((value) => ({ value, label: capital(value) }))
    : states.filter(({ holds }) => connections.data?.items.some(holds));
  return (
    <div className="filters" style={{ margin: '16px 0' }}>
      <TextInput
        aria-label={isCatalogue ? 'Search the catalogue' : 'Search connections'}
        placeholder="Search"
        leftSection={<IconSearch size={16} />}
        value={filter.q}
        onChange={(event) => set({ q: event.target.value })}
        style={{ flex: '1 1 220px', maxWidth: 360 }}
      />
      <Choice label="Category" everything="Every category" value={filter.category} data={of(offered.flatMap(({ categories }) => categories), capital)} onChange={(category) => set({ category })} />
      <Choice label="Kind" everything="Every kind" value={filter.kind} data={of(offered.map(({ kind }) => kind), (kind) => kindWord[kind] ?? kind)} onChange={(kind) => set({ kind })} />
      <Choice label="Status" everything="Every status" value={filter.status} data={present} onChange={(status) => set({ status })} />
      {!isCatalogue && <Choice label="Label" everything="Every label" value={filter.label} data={of((connections.data?.items ?? []).flatMap(labelsOf), (label) => label)} onChange={(label) => set({ label })} />}
    </div>
  );
}

export function Sources() {
  const { may } = useHere();
  const { tab = 'connected', q = '', category, kind, status, label, connect } = useSearch({ from: '/sources' });
  const navigate = useNavigate({ from: '/sources' });
  const { organisation } = useHere();
  const requests = useQuery({ ...requestsQuery(organisation.id), enabled: may('connectors:read') });
  const nOpen = requests.data?.items.filter(({ status }) => status === 'open').length ?? 0;
  const isCatalogue = tab === 'catalogue';
  const filter: Filter = { q, category, kind, status, label };
  const set = (change: Partial<Filter>) => void navigate({ search: (before) => ({ ...before, ...change, ...('q' in change && { q: change.q || undefined }) }), replace: true });
  return (
    <>
      <PageHead title="Sources" lead="The tools of your company that assistants may reach, and those that could be connected.">
        {may('connections:write') && !isCatalogue && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => void navigate({ search: { tab: 'catalogue' } })}>Connect a source</Button>
        )}
      </PageHead>
      <Tabs value={tab} onChange={(value) => void navigate({ search: value && value !== 'connected' ? { tab: value } : {} })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="connected">Connected</Tabs.Tab>
          {may('connectors:read') && <Tabs.Tab value="catalogue">Catalogue</Tabs.Tab>}
          {may('connectors:read') && <Tabs.Tab value="requests">Requests {nOpen > 0 && <span className="dim">{nOpen}</span>}</Tabs.Tab>}
        </Tabs.List>
        {tab === 'requests' ? <div style={{ height: 16 }} /> : <Filters isCatalogue={isCatalogue} filter={filter} set={set} />}
        <Tabs.Panel value="connected"><Connected filter={filter} /></Tabs.Panel>
        <Tabs.Panel value="requests"><Requests /></Tabs.Panel>
        <Tabs.Panel value="catalogue"><Catalogue filter={filter} /></Tabs.Panel>
      </Tabs>
      <ConnectDrawer connector={connect} close={() => void navigate({ search: (before) => ({ ...before, connect: undefined }) })} />
      <Outlet />
    </>
  );
}
