// A page of the API's lists, from a million rows: of calls, whatever they are filtered by, and of access tokens. The time of a
// request, as a dashboard would wait for it; the best of five, so that what is measured is the page and not the machine's neighbours.
import { Connek, exampleConfig } from '../integration/support/connek.js';
import { signedInApi } from '../integration/support/api.js';
import { fillTrail, trailQueries } from '../integration/support/facts.js';
import { run } from './process.js';

const email = 'admin@acme.example';
const times = 5;

async function measure(api, path) {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    const page = await api.get(path);
    best = Math.min(best, performance.now() - begun);
    if (page.items.length === 0) throw new Error(`${path}: nothing is on that page`);
  }
  return best;
}

// { rows, slowest_ms, slowest, lists }: by what was asked for.
export async function measurePages(binary, fillTokens, n) {
  const closers = [];
  try {
    const connek = await Connek.serving({ after: (close) => closers.push(close) }, { binary, config: { ...exampleConfig, users: [{ email, kind: 'admin', roles: [] }] } });
    const api = await signedInApi(connek, email);
    await fillTrail(connek, api, n);
    await run([fillTokens, 'fill', connek.data, 'acme', email, String(n)], { timeoutMs: 300_000 });
    const lists = {};
    for (const query of trailQueries(api)) lists[`audit?${query}`] = await measure(api, `./audit?limit=50&${query}`);
    lists.tokens = await measure(api, './tokens?limit=50');
    const [slowest, slowest_ms] = Object.entries(lists).reduce((worst, one) => (one[1] > worst[1] ? one : worst));
    return { rows: n, slowest, slowest_ms, lists };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
