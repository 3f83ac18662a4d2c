// Connecting an account: what one gets, how, and who may use it.
import { Alert, Anchor, Button, Checkbox, Drawer, Group, PasswordInput, Radio, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, idempotencyKey, take, type Schemas } from '../../api/client';
import { connectionsQuery, connectorQuery, rolesQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { compact, FieldInput } from '../../parts/fields';
import { useForm } from '../../parts/form';
import { CodeBlock, DoesBadge, Lines, Loaded, ProblemBox, told } from '../../parts/parts';
import { counted } from '../../parts/words';

// Set free, or not, for accounts that people connect themselves.
function Personal({ connector }: { connector: Schemas['Connector'] }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const form = useForm({});
  if (!may('connectors:write') || connector.kind === 'sqlite') return null;
  const turn = (is_allowed: boolean) =>
    form.send(async () => {
      await take(api.PUT('/organisations/{organisation}/connectors/{connector}/personal', { params: { path: { organisation: organisation.id, connector: connector.id } }, body: { is_allowed } }));
      await queries.invalidateQueries({ queryKey: [organisation.id] });
    });
  return (
    <>
      <Switch label="People may connect accounts of their own" description="On My page, as far as a role lets them use it. What they connect is theirs alone." checked={connector.allows_personal} disabled={form.isBusy} onChange={(event) => void turn(event.currentTarget.checked)} />
      {form.error !== null && <ProblemBox error={form.error} />}
    </>
  );
}

function WhatYouGet({ detail, next }: { detail: Schemas['ConnectorDetail']; next: () => void }) {
  return (
    <Stack>
      <Text>{detail.connector.description}</Text>
      {detail.tools.length > 0 ? (
        <>
          <Text fw={500}>{counted(detail.tools.length, 'tool')} for assistants, as far as a role allows them:</Text>
          <div className="table-box" style={{ maxHeight: 340, overflow: 'auto' }} tabIndex={0} role="region" aria-label="Tools">
            {detail.tools.map((tool) => (
              <div key={tool.name} className="tool-line">
                <div style={{ minWidth: 0 }}>
                  <Text size="sm" fw={500}>{tool.title || tool.name}</Text>
                  <Text size="sm" c="dimmed" lineClamp={2}>{tool.description}</Text>
                </div>
                <DoesBadge of={tool.does} />
              </div>
            ))}
          </div>
        </>
      ) : (
        <Text c="dimmed">Its tools are asked for when it is connected. None is seen by an assistant before you have accepted it.</Text>
      )}
      <Personal connector={detail.connector} />
      <Group justify="flex-end"><Button onClick={next} autoFocus>Go on</Button></Group>
    </Stack>
  );
}

interface Typed {
  name: string;
  settings: Record<string, string>;
  credential: Record<string, string>;
}

// The client that has to be registered at the service before its consent page can be opened.
function ClientApp({ detail }: { detail: Schemas['ConnectorDetail'] }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const form = useForm({ client_id: '', client_secret: '' });
  const { client_app: app, connector } = detail;
  if (!app?.is_needed || app.client_id || app.is_installations) return null;
  const save = () =>
    form.send(async () => {
      const { client_id, client_secret } = form.values;
      await take(
        api.PUT('/organisations/{organisation}/connectors/{connector}/client-app', {
          params: { path: { organisation: organisation.id, connector: connector.id } },
          body: { client_id, client_secret: client_secret || null },
        }),
      );
      await queries.invalidateQueries({ queryKey: connectorQuery(organisation.id, connector.id).queryKey });
    });
  return (
    <Alert title={`Register Connek at ${connector.name}, once`} color="brand" variant="outline">
      <Stack gap="sm">
        <Text size="sm">
          Among {connector.name}’s developer settings, make an app (a client) with this redirect address, then copy its id and secret here.
        </Text>
        <CodeBlock label="redirect address" text={app.redirect_uri} />
        <TextInput label="Client id" value={form.values.client_id} error={form.fields.client_id} onChange={(event) => form.set('client_id', event.currentTarget.value)} autoComplete="off" />
        <PasswordInput label="Client secret" value={form.values.client_secret} error={form.fields.client_secret} onChange={(event) => form.set('client_secret', event.currentTarget.value)} autoComplete="new-password" />
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group><Button size="xs" variant="default" loading={form.isBusy} disabled={!form.values.client_id} onClick={() => void save()}>Save the client</Button></Group>
      </Stack>
    </Alert>
  );
}

export async function openConsent(organisation: string, connection: string): Promise<void> {
  const { url } = await take(
    api.POST('/organisations/{organisation}/connections/{connection}/link', {
      params: { path: { organisation, connection } },
      body: { return_path: `/sources/${connection}` },
    }),
  );
  if (url) window.location.assign(url);
}

function How({ detail, done }: { detail: Schemas['ConnectorDetail']; done: (connection: Schemas['Connection']) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const { connector } = detail;
  const { data: connections } = useQuery(connectionsQuery(organisation.id));
  const taken = new Set((connections?.items ?? []).map(({ name }) => name));
  const free = taken.has(connector.name) ? `${connector.name} ${[2, 3, 4, 5, 6, 7, 8, 9].find((n) => !taken.has(`${connector.name} ${n}`)) ?? ''}`.trim() : connector.name;
  const form = useForm<Typed>({ name: free, settings: {}, credential: {} });
  const [key] = useState(idempotencyKey);
  const hasConsent = connector.ways.includes('oauth');
  const hasChoice = hasConsent && connector.ways.includes('key');
  const [way, setWay] = useState<'oauth' | 'key'>(hasConsent ? 'oauth' : 'key');
  const byConsent = way === 'oauth';
  const needsClient = byConsent && detail.client_app?.is_needed && !detail.client_app.client_id && !detail.client_app.is_installations;

  const connect = () =>
    form.send(async () => {
      const { name, settings, credential } = form.values;
      const secret = byConsent ? {} : compact(credential);
      const connection = await take(
        api.POST('/organisations/{organisation}/connections', {
          params: { path: { organisation: organisation.id }, header: { 'Idempotency-Key': key } },
          body: { name, connector: connector.id, settings: compact(settings), ...(Object.keys(secret).length > 0 && { credential: secret }) } as Schemas['NewConnection'],
        }),
      );
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      if (byConsent) await openConsent(organisation.id, connection.id);
      else done(connection);
    });

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void connect();
      }}
    >
      <Stack>
        <TextInput label="Name" description="What people, rules and assistants call this account." required value={form.values.name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoFocus />
        {detail.settings.map((field) => (
          <FieldInput key={field.name} field={field} value={form.values.settings[field.name] ?? ''} error={form.fields[`settings.${field.name}`]} onChange={(value) => form.set('settings', { ...form.values.settings, [field.name]: value })} />
        ))}
        {hasChoice && (
          <Radio.Group label="How" value={way} onChange={(value) => setWay(value as 'oauth' | 'key')}>
            <Stack gap={6} mt={6}>
              <Radio value="oauth" label={`Agree on ${connector.name}’s own page`} />
              <Radio value="key" label="With a key" />
            </Stack>
          </Radio.Group>
        )}
        {!byConsent && detail.credential.map((field) => (
          <FieldInput key={field.name} field={field} value={form.values.credential[field.name] ?? ''} error={form.fields[`credential.${field.name}`]} onChange={(value) => form.set('credential', { ...form.values.credential, [field.name]: value })} />
        ))}
        {!byConsent && detail.credential.some(({ is_secret }) => is_secret) && <Text size="sm" c="dimmed">It is sealed with AES-256-GCM, used for calls alone, and shown to nobody again.</Text>}
        {byConsent && <ClientApp detail={detail} />}
        {byConsent && !needsClient && <Text size="sm" c="dimmed">You go to {connector.name}’s own page to agree, and come back here.</Text>}
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={form.isBusy} disabled={Boolean(needsClient)}>{byConsent ? `Go to ${connector.name}` : 'Connect'}</Button>
        </Group>
      </Stack>
    </form>
  );
}

