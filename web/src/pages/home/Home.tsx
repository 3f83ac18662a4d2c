// The first steps until the first call; then how things are.
import { Text } from '@mantine/core';
import { IconCheck, IconCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Navigate } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { connectionsQuery, organisationQuery, usageQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { LinkButton } from '../../parts/links';
import { CallStatus, CardLines, Duration, HealthStatus, Lines, Loaded, needsAttention, PageHead, Section, Status, Time } from '../../parts/parts';
import { count, counted } from '../../parts/words';

interface Step {
  is_done: boolean;
  title: string;
  text: string;
  action: ReactNode;
}

function stepsOf(organisation: Schemas['Organisation']): Step[] {
  const { first_steps: steps } = organisation;
  return [
    {
      is_done: steps.has_connection,
      title: 'Connect a source',
      text: 'A tool of your company’s: accounting, CRM, mail, a database. Its key or consent is kept sealed here.',
      action: <LinkButton to="/sources" search={{ tab: 'catalogue' }}>Connect a source</LinkButton>,
    },
    {
      is_done: steps.has_role,
      title: 'Make a role',
      text: 'A role says which tools its people’s assistants may use. What no role allows is denied.',
      action: <LinkButton to="/rules" search={{ make: true }}>Make a role</LinkButton>,
    },
    {
      is_done: steps.has_invited && steps.has_handed_out,
      title: 'Invite someone',
      text: 'They get a link to sign in, and a URL of their own for their assistant.',
      action: <LinkButton to="/users" search={{ invite: true }}>Invite someone</LinkButton>,
    },
    {
      is_done: steps.first_call_at !== null,
      title: 'See the first call',
      text: 'As soon as their assistant asks for something, it shows in Activity, with what the rules said.',
      action: <LinkButton to="/activity">Open Activity</LinkButton>,
    },
  ];
}

function FirstSteps({ organisation }: { organisation: Schemas['Organisation'] }) {
  const steps = stepsOf(organisation);
  const next = steps.findIndex(({ is_done }) => !is_done);
  return (
    <div className="table-box" role="list" aria-label="First steps">
      {steps.map((step, i) => (
        <div key={step.title} role="listitem" className="step" data-next={i === next || undefined}>
          {step.is_done ? <IconCheck size={20} color="var(--connek-good)" aria-hidden="true" /> : <IconCircle size={20} className="dim" aria-hidden="true" />}
          <div className="step-text">
            <Text fw={500}>{step.title}{step.is_done && <span className="dim"> · done</span>}</Text>
            <Text c="dimmed" size="sm">{step.text}</Text>
          </div>
          {i === next && step.action}
        </div>
      ))}
    </div>
  );
}

// Fourteen days as a line; the figure beside it says the same in words.
function Sparkline({ values }: { values: number[] }) {
  const [width, height] = [72, 32];
  const max = Math.max(1, ...values);
  const points = values.map((value, i) => `${((i / Math.max(1, values.length - 1)) * width).toFixed(1)},${(height - 3 - (value / max) * (height - 6)).toFixed(1)}`);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <polyline points={points.join(' ')} fill="none" stroke="var(--mantine-color-anchor)" strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}

const fortnight = 14;
const dayMs = 86_400_000;
const startOfDay = (now: number) => new Date(Math.floor(now / dayMs) * dayMs);

function Figures() {
  const { organisation } = useHere();
  const from = useMemo(() => new Date(startOfDay(Date.now()).getTime() - (fortnight - 1) * dayMs).toISOString(), []);
  const usage = useQuery(usageQuery(organisation.id, 'day', { from }));
  return (
    <Loaded query={usage} waiting={<CardLines n={4} height={88} />}>
      {({ items }) => {
        const days = Array.from({ length: fortnight }, (_, i) => new Date(new Date(from).getTime() + i * dayMs).toISOString().slice(0, 10));
        const of = (read: (row: Schemas['UsageRow']) => number) => days.map((key) => read(items.find((row) => row.key === key) ?? ({ calls: 0, denied: 0, errors: 0, people: 0 } as Schemas['UsageRow'])));
        const figures = [
          { name: 'Calls today', values: of((row) => row.calls), to: '/activity', search: {} },
          { name: 'Denied today', values: of((row) => row.denied), to: '/activity', search: { decision: 'denied' } },
          { name: 'Errors today', values: of((row) => row.errors), to: '/activity', search: { outcome: 'error' } },
          { name: 'People active today', values: of((row) => row.people), to: '/usage', search: {} },
        ] as const;
        return (
          <div className="cards" style={{ gridTemplateColumns: 'repeat(auto-fill, minmax(min(240px, 100%), 1fr))' }}>
            {figures.map(({ name, values, to, search }) => (
              <Link key={name} to={to} search={search} className="card figure">
                <div>
                  <div className="dim small">{name}</div>
                  <div className="figure-n">{count(values.at(-1) ?? 0)}</div>
                </div>
                <Sparkline values={values} />
              </Link>
            ))}
          </div>
        );
      }}
    </Loaded>
  );
}

function Attention() {
  const { organisation } = useHere();
  const connections = useQuery(connectionsQuery(organisation.id));
  const waiting = (connections.data?.items ?? []).filter(({ status, n_waiting }) => needsAttention(status) || n_waiting > 0);
  if (!waiting.length) return null;
  return (
    <Section title="Needs attention">
      <div className="cards">
        {waiting.map((connection) => (
          <Link key={connection.id} to="/sources/$connection" params={{ connection: connection.id }} className="card">
            <div className="row" style={{ justifyContent: 'space-between' }}>
              <Text fw={500} className="cut">{connection.name}</Text>
              {needsAttention(connection.status) ? <HealthStatus of={connection.status} /> : <Status tone="warn">To review</Status>}
            </div>
            <Text size="sm" c="dimmed" mt={4} className="wrap">
              {connection.n_waiting > 0 ? `${counted(connection.n_waiting, 'definition')} wait for a decision.` : connection.advice ?? connection.last_error ?? (connection.status === 'new' ? 'Its service has not been asked for permission. Open it to connect it.' : 'Open it to see what to do.')}
            </Text>
          </Link>
        ))}
      </div>
    </Section>
  );
}

function LatestCalls() {
  const { organisation } = useHere();
  const calls = useQuery({
    queryKey: [organisation.id, 'latest'],
    queryFn: () => take(api.GET('/organisations/{organisation}/audit', { params: { path: { organisation: organisation.id }, query: { kind: 'call', limit: 8 } } })),
  });
  return (
    <Section title="Latest calls" aside={<Link to="/activity">All activity</Link>}>
      <Loaded query={calls} waiting={<Lines n={5} />}>
        {({ items }) => (
          <div className="table-box">
            <table className="list">
              <thead><tr><th>Time</th><th>Person</th><th>Tool</th><th>Connection</th><th>Decision</th><th className="end">Took</th></tr></thead>
              <tbody>
                {items.map((call) => (
                  <tr key={call.id}>
                    <td data-label="Time" className="tight"><Time of={call.time} /></td>
                    <td data-label="Person">{call.user?.email}</td>
                    <td data-label="Tool"><Link to="/activity/$record" params={{ record: call.id }}>{call.tool}</Link></td>
                    <td data-label="Connection">{call.connection ?? <span className="dim">none</span>}</td>
                    <td data-label="Decision"><CallStatus of={call} /></td>
                    <td data-label="Took" className="end tight"><Duration ms={call.duration_ms} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </Section>
  );
}

export function Home() {
  const { organisation: here, may } = useHere();
  const isFor = may('audit:read');
  const organisation = useQuery({ ...organisationQuery(here.id), enabled: isFor });
  if (!isFor) return <Navigate to="/me" replace />;
  return (
    <Loaded query={organisation} waiting={<CardLines n={4} />}>
      {(data) => {
        const isNew = data.first_steps.first_call_at === null;
        return (
          <>
            <PageHead
              title={isNew && may('connections:write') ? `Welcome to ${here.name}` : 'Home'}
              lead={isNew && may('connections:write') ? 'Four steps, and your team’s assistants can use your tools.' : `How ${here.name} is doing today. Days are in UTC.`}
            />
            {isNew && may('connections:write') && <FirstSteps organisation={data} />}
            {!isNew && may('usage:read') && <Figures />}
            {may('connections:read') && <Attention />}
            {!isNew && may('audit:read') && <LatestCalls />}
          </>
        );
      }}
    </Loaded>
  );
}
