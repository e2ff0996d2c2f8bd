import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const START = '2026-05-10T05:00:00Z';

describe('with PRUNE_AFTER', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: START, environment: { PRUNE_AFTER: '30d' } });
  });
  afterEach(() => bed.close());

  const told = () =>
    bed.rows.query(
      'select (select count(*) from flag_promotions.alerts)::int as alerts, (select count(*) from flag_promotions.messages)::int as messages',
    );
  const tickAfter = async (days: number) => {
    await bed.clock.set(new Date(Date.parse(START) + days * 24 * 3_600_000));
    await bed.app.tick();
  };

  test('a tick removes what was told long ago of what ended, and nothing else', async () => {
    await bed.rows.insertDeploying();
    await bed.rows.insertDeploying({ flagKey: 'still_stuck' });
    await bed.app.tick();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
    const done = { code: bed.code(superadmin.id), rca_url: 'https://docs.example.com/rca' };
    expect((await superadmin.submit(done)).kind).toBe('closed');
    await eventually(async () => {
      expect(await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).toHaveLength(1);
      expect(
        await bed.rows.query(`select 1 from flag_promotions.messages where kind = 'resolved' and state = 'posted'`),
      ).toHaveLength(1);
    });
    await tickAfter(29);
    const [before] = await told();
    expect(before).toMatchObject({ alerts: 2 });
    const messages = (await bed.slack.messages(bed.slack.channels.alerts)).length;

    await tickAfter(31);
    // The open alert and its repeat stay.
    expect(await bed.rows.query('select distinct promotion_id from flag_promotions.alerts')).toEqual([
      { promotion_id: '2' },
    ]);
    expect(await bed.rows.query(`select 1 from flag_promotions.messages where promotion_id = 1`)).toEqual([]);
    expect(await bed.rows.query('select 1 from console_flag_promotions')).toHaveLength(2);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
    await tickAfter(31);
    // Pruning posts nothing. The critical's repeat isn't its doing.
    const now = await bed.slack.messages(bed.slack.channels.alerts);
    expect(now.filter(({ text }) => !text.includes('still_stuck')).length).toBeLessThanOrEqual(messages);
    await superadmin.command('show 1');
    expect((await superadmin.waitForEphemeral()).text).toContain('console_heroku_log_drain_alerting');
  });

  test('a promotion that ended before its alert was posted is removed, too', async () => {
    await bed.rows.insertDeploying();
    bed.slack.faults.add({ method: '*', kind: 'status', status: 503 });
    await bed.app.tick();
    await bed.rows.query(
      `update console_flag_promotions set state = 'deployed', deployed_at = flag_promotions.clock(), rca_url = 'https://docs.example.com/rca'`,
    );
    bed.slack.faults.clear();
    await tickAfter(1);
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toEqual([]);
    await tickAfter(30);
    expect(await told()).toEqual([{ alerts: 1, messages: 2 }]);
    await tickAfter(32);
    expect(await told()).toEqual([{ alerts: 0, messages: 0 }]);
  });
});
