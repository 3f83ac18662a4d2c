// The installation, for whoever runs it: how large it is and how it does, organisation by organisation; nothing of
// anybody's data. It is asked for by the operator's key, which is kept while the page is open and nowhere else.
import { Button, Group, PasswordInput, Stack, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import createClient from 'openapi-fetch';
import { useState } from 'react';
import { answered, type Schemas } from '../../api/client';
import type { paths } from '../../api/schema';
import { Empty, Fact, Facts, Lines, Loaded, PageHead, ProblemBox, Section, Status, Time } from '../../parts/parts';
import { count, day } from '../../parts/words';

// No cookie goes along: who is signed in here is of no account.
const clientOf = (key: string) => createClient<paths>({ baseUrl: '/api/v1', headers: { Authorization: `Bearer ${key}` }, credentials: 'omit' });

function Organisations({ items }: { items: Schemas['OperatorOrganisation'][] }) {
  if (!items.length) return <Empty>There is no organisation yet.</Empty>;
  return (
    <div className="table-box">
      <table className="list">
        <thead><tr><th>Organisation</th><th>Since</th><th className="end">Users</th><th className="end">Active</th><th className="end">Calls</th><th className="end">Connections</th><th className="end">In trouble</th></tr></thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id}>
              <td data-label="Organisation">{one.name}</td>
              <td data-label="Since" className="tight">{day(one.created_at)}</td>
              <td data-label="Users" className="end">{count(one.users)}</td>
              <td data-label="Active" className="end">{count(one.active_users_30_days)}</td>
              <td data-label="Calls" className="end">{count(one.calls_30_days)}</td>
              <td data-label="Connections" className="end">{count(one.connections)}</td>
              <td data-label="In trouble" className="end">{one.connections_in_trouble ? <Status tone="warn">{count(one.connections_in_trouble)}</Status> : 0}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return <div className="card"><div className="dim small">{name}</div><div className="figure-n">{count(value)}</div></div>;
}

const nodeStates = { serving: ['good', 'Serving'], not_ready: ['warn', 'Not ready'], silent: ['bad', 'Silent'] } as const;

function Node({ node }: { node: Schemas['Installation']['nodes'][number] }) {
  const [tone, word] = nodeStates[node.state];
  return (
    <>
      <Status tone={tone}>{word}</Status> {node.workers !== null && <>{count(node.workers)} workers, </>}{node.connections !== null && <>{count(node.connections)} open connections, </>}started <Time of={node.started_at} />
    </>
  );
}

function Installation({ operatorKey, close }: { operatorKey: string; close: () => void }) {
  const client = clientOf(operatorKey);
  const installation = useQuery({ queryKey: ['operator', 'installation'], queryFn: () => answered(client.GET('/operator')), retry: false, refetchInterval: 30_000 });
  const organisations = useQuery({ queryKey: ['operator', 'organisations'], queryFn: () => answered(client.GET('/operator/organisations', { params: { query: { limit: 200 } } })), retry: false, enabled: installation.isSuccess });
  return (
    <>
      <Loaded query={installation} waiting={<Lines n={2} height={88} />}>
        {(data) => (
          <>
            <div className="cards" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(190px, 100%), 1fr))' }}>
              <Figure name="Organisations" value={data.organisations} />
              <Figure name="People active in 30 days" value={data.active_users_30_days} />
              <Figure name="Calls in 30 days" value={data.calls_30_days} />
            </div>
            <Section title="Health">
              <Facts>
                <Fact name="Status">{data.is_ready ? <Status tone="good">Ready</Status> : <Status tone="bad">Not ready</Status>} {data.problem}</Fact>
                <Fact name="Version">{data.version}</Fact>
                {data.nodes.map((node) => <Fact key={node.name} name={node.name}><Node node={node} /></Fact>)}
              </Facts>
            </Section>
            <Section title="Organisations" aside={<span className="dim small">Active and calls: in the last 30 days</span>}>
              <Loaded query={organisations}>{({ items }) => <Organisations items={items} />}</Loaded>
            </Section>
          </>
        )}
      </Loaded>
      <Group mt="lg"><Button variant="default" onClick={close}>Forget the key</Button></Group>
    </>
  );
}

export function Operator() {
  const queries = useQueryClient();
  const [typed, setTyped] = useState('');
  const [key, setKey] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const open = async () => {
    setBusy(true);
    setError(null);
    try {
      queries.setQueryData(['operator', 'installation'], await answered(clientOf(typed.trim()).GET('/operator')));
      setKey(typed.trim());
      setTyped('');
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const close = () => {
    setKey(null);
    queries.removeQueries({ queryKey: ['operator'] });
  };
  return (
    <main className="main" id="main">
      <PageHead title="Installation" lead="How large this installation is and how it does, for whoever runs it. Nothing of an organisation’s data is shown." />
      {key === null ? (
        <form className="hint" style={{ maxWidth: 480 }} onSubmit={(event) => { event.preventDefault(); void open(); }}>
          <Stack gap="sm">
            <Title order={2} fz={16}>The operator’s key</Title>
            <PasswordInput label="Key" description="Made on the server by connek operator key. This page forgets it when it is closed." value={typed} onChange={(event) => setTyped(event.currentTarget.value)} autoComplete="off" spellCheck={false} />
            {error !== null && <ProblemBox error={error} />}
            <Group><Button type="submit" loading={isBusy} disabled={!typed.trim()}>Open</Button></Group>
          </Stack>
        </form>
      ) : (
        <Installation operatorKey={key} close={close} />
      )}
    </main>
  );
}
