// Usage: calls by day and what came of them; who, what and where; how long it took; limits hit.
import { BarChart, LineChart } from '@mantine/charts';
import '@mantine/charts/styles.css';
import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';
import type { Schemas } from '../../api/client';
import { usageQuery, type UsageBy } from '../../api/queries';
import { useHere } from '../../api/session';
import { CardLines, Empty, Lines, Loaded, PageHead, Section } from '../../parts/parts';
import { count, counted, milliseconds } from '../../parts/words';

type Row = Schemas['UsageRow'];
const dayMs = 86_400_000;
const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });

function daysOf(from: string, items: Row[]): Row[] {
  const days: Row[] = [];
  for (let at = new Date(from).getTime(); at <= Date.now(); at += dayMs) {
    const key = new Date(at).toISOString().slice(0, 10);
    days.push(items.find((row) => row.key === key) ?? { key, label: key, calls: 0, ok: 0, errors: 0, denied: 0, limited: 0, people: 0, p50_ms: null, p95_ms: null });
  }
  return days;
}

function Figure({ name, value, hint }: { name: string; value: string; hint?: string }) {
  return (
    <div className="card">
      <div className="dim small">{name}</div>
      <div className="figure-n">{value}</div>
      {hint && <div className="dim small">{hint}</div>}
    </div>
  );
}

const shown = 10;

// The tools that a person waits for longest: of those with too few calls nothing can be said.
const slowest = (rows: Row[]) => rows.filter(({ p95_ms, calls }) => p95_ms !== null && calls >= 5).toSorted((a, b) => (b.p95_ms ?? 0) - (a.p95_ms ?? 0));

// Bars that are also a table: a name, how many, how many of them failed or were denied. As they come: by how many; `order`
// puts all of them, up to 200, in another order first.
function Top({ title, one, by, range, link, order }: { title: string; one: string; by: UsageBy; range: { from: string }; link: (row: Row) => ReactNode; order?: (rows: Row[]) => Row[] }) {
  const { organisation } = useHere();
  const usage = useQuery(usageQuery(organisation.id, by, range, order ? 200 : shown));
  return (
    <Section title={title}>
      <Loaded query={usage} waiting={<Lines n={5} height={32} />}>
        {({ items: all }) => {
          const items = (order ? order(all) : all).slice(0, shown);
          const max = Math.max(1, ...items.map(({ calls }) => calls));
          if (!items.length) return <Empty>{order ? 'No tool has been called five times yet.' : 'Nothing yet.'}</Empty>;
          return (
            <div className="table-box">
              <table className="list">
                <thead><tr><th>{one}</th><th>Calls</th><th className="end">Denied</th><th className="end">Errors</th><th className="end">Half under</th><th className="end">95% under</th></tr></thead>
                <tbody>
                  {items.map((row) => (
                    <tr key={row.key}>
                      <td data-label={one}>{link(row)}</td>
                      <td data-label="Calls" style={{ minWidth: 120 }}>
                        <span className="row"><span className="bar" aria-hidden="true" style={{ width: `${Math.max(2, (row.calls / max) * 80)}px` }} />{count(row.calls)}</span>
                      </td>
                      <td data-label="Denied" className="end">{count(row.denied)}</td>
                      <td data-label="Errors" className="end">{count(row.errors)}</td>
                      <td data-label="Half under" className="end tight">{row.p50_ms === null ? '–' : milliseconds(row.p50_ms)}</td>
                      <td data-label="95% under" className="end tight">{row.p95_ms === null ? '–' : milliseconds(row.p95_ms)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Loaded>
    </Section>
  );
}

const series = [
  { name: 'ok', label: 'Answered', color: 'var(--connek-bar-ok)' },
  { name: 'errors', label: 'Errors', color: 'var(--connek-bar-errors)' },
  { name: 'denied', label: 'Denied', color: 'var(--connek-bar-denied)' },
];

export function Usage() {
  const { organisation } = useHere();
  const { days = 30 } = useSearch({ from: '/usage' });
  const navigate = useNavigate({ from: '/usage' });
  const from = useMemo(() => new Date(Math.floor(Date.now() / dayMs) * dayMs - (days - 1) * dayMs).toISOString(), [days]);
  const range = { from };
  const usage = useQuery(usageQuery(organisation.id, 'day', range, 200));
  return (
    <>
      <PageHead title="Usage" lead="How much assistants asked for, what came of it, and how long it took. Days are in UTC.">
        <SegmentedControl aria-label="Time" value={String(days)} data={[{ value: '7', label: '7 days' }, { value: '30', label: '30 days' }, { value: '90', label: '90 days' }]} onChange={(value) => void navigate({ search: { days: value === '30' ? undefined : Number(value) } })} />
      </PageHead>
      <Loaded query={usage} waiting={<CardLines n={4} height={88} />}>
        {({ total, items, n_people }) => {
          if (total.calls === 0) return <Empty>No call in these {days} days. Figures come with the first one.</Empty>;
          const byDay = daysOf(from, items).map((row) => ({ ...row, day: dayFormat.format(new Date(row.key)) }));
          return (
            <>
              <div className="cards" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(190px, 100%), 1fr))' }}>
                <Figure name="Calls" value={count(total.calls)} hint={`by ${counted(n_people, 'person', 'people')}`} />
                <Figure name="Denied" value={count(total.denied)} hint={total.limited ? `${count(total.limited)} for a limit` : 'none for a limit'} />
                <Figure name="Errors" value={count(total.errors)} />
                <Figure name="Half took under" value={total.p50_ms === null ? '–' : milliseconds(total.p50_ms)} hint={total.p95_ms === null ? undefined : `95% under ${milliseconds(total.p95_ms)}`} />
              </div>
              <Section title="Calls by day">
                <div className="card">
                  <BarChart h={240} data={byDay} dataKey="day" type="stacked" series={series} withLegend legendProps={{ verticalAlign: 'bottom' }} tickLine="none" gridAxis="x" valueFormatter={count} barProps={{ isAnimationActive: false }} maxBarWidth={28} />
                </div>
              </Section>
              <Section title="Time by day">
                <div className="card">
                  <LineChart
                    h={200}
                    data={byDay}
                    dataKey="day"
                    series={[{ name: 'p50_ms', label: 'Half under', color: 'var(--connek-bar-ok)' }, { name: 'p95_ms', label: '95% under', color: 'var(--connek-bar-denied)' }]}
                    curveType="linear"
                    connectNulls
                    withLegend
                    legendProps={{ verticalAlign: 'bottom' }}
                    tickLine="none"
                    gridAxis="x"
                    valueFormatter={milliseconds}
                    lineProps={{ isAnimationActive: false }}
                  />
                </div>
              </Section>
              <Top title="Tools" one="Tool" by="tool" range={range} link={(row) => <Link to="/activity" search={{ tool: row.key }}>{row.label}</Link>} />
              <Top title="Slowest tools" one="Tool" by="tool" range={range} order={slowest} link={(row) => <Link to="/activity" search={{ tool: row.key }}>{row.label}</Link>} />
              <Top title="People" one="Person" by="user" range={range} link={(row) => (row.label ? <Link to="/activity" search={{ user: row.key }}>{row.label}</Link> : <span className="dim">unknown</span>)} />
              <Top title="Connections" one="Connection" by="connection" range={range} link={(row) => (row.label ? <Link to="/activity" search={{ connection: row.label }}>{row.label}</Link> : <span className="dim">Connek’s own, or none</span>)} />
            </>
          );
        }}
      </Loaded>
    </>
  );
}
