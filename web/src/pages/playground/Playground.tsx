// Playground: who, what, how; beneath it the request, the result and what the rules said. Its address reproduces it.
import { Group, Stack, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { RJSFSchema } from '@rjsf/utils';
import { lazy, Suspense, useState } from 'react';
import { api, take, type Schemas } from '../../api/client';
import { toolsQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { useForm } from '../../parts/form';
import { DoesBadge, Empty, Lines, Loaded, PageHead, ProblemBox, Status } from '../../parts/parts';
import { milliseconds, reasonWords } from '../../parts/words';
import { searchOf, whoseOf, WhoSelect } from '../assistant/Assistant';
import { Result } from './Result';

const ArgumentsForm = lazy(() => import('./ArgumentsForm').then((module) => ({ default: module.ArgumentsForm })));
type Tool = Schemas['EffectiveTool'];

// One tool may serve several connections: it is listed once, as allowed where any of them allows it.
const once = (tools: Tool[]): Tool[] => [...new Map([...tools].sort((a, b) => Number(a.is_allowed) - Number(b.is_allowed)).map((tool) => [tool.tool, tool])).values()].sort((a, b) => a.tool.localeCompare(b.tool));

function ToolList({ tools, chosen, choose }: { tools: Tool[]; chosen?: string; choose: (tool: string) => void }) {
  const [query, setQuery] = useState('');
  const wanted = query.trim().toLowerCase();
  const seen = once(tools).filter((tool) => !wanted || `${tool.tool} ${tool.title} ${tool.description}`.toLowerCase().includes(wanted));
  return (
    <Stack gap="xs">
      <TextInput aria-label="Search tools" placeholder="Search tools" leftSection={<IconSearch size={16} />} value={query} onChange={(event) => setQuery(event.currentTarget.value)} />
      <div className="table-box" style={{ maxHeight: 420, overflow: 'auto' }} role="group" aria-label="Tools">
        {seen.map((tool) => (
          <UnstyledButton key={tool.tool} className="tool-line pick" aria-pressed={tool.tool === chosen} onClick={() => choose(tool.tool)}>
            <span style={{ minWidth: 0 }}>
              <Text size="sm" fw={500} component="span" display="block" className="wrap">{tool.title || tool.tool}</Text>
              <Text size="xs" c="dimmed" component="span" display="block" className="wrap">{tool.tool}</Text>
            </span>
            <span className="row badges"><DoesBadge of={tool.does} />{!tool.is_allowed && <Status tone="bad">Denied</Status>}</span>
          </UnstyledButton>
        ))}
        {seen.length === 0 && <Text size="sm" c="dimmed" p="sm">No tool is called that.</Text>}
      </div>
    </Stack>
  );
}

function Answer({ answer, request }: { answer: Schemas['CallResult']; request: Record<string, unknown> }) {
  const { may } = useHere();
  return (
    <section className="section" aria-label="Answer">
      <Group gap={10} mb="sm" role="status">
        <Status tone={answer.decision === 'denied' || answer.is_error ? 'bad' : 'good'}>{answer.decision === 'denied' ? 'Denied' : answer.is_error ? 'Error' : 'Allowed'}</Status>
        <span className="dim">{milliseconds(answer.duration_ms)}</span>
        <span className="wrap">{reasonWords(answer.reason)}</span>
        {may('audit:read') && answer.call && <Link to="/activity/$record" params={{ record: answer.call }}>Its record</Link>}
      </Group>
      {answer.text && <div className="problem" role="alert" style={{ marginBottom: 12 }}>{answer.text}</div>}
      <Result key={answer.call ?? ''} answer={answer} request={request} />
    </section>
  );
}

const parsedArguments = (text: string | undefined): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};

export function Playground() {
  const { organisation, may } = useHere();
  const { user, role, tool: chosen, arguments: given } = useSearch({ from: '/playground' });
  const navigate = useNavigate({ from: '/playground' });
  const isForOthers = may('playground:call');
  const whose = isForOthers ? whoseOf(user, role) : 'me';
  const tools = useQuery({ ...toolsQuery(organisation.id, whose ?? 'me', true, true), enabled: whose !== null });
  const [answer, setAnswer] = useState<{ answer: Schemas['CallResult']; request: Record<string, unknown> } | null>(null);
  const form = useForm({});
  const tool = once(tools.data?.items ?? []).find((one) => one.tool === chosen);
  const call = (values: Record<string, unknown>) =>
    form.send(async () => {
      if (!chosen) return;
      setAnswer(null);
      void navigate({ search: (before) => ({ ...before, arguments: JSON.stringify(values) }), replace: true });
      const body = { tool: chosen, arguments: values };
      const path = { organisation: organisation.id };
      const result = isForOthers
        ? await take(api.POST('/organisations/{organisation}/playground/call', { params: { path }, body: { ...body, ...(user ? { user } : { role }) } as never }))
        : await take(api.POST('/organisations/{organisation}/me/call', { params: { path }, body }));
      setAnswer({ answer: result, request: body });
    });
  return (
    <>
      <PageHead title="Playground" lead={isForOthers ? 'Call a tool as somebody’s assistant would, for real, and see what the rules say. It stands in the trail like any other call.' : 'Call a tool as your assistant would, for real.'} />
      <div className="playground">
        {isForOthers && (
          <div className="card">
            <WhoSelect label="Who" value={user ? `user:${user}` : role ? `role:${role}` : null} onChange={(value) => { setAnswer(null); void navigate({ search: searchOf(value) }); }} />
          </div>
        )}
        <div className="card">
          <Text component="h2" fw={500} mt={0} mb={6}>What</Text>
          {whose === null ? (
            <Text size="sm" c="dimmed">Choose who first.</Text>
          ) : (
            <Loaded query={tools} waiting={<Lines n={5} />}>
              {({ items }) => (items.length ? <ToolList tools={items} chosen={chosen} choose={(name) => { setAnswer(null); void navigate({ search: (before) => ({ ...before, tool: name, arguments: undefined }) }); }} /> : <Empty>There is no tool yet.</Empty>)}
            </Loaded>
          )}
        </div>
        <div className="card">
          <Text component="h2" fw={500} mt={0} mb={6}>How</Text>
          {!tool ? (
            <Text size="sm" c="dimmed">Choose a tool.</Text>
          ) : (
            <>
              <Text size="sm" mb="sm" className="wrap">{tool.description}</Text>
              {!tool.is_allowed && <Text size="sm" mb="sm" c="var(--connek-bad)">The rules deny it: {reasonWords(tool.reason)} Calling shows what an assistant would be told.</Text>}
              {tool.does !== 'read' && tool.is_allowed && <Text size="sm" mb="sm" c="var(--connek-warn)">It changes something at {tool.connection?.name ?? 'Connek'}, for real.</Text>}
              <Suspense fallback={<Lines n={3} />}>
                <ArgumentsForm key={`${tool.tool}`} schema={(tool.input_schema ?? { type: 'object' }) as RJSFSchema} initial={parsedArguments(given)} isBusy={form.isBusy} call={(values) => void call(values)} />
              </Suspense>
              {form.error !== null && <ProblemBox error={form.error} />}
            </>
          )}
        </div>
      </div>
      {answer && <Answer answer={answer.answer} request={answer.request} />}
    </>
  );
}
