// A page of any of the API's lists, from a million rows, whatever it is filtered by. The time of a request, as a dashboard
// would wait for it; the best of five, so that what is measured is the page and not the machine's neighbours.
import { Connek, exampleConfig } from '../integration/support/connek.js';
import { signedInApi } from '../integration/support/api.js';
import { fillLists, listPaths } from '../integration/support/lists.js';

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
export async function measurePages(binary, n) {
  const closers = [];
  try {
    const connek = await Connek.serving({ after: (close) => closers.push(close) }, { binary, config: { ...exampleConfig, users: [{ email, kind: 'admin', roles: [] }] } });
    const api = await signedInApi(connek, email);
    const paths = listPaths(api, await fillLists(connek, api, n), n);
    const lists = {};
    for (const path of Object.values(paths).flat()) lists[path.slice(2).replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '...')] = await measure(api, `${path}&limit=50`);
    const [slowest, slowest_ms] = Object.entries(lists).reduce((worst, one) => (one[1] > worst[1] ? one : worst));
    return { rows: n, slowest, slowest_ms, lists };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
