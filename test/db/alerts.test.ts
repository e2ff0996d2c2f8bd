import { setTimeout as sleep } from 'node:timers/promises';
import { waiting, whileHolding } from '../support/locks.js';
import {
  breakAuditLog,
  CHANNEL,
  deliverMessage,
  enrol,
  everything,
  insertPromotion,
  insertPromotions,
  later,
  MINE,
  NOW,
  openAlert,
  postAlert,
  REPLY,
  ROOT,
  SHOWN,
  type Stored,
  startStored,
  stopClock,
  submission,
  typed,
  writersOf,
} from '../support/rows.js';

/* What is stuck, as facts; messages.test.ts has what is said about it. */

let stored: Stored;
let id: string;
beforeEach(async () => {
  stored = await startStored();
  id = await insertPromotion(stored.rows);
});
afterEach(() => stored.close());

const HOUR = 3_600_000;
const warning = (promotionId = id) => ({ promotionId, severity: 'warning' as const });
const critical = (promotionId = id) => ({ promotionId, severity: 'critical' as const });

const alertsNow = async () =>
  (
    await stored.rows.query<{ severity: string; closed: boolean }>(
      'select severity, closed_at is not null as closed from flag_promotions.alerts order by id',
    )
  ).map(({ severity, closed }) => [severity, closed ? 'closed' : 'open']);
const messagesNow = (except = '') =>
  stored.rows.query<{ kind: string; state: string; behind: number }>(
    'select kind, state, wanted - shown as behind from flag_promotions.messages where kind <> $1 order by id',
    [except],
  );
const end = (state = 'deployed') =>
  stored.rows.query(`update console_flag_promotions set state = '${state}' where id = $1`, [id]);
const beginAgain = () =>
  stored.rows.query(`update console_flag_promotions set state = 'deploying' where id = $1`, [id]);
const gather = () => stored.db.alerts.gather(NOW);
async function messageId(kind: 'alert' | 'escalation' | 'repeat', promotionId = id): Promise<string> {
  const message = await stored.db.messages.newest(kind, promotionId);
  if (message === null) throw new Error(`No ${kind} was queued.`);
  return message.id;
}

