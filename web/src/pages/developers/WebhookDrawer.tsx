// One webhook: how it does, what was sent to it, and how it is changed.
import { Button, Drawer, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, idempotencyKey, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { Confirm, Duration, Empty, Fact, Facts, Json, Lines, Loaded, ProblemBox, Status, Time, told, type Asking, type Tone } from '../../parts/parts';
import { counted } from '../../parts/words';
import { WebhookForm, type WebhookValues } from './WebhookForm';
import { SecretOnce, WebhookStatus } from './webhook';

type Delivery = Schemas['WebhookDelivery'];
const deliveryWords: Record<Delivery['status'], [Tone, string]> = { waiting: ['warn', 'Waits'], delivered: ['good', 'Delivered'], failed: ['bad', 'Failed'] };

function OneDelivery({ delivery, again }: { delivery: Delivery; again?: () => Promise<unknown> }) {
  const [isOpen, setOpen] = useState(false);
  const form = useForm({});
  return (
    <div className="delivery">
      <div className="row" style={{ flexWrap: 'wrap' }}>
        <button type="button" className="row-link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{delivery.event}</button>
        <span className="dim small" style={{ flex: 1 }}><Time of={delivery.created_at} /></span>
        <Status tone={deliveryWords[delivery.status][0]}>{deliveryWords[delivery.status][1]}</Status>
      </div>
      {delivery.text && <Text size="sm" c="var(--connek-bad)" className="wrap">{delivery.text}</Text>}
      {isOpen && (
        <Stack gap="sm" mt={8}>
          <Facts>
            <Fact name="Attempts">{delivery.attempts}</Fact>
            {delivery.response_status !== null && <Fact name="Last answer">{delivery.response_status}, after <Duration ms={delivery.duration_ms} /></Fact>}
            {delivery.next_at && <Fact name="Next attempt">{Date.parse(delivery.next_at) > Date.now() ? <Time of={delivery.next_at} /> : 'when the webhook is tried again'}</Fact>}
            <Fact name="Message"><code className="small">msg_{delivery.id}</code></Fact>
          </Facts>
          <Json label="message" value={delivery.payload} />
          {form.error !== null && <ProblemBox error={form.error} />}
          {again && <Group><Button size="xs" variant="default" loading={form.isBusy} onClick={() => void form.send(again)}>Send it again</Button></Group>}
        </Stack>
      )}
    </div>
  );
}

function Deliveries({ id }: { id: string }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const [status, setStatus] = useState('');
  const path = { organisation: organisation.id, webhook: id };
  const deliveries = useInfiniteQuery({
    queryKey: [organisation.id, 'webhook', id, 'deliveries', status],
    queryFn: ({ pageParam }) =>
      take(api.GET('/organisations/{organisation}/webhooks/{webhook}/deliveries', { params: { path, query: { limit: 30, ...(pageParam && { cursor: pageParam }), ...(status && { status: status as Delivery['status'] }) } } })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    // What was just sent has its answer in a moment.
    refetchInterval: ({ state }) => (state.data?.pages.some(({ items }) => items.some((one) => one.status === 'waiting')) ? 2000 : false),
  });
  const again = async (delivery: string) => {
    await take(api.POST('/organisations/{organisation}/webhooks/{webhook}/deliveries/{delivery}/repetition', { params: { path: { ...path, delivery } }, body: {} }));
    await queries.invalidateQueries({ queryKey: [organisation.id, 'webhook', id] });
  };
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text fw={500}>What was sent</Text>
        <SegmentedControl aria-label="Deliveries" size="xs" value={status} onChange={setStatus} data={[{ value: '', label: 'All' }, { value: 'waiting', label: 'Waiting' }, { value: 'failed', label: 'Failed' }]} />
      </Group>
      <Loaded query={deliveries} waiting={<Lines n={3} />}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          if (!items.length) return <Empty>{status ? 'None of these.' : 'Nothing yet. Send it a test, and see what arrives.'}</Empty>;
          return (
            <>
              <div className="table-box">{items.map((delivery) => <OneDelivery key={delivery.id} delivery={delivery} again={may('webhooks:write') ? () => again(delivery.id) : undefined} />)}</div>
              {deliveries.hasNextPage && <Group justify="center"><Button size="xs" variant="default" loading={deliveries.isFetchingNextPage} onClick={() => void deliveries.fetchNextPage()}>Older ones</Button></Group>}
            </>
          );
        }}
      </Loaded>
    </Stack>
  );
}

