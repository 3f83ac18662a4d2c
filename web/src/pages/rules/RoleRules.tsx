// One role as a matrix: rows are connections that open to tools, columns what a tool does, each cell a three-state
// switch. Changes are collected in a bar that says what they would mean, and saved at once.
import { ActionIcon, Button, Collapse, Drawer, Group, Menu, NumberInput, Select, Stack, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconChevronRight, IconDots, IconX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useBlocker, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { api, Problem, take, type Schemas } from '../../api/client';
import { connectionsQuery, connectionToolsQuery, connectorsQuery, rolesQuery } from '../../api/queries';
import { useHere } from '../../api/session';
import { Edited } from '../../parts/edited';
import { useForm } from '../../parts/form';
import { Confirm, DoesBadge, Empty, Lines, Loaded, ProblemBox, Section, told, type Asking } from '../../parts/parts';
import { capital, counted } from '../../parts/words';
import { Cells, CategoryRow, doesWord, Switch, WideName } from './cells';
import { changesBetween, describe, emptyRow, everyDoes, keyOf, matrixOf, rulesOf, type Matrix, type Row } from './matrix';

type Role = Schemas['Role'];

// What follows for a tool from its row, where nothing is said of it.
function Tools({ connection, row, isFixed, onChange }: { connection: string; row: Row; isFixed: boolean; onChange: (row: Row) => void }) {
  const { organisation } = useHere();
  const tools = useQuery(connectionToolsQuery(organisation.id, connection));
  return (
    <Loaded query={tools} waiting={<Lines n={3} height={32} />}>
      {({ items }) =>
        items.length === 0 ? (
          <Text size="sm" c="dimmed" p="sm">It offers no tools yet.</Text>
        ) : (
          <>
            {items.map((tool) => {
              const own = row.tools[tool.name] ?? 'none';
              return (
                <div key={tool.name} className="matrix-tool">
                  <div style={{ flex: '1 1 220px', minWidth: 0 }}>
                    <span className="row" style={{ gap: 8 }}><span className="wrap">{tool.title || tool.name}</span><DoesBadge of={tool.does} /></span>
                    {own === 'none' && <span className="dim small">follows {doesWord[tool.does]}</span>}
                  </div>
                  <Switch value={own} off="Follow" label={`${tool.title || tool.name} of ${row.name}`} isFixed={isFixed} onChange={(choice) => onChange({ ...row, tools: { ...row.tools, [tool.name]: choice } })} />
                </div>
              );
            })}
          </>
        )
      }
    </Loaded>
  );
}

// Connek's own tools about the organisation; the others of the same connector need no rule.
const self = 'connek';

const rowWords = (row: Row, connectors: Schemas['Connector'][]): [string, string] => {
  if (row.kind === 'connection') return [row.name, ''];
  if (row.kind === 'label') return [row.name, 'every connection with this label'];
  if (row.name === self) return ['Connek itself', 'users, roles, usage and calls, for owners, admins and auditors'];
  return [connectors.find(({ id }) => id === row.name)?.name ?? row.name, 'every connection of it'];
};

function MatrixRow({ row, connection, connectors, isFixed, onChange, onRemove }: { row: Row; connection?: Schemas['Connection']; connectors: Schemas['Connector'][]; isFixed: boolean; onChange: (row: Row) => void; onRemove?: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const [title, hint] = rowWords(row, connectors);
  const nTools = Object.values(row.tools).filter((choice) => choice !== 'none').length;
  return (
    <div className="matrix-row">
      <div className="matrix-head">
        <div className="matrix-name">
          {connection ? (
            <UnstyledButton className="row" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen} aria-label={`Tools of ${title}`}>
              <IconChevronRight size={16} aria-hidden="true" style={{ flex: 'none', transform: isOpen ? 'rotate(90deg)' : undefined }} />
              <span className="wrap"><b style={{ fontWeight: 500 }}>{title}</b></span>
            </UnstyledButton>
          ) : (
            <WideName title={title} onRemove={isFixed ? undefined : onRemove} />
          )}
          <div className="dim small" style={{ paddingLeft: 24 }}>
            {connection ? `${connection.connector_name === title ? '' : `${connection.connector_name} · `}${counted(connection.n_tools, 'tool')}` : hint}
            {nTools > 0 && ` · ${nTools} set by name`}
          </div>
        </div>
        <Cells of={(does) => row.does[does] ?? 'none'} title={title} isFixed={isFixed} onChange={(does, choice) => onChange({ ...row, does: { ...row.does, [does]: choice } })} />
      </div>
      {connection && (
        <Collapse expanded={isOpen}>{isOpen && <div className="matrix-tools"><Tools connection={connection.id} row={row} isFixed={isFixed} onChange={onChange} /></div>}</Collapse>
      )}
    </div>
  );
}

// What the draft would mean: asked of the server a moment after the last change.
function useReplay(role: Role, draft: Schemas['RoleDraft'] | null) {
  const { organisation } = useHere();
  const [settled, setSettled] = useState<Schemas['RoleDraft'] | null>(null);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(draft), 400);
    return () => window.clearTimeout(timer);
  }, [draft]);
  return useQuery({
    queryKey: [organisation.id, 'replay', role.id, settled],
    queryFn: () => take(api.POST('/organisations/{organisation}/roles/replay', { params: { path: { organisation: organisation.id } }, body: { role: role.id, draft: settled!, days: 30 } })),
    enabled: settled !== null,
    retry: false,
  });
}

