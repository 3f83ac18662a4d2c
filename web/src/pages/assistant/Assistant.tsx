// "What could this person's assistant do?": a sentence a tool, and behind a switch what is denied, and why.
import { Select, Switch, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { rolesQuery, toolsQuery, usersQuery, type Whose } from '../../api/queries';
import { useHere } from '../../api/session';
import { EffectiveToolList } from '../../parts/EffectiveToolList';
import { Empty, Lines, Loaded, PageHead } from '../../parts/parts';
import { counted } from '../../parts/words';

// Users and roles in one field: "user:ID" or "role:ID".
export function WhoSelect({ value, onChange, label }: { value: string | null; onChange: (value: string | null) => void; label: string }) {
  const { organisation } = useHere();
  const users = useQuery(usersQuery(organisation.id, {}));
  const roles = useQuery(rolesQuery(organisation.id));
  return (
    <Select
      label={label}
      placeholder="Choose a person or a role"
      searchable
      value={value}
      onChange={onChange}
      nothingFoundMessage="Nobody is called that."
      data={[
        { group: 'People', items: (users.data?.items ?? []).map(({ id, email }) => ({ value: `user:${id}`, label: email })) },
        { group: 'Somebody with this role alone', items: (roles.data?.items ?? []).map(({ id, name }) => ({ value: `role:${id}`, label: name })) },
      ]}
    />
  );
}

export const whoseOf = (user?: string, role?: string): Whose | null => (user ? { user } : role ? { role } : null);

export function searchOf(value: string | null): { user?: string; role?: string } {
  const [kind, id] = (value ?? '').split(':');
  return { user: kind === 'user' ? id : undefined, role: kind === 'role' ? id : undefined };
}

function Answer({ whose, query, showsDenied }: { whose: Whose; query: string; showsDenied: boolean }) {
  const { organisation } = useHere();
  const tools = useQuery(toolsQuery(organisation.id, whose, true));
  return (
    <Loaded query={tools} waiting={<Lines n={6} />}>
      {(data) => (
        <>
          <Text fw={500} mb="md" role="status">
            {data.n_allowed === 0 ? 'It could do nothing.' : `It could use ${counted(data.n_allowed, 'tool')}.`}
            {data.n_denied > 0 && <span className="dim"> {counted(data.n_denied, 'tool is', 'tools are')} denied.</span>}
          </Text>
          <EffectiveToolList tools={data.items} query={query} showsDenied={showsDenied} />
        </>
      )}
    </Loaded>
  );
}

export function Assistant() {
  const { user, role, q = '', denied } = useSearch({ from: '/assistant' });
  const navigate = useNavigate({ from: '/assistant' });
  const whose = whoseOf(user, role);
  return (
    <>
      <PageHead title="What could this person’s assistant do?" lead="Each tool that somebody’s assistant may use now, in a sentence, with the rule that says so." />
      <div className="filters">
        <div style={{ flex: '1 1 260px', maxWidth: 360 }}>
          <WhoSelect label="Whose assistant" value={user ? `user:${user}` : role ? `role:${role}` : null} onChange={(value) => void navigate({ search: (before) => ({ ...before, ...searchOf(value) }) })} />
        </div>
        <TextInput
          label="Search"
          leftSection={<IconSearch size={16} />}
          value={q}
          onChange={(event) => void navigate({ search: (before) => ({ ...before, q: event.target.value || undefined }), replace: true })}
          style={{ flex: '1 1 200px', maxWidth: 300 }}
        />
        <Switch label="Also what is denied" checked={denied === true} onChange={(event) => void navigate({ search: (before) => ({ ...before, denied: event.target.checked || undefined }), replace: true })} mb={8} />
      </div>
      {whose ? <Answer key={JSON.stringify(whose)} whose={whose} query={q} showsDenied={denied === true} /> : <Empty>Choose a person, or a role, above.</Empty>}
    </>
  );
}
