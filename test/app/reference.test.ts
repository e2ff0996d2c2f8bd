import * as z from 'zod';
import { interaction, signed } from '../chaos/signed.js';
import { startTestBed, type TestBed, type TestBedOptions } from '../support/app.js';
import { codeFor, invite, open, PUBLIC_URL, secretOn, typeCode, wrongCodeFor } from '../support/enrolment.js';
import { eventually } from '../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** Crockford's base32 in capitals. */
const REFERENCE = /^[0-9A-HJKMNP-TV-Z]{4}$/u;

const logLine = z.looseObject({
  level: z.string(),
  msg: z.string(),
  reference: z.string().regex(REFERENCE).optional(),
  who: z.string().nullish(),
  what: z.string().optional(),
  decision: z.string().optional(),
  promotion: z.string().nullish(),
  outcome: z.string().optional(),
  ms: z.number().int().nonnegative().optional(),
});

describe('a reference', () => {
  let bed: TestBed;
  let promotionId: string;
  async function start(options: TestBedOptions = {}): Promise<void> {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      environment: { PUBLIC_URL },
      rateLimit: false,
      ...options,
    });
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
  }
  let wire: TcpProxy | undefined;
  afterEach(async () => {
    await bed.close();
    await wire?.close();
    wire = undefined;
  });

  const lines = () => bed.logged.map((line) => logLine.parse(JSON.parse(line)));
  /** The log lines about requests, without their references and times. */
  const told = () =>
    lines()
      .filter(({ msg }) => msg === 'decided' || msg === 'handled')
      .map(({ who, what, decision, promotion, outcome }) => ({ who, what, decision, promotion, outcome }));
  const eventOf = async (action: string) => {
    const [event] = await bed.rows.query<{ reference: string | null }>(
      `select detail ->> 'reference' as reference from flag_promotions.audit_log where action like $1 order by id desc limit 1`,
      [`%.${action}`],
    );
    return event?.reference ?? null;
  };
  /** The last line of a decision, once it is there. */
  async function decided(outcome: string) {
    let found: z.output<typeof logLine> | undefined;
    await eventually(async () => {
      found = lines().findLast((line) => line.outcome === outcome);
      expect(found).toBeDefined();
    });
    if (found === undefined) throw new Error('Unreachable.');
    return found;
  }

  test.each([false, true])(
    'is on the line of each click, command and submission, and in its audit event (Socket Mode: %s)',
    async (socketMode) => {
      await start({ socketMode });
      const { superadmin: kris, engineer: sam } = bed.slack.people;
      await kris.click(await bed.alert(), 'mark_completed');
      await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
      expect(await kris.submit({ code: '000000' })).toMatchObject({ kind: 'errors' });
      const refused = await decided('code_refused');
      expect(refused.reference).toBe(await eventOf('totp_rejected'));
      expect((await kris.submit({ code: bed.code(kris.id) })).kind).toBe('closed');
      const resolved = await decided('resolved');
      expect(resolved).toMatchObject({
        level: 'info',
        msg: 'decided',
        reference: expect.stringMatching(REFERENCE),
        who: kris.id,
        what: 'resolution',
        decision: 'mark completed',
        promotion: promotionId,
        outcome: 'resolved',
        ms: expect.any(Number),
      });
      expect(await eventOf('ops_complete')).toBe(resolved.reference);
      expect(refused.reference).not.toBe(resolved.reference);

      await sam.command('stuck');
      await eventually(async () => expect(told()).toHaveLength(4));
      await sam.click(await bed.alert(), 'open_rca');
      await eventually(async () =>
        expect(told()).toEqual([
          { who: kris.id, what: 'mark_completed', decision: undefined, promotion: promotionId, outcome: 'answered' },
          {
            who: kris.id,
            what: 'resolution',
            decision: 'mark completed',
            promotion: promotionId,
            outcome: 'code_refused',
          },
          { who: kris.id, what: 'resolution', decision: 'mark completed', promotion: promotionId, outcome: 'resolved' },
          { who: sam.id, what: '/flag-promotions stuck', decision: undefined, promotion: null, outcome: 'answered' },
          { who: sam.id, what: 'open_rca', decision: undefined, promotion: null, outcome: 'not_operator' },
        ]),
      );
      const requests = lines().filter(({ msg }) => msg === 'decided' || msg === 'handled');
      expect(new Set(requests.map(({ reference }) => reference)).size).toBe(requests.length);
    },
  );

  test('tells a form that was not taken, and one that was shown again', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    await kris.click(await bed.alert(), 'mark_failed');
    await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
    const fields = { code: bed.code(kris.id), note: 'It never came up.', confirmation: ['confirmed'] };
    expect(await kris.submit({ ...fields, rca_url: 'http://docs.raxx.example/rca' })).toMatchObject({ kind: 'errors' });
    expect(await decided('form refused')).toMatchObject({ what: 'resolution', promotion: promotionId });
    bed.heroku.setVar('raxx-console-prod', 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING', 'false');
    await kris.submit({ ...fields, rca_url: '' });
    expect(await decided('form shown')).toMatchObject({ promotion: promotionId });
  });

  test('of each of many at once is its own, down to the audit event', async () => {
    await start({ environment: { ALERT_MESSAGES_PER_HOUR: '1' } });
    const { superadmin: kris } = bed.slack.people;
    const ids = [];
    for (let n = 0; n < 24; n += 1) ids.push(await bed.rows.insertDeploying({ flagKey: `flag_${n}` }));
    await bed.app.tick();
    await Promise.all(ids.map((id) => kris.command(`take ${id}`)));
    await eventually(async () =>
      expect(
        await bed.rows.query(`select 1 from flag_promotions.audit_log where action = 'console.flag.promotion.taken'`),
      ).toHaveLength(ids.length),
    );
    const events = await bed.rows.query<{ id: string; reference: string }>(
      `select promotion_id as id, detail ->> 'reference' as reference from flag_promotions.audit_log
        where action = 'console.flag.promotion.taken' order by promotion_id`,
    );
    await eventually(async () =>
      expect(
        lines()
          .flatMap(({ outcome, promotion, reference }) =>
            outcome === 'taken_now' ? [{ id: promotion, reference }] : [],
          )
          .toSorted((a, b) => Number(a.id) - Number(b.id)),
      ).toEqual(events),
    );
    expect(new Set(events.map(({ reference }) => reference)).size).toBe(ids.length);
  });

  test('is none of what the app does by itself', async () => {
    await start();
    await bed.app.tick();
    expect(
      await bed.rows.query(`select action, detail ? 'reference' as has from flag_promotions.audit_log group by 1, 2`),
    ).toEqual([{ action: 'console.flag.promotion.stuck_critical', has: false }]);
    expect(lines().filter(({ reference }) => reference !== undefined)).toEqual([]);
  });

  /** Puts the app behind a database connection that can be cut. */
  async function behindWire(): Promise<TcpProxy> {
    const url = new URL(bed.environment['DATABASE_URL'] ?? '');
    const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    wire = proxy;
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    const replica = await bed.replica({ environment: { DATABASE_URL: url.href } });
    bed.slack.connectHttp(`http://127.0.0.1:${replica.port}/slack/events`);
    return {
      ...proxy,
      async cut() {
        proxy.cut();
        const readyz = async () => (await fetch(`http://127.0.0.1:${replica.port}/readyz`)).status;
        await eventually(async () => expect(await readyz()).toBe(503));
      },
    };
  }
  const referenceIn = (text: string) => /\(reference ([^)]+)\)/u.exec(text)?.[1] ?? text;
  const underIt = (text: string) => lines().filter(({ reference }) => reference === referenceIn(text));
  const failed = { level: 'error', err: expect.anything() };
  /** The answer has a reference; under it, the log has the cause and the person. */
  const hasCause = (text: string, who: string) =>
    eventually(async () =>
      expect(underIt(text)).toEqual(
        expect.arrayContaining([
          expect.objectContaining(failed),
          expect.objectContaining({ msg: 'handled', outcome: 'failed', who }),
        ]),
      ),
    );
  const undelivered = () => lines().filter(({ msg }) => msg === 'an answer could not be delivered');
  const calls = (method: string) => bed.slack.calls.filter((call) => call.method === method).length;

  test('is told with every fault, and the log has the cause under it', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    const { cut, mend } = await behindWire();
    await kris.click(await bed.alert(), 'mark_completed');
    await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
    await cut();

    const submitted = JSON.stringify(await kris.submit({ code: bed.code(kris.id) }));
    expect(underIt(submitted)).toEqual(
      expect.arrayContaining([expect.objectContaining(failed), expect.objectContaining({ outcome: 'failed' })]),
    );
    for (const act of [
      () => kris.command('stuck'),
      () => kris.command(`rca ${promotionId} https://docs.raxx.example/rca`),
      () => kris.command(`rca draft ${promotionId}`),
      async () => kris.click(await bed.alert(), 'mark_failed'),
      async () => kris.click(await bed.alert(), 'acknowledge'),
    ]) {
      const before = kris.ephemerals().length;
      await act();
      await eventually(async () => expect(kris.ephemerals().length).toBe(before + 1));
      const text = kris.ephemerals().at(-1)?.text ?? '';
      await eventually(async () =>
        expect(underIt(text)).toEqual(
          expect.arrayContaining([
            expect.objectContaining(failed),
            expect.objectContaining({ outcome: 'failed', who: kris.id }),
          ]),
        ),
      );
    }
    mend();
  });

  test.each([false, true])(
    'is told where the person asked: in the thread, on the home tab, in the modal (Socket Mode: %s)',
    async (socketMode) => {
      await start({ socketMode });
      const { superadmin: kris } = bed.slack.people;
      const { ts } = await bed.alert();
      await kris.openHome();
      await eventually(async () => expect(JSON.stringify(kris.home()?.blocks)).toContain('Stuck: 1'));
      await kris.click(await bed.alert(), 'open_rca');
      await kris.waitForModal();
      await bed.rows.query('alter table flag_promotions.messages rename to elsewhere');
      await bed.rows.query('alter table flag_promotions.operators rename to nobody');

      await kris.say(`<@${bed.slack.botUserId}> <https://docs.raxx.example/rca>`, { threadTs: ts });
      const told = await kris.waitForEphemeral();
      expect(told).toMatchObject({ threadTs: ts, text: expect.stringContaining('The app failed') });
      await hasCause(told.text, kris.id);

      await kris.openHome();
      await eventually(async () => expect(JSON.stringify(kris.home()?.blocks)).toContain('could not be loaded'));
      expect(JSON.stringify(kris.home()?.blocks)).toMatch(/The app failed.+Open this tab again/u);
      await hasCause(JSON.stringify(kris.home()?.blocks), kris.id);

      const title = kris.modal()?.title;
      await kris.clickInModal('draft_rca');
      const modal = await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('(reference'));
      expect(JSON.stringify(modal.blocks)).toMatch(/The app failed.+Nothing was changed/u);
      await hasCause(JSON.stringify(modal.blocks), kris.id);
      expect(title).toBe('Link RCA');

      await bed.rows.query('alter table flag_promotions.elsewhere rename to messages');
      await bed.rows.query('alter table flag_promotions.nobody rename to operators');
      await kris.openHome();
      await eventually(async () => expect(JSON.stringify(kris.home()?.blocks)).toContain('Stuck: 1'));
      expect(undelivered()).toEqual([]);
    },
  );

  test('is told in a mention’s thread, and on the home tab, while the database is gone', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    const { ts } = await bed.alert();
    const { cut, mend } = await behindWire();
    await cut();
    await kris.say(`<@${bed.slack.botUserId}> <https://docs.raxx.example/rca>`, { threadTs: ts });
    const told = await kris.waitForEphemeral();
    expect(told.text).toContain('The database does not answer. Nothing was changed. Try again in a minute.');
    await hasCause(told.text, kris.id);
    await kris.openHome();
    await eventually(async () => expect(kris.home()).toBeDefined());
    const home = JSON.stringify(kris.home()?.blocks);
    expect(home).toContain('*This tab could not be loaded.* The database does not answer.');
    await hasCause(home, kris.id);
    mend();
  });

  /** A click in a view, as Slack sends it, in a shape that no handler reads. */
  async function clickUnread(view: unknown, actionId: string): Promise<void> {
    const { superadmin: kris } = bed.slack.people;
    const body = interaction({
      type: 'block_actions',
      user: { id: kris.id, team_id: bed.slack.teamId },
      view,
      actions: [{ type: 'button', action_id: actionId, block_id: 'x', value: promotionId }],
    });
    expect((await fetch(`${bed.baseUrl}/slack/events`, signed(body, bed.slack.signingSecret))).status).toBe(200);
  }

  test('is told in the open modal and on the home tab whatever fails in them', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    await kris.openHome();
    await eventually(async () => expect(kris.home()).toBeDefined());
    await kris.click(await bed.alert(), 'open_rca');
    const form = await kris.waitForModal();
    await clickUnread({ ...form.raw, state: null }, 'draft_rca');
    const modal = await kris.waitForModal((view) => JSON.stringify(view.blocks).includes('(reference'));
    expect(modal).toMatchObject({ id: form.id, title: 'Link RCA' });
    await hasCause(JSON.stringify(modal.blocks), kris.id);

    await clickUnread(kris.home()?.raw, 'mark_completed');
    await eventually(async () => expect(JSON.stringify(kris.home()?.blocks)).toContain('(reference'));
    await hasCause(JSON.stringify(kris.home()?.blocks), kris.id);

    // Slack takes no modal: the tab in which they clicked says so.
    await kris.openHome();
    await eventually(async () => expect(JSON.stringify(kris.home()?.blocks)).toContain('mark_completed'));
    bed.slack.faults.add({ method: 'views.open', times: 1, kind: 'error', error: 'expired_trigger_id' });
    await kris.clickInHome('mark_completed');
    await eventually(async () =>
      expect(JSON.stringify(kris.home()?.blocks)).toContain('Slack refused or did not answer. Nothing was changed.'),
    );
    await hasCause(JSON.stringify(kris.home()?.blocks), kris.id);
    expect(undelivered()).toEqual([]);
  });

  test('buttons of another version say so where they are', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    await kris.openHome();
    await eventually(async () => expect(kris.home()).toBeDefined());
    await kris.click(await bed.alert(), 'open_rca');
    const form = await kris.waitForModal();
    for (const view of [form.raw, kris.home()?.raw]) await clickUnread(view, 'of_another_version');
    await kris.waitForModal(({ blocks }) => JSON.stringify(blocks).includes('from another version'));
    await eventually(async () => expect(JSON.stringify(kris.home()?.blocks)).toContain('from another version'));
  });

  test('an answer that can’t be sent is logged once, and changes nothing that was done', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    const threadTs = (await bed.alert()).ts;
    const mention = `<@${bed.slack.botUserId}> <https://docs.raxx.example/rca>`;
    bed.slack.faults.add({ method: 'chat.postEphemeral', kind: 'status', status: 500 });
    await kris.say(mention, { threadTs });
    await eventually(async () => expect(undelivered()).toHaveLength(1));
    expect((await bed.db.promotions.find(promotionId))?.rcaUrl).toBe('https://docs.raxx.example/rca');
    // A change that was made isn't reported as a failure.
    expect(calls('chat.postEphemeral')).toBe(1);

    await bed.rows.query('alter table flag_promotions.messages rename to elsewhere');
    bed.slack.faults.add({ method: 'views.publish', kind: 'error', error: 'internal_error' });
    await kris.say(mention, { threadTs });
    await kris.openHome();
    await eventually(async () => expect(undelivered()).toHaveLength(3));
    await bed.rows.query('alter table flag_promotions.elsewhere rename to messages');
    expect([calls('chat.postEphemeral'), calls('views.publish')]).toEqual([2, 1]);
    expect(kris.ephemerals()).toEqual([]);
  });

  test('is told to nobody who asked for nothing: a link in a thread, a bot’s mention', async () => {
    await start();
    const { superadmin: kris, otherBot } = bed.slack.people;
    const threadTs = (await bed.alert()).ts;
    await bed.rows.query('alter table flag_promotions.messages rename to elsewhere');
    await kris.say('Written up: <https://docs.raxx.example/rca>', { threadTs });
    await otherBot.say(`<@${bed.slack.botUserId}> <https://docs.raxx.example/rca>`, { threadTs });
    await bed.slack.eventsSettled();
    await eventually(async () =>
      expect(told()).toEqual([expect.objectContaining({ what: 'message', who: kris.id, outcome: 'failed' })]),
    );
    await bed.rows.query('alter table flag_promotions.elsewhere rename to messages');
    expect(calls('chat.postEphemeral')).toBe(0);
  });

  test('is on the home tab of somebody of whom Slack doesn’t say who they are', async () => {
    await start();
    const { engineer: sam } = bed.slack.people;
    bed.slack.faults.add({ method: 'users.info', times: 1, kind: 'status', status: 503 });
    await sam.openHome();
    await eventually(async () => expect(sam.home()).toBeDefined());
    const shown = JSON.stringify(sam.home()?.blocks);
    expect(shown).toContain('*This tab could not be loaded.* Slack did not say who you are.');
    await eventually(async () =>
      expect(underIt(shown)).toEqual([
        expect.objectContaining({ level: 'warn', who: sam.id }),
        expect.objectContaining({ what: 'app_home_opened', who: sam.id, outcome: 'failed' }),
      ]),
    );
    await sam.openHome();
    await eventually(async () => expect(JSON.stringify(sam.home()?.blocks)).toContain('Stuck: 1'));
  });

  test('never comes with what somebody typed', async () => {
    await start();
    const { superadmin: kris } = bed.slack.people;
    await kris.command('271828 and a secret');
    await kris.command('mark hidden_flag raxx-console-prod s3cret-value');
    await kris.command(`promote ${promotionId} 314159`);
    await eventually(async () =>
      expect(
        told()
          .map(({ what }) => what)
          .toSorted(),
      ).toEqual(['/flag-promotions mark', '/flag-promotions promote', '/flag-promotions …']),
    );
    for (const typed of ['271828', 's3cret', '314159', 'hidden_flag']) expect(bed.logged.join('')).not.toContain(typed);
  });

  test('the page of a link has one, too', async () => {
    await start();
    const { superadmin: kris, engineer: sam } = bed.slack.people;
    const link = await invite(bed, kris, sam, 'engineer');
    const secret = secretOn(await open(bed, link));
    bed.adopt(sam.id, secret);
    await typeCode(bed, link, wrongCodeFor(bed, secret));
    expect(await decided('code_refused')).toMatchObject({
      what: '/enrol/',
      who: null,
      decision: 'first code',
      ms: expect.any(Number),
    });
    expect((await typeCode(bed, link, codeFor(bed, secret))).status).toBe(200);
    const proved = await decided('proved');
    expect(proved).toMatchObject({ what: '/enrol/', who: sam.id, reference: expect.stringMatching(REFERENCE) });
    expect(await eventOf('first_code')).toBe(proved.reference);
    await bed.rows.query('alter table flag_promotions.enrolments rename to elsewhere');
    const broken = await open(bed, link);
    await typeCode(bed, link, codeFor(bed, secret));
    await bed.rows.query('alter table flag_promotions.elsewhere rename to enrolments');
    const reference = /^internal error \(reference (\w{4})\)\n$/u.exec(broken.text)?.[1];
    expect(lines().find((line) => line.msg === 'a request failed')?.reference).toBe(reference);
    expect(reference).toMatch(REFERENCE);
    expect(await decided('failed')).toMatchObject({ decision: 'first code', who: null, ms: expect.any(Number) });
  });
});
