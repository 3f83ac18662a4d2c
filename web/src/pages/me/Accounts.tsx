// Accounts of my own: at services that the organisation has set free for that. Nobody else sees or uses them.
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, idempotencyKey, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { compact, FieldInput } from '../../parts/fields';
import { useForm } from '../../parts/form';
import { Confirm, Empty, HealthStatus, Initials, Lines, Loaded, ProblemBox, Status, Time, told, Used, type Asking } from '../../parts/parts';

type Connector = Schemas['MyConnector'];
type Connection = Schemas['Connection'];

function useOperations() {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id };
  const of = (connection: string) => ({ path: { ...path, connection } });
  return {
    again: () => queries.invalidateQueries({ queryKey: [organisation.id] }),
    make: (body: Schemas['MyNewConnection'], key: string) => take(api.POST('/organisations/{organisation}/me/connections', { params: { path, header: { 'Idempotency-Key': key } }, body })),
    consent: async (connection: string) => {
      const { url } = await take(api.POST('/organisations/{organisation}/me/connections/{connection}/link', { params: of(connection), body: { return_path: '/me' } }));
      if (url) window.location.assign(url);
    },
    check: (connection: string) => take(api.POST('/organisations/{organisation}/me/connections/{connection}/check', { params: of(connection), body: {} })),
    disconnect: (connection: string) => take(api.POST('/organisations/{organisation}/me/connections/{connection}/disconnect', { params: of(connection), body: {} })),
    remove: (connection: string) => take(api.DELETE('/organisations/{organisation}/me/connections/{connection}', { params: of(connection) })),
    putKey: (connection: string, credential: Record<string, string>) => take(api.PUT('/organisations/{organisation}/me/connections/{connection}/credential', { params: of(connection), body: { credential } })),
  };
}

