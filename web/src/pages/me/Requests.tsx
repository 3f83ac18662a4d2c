// Sources that I miss: asked for here, answered by an admin.
import { Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, idempotencyKey, take } from '../../api/client';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { Lines, Loaded, ProblemBox, Time, told } from '../../parts/parts';
import { RequestStatus } from '../../parts/requests';

function Ask({ done }: { done: () => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const [key] = useState(idempotencyKey);
  const form = useForm({ name: '', reason: '' });
  const ask = () =>
    form.send(async () => {
      await take(api.POST('/organisations/{organisation}/me/requests', { params: { path: { organisation: organisation.id }, header: { 'Idempotency-Key': key } }, body: form.values }));
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told('It is asked for. The answer shows here.');
      done();
    });
  return (
    <form className="hint" noValidate onSubmit={(event) => { event.preventDefault(); void ask(); }}>
      <Stack gap="sm">
        <TextInput label="What is missing" description="A service, such as HubSpot." required value={form.values.name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoComplete="off" />
        <Textarea label="What for" autosize minRows={2} maxRows={6} value={form.values.reason} error={form.fields.reason} onChange={(event) => form.set('reason', event.currentTarget.value)} />
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group gap={8}><Button type="submit" size="xs" loading={form.isBusy} disabled={!form.values.name.trim()}>Ask for it</Button><Button size="xs" variant="default" onClick={done}>Cancel</Button></Group>
      </Stack>
    </form>
  );
}

export function MyRequests() {
  const { organisation } = useHere();
  const [isAsking, setAsking] = useState(false);
  const requests = useQuery({
    queryKey: [organisation.id, 'me', 'requests'],
    queryFn: () => take(api.GET('/organisations/{organisation}/me/requests', { params: { path: { organisation: organisation.id }, query: { limit: 50 } } })),
    // An admin's answer is no event of one's own.
    refetchInterval: ({ state }) => (state.data?.items.some(({ status }) => status === 'open') ? 30_000 : false),
  });
  return (
    <Loaded query={requests} waiting={<Lines n={1} />}>
      {({ items }) => (
        <Stack gap="sm">
          {items.length > 0 && (
            <div className="table-box">
              {items.map((request) => (
                <div key={request.id} className="tool-line">
                  <div style={{ minWidth: 0 }}>
                    <Text size="sm" fw={500} className="wrap">{request.name}</Text>
                    <Text size="sm" c="dimmed" className="wrap">{request.answer || request.reason || <>asked for <Time of={request.created_at} /></>}</Text>
                  </div>
                  <RequestStatus of={request.status} />
                </div>
              ))}
            </div>
          )}
          {isAsking ? <Ask done={() => setAsking(false)} /> : <Group><Button size="xs" variant="default" onClick={() => setAsking(true)}>Ask for a source that is missing</Button></Group>}
        </Stack>
      )}
    </Loaded>
  );
}
