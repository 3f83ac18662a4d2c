// The long form of the trail at the API: a page of it from a million records, filtered by anything, in under 100 ms.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Connek, exampleConfig, releaseBinary } from './support/connek.js';
import { signedInApi } from './support/api.js';
import { fillTrail, trailQueries } from './support/facts.js';
import { held, isLong, rounds } from './support/proof.js';

const n = rounds(20_000, 1_000_000);

test(`a page of ${n} records comes in time, whatever it is filtered by`, async (t) => {
  const connek = await Connek.serving(t, {
    binary: isLong ? releaseBinary : undefined,
    config: { ...exampleConfig, users: [{ email: 'auditor@acme.example', kind: 'auditor', roles: [] }] },
  });
  const auditor = await signedInApi(connek, 'auditor@acme.example');
  await fillTrail(connek, auditor, n);
  for (const query of trailQueries(auditor)) {
    const times = [];
    for (let i = 0; i < 5; i++) {
      const begun = performance.now();
      const page = await auditor.get(`./audit?limit=50&${query}`);
      times.push(performance.now() - begun);
      assert.ok(page.items.length > 0, query);
      if (i === 0 && page.next_cursor) assert.ok((await auditor.get(`./audit?limit=50&${query}&cursor=${page.next_cursor}`)).items.length > 0);
    }
    const best = Math.min(...times);
    t.diagnostic(`${query || 'all'}: ${best.toFixed(1)} ms`);
    if (isLong) assert.ok(best < 100, `${query}: ${best} ms`);
  }
  held('a page of the trail comes in under 100 ms, whatever it is filtered by', n);
});
