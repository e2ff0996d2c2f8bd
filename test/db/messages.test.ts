import type { MessageRef } from '../../src/promotions/alert.js';
import type { MessageKind } from '../../src/promotions/messages.js';
import { eventually } from '../support/eventually.js';
import {
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
  ROOT,
  SHOWN,
  type Stored,
  startStored,
  stopClock,
  submission,
  typed,
} from '../support/rows.js';

/* The rows of the outbox, whatever their kind. */

let stored: Stored;
let id: string;
beforeEach(async () => {
  stored = await startStored();
  id = await insertPromotion(stored.rows);
});
afterEach(() => stored.close());

const THEIRS = { owner: 'theirs', durationMs: 60_000 };
const SHORT = { owner: 'mine', durationMs: 30 };
const ELSEWHERE = { channel: CHANNEL, ts: '200.1' };
const MINUTE = 60_000;
const at = (ms: number) => stopClock(stored, later(ms));

const messages = () => stored.db.messages;
const due = () => messages().due(10);
const rowsNow = () =>
  stored.rows.query<{ kind: string; ordinal: string; state: string; wanted: number; shown: number }>(
    'select kind, ordinal, state, wanted, shown from flag_promotions.messages order by id',
  );
async function idOf(kind: MessageKind, promotionId = id): Promise<string> {
  const message = await messages().newest(kind, promotionId);
  if (message === null) throw new Error(`No ${kind} was queued.`);
  return message.id;
}
/** Opens a promotion's alert; resolves with its message's id. */
async function queueAlert(promotionId = id, severity: 'warning' | 'critical' = 'warning'): Promise<string> {
  await openAlert(stored, promotionId, severity);
  return idOf('alert', promotionId);
}
/** A critical whose message is in Slack, and the repeat queued under it. */
async function queueRepeat(ordinal = 1, promotionId = id, root: MessageRef = ROOT): Promise<string> {
  if ((await messages().newest('alert', promotionId)) === null) await postAlert(stored, promotionId, 'critical', root);
  await stored.db.alerts.repeat(promotionId, ordinal);
  return idOf('repeat', promotionId);
}
async function fail(message: string, waitMs: number): Promise<void> {
  await messages().claim(message, MINE);
  await messages().release(message, MINE, { waitMs, lastError: 'Slack said no' });
}
async function link(n: number, promotionId = id): Promise<void> {
  const url = `https://wiki.example/${n}`;
  await stored.db.promotions.linkRca({ promotionId, url, operatorId: 'U0KRIS', at: NOW });
}

/** Expires a lease by the database's clock, whatever this process's clock says. */
async function leaseIsOver(message: string): Promise<void> {
  await eventually(async () => {
    const over = await stored.rows.query(
      'select 1 from flag_promotions.messages where id = $1 and lease_until <= flag_promotions.clock()',
      [message],
    );
    expect(over).toHaveLength(1);
  });
}
async function secondsLeft(message: string): Promise<number> {
  const [row] = await stored.rows.query<{ left: number }>(
    'select extract(epoch from lease_until - flag_promotions.clock())::float as left from flag_promotions.messages where id = $1',
    [message],
  );
  return row?.left ?? Number.NaN;
}

