// Sources: what is connected, and what could be.
import { Button, Select, Tabs, Text, TextInput } from '@mantine/core';
import { IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useSearch } from '@tanstack/react-router';
import type { Schemas } from '../../api/client';
import { connectionsQuery, connectorsQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { CardLines, Empty, HealthStatus, Initials, Loaded, PageHead, Status, Used } from '../../parts/parts';
import { counted } from '../../parts/words';
import { ConnectDrawer } from './ConnectDrawer';

const matches = (query: string, ...texts: string[]) => texts.some((text) => text.toLowerCase().includes(query.trim().toLowerCase()));
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ');

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
      {connection.n_waiting > 0 && <div style={{ marginTop: 8 }}><Status tone="warn">{counted(connection.n_waiting, 'definition')} to review</Status></div>}
    </Link>
  );
}

function Connected({ query }: { query: string }) {
  const { organisation, may } = useHere();
  const connections = useQuery(connectionsQuery(organisation.id));
  const navigate = useNavigate({ from: '/sources' });
  return (
    <Loaded query={connections} waiting={<CardLines />}>
      {({ items }) => {
        const seen = items.filter(({ name, connector_name, labels }) => matches(query, name, connector_name, ...Object.values(labels)));
        if (!items.length)
          return (
            <Empty action={may('connections:write') && <Button onClick={() => void navigate({ search: { tab: 'catalogue' } })}>Open the catalogue</Button>}>
              Nothing is connected yet. Connect the first tool of your company’s.
            </Empty>
          );
        if (!seen.length) return <Empty>No connection is called “{query}”.</Empty>;
        return <div className="cards">{seen.map((connection) => <ConnectionCard key={connection.id} connection={connection} />)}</div>;
      }}
    </Loaded>
  );
}

const kindWord: Record<string, string> = { http: 'Service', mcp: 'MCP server', sqlite: 'Database', self: 'Connek' };

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

function Catalogue({ query, category }: { query: string; category?: string }) {
  const { organisation, may } = useHere();
  const navigate = useNavigate({ from: '/sources' });
  const connectors = useQuery(connectorsQuery(organisation.id));
  return (
    <Loaded query={connectors} waiting={<CardLines />}>
      {({ items }) => {
        const offered = items.filter(({ kind }) => kind !== 'self');
        const seen = offered.filter((one) => matches(query, one.name, one.description, ...one.categories) && (!category || one.categories.includes(category) || one.kind === category));
        if (!seen.length) return <Empty>Nothing in the catalogue fits. A REST API or an MCP server of your own can be added with a manifest, on the page Developers.</Empty>;
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

function CategorySelect({ value, onChange }: { value?: string; onChange: (value?: string) => void }) {
  const { organisation } = useHere();
  const { data } = useQuery(connectorsQuery(organisation.id));
  const items = (data?.items ?? []).filter(({ kind }) => kind !== 'self');
  const categories = [...new Set(items.flatMap((connector) => connector.categories))].sort();
  const kinds = [...new Set(items.map((connector) => connector.kind))].sort();
  if (categories.length + kinds.length < 2) return null;
  return (
    <Select
      aria-label="Category or kind"
      placeholder="Everything"
      clearable
      w={200}
      value={value ?? null}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      data={[
        ...(categories.length ? [{ group: 'Category', items: categories.map((name) => ({ value: name, label: capital(name) })) }] : []),
        { group: 'Kind', items: kinds.map((name) => ({ value: name, label: kindWord[name] ?? name })) },
      ]}
    />
  );
}

export function Sources() {
  const { may } = useHere();
  const { tab = 'connected', q = '', category, connect } = useSearch({ from: '/sources' });
  const navigate = useNavigate({ from: '/sources' });
  const isCatalogue = tab === 'catalogue';
  return (
    <>
      <PageHead title="Sources" lead="The tools of your company that assistants may reach, and those that could be connected.">
        {may('connections:write') && !isCatalogue && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => void navigate({ search: { tab: 'catalogue' } })}>Connect a source</Button>
        )}
      </PageHead>
      <Tabs value={tab} onChange={(value) => void navigate({ search: value === 'catalogue' ? { tab: value } : {} })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="connected">Connected</Tabs.Tab>
          {may('connectors:read') && <Tabs.Tab value="catalogue">Catalogue</Tabs.Tab>}
        </Tabs.List>
        <div className="row" style={{ margin: '16px 0', flexWrap: 'wrap' }}>
          <TextInput
            aria-label={isCatalogue ? 'Search the catalogue' : 'Search connections'}
            placeholder="Search"
            leftSection={<IconSearch size={16} />}
            value={q}
            onChange={(event) => void navigate({ search: (before) => ({ ...before, q: event.target.value || undefined }), replace: true })}
            style={{ flex: '1 1 220px', maxWidth: 360 }}
          />
          {isCatalogue && <CategorySelect value={category} onChange={(value) => void navigate({ search: (before) => ({ ...before, category: value }), replace: true })} />}
        </div>
        <Tabs.Panel value="connected"><Connected query={q} /></Tabs.Panel>
        <Tabs.Panel value="catalogue"><Catalogue query={q} category={category} /></Tabs.Panel>
      </Tabs>
      <ConnectDrawer connector={connect} close={() => void navigate({ search: (before) => ({ ...before, connect: undefined }) })} />
      <Outlet />
    </>
  );
}