function Whole({ webhook, close }: { webhook: Schemas['Webhook']; close: () => void }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const [isEditing, setEditing] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [asking, setAsking] = useState<Asking | null>(null);
  const form = useForm({});
  const path = { organisation: organisation.id, webhook: webhook.id };
  const again = () => queries.invalidateQueries({ queryKey: [organisation.id] });
  const change = async (body: Partial<WebhookValues> & { is_on?: boolean }) => {
    await take(api.PATCH('/organisations/{organisation}/webhooks/{webhook}', { params: { path, header: { 'If-Match': webhook.etag } }, body }));
    await again();
  };
  const test = () =>
    form.send(async () => {
      await take(api.POST('/organisations/{organisation}/webhooks/{webhook}/test', { params: { path, header: { 'Idempotency-Key': idempotencyKey() } }, body: {} }));
      await again();
    });
  const rotate: Asking = {
    title: `A new secret for ${webhook.name}?`,
    text: 'For a day messages are signed with both, so that the receiver can be changed in between. Then the old one is gone.',
    verb: 'Make a new secret',
    run: async () => {
      const made = await take(api.POST('/organisations/{organisation}/webhooks/{webhook}/rotation', { params: { path, header: { 'Idempotency-Key': idempotencyKey() } }, body: { overlap_hours: 24 } }));
      setSecret(made.secret);
      await again();
    },
  };
  const remove: Asking = {
    title: `Delete ${webhook.name}?`,
    text: 'What waits for it is not sent, and the log of what was is gone.',
    verb: 'Delete',
    run: async () => {
      await take(api.DELETE('/organisations/{organisation}/webhooks/{webhook}', { params: { path } }));
      close();
      await again();
      told(`${webhook.name} is deleted.`);
    },
  };
  if (isEditing)
    return (
      <WebhookForm
        initial={{ name: webhook.name, url: webhook.url, events: webhook.events }}
        verb="Save"
        cancel={() => setEditing(false)}
        send={async (values) => {
          await change(values);
          setEditing(false);
          told('Saved.');
        }}
      />
    );
  return (
    <Stack>
      {secret && <SecretOnce secret={secret} close={() => setSecret(null)} />}
      <Facts>
        <Fact name="Status"><WebhookStatus of={webhook.status} /></Fact>
        <Fact name="Address">{webhook.url}</Fact>
        <Fact name="Events">{webhook.events.includes('*') ? 'every event' : webhook.events.join(', ')}</Fact>
        <Fact name="Last delivered"><Time of={webhook.delivered_at} /></Fact>
        {webhook.failed_at && <Fact name="Last failed"><Time of={webhook.failed_at} /></Fact>}
        {webhook.retry_at && <Fact name="Tried again"><Time of={webhook.retry_at} /></Fact>}
        {webhook.n_dropped > 0 && <Fact name="Not kept">{counted(webhook.n_dropped, 'event')}, because a thousand waited already</Fact>}
      </Facts>
      {may('webhooks:write') && (
        <Group gap={8}>
          <Button size="xs" variant="default" loading={form.isBusy} disabled={!webhook.is_on} onClick={() => void test()}>Send a test</Button>
          <Button size="xs" variant="default" onClick={() => setEditing(true)}>Change</Button>
          <Button size="xs" variant="default" onClick={() => void form.send(() => change({ is_on: !webhook.is_on }))}>{webhook.is_on ? 'Switch off' : 'Switch on'}</Button>
          <Button size="xs" variant="default" onClick={() => setAsking(rotate)}>New secret</Button>
          <Button size="xs" variant="subtle" color="red" c="var(--connek-bad)" onClick={() => setAsking(remove)}>Delete</Button>
        </Group>
      )}
      {form.error !== null && <ProblemBox error={form.error} />}
      <Deliveries id={webhook.id} />
      <Confirm asking={asking} close={() => setAsking(null)} />
    </Stack>
  );
}

export function WebhookDrawer({ id, close }: { id: string; close: () => void }) {
  const { organisation } = useHere();
  const webhook = useQuery({
    queryKey: [organisation.id, 'webhook', id],
    queryFn: () => take(api.GET('/organisations/{organisation}/webhooks/{webhook}', { params: { path: { organisation: organisation.id, webhook: id } } })),
  });
  return (
    <Drawer opened onClose={close} title={<Text fw={600} fz={16} className="wrap">{webhook.data?.name ?? 'Webhook'}</Text>}>
      <Loaded query={webhook}>{(data) => <Whole webhook={data} close={close} />}</Loaded>
    </Drawer>
  );
}