describe('what is due', () => {
  test('are criticals first, then what is new, then updates; the oldest first, and so many at a time', async () => {
    const [shown = '', first = '', second = '', critical = '', graver = ''] = await insertPromotions(stored.rows, 5);
    await postAlert(stored, shown, 'warning', ROOT);
    await enrol(stored.db, 'U0KRIS');
    await link(1, shown);
    const update = await idOf('alert', shown);
    const [one, two] = [await queueAlert(first), await queueAlert(second)];
    const urgent = await queueAlert(critical, 'critical');
    const risen = await queueAlert(graver);
    await openAlert(stored, graver, 'critical');
    const queued = (await messages().aboutPromotion(shown)).find(({ kind }) => kind === 'rca_linked');
    expect(await due()).toEqual([urgent, risen, queued?.id, one, two, update]);
    expect(await messages().due(2)).toEqual([urgent, risen]);
  });

  test('is none that waits for its next attempt, or that somebody works on', async () => {
    const ids = await insertPromotions(stored.rows, 3);
    const [first = '', second = '', third = ''] = await Promise.all(ids.map((one) => queueAlert(one)));
    await at(0);
    await fail(first, 5_000);
    await messages().claim(second, MINE);
    await at(4_999);
    expect(await due()).toEqual([third]);
    expect(await messages().claim(first, MINE)).toBeNull();
    await at(5_000);
    expect((await due()).toSorted()).toEqual([first, third].toSorted());
    expect(await messages().claim(first, MINE)).not.toBeNull();
  });

  test('is none before its time, whoever asks', async () => {
    await at(0);
    await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, later(8 * 60 * MINUTE));
    const held = await idOf('alert');
    await at(8 * 60 * MINUTE - 1);
    expect(await due()).toEqual([]);
    expect(await messages().claim(held, MINE)).toBeNull();
    // It is due all the same.
    expect(await messages().owedAbout(id)).toEqual([held]);
    await at(8 * 60 * MINUTE);
    expect(await due()).toEqual([held]);
    expect(await messages().claim(held, MINE)).not.toBeNull();
  });

  test('an update can be taken up before its next attempt, as a click does, but is not due to the tick', async () => {
    await enrol(stored.db, 'U0KRIS');
    await postAlert(stored, id, 'warning', ROOT);
    await link(1);
    const message = await idOf('alert');
    await at(0);
    await fail(message, MINUTE);
    expect(await due()).not.toContain(message);
    expect(await messages().owedAbout(id)).toContain(message);
    expect(await messages().claim(message, MINE)).not.toBeNull();
  });

  test('a reply waits until its root was posted, or was closed', async () => {
    const root = await queueAlert();
    await messages().claim(root, MINE);
    await openAlert(stored, id, 'critical');
    const reply = await idOf('escalation');
    expect(await due()).toEqual([]);
    expect(await messages().claim(reply, THEIRS)).toBeNull();
    await messages().recordPosted(root, MINE, ROOT, SHOWN);
    expect(await messages().claim(reply, THEIRS)).toMatchObject({ root: { id: root, state: 'posted', message: ROOT } });
    await messages().release(reply, THEIRS, null);
    await stored.rows.query(`update flag_promotions.messages set state = 'closed' where id = $1`, [root]);
    expect(await due()).toEqual([reply]);
    // An update has its place already.
    await stored.rows.query(
      `update flag_promotions.messages set state = 'pending', not_before = now() + interval '1 year' where id = $1`,
      [root],
    );
    await stored.rows.query(`update flag_promotions.messages set state = 'posted', wanted = shown + 1 where id = $1`, [
      reply,
    ]);
    expect(await due()).toEqual([reply]);
  });

  test('is updated when a commit asks for it, and rests in between', async () => {
    await enrol(stored.db, 'U0KRIS');
    await at(0);
    const message = await queueAlert();
    await messages().claim(message, MINE);
    await messages().recordPosted(message, MINE, ROOT, SHOWN);
    expect(await due()).toEqual([]);
    await link(1);
    expect(await messages().claim(message, MINE)).toMatchObject({ wanted: 1, shown: 0 });
    await messages().recordShown(message, MINE, { ...SHOWN, version: 1, restMs: 4_000 });
    await link(2);
    await at(3_999);
    expect(await due()).not.toContain(message);
    await at(4_000);
    expect(await due()).toContain(message);
  });

  test('about one promotion are its roots before its replies, its group among them', async () => {
    const reply = await queueRepeat();
    await stored.rows.query('update flag_promotions.messages set wanted = wanted + 1 where id = $1', [
      await idOf('alert'),
    ]);
    expect(await messages().owedAbout(id)).toEqual([await idOf('alert'), reply]);
    const other = await insertPromotion(stored.rows, { flag_key: 'other' });
    const alerts = [{ promotionId: other, severity: 'warning' as const }];
    await stored.db.groups.open({ channel: CHANNEL, notBefore: null, alerts }, NOW);
    expect(await messages().owedAbout(other)).toEqual([await idOf('group', CHANNEL)]);
  });
});

