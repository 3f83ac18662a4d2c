// What Connek wants to reach, beside what it does. `results` is what bench.js writes to build/bench.json.
import { paired } from './rounds.js';

const atMost = (aim) => ({ aim: `at most ${aim}`, isMet: (value) => value <= aim });
const atLeast = (aim) => ({ aim: `at least ${aim}`, isMet: (value) => value >= aim });
const rate = (cell, than) => paired(cell, than, (a, b) => a.calls_per_second / b.calls_per_second);
const cpu = (cell, than) => paired(cell, than, (a, b) => a.cpu_us / b.cpu_us);
const added = (cell, than) => paired(cell, than, (a, b) => (a.p50_us - b.p50_us) / 1000);

// What, its unit, its aim, where it is found.
const aims = [
  ['tools/list of 20 tools, CPU', 'µs', atMost(15), ({ loads }) => loads['list, connek, 64'].cpu_us],
  ['tools/list of 20 tools, calls/s', 'of nginx return 200', atLeast(0.5), ({ loads }) => rate(loads['list, connek, 64'], loads['list, nginx return, 64'])],
  ['a denied call, recorded, strict, CPU', 'µs', atMost(30), ({ loads }) => loads['denied, strict, 64'].cpu_us],
  ['http tool, strict, calls/s', 'of nginx proxy_pass', atLeast(0.3), ({ loads }) => rate(loads['http, strict, 64'], loads['http, nginx proxy, 64'])],
  ['http tool, relaxed, calls/s', 'of nginx proxy_pass', atLeast(0.4), ({ loads }) => rate(loads['http, relaxed, 64'], loads['http, nginx proxy, 64'])],
  ['a full manifest at 1 KB, CPU over a minimal one', 'µs', atMost(10), ({ loads }) => paired(loads['manifest, full, 1 KB, 64'], loads['manifest, minimal, 1 KB, 64'], (a, b) => a.cpu_us - b.cpu_us)],
  ['http tool, relaxed, 16 connections, calls/s', "of MCP Toolbox's", atLeast(4), ({ loads }) => rate(loads['http, relaxed, 16'], loads['http, toolbox, 16'])],
  ['MCP server behind it, strict, calls/s', 'of nginx proxy_pass', atLeast(0.3), ({ loads }) => rate(loads['mcp, strict, 64'], loads['mcp, nginx proxy, 64'])],
  ['MCP server behind it, relaxed, calls/s', 'of nginx proxy_pass', atLeast(0.4), ({ loads }) => rate(loads['mcp, relaxed, 64'], loads['mcp, nginx proxy, 64'])],
  ['MCP server over stdio, strict, calls/s', "of mcp-proxy's", atLeast(10), ({ loads }) => rate(loads['mcp over stdio, strict, 64'], loads['mcp, mcp-proxy, 64'])],
  ['MCP server over stdio, strict, calls/s', "of supergateway's", atLeast(10), ({ loads }) => rate(loads['mcp over stdio, strict, 64'], loads['mcp, supergateway, 64'])],
  ['sqlite_query, one row, strict', 'calls/s', atLeast(15_000), ({ loads }) => loads['sqlite, strict, 64'].calls_per_second],
  ['http tool, strict, p50 added to direct', 'ms', atMost(0.25), ({ loads }) => added(loads['http, strict, 1'], loads['http, direct, 1'])],
  ['http tool, relaxed, p50 added to direct', 'ms', atMost(0.12), ({ loads }) => added(loads['http, relaxed, 1'], loads['http, direct, 1'])],
  ['a kept credential, leased and wiped', 'µs', atMost(1), ({ micro }) => micro['lease and wipe'].token.lease_ns / 1000],
  ['start to ready', 'ms', atMost(200), ({ start }) => start.ready_ms],
  ['idle memory', 'MB', atMost(20), ({ start }) => start.idle_rss / 1e6],
  ['an idle keep-alive connection, memory', 'KiB', atMost(8), ({ idle }) => idle.bytes_each / 1024],
  ['an idle event stream, memory', 'KiB', atMost(8), ({ streams }) => streams.bytes_each / 1024],
  ['tools/list, 1,000 tools, 20 allowed, CPU', 'of that of 20', atMost(1.1), ({ loads }) => cpu(loads['list of 1,000, connek, 64'], loads['list, connek, 64'])],
  ['a page of a list of 1,000,000 rows at the API, the slowest', 'ms', atMost(100), ({ pages }) => pages.slowest_ms],
  ['10,000 rows of Activity scrolled, tasks over 50 ms', 'tasks', atMost(0), ({ scrolling }) => scrolling.long_tasks],
  ['10,000 rows of Activity scrolled, CPU of the longest task', 'ms', atMost(25), ({ scrolling }) => scrolling.cpu_ms],
  ['one change among 1,000,000 tokens', 'ms', atMost(10), ({ tokens }) => tokens.sync_ms],
];

// [{ what, unit, value, aim, is_met }], those that were measured.
export function judge(results) {
  return aims.flatMap(([what, unit, { aim, isMet }, find]) => {
    let value;
    try {
      value = find(results);
    } catch {
      return []; // its part was not asked for
    }
    return Number.isFinite(value) ? [{ what, unit, value, aim, is_met: isMet(value) }] : [];
  });
}
