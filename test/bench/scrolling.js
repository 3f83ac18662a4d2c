// Activity in Chromium with ten thousand calls: the longest task of the page while somebody scrolls through all of them.
// The aim is for what people see: a task of over 50 ms is a page that does not answer for that long.
import { Connek, exampleConfig } from '../integration/support/connek.js';
import { signedInApi } from '../integration/support/api.js';
import { fillIn, launch } from '../integration/support/browser.js';
import { fillTrail } from '../integration/support/facts.js';
import { password } from '../integration/support/sign_in.js';

const email = 'auditor@acme.example';
const stepPx = 600; // a frame: a wheel that is turned hard

// In the page: frame by frame to the end, as more is loaded; resolves with the tasks that took over 50 ms, and frames.
async function scroll({ stepPx, timeoutMs }) {
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ type: 'longtask' });
  const body = document.querySelector('.calls-body');
  const frame = () => new Promise((resume) => requestAnimationFrame(resume));
  const start = performance.now();
  const isAll = () => document.querySelector('main').innerText.includes('which is all');
  let n_frames = 0;
  while (!(isAll() && body.scrollTop + body.clientHeight >= body.scrollHeight - 1)) {
    if (performance.now() - start > timeoutMs) throw new Error(`not at the end after ${timeoutMs} ms: ${body.scrollTop} of ${body.scrollHeight}`);
    body.scrollTop += stepPx;
    await frame();
    n_frames++;
  }
  await new Promise((resume) => setTimeout(resume, 500));
  tasks.push(...observer.takeRecords().map(({ duration }) => duration));
  observer.disconnect();
  return { tasks, n_frames, seconds: (performance.now() - start) / 1000, rows: Number(body.parentElement.getAttribute('aria-rowcount')) - 1, n_elements: body.querySelectorAll('[role="row"]').length };
}

// A task of 80 ms is seen by what looks for them.
async function seesTasks(page) {
  return page.evaluate(async () => {
    const tasks = [];
    const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
    observer.observe({ type: 'longtask' });
    await new Promise((resume) => setTimeout(() => {
      for (const end = performance.now() + 80; performance.now() < end;);
      resume();
    }, 50));
    await new Promise((resume) => setTimeout(resume, 300));
    observer.disconnect();
    return tasks.length > 0;
  });
}

// The processor's time of the page's longest task: what it takes on a machine that does nothing else.
async function longestCpu(page, work) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const complete = new Promise((resume) => session.once('Tracing.tracingComplete', resume));
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline', '__metadata'] } });
  const result = await work();
  await session.send('Tracing.end');
  await complete;
  const main = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = events.filter(({ name, pid, tid }) => name === 'RunTask' && main.has(`${pid} ${tid}`));
  if (!tasks.length) throw new Error('the trace has no task of the page');
  return { ...result, cpu_ms: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000 };
}

export async function measureScrolling(binary, n) {
  const closers = [];
  const browser = await launch();
  try {
    const connek = await Connek.serving({ after: (close) => closers.push(close) }, { binary, config: { ...exampleConfig, users: [{ email, kind: 'auditor', roles: [] }] } });
    await fillTrail(connek, await signedInApi(connek, email), n);
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await page.goto(`${connek.base}/sign-in`);
    await fillIn(page, email, password);
    await page.goto(`${connek.base}/activity`);
    await page.locator('.calls-body [role="row"]').first().waitFor();
    await page.waitForTimeout(1000);
    if (!(await seesTasks(page))) throw new Error('the browser does not tell of long tasks');
    const { tasks, ...seen } = await longestCpu(page, () => page.evaluate(scroll, { stepPx, timeoutMs: 180_000 }));
    if (seen.rows !== n) throw new Error(`${seen.rows} rows of ${n} were shown`);
    return { ...seen, long_tasks: tasks.length, longest_ms: Math.max(0, ...tasks) };
  } finally {
    await browser.close();
    for (const close of closers.reverse()) await close();
  }
}