describe('the lease on a message', () => {
  test('is one process’s, however many ask at once, and comes with all that a delivery needs', async () => {
    const reply = await queueRepeat();
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const claims = await Promise.all(
      Array.from({ length: 15 }, (_, n) =>
        (replicas[n % 3] ?? stored.db).messages.claim(reply, { ...MINE, owner: `owner-${n}` }),
      ),
    );
    const won = claims.filter((claim) => claim !== null);
    expect(won).toEqual([
      expect.objectContaining({
        id: reply,
        kind: 'repeat',
        subject: id,
        promotionId: id,
        ordinal: '1',
        isUrgent: true,
        attempts: 1,
        root: { id: await idOf('alert'), state: 'posted', message: ROOT, shownAs: null },
      }),
    ]);
    expect(await due()).toEqual([]);
  });

  test('runs out on the database’s clock; the row’s time, which finds the message again, stays the same', async () => {
    await at(0);
    const message = await queueAlert();
    const first = await messages().claim(message, MINE);
    expect(await secondsLeft(message)).toBe(60);
    await at(59_999);
    expect(await messages().claim(message, THEIRS)).toBeNull();
    expect(await due()).toEqual([]);
    await at(60_000);
    expect(await due()).toEqual([message]);
    const second = await messages().claim(message, THEIRS);
    expect(second).toMatchObject({ attempts: 2, createdAt: first?.createdAt });
  });

  const to = { channel: 'C0OTHER', refused: null };
  const writes: readonly (readonly [string, (message: string, lease: typeof MINE) => Promise<unknown>, unknown])[] = [
    ['recordDestination', (message, lease) => messages().recordDestination(message, lease, to), false],
    ['recordPosted', (message, lease) => messages().recordPosted(message, lease, ELSEWHERE, SHOWN), 'lost'],
    ['recordShown', (message, lease) => messages().recordShown(message, lease, { ...SHOWN, version: 7 }), 'lost'],
    ['close', (message, lease) => messages().close(message, lease, 9), false],
    ['recordGone', (message, lease) => messages().recordGone(message, lease, null), false],
    ['release', (message, lease) => messages().release(message, lease, { waitMs: 9, lastError: 'late' }), undefined],
  ];

  test.each(writes)(
    '%s by a holder who lost it writes nothing, before and after the successor is done',
    async (_name, write, lost) => {
      const message = await queueAlert();
      await messages().claim(message, SHORT);
      await leaseIsOver(message);
      await messages().claim(message, THEIRS);
      const taken = await everything(stored.rows);
      expect(await write(message, SHORT)).toBe(lost);
      expect(await everything(stored.rows)).toEqual(taken);

      expect(await messages().recordPosted(message, THEIRS, ROOT, SHOWN)).toBe('done');
      const done = await everything(stored.rows);
      expect(await write(message, SHORT)).toBe(lost);
      expect(await everything(stored.rows)).toEqual(done);
    },
  );

  test.each(writes)('%s by somebody who never held it writes nothing', async (_name, write, lost) => {
    const message = await queueAlert();
    const before = await everything(stored.rows);
    expect(await write(message, MINE)).toBe(lost);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('cannot be taken if nothing is owed, or on what is not there', async () => {
    const [shown = '', over = ''] = await insertPromotions(stored.rows, 2);
    await postAlert(stored, shown, 'warning', ROOT);
    const closed = await queueAlert(over);
    await messages().claim(closed, MINE);
    expect(await messages().close(closed, MINE, 0)).toBe(true);
    await messages().release(closed, MINE, null);
    for (const message of [await idOf('alert', shown), closed, '4711']) {
      expect(await messages().claim(message, THEIRS)).toBeNull();
    }
    await at(10 * 365 * 24 * 60 * MINUTE);
    expect(await due()).toEqual([]);
  });
});

describe('deliveries', () => {
  test('count every attempt, keep the last error, and forget it once one succeeds', async () => {
    const message = await queueAlert();
    for (const attempts of [1, 2, 3]) {
      expect(await messages().claim(message, MINE)).toMatchObject({ id: message, attempts });
      await messages().release(message, MINE, { waitMs: 0, lastError: 'Slack said no' });
    }
    const failed = await stored.rows.query('select attempts, last_error, lease_owner from flag_promotions.messages');
    expect(failed).toEqual([{ attempts: 3, last_error: 'Slack said no', lease_owner: null }]);

    await at(MINUTE);
    await deliverMessage(stored.db, 'alert', id, ROOT);
    expect(
      await stored.rows.query(
        `select state, attempts, last_error, next_attempt_at, channel, message_ts, posted_at, lease_owner
           from flag_promotions.messages`,
      ),
    ).toEqual([
      {
        state: 'posted',
        attempts: 0,
        last_error: null,
        next_attempt_at: null,
        channel: ROOT.channel,
        message_ts: ROOT.ts,
        posted_at: later(MINUTE),
        lease_owner: null,
      },
    ]);
  });

  test('that did nothing are no attempt', async () => {
    const message = await queueAlert();
    await messages().claim(message, MINE);
    await messages().release(message, MINE, null);
    expect(await messages().claim(message, MINE)).toMatchObject({ attempts: 1 });
  });

  test('write down where they send a message before they do', async () => {
    const message = await queueAlert();
    const to = { channel: 'C0FALLBACK', refused: { channel: CHANNEL, because: 'is_archived' } };
    await messages().claim(message, MINE);
    expect(await messages().recordDestination(message, MINE, to)).toBe(true);
    expect(await messages().find(message)).toMatchObject({
      state: 'pending',
      channel: 'C0FALLBACK',
      refusedRoute: to.refused,
      message: null,
    });
  });

  test('of what was found have it updated next: nobody knows what it shows', async () => {
    const message = await queueAlert();
    await messages().claim(message, MINE);
    expect(await messages().recordPosted(message, MINE, ROOT, null)).toBe('owed');
    expect(await messages().find(message)).toMatchObject({
      state: 'posted',
      wanted: 1,
      shown: 0,
      shownAs: null,
    });
    expect(await messages().claim(message, MINE)).toMatchObject({ wanted: 1, shown: 0 });
    expect(await messages().recordShown(message, MINE, { ...SHOWN, version: 1, as: 'warning' })).toBe('done');
    expect(await messages().find(message)).toMatchObject({ wanted: 1, shown: 1, shownAs: 'warning', message: ROOT });
    expect(await due()).toEqual([]);
  });
});

describe('updates', () => {
  beforeEach(async () => {
    await enrol(stored.db, 'U0KRIS');
  });

  test('that are asked for while one is under way are not lost', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    const message = await idOf('alert');
    await link(1);
    expect(await messages().claim(message, MINE)).toMatchObject({ wanted: 1, shown: 0 });
    await link(2);
    expect(await messages().recordShown(message, MINE, { ...SHOWN, version: 1 })).toBe('owed');
    expect(await due()).toContain(message);
    expect(await messages().claim(message, MINE)).toMatchObject({ wanted: 2, shown: 1, attempts: 1 });
    expect(await messages().recordShown(message, MINE, { ...SHOWN, version: 2 })).toBe('done');
    expect(await due()).not.toContain(message);
    expect(await messages().owedAbout(id)).not.toContain(message);
  });

  test('that ten ask for at once are counted ten times', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await Promise.all(Array.from({ length: 10 }, (_, n) => link(n)));
    expect((await rowsNow())[0]).toMatchObject({ kind: 'alert', wanted: 10, shown: 0 });
  });

  test('are of the root and of what has its buttons, and of no other reply', async () => {
    await queueRepeat();
    await link(1);
    expect(await rowsNow()).toMatchObject([
      { kind: 'alert', wanted: 1 },
      { kind: 'repeat', wanted: 1 },
      { kind: 'rca_linked', wanted: 0 },
    ]);
  });
});

