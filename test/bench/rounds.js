// Measurements in turn: every one once a round, so that whatever slows the machine for a while slows all of them, and
// the median of the rounds. Nothing here knows what is measured.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

// Calls each of `cells` ({ name, take() }) once a round; by name, the list of what they gave. One that throws is reported
// to `failed` and not called again.
export async function inTurn(cells, rounds, say, failed) {
  const taken = new Map(cells.map((cell) => [cell, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const cell of [...taken.keys()]) {
      say(`round ${round} of ${rounds}: ${cell.name}`);
      try {
        taken.get(cell).push(await cell.take());
      } catch (error) {
        failed(`${cell.name}: ${error.message}`);
        taken.delete(cell);
      }
    }
  }
  return Object.fromEntries([...taken].map(([{ name }, given]) => [name, given]));
}

// Of each figure its median, within objects too; `spread`: how far the rounds' calls/s lie apart, as a share of the median.
export function summarise(rounds) {
  const rates = rounds.map((round) => round.calls_per_second);
  return { ...medians(rounds), spread: (Math.max(...rates) - Math.min(...rates)) / median(rates), rounds };
}

function medians(rounds) {
  const of = (figure, value) => {
    const all = rounds.map((round) => round[figure] ?? 0);
    if (typeof value === 'object') return medians(all);
    return typeof value === 'number' ? median(all) : value;
  };
  return Object.fromEntries(Object.entries(rounds[0]).map(([figure, value]) => [figure, of(figure, value)]));
}

// The median of what `combine` makes of two cells, round by round: both stood under the same weather.
export const paired = (a, b, combine) => median(a.rounds.map((round, i) => combine(round, b.rounds[i])));
