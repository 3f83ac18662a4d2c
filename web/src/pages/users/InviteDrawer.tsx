// Inviting somebody: their address and roles; then their link, and at once their URL for those who want to hand out both.
import { Button, Drawer, Group, MultiSelect, Select, Stack, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, idempotencyKey, take, type Schemas } from '../../api/client';
import { rolesQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { NewToken } from '../../parts/NewToken';
import { ProblemBox, Secret, Time } from '../../parts/parts';

type Kind = Schemas['UserKind'];

const kindWords: Record<Kind, [string, string]> = {
  member: ['Member', 'Uses assistants, sees their own page.'],
  admin: ['Admin', 'Manages sources, users and rules.'],
  auditor: ['Auditor', 'Reads everything, changes nothing.'],
  owner: ['Owner', 'An admin who may also delete the organisation.'],
};

export function KindSelect({ value, error, onChange }: { value: Kind; error?: string; onChange: (kind: Kind) => void }) {
  return (
    <Select
      label="They are"
      description={kindWords[value][1]}
      data={Object.entries(kindWords).map(([kind, [label]]) => ({ value: kind, label }))}
      renderOption={({ option }) => <span>{option.label}<span className="dim small" style={{ display: 'block' }}>{kindWords[option.value as Kind][1]}</span></span>}
      value={value}
      error={error}
      allowDeselect={false}
      onChange={(chosen) => chosen && onChange(chosen as Kind)}
    />
  );
}

function Invited({ invited, close }: { invited: Schemas['InvitedUser']; close: () => void }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const [made, setMade] = useState<Schemas['NewAccessToken'] | null>(null);
  const form = useForm({});
  const make = () =>
    form.send(async () => {
      setMade(
        await take(
          api.POST('/organisations/{organisation}/tokens', {
            params: { path: { organisation: organisation.id }, header: { 'Idempotency-Key': idempotencyKey() } },
            body: { user: invited.user.id, kind: 'url', name: 'Assistant' },
          }),
        ),
      );
      await queries.invalidateQueries({ queryKey: [organisation.id] });
    });
  return (
    <Stack>
      {invited.invitation?.url ? (
        <>
          <Text>Send {invited.user.email} this link. They choose a password, and then see their own page, where they can make their URL. The link works once, and ends <Time of={invited.invitation.expires_at} />.</Text>
          <Secret label="invitation link" value={invited.invitation.url} />
        </>
      ) : (
        <Text>{invited.user.email} was invited before. A new link can be made on their page.</Text>
      )}
      {may('tokens:write') && (
        <div className="hint">
          {made ? (
            <NewToken made={made} />
          ) : (
            <Stack gap="sm">
              <Text size="sm">Or make their personal URL yourself, and put it into their assistant.</Text>
              {form.error !== null && <ProblemBox error={form.error} />}
              <Group><Button size="xs" variant="default" loading={form.isBusy} onClick={() => void make()}>Make their personal URL</Button></Group>
            </Stack>
          )}
        </div>
      )}
      <Group justify="flex-end"><Button variant={made ? 'filled' : 'default'} onClick={close}>Done</Button></Group>
    </Stack>
  );
}

function Ask({ done }: { done: (invited: Schemas['InvitedUser']) => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const roles = useQuery(rolesQuery(organisation.id));
  const form = useForm({ email: '', kind: 'member' as Kind, roles: [] as string[] });
  const [key] = useState(idempotencyKey);
  // Where there is one role only, that is most likely the one.
  const only = roles.data?.items.length === 1 ? roles.data.items[0]!.id : null;
  const { setValues } = form;
  useEffect(() => {
    if (only) setValues((before) => ({ ...before, roles: [only] }));
  }, [only, setValues]);
  const invite = () =>
    form.send(async () => {
      const { email, kind, roles: chosen } = form.values;
      done(
        await take(
          api.POST('/organisations/{organisation}/users', {
            params: { path: { organisation: organisation.id }, header: { 'Idempotency-Key': key } },
            body: { email: email.trim(), kind, roles: chosen },
          }),
        ),
      );
      await queries.invalidateQueries({ queryKey: [organisation.id] });
    });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void invite();
      }}
    >
      <Stack>
        <TextInput label="E-mail" type="email" required value={form.values.email} error={form.fields.email} onChange={(event) => form.set('email', event.currentTarget.value)} autoComplete="off" data-autofocus />
        <MultiSelect
          label="Roles"
          description={roles.data?.items.length === 0 ? 'There is no role yet: without one their assistant may use nothing.' : 'What their assistant may use.'}
          data={(roles.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          value={form.values.roles}
          error={form.fields.roles}
          onChange={(value) => form.set('roles', value)}
          disabled={!roles.data?.items.length}
        />
        <KindSelect value={form.values.kind} error={form.fields.kind} onChange={(value) => form.set('kind', value)} />
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group justify="flex-end"><Button type="submit" loading={form.isBusy}>Invite</Button></Group>
      </Stack>
    </form>
  );
}

export function InviteDrawer({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const [invited, setInvited] = useState<Schemas['InvitedUser'] | null>(null);
  useEffect(() => {
    if (isOpen) setInvited(null);
  }, [isOpen]);
  return (
    <Drawer opened={isOpen} onClose={close} title={<Text fw={600} fz={16}>{invited ? `${invited.user.email} is invited` : 'Invite someone'}</Text>} closeOnClickOutside={!invited}>
      {invited ? <Invited invited={invited} close={close} /> : <Ask done={setInvited} />}
    </Drawer>
  );
}