describe('opening an alert', () => {
  test('writes the row, its message and its audit event in one transaction, once', async () => {
    expect(await stored.db.alerts.open(warning(), NOW, null)).toBe(true);
    expect(await stored.db.alerts.open(warning(), NOW, null)).toBe(false);
    expect(await stored.db.alerts.ofPromotion(id)).toEqual([
      {
        id: '1',
        promotionId: id,
        flagKey: 'console_heroku_log_drain_alerting',
        herokuApp: 'raxx-console-prod',
        severity: 'warning',
        groupId: null,
        openedAt: expect.any(Date),
        closedAt: null,
        vanishedAt: null,
      },
    ]);
    expect(await messagesNow()).toEqual([{ kind: 'alert', state: 'pending', behind: 0 }]);
    expect(await stored.db.audit.ofPromotion(id, 10)).toEqual([
      {
        id: '1',
        at: NOW,
        action: 'console.flag.promotion.stuck_warning',
        actor: 'watchdog',
        promotionId: id,
        detail: {},
      },
    ]);
    const writers = await writersOf(stored.rows, [
      'flag_promotions.alerts',
      'flag_promotions.messages',
      'flag_promotions.audit_log',
    ]);
    expect(writers.size).toBe(1);
  });

  test('leaves nothing behind if its audit event cannot be written', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await breakAuditLog(stored.rows);
    const before = await everything(stored.rows);
    await expect(stored.db.alerts.open(critical(), NOW, null)).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
  });

  test.each(['marked', 'deployed', 'failed', 'cancelled'])('is refused on a promotion that is %s', async (state) => {
    await end(state);
    const before = await everything(stored.rows);
    expect(await stored.db.alerts.open(critical(), NOW, null)).toBe(false);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('is refused on a promotion that is not there', async () => {
    expect(await stored.db.alerts.open(critical('4711'), NOW, null)).toBe(false);
    expect(await stored.rows.query('select 1 from flag_promotions.audit_log')).toEqual([]);
  });

  test('by twelve ticks over three replicas at once yields one row, one message and one event', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const opened = await Promise.all(
      Array.from({ length: 12 }, (_, n) => (replicas[n % 3] ?? stored.db).alerts.open(critical(), NOW, null)),
    );
    expect(opened.filter(Boolean)).toHaveLength(1);
    expect(await alertsNow()).toHaveLength(1);
    expect(await messagesNow()).toEqual([{ kind: 'alert', state: 'pending', behind: 0 }]);
    expect(await stored.db.audit.ofPromotion(id, 10)).toHaveLength(1);
  });

  test('waits for a resolution under way, and is then refused', async () => {
    let opened: Promise<boolean> = Promise.resolve(true);
    await whileHolding(stored, `update console_flag_promotions set state = 'deployed' where id = ${id}`, async () => {
      opened = stored.db.alerts.open(warning(), NOW, null);
      await waiting(stored, 1);
    });
    expect(await opened).toBe(false);
    expect(await alertsNow()).toEqual([]);
  });

  test('racing a resolution never leaves an alert open on what was resolved', async () => {
    const replica = stored.replica();
    const ids = await insertPromotions(stored.rows, 15);
    const people = await Promise.all(ids.map((_, n) => enrol(stored.db, `U0PERSON${n}`)));
    const opened = await Promise.all(
      ids.map(async (promotionId, n) => {
        const person = people[n] ?? (await enrol(stored.db, 'U0MORE'));
        const resolving = stored.db.promotions.resolve(submission(promotionId, person), NOW, typed(person.code()));
        const [outcome, wasOpened] = await Promise.all([
          resolving,
          replica.alerts.open(warning(promotionId), NOW, null),
        ]);
        expect(outcome.kind).toBe('resolved');
        return wasOpened;
      }),
    );
    const told = opened.filter(Boolean);
    expect(await alertsNow()).toEqual(told.map(() => ['warning', 'closed']));
    expect((await messagesNow()).map(({ kind, state }) => [kind, state])).toEqual(told.map(() => ['alert', 'closed']));
  });

  test('as critical makes the message critical that nobody has seen', async () => {
    await openAlert(stored, id, 'warning');
    await openAlert(stored, id, 'critical');
    expect(await alertsNow()).toEqual([
      ['warning', 'open'],
      ['critical', 'open'],
    ]);
    expect(await messagesNow()).toEqual([{ kind: 'alert', state: 'pending', behind: 1 }]);
    expect(await stored.db.messages.find(await messageId('alert'))).toMatchObject({ isUrgent: true });
  });

  test('as critical says so under a message that people may have seen, and has it updated', async () => {
    const begun = await insertPromotion(stored.rows, { flag_key: 'begun' });
    await openAlert(stored, begun, 'warning');
    await stored.db.messages.claim(await messageId('alert', begun), MINE);
    await openAlert(stored, begun, 'critical');
    await postAlert(stored, id, 'warning', ROOT);
    await openAlert(stored, id, 'critical');
    expect(await messagesNow()).toEqual([
      { kind: 'alert', state: 'pending', behind: 1 },
      { kind: 'escalation', state: 'pending', behind: 0 },
      { kind: 'alert', state: 'posted', behind: 1 },
      { kind: 'escalation', state: 'pending', behind: 0 },
    ]);
    expect(await stored.db.messages.find(await messageId('escalation'))).toMatchObject({ isUrgent: true });
  });

  test('in quiet hours keeps its message until their end, and a critical does not wait', async () => {
    await stopClock(stored, NOW);
    await stored.db.alerts.open(warning(), NOW, later(8 * HOUR));
    const message = await messageId('alert');
    const [event] = await stored.db.audit.ofPromotion(id, 1);
    expect(event?.detail).toEqual({ not_before: later(8 * HOUR).toISOString() });
    expect(await stored.db.messages.due(10)).toEqual([]);
    await stored.db.alerts.open(critical(), NOW, null);
    expect(await stored.db.messages.due(10)).toEqual([message]);
  });
});

