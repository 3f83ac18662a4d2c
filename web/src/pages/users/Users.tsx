// Users: who is here, with which roles; inviting somebody.
import { Button, TextInput } from '@mantine/core';
import { IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Schemas } from '../../api/client';
import { usersQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { Empty, Lines, Loaded, PageHead, Status, Time } from '../../parts/parts';
import { InviteDrawer } from './InviteDrawer';

export const kindWord: Record<Schemas['UserKind'], string> = { owner: 'Owner', admin: 'Admin', member: 'Member', auditor: 'Auditor' };
const statusWord = { active: ['good', 'Active'], invited: ['accent', 'Invited'], disabled: ['plain', 'Disabled'] } as const;
export const UserStatus = ({ of }: { of: Schemas['User']['status'] }) => <Status tone={statusWord[of][0]}>{statusWord[of][1]}</Status>;

function UserRow({ user, isOpen, open }: { user: Schemas['User']; isOpen: boolean; open: () => void }) {
  return (
    <tr data-opens data-open={isOpen || undefined} onClick={open}>
      <td data-label="E-mail"><button type="button" className="row-link" onClick={(event) => { event.stopPropagation(); open(); }}>{user.email}</button></td>
      <td data-label="Kind">{kindWord[user.kind]}</td>
      <td data-label="Roles">{user.roles.length ? user.roles.map(({ name }) => name).join(', ') : <span className="dim">none</span>}</td>
      <td data-label="Status"><UserStatus of={user.status} /></td>
      <td data-label="Last call" className="tight"><Time of={user.last_call_at} /></td>
    </tr>
  );
}

export function Users() {
  const { organisation, may } = useHere();
  const { q = '', invite } = useSearch({ from: '/users' });
  const { user: open } = useParams({ strict: false });
  const navigate = useNavigate({ from: '/users' });
  const users = useQuery(usersQuery(organisation.id, { query: q || undefined }));
  return (
    <>
      <PageHead title="Users" lead="The people of your organisation, what each may do through their roles, and the URLs of their assistants.">
        {may('users:write') && <Button leftSection={<IconPlus size={16} />} onClick={() => void navigate({ search: (before) => ({ ...before, invite: true }) })}>Invite someone</Button>}
      </PageHead>
      <TextInput
        aria-label="Search users"
        placeholder="Search by e-mail"
        leftSection={<IconSearch size={16} />}
        value={q}
        onChange={(event) => void navigate({ search: (before) => ({ ...before, q: event.target.value || undefined }), replace: true })}
        maw={360}
        mb="md"
      />
      <Loaded query={users} waiting={<Lines n={6} />}>
        {({ items, next_cursor }) =>
          items.length === 0 ? (
            <Empty>Nobody’s address contains “{q}”.</Empty>
          ) : (
            <>
              <div className="table-box">
                <table className="list">
                  <thead><tr><th>E-mail</th><th>Kind</th><th>Roles</th><th>Status</th><th>Last call</th></tr></thead>
                  <tbody>
                    {items.map((user) => (
                      <UserRow key={user.id} user={user} isOpen={user.id === open} open={() => void navigate({ to: '/users/$user', params: { user: user.id }, search: (before) => before as never })} />
                    ))}
                  </tbody>
                </table>
              </div>
              {next_cursor && <p className="dim small">These are the first {items.length}. Search to find the others.</p>}
            </>
          )
        }
      </Loaded>
      <InviteDrawer isOpen={invite === true} close={() => void navigate({ search: (before) => ({ ...before, invite: undefined }) })} />
      <Outlet />
    </>
  );
}
