// Access tokens of somebody: made, shown once, rotated with overlap, revoked.
import { Button, Group, Menu, Select, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Schemas } from '../api/client';
import { useForm } from './form';
import { NewToken } from './NewToken';
import { Confirm, Empty, ProblemBox, Status, Time, told, Used, type Asking } from './parts';

type Token = Schemas['AccessToken'];
type Made = Schemas['NewAccessToken'];
const tone = { live: 'good', expired: 'plain', revoked: 'plain' } as const;
const word = { live: 'Live', expired: 'Expired', revoked: 'Revoked' };
const kindWord = { url: 'Personal URL', key: 'API key', oauth: 'Signed-in client' };
const day = 86_400;
const lives = [
  { value: '', label: 'Until it is revoked' },
  { value: '30', label: 'For 30 days' },
  { value: '90', label: 'For 90 days' },
  { value: '365', label: 'For a year' },
];

export interface TokenActions {
  make: (body: { kind: 'url' | 'key'; name: string; expires_at: string | null }) => Promise<Made>;
  rotate: (token: string, overlap_s: number) => Promise<Made>;
  revoke: (token: string) => Promise<unknown>;
}

function MakeToken({ actions, done, cancel }: { actions: TokenActions; done: (made: Made) => void; cancel: () => void }) {
  const form = useForm({ kind: 'url' as 'url' | 'key', name: '', life: '' });
  const make = () =>
    form.send(async () => {
      const { kind, name, life } = form.values;
      done(await actions.make({ kind, name, expires_at: life ? new Date(Date.now() + Number(life) * day * 1000).toISOString() : null }));
    });
  return (
    <form className="hint" onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <Stack gap="sm">
        <Select label="Kind" data={[{ value: 'url', label: 'Personal URL, for an assistant' }, { value: 'key', label: 'API key, for an agent of your own' }]} value={form.values.kind} allowDeselect={false} onChange={(value) => value && form.set('kind', value as 'url' | 'key')} />
        <TextInput label="Name" description="Where it will be used: Claude, laptop, agent." required value={form.values.name} error={form.fields.name} onChange={(event) => form.set('name', event.currentTarget.value)} autoComplete="off" />
        <Select label="Works" data={lives} value={form.values.life} allowDeselect={false} onChange={(value) => form.set('life', value ?? '')} />
        {form.error !== null && <ProblemBox error={form.error} />}
        <Group>
          <Button type="submit" size="xs" loading={form.isBusy}>Make it</Button>
          <Button size="xs" variant="default" onClick={cancel}>Cancel</Button>
        </Group>
      </Stack>
    </form>
  );
}

export function Tokens({ tokens, actions, whose, changed }: { tokens: Token[]; actions?: TokenActions; whose: string; changed: () => unknown }) {
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [asking, setAsking] = useState<Asking | null>(null);
  const [showsAll, setShowsAll] = useState(false);
  const rotation = useForm({});
  const seen = tokens.filter(({ status, kind }) => kind !== 'oauth' && (showsAll || status === 'live'));
  const nOver = tokens.filter(({ status, kind }) => kind !== 'oauth' && status !== 'live').length;
  const revoke = (token: Token): Asking => ({
    title: `Revoke ${token.name}?`,
    text: 'Whatever uses it is refused from its next request on. It cannot be brought back.',
    verb: 'Revoke',
    run: async () => {
      await actions?.revoke(token.id);
      told(`${token.name} is revoked.`);
      await changed();
    },
  });
  const rotate = (token: Token, overlap_s: number) =>
    rotation.send(async () => {
      if (!actions) return;
      setMade(await actions.rotate(token.id, overlap_s));
      await changed();
    });
  return (
    <Stack gap="sm">
      {made && (
        <div className="hint" role="status">
          <NewToken made={made} />
          <Button size="xs" variant="default" mt="sm" onClick={() => setMade(null)}>I have copied it</Button>
        </div>
      )}
      {seen.length === 0 && !isMaking && !made && <Empty action={actions && <Button size="xs" onClick={() => setMaking(true)}>Make a personal URL</Button>}>{whose} no live URL or key.</Empty>}
      {seen.length > 0 && (
        <div className="table-box">
          {seen.map((token) => (
            <div key={token.id} className="tool-line">
              <div style={{ minWidth: 0 }}>
                <Text size="sm" fw={500} className="wrap">{token.name}</Text>
                <Text size="sm" c="dimmed">
                  {kindWord[token.kind]} · <Used at={token.last_call_at} />
                  {token.expires_at && <> · ends <Time of={token.expires_at} /></>}
                </Text>
              </div>
              <Group gap={8} wrap="nowrap">
                <Status tone={tone[token.status]}>{word[token.status]}</Status>
                {actions && token.status === 'live' && (
                  <Menu position="bottom-end">
                    <Menu.Target><Button size="compact-xs" variant="default" aria-label={`More for ${token.name}`}>More</Button></Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item onClick={() => void rotate(token, day)}>Replace; the old one works for a day</Menu.Item>
                      <Menu.Item onClick={() => void rotate(token, 0)}>Replace now</Menu.Item>
                      <Menu.Item onClick={() => setAsking(revoke(token))} c="var(--connek-bad)">Revoke</Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                )}
              </Group>
            </div>
          ))}
        </div>
      )}
      {rotation.error !== null && <ProblemBox error={rotation.error} />}
      {isMaking && actions && (
        <MakeToken
          actions={actions}
          cancel={() => setMaking(false)}
          done={(token) => {
            setMaking(false);
            setMade(token);
            void changed();
          }}
        />
      )}
      <Group gap={8}>
        {actions && !isMaking && seen.length > 0 && <Button size="xs" variant="default" onClick={() => setMaking(true)}>Make another</Button>}
        {nOver > 0 && <Button size="xs" variant="subtle" onClick={() => setShowsAll(!showsAll)}>{showsAll ? 'Only live ones' : `Also ${nOver} that are over`}</Button>}
      </Group>
      <Confirm asking={asking} close={() => setAsking(null)} />
    </Stack>
  );
}

export function Clients({ clients, end, changed }: { clients: Schemas['Client'][]; end?: (id: string) => Promise<unknown>; changed: () => unknown }) {
  const [asking, setAsking] = useState<Asking | null>(null);
  const live = clients.filter(({ status }) => status === 'live');
  if (!live.length) return <Text size="sm" c="dimmed">No client was signed in.</Text>;
  return (
    <div className="table-box">
      {live.map((client) => (
        <div key={client.id} className="tool-line">
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={500} className="wrap">{client.name}</Text>
            <Text size="sm" c="dimmed">may {client.may.join(', ')} · <Used at={client.last_used_at} /></Text>
          </div>
          {end && (
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`End ${client.name}`}
              onClick={() =>
                setAsking({
                  title: `End what ${client.name} was let do?`,
                  text: 'It is refused from its next request on, until its person signs in there again.',
                  verb: 'End it',
                  run: async () => {
                    await end(client.id);
                    await changed();
                  },
                })
              }
            >
              End
            </Button>
          )}
        </div>
      ))}
      <Confirm asking={asking} close={() => setAsking(null)} />
    </div>
  );
}
