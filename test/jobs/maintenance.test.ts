import { randomBytes } from 'node:crypto';
import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { moveDatabaseClock } from '../../demo/world/database-clock.js';
import { type Core, createCore } from '../../src/app/core.js';
import { readConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { DAY, HOUR, MINUTE } from '../promotions/make.js';
import { readManifest } from '../support/manifest.js';
import { breakAuditLog, everything, insertPromotion, NOW, type Stored, startStored } from '../support/rows.js';

/** One tick, over everything real but Slack and Heroku. */
describe('maintenance', () => {
  let stored: Stored;
  let slack: SlackStandIn;
  let heroku: HerokuStandIn;
  let core: Core;

  beforeEach(async () => {
    stored = await startStored();
    heroku = await startHerokuStandIn({ apps: { 'raxx-console-prod': { vars: {} } } });
    const { scopes } = readManifest();
    slack = await startSlackStandIn({ scopes, rateLimit: false });
    core = coreWith({});
  });
  afterEach(async () => {
    await core.close();
    await slack.close();
    await heroku.close();
    await stored.close();
  });

  function coreWith(environment: Readonly<Record<string, string>>): Core {
    return createCore(
      readConfig({
        DATABASE_URL: stored.url,
        SLACK_BOT_TOKEN: slack.botToken,
        SLACK_SIGNING_SECRET: slack.signingSecret,
        SLACK_API_URL: slack.apiUrl,
        SLACK_ALERT_CHANNEL: slack.channels.alerts,
        HEROKU_API_KEY: heroku.apiKey,
        HEROKU_API_URL: heroku.apiUrl,
        TOTP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
        ...environment,
      }),
      stored.db,
      {
        now: () => NOW,
        elapsed: () => performance.now(),
        patience: 1,
        slackPauses: 1,
        random: () => 0,
        log: createLogger('fatal', { write: () => undefined }),
      },
    );
  }

  const kinds = (actions: readonly { readonly kind: string }[]) => actions.map(({ kind }) => kind);
  const texts = async () => (await slack.messages(slack.channels.alerts)).map(({ text }) => text);
  const flags = async () => (await texts()).flatMap((text) => /flag_\d/u.exec(text) ?? []);
  /** Slack's read-only methods are known by their last words. */
  const writes = () => slack.calls.filter(({ method }) => !/\.(?:info|history|replies|test)$/u.test(method));
  const laterBy = (ms: number) => moveDatabaseClock((sql) => stored.rows.query(sql), NOW.getTime() + ms - Date.now());
  async function stuck(...names: readonly string[]): Promise<void> {
    for (const flag_key of names) await insertPromotion(stored.rows, { flag_key });
  }

  test('records what is stuck, names the criticals of a group, and delivers it all in the same tick', async () => {
    await core.close();
    core = coreWith({ ALERT_MESSAGES_PER_HOUR: '1' });
    await stuck('flag_1', 'flag_2', 'flag_3');
    const report = await core.maintain();
    expect(report).toMatchObject({ deploying: 3, stuck: 3, failures: [] });
    expect(kinds(report.actions)).toEqual([
      'open_alert',
      'open_grouped_alerts',
      'name_criticals',
      'deliver',
      'deliver',
      'deliver',
    ]);
    expect(await texts()).toEqual([
      expect.stringContaining('flag_1'),
      expect.stringContaining('2 promotions are stuck'),
      expect.stringMatching(/flag_2.*flag_3/u),
    ]);
    expect(kinds((await core.maintain()).actions)).toEqual([]);
  });

  test('dry, decides the same, changes no row, and asks nobody to do anything', async () => {
    await core.close();
    core = coreWith({ ALERT_MESSAGES_PER_HOUR: '1' });
    await stuck('flag_1', 'flag_2', 'flag_3');
    await core.maintain();
    await core.maintain();
    await laterBy(DAY + HOUR);
    await stuck('flag_4');
    const before = await everything(stored.rows);
    const asked = [writes().length, heroku.requests.length];

    const dry = await core.maintain({ dryRun: true });
    expect(await everything(stored.rows)).toEqual(before);
    expect([writes().length, heroku.requests.length]).toEqual(asked);
    expect(dry.failures).toEqual([]);
    expect(kinds(dry.actions)).toEqual(['repeat_critical', 'open_alert', 'refresh_evidence', 'name_criticals']);

    const { actions } = await core.maintain();
    expect(actions.slice(0, 3)).toEqual(dry.actions.slice(0, 3));
    expect(actions).toContainEqual(dry.actions[3]);
    expect(await everything(stored.rows)).not.toEqual(before);
  });

  test('goes on if a message can’t be posted', async () => {
    await stuck('flag_1');
    slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'status', status: 500 });
    const first = await core.maintain();
    expect(first.failures).toMatchObject([{ action: { kind: 'deliver' } }]);
    await laterBy(2 * HOUR);
    await stuck('flag_2');
    slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'error', error: 'msg_too_long' });
    const second = await core.maintain();
    expect(second.failures).toHaveLength(1);
    expect(await flags()).toHaveLength(1);
  });

  test('goes on with later steps if what an earlier one records can’t be written', async () => {
    await stuck('flag_1');
    slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'error', error: 'msg_too_long' });
    await core.maintain();
    await laterBy(2 * HOUR);
    await stuck('flag_2');
    await breakAuditLog(stored.rows);
    const { actions, failures } = await core.maintain();
    expect(kinds(actions)).toEqual(['open_alert', 'refresh_evidence', 'deliver']);
    expect(failures).toMatchObject([{ action: { kind: 'open_alert' } }]);
    expect(await flags()).toEqual(['flag_1']);
    expect((await stored.db.maintenance.last())?.completedAt).toBeDefined();
  });

  test('rejects if it can’t read what it needs, and starts over at the next tick', async () => {
    await stuck('flag_1');
    await stored.rows.query('alter table flag_promotions.attention rename to hidden');
    await expect(core.maintain()).rejects.toThrow();
    expect(await texts()).toEqual([]);
    await stored.rows.query('alter table flag_promotions.hidden rename to attention');
    await laterBy(MINUTE);
    await core.maintain();
    expect(await flags()).toEqual(['flag_1']);
  });
});
