// One user: kind and roles, URLs and keys, clients, and how they leave.
import { Button, Drawer, Group, MultiSelect, Stack, Tabs, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, idempotencyKey, take, type Schemas } from '../../api/client';
import { connectorsQuery, rolesQuery, userQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { Edited } from '../../parts/edited';
import { useForm } from '../../parts/form';
import { Confirm, Fact, Facts, Loaded, ProblemBox, Secret, Time, told, toldProblem, type Asking } from '../../parts/parts';
import { Browsers } from '../../parts/Browsers';
import { Clients, Tokens, type TokenActions } from '../../parts/Tokens';
import { KindSelect } from './InviteDrawer';
import { kindWord, UserStatus } from './Users';

type User = Schemas['User'];

function Overview({ user, setTyped }: { user: User; setTyped: (is: boolean) => void }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const roles = useQuery(rolesQuery(organisation.id));
  const [asking, setAsking] = useState<Asking | null>(null);
  const [link, setLink] = useState<Schemas['Invitation'] | null>(null);
  const form = useForm({ kind: user.kind, roles: user.roles.map(({ id }) => id) });
  const path = { organisation: organisation.id, user: user.id };
  const again = () => queries.invalidateQueries({ queryKey: [organisation.id] });
  const change = (body: Schemas['UserChange']) => take(api.PATCH('/organisations/{organisation}/users/{user}', { params: { path, header: { 'If-Match': user.etag } }, body }));
  const connectors = useQuery({ ...connectorsQuery(organisation.id), enabled: user.switched_off.length > 0 && may('connectors:read') });
  const set = (values: Partial<typeof form.values>) => {
    form.setValues({ ...form.values, ...values });
    setTyped(true);
  };
  const isChanged = form.values.kind !== user.kind || [...form.values.roles].sort().join() !== user.roles.map(({ id }) => id).sort().join();
  const save = () =>
    form.send(async () => {
      await change(form.values);
      setTyped(false);
      await again();
      told('Saved. It holds from the next call on.');
    });
  const reinvite = () =>
    form.send(async () => {
      setLink(await take(api.POST('/organisations/{organisation}/users/{user}/invitation', { params: { path } })));
    });
  const disable: Asking = {
    title: `Disable ${user.email}?`,
    text: 'They can no longer sign in here, and their URLs, keys and clients are refused from the next request on. They can be enabled again.',
    verb: 'Disable',
    run: async () => {
      await change({ is_disabled: true });
      await again();
      told(`${user.email} is disabled.`);
    },
  };
  const remove: Asking = {
    title: `Remove ${user.email}?`,
    text: 'Their URLs, keys, clients and personal connections are gone for good. What the trail says of their calls stays.',
    verb: 'Remove',
    name: user.email,
    run: async () => {
      await take(api.DELETE('/organisations/{organisation}/users/{user}', { params: { path } }));
      await navigate({ to: '/users' });
      await again();
      told(`${user.email} is removed.`);
    },
  };
  const mayWrite = may('users:write');
  return (
    <Stack>
      <Facts>
        <Fact name="Status"><UserStatus of={user.status} /></Fact>
        <Fact name="Since"><Time of={user.created_at} /></Fact>
        <Fact name="Last call"><Time of={user.last_call_at} /></Fact>
        {user.switched_off.length > 0 && (
          <Fact name="Switched off">{user.switched_off.map((id) => connectors.data?.items.find((one) => one.id === id)?.name ?? id).join(', ')} <span className="dim">by themselves, for their own assistants</span></Fact>
        )}
        {!mayWrite && <Fact name="Kind">{kindWord[user.kind]}</Fact>}
        {!mayWrite && <Fact name="Roles">{user.roles.map(({ name }) => name).join(', ') || 'none'}</Fact>}
      </Facts>
      {mayWrite && (
        <>
          <KindSelect value={form.values.kind} error={form.fields.kind} onChange={(kind) => set({ kind })} />
          <MultiSelect label="Roles" data={(roles.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))} value={form.values.roles} error={form.fields.roles} onChange={(roles) => set({ roles })} />
          {form.error !== null && <ProblemBox error={form.error} />}
          <Group><Button disabled={!isChanged} loading={form.isBusy} onClick={() => void save()}>Save</Button></Group>
        </>
      )}
      <Text size="sm"><Link to="/assistant" search={{ user: user.id }}>What could this person’s assistant do?</Link></Text>
      {may('audit:read') && <Text size="sm"><Link to="/activity" search={{ user: user.id }}>Their calls</Link></Text>}
      {link && (
        <div className="hint" role="status">
          <Text size="sm" mb={8}>A new link in the place of the old one. It works once, and ends <Time of={link.expires_at} />.</Text>
          {link.url && <Secret label="invitation link" value={link.url} />}
        </div>
      )}
      {mayWrite && (
        <Group gap={8}>
          {user.status === 'invited' && <Button size="xs" variant="default" onClick={() => void reinvite()}>New invitation link</Button>}
          {user.status === 'disabled' ? (
            <Button size="xs" variant="default" onClick={() => void form.send(async () => { await change({ is_disabled: false }); await again(); })}>Enable</Button>
          ) : (
            <Button size="xs" variant="default" onClick={() => setAsking(disable)}>Disable</Button>
          )}
          <Button size="xs" variant="subtle" color="red" c="var(--connek-bad)" onClick={() => setAsking(remove)}>Remove</Button>
        </Group>
      )}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </Stack>
  );
}

