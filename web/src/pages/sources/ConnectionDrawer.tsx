// One connection: its account and health, its tools, what waits for review, and how it ends.
import { Button, Drawer, Group, PasswordInput, Select, Stack, Tabs, TagsInput, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { connectionQuery, connectionToolsQuery, connectorQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { Edited } from '../../parts/edited';
import { useForm } from '../../parts/form';
import { Confirm, DoesBadge, Empty, Fact, Facts, HealthStatus, Labels, Loaded, ProblemBox, Status, Time, told, type Asking } from '../../parts/parts';
import { count, counted, milliseconds } from '../../parts/words';
import { openConsent } from './ConnectDrawer';
import { Review } from './Review';

type Connection = Schemas['Connection'];
const eventWords: Record<Schemas['ConnectionEvent']['what'], [string, 'good' | 'warn' | 'bad' | 'plain']> = {
  connected: ['Connected', 'good'],
  refreshed: ['Renewed', 'good'],
  failed: ['Renewal failed', 'bad'],
  reconnect: ['Has to be reconnected', 'bad'],
  disconnected: ['Disconnected', 'plain'],
};

function Events({ id }: { id: string }) {
  const { organisation } = useHere();
  const events = useQuery({
    queryKey: [organisation.id, 'connection', id, 'events'],
    queryFn: () => take(api.GET('/organisations/{organisation}/connections/{connection}/events', { params: { path: { organisation: organisation.id, connection: id } } })),
  });
  return (
    <Loaded query={events}>
      {({ items }) =>
        items.length === 0 ? (
          <Text c="dimmed" size="sm">Nothing has happened to its permission yet.</Text>
        ) : (
          <Stack gap={8}>
            {items.map((event, i) => (
              <div key={`${event.time}-${i}`} className="row" style={{ flexWrap: 'wrap' }}>
                <Status tone={eventWords[event.what][1]}>{eventWords[event.what][0]}</Status>
                <span className="dim small"><Time of={event.time} /></span>
                {event.text && <span className="small wrap">{event.text}</span>}
              </div>
            ))}
          </Stack>
        )
      }
    </Loaded>
  );
}

// What a first key, or another one, is typed into.
function Credential({ connection, done }: { connection: Connection; done: () => void }) {
  const { organisation } = useHere();
  const detail = useQuery(connectorQuery(organisation.id, connection.connector));
  const form = useForm<{ credential: Record<string, string> }>({ credential: {} });
  const save = () =>
    form.send(async () => {
      await take(
        api.PUT('/organisations/{organisation}/connections/{connection}/credential', {
          params: { path: { organisation: organisation.id, connection: connection.id } },
          body: { credential: form.values.credential },
        }),
      );
      told('The new key is in use from the next call on.');
      done();
    });
  return (
    <Loaded query={detail}>
      {({ credential }) => (
        <Stack className="hint">
          {credential.map((field) => (
            <PasswordInput
              key={field.name}
              label={field.title || field.name}
              description={field.help}
              value={form.values.credential[field.name] ?? ''}
              error={form.fields[`credential.${field.name}`]}
              onChange={(event) => form.set('credential', { ...form.values.credential, [field.name]: event.currentTarget.value })}
              autoComplete="new-password"
            />
          ))}
          {form.error !== null && <ProblemBox error={form.error} />}
          <Group>
            <Button size="xs" loading={form.isBusy} onClick={() => void save()}>Save the key</Button>
            <Button size="xs" variant="default" onClick={done}>Cancel</Button>
          </Group>
        </Stack>
      )}
    </Loaded>
  );
}

// Its owner made it, and is somebody else: they alone connect, check and change it.
function useIsColleagues(connection: Connection | undefined): boolean {
  const { organisation } = useHere();
  return connection !== undefined && connection.is_made_by_owner && connection.owner?.id !== organisation.user_id;
}

function Overview({ connection }: { connection: Connection }) {
  const { organisation, may } = useHere();
  const isColleagues = useIsColleagues(connection);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<Asking | null>(null);
  const [isKey, setKey] = useState(false);
  const check = useForm({});
  const consent = useForm({});
  const [answer, setAnswer] = useState<Schemas['Check'] | null>(null);
  const path = { organisation: organisation.id, connection: connection.id };
  const again = () => queries.invalidateQueries({ queryKey: [organisation.id] });
  const runCheck = () =>
    check.send(async () => {
      setAnswer(null);
      setAnswer(await take(api.POST('/organisations/{organisation}/connections/{connection}/check', { params: { path }, body: {} })));
      await again();
    });
  const disconnect: Asking = {
    title: `Disconnect ${connection.name}?`,
    text: 'What the service granted is given back, and calls fail until somebody connects it again. Rules stay as they are.',
    verb: 'Disconnect',
    run: async () => {
      const { is_revoked, remark } = await take(api.POST('/organisations/{organisation}/connections/{connection}/disconnect', { params: { path }, body: {} }));
      told(is_revoked ? 'Disconnected, and the service knows.' : `Disconnected. ${remark}`);
      await again();
    },
  };
  const remove: Asking = {
    title: `Delete ${connection.name}?`,
    text: 'Its key, its grant and its definitions are gone for good. What the trail says of its calls stays. Rules that name it have to go first.',
    verb: 'Delete',
    name: connection.name,
    run: async () => {
      await take(api.DELETE('/organisations/{organisation}/connections/{connection}', { params: { path } }));
      await navigate({ to: '/sources' });
      await again();
      told(`${connection.name} is deleted.`);
    },
  };
  const detail = useQuery(connectorQuery(organisation.id, connection.connector));
  // A credential of its own was typed in here; else the service's own page is where people agree.
  const isByConsent = !connection.has_credential && (detail.data?.connector.ways ?? []).some((way) => way.startsWith('oauth'));
  const hasKey = connection.has_credential && (detail.data?.credential.length ?? 0) > 0;
  return (
    <Stack>
      {connection.last_error && connection.status !== 'active' && <div className="problem">{connection.last_error}</div>}
      {connection.advice && <div className="hint">{connection.advice}</div>}
      <Facts>
        <Fact name="Status"><HealthStatus of={connection.status} /></Fact>
        <Fact name="Connector">{connection.connector_name}</Fact>
        {connection.owner && <Fact name="Personal to">{connection.owner.email}</Fact>}
        {Object.keys(connection.labels).length > 0 && <Fact name="Labels"><Labels of={connection.labels} /></Fact>}
        {connection.last_success_at && <Fact name="Last worked"><Time of={connection.last_success_at} /></Fact>}
        {connection.last_error_at && <Fact name="Last failed"><Time of={connection.last_error_at} /></Fact>}
        {connection.expires_at && <Fact name="Permission ends"><Time of={connection.expires_at} /></Fact>}
        <Fact name="Last used"><Time of={connection.last_call_at} /></Fact>
        <Fact name="Calls in 30 days">
          {count(connection.calls_30_days)}
          {may('audit:read') && connection.calls_30_days > 0 && <> · <Link to="/activity" search={{ connection: connection.name }}>See them</Link> · <Link to="/activity" search={{ connection: connection.name, outcome: 'error' }}>Errors alone</Link></>}
        </Fact>
        <Fact name="Connected since"><Time of={connection.created_at} /></Fact>
      </Facts>
      {may('connections:write') && (
        <>
          {isColleagues && <Text size="sm" c="dimmed">An account of {connection.owner?.email}’s own: they alone connect, check and change it, on their page. It can be ended here.</Text>}
          <Group gap={8}>
            {!isColleagues && <Button size="xs" variant="default" loading={check.isBusy} onClick={() => void runCheck()}>Check now</Button>}
            {isByConsent && !isColleagues && (
              <Button size="xs" variant={connection.status === 'active' ? 'default' : 'filled'} loading={consent.isBusy} onClick={() => void consent.send(() => openConsent(organisation.id, connection.id))}>
                {connection.status === 'new' ? 'Connect' : 'Reconnect'}
              </Button>
            )}
            {hasKey && !isColleagues && <Button size="xs" variant="default" onClick={() => setKey(true)}>Change the key</Button>}
            {isByConsent && connection.status !== 'new' && connection.status !== 'disconnected' && <Button size="xs" variant="default" onClick={() => setAsking(disconnect)}>Disconnect</Button>}
            <Button size="xs" variant="subtle" color="red" c="var(--connek-bad)" onClick={() => setAsking(remove)}>Delete</Button>
          </Group>
          {check.error !== null && <ProblemBox error={check.error} />}
          {consent.error !== null && <ProblemBox error={consent.error} />}
          {answer && (
            <div className="hint" role="status">
              <Group gap={8}>
                <Status tone={answer.is_ok ? 'good' : 'bad'}>{answer.is_ok ? 'It works' : 'It does not work'}</Status>
                <span className="dim small">{milliseconds(answer.duration_ms)}{answer.tool && ` · ${answer.tool}`}</span>
              </Group>
              <Text size="sm" mt={6} className="wrap">{answer.text}</Text>
            </div>
          )}
          {isKey && <Credential connection={connection} done={() => { setKey(false); void again(); }} />}
        </>
      )}
      {isByConsent && (
        <div>
          <Text fw={500} mb={8}>What happened to it</Text>
          <Events id={connection.id} />
        </div>
      )}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </Stack>
  );
}

function Tools({ connection }: { connection: Connection }) {
  const { organisation } = useHere();
  const tools = useQuery(connectionToolsQuery(organisation.id, connection.id));
  return (
    <Loaded query={tools}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty>{connection.n_waiting > 0 ? 'None is accepted yet: look under Review.' : 'It offers no tools.'}</Empty>
        ) : (
          <div className="table-box">
            {items.map((tool) => (
              <div key={tool.name} className="tool-line">
                <div style={{ minWidth: 0 }}>
                  <Text size="sm" fw={500} className="wrap">{tool.title || tool.name}</Text>
                  <Text size="sm" c="dimmed" lineClamp={2}>{tool.description}</Text>
                  <Text size="xs" c="dimmed" mt={2} className="wrap">
                    <code>{tool.tool}</code> · {counted(tool.calls_30_days, 'call')}{tool.errors_30_days > 0 && `, ${counted(tool.errors_30_days, 'error')}`} in 30 days
                  </Text>
                </div>
                <DoesBadge of={tool.does} />
              </div>
            ))}
          </div>
        )
      }
    </Loaded>
  );
}