describe('closing', () => {
  test('is final: nothing is owed any more', async () => {
    const message = await queueAlert();
    await messages().claim(message, MINE);
    expect(await messages().close(message, MINE, 0)).toBe(true);
    await messages().release(message, MINE, null);
    await stored.rows.query('update flag_promotions.messages set wanted = 3');
    expect(await due()).toEqual([]);
    expect(await messages().owedAbout(id)).toEqual([]);
  });

  // What made it due was committed between gathering its facts and closing it.
  test('is refused if something new came in meanwhile', async () => {
    const alerts = (of: string) => [{ promotionId: of, severity: 'critical' as const }];
    const open = (of: string) => stored.db.groups.open({ channel: CHANNEL, notBefore: null, alerts: alerts(of) }, NOW);
    await open(id);
    const group = await idOf('group', CHANNEL);
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await stored.db.alerts.close(id);
    const looked = await messages().claim(group, MINE);
    expect((await stored.db.groups.facts(group)).open).toEqual([]);
    await open(await insertPromotion(stored.rows, { flag_key: 'late' }));
    expect(await messages().close(group, MINE, looked?.wanted ?? 0)).toBe(false);
    expect(await messages().find(group)).toMatchObject({ state: 'pending' });
    expect((await stored.db.groups.facts(group)).open).toHaveLength(1);
  });
});