// What the first roles of a new connection are given: reading.
function WhoMayUse({ connection, close }: { connection: Schemas['Connection']; close: () => void }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const roles = useQuery({ ...rolesQuery(organisation.id), enabled: may('roles:read') });
  const [chosen, setChosen] = useState<string[]>([]);
  const form = useForm({});
  const finish = () =>
    form.send(async () => {
      for (const role of roles.data?.items.filter(({ id }) => chosen.includes(id)) ?? []) {
        await take(
          api.PUT('/organisations/{organisation}/roles/{role}', {
            params: { path: { organisation: organisation.id, role: role.id }, header: { 'If-Match': role.etag } },
            body: { name: role.name, max_result: role.max_result, rules: [...role.rules, { connection: connection.name, does: ['read'], effect: 'allow' }] },
          }),
        );
      }
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told(`${connection.name} is connected.`);
      close();
    });
  return (
    <Loaded query={roles} waiting={<Lines n={2} />}>
      {({ items }) => (
        <Stack>
          <Text>{connection.name} is connected. Nobody’s assistant may use it before a role says so.</Text>
          {items.length > 0 ? (
            <Checkbox.Group label="Let these roles read with it" description="Writing, and single tools, are set on Access rules." value={chosen} onChange={setChosen}>
              <Stack gap={8} mt={8}>{items.map((role) => <Checkbox key={role.id} value={role.id} label={`${role.name} (${counted(role.users.length, 'person', 'people')})`} />)}</Stack>
            </Checkbox.Group>
          ) : (
            <Text c="dimmed">There is no role yet. <Anchor component="button" type="button" onClick={() => void navigate({ to: '/rules', search: { make: true } })}>Make the first one</Anchor> to say who may use it.</Text>
          )}
          {form.error !== null && <ProblemBox error={form.error} />}
          <Group justify="flex-end"><Button onClick={() => void finish()} loading={form.isBusy} data-autofocus>Done</Button></Group>
        </Stack>
      )}
    </Loaded>
  );
}