const trusts = [
  { value: 'review', label: 'Look at every definition first' },
  { value: 'accept-read', label: 'Accept what only reads' },
  { value: 'accept', label: 'Accept everything' },
];

function Edit({ connection, setTyped }: { connection: Connection; setTyped: (is: boolean) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const detail = useQuery(connectorQuery(organisation.id, connection.connector));
  const isServer = detail.data?.connector.kind === 'mcp';
  const form = useForm({
    name: connection.name,
    labels: Object.entries(connection.labels).map(([name, value]) => `${name}=${value}`),
    trust: connection.trust,
    names: connection.names,
  });
  const set: typeof form.set = (name, value) => {
    setTyped(true);
    form.set(name, value);
  };
  const save = () =>
    form.send(async () => {
      const { name, labels, trust, names } = form.values;
      await take(
        api.PATCH('/organisations/{organisation}/connections/{connection}', {
          params: { path: { organisation: organisation.id, connection: connection.id }, header: { 'If-Match': connection.etag } },
          body: {
            name,
            labels: Object.fromEntries(labels.map((label) => { const [key = '', ...rest] = label.split('='); return [key.trim(), rest.join('=').trim()]; })),
            ...(isServer && { trust, names }),
          },
        }),
      );
      setTyped(false);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told('Saved.');
    });
  return (
    <Stack>
      <TextInput label="Name" description="Rules that name it go on to mean it." value={form.values.name} error={form.fields.name} onChange={(event) => set('name', event.currentTarget.value)} />
      <TagsInput label="Labels" description="As name=value, for instance client=Globex. Rules can name a label." placeholder="name=value" value={form.values.labels} error={form.fields.labels} onChange={(value) => set('labels', value)} />
      {isServer && (
        <>
          <Select label="New and changed definitions" data={trusts} value={form.values.trust} onChange={(value) => value && set('trust', value as Connection['trust'])} allowDeselect={false} />
          <Select label="Names of its tools" data={[{ value: 'prefixed', label: `With ${connection.connector}_ before them` }, { value: 'plain', label: 'As the server has them' }]} value={form.values.names} onChange={(value) => value && set('names', value as Connection['names'])} allowDeselect={false} />
        </>
      )}
      {form.error !== null && <ProblemBox error={form.error} />}
      <Group justify="flex-end"><Button loading={form.isBusy} onClick={() => void save()}>Save</Button></Group>
    </Stack>
  );
}

export function ConnectionDrawer() {
  const { connection: id } = useParams({ from: '/sources/$connection' });
  const { organisation, may } = useHere();
  const navigate = useNavigate();
  const connection = useQuery(connectionQuery(organisation.id, id));
  const isColleagues = useIsColleagues(connection.data);
  const mayEdit = may('connections:write') && !isColleagues;
  const close = () => void navigate({ to: '/sources', search: (before) => before as never });
  return (
    <Drawer opened onClose={close} title={<Text fw={600} fz={16} className="wrap">{connection.data?.name ?? 'Connection'}</Text>}>
      <Loaded query={connection}>
        {(data) => (
          <Tabs defaultValue={data.n_waiting > 0 ? 'review' : 'overview'} keepMounted={false}>
            <Tabs.List mb="md">
              <Tabs.Tab value="overview">Overview</Tabs.Tab>
              <Tabs.Tab value="tools">Tools {data.n_tools > 0 && <span className="dim">{data.n_tools}</span>}</Tabs.Tab>
              {data.n_waiting > 0 && <Tabs.Tab value="review">Review {data.n_waiting}</Tabs.Tab>}
              {mayEdit && <Tabs.Tab value="edit">Settings</Tabs.Tab>}
            </Tabs.List>
            <Tabs.Panel value="overview"><Overview connection={data} /></Tabs.Panel>
            <Tabs.Panel value="tools">
              <Tools connection={data} />
              {may('roles:read') && <Text size="sm" mt="md">Who may use them is said on <Link to="/rules">Access rules</Link>.</Text>}
            </Tabs.Panel>
            <Tabs.Panel value="review"><Review connection={data.id} /></Tabs.Panel>
            {mayEdit && <Tabs.Panel value="edit"><Edited of={data}>{(connection, setTyped) => <Edit connection={connection} setTyped={setTyped} />}</Edited></Tabs.Panel>}
          </Tabs>
        )}
      </Loaded>
    </Drawer>
  );
}
