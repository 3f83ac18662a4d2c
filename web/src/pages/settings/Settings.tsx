// Settings: the organisation's name and limits, where one is signed in, the vault, configuration as a file, its end.
import { Button, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { organisationQuery, settingsQuery } from '../../api/queries';
import { sessionQuery, useHere } from '../../api/session';
import { Browsers } from '../../parts/Browsers';
import { Edited } from '../../parts/edited';
import { useForm } from '../../parts/form';
import { Confirm, Fact, Facts, Lines, Loaded, PageHead, ProblemBox, Section, Status, told, toldProblem, type Asking } from '../../parts/parts';
import { counted } from '../../parts/words';
import { ApplyDrawer } from './ApplyDrawer';
import { Records } from './Records';

function Name({ organisation, setTyped }: { organisation: Schemas['Organisation']; setTyped: (is: boolean) => void }) {
  const queries = useQueryClient();
  const form = useForm({ name: organisation.name });
  const save = () =>
    form.send(async () => {
      await take(api.PATCH('/organisations/{organisation}', { params: { path: { organisation: organisation.id }, header: { 'If-Match': organisation.etag } }, body: { name: form.values.name } }));
      setTyped(false);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
      told('Saved.');
    });
  return (
    <form onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <Stack gap="sm" maw={380}>
        <TextInput label="Name" value={form.values.name} error={form.fields.name} onChange={(event) => { setTyped(true); form.set('name', event.currentTarget.value); }} />
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group><Button type="submit" variant="default" loading={form.isBusy} disabled={form.values.name === organisation.name}>Rename</Button></Group>
      </Stack>
    </form>
  );
}

function Limits({ settings, setTyped }: { settings: Schemas['Settings']; setTyped: (is: boolean) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const form = useForm({ per_minute: settings.per_minute as number | string });
  const save = () =>
    form.send(async () => {
      await take(api.PATCH('/organisations/{organisation}/settings', { params: { path: { organisation: organisation.id }, header: { 'If-Match': settings.etag } }, body: { per_minute: Number(form.values.per_minute) } }));
      setTyped(false);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told('Saved. It holds from the next call on.');
    });
  return (
    <form onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <Stack gap="sm" maw={380}>
        <NumberInput label="Calls a minute of each URL or key" description="Unless one has a limit of its own. What is above it is denied, and told when to try again." min={1} max={1_000_000} thousandSeparator="," value={form.values.per_minute} error={form.fields.per_minute} onChange={(value) => { setTyped(Number(value) !== settings.per_minute); form.set('per_minute', value); }} />
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group><Button type="submit" variant="default" loading={form.isBusy} disabled={Number(form.values.per_minute) === settings.per_minute}>Save</Button></Group>
      </Stack>
    </form>
  );
}

function Sessions() {
  const queries = useQueryClient();
  const sessions = useQuery({ queryKey: ['sessions'], queryFn: () => take(api.GET('/sessions', {})) });
  const end = async (session: string) => {
    try {
      await take(api.DELETE('/sessions/{session}', { params: { path: { session } } }));
      await queries.invalidateQueries({ queryKey: ['sessions'] });
      told('Signed out there.');
    } catch (error) {
      toldProblem(error);
    }
  };
  return (
    <Loaded query={sessions} waiting={<Lines n={2} />}>
      {({ items }) => <Browsers sessions={items} end={(session) => void end(session)} />}
    </Loaded>
  );
}

function Configuration() {
  const { organisation, may } = useHere();
  const { apply: isApplying = false } = useSearch({ from: '/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const setApplying = (is: boolean) => void navigate({ search: { apply: is || undefined } });
  const form = useForm({});
  const save = () =>
    form.send(async () => {
      const config = await take(api.GET('/organisations/{organisation}/config', { params: { path: { organisation: organisation.id } } }));
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([JSON.stringify(config, null, 2)], { type: 'application/json' }));
      link.download = `${organisation.name.replaceAll(/[^\w-]+/g, '-')}.json`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  return (
    <Stack gap="sm">
      <Text size="sm">Sources, roles, rules and users as one file, for <code>connek apply</code> or for git. Keys are not in it.</Text>
      {form.error !== null && <ProblemBox error={form.error} />}
      <Group gap={8}>
        <Button variant="default" loading={form.isBusy} onClick={() => void save()}>Download the configuration</Button>
        {may('config:write') && <Button variant="default" onClick={() => setApplying(true)}>Apply a file</Button>}
      </Group>
      <ApplyDrawer isOpen={isApplying} close={() => setApplying(false)} />
    </Stack>
  );
}

export function Settings() {
  const { organisation: here, session, may } = useHere();
  const path = { organisation: here.id };
  const organisation = useQuery(organisationQuery(here.id));
  const settings = useQuery(settingsQuery(here.id));
  const [asking, setAsking] = useState<Asking | null>(null);
  const remove = (counts: Schemas['Organisation']['counts']): Asking => ({
    title: `Delete ${here.name}?`,
    text: `${counted(counts.users, 'user')}, ${counted(counts.connections, 'connection')} with their keys, ${counted(counts.roles, 'role')}, every URL and the whole trail are gone for good.`,
    verb: 'Delete all of it',
    name: here.name,
    run: async () => {
      await take(api.POST('/organisations/{organisation}/deletion', { params: { path }, body: { name: here.name } }));
      window.location.assign('/');
    },
  });
  return (
    <>
      <PageHead title="Settings" lead={`What holds for the whole of ${here.name}.`} />
      <Section title="Organisation">
        <Loaded query={organisation} waiting={<Lines n={1} />}>{(data) => <Edited of={data}>{(base, setTyped) => <Name organisation={base} setTyped={setTyped} />}</Edited>}</Loaded>
      </Section>
      <Section title="Limits">
        <Loaded query={settings} waiting={<Lines n={1} />}>{(data) => <Edited of={data}>{(base, setTyped) => <Limits settings={base} setTyped={setTyped} />}</Edited>}</Loaded>
      </Section>
      <Section title="Records">
        <Loaded query={settings} waiting={<Lines n={1} />}>{(data) => <Edited of={data}>{(base, setTyped) => <Records settings={base} setTyped={setTyped} />}</Edited>}</Loaded>
      </Section>
      <Section title="Signing in">
        <Stack>
          <Loaded query={settings} waiting={<Lines n={1} />}>
            {({ sessions }) => <Text size="sm">A session ends after {counted(sessions.idle_hours, 'hour')} without use, and after {counted(sessions.absolute_days, 'day')} at the latest.</Text>}
          </Loaded>
          <Facts>
            <Fact name="Second step">
              <Group gap={10}>
                {session.has_second_factor ? <Status tone="good">On</Status> : <Status tone="warn">Off</Status>}
                <a href="/account/two-step">{session.has_second_factor ? 'Change it' : 'Switch it on'}</a>
              </Group>
            </Fact>
          </Facts>
          <Sessions />
        </Stack>
      </Section>
      <Section title="Vault">
        <Loaded query={settings} waiting={<Lines n={1} />}>
          {({ vault, public_url }) => (
            <Facts>
              <Fact name="Master key">{vault.has_master_key ? <Status tone="good">In place</Status> : <Status tone="bad">Missing</Status>}</Fact>
              <Fact name="Data key">version {vault.data_key_version}</Fact>
              <Fact name="Reached at">{public_url}</Fact>
            </Facts>
          )}
        </Loaded>
      </Section>
      {may('config:read') && <Section title="Configuration as a file"><Configuration /></Section>}
      {may('organisation:delete') && (
        <Section title="Delete the organisation">
          <Loaded query={organisation} waiting={<Lines n={1} />}>
            {({ counts }) => (
              <Stack gap="sm">
                <Text size="sm">Everything of it, for good. Nobody can bring it back.</Text>
                <Group><Button variant="default" c="var(--connek-bad)" onClick={() => setAsking(remove(counts))}>Delete {here.name}</Button></Group>
              </Stack>
            )}
          </Loaded>
        </Section>
      )}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </>
  );
}