describe('a message that can’t be changed in Slack', () => {
  test('is queued for another place, and what is still there isn’t found as the new one', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    const message = await idOf('alert');
    await messages().claim(message, MINE);
    const before = await messages().find(message);
    await stored.rows.query('update flag_promotions.messages set wanted = wanted + 1');
    await messages().claim(message, MINE);
    const refused = { channel: CHANNEL, because: 'is_inactive' };
    expect(await messages().recordGone(message, MINE, { channel: 'C0OTHER', refused })).toBe(true);
    const after = await messages().find(message);
    expect(after).toMatchObject({ state: 'pending', channel: 'C0OTHER', refusedRoute: refused, message: null });
    expect(after?.createdAt.getTime()).toBeGreaterThan(before?.createdAt.getTime() ?? 0);
  });
});

describe('a message that was deleted in Slack', () => {
  test('is posted again, not searched for, and what repeated it in its thread goes with it', async () => {
    await postAlert(stored, id, 'warning', ROOT);
    await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' });
    await queueRepeat();
    await enrol(stored.db, 'U0KRIS');
    await link(1);
    const message = await idOf('alert');
    const { wanted } = (await messages().claim(message, MINE)) ?? { wanted: -1 };
    expect(await messages().recordGone(message, MINE, null)).toBe(true);
    expect((await rowsNow()).map(({ kind, state }) => [kind, state])).toEqual([
      ['alert', 'pending'],
      ['rca_linked', 'pending'],
    ]);
    expect(await messages().promotionOfThread(ROOT)).toBeNull();
    const linked = await idOf('rca_linked');
    expect(await due()).toEqual([message, linked]);
    expect(await messages().claim(linked, MINE)).toBeNull();
    expect(await messages().claim(message, MINE)).toMatchObject({
      state: 'pending',
      attempts: 1,
      channel: null,
      message: null,
      refusedRoute: null,
      shownAs: null,
      postedAt: null,
      wanted,
      shown: wanted,
    });
    await messages().recordPosted(message, MINE, ELSEWHERE, { ...SHOWN, version: wanted, as: 'critical' });
    await messages().release(message, MINE, null);
    // It was posted again there, and its repeats count from there.
    const [stuck] = (await stored.db.alerts.gather(later(MINUTE))).stuck;
    expect(stuck).toMatchObject({ lastRepeat: 0, repeatPending: false, criticalToldAt: expect.any(Date) });
    expect(await messages().promotionOfThread(ELSEWHERE)).toBe(id);
  });
});

describe('queueing replies', () => {
  test('the same by several replicas at once yields one; each has a row of its own', async () => {
    await postAlert(stored, id, 'critical', ROOT);
    const replicas = [stored.db, stored.replica(), stored.replica()];
    await Promise.all(
      Array.from({ length: 12 }, (_, n) => (replicas[n % 3] ?? stored.db).alerts.repeat(id, 1 + (n % 2))),
    );
    const repeats = (await rowsNow()).filter(({ kind }) => kind === 'repeat');
    expect(repeats.map(({ ordinal }) => ordinal).toSorted()).toEqual(['1', '2']);
  });

  test('one that was posted, or closed, is not queued again', async () => {
    const posted = await queueRepeat(1);
    await messages().claim(posted, MINE);
    await messages().recordPosted(posted, MINE, ELSEWHERE, SHOWN);
    await messages().release(posted, MINE, null);
    const closed = await queueRepeat(2);
    await messages().claim(closed, MINE);
    await messages().close(closed, MINE, 0);
    await stored.db.alerts.repeat(id, 1);
    await stored.db.alerts.repeat(id, 2);
    expect(await due()).toEqual([]);
    expect(await rowsNow()).toHaveLength(3);
  });

  test('needs a thread to go to: none was begun, or nobody was alerted', async () => {
    const kris = await enrol(stored.db, 'U0KRIS');
    await link(1);
    await stored.db.alerts.repeat(id, 1);
    await stored.db.alerts.repeat('4711', 1);
    await openAlert(stored, id, 'warning');
    await stored.db.promotions.resolve(submission(id, kris), NOW, typed(kris.code()));
    expect(await rowsNow()).toMatchObject([{ kind: 'alert', state: 'closed' }]);
  });

  test('goes under a root that Slack may hold, though nobody knows yet', async () => {
    await messages().claim(await queueAlert(), MINE);
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    await stored.db.alerts.close(id);
    expect(await rowsNow()).toMatchObject([
      { kind: 'alert', state: 'pending' },
      { kind: 'resolved', state: 'pending' },
    ]);
  });

  test('of an RCA names the audit event that holds both addresses', async () => {
    await enrol(stored.db, 'U0KRIS');
    await postAlert(stored, id, 'warning', ROOT);
    await link(1);
    await link(2);
    const replies = (await messages().aboutPromotion(id)).filter(({ kind }) => kind === 'rca_linked');
    const events = await Promise.all(replies.map(({ ordinal }) => stored.db.audit.find(ordinal)));
    expect(events).toMatchObject([
      { actor: 'U0KRIS', promotionId: id, detail: { url: 'https://wiki.example/1', previous_url: null } },
      {
        actor: 'U0KRIS',
        promotionId: id,
        detail: { url: 'https://wiki.example/2', previous_url: 'https://wiki.example/1' },
      },
    ]);
  });
});

