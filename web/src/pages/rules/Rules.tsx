// Access rules: the roles at the left, the chosen one's matrix at the right.
import { Button, Checkbox, Drawer, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Navigate, Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api, idempotencyKey, take } from '../../api/client';
import { connectionsQuery, rolesQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { Empty, Lines, Loaded, PageHead, ProblemBox } from '../../parts/parts';
import { counted } from '../../parts/words';

function MakeRole({ done }: { done: (id: string) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const connections = useQuery(connectionsQuery(organisation.id));
  const form = useForm({ name: '', connections: [] as string[] });
  const [key] = useState(idempotencyKey);
  const shared = (connections.data?.items ?? []).filter(({ owner }) => !owner);
  const { setValues } = form;
  const only = shared.length === 1 ? shared[0]!.name : null;
  useEffect(() => {
    if (only) setValues((before) => ({ ...before, connections: [only] }));
  }, [only, setValues]);
  const make = () =>
    form.send(async () => {
      const role = await take(
        api.POST('/organisations/{organisation}/roles', {
          params: { path: { organisation: organisation.id }, header: { 'Idempotency-Key': key } },
          body: { name: form.values.name.trim(), rules: form.values.connections.map((connection) => ({ connection, does: ['read' as const], effect: 'allow' as const })) },
        }),
      );
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      done(role.id);
    });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <Stack>
        <TextInput label="Name" description="For instance Finance, or Support." required value={form.values.name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoComplete="off" data-autofocus />
        {shared.length > 0 && (
          <Checkbox.Group label="May read with" description="Writing and single tools are set afterwards." value={form.values.connections} onChange={(value) => form.set('connections', value)} error={form.fields.rules}>
            <Stack gap={8} mt={8}>{shared.map(({ id, name, connector_name }) => <Checkbox key={id} value={name} label={name} description={connector_name === name ? undefined : connector_name} />)}</Stack>
          </Checkbox.Group>
        )}
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group justify="flex-end"><Button type="submit" loading={form.isBusy}>Make the role</Button></Group>
      </Stack>
    </form>
  );
}

export function Rules() {
  const { organisation, may } = useHere();
  const { make } = useSearch({ from: '/rules' });
  const { role: chosen } = useParams({ strict: false });
  const navigate = useNavigate({ from: '/rules' });
  const roles = useQuery(rolesQuery(organisation.id));
  const open = () => void navigate({ search: (before) => ({ ...before, make: true }) });
  return (
    <>
      <PageHead title="Access rules" lead="A role says what its people’s assistants may do. What no role allows is denied, and a denial beats every permission.">
        {may('roles:write') && <Button leftSection={<IconPlus size={16} />} onClick={open}>Make a role</Button>}
      </PageHead>
      <Loaded query={roles} waiting={<Lines n={5} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty action={may('roles:write') && <Button onClick={open}>Make a role</Button>}>There is no role yet, so nobody’s assistant may use anything.</Empty>
          ) : (
            <div className="roles">
              <nav aria-label="Roles" className="roles-list">
                {items.map((role) => (
                  <Link key={role.id} to="/rules/$role" params={{ role: role.id }} className="nav-link" activeOptions={{ includeSearch: false }}>
                    <span className="cut">{role.name}</span>
                    <span className="small" style={{ marginLeft: 'auto' }} aria-label={counted(role.users.length, 'person', 'people')}>{role.users.length}</span>
                  </Link>
                ))}
              </nav>
              <div style={{ minWidth: 0 }}>{chosen ? <Outlet /> : !make && <Navigate to="/rules/$role" params={{ role: items[0]!.id }} replace />}</div>
            </div>
          )
        }
      </Loaded>
      <Drawer opened={make === true} onClose={() => void navigate({ search: (before) => ({ ...before, make: undefined }) })} title={<Text fw={600} fz={16}>Make a role</Text>}>
        {make && <MakeRole done={(role) => void navigate({ to: '/rules/$role', params: { role }, search: {} })} />}
      </Drawer>
    </>
  );
}
