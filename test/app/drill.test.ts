import { spawn } from 'node:child_process';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { type PagerDutyStandIn, ROUTING_KEY, startPagerDutyStandIn } from '../../demo/pagerduty/stand-in.js';
import { startWebhookReceiver, type WebhookReceiver } from '../../demo/webhook/receiver.js';
import { SLACK_ONLY } from '../../src/promotions/drill.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { eventually } from '../support/eventually.js';
import { waiting, whileHolding } from '../support/locks.js';

/* People practise an alert: it shows all that a real one does, and leaves only its audit events. */

let bed: TestBed;
let pager: PagerDutyStandIn;
beforeEach(async () => {
  pager = await startPagerDutyStandIn();
});
afterEach(async () => {
  await bed.close();
  await pager.close();
});

async function start(
  environment: Readonly<Record<string, string>> = {},
  startAt = '2026-05-09T05:00:00Z',
): Promise<void> {
  bed = await startTestBed({
    startAt,
    databaseClockStands: true,
    rateLimit: false,
    environment: { SLACK_CRITICAL_MENTION: '<!here>', ...environment },
  });
}
const startWithPager = (environment: Readonly<Record<string, string>> = {}) =>
  start({ PAGERDUTY_URL: pager.url, PAGERDUTY_ROUTING_KEY: ROUTING_KEY, ...environment });

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const channel = () => bed.slack.messages(bed.slack.channels.alerts);
async function drillMessage() {
  const found = (await channel()).find((message) => message.threadTs == null && message.text.startsWith('DRILL'));
  return found ?? Promise.reject(new Error('There is no drill.'));
}
const textOf = (shown: unknown) => JSON.stringify(shown);
const events = async () =>
  (
    await bed.rows.query<{ action: string; actor: string; detail: Record<string, unknown> }>(
      'select action, actor, detail from flag_promotions.audit_log order by id',
    )
  ).map(({ action, ...rest }) => ({ action: action.replace('console.flag.', ''), ...rest }));
const left = async () => [
  ...(await bed.rows.query('select id from flag_promotions.drills')),
  ...(await bed.rows.query(`select id from flag_promotions.messages where kind <> 'home'`)),
  ...(await bed.rows.query('select id from flag_promotions.alerts')),
  ...(await bed.rows.query('select id from console_flag_promotions')),
];

test('a person who acknowledges the drill while they start another one gets both answers', async () => {
  await start();
  const { superadmin } = bed.slack.people;
  await bed.enrol(superadmin.id);
  const startOne = () => bed.db.drills.start(superadmin.id, SLACK_ONLY);
  const first = await startOne();
  const id = first.kind === 'started' ? first.drill.id : '';
  const both: Promise<unknown>[] = [];
  await whileHolding(
    { url: bed.config.database.kind === 'server' ? bed.config.database.url : '' },
    'select 1 from flag_promotions.operators for update',
    async () => {
      for (const [index, act] of [startOne, () => bed.db.drills.acknowledge(id, superadmin.id)].entries()) {
        both.push(act());
        await waiting(bed, index + 1);
      }
    },
  );
  expect(await Promise.all(both)).toMatchObject([{ kind: 'under_way' }, { kind: 'taken_now' }]);
});