function ReplayDetail({ replay }: { replay: Schemas['Replay'] }) {
  return (
    <Stack>
      {replay.users.length === 0 && <Text c="dimmed">For nobody’s assistant would anything change.</Text>}
      {replay.users.map(({ id, email, gained, lost }) => (
        <div key={id}>
          <Text fw={500} className="wrap">{email}</Text>
          {gained.map((tool) => <Text key={tool} size="sm" c="var(--connek-good)" className="wrap">+ {tool}</Text>)}
          {lost.map((tool) => <Text key={tool} size="sm" c="var(--connek-bad)" className="wrap">− {tool}</Text>)}
        </div>
      ))}
      <Text fw={500}>Of {counted(replay.calls_checked, 'call')} in the last 30 days</Text>
      {replay.newly_denied.length + replay.newly_allowed.length === 0 && <Text c="dimmed" size="sm">None would be decided otherwise.</Text>}
      {replay.newly_denied.map((call) => <Text key={`d${call.user}${call.tool}${call.connection}`} size="sm" className="wrap">{counted(call.calls, 'call')} of {call.tool} by {call.user} would be denied.</Text>)}
      {replay.newly_allowed.map((call) => <Text key={`a${call.user}${call.tool}${call.connection}`} size="sm" className="wrap">{counted(call.calls, 'call')} of {call.tool} by {call.user} would be allowed.</Text>)}
    </Stack>
  );
}

function replayWords(replay: Schemas['Replay'] | undefined): string {
  if (!replay) return 'Looking at what it would mean…';
  const gains = replay.users.filter(({ gained }) => gained.length);
  const losses = replay.users.filter(({ lost }) => lost.length);
  const tools = (of: string[][]) => counted(new Set(of.flat()).size, 'tool');
  const words: string[] = [];
  if (gains.length) words.push(`${counted(gains.length, 'person gains', 'people gain')} ${tools(gains.map(({ gained }) => gained))}`);
  if (losses.length) words.push(`${counted(losses.length, 'person loses', 'people lose')} ${tools(losses.map(({ lost }) => lost))}`);
  if (!words.length) words.push('nobody’s tools change');
  const denied = replay.newly_denied.reduce((sum, { calls }) => sum + calls, 0);
  return `${words.join(', ')}; ${denied} of the last ${counted(replay.calls_checked, 'call')} would be denied`;
}

