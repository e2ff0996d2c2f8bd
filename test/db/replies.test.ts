import { eventually } from '../support/eventually.js';
import {
  CHANNEL,
  enrol,
  everything,
  insertPromotion,
  insertPromotions,
  NOW,
  postAlert,
  type Stored,
  startStored,
  submission,
  typed,
} from '../support/rows.js';

let stored: Stored;
let id: string;
beforeEach(async () => {
  stored = await startStored();
  id = await insertPromotion(stored.rows);
});
afterEach(() => stored.close());

const MINE = { owner: 'mine', durationMs: 60_000 };
const THEIRS = { owner: 'theirs', durationMs: 60_000 };
const SHORT = { owner: 'mine', durationMs: 30 };
const ROOT = { channel: CHANNEL, ts: '100.1' };
const MESSAGE = { channel: CHANNEL, ts: '100.9' };
const later = (ms: number) => new Date(NOW.getTime() + ms);

/** Queues a repeat and answers its id. */
async function queue(ordinal = 1, promotionId = id): Promise<string> {
  await stored.db.replies.queueRepeat(promotionId, ordinal);
  const reply = (await stored.db.replies.pendingOf(promotionId)).at(-1);
  if (reply === undefined) throw new Error('Nothing was queued.');
  return reply;
}
const repliesNow = () =>
  stored.rows.query(
    `select kind, ordinal, state, attempts, channel, message_ts, last_error from flag_promotions.replies order by id`,
  );

async function leaseIsOver(reply: string): Promise<void> {
  await eventually(async () => {
    const over = await stored.rows.query(
      `select 1 from flag_promotions.replies where id = $1 and lease_until <= clock_timestamp()`,
      [reply],
    );
    expect(over).toHaveLength(1);
  });
}

describe('queueing', () => {
  test('the same repeat by several replicas at once yields one; each repeat has a row of its own', async () => {
    const replicas = [stored.db, stored.replica(), stored.replica()];
    await Promise.all(
      Array.from({ length: 12 }, (_, n) => (replicas[n % 3] ?? stored.db).replies.queueRepeat(id, 1 + (n % 2))),
    );
    expect((await repliesNow()).map((reply) => reply['ordinal']).sort()).toEqual(['1', '2']);
  });

  test('one that was delivered, or withdrawn, is not queued again', async () => {
    const delivered = await queue(1);
    await stored.db.replies.claim(delivered, MINE, NOW);
    await stored.db.replies.recordPosted(delivered, MINE, MESSAGE, NOW);
    const withdrawn = await queue(2);
    await stored.db.replies.claim(withdrawn, MINE, NOW);
    await stored.db.replies.withdraw(withdrawn, MINE);
    await stored.db.replies.queueRepeat(id, 1);
    await stored.db.replies.queueRepeat(id, 2);
    expect(await stored.db.replies.pendingOf(id)).toEqual([]);
    expect(await repliesNow()).toHaveLength(2);
  });

  test('for a promotion that is not there is a fault', async () => {
    await expect(stored.db.replies.queueRepeat('4711', 1)).rejects.toThrow('foreign key');
  });

  test('of a resolution or an RCA needs a thread to go to', async () => {
    const kris = await enrol(stored.db, 'U0KRIS');
    const url = 'https://wiki.example/rca';
    await stored.db.promotions.linkRca({ promotionId: id, url, operatorId: kris.id, at: NOW });
    await stored.db.alerts.open(id, 'warning', NOW);
    await stored.db.promotions.resolve(submission(id, kris), NOW, typed(kris.code()));
    expect(await repliesNow()).toEqual([]);
  });

  test('of an RCA names the audit event that holds both addresses', async () => {
    await enrol(stored.db, 'U0KRIS');
    await postAlert(stored, id, 'warning', ROOT);
    for (const url of ['https://wiki.example/a', 'https://wiki.example/b']) {
      await stored.db.promotions.linkRca({ promotionId: id, url, operatorId: 'U0KRIS', at: NOW });
    }
    const pending = await stored.db.replies.pendingOf(id);
    const claimed = await Promise.all(pending.map((reply) => stored.db.replies.claim(reply, MINE, NOW)));
    const events = await Promise.all(claimed.map((claim) => stored.db.audit.find(claim?.reply.ordinal ?? '0')));
    expect(events).toMatchObject([
      { actor: 'U0KRIS', promotionId: id, detail: { url: 'https://wiki.example/a', previous_url: null } },
      {
        actor: 'U0KRIS',
        promotionId: id,
        detail: { url: 'https://wiki.example/b', previous_url: 'https://wiki.example/a' },
      },
    ]);
  });
});