describe('queueing what is about no promotion', () => {
  test('is done once, with its thread', async () => {
    const queue = () =>
      messages().queue(
        { kind: 'digest', subject: 'monday', detail: { due_at: 'then' } },
        { kind: 'digest_chart', subject: 'monday', under: 'digest' },
      );
    await queue();
    const digest = await messages().newest('digest', 'monday');
    expect(digest).toMatchObject({ promotionId: null, root: null, detail: { due_at: 'then' } });
    expect(await messages().newest('digest_chart', 'monday')).toMatchObject({ root: { id: digest?.id } });
    await Promise.all([queue(), queue(), queue()]);
    expect(await rowsNow()).toHaveLength(2);
    expect(await messages().newest('digest', 'tuesday')).toBeNull();
  });
});

test('a promotion is found by its alert’s message and by the reply that escalated it, and by nothing else', async () => {
  await postAlert(stored, id, 'warning', ROOT);
  await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' });
  await queueRepeat();
  await deliverMessage(stored.db, 'repeat', id, { channel: CHANNEL, ts: '100.3' });
  const { promotionOfThread } = messages();
  expect(await promotionOfThread(ROOT)).toBe(id);
  expect(await promotionOfThread({ channel: CHANNEL, ts: '100.2' })).toBe(id);
  expect(await promotionOfThread({ channel: CHANNEL, ts: '100.3' })).toBeNull();
  expect(await promotionOfThread({ channel: 'C0OTHER', ts: ROOT.ts })).toBeNull();
  expect(await promotionOfThread({ channel: CHANNEL, ts: '1.1' })).toBeNull();
  await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
  await stored.db.alerts.close(id);
  expect(await promotionOfThread(ROOT)).toBe(id);
});

describe('home tabs', () => {
  const KRIS = 'U0KRIS';
  const homes = () => stored.db.homes;
  async function publish(home: string): Promise<void> {
    const claimed = await messages().claim(home, MINE);
    if (claimed === null) throw new Error('The tab could not be claimed.');
    await messages().recordShown(home, MINE, { ...SHOWN, version: claimed.wanted, as: 'seen', restMs: 4_000 });
  }

  test('have one row a person, which is published at once each time it is opened, whatever it showed', async () => {
    await at(0);
    const home = await homes().open(KRIS);
    expect(await messages().find(home)).toMatchObject({ kind: 'home', subject: KRIS, state: 'posted' });
    expect(await due()).toEqual([home]);
    await publish(home);
    expect(await due()).toEqual([]);
    expect(await homes().open(KRIS)).toBe(home);
    expect(await messages().claim(home, MINE)).toMatchObject({ shownAs: null });
    await messages().release(home, MINE, { waitMs: MINUTE, lastError: 'Slack said no' });
    await Promise.all([homes().open(KRIS), stored.replica().homes.open(KRIS)]);
    expect(await due()).toEqual([home]);
    expect(await rowsNow()).toHaveLength(1);
  });

  test('are updated for a day after they were opened, at most so often', async () => {
    await at(0);
    const home = await homes().open(KRIS);
    await publish(home);
    expect(await homes().requestUpdates()).toEqual([home]);
    await at(3_999);
    expect(await messages().claim(home, MINE)).toBeNull();
    await at(4_000);
    await publish(home);
    await at(24 * 60 * MINUTE - 1);
    expect(await homes().requestUpdates()).toEqual([home]);
    await at(24 * 60 * MINUTE);
    expect(await homes().requestUpdates()).toEqual([]);
    await homes().open(KRIS);
    expect(await homes().requestUpdates()).toEqual([home]);
  });

  test('that were given up are published when they are opened again', async () => {
    const home = await homes().open(KRIS);
    await stored.rows.query(`update flag_promotions.messages set state = 'closed'`);
    await homes().open(KRIS);
    expect(await due()).toEqual([home]);
  });
});