// The connectors of a category that something is connected to.
const inCategory = (category: string, connections: Schemas['Connection'][], connectors: Schemas['Connector'][]) =>
  connectors.filter(({ id, categories }) => categories.includes(category) && connections.some(({ connector }) => connector === id));

function AddRow({ rows, connections, connectors, openCategories, add, openCategory }: { rows: Matrix['rows']; connections: Schemas['Connection'][]; connectors: Schemas['Connector'][]; openCategories: string[]; add: (row: Row) => void; openCategory: (category: string) => void }) {
  const labels = [...new Set(connections.flatMap(({ labels: own }) => Object.entries(own).map(([name, value]) => `${name}=${value}`)))].sort();
  const used = new Set(connections.map(({ connector }) => connector));
  const categories = [...new Set(connectors.filter(({ id }) => used.has(id)).flatMap((connector) => connector.categories))].sort();
  const offered = [
    { group: 'Every connection of', items: connectors.filter(({ id }) => used.has(id) && !rows[keyOf('connector', id)]).map(({ id, name }) => ({ value: keyOf('connector', id), label: name })) },
    { group: 'Every connection labelled', items: labels.filter((label) => !rows[keyOf('label', label)]).map((label) => ({ value: keyOf('label', label), label })) },
    { group: 'All of a category', items: categories.filter((category) => !openCategories.includes(category)).map((category) => ({ value: `category:${category}`, label: capital(category) })) },
    { group: 'The organisation', items: rows[keyOf('connector', self)] ? [] : [{ value: keyOf('connector', self), label: 'Connek itself' }] },
  ].filter(({ items }) => items.length);
  if (!offered.length) return null;
  return (
    <Select
      aria-label="Add a rule for more"
      placeholder="Connector, label or category"
      data={offered}
      value={null}
      maw={340}
      mt="sm"
      onChange={(value) => {
        if (!value) return;
        const [kind, ...rest] = value.split(':');
        const name = rest.join(':');
        if (kind === 'category') openCategory(name);
        else add(emptyRow(kind as Row['kind'], name));
      }}
    />
  );
}

