// Developers: the MCP endpoint, API keys with scopes, clients that people let in, connectors of one's own, the API.
import { Button, Checkbox, Group, Stack, Tabs, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, idempotencyKey, take } from '../../api/client';
import { connectorsQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { CodeBlock, Confirm, Empty, Lines, Loaded, PageHead, ProblemBox, Secret, Section, told, Used, type Asking } from '../../parts/parts';
import { Clients } from '../../parts/Tokens';
import { counted } from '../../parts/words';
import { Editor } from '../../editor/Editor';
import { useMarks, Wrongs } from '../../editor/wrongs';
import { Reference } from './Reference';
import { Webhooks } from './Webhooks';

const scopes = [
  'audit:read', 'clients:read', 'clients:write', 'config:read', 'config:write', 'connections:read', 'connections:write', 'connectors:read', 'connectors:write', 'events:read', 'organisation:read',
  'organisation:write', 'roles:read', 'roles:write', 'tokens:read', 'tokens:write', 'usage:read', 'users:read', 'users:write', 'webhooks:read', 'webhooks:write',
] as const;
type Scope = (typeof scopes)[number];

function MakeKey({ done }: { done: (secret: string | null) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const form = useForm({ name: '', scopes: [] as Scope[] });
  const [key] = useState(idempotencyKey);
  const make = () =>
    form.send(async () => {
      const { secret } = await take(
        api.POST('/organisations/{organisation}/keys', { params: { path: { organisation: organisation.id }, header: { 'Idempotency-Key': key } }, body: { name: form.values.name, scopes: form.values.scopes } }),
      );
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      done(secret);
    });
  return (
    <form className="hint" noValidate onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <Stack gap="sm">
        <TextInput label="Name" description="What will use it." required value={form.values.name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoComplete="off" />
        <Checkbox.Group label="It may" description="And never more than you may yourself." value={form.values.scopes} error={form.fields.scopes} onChange={(value) => form.set('scopes', value as Scope[])}>
          <div className="scopes">{scopes.map((scope) => <Checkbox key={scope} value={scope} label={scope} />)}</div>
        </Checkbox.Group>
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group><Button type="submit" size="xs" loading={form.isBusy}>Make the key</Button></Group>
      </Stack>
    </form>
  );
}

function Keys() {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id };
  const keys = useQuery({ queryKey: [organisation.id, 'keys'], queryFn: () => take(api.GET('/organisations/{organisation}/keys', { params: { path } })) });
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [asking, setAsking] = useState<Asking | null>(null);
  return (
    <Stack gap="sm">
      {secret && (
        <div className="hint" role="status">
          <Text size="sm" mb={8}>This is the key. It is shown this once. Send it as Authorization: Bearer.</Text>
          <Secret label="key" value={secret} />
          <Button size="xs" variant="default" mt="sm" onClick={() => setSecret(null)}>I have copied it</Button>
        </div>
      )}
      <Loaded query={keys} waiting={<Lines n={2} />}>
        {({ items }) => {
          const live = items.filter(({ revoked_at }) => !revoked_at);
          if (!live.length && !isMaking) return <Empty action={may('keys:write') && <Button size="xs" onClick={() => setMaking(true)}>Make a key</Button>}>No key yet. Everything that this dashboard does, a program can do with one.</Empty>;
          return (
            <div className="table-box">
              {live.map((key) => (
                <div key={key.id} className="tool-line">
                  <div style={{ minWidth: 0 }}>
                    <Text size="sm" fw={500} className="wrap">{key.name}</Text>
                    <Text size="sm" c="dimmed" className="wrap">{key.scopes.join(', ')} · by {key.user.email} · <Used at={key.last_used_at} /></Text>
                  </div>
                  {may('keys:write') && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Revoke ${key.name}`}
                      onClick={() =>
                        setAsking({
                          title: `Revoke ${key.name}?`,
                          text: 'Whatever uses it is refused from its next request on.',
                          verb: 'Revoke',
                          run: async () => {
                            await take(api.DELETE('/organisations/{organisation}/keys/{key}', { params: { path: { ...path, key: key.id } } }));
                            await queries.invalidateQueries({ queryKey: [organisation.id] });
                            told(`${key.name} is revoked.`);
                          },
                        })
                      }
                    >
                      Revoke
                    </Button>
                  )}
                </div>
              ))}
            </div>
          );
        }}
      </Loaded>
      {isMaking ? (
        <MakeKey done={(made) => { setMaking(false); setSecret(made); }} />
      ) : (
        may('keys:write') && (keys.data?.items.length ?? 0) > 0 && <Group><Button size="xs" variant="default" onClick={() => setMaking(true)}>Make a key</Button></Group>
      )}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </Stack>
  );
}

function OwnConnectors() {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id };
  const connectors = useQuery(connectorsQuery(organisation.id));
  const form = useForm({ text: '{\n  "id": "crm",\n  "kind": "mcp",\n  "name": "CRM",\n  "url": "https://mcp.crm.example/mcp"\n}' });
  const marks = useMarks(form.problem, '/definition');
  const [isAdding, setAdding] = useState(false);
  const [asking, setAsking] = useState<Asking | null>(null);
  const add = () =>
    form.send(async () => {
      let definition: Record<string, unknown>;
      try {
        definition = JSON.parse(form.values.text);
      } catch {
        throw new Error('This is not JSON.');
      }
      const { connector } = await take(api.POST('/organisations/{organisation}/connectors', { params: { path, header: { 'Idempotency-Key': idempotencyKey() } }, body: { definition } }));
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      setAdding(false);
      told(`${connector.name} is in the catalogue.`);
    });
  return (
    <Stack gap="sm">
      <Loaded query={connectors} waiting={<Lines n={2} />}>
        {({ items }) => {
          const own = items.filter(({ source }) => source !== 'builtin');
          if (!own.length) return isAdding ? null : <Empty action={may('connectors:write') && <Button size="xs" onClick={() => setAdding(true)}>Add a connector</Button>}>None of your own yet: a manifest of a REST API, or the address of an MCP server.</Empty>;
          return (
            <div className="table-box">
              {own.map((connector) => (
                <div key={connector.id} className="tool-line">
                  <div style={{ minWidth: 0 }}>
                    <Text size="sm" fw={500} className="wrap">{connector.name}</Text>
                    <Text size="sm" c="dimmed" className="wrap"><code>{connector.id}</code> · version {connector.version} · {counted(connector.n_connections, 'connection')}</Text>
                  </div>
                  {may('connectors:write') && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Delete ${connector.name}`}
                      onClick={() =>
                        setAsking({
                          title: `Delete ${connector.name}?`,
                          text: 'It leaves the catalogue. Its connections have to go first.',
                          verb: 'Delete',
                          run: async () => {
                            await take(api.DELETE('/organisations/{organisation}/connectors/{connector}', { params: { path: { ...path, connector: connector.id } } }));
                            await queries.invalidateQueries({ queryKey: [organisation.id] });
                          },
                        })
                      }
                    >
                      Delete
                    </Button>
                  )}
                </div>
              ))}
            </div>
          );
        }}
      </Loaded>
      {isAdding ? (
        <form className="hint" onSubmit={(event) => { event.preventDefault(); void add(); }}>
          <Stack gap="sm">
            <div>
              <Text size="sm" fw={500}>Definition</Text>
              <Text size="xs" c="dimmed" mb={6}>As JSON: a manifest, or an MCP server’s address.</Text>
              <Editor label="Definition" min={200} value={form.values.text} onChange={(text) => form.set('text', text)} marks={marks} />
            </div>
            <Wrongs marks={marks} />
            {form.error !== null && <ProblemBox error={form.error} />}
            <Group><Button type="submit" size="xs" loading={form.isBusy}>Add it</Button><Button size="xs" variant="default" onClick={() => setAdding(false)}>Cancel</Button></Group>
          </Stack>
        </form>
      ) : (
        may('connectors:write') && (connectors.data?.items ?? []).some(({ source }) => source !== 'builtin') && <Group><Button size="xs" variant="default" onClick={() => setAdding(true)}>Add a connector</Button></Group>
      )}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </Stack>
  );
}