describe('a promotion that was set back to deploying by hand', () => {
  async function firstLife(): Promise<void> {
    await postAlert(stored, id, 'critical', ROOT);
    await stored.db.alerts.repeat(id, 1);
    await end();
    await stored.db.alerts.close(id);
  }

  test('alerts anew, with rows and messages of its own', async () => {
    await firstLife();
    await beginAgain();
    expect(await stored.db.alerts.open(critical(), NOW, null)).toBe(true);
    expect(await alertsNow()).toEqual([['critical', 'open']]);
    expect(await messagesNow()).toEqual([{ kind: 'alert', state: 'pending', behind: 0 }]);
    const [stuck] = (await gather()).stuck;
    expect(stuck).toMatchObject({ lastRepeat: 0, repeatPending: false, criticalToldAt: null });

    await deliverMessage(stored.db, 'alert', id, { channel: CHANNEL, ts: '200.1' });
    await end();
    await stored.db.alerts.close(id);
    expect(await messagesNow('alert')).toEqual([{ kind: 'resolved', state: 'pending', behind: 0 }]);
  });

  test('keeps the message that tells how it goes', async () => {
    await stored.rows.query(
      `insert into flag_promotions.messages (kind, subject, promotion_id, state) values ('progress', $1::text, $1::bigint, 'posted')`,
      [id],
    );
    await firstLife();
    await beginAgain();
    await openAlert(stored, id, 'warning');
    expect((await messagesNow()).map(({ kind }) => kind)).toEqual(['progress', 'alert']);
  });

  test('before its end was noticed still has its next alert told, although its message was given up', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    const message = await messageId('alert');
    // Slack says that the message is gone, and an ended promotion needs no more messages.
    await end();
    await stored.rows.query('update flag_promotions.messages set wanted = wanted + 1');
    await stored.db.messages.claim(message, MINE);
    expect(await stored.db.messages.close(message, MINE, 1)).toBe(true);
    await stored.db.messages.release(message, MINE, null);
    await beginAgain();
    await openAlert(stored, id, 'critical');
    expect(await stored.db.messages.due(10)).toEqual([message]);
    expect(await stored.db.messages.find(message)).toMatchObject({ state: 'pending', message: null, isUrgent: true });
  });
});

