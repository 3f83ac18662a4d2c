// The load: wrk on the generator's core, one request sent again and again, and what came of it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { busyShare, coreTimes, run, sum } from './process.js';

const script = join(import.meta.dirname, 'load.lua');

// A request that loads send: { url, headers, bodyFile, body }.
export async function makeRequest(folder, name, url, body, headers) {
  const bodyFile = join(folder, `${name}.request.json`);
  await writeFile(bodyFile, body);
  return { name, url, headers, body, bodyFile };
}

async function wrk(request, { core, connections, seconds, expected }) {
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  const command = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s', '-s', script, request.url];
  const stdout = await run([...command, '--', request.bodyFile, expected, ...headers], { core, timeoutMs: (seconds + 30) * 1000 });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1));
}

// Looks at every answer for a second: an error of JSON-RPC comes with status 200, and only its text tells.
export async function verify(request, { core, expected, seconds = 1 }) {
  const result = await wrk(request, { core, connections: 64, seconds, expected });
  const failed = result.wrong + result.socket_errors + result.timeouts;
  if (failed > 0 || result.calls === 0) {
    throw new Error(`${request.name}: ${failed} of ${result.calls} answers are wrong, the first: ${result.first_wrong}`);
  }
  return result.calls;
}

// One measurement. `servers`: whose CPU a call costs; `cores`: { server, load }.
export async function measure(request, { cores, connections, seconds, servers, upstream }) {
  const cpu = () => servers.map((server) => server.cpuNs());
  const [coresBefore, cpuBefore, upstreamBefore, startMs] = [coreTimes(), cpu(), sum(upstream.cpuNs()), performance.now()];
  const result = await wrk(request, { core: cores.load, connections, seconds, expected: '-' });
  const elapsedMs = performance.now() - startMs;
  const [cpuAfter, upstreamAfter, coresAfter] = [cpu(), sum(upstream.cpuNs()), coreTimes()];
  const serverCore = busyShare(coresBefore[cores.server], coresAfter[cores.server]);
  const perCall = (ns) => ns / 1000 / Math.max(1, result.calls);
  const threads = {};
  for (const [i, after] of cpuAfter.entries()) {
    for (const [name, ns] of Object.entries(after)) threads[name] = perCall(ns - (cpuBefore[i][name] ?? 0));
  }
  const cpuUs = sum(threads);
  return {
    calls: result.calls,
    calls_per_second: (result.calls * 1e6) / result.us,
    p50_us: result.p50_us,
    p99_us: result.p99_us,
    max_us: result.max_us,
    cpu_us: cpuUs,
    upstream_cpu_us: perCall(upstreamAfter - upstreamBefore),
    rss: servers.reduce((bytes, server) => bytes + server.rss(), 0),
    server_core_busy: serverCore,
    server_core_others: Math.max(0, serverCore - (cpuUs * result.calls) / 1000 / elapsedMs),
    load_core_busy: busyShare(coresBefore[cores.load], coresAfter[cores.load]),
    failed: result.status_errors + result.socket_errors + result.timeouts,
    threads_cpu_us: threads,
  };
}
