// What people ask for and the catalogue or their roles do not give: an admin answers.
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { Empty, Lines, Loaded, ProblemBox, Time, told } from '../../parts/parts';
import { RequestStatus } from '../../parts/requests';

type Request = Schemas['ConnectorRequest'];

function Answer({ request, done }: { request: Request; done: () => void }) {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const form = useForm({ answer: '' });
  const send = (status: 'done' | 'declined') =>
    form.send(async () => {
      await take(api.POST('/organisations/{organisation}/requests/{request}/answer', { params: { path: { organisation: organisation.id, request: request.id } }, body: { status, answer: form.values.answer } }));
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told(`${request.user.email} sees the answer on My page.`);
      done();
    });
  return (
    <Stack gap="sm" mt={8}>
      <TextInput label="Answer" description={`${request.user.email} reads it.`} value={form.values.answer} error={form.fields.answer} onChange={(event) => form.set('answer', event.currentTarget.value)} autoComplete="off" />
      {form.error !== null && <ProblemBox error={form.error} />}
      <Group gap={8}>
        <Button size="xs" loading={form.isBusy} onClick={() => void send('done')}>It is there now</Button>
        <Button size="xs" variant="default" disabled={form.isBusy} onClick={() => void send('declined')}>Decline</Button>
        <Button size="xs" variant="subtle" onClick={done}>Cancel</Button>
      </Group>
    </Stack>
  );
}

function One({ request }: { request: Request }) {
  const { may } = useHere();
  const [isAnswering, setAnswering] = useState(false);
  return (
    <div className="account" style={{ gap: 4 }}>
      <div className="row" style={{ flexWrap: 'wrap' }}>
        <Text size="sm" fw={500} className="wrap" style={{ flex: 1 }}>{request.name}</Text>
        <RequestStatus of={request.status} />
      </div>
      <Text size="sm" c="dimmed" className="wrap">{request.user.email}, <Time of={request.created_at} /></Text>
      {request.reason && <Text size="sm" className="wrap">{request.reason}</Text>}
      {request.answer && <Text size="sm" c="dimmed" className="wrap">Answer: {request.answer}</Text>}
      {request.status === 'open' && may('connectors:write') && (isAnswering ? <Answer request={request} done={() => setAnswering(false)} /> : <Group mt={4}><Button size="compact-sm" variant="default" onClick={() => setAnswering(true)} aria-label={`Answer ${request.name}`}>Answer</Button></Group>)}
    </div>
  );
}

export const requestsQuery = (organisation: string) => ({
  queryKey: [organisation, 'requests'],
  queryFn: () => take(api.GET('/organisations/{organisation}/requests', { params: { path: { organisation }, query: { limit: 100 } } })),
});

export function Requests() {
  const { organisation } = useHere();
  const requests = useQuery(requestsQuery(organisation.id));
  return (
    <Loaded query={requests} waiting={<Lines n={3} />}>
      {({ items }) => (items.length ? <div className="table-box">{items.map((request) => <One key={request.id} request={request} />)}</div> : <Empty>Nobody has asked for anything. People ask on My page for a source that is missing.</Empty>)}
    </Loaded>
  );
}
