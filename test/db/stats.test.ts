import { HOUR, MINUTE } from '../promotions/make.js';
import { insertPromotion, type Stored, startStored } from '../support/rows.js';

const SINCE = new Date('2026-05-01T00:00:00Z');
const UNTIL = new Date('2026-05-31T00:00:00Z');
const PERIOD = { since: SINCE, until: UNTIL, stuckAfterMs: 12 * HOUR };

describe('figures on promotions', () => {
  let stored: Stored;
  beforeEach(async () => {
    stored = await startStored();
  });
  afterEach(() => stored.close());

  const at = (day: number, offsetMs = 0) => new Date(Date.UTC(2026, 4, day) + offsetMs).toISOString();
  let flags = 0;
  const insert = (columns: Readonly<Record<string, unknown>>) => {
    flags += 1;
    return insertPromotion(stored.rows, { flag_key: `flag_${flags}`, config_var: `FLAG_${flags}`, ...columns });
  };
  const alertAt = (promotionId: string, postedAt: string) =>
    stored.rows.query(
      `insert into flag_promotions.alerts (promotion_id, severity, opened_at) values ($1, 'warning', $2)`,
      [promotionId, postedAt],
    );

  test('of nothing are nothing, rather than a fault', async () => {
    expect(await stored.db.stats.of(PERIOD)).toMatchObject({
      all: { promotions: 0, stuck: 0, failed: 0, deploying: 0, inDeploying: null, toDetect: null, toResolve: null },
      byApp: [],
      furtherApps: 0,
      byDay: [],
    });
  });

  test('count what was promoted in the period, and measure how long it took', async () => {
    for (const minutes of [1, 2, 3, 4]) {
      await insert({
        heroku_app: 'quick',
        state: 'deployed',
        promoted_at: at(2),
        deployed_at: at(2, minutes * MINUTE),
      });
    }
    await insert({ heroku_app: 'slow', state: 'failed', promoted_at: at(3), failed_at: at(3, 10 * MINUTE) });
    const hung = await insert({
      heroku_app: 'slow',
      state: 'deployed',
      promoted_at: at(4),
      deployed_at: at(4, 60 * HOUR),
    });
    await alertAt(hung, at(4, 12 * HOUR + MINUTE));
    // Without an alert, and still without an end: it lasts longer than what alerts.
    await insert({ heroku_app: 'slow', state: 'deploying', promoted_at: at(5) });
    await insert({ heroku_app: 'slow', state: 'deploying', promoted_at: at(30, 23 * HOUR) });
    // Not of this period, or never promoted.
    await insert({ state: 'deployed', promoted_at: '2026-04-30T23:59:59Z', deployed_at: at(1) });
    await insert({ state: 'marked', promoted_at: null });
    await insert({ state: 'cancelled', promoted_at: null });

    const found = await stored.db.stats.of(PERIOD);
    expect(found.all).toMatchObject({ promotions: 8, stuck: 2, failed: 1, deploying: 2 });
    expect(found.all.toDetect).toEqual({ medianMs: 12 * HOUR + MINUTE, p95Ms: 12 * HOUR + MINUTE });
    expect(found.all.toResolve).toEqual({ medianMs: 48 * HOUR - MINUTE, p95Ms: 48 * HOUR - MINUTE });
    expect(found.byApp.map(({ herokuApp, promotions, stuck }) => [herokuApp, promotions, stuck])).toEqual([
      ['quick', 4, 0],
      ['slow', 4, 2],
    ]);
    expect(found.byApp[0]?.inDeploying).toEqual({ medianMs: 2.5 * MINUTE, p95Ms: 3.85 * MINUTE });
    expect(found.byApp[0]?.toDetect).toBeNull();
    expect(found.byDay).toEqual([
      { day: '2026-05-02', deployed: 4, failed: 0, stuck: 0, deploying: 0 },
      { day: '2026-05-03', deployed: 0, failed: 1, stuck: 0, deploying: 0 },
      { day: '2026-05-04', deployed: 0, failed: 0, stuck: 1, deploying: 0 },
      { day: '2026-05-05', deployed: 0, failed: 0, stuck: 1, deploying: 0 },
      { day: '2026-05-30', deployed: 0, failed: 0, stuck: 0, deploying: 1 },
    ]);
  });

  test('count as stuck, and as detected, what alerted, also after its alert was pruned: the audit log keeps when', async () => {
    const quick = { heroku_app: 'quick', state: 'deployed', promoted_at: at(2), deployed_at: at(2, HOUR) };
    const alerted = await insert(quick);
    const pruned = await insert(quick);
    const open = await insert({ heroku_app: 'quick', state: 'deploying', promoted_at: at(30, 22 * HOUR) });
    await insert(quick);
    const noticed = (promotionId: string, after: number, severity = 'warning', when = at(2, after)) =>
      stored.db.audit.append({
        at: new Date(when),
        action:
          severity === 'warning' ? 'console.flag.promotion.stuck_warning' : 'console.flag.promotion.stuck_critical',
        actor: 'watchdog',
        promotionId,
        detail: {},
      });
    await alertAt(alerted, at(2, 10 * MINUTE));
    // The alert itself says more than the log, which also has those of an earlier life of the row.
    await noticed(alerted, 5 * MINUTE);
    await noticed(pruned, 30 * MINUTE);
    await noticed(pruned, 40 * MINUTE, 'critical');
    // What is deploying still has its alert.
    await noticed(open, 0, 'warning', at(30, 23 * HOUR));
    const { all } = await stored.db.stats.of(PERIOD);
    expect(all).toMatchObject({ promotions: 4, stuck: 2, deploying: 1 });
    expect(all.toDetect).toEqual({ medianMs: 20 * MINUTE, p95Ms: 29 * MINUTE });
    expect(all.toResolve).toEqual({ medianMs: 40 * MINUTE, p95Ms: 49 * MINUTE });
  });

  test('tell ten apps apart, and how many more there are', async () => {
    for (let app = 0; app < 13; app += 1) {
      await insert({ heroku_app: `app-${app}`, state: 'deployed', promoted_at: at(2), deployed_at: at(2, MINUTE) });
    }
    const found = await stored.db.stats.of(PERIOD);
    expect(found.byApp).toHaveLength(10);
    expect(found.furtherApps).toBe(3);
    expect(found.all.promotions).toBe(13);
  });

  test('survive times that are no moments', async () => {
    await insert({ heroku_app: 'a', state: 'deployed', promoted_at: at(2), deployed_at: 'infinity' });
    await insert({ heroku_app: 'a', state: 'deployed', promoted_at: 'infinity', deployed_at: at(2) });
    await insert({ heroku_app: 'a', state: 'deployed', promoted_at: '-infinity', deployed_at: at(2) });
    await insert({ heroku_app: 'a', state: 'deployed', promoted_at: at(2), deployed_at: at(1) });
    const found = await stored.db.stats.of(PERIOD);
    expect(found.all).toMatchObject({ promotions: 2 });
  });
});