function Connect({ connectors, done }: { connectors: Connector[]; done: () => void }) {
  const operations = useOperations();
  const [key] = useState(idempotencyKey);
  const form = useForm({ connector: connectors[0]!.id, name: '', settings: {} as Record<string, string>, credential: {} as Record<string, string> });
  const { values } = form;
  const connector = connectors.find(({ id }) => id === values.connector) ?? connectors[0]!;
  const byConsent = connector.ways.includes('oauth');
  const waits = byConsent && connector.is_client_needed;
  const connect = () =>
    form.send(async () => {
      const credential = byConsent ? {} : compact(values.credential);
      const made = await operations.make(
        { connector: connector.id, settings: compact(values.settings), ...(values.name && { name: values.name }), ...(Object.keys(credential).length > 0 && { credential }) },
        key,
      );
      await operations.again();
      if (byConsent) await operations.consent(made.id);
      else {
        told(`${made.name} is connected.`);
        done();
      }
    });
  return (
    <form className="hint" noValidate onSubmit={(event) => { event.preventDefault(); void connect(); }}>
      <Stack gap="sm">
        <Select label="Service" data={connectors.map(({ id, name }) => ({ value: id, label: name }))} value={connector.id} allowDeselect={false} onChange={(value) => value && form.setValues({ connector: value, name: values.name, settings: {}, credential: {} })} />
        {connector.description && <Text size="sm" c="dimmed">{connector.description}</Text>}
        <TextInput label="Name" description="Where you have several of them: work, private." value={values.name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoComplete="off" />
        {connector.settings.map((field) => (
          <FieldInput key={field.name} field={field} value={values.settings[field.name] ?? ''} error={form.fields[`settings.${field.name}`]} onChange={(value) => form.set('settings', { ...values.settings, [field.name]: value })} />
        ))}
        {!byConsent && connector.credential.map((field) => (
          <FieldInput key={field.name} field={field} value={values.credential[field.name] ?? ''} error={form.fields[`credential.${field.name}`]} onChange={(value) => form.set('credential', { ...values.credential, [field.name]: value })} />
        ))}
        {byConsent && <Text size="sm" c="dimmed">{waits ? `An admin has to register Connek at ${connector.name} before anybody can connect.` : `You go to ${connector.name}’s own page to agree, and come back here.`}</Text>}
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group gap={8}>
          <Button type="submit" size="xs" loading={form.isBusy} disabled={waits}>{byConsent ? `Go to ${connector.name}` : 'Connect'}</Button>
          <Button size="xs" variant="default" onClick={done}>Cancel</Button>
        </Group>
      </Stack>
    </form>
  );
}

function NewKey({ connection, connector, done }: { connection: Connection; connector: Connector; done: () => void }) {
  const operations = useOperations();
  const form = useForm({ credential: {} as Record<string, string> });
  const save = () =>
    form.send(async () => {
      await operations.putKey(connection.id, compact(form.values.credential));
      await operations.again();
      told('The new key is in use from the next call on.');
      done();
    });
  return (
    <form className="hint" noValidate onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <Stack gap="sm">
        {connector.credential.map((field) => (
          <FieldInput key={field.name} field={field} value={form.values.credential[field.name] ?? ''} error={form.fields[`credential.${field.name}`]} onChange={(value) => form.set('credential', { ...form.values.credential, [field.name]: value })} />
        ))}
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group gap={8}><Button type="submit" size="xs" loading={form.isBusy}>Save the key</Button><Button size="xs" variant="default" onClick={done}>Cancel</Button></Group>
      </Stack>
    </form>
  );
}

function Account({ connection, connector }: { connection: Connection; connector?: Connector }) {
  const operations = useOperations();
  const [answer, setAnswer] = useState<Schemas['Check'] | null>(null);
  const [asking, setAsking] = useState<Asking | null>(null);
  const [isKey, setKey] = useState(false);
  const form = useForm({});
  const { id, name, status } = connection;
  const byConsent = !connection.has_credential && (connector?.ways.includes('oauth') ?? status !== 'none');
  const check = () =>
    form.send(async () => {
      setAnswer(null);
      setAnswer(await operations.check(id));
      await operations.again();
    });
  const disconnect: Asking = {
    title: `Disconnect ${name}?`,
    text: 'What the service granted is given back, and your assistant’s calls fail until you connect it again.',
    verb: 'Disconnect',
    run: async () => {
      const { is_revoked, remark } = await operations.disconnect(id);
      await operations.again();
      told(is_revoked ? 'Disconnected, and the service knows.' : `Disconnected. ${remark}`);
    },
  };
  const remove: Asking = {
    title: `Remove ${name}?`,
    text: 'Its key or grant is gone for good. What the trail says of its calls stays.',
    verb: 'Remove',
    run: async () => {
      await operations.remove(id);
      await operations.again();
      told(`${name} is removed.`);
    },
  };
  return (
    <div className="account">
      <div className="row" style={{ gap: 12 }}>
        <Initials of={connection.connector_name} />
        <div style={{ flex: 1, minWidth: 0 }}>
          <Text size="sm" fw={500} className="wrap">{name}</Text>
          <Text size="sm" c="dimmed" className="wrap">{connection.connector_name} · <Used at={connection.last_call_at} />{connection.expires_at && <> · ends <Time of={connection.expires_at} /></>}</Text>
        </div>
        <HealthStatus of={status} />
      </div>
      {(connection.last_error || connection.advice) && status !== 'active' && <Text size="sm" className="wrap">{connection.advice ?? connection.last_error}</Text>}
      <Group gap={8}>
        {byConsent && (
          <Button size="compact-sm" variant={status === 'active' ? 'default' : 'filled'} onClick={() => void form.send(() => operations.consent(id))}>{status === 'new' ? 'Connect' : 'Reconnect'}</Button>
        )}
        <Button size="compact-sm" variant="default" loading={form.isBusy} onClick={() => void check()} aria-label={`Check ${name}`}>Check</Button>
        {connection.has_credential && connector && connector.credential.length > 0 && <Button size="compact-sm" variant="default" onClick={() => setKey(true)}>Change the key</Button>}
        {byConsent && status !== 'new' && status !== 'disconnected' && <Button size="compact-sm" variant="default" onClick={() => setAsking(disconnect)}>Disconnect</Button>}
        <Button size="compact-sm" variant="subtle" color="red" c="var(--connek-bad)" onClick={() => setAsking(remove)} aria-label={`Remove ${name}`}>Remove</Button>
      </Group>
      {form.error !== null && <ProblemBox error={form.error} />}
      {answer && <div className="row" role="status"><Status tone={answer.is_ok ? 'good' : 'bad'}>{answer.is_ok ? 'It works' : 'It does not work'}</Status><span className="small wrap">{answer.text}</span></div>}
      {isKey && connector && <NewKey connection={connection} connector={connector} done={() => setKey(false)} />}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </div>
  );
}

function Mine({ items, free }: { items: Connection[]; free: Connector[] }) {
  const [isAdding, setAdding] = useState(false);
  if (isAdding && free.length > 0) return <Connect connectors={free} done={() => setAdding(false)} />;
  const button = free.length > 0 && <Button size="xs" variant={items.length ? 'default' : 'filled'} onClick={() => setAdding(true)}>Connect an account of mine</Button>;
  if (!items.length)
    return free.length ? (
      <Empty action={button}>None yet. {free.map(({ name }) => name).join(', ')}: your assistants can work with an account that is yours alone.</Empty>
    ) : (
      <Text size="sm" c="dimmed">Your organisation has not set a service free for that.</Text>
    );
  return (
    <Stack gap="sm">
      <div className="table-box">{items.map((connection) => <Account key={connection.id} connection={connection} connector={free.find(({ id }) => id === connection.connector)} />)}</div>
      {button && <Group>{button}</Group>}
    </Stack>
  );
}

export function Accounts() {
  const { organisation } = useHere();
  const path = { organisation: organisation.id };
  const connectors = useQuery({ queryKey: [organisation.id, 'me', 'connectors'], queryFn: () => take(api.GET('/organisations/{organisation}/me/connectors', { params: { path } })) });
  const connections = useQuery({ queryKey: [organisation.id, 'me', 'connections'], queryFn: () => take(api.GET('/organisations/{organisation}/me/connections', { params: { path } })) });
  const waiting = <Lines n={1} />;
  return (
    <Loaded query={connectors} waiting={waiting}>
      {({ items: free }) => <Loaded query={connections} waiting={waiting}>{({ items }) => <Mine items={items} free={free} />}</Loaded>}
    </Loaded>
  );
}