describe('closing the alerts of a promotion that ended', () => {
  test('closes what nobody has seen without a word', async () => {
    await openAlert(stored, id, 'warning');
    await end();
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toEqual([['warning', 'closed']]);
    expect((await messagesNow()).map(({ kind, state }) => [kind, state])).toEqual([['alert', 'closed']]);
    expect(await stored.db.messages.due(10)).toEqual([]);
  });

  test('keeps a message whose delivery was begun, because Slack may hold it', async () => {
    await openAlert(stored, id, 'warning');
    const message = await messageId('alert');
    await stored.db.messages.claim(message, MINE);
    await end();
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toEqual([['warning', 'closed']]);
    expect(await messagesNow()).toEqual([
      { kind: 'alert', state: 'pending', behind: 1 },
      { kind: 'resolved', state: 'pending', behind: 0 },
    ]);
    expect((await gather()).endedPromotionIds).toEqual([]);

    // It was posted after all: it is updated, and its thread says how the promotion ended.
    await stored.db.messages.recordPosted(message, MINE, ROOT, SHOWN);
    await stored.db.messages.release(message, MINE, null);
    expect(await messagesNow()).toEqual([
      { kind: 'alert', state: 'posted', behind: 1 },
      { kind: 'resolved', state: 'pending', behind: 0 },
    ]);
    expect(await stored.db.messages.due(10)).toHaveLength(2);
  });

  test('updates what has buttons, the reply under the root too, and answers once, however often it is called', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await postAlert(stored, id, 'critical', REPLY);
    await stored.rows.query('update flag_promotions.messages set shown = wanted');
    await end('failed');
    const replica = stored.replica();
    await Promise.all(Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? stored.db : replica).alerts.close(id)));
    expect(await alertsNow()).toEqual([
      ['warning', 'closed'],
      ['critical', 'closed'],
    ]);
    const [root, ...replies] = await messagesNow();
    expect(root).toMatchObject({ kind: 'alert', state: 'posted' });
    expect(root?.behind).toBeGreaterThan(0);
    expect(replies).toEqual([
      { kind: 'escalation', state: 'posted', behind: 1 },
      { kind: 'resolved', state: 'pending', behind: 0 },
    ]);
  });

  test('does nothing to a promotion that somebody set back to deploying in the meantime', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await end();
    expect((await gather()).endedPromotionIds).toEqual([id]);
    await beginAgain();
    await stored.db.alerts.close(id);
    expect(await alertsNow()).toEqual([['warning', 'open']]);
    expect(await messagesNow()).toEqual([{ kind: 'alert', state: 'posted', behind: 0 }]);
  });

  test('and linking its RCA at the same time do not lock each other out', async () => {
    await enrol(stored.db, 'U0KRIS');
    await postAlert(stored, id, 'warning', ROOT);
    await end();
    const url = 'https://wiki.example/rca';
    let both: Promise<readonly PromiseSettledResult<unknown>[]> = Promise.resolve([]);
    await whileHolding(stored, 'lock table flag_promotions.audit_log in share mode', async () => {
      const linking = stored.db.promotions.linkRca({ promotionId: id, url, operatorId: 'U0KRIS', at: NOW });
      await waiting(stored, 1);
      const closing = stored.replica().alerts.closeOf(id);
      both = Promise.allSettled([linking, closing]);
      // Whether the second waits or gets through doesn't matter.
      await sleep(200);
    });
    expect((await both).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await alertsNow()).toEqual([['warning', 'closed']]);
  });

  test('leaves one that somebody has locked to a later call, and closes the others', async () => {
    const [first = '', second = '', third = ''] = await insertPromotions(stored.rows, 3);
    for (const promotionId of [first, second, third]) await openAlert(stored, promotionId, 'warning');
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    const states = async () => (await alertsNow()).map(([, state]) => state);
    // As a forgotten session does.
    const byHand = `update console_flag_promotions set resolution_note = 'by hand' where id = ${first}`;
    await whileHolding(stored, byHand, async () => {
      await stored.db.alerts.close(first, second, third);
      expect(await states()).toEqual(['open', 'closed', 'closed']);
      expect((await gather()).endedPromotionIds).toEqual([first]);
    });
    await stored.db.alerts.close(first);
    expect(await states()).toEqual(['closed', 'closed', 'closed']);
  });

  test('waits for one that somebody looks at', async () => {
    await openAlert(stored, id, 'warning');
    await end();
    let closing: Promise<void> = Promise.resolve();
    await whileHolding(stored, `update console_flag_promotions set resolution_note = 'by hand'`, async () => {
      closing = stored.db.alerts.closeOf(id);
      await waiting(stored, 1);
    });
    await closing;
    expect(await alertsNow()).toEqual([['warning', 'closed']]);
  });

  test('another system’s end of a promotion is noticed, whichever word it wrote', async () => {
    const [first, second, third] = await insertPromotions(stored.rows, 3);
    for (const promotionId of [first, second, third]) await openAlert(stored, promotionId ?? '', 'warning');
    await stored.rows.query(`update console_flag_promotions set state = 'cancelled' where id = $1`, [first]);
    await stored.rows.query('alter table console_flag_promotions drop constraint console_flag_promotions_state');
    await stored.rows.query(`update console_flag_promotions set state = 'rolled_back' where id = $1`, [third]);
    const { endedPromotionIds } = await gather();
    expect([...endedPromotionIds].toSorted()).toEqual([first, third]);
  });

  test('so is one whose progress message shows it as under way, until its update was asked for', async () => {
    await stored.rows.query(
      `insert into flag_promotions.messages (kind, subject, promotion_id, state, shown_as)
        values ('progress', $1::text, $1::bigint, 'posted', 'deploying')`,
      [id],
    );
    expect((await gather()).endedPromotionIds).toEqual([]);
    await end();
    expect((await gather()).endedPromotionIds).toEqual([id]);
    await stored.db.alerts.close(id);
    expect((await gather()).endedPromotionIds).toEqual([]);
    expect(await messagesNow()).toEqual([{ kind: 'progress', state: 'posted', behind: 1 }]);
  });
});

