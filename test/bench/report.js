// The figures, for people.
import { paired } from './rounds.js';

const whole = (value) => Math.round(value).toLocaleString('en-US');
const short = (value) => (Math.abs(value) >= 1000 ? whole(value) : value.toPrecision(3));
const percent = (share) => `${Math.round(share * 100)}%`;

// A table: the first column to the left, the others to the right.
function table(head, rows) {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (row) => `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')}`.trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

// Above this share of its core the generator, not what is measured, may be what limits.
const saturated = 0.97;
// Above this share of the server's core was taken by programs that are not measured.
const disturbed = 0.05;

function loadsTable(loads) {
  const head = ['', 'calls/s', 'p50 ms', 'p99 ms', 'CPU µs', 'RSS MB', 'spread', 'core 0', 'core 1', ''];
  const rows = Object.entries(loads).map(([name, cell]) => [
    name,
    whole(cell.calls_per_second),
    (cell.p50_us / 1000).toFixed(3),
    (cell.p99_us / 1000).toFixed(3),
    cell.has_server ? cell.cpu_us.toFixed(1) : '',
    cell.has_server ? (cell.rss / 1e6).toFixed(1) : '',
    percent(cell.spread),
    percent(cell.server_core_busy),
    percent(cell.load_core_busy),
    [cell.load_core_busy > saturated ? 'generator saturated' : '', cell.has_server && cell.server_core_others > disturbed ? `${percent(cell.server_core_others)} of core 0 to others` : '']
      .filter(Boolean)
      .join(', '),
  ]);
  return table(head, rows);
}

function aimsTable(judged) {
  const rows = judged.map(({ what, unit, value, aim, is_met }) => [what, `${short(value)} ${unit}`, aim, is_met ? 'met' : 'missed']);
  return table(['', 'measured', 'aim', ''], rows);
}


// What else there is to say, a line each: [what, text].
function facts({ machine, loads, micro, missing, trail, start, idle, streams, tokens, pages, scrolling, reply_bytes: sizes }) {
  const lines = [];
  const commit = ({ p50_us, p99_us }) => `${p50_us} µs, p99 ${p99_us} µs`;
  lines.push(['this machine', `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}`]);
  lines.push(['its own fsync of 4 KiB', commit(machine.commit.fsync)], ['its own SQLite commit', commit(machine.commit.sqlite)]);
  if (sizes) lines.push(['reply, bytes', Object.entries(sizes).map(([kind, n]) => `${kind} ${n}`).join(', ')]);
  if (loads) lines.push(...ratios(loads));
  for (const [who, why] of Object.entries(missing ?? {})) lines.push([`${who}, not measured`, why]);
  for (const [what, kinds] of Object.entries(micro ?? {})) {
    const [verb] = Object.keys(Object.values(kinds)[0]);
    lines.push([`${what}, ns`, Object.entries(kinds).map(([name, figures]) => `${name} ${whole(figures[verb])}`).join(', ')]);
  }
  for (const [mode, { records, calls, verify_seconds }] of Object.entries(trail ?? {})) {
    lines.push([`audit trail, ${mode}`, `${whole(records)} records of ${whole(calls)} calls counted by the load; verified in ${verify_seconds.toFixed(1)} s`]);
  }
  if (start) lines.push(['starts, ms', start.ready_ms_each.map((ms) => ms.toFixed(0)).join(' ')]);
  if (streams) lines.push(['idle event streams', `${whole(streams.connections)}, ${(streams.rss / 1e6).toFixed(1)} MB in all`]);
  if (idle) lines.push(['idle connections', `${whole(idle.connections)}, ${(idle.rss / 1e6).toFixed(1)} MB in all`]);
  if (pages) lines.push(['pages of the API', `${whole(pages.rows)} rows: ${Object.entries(pages.lists).map(([list, ms]) => `${list} ${short(ms)} ms`).join(', ')}`]);
  if (scrolling) lines.push(['Activity, scrolled', `${whole(scrolling.rows)} rows in ${short(scrolling.seconds)} s and ${whole(scrolling.n_frames)} frames, ${whole(scrolling.n_elements)} of them in the page at a time; longest task ${short(scrolling.cpu_ms)} ms of the processor, on the clock ${scrolling.long_tasks ? `${whole(scrolling.longest_ms)} ms` : 'under 50 ms'}`]);
  if (tokens) {
    lines.push(['access tokens', `${whole(tokens.tokens)}: ready in ${whole(tokens.ready_ms)} ms, ${whole(tokens.bytes_each)} bytes each`]);
    lines.push(['one change', `commit ${short(tokens.commit_ms)} ms, then the server ${short(tokens.sync_ms)} ms (at most ${short(tokens.sync_max_ms)})`]);
    lines.push(['token create, revoke', `${short(tokens.create_command_ms)}, ${short(tokens.revoke_command_ms)} ms for the whole command`]);
  }
  return lines;
}

function ratios(loads) {
  const lines = [];
  for (const who of ['strict', 'relaxed']) {
    const [cell, nginx] = [loads[`http, ${who}, 64`], loads['http, nginx proxy, 64']];
    if (!cell || !nginx) continue;
    const calls = paired(cell, nginx, (a, b) => a.calls_per_second / b.calls_per_second);
    const cpu = paired(cell, nginx, (a, b) => a.cpu_us / b.cpu_us);
    lines.push([`http, ${who}, to nginx proxy_pass`, `${calls.toFixed(2)} of its calls/s, ${cpu.toFixed(2)} of its CPU a call`]);
  }
  const direct = loads['http, direct, 1'];
  const others = ['nginx proxy', 'strict', 'relaxed'].filter((who) => direct && loads[`http, ${who}, 1`]);
  const added = others.map((who) => `${who} ${paired(loads[`http, ${who}, 1`], direct, (a, b) => a.p50_us - b.p50_us).toFixed(0)}`);
  if (added.length > 0) lines.push(['p50 added to direct, µs', added.join(', ')]);
  return lines;
}

export function print(results) {
  const out = [];
  if (results.loads) out.push('Loads (kind, contestant, connections)', loadsTable(results.loads), '');
  if (results.aims.length > 0) out.push('Aims', aimsTable(results.aims), '');
  const lines = facts(results);
  const width = Math.max(...lines.map(([what]) => what.length));
  out.push('Beside them', ...lines.map(([what, text]) => `  ${what.padEnd(width)}  ${text}`), '');
  const missed = results.aims.filter(({ is_met }) => !is_met).length;
  out.push(`${results.aims.length - missed} aims met, ${missed} missed; ${results.seconds} s`);
  if (results.failures.length > 0) out.push('Could not be measured:', ...results.failures.map((failure) => `  ${failure}`));
  process.stdout.write(`${out.join('\n')}\n`);
}
