// One call, whole: who, what, what the rules said, what came of it, and its place in the chain.
import { Drawer, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { api, take, type Schemas } from '../../api/client';
import { useHere } from '../../api/session';
import { CallStatus, DoesBadge, Duration, Fact, Facts, Json, Loaded } from '../../parts/parts';
import { ago, exact, reasonWords } from '../../parts/words';

const outcomeWord: Record<string, string> = {
  ok: 'It was answered.',
  error: 'It failed.',
  cancelled: 'It was cancelled.',
  unknown: 'Nobody knows: the server stopped while it ran.',
  none: 'It was not carried out.',
};

function Story({ detail }: { detail: Schemas['AuditDetail'] }) {
  const { may } = useHere();
  const { record } = detail;
  const canRepeat = record.kind === 'call' && may('playground:call') && record.user?.id;
  return (
    <Stack>
      <Facts>
        <Fact name="Decision"><CallStatus of={record} /></Fact>
        <Fact name="Why">
          {reasonWords(record.reason)}
          {record.reason.startsWith('rule ') && <div className="dim small">{record.reason}</div>}
        </Fact>
        <Fact name="Outcome">{outcomeWord[record.outcome] ?? record.outcome}{record.error && <div style={{ color: 'var(--connek-bad)' }}>{record.error}</div>}</Fact>
        <Fact name="Time">{exact(record.time)} <span className="dim">({ago(record.time)})</span></Fact>
        <Fact name="Took"><Duration ms={record.duration_ms} /></Fact>
        <Fact name="Person">{record.user?.id && may('users:read') ? <Link to="/users/$user" params={{ user: record.user.id }}>{record.user.email}</Link> : record.user?.email ?? 'unknown'}</Fact>
        <Fact name="Roles then">{record.roles.join(', ') || 'none'}</Fact>
        {record.client && <Fact name="Client">{record.client}</Fact>}
        <Fact name={record.kind === 'call' ? 'Tool' : 'Change'}><span className="row" style={{ flexWrap: 'wrap' }}><code>{record.tool}</code><DoesBadge of={record.does} /></span></Fact>
        {record.connection && <Fact name="Connection">{record.connection}{record.connector && <span className="dim"> · {record.connector}</span>}</Fact>}
      </Facts>
      <div>
        <Text fw={500} mb={8}>{record.kind === 'call' ? 'Arguments' : 'What was changed'}</Text>
        {detail.arguments ? <Json label="arguments" value={detail.arguments} /> : <Text size="sm" c="dimmed">They are not kept.</Text>}
      </div>
      <div>
        <Text fw={500} mb={8}>Its place in the trail</Text>
        <Facts>
          <Fact name="Chain">{record.writer}, record {record.seq}</Fact>
          <Fact name="Seal"><code className="small">{detail.mac}</code></Fact>
          <Fact name="Rules">version {detail.policy_version}</Fact>
          {detail.trace && <Fact name="Trace"><code className="small">{detail.trace}</code></Fact>}
          <Fact name="Id"><code className="small">{record.id}</code></Fact>
        </Facts>
      </div>
      {canRepeat && (
        <Text size="sm">
          <Link to="/playground" search={{ user: record.user!.id!, tool: record.tool, arguments: detail.arguments ? JSON.stringify(detail.arguments) : undefined }}>Open it in the Playground</Link>
        </Text>
      )}
    </Stack>
  );
}

export function RecordDrawer() {
  const { record: id } = useParams({ from: '/activity/$record' });
  const { organisation, may } = useHere();
  const navigate = useNavigate();
  const record = useQuery({
    queryKey: [organisation.id, 'record', id],
    queryFn: () => take(api.GET('/organisations/{organisation}/audit/{record}', { params: { path: { organisation: organisation.id, record: id } } })),
    staleTime: Infinity,
    enabled: may('audit:read'),
  });
  const title = record.data?.record.tool ?? 'Call';
  return (
    <Drawer opened onClose={() => void navigate({ to: '/activity', search: (before) => before as never })} title={<Text fw={600} fz={16} className="wrap">{title}</Text>}>
      {may('audit:read') ? <Loaded query={record}>{(detail) => <Story detail={detail} />}</Loaded> : <Text>The whole of a call is shown to admins and auditors.</Text>}
    </Drawer>
  );
}