describe('what was gathered about a stuck promotion', () => {
  test('holds its alerts and the repetitions that were queued', async () => {
    await postAlert(stored, id, 'critical', ROOT);
    const quiet = await insertPromotion(stored.rows, { flag_key: 'quiet', promoted_at: '2026-05-09T05:00:00Z' });
    await stored.db.alerts.repeat(id, 1);
    await stored.db.alerts.repeat(id, 2);
    const [first = ''] = await stored.db.messages.due(1);
    await stored.db.messages.claim(first, MINE);
    await stored.db.messages.recordPosted(first, MINE, REPLY, SHOWN);
    expect(await gather()).toMatchObject({
      deploying: 2,
      stuck: [
        { promotion: { id }, alerts: [{ severity: 'critical' }], lastRepeat: 2, repeatPending: true },
        { promotion: { id: quiet }, alerts: [], lastRepeat: 0, repeatPending: false, criticalToldAt: null },
      ],
    });
  });

  describe('tells when people were told that it is critical:', () => {
    const toldAt = async () => (await gather()).stuck[0]?.criticalToldAt ?? null;
    async function post(kind: 'alert' | 'escalation', ms: number, as: string | null): Promise<void> {
      const message = await messageId(kind);
      await stopClock(stored, later(ms));
      expect(await stored.db.messages.claim(message, MINE)).not.toBeNull();
      await stored.db.messages.recordPosted(message, MINE, kind === 'alert' ? ROOT : REPLY, { ...SHOWN, as });
      await stored.db.messages.release(message, MINE, null);
    }

    test('by the message, if it was posted as critical', async () => {
      await openAlert(stored, id, 'critical');
      expect(await toldAt()).toBeNull();
      await post('alert', HOUR, 'critical');
      expect(await toldAt()).toEqual(later(HOUR));
    });

    test('by the reply, if a warning was posted before', async () => {
      await openAlert(stored, id, 'warning');
      await post('alert', 0, 'warning');
      expect(await toldAt()).toBeNull();
      await openAlert(stored, id, 'critical');
      // Slack doesn't answer: nobody was told.
      expect(await toldAt()).toBeNull();
      await post('escalation', 2 * HOUR, null);
      expect(await toldAt()).toEqual(later(2 * HOUR));
    });

    test('by the message, if it came late and its escalation had nothing more to say', async () => {
      await openAlert(stored, id, 'warning');
      await stored.db.messages.claim(await messageId('alert'), { ...MINE, durationMs: 0 });
      await openAlert(stored, id, 'critical');
      await post('alert', HOUR, 'critical');
      const escalation = await messageId('escalation');
      await stored.db.messages.claim(escalation, MINE);
      await stored.db.messages.close(escalation, MINE, 0);
      expect(await toldAt()).toEqual(later(HOUR));
    });
  });

  describe('counts the individual alerts of an app', () => {
    test('of the last hour, and those that wait for the end of the quiet hours, however old', async () => {
      const [waitingOne = '', gone = '', own = '', old = ''] = await insertPromotions(stored.rows, 4);
      await stopClock(stored, later(-2 * HOUR));
      await postAlert(stored, old, 'warning', ROOT);
      for (const promotionId of [waitingOne, gone]) {
        await stored.db.alerts.open(warning(promotionId), NOW, later(8 * HOUR));
      }
      await stopClock(stored, NOW);
      await openAlert(stored, own, 'warning');
      // Nobody saw its warning.
      await stored.db.alerts.open(critical(gone), NOW, null);
      const counted = async () => [...(await gather()).individualAlerts].toSorted((a, b) => a.count - b.count);
      expect(await counted()).toEqual([
        { herokuApp: 'raxx-console-prod', waits: true, count: 1 },
        { herokuApp: 'raxx-console-prod', waits: false, count: 2 },
      ]);
      await stopClock(stored, later(-61 * 60_000));
      expect((await counted()).at(-1)).toMatchObject({ waits: false, count: 3 });
    });

    test('that has no name, as a console’s row may', async () => {
      await stored.rows.query('alter table console_flag_promotions alter column heroku_app drop not null');
      await openAlert(stored, id, 'warning');
      await stored.rows.query('update console_flag_promotions set heroku_app = null');
      expect((await gather()).individualAlerts).toEqual([{ herokuApp: '', waits: false, count: 1 }]);
    });
  });
});

test('however many are stuck, each is gathered once, the longest stuck first', async () => {
  await stored.rows.query(
    `insert into console_flag_promotions (id, flag_key, heroku_app, config_var, state, promoted_at)
     select n, 'many_' || n, 'app', 'FLAG_MANY_' || n, 'deploying',
            case n % 5 when 0 then '-infinity'::timestamptz when 1 then 'infinity'::timestamptz
                       else $1::timestamptz - interval '2 days' + n % 7 * interval '1 microsecond' end
       from generate_series(-2100, 4100) n where n not between 0 and 20`,
    [NOW],
  );
  const stuck = (await gather()).stuck.filter(({ promotion }) => promotion.flagKey.startsWith('many_'));
  expect(stuck).toHaveLength(6_180);
  expect(new Set(stuck.map(({ promotion }) => promotion.id)).size).toBe(6_180);
  const known = stuck.flatMap(({ promotion: { promotedAt } }) => promotedAt?.getTime() ?? []);
  expect(known).toEqual(known.toSorted((one, other) => one - other));
});
