import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as z from 'zod';
import { ROUTING_KEY, startPagerDutyStandIn } from '../../demo/pagerduty/stand-in.js';
import { startWebhookReceiver } from '../../demo/webhook/receiver.js';
import { startCut } from '../chaos/cut.js';
import { endWaits } from '../chaos/owed.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';

jest.setTimeout(240_000);

/** Begins a delivery: a tick delivers what goes outside Slack first. */
const CLAIM = /^with claimed as \( update flag_promotions\.messages/u;
/** The claim, the destination, the event itself, its record, and what comes after it. */
const WRITES = 6;

/** Who hears of an alert outside Slack. */
interface Outside {
  readonly url: string;
  readonly secret: string;
  /** What the app is configured with, to reach it at `url`. */
  environment(url: string): Readonly<Record<string, string>>;
  /** What it received about a flag's alert, or the incidents that came of it. */
  told(flagKey: string): readonly string[];
  close(): Promise<void>;
}

async function startPager(): Promise<Outside> {
  const pager = await startPagerDutyStandIn();
  return {
    url: pager.url,
    secret: ROUTING_KEY,
    environment: (url) => ({ PAGERDUTY_URL: url, PAGERDUTY_ROUTING_KEY: ROUTING_KEY }),
    told: (flagKey) =>
      pager.incidents.filter(({ summary }) => summary.includes(`${flagKey} `)).map(({ status }) => status),
    close: pager.close,
  };
}

const eventShape = z.object({
  type: z.string(),
  data: z.object({ promotion: z.object({ flag_key: z.string() }) }),
});

async function startWebhook(): Promise<Outside> {
  const secret = `whsec_${Buffer.alloc(24, 'a').toString('base64')}`;
  const receiver = await startWebhookReceiver(secret);
  return {
    url: receiver.url,
    secret,
    environment: (url) => ({ WEBHOOK_URL: url, WEBHOOK_SECRET: secret }),
    told: (flagKey) =>
      receiver
        .events()
        .map((event) => eventShape.parse(event))
        .filter(({ data }) => data.promotion.flag_key === flagKey)
        .map(({ type }) => type),
    close: receiver.close,
  };
}

describe.each([
  ['it pages', startPager, [['triggered'], ['acknowledged'], ['resolved']]],
  [
    'it sends webhooks',
    startWebhook,
    [['alert.opened'], ['alert.opened', 'alert.acknowledged'], ['alert.opened', 'alert.acknowledged', 'alert.ended']],
  ],
] as const)('a process that is killed with SIGKILL while %s', (_, start, expected) => {
  let outside: Outside;
  let bed: TestBed;
  let cli: string;

  beforeAll(async () => {
    cli = await builtApp();
    outside = await start();
    bed = await startTestBed({
      // The library that checks webhooks goes by the machine's clock.
      startAt: new Date().toISOString(),
      withoutHeroku: true,
      rateLimit: false,
      environment: { ALERT_MESSAGES_PER_HOUR: '50', ...outside.environment(outside.url) },
    });
    bed.keepSecret('what opens the outside', outside.secret);
  });
  afterAll(async () => {
    await bed.close();
    await outside.close();
  });

  /** A tick of another process, killed at its write number `nth`; resolves with that write. */
  async function killedAt(nth: number): Promise<string | null> {
    const cut = await startCut(bed.environment['DATABASE_URL'] ?? '', bed.slack.apiUrl, outside.url);
    const child = spawn(process.execPath, [cli, 'maintenance'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        ...bed.environment,
        DATABASE_URL: cut.databaseUrl,
        SLACK_API_URL: cut.slackApiUrl,
        ...outside.environment(cut.pagerUrl ?? ''),
      },
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', bed.hear);
    cut.arm(nth, () => void child.kill('SIGKILL'), CLAIM);
    await once(child, 'close');
    await cut.close();
    return cut.at();
  }
  /** Another replica's next two ticks, once the dead process's lease has expired. */
  async function succeeded(): Promise<void> {
    for (let tick = 0; tick < 2; tick += 1) {
      await endWaits(bed.rows);
      await bed.app.tick();
    }
  }

  test.each(Array.from({ length: WRITES }, (__, index) => index + 1))(
    'before write %i of each event leaves each said once: opened, acknowledged, ended',
    async (nth) => {
      const flagKey = `flag_${nth}`;
      const promotionId = await bed.rows.insertDeploying({
        flagKey,
        promotedAt: new Date(Date.now() - 25 * 3_600_000).toISOString(),
      });
      const steps: readonly (() => Promise<unknown>)[] = [
        async () => undefined,
        async () =>
          bed.db.attention.take({
            promotionId,
            operatorId: bed.slack.people.superadmin.id,
            at: await bed.db.now(),
            over: null,
          }),
        () => bed.rows.query(`update console_flag_promotions set state = 'failed' where id = $1`, [promotionId]),
      ];
      for (const [index, bringAbout] of steps.entries()) {
        await bringAbout();
        expect(await killedAt(nth)).not.toBeNull();
        await succeeded();
        expect(outside.told(flagKey)).toEqual(expected[index]);
      }
    },
  );
});