function UserTokens({ user }: { user: User }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id };
  const tokens = useQuery({
    queryKey: [organisation.id, 'user', user.id, 'tokens'],
    queryFn: () => take(api.GET('/organisations/{organisation}/tokens', { params: { path, query: { user: user.id, limit: 200 } } })),
  });
  const clients = useQuery({
    queryKey: [organisation.id, 'user', user.id, 'clients'],
    queryFn: () => take(api.GET('/organisations/{organisation}/clients', { params: { path, query: { user: user.id, limit: 200 } } })),
    enabled: may('clients:read'),
  });
  const actions: TokenActions = {
    make: (body) => take(api.POST('/organisations/{organisation}/tokens', { params: { path, header: { 'Idempotency-Key': idempotencyKey() } }, body: { ...body, user: user.id } })),
    rotate: (token, overlap_s) => take(api.POST('/organisations/{organisation}/tokens/{token}/rotation', { params: { path: { ...path, token }, header: { 'Idempotency-Key': idempotencyKey() } }, body: { overlap_s } })),
    revoke: (token) => take(api.DELETE('/organisations/{organisation}/tokens/{token}', { params: { path: { ...path, token } } })),
  };
  const changed = () => queries.invalidateQueries({ queryKey: [organisation.id] });
  return (
    <Stack>
      <Loaded query={tokens}>{({ items }) => <Tokens tokens={items} actions={may('tokens:write') ? actions : undefined} whose="There is" changed={changed} />}</Loaded>
      {may('clients:read') && (
        <div>
          <Text fw={500} mb={8}>Clients they let in</Text>
          <Loaded query={clients}>
            {({ items }) => (
              <Clients clients={items} changed={changed} end={may('clients:write') ? (client) => take(api.DELETE('/organisations/{organisation}/clients/{client}', { params: { path: { ...path, client } } })) : undefined} />
            )}
          </Loaded>
        </div>
      )}
    </Stack>
  );
}

function UserSessions({ user }: { user: User }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id, user: user.id };
  const queryKey = [organisation.id, 'user', user.id, 'sessions'];
  const sessions = useQuery({ queryKey, queryFn: () => take(api.GET('/organisations/{organisation}/users/{user}/sessions', { params: { path, query: { limit: 200 } } })) });
  const end = async (session: string) => {
    try {
      await take(api.DELETE('/organisations/{organisation}/users/{user}/sessions/{session}', { params: { path: { ...path, session } } }));
      await queries.invalidateQueries({ queryKey });
      told('Signed out there, from the next request on.');
    } catch (error) {
      toldProblem(error);
    }
  };
  return (
    <Loaded query={sessions}>
      {({ items }) => items.length === 0 ? <Text size="sm">They are signed in nowhere.</Text> : <Browsers sessions={items} end={may('users:write') ? (session) => void end(session) : undefined} />}
    </Loaded>
  );
}

export function UserDrawer() {
  const { user: id } = useParams({ from: '/users/$user' });
  const { organisation, may } = useHere();
  const navigate = useNavigate();
  const user = useQuery(userQuery(organisation.id, id));
  return (
    <Drawer opened onClose={() => void navigate({ to: '/users', search: (before) => before as never })} title={<Text fw={600} fz={16} className="wrap">{user.data?.email ?? 'User'}</Text>}>
      <Loaded query={user}>
        {(data) => (
          <Tabs defaultValue="overview" keepMounted={false}>
            <Tabs.List mb="md">
              <Tabs.Tab value="overview">Overview</Tabs.Tab>
              {may('tokens:read') && <Tabs.Tab value="tokens">URLs and keys {data.n_tokens > 0 && <span className="dim">{data.n_tokens}</span>}</Tabs.Tab>}
              {data.status === 'active' && <Tabs.Tab value="sessions">Browsers</Tabs.Tab>}
            </Tabs.List>
            <Tabs.Panel value="overview"><Edited of={data}>{(user, setTyped) => <Overview user={user} setTyped={setTyped} />}</Edited></Tabs.Panel>
            <Tabs.Panel value="tokens"><UserTokens user={data} /></Tabs.Panel>
            <Tabs.Panel value="sessions"><UserSessions user={data} /></Tabs.Panel>
          </Tabs>
        )}
      </Loaded>
    </Drawer>
  );
}
