// The long form of lists at the API: a page of any of them, from a million rows, filtered by anything, in under 100 ms.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig, releaseBinary } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { everyList, fillLists, listPaths, neverMany } from './support/lists.js';
import { held, isLong, rounds } from './support/proof.js';

const n = rounds(3000, 1_000_000);

test(`a page of any list of ${n} rows comes in time, whatever it is filtered by`, async (t) => {
  const email = 'admin@acme.example';
  const connek = await Connek.serving(t, {
    binary: isLong ? releaseBinary : undefined,
    config: { ...exampleConfig, users: [{ email, kind: 'admin', roles: [] }] },
  });
  const admin = await signedInApi(connek, email);
  const lists = listPaths(admin, await fillLists(connek, admin, n), n);
  assert.deepEqual([...Object.keys(lists), ...neverMany].sort(), everyList.toSorted());
  for (const path of Object.values(lists).flat()) {
    const times = [];
    for (let i = 0; i < (isLong ? 5 : 1); i++) {
      const begun = performance.now();
      const page = await admin.get(`${path}&limit=50`);
      times.push(performance.now() - begun);
      assert.ok(page.items.length > 0, path);
      // The next one begins behind it.
      if (i > 0 || !page.next_cursor) continue;
      const next = await admin.get(`${path.replace(/cursor=[\w-]+/, '')}&limit=50&cursor=${page.next_cursor}`);
      const seen = new Set(page.items.map((one) => JSON.stringify(one)));
      assert.ok(next.items.length > 0 && next.items.every((one) => !seen.has(JSON.stringify(one))), path);
    }
    const best = Math.min(...times);
    t.diagnostic(`${path}: ${best.toFixed(1)} ms`);
    if (isLong) assert.ok(best < 100, `${path}: ${best} ms`);
  }
  held('a page of any list comes in under 100 ms, whatever it is filtered by', n);
});