function Steps({ detail, close }: { detail: Schemas['ConnectorDetail']; close: () => void }) {
  const [step, setStep] = useState(0);
  const [wasHow, setHow] = useState(false);
  const [connection, setConnection] = useState<Schemas['Connection'] | null>(null);
  return (
    <Stack>
      <ol className="steps" aria-label="Steps">
        {['What you get', 'How', 'Who'].map((name, i) => (
          <li key={name} aria-current={i === step ? 'step' : undefined} data-done={i < step || undefined}>
            <span className="n" aria-hidden="true">{i + 1}</span>
            {i === 0 && step === 1 ? <button type="button" className="row-link" onClick={() => setStep(0)}>{name}</button> : name}
          </li>
        ))}
      </ol>
      {step === 0 && <WhatYouGet detail={detail} next={() => { setHow(true); setStep(1); }} />}
      {/* Kept while one looks back: what was typed stays. */}
      {wasHow && step < 2 && (
        <div hidden={step !== 1}>
          <How
            detail={detail}
            done={(made) => {
              setConnection(made);
              setStep(2);
            }}
          />
        </div>
      )}
      {step === 2 && connection && <WhoMayUse connection={connection} close={close} />}
    </Stack>
  );
}

export function ConnectDrawer({ connector, close }: { connector?: string; close: () => void }) {
  const { organisation } = useHere();
  const detail = useQuery({ ...connectorQuery(organisation.id, connector ?? ''), enabled: connector !== undefined });
  return (
    <Drawer opened={connector !== undefined} onClose={close} title={<Text fw={600} fz={16}>{detail.data ? `Connect ${detail.data.connector.name}` : 'Connect'}</Text>}>
      {connector !== undefined && <Loaded query={detail}>{(data) => <Steps detail={data} close={close} />}</Loaded>}
    </Drawer>
  );
}
