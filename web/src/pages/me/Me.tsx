// My page: my URLs, my clients, and what my assistant may do.
import { Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, idempotencyKey, take } from '../../api/client';
import { meQuery, toolsQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { EffectiveToolList } from '../../parts/EffectiveToolList';
import { Lines, Loaded, PageHead, Secret, Section } from '../../parts/parts';
import { Clients, Tokens, type TokenActions } from '../../parts/Tokens';
import { counted } from '../../parts/words';
import { Accounts } from './Accounts';
import { MyRequests } from './Requests';
import { Switches } from './Switches';

function MyTokens() {
  const { organisation } = useHere();
  const queries = useQueryClient();
  const path = { organisation: organisation.id };
  const tokens = useQuery({ queryKey: [organisation.id, 'me', 'tokens'], queryFn: () => take(api.GET('/organisations/{organisation}/me/tokens', { params: { path, query: { limit: 200 } } })) });
  const clients = useQuery({ queryKey: [organisation.id, 'me', 'clients'], queryFn: () => take(api.GET('/organisations/{organisation}/me/clients', { params: { path, query: { limit: 200 } } })) });
  const changed = () => queries.invalidateQueries({ queryKey: [organisation.id] });
  const actions: TokenActions = {
    make: (body) => take(api.POST('/organisations/{organisation}/me/tokens', { params: { path, header: { 'Idempotency-Key': idempotencyKey() } }, body })),
    rotate: (token, overlap_s) => take(api.POST('/organisations/{organisation}/me/tokens/{token}/rotation', { params: { path: { ...path, token }, header: { 'Idempotency-Key': idempotencyKey() } }, body: { overlap_s } })),
    revoke: (token) => take(api.DELETE('/organisations/{organisation}/me/tokens/{token}', { params: { path: { ...path, token } } })),
  };
  return (
    <>
      <Section title="My URLs and keys">
        <Loaded query={tokens} waiting={<Lines n={2} />}>{({ items }) => <Tokens tokens={items} actions={actions} whose="You have" changed={changed} />}</Loaded>
      </Section>
      <Section title="Assistants that I signed in">
        <Loaded query={clients} waiting={<Lines n={1} />}>
          {({ items }) => <Clients clients={items} changed={changed} end={(client) => take(api.DELETE('/organisations/{organisation}/me/clients/{client}', { params: { path: { ...path, client } } }))} />}
        </Loaded>
      </Section>
    </>
  );
}

export function Me() {
  const { organisation } = useHere();
  const me = useQuery(meQuery(organisation.id));
  const tools = useQuery(toolsQuery(organisation.id, 'me', false));
  return (
    <>
      <PageHead title="My page" lead="Your own URL for your assistant, what it may do for you, and how you stop it." />
      <Loaded query={me} waiting={<Lines n={2} />}>
        {({ user, mcp_url }) => (
          <>
            <Text>
              {user.email} in {organisation.name}, {user.roles.length ? `with ${user.roles.length === 1 ? 'the role' : 'the roles'} ${user.roles.map(({ name }) => name).join(', ')}` : 'without a role yet'}.
            </Text>
            <Section title="Let an assistant sign in">
              <Text size="sm" mb="sm">Assistants that can sign in need this address alone; you agree on a page of ours.</Text>
              <Secret label="address" value={mcp_url} />
            </Section>
          </>
        )}
      </Loaded>
      <MyTokens />
      <Section title="Sources for my assistants"><Switches /></Section>
      <Section title="Accounts of my own"><Accounts /></Section>
      <Section title="Sources that I miss"><MyRequests /></Section>
      <Section title="What my assistant may do">
        <Loaded query={tools} waiting={<Lines n={4} />}>
          {(data) => (
            <>
              <Text size="sm" c="dimmed" mb="sm">{counted(data.n_allowed, 'tool')}.</Text>
              <EffectiveToolList tools={data.items} query="" showsDenied={false} />
            </>
          )}
        </Loaded>
      </Section>
    </>
  );
}
