import { WATCHING } from './explore.js';
import type { WatchSabotage } from './watch-model.js';
import { watch } from './watch-world.js';

/** How many seeds it may take to find what is wrong. */
const SEEDS = 150;

const SABOTAGES = {
  'what is over is told': /although it was over/u,
  'drifts are forgotten': /was told/u,
  'a clock that was set back goes unnoticed': /is not verified|is over, though|is not posted/u,
} as const satisfies Record<WatchSabotage, RegExp>;

test.each(Object.entries(SABOTAGES))('finds it if %s', async (name, expected) => {
  const sabotage = Object.keys(SABOTAGES).find((known): known is WatchSabotage => known === name);
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const [violation] = (await watch(seed, sabotage === undefined ? {} : { sabotage })).violations;
    if (violation === undefined) continue;
    expect(violation.what).toMatch(expected);
    return;
  }
  throw new Error(`${SEEDS} seeds found nothing.`);
});

test('watching tells nothing twice, nothing that is over, and leaves nothing owed', async () => {
  const happened: Record<string, number> = {};
  for (let seed = 1; seed <= 60; seed += 1) {
    const done = await watch(seed);
    expect({ seed, violations: done.violations }).toEqual({ seed, violations: [] });
    for (const [what, times] of Object.entries(done.happened)) happened[what] = (happened[what] ?? 0) + times;
  }
  for (const what of WATCHING.worthwhile) {
    expect({ [what]: (happened[what] ?? 0) > 5 }).toEqual({ [what]: true });
  }
});