function RoleEditor({ role, setTyped, connections, connectors }: { role: Role; setTyped: (is: boolean) => void; connections: Schemas['Connection'][]; connectors: Schemas['Connector'][] }) {
  const { organisation, may } = useHere();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const before = useMemo(() => matrixOf(role.rules), [role.rules]);
  const [matrix, setMatrix] = useState(before);
  const [name, setName] = useState(role.name);
  const [maxResult, setMaxResult] = useState<number | null>(role.max_result);
  const [categories, setCategories] = useState<string[]>([]);
  const [isNaming, setNaming] = useState(false);
  const [showsReplay, setShowsReplay] = useState(false);
  const [asking, setAsking] = useState<Asking | null>(null);
  const form = useForm({});
  const isFixed = !may('roles:write');
  const nChanges = changesBetween(before, matrix) + (name !== role.name ? 1 : 0) + (maxResult !== role.max_result ? 1 : 0);
  const isTyped = nChanges > 0;
  useEffect(() => {
    setTyped(isTyped);
  }, [isTyped]);
  const draft = useMemo(() => (nChanges > 0 ? { name, max_result: maxResult, rules: rulesOf(matrix) } : null), [nChanges, name, maxResult, matrix]);
  const replay = useReplay(role, draft);
  const blocker = useBlocker({ shouldBlockFn: () => nChanges > 0, enableBeforeUnload: () => nChanges > 0, withResolver: true });

  const discard = () => {
    setMatrix(before);
    setName(role.name);
    setMaxResult(role.max_result);
    setCategories([]);
    setNaming(false);
    form.setError(null);
  };
  const setRow = (row: Row) => setMatrix((now) => ({ ...now, rows: { ...now.rows, [keyOf(row.kind, row.name)]: row } }));
  const setRows = (rows: Row[]) => rows.forEach(setRow);
  const removeRow = (row: Row) =>
    setMatrix(({ rows: { [keyOf(row.kind, row.name)]: _, ...rows }, others }) => ({ rows, others }));
  const save = () =>
    form.send(async () => {
      await take(
        api.PUT('/organisations/{organisation}/roles/{role}', {
          params: { path: { organisation: organisation.id, role: role.id }, header: { 'If-Match': role.etag } },
          body: { name, max_result: maxResult, rules: rulesOf(matrix) },
        }),
      );
      setTyped(false);
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told('Saved. It holds from the next call on.');
    });
  const remove: Asking = {
    title: `Delete the role ${role.name}?`,
    text: `${counted(role.users.length, 'person loses', 'people lose')} what it allows, from the next call on.`,
    verb: 'Delete',
    name: role.name,
    run: async () => {
      await take(api.DELETE('/organisations/{organisation}/roles/{role}', { params: { path: { organisation: organisation.id, role: role.id } } }));
      await navigate({ to: '/rules', ignoreBlocker: true });
      await queries.invalidateQueries({ queryKey: [organisation.id] });
      told(`The role ${role.name} is deleted.`);
    },
  };

  const shared = connections.filter(({ owner }) => !owner);
  const named = new Set(shared.map((connection) => keyOf('connection', connection.name)));
  const wide = Object.values(matrix.rows).filter((row) => !named.has(keyOf(row.kind, row.name)));
  const isStale = form.error instanceof Problem && form.error.status === 412;

  return (
    <>
      <Group justify="space-between" mb="sm" wrap="nowrap" align="flex-start">
        {isNaming ? (
          <TextInput aria-label="Name of the role" value={name} onChange={(event) => setName(event.currentTarget.value)} error={form.fields.name} autoFocus />
        ) : (
          <Text component="h2" fw={600} fz={18} className="wrap" m={0}>{name}</Text>
        )}
        {!isFixed && (
          <Menu position="bottom-end">
            <Menu.Target><ActionIcon variant="default" size={34} aria-label={`More for ${role.name}`}><IconDots size={18} /></ActionIcon></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setNaming(true)}>Rename</Menu.Item>
              <Menu.Item onClick={() => setAsking(remove)} c="var(--connek-bad)">Delete</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
      {shared.length === 0 && wide.length === 0 ? (
        <Empty>Nothing is connected yet: what the role may use is chosen here as soon as there is a <Link to="/sources">source</Link>.</Empty>
      ) : (
        <div className="table-box">
          <div className="matrix-titles" aria-hidden="true">
            <span className="matrix-name">Connection</span>
            <span className="matrix-cells">{everyDoes.map((does) => <span key={does} className="matrix-cell">{doesWord[does]}</span>)}</span>
          </div>
          {shared.map((connection) => {
            const key = keyOf('connection', connection.name);
            return <MatrixRow key={key} row={matrix.rows[key] ?? emptyRow('connection', connection.name)} connection={connection} connectors={connectors} isFixed={isFixed} onChange={setRow} />;
          })}
          {categories.map((category) => {
            const own = inCategory(category, connections, connectors);
            return (
              <CategoryRow
                key={category}
                title={capital(category)}
                rows={own.map(({ id }) => matrix.rows[keyOf('connector', id)] ?? emptyRow('connector', id))}
                names={own.map(({ name }) => name)}
                onChange={setRows}
                onRemove={() => setCategories((now) => now.filter((one) => one !== category))}
              />
            );
          })}
          {wide.map((row) => (
            <MatrixRow key={keyOf(row.kind, row.name)} row={row} connectors={connectors} isFixed={isFixed} onChange={setRow} onRemove={() => removeRow(row)} />
          ))}
        </div>
      )}
      {!isFixed && <AddRow rows={matrix.rows} connections={connections} connectors={connectors} openCategories={categories} add={setRow} openCategory={(category) => setCategories((now) => [...now, category])} />}
      {matrix.others.length > 0 && (
        <Section title="Further rules">
          <div className="table-box">
            {matrix.others.map((rule, i) => (
              <div key={i} className="tool-line">
                <span className="wrap">{describe(rule)}</span>
                {!isFixed && (
                  <ActionIcon variant="subtle" color="gray" c="inherit" aria-label={`Remove: ${describe(rule)}`} onClick={() => setMatrix((now) => ({ ...now, others: now.others.filter((one) => one !== rule) }))}>
                    <IconX size={16} />
                  </ActionIcon>
                )}
              </div>
            ))}
          </div>
        </Section>
      )}
      <Section title="Limits">
        <NumberInput
          label="Largest result, in bytes"
          description="Longer results are cut, and say so. Empty: no limit of this role’s."
          min={1024}
          max={1_048_576}
          step={1024}
          thousandSeparator=","
          maw={340}
          disabled={isFixed}
          value={maxResult ?? ''}
          error={form.fields.max_result}
          onChange={(value) => setMaxResult(value === '' ? null : Number(value))}
        />
      </Section>
      <Section title="People" aside={<Link to="/assistant" search={{ role: role.id }}>What may they do?</Link>}>
        {role.users.length === 0 ? (
          <Text c="dimmed" size="sm">Nobody has this role. Give it on <Link to="/users">Users</Link>.</Text>
        ) : (
          <Group gap="4px 16px">{role.users.map(({ id, email }) => <Link key={id} to="/users/$user" params={{ user: id }}>{email}</Link>)}</Group>
        )}
      </Section>
      {(nChanges > 0 || form.error !== null) && (
        <div className="changes" role="region" aria-label="Unsaved changes">
          {form.error !== null && (
            <div style={{ flexBasis: '100%' }}>
              <ProblemBox error={isStale ? new Error('Somebody else has changed this role meanwhile. Discard to see theirs, then make your changes again.') : form.error} />
            </div>
          )}
          <div style={{ flex: '1 1 240px', minWidth: 0 }}>
            <b>{counted(nChanges, 'change')}</b>
            <span>: {replay.error ? 'what it would mean cannot be said now' : replayWords(replay.isFetching ? undefined : replay.data)}</span>
            {replay.data && <Button variant="transparent" size="compact-xs" c="inherit" td="underline" onClick={() => setShowsReplay(true)}>Details</Button>}
          </div>
          <Group gap={8}>
            <Button
              variant="default"
              onClick={() => {
                discard();
                if (isStale) void queries.invalidateQueries({ queryKey: rolesQuery(organisation.id).queryKey });
              }}
            >
              Discard
            </Button>
            <Button loading={form.isBusy} disabled={isStale} onClick={() => void save()}>Save</Button>
          </Group>
        </div>
      )}
      <Drawer opened={showsReplay} onClose={() => setShowsReplay(false)} title={<Text fw={600} fz={16}>What it would mean</Text>}>{replay.data && <ReplayDetail replay={replay.data} />}</Drawer>
      <Confirm asking={asking} close={() => setAsking(null)} />
      <Confirm
        asking={
          blocker.status === 'blocked'
            ? { title: 'Leave without saving?', text: `${counted(nChanges, 'change')} to ${role.name} would be lost.`, verb: 'Leave', run: async () => blocker.proceed() }
            : null
        }
        close={() => blocker.status === 'blocked' && blocker.reset()}
      />
    </>
  );
}

export function RoleRules() {
  const { role: id } = useParams({ from: '/rules/$role' });
  const { organisation } = useHere();
  const roles = useQuery(rolesQuery(organisation.id));
  const connections = useQuery(connectionsQuery(organisation.id));
  const connectors = useQuery(connectorsQuery(organisation.id));
  const found = roles.data?.items.find((role) => role.id === id);
  if (roles.data && !found) return <Empty>This role is no longer there.</Empty>;
  return (
    <Loaded query={connections}>
      {({ items }) => (found ? (
        <Edited key={found.id} of={found}>
          {(role, setTyped) => <RoleEditor role={role} setTyped={setTyped} connections={items} connectors={connectors.data?.items ?? []} />}
        </Edited>
      ) : <Lines />)}
    </Loaded>
  );
}