function Access() {
  const { organisation, session, may } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id };
  const clients = useQuery({ queryKey: [organisation.id, 'clients'], queryFn: () => take(api.GET('/organisations/{organisation}/clients', { params: { path, query: { limit: 200 } } })), enabled: may('clients:read') });
  return (
    <>
      <Section title="MCP endpoint">
        <Text size="sm" mb="sm">Clients that can sign in need this alone. Agents of your own send an API key of a user as Authorization: Bearer.</Text>
        <CodeBlock label="MCP endpoint" text={session.mcp_url} />
      </Section>
      <Section title="API keys"><Keys /></Section>
      {may('connectors:read') && <Section title="Connectors of your own"><OwnConnectors /></Section>}
      {may('clients:read') && (
        <Section title="Clients that people let in">
          <Loaded query={clients} waiting={<Lines n={2} />}>
            {({ items }) => (
              <Clients
                clients={items.map((client) => ({ ...client, name: `${client.name} (${client.user.email})` }))}
                changed={() => queries.invalidateQueries({ queryKey: [organisation.id] })}
                end={may('clients:write') ? (client) => take(api.DELETE('/organisations/{organisation}/clients/{client}', { params: { path: { ...path, client } } })) : undefined}
              />
            )}
          </Loaded>
        </Section>
      )}
    </>
  );
}

export function Developers() {
  const { may } = useHere();
  const { tab = 'access' } = useSearch({ from: '/developers' });
  const navigate = useNavigate({ from: '/developers' });
  return (
    <>
      <PageHead title="Developers" lead="Everything that this dashboard does, for programs: keys, your own connectors, webhooks, and the API." />
      <Tabs value={tab} onChange={(value) => void navigate({ search: { tab: value === 'access' ? undefined : value ?? undefined } })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="access">Access</Tabs.Tab>
          {may('webhooks:read') && <Tabs.Tab value="webhooks">Webhooks</Tabs.Tab>}
          <Tabs.Tab value="reference">API reference</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="access"><Access /></Tabs.Panel>
        {may('webhooks:read') && <Tabs.Panel value="webhooks"><Webhooks /></Tabs.Panel>}
        <Tabs.Panel value="reference"><Reference /></Tabs.Panel>
      </Tabs>
    </>
  );
}