test('alert, acknowledge, code, resolution: timed, labelled throughout, and gone afterwards', async () => {
  await start();
  const { superadmin } = bed.slack.people;
  const asked = bed.heroku.requests.length;
  await superadmin.command('drill');
  await superadmin.waitForEphemeral(({ text }) => text.includes('started: follow it in'));
  const alert = await drillMessage();
  expect(alert.text).toMatch(/^DRILL: :rotating_light: \*CRITICAL\* <!here> `DRILL/u);
  // The flag's own name says DRILL too: the label has to come before it.
  const labelled = [
    z.object({ type: z.literal('section'), text: z.object({ text: z.string().startsWith(':construction: *DRILL*') }) }),
    z.object({
      type: z.literal('actions'),
      elements: z.array(z.object({ text: z.object({ text: z.string().startsWith('DRILL: ') }) })),
    }),
  ] as const;
  const shown = (alert.blocks ?? []).filter((block) => /"type":"(?:section|actions)"/u.test(textOf(block)));
  expect(shown.length).toBeGreaterThan(2);
  for (const block of shown) expect(z.union(labelled).safeParse(block).error?.message).toBeUndefined();
  expect(textOf(alert.blocks)).not.toMatch(/"action_id":"(?:mark_|acknowledge|open_rca|alert_menu)/u);

  await bed.clock.advance(41 * SECOND);
  await superadmin.click(alert, 'drill_acknowledge');
  await superadmin.waitForEphemeral(({ text }) => text.includes('You’re on it'));
  expect(textOf((await drillMessage()).blocks)).toContain(`<@${superadmin.id}> on it`);

  await bed.clock.advance(39 * SECOND);
  await superadmin.click(await drillMessage(), 'drill_completed');
  const form = await superadmin.waitForModal(({ callbackId }) => callbackId === 'drill');
  expect(form.title).toBe('DRILL: Mark completed');
  expect(textOf(form.blocks)).not.toContain('rca_url');
  const right = bed.code(superadmin.id);
  expect(await superadmin.submit({ code: right === '000000' ? '000001' : '000000' })).toMatchObject({
    kind: 'errors',
    errors: { code: expect.stringContaining('1 of 5') },
  });
  expect((await superadmin.submit({ code: right })).kind).toBe('closed');
  const outcome = 'posted after 0 s, acknowledged after 41 s, resolved after 1 min 20 s.';
  await eventually(async () => expect((await drillMessage()).text).toBe(`DRILL: ${outcome}`));
  expect(textOf((await drillMessage()).blocks)).not.toContain('action_id');
  await eventually(async () => {
    const replies = (await bed.slack.thread(bed.slack.channels.alerts, (await drillMessage()).ts)).map(
      ({ text }) => text,
    );
    expect(replies.filter((text) => text.includes('DRILL') && text.includes(outcome))).toHaveLength(1);
  });

  // A code works once, as anywhere.
  expect(await events()).toMatchObject([
    { action: 'drill.started', actor: superadmin.id },
    { action: 'drill.acknowledged', detail: { after_s: 41 } },
    { action: 'promotion.totp_rejected', detail: { attempted: 'drill', reason: 'wrong' } },
    { action: 'drill.resolved', actor: superadmin.id, detail: { action: 'completed', after_s: 80 } },
  ]);
  await bed.clock.advance(60 * SECOND);
  await bed.app.tick();
  expect(await left()).toEqual([]);
  expect(bed.heroku.requests).toHaveLength(asked);
  await superadmin.command('stats 7d');
  await superadmin.waitForEphemeral(({ text }) => text.includes(': none.'));
});

test('one at a time, for superadmins; a real alert is not hindered; it can be ended, and ends after an hour', async () => {
  await start();
  const { superadmin, engineer } = bed.slack.people;
  await bed.enrol(engineer.id, 'engineer');
  await engineer.command('drill');
  await engineer.waitForEphemeral(({ text }) => text.includes('Only a superadmin can start a drill'));
  await superadmin.command('drill');
  await superadmin.waitForEphemeral(({ text }) => text.includes('started'));
  await superadmin.command('drill');
  await superadmin.waitForEphemeral(({ text }) => text.includes('A drill is under way'));

  const id = await bed.rows.insertDeploying({ promotedAt: '2026-05-07T04:28:00Z' });
  await bed.app.tick();
  const real = (await channel()).find(({ text }) => text.includes('console_heroku_log_drain_alerting'));
  expect(real?.text).not.toContain('DRILL');
  await superadmin.command('stuck');
  const list = await superadmin.waitForEphemeral(({ text }) => text.includes('1 promotion is stuck'));
  expect(textOf(list)).not.toContain('DRILL');
  await superadmin.click(list, 'mark_completed');
  await superadmin.waitForModal(({ callbackId }) => callbackId === 'resolution');
  expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  expect(await bed.rows.query('select state from console_flag_promotions where id = $1', [id])).toEqual([
    { state: 'deployed' },
  ]);

  const before = await drillMessage();
  await superadmin.command('drill end');
  await superadmin.waitForEphemeral(({ text }) => text.includes('ended before it was resolved'));
  await superadmin.click(before, 'drill_acknowledge');
  await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
  await bed.clock.advance(60 * SECOND);
  await bed.app.tick();
  expect(await bed.rows.query('select id from flag_promotions.drills')).toEqual([]);

  await superadmin.command('drill');
  await superadmin.waitForEphemeral(({ text }) => text.includes('DRILL* 2 started'));
  await bed.clock.advance(HOUR + SECOND);
  await bed.app.tick();
  await bed.app.tick();
  const expired = (await channel()).filter(({ text }) => text.includes('nobody resolved it within an hour'));
  expect(expired.length).toBeGreaterThan(0);
  expect((await events()).map(({ action }) => action)).toContain('drill.expired');
});

/** `flag-promotions drill` */
async function run(...words: string[]) {
  const child = spawn(process.execPath, [await builtApp(), 'drill', ...words], {
    env: { PATH: process.env['PATH'], ...bed.environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, ended, output: () => output };
}

test('the command line waits for people, prints the times, and Ctrl-C ends it tidily', async () => {
  await start();
  const { superadmin } = bed.slack.people;
  const first = await run();
  await eventually(async () => expect(first.output()).toContain('DRILL: posted after 0 s'));
  await bed.clock.advance(41 * SECOND);
  await superadmin.click(await drillMessage(), 'drill_acknowledge');
  await eventually(async () => expect(first.output()).toContain('DRILL: acknowledged after 41 s'));
  await superadmin.click(await drillMessage(), 'drill_failed');
  await superadmin.waitForModal(({ callbackId }) => callbackId === 'drill');
  await superadmin.submit({ code: bed.code(superadmin.id), note: 'practice', confirmation: ['confirmed'] });
  expect(await first.ended).toBe(0);
  expect(first.output()).toContain('posted after 0 s, acknowledged after 41 s, resolved after 41 s.');

  const second = await run('--json');
  await eventually(async () => expect(second.output()).toContain('posted after'));
  const other = await run('--json');
  expect(await other.ended).toBe(1);
  expect(other.output()).toContain('under_way');
  second.child.kill('SIGINT');
  expect(await second.ended).toBe(130);
  expect(second.output()).toContain('"outcome":"interrupted"');
  await eventually(async () =>
    expect((await channel()).some(({ text }) => text.includes('ended before it was resolved'))).toBe(true),
  );
  const none = await run('--end');
  expect(await none.ended).toBe(1);
  expect(await bed.rows.query('select id from flag_promotions.drills where ended_at is null')).toEqual([]);
});

describe('with a page', () => {
  const sent = () => pager.received.map(({ action, status }) => `${action} ${status}`);
  const statuses = () => pager.incidents.map(({ status }) => status);
  const startDrill = async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command('drill --page');
    return superadmin.waitForEphemeral(({ text }) => text.includes('started: follow it in'));
  };
  /** A drill that paged stays for an hour, so that no other pages. */
  const untilGone = async () => {
    await bed.clock.advance(HOUR);
    await eventually(async () => {
      await bed.app.tick();
      expect(await left()).toEqual([]);
    });
  };
  const tickAfter = async (ms: number) => {
    await bed.clock.advance(ms);
    await bed.app.tick();
  };

  test('one incident is opened, acknowledged and resolved, and says DRILL first; a drill without one rings nobody', async () => {
    await startWithPager();
    bed.keepSecret('the routing key', ROUTING_KEY);
    const { superadmin } = bed.slack.people;
    await superadmin.command('drill');
    await superadmin.waitForEphemeral(({ text }) => text.includes('started: follow it in'));
    await superadmin.command('drill end');
    await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
    await tickAfter(60 * SECOND);
    expect(pager.received).toEqual([]);

    await superadmin.command('drill --page');
    await superadmin.waitForEphemeral(({ text }) => text.includes('It goes to the pager, too.'));
    expect(sent()).toEqual(['trigger 202']);
    expect(pager.incidents[0]).toMatchObject({
      status: 'triggered',
      summary: expect.stringMatching(/^DRILL: CRITICAL DRILL-not-a-real-flag on DRILL-not-a-real-app: stuck 1 d\./u),
      source: 'DRILL-not-a-real-app',
      key: expect.stringContaining('/drill-2/'),
      links: [{ href: expect.stringContaining('https://slack.com/app_redirect?channel=') }],
    });
    const drill = (await channel()).findLast(({ text }) => text.startsWith('DRILL: :rotating_light:'));
    if (drill === undefined) throw new Error('There is no drill.');
    await superadmin.click(drill, 'drill_acknowledge');
    await eventually(async () => expect(statuses()).toEqual(['acknowledged']));
    await superadmin.click(drill, 'drill_completed');
    await superadmin.waitForModal(({ callbackId }) => callbackId === 'drill');
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    await eventually(async () => expect(statuses()).toEqual(['resolved']));
    await tickAfter(60 * SECOND);
    await tickAfter(60 * SECOND);
    expect(sent()).toEqual(['trigger 202', 'acknowledge 202', 'resolve 202']);
    await untilGone();
  });

  test('every other end resolves it, too: ended in Slack, after an hour, by Ctrl-C', async () => {
    await startWithPager();
    const { superadmin } = bed.slack.people;
    await startDrill();
    await superadmin.command('drill end');
    await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
    expect(statuses()).toEqual(['resolved']);

    await tickAfter(HOUR);
    await superadmin.command('drill page');
    await eventually(async () => expect(statuses()).toEqual(['resolved', 'triggered']));
    await tickAfter(HOUR + SECOND);
    await bed.app.tick();
    expect(statuses()).toEqual(['resolved', 'resolved']);

    const cli = await run('--page');
    await eventually(async () => expect(cli.output()).toContain('posted after'));
    expect(cli.output()).toContain('It goes to the pager, too.');
    expect(statuses()).toEqual(['resolved', 'resolved', 'triggered']);
    cli.child.kill('SIGINT');
    expect(await cli.ended).toBe(130);
    expect(statuses()).toEqual(['resolved', 'resolved', 'resolved']);
    expect(new Set(pager.incidents.map(({ key }) => key)).size).toBe(3);
    expect(sent().length).toBe(6);
  });

  test('at most one an hour rings, whoever starts it, on any replica; one without a page can start', async () => {
    await startWithPager();
    const { superadmin, engineer } = bed.slack.people;
    await bed.enrol(engineer.id);
    await startDrill();
    await superadmin.command('drill end');
    await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
    await tickAfter(30 * 60 * SECOND);
    await engineer.command('drill page');
    const refusal = await engineer.waitForEphemeral(({ text }) => text.includes('Only one drill an hour pages'));
    expect(refusal.text).toMatch(/The next can from <!date\^\d+\^.+>/u);
    const cli = await run('--page', '--json');
    expect(await cli.ended).toBe(1);
    expect(cli.output()).toContain('"outcome":"paged_lately"');
    expect(cli.output()).toContain('"next_at":"2026-05-09T06:00:00.000Z"');
    expect(sent()).toEqual(['trigger 202', 'resolve 202']);
    expect((await events()).at(-1)).toMatchObject({
      action: 'promotion.denied',
      actor: engineer.id,
      detail: { attempted: 'drill page', reason: 'paged_lately' },
    });

    await engineer.command('drill');
    await engineer.waitForEphemeral(({ text }) => text.includes('started: follow it in'));
    await engineer.command('drill end');
    await engineer.waitForEphemeral(({ text }) => text.includes('it is over'));
    await tickAfter(30 * 60 * SECOND);
    await engineer.command('drill page');
    await eventually(async () => expect(statuses()).toEqual(['resolved', 'triggered']));
  });

  test('without a pager or a webhook, it says so', async () => {
    await start();
    const { superadmin } = bed.slack.people;
    expect((await startDrill()).text).toContain('It pages nobody: neither a pager');
    await superadmin.command('drill end');
    await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
    const cli = await run('--page');
    await eventually(async () => expect(cli.output()).toContain('posted after'));
    expect(cli.output()).toContain(
      'It pages nobody: neither a pager (`PAGERDUTY_ROUTING_KEY`) nor a webhook (`WEBHOOK_URL`)',
    );
    cli.child.kill('SIGINT');
    expect(await cli.ended).toBe(130);
    expect(
      await bed.rows.query(
        `select id from flag_promotions.messages where kind like 'drill\\__%' and kind <> 'drill_ended'`,
      ),
    ).toEqual([]);
  });

  test('a page that the pager refuses shows on the drill, makes nothing overdue, and is over with the drill', async () => {
    await startWithPager({ MAINTENANCE_CRON: '* * * * *' });
    pager.addFault({ fault: { kind: 'status', status: 400 } });
    const { superadmin } = bed.slack.people;
    await startDrill();
    await eventually(async () => expect(textOf((await drillMessage()).blocks)).toContain('page not delivered: 400'));
    await tickAfter(30 * 60 * SECOND);
    await eventually(async () => expect((await fetch(`${bed.baseUrl}/readyz`)).status).toBe(200));
    await superadmin.command('drill end');
    await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
    await tickAfter(60 * SECOND);
    expect(sent()).toEqual(['trigger 400']);
    await eventually(async () => expect(textOf((await drillMessage()).blocks)).not.toContain('not delivered'));
    await tickAfter(60 * SECOND);
    await untilGone();
  });

  test('an answer that was lost rings no second time; a resolve that fails is sent again, and the drill waits for it', async () => {
    await startWithPager({ MAINTENANCE_CRON: '* * * * *' });
    pager.addFault({ times: 1, fault: { kind: 'reset', takesEffect: true } });
    const { superadmin } = bed.slack.people;
    await startDrill();
    await tickAfter(60 * SECOND);
    expect(statuses()).toEqual(['triggered']);
    pager.addFault({ action: 'resolve', times: 1, fault: { kind: 'status', status: 503 } });
    await superadmin.command('drill end');
    await superadmin.waitForEphemeral(({ text }) => text.includes('it is over'));
    await tickAfter(11 * SECOND);
    await tickAfter(120 * SECOND);
    expect(statuses()).toEqual(['resolved']);
    expect(sent()).toEqual(['trigger null', 'trigger 202', 'resolve 503', 'resolve 202']);
    await tickAfter(60 * SECOND);
    await untilGone();
  });

  test('the webhook is told in types of its own, labelled, as the schema says', async () => {
    const secret = `whsec_${Buffer.alloc(24, 'a').toString('base64')}`;
    const receiver: WebhookReceiver = await startWebhookReceiver(secret);
    try {
      // By the real time, which the specification's library uses.
      await start({ WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: secret }, new Date().toISOString());
      const { superadmin } = bed.slack.people;
      expect((await startDrill()).text).toContain('It rings no pager');
      await superadmin.click(await drillMessage(), 'drill_acknowledge');
      await eventually(async () => expect(receiver.events().length).toBe(2));
      await superadmin.command('drill end');
      await eventually(async () => expect(receiver.events().length).toBe(3));
      await tickAfter(60 * SECOND);
      await tickAfter(60 * SECOND);
      const by = superadmin.id;
      expect(receiver.events()).toMatchObject([
        { type: 'drill.opened', data: { note: expect.stringMatching(/^DRILL/u), by } },
        { type: 'drill.acknowledged', data: { note: expect.stringMatching(/^DRILL/u), by, instead_of: null } },
        { type: 'drill.ended', data: { note: expect.stringMatching(/^DRILL/u), by, reason: 'ended' } },
      ]);
      const ajv = new Ajv2020();
      formats.default(ajv);
      const isValid = ajv.compile(JSON.parse(readFileSync('docs/webhook.schema.json', 'utf8')));
      for (const event of receiver.events()) expect([isValid(event), isValid.errors]).toEqual([true, null]);
      expect(receiver.received.length).toBe(3);
      await untilGone();
    } finally {
      await receiver.close();
    }
  });
});
