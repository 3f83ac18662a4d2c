// A webhook's name, address and events: of a new one, or changed.
import { Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core';
import type { Schemas } from '../../api/client';
import { useForm } from '../../parts/form';
import { ProblemBox } from '../../parts/parts';

type Event = Schemas['WebhookEvent'];

const groups: [string, Event[]][] = [
  ['Users', ['user.created', 'user.invited', 'user.joined', 'user.updated', 'user.disabled', 'user.enabled', 'user.removed']],
  ['Roles', ['role.created', 'role.updated', 'role.renamed', 'role.deleted']],
  ['URLs and keys', ['token.created', 'token.rotated', 'token.revoked', 'client.allowed', 'client.revoked', 'api_key.created', 'api_key.revoked']],
  ['Connections', ['connection.created', 'connection.updated', 'connection.renamed', 'connection.deleted', 'connection.connected', 'connection.disconnected', 'connection.failed']],
  ['Definitions', ['review.waiting', 'review.decided']],
  ['Limits and requests', ['limit.met', 'request.created', 'request.answered']],
];

export interface WebhookValues {
  name: string;
  url: string;
  events: Event[];
}

export function WebhookForm({ initial, verb, send, cancel }: { initial?: WebhookValues; verb: string; send: (values: WebhookValues) => Promise<unknown>; cancel: () => void }) {
  const form = useForm<WebhookValues>(initial ?? { name: '', url: '', events: [] });
  const { name, url, events } = form.values;
  const isAll = events.includes('*');
  const wrong = Object.entries(form.fields).find(([field]) => field.startsWith('events'))?.[1];
  return (
    <form noValidate onSubmit={(event) => { event.preventDefault(); void form.send(() => send(form.values)); }}>
      <Stack gap="sm">
        <TextInput label="Name" required value={name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoComplete="off" />
        <TextInput label="Address" description="It begins with https, is reachable from the internet, and answers with 2xx within ten seconds." placeholder="https://" required value={url} error={form.fields.url} onChange={(event) => form.set('url', event.currentTarget.value)} spellCheck={false} autoComplete="off" />
        <Checkbox label="Every event" description="Also those that come with later versions." checked={isAll} onChange={(event) => form.set('events', event.currentTarget.checked ? ['*'] : [])} />
        {!isAll && (
          <Checkbox.Group label="Events" value={events} onChange={(value) => form.set('events', value as Event[])}>
            {groups.map(([title, names]) => (
              <div key={title} role="group" aria-label={title} style={{ marginTop: 10 }}>
                <Text size="sm" c="dimmed">{title}</Text>
                <div className="scopes">{names.map((one) => <Checkbox key={one} value={one} label={one} />)}</div>
              </div>
            ))}
          </Checkbox.Group>
        )}
        {wrong && <Text size="sm" c="var(--mantine-color-error)" role="alert">{wrong}</Text>}
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group gap={8}>
          <Button type="submit" size="xs" loading={form.isBusy}>{verb}</Button>
          <Button size="xs" variant="default" onClick={cancel}>Cancel</Button>
        </Group>
      </Stack>
    </form>
  );
}
