// Webhooks: where events are sent, and how that goes.
import { Button, Group, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, idempotencyKey, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { Empty, Lines, Loaded, Section, Time } from '../../parts/parts';
import { counted } from '../../parts/words';
import { WebhookDrawer } from './WebhookDrawer';
import { WebhookForm } from './WebhookForm';
import { SecretOnce, WebhookStatus } from './webhook';

type Webhook = Schemas['Webhook'];

function List({ items }: { items: Webhook[] }) {
  return (
    <div className="table-box">
      {items.map((webhook) => (
        <div key={webhook.id} className="tool-line">
          <div style={{ minWidth: 0 }}>
            <Link to="/developers" search={{ tab: 'webhooks', webhook: webhook.id }} className="row-link">{webhook.name}</Link>
            <Text size="sm" c="dimmed" className="wrap">{webhook.url}</Text>
            <Text size="sm" c="dimmed">
              {webhook.events.includes('*') ? 'Every event' : counted(webhook.events.length, 'kind of event', 'kinds of event')}
              {webhook.delivered_at && <> · last sent <Time of={webhook.delivered_at} /></>}
              {webhook.n_waiting > 0 && ` · ${counted(webhook.n_waiting, 'message')} waiting`}
            </Text>
          </div>
          <WebhookStatus of={webhook.status} />
        </div>
      ))}
    </div>
  );
}

export function Webhooks() {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const { webhook: open } = useSearch({ from: '/developers' });
  const navigate = useNavigate({ from: '/developers' });
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const path = { organisation: organisation.id };
  const webhooks = useQuery({ queryKey: [organisation.id, 'webhooks'], queryFn: () => take(api.GET('/organisations/{organisation}/webhooks', { params: { path } })) });
  const mayWrite = may('webhooks:write');
  const make = async (body: { name: string; url: string; events: Schemas['WebhookEvent'][] }, key: string) => {
    const made = await take(api.POST('/organisations/{organisation}/webhooks', { params: { path, header: { 'Idempotency-Key': key } }, body }));
    await queries.invalidateQueries({ queryKey: [organisation.id] });
    setMaking(false);
    setSecret(made.secret);
  };
  return (
    <Section title="Webhooks">
      <Text size="sm" mb="sm" maw="84ch">What happens here is posted to an address of yours as it happens, signed (Standard Webhooks). What fails is sent again, for two days.</Text>
      {secret && <div style={{ marginBottom: 12 }}><SecretOnce secret={secret} close={() => setSecret(null)} /></div>}
      <Loaded query={webhooks} waiting={<Lines n={2} />}>
        {({ items }) => (
          <>
            {items.length > 0 && <List items={items} />}
            {!items.length && !isMaking && <Empty action={mayWrite && <Button size="xs" onClick={() => setMaking(true)}>Add a webhook</Button>}>No webhook yet. One tells another program at once when somebody joins, a connection fails, or a limit is met.</Empty>}
            {isMaking && <div className="hint" style={{ marginTop: items.length ? 12 : 0 }}><WebhookForm verb="Add it" send={(values) => make(values, idempotencyKey())} cancel={() => setMaking(false)} /></div>}
            {items.length > 0 && mayWrite && !isMaking && <Group mt="sm"><Button size="xs" variant="default" onClick={() => setMaking(true)}>Add a webhook</Button></Group>}
          </>
        )}
      </Loaded>
      {open && <WebhookDrawer key={open} id={open} close={() => void navigate({ search: { tab: 'webhooks' } })} />}
    </Section>
  );
}