describe('the lease on a reply', () => {
  test('is one process’s, however many ask at once, and comes with all that a delivery needs', async () => {
    await postAlert(stored, id, 'critical', ROOT);
    const reply = await queue();
    const replicas = [stored.db, stored.replica(), stored.replica()];
    const claims = await Promise.all(
      Array.from({ length: 15 }, (_, n) =>
        (replicas[n % 3] ?? stored.db).replies.claim(reply, { ...MINE, owner: `owner-${n}` }, NOW),
      ),
    );
    const won = claims.filter((claim) => claim !== null);
    expect(won).toHaveLength(1);
    expect(won[0]).toMatchObject({
      attemptsBefore: 0,
      reply: { id: reply, promotionId: id, kind: 'repeat', ordinal: '1' },
      promotion: { id, state: 'deploying' },
      alerts: [{ severity: 'critical', channel: ROOT.channel, messageTs: ROOT.ts }],
    });
    expect(await stored.db.replies.due(later(86_400_000), 10)).toEqual([]);
  });

  test('runs out on the database’s clock; the row’s time, which finds the message again, stays the same', async () => {
    const reply = await queue();
    const first = await stored.db.replies.claim(reply, MINE, NOW);
    for (const now of [later(-86_400_000), NOW, later(10 * 365 * 86_400_000)]) {
      expect(await stored.db.replies.claim(reply, THEIRS, now)).toBeNull();
    }
    await stored.rows.query('update flag_promotions.replies set lease_until = clock_timestamp()');
    expect(await stored.db.replies.due(NOW, 10)).toEqual([reply]);
    const second = await stored.db.replies.claim(reply, THEIRS, NOW);
    expect(second?.attemptsBefore).toBe(1);
    expect(second?.reply.createdAt).toEqual(first?.reply.createdAt);
  });

  const writes: readonly (readonly [string, (reply: string) => Promise<unknown>, lost: unknown])[] = [
    ['recordPosted', (reply) => stored.db.replies.recordPosted(reply, SHORT, MESSAGE, NOW), false],
    ['withdraw', (reply) => stored.db.replies.withdraw(reply, SHORT), false],
    [
      'release',
      (reply) => stored.db.replies.release(reply, SHORT, { nextAttemptAt: later(9), lastError: 'late' }),
      undefined,
    ],
  ];

  test.each(writes)(
    '%s by a holder who lost it writes nothing, before and after the successor is done',
    async (_name, write, lost) => {
      const reply = await queue();
      await stored.db.replies.claim(reply, SHORT, NOW);
      await leaseIsOver(reply);
      await stored.db.replies.claim(reply, THEIRS, NOW);
      const taken = await everything(stored.rows);
      expect(await write(reply)).toBe(lost);
      expect(await everything(stored.rows)).toEqual(taken);

      expect(await stored.db.replies.recordPosted(reply, THEIRS, ROOT, NOW)).toBe(true);
      const done = await everything(stored.rows);
      expect(await write(reply)).toBe(lost);
      expect(await everything(stored.rows)).toEqual(done);
    },
  );

  test.each(writes)('%s by somebody who never held it writes nothing', async (_name, write, lost) => {
    const reply = await queue();
    const before = await everything(stored.rows);
    expect(await write(reply)).toBe(lost);
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('cannot be taken on what is delivered, withdrawn or not there', async () => {
    const [delivered, withdrawn] = [await queue(1), await queue(2)];
    await stored.db.replies.claim(delivered, MINE, NOW);
    await stored.db.replies.recordPosted(delivered, MINE, MESSAGE, NOW);
    await stored.db.replies.claim(withdrawn, MINE, NOW);
    await stored.db.replies.withdraw(withdrawn, MINE);
    for (const reply of [delivered, withdrawn, '4711']) {
      expect(await stored.db.replies.claim(reply, THEIRS, NOW)).toBeNull();
    }
    expect(await stored.db.replies.due(later(86_400_000), 10)).toEqual([]);
    expect(await repliesNow()).toMatchObject([
      { state: 'posted', channel: MESSAGE.channel, message_ts: MESSAGE.ts },
      { state: 'closed', message_ts: null },
    ]);
  });
});

test('deliveries count every attempt, keep the last error, and forget it once one succeeds', async () => {
  const reply = await queue();
  for (const attemptsBefore of [0, 1, 2]) {
    expect(await stored.db.replies.claim(reply, MINE, NOW)).toMatchObject({ attemptsBefore });
    await stored.db.replies.release(reply, MINE, { nextAttemptAt: NOW, lastError: 'Slack said no' });
  }
  expect(await repliesNow()).toMatchObject([{ state: 'pending', attempts: 3, last_error: 'Slack said no' }]);
  await stored.db.replies.claim(reply, MINE, NOW);
  await stored.db.replies.recordPosted(reply, MINE, MESSAGE, NOW);
  expect(await repliesNow()).toMatchObject([{ state: 'posted', last_error: null }]);
});

test('replies are due the oldest first, so many at a time, and not before their time', async () => {
  const promotions = await insertPromotions(stored.rows, 4);
  const queued: string[] = [];
  for (const promotionId of promotions) queued.push(await queue(1, promotionId));
  const [first, second, third, fourth] = queued;
  expect(await stored.db.replies.due(NOW, 3)).toEqual([first, second, third]);
  await stored.db.replies.claim(first ?? '', MINE, NOW);
  await stored.db.replies.release(first ?? '', MINE, { nextAttemptAt: later(5_000), lastError: 'x' });
  await stored.db.replies.claim(second ?? '', MINE, NOW);
  await stored.db.replies.recordPosted(second ?? '', MINE, MESSAGE, NOW);
  expect(await stored.db.replies.due(later(4_999), 10)).toEqual([third, fourth]);
  expect(await stored.db.replies.due(later(5_000), 10)).toEqual([first, third, fourth]);
  expect(await stored.db.replies.claim(first ?? '', MINE, later(4_999))).toBeNull();
  expect(await stored.db.replies.claim(first ?? '', MINE, later(5_000))).not.toBeNull();
});
