import pg from 'pg';
import type { Promoting } from '../../src/db/promoting.js';
import type { OutboxMessages } from '../../src/outbox/outbox.js';
import type { Overdue } from '../../src/promotions/overdue.js';
import { INTENT } from '../../src/promotions/promoting.js';
import { pick, seeded } from '../chaos/scenario.js';
import { waiting } from '../support/locks.js';
import { insertPromotion, later, type Stored, startStored, stopClock } from '../support/rows.js';
import { createDatabaseModel, type DatabaseModel, FAIR_DATABASE } from './database-model.js';
import { createMessagesModel, type MessageRow } from './messages-model.js';
import { overdueIn } from './overdue-model.js';
import { promoted } from './people.js';
import { createProcess } from './process.js';
import { createPromotionsModel, type PromotionRow } from './promotions-model.js';
import { createScheduler } from './scheduler.js';

/** Compares the simulator's models with PostgreSQL: the same statements, at the same times. */

interface Side {
  readonly promoting: Promoting;
  readonly messages: OutboxMessages;
  readonly overdue: () => Promise<Overdue | null>;
}

const PROMOTIONS = 3;
const KINDS = ['alert', 'resolved', 'escalation', 'digest'] as const;
const OVERDUE_AFTER_MS = 2 * 60_000;
const CHANNEL = 'C0ALERTS';
/** Mostly the same: otherwise most writes would be refused. */
const OWNERS = ['one', 'one', 'one', 'other'];
const REFUSALS: readonly unknown[] = [false, null, 'lost'];

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const nth = (id: string, n: number, at: Date) =>
  promoted({ id, herokuApp: 'alpha', configVar: `FLAG_${n}`, targetValue: 'on' }, at);

async function insert(promotions: ReturnType<typeof createPromotionsModel>, n: number, at: Date): Promise<string> {
  const row = { flag_key: `flag_${n}`, heroku_app: 'alpha', config_var: `FLAG_${n}` };
  const id = await insertPromotion(stored.rows, { ...row, checkpoint: INTENT, target_value: 'on', promoted_at: at });
  promotions.promote(nth(id, n, at));
  return id;
}

/** Random statements: the models and PostgreSQL must agree on each. */
function statementAt(random: () => number, ids: readonly string[], messageIds: readonly string[]) {
  const id = pick(random, ids);
  const message = pick(random, messageIds);
  const lease = { owner: pick(random, OWNERS), durationMs: 20_000 };
  const at = later(0);
  const release = { id: 'release', version: 7, status: 'succeeded', createdAt: at } as const;
  const ref = { channel: CHANNEL, ts: `${Math.floor(random() * 1_000)}.1` };
  const version = Math.floor(random() * 3);
  const shown = { version, as: 'shown', restMs: random() < 0.3 ? 5_000 : null };
  // PostgreSQL keeps microseconds.
  const postponement = { waitMs: Math.round(random() * 40_000), lastError: 'trouble' };
  const fails = random() < 0.5;
  const statements: Readonly<Record<string, (side: Side) => Promise<unknown>>> = {
    claimNext: async ({ promoting }) => {
      const claimed = await promoting.claimNext(lease);
      return claimed.promotion === null ? claimed.dueInMs : [claimed.promotion.id, claimed.attempts];
    },
    renew: ({ promoting }) => promoting.renew(id, lease),
    announcePatch: ({ promoting }) =>
      promoting.announcePatch(nth(id, ids.indexOf(id) + 1, at), lease, { value: 'off', release: version }),
    recordUnchanged: ({ promoting }) => promoting.recordUnchanged(id, lease, 'rate_limited', at),
    writePendingCommit: ({ promoting }) => promoting.writePendingCommit(id, lease, release, at),
    commit: ({ promoting }) =>
      fails
        ? promoting.commit(id, lease, { state: 'failed', reason: 'no' }, at, null)
        : promoting.commit(id, lease, { state: 'deployed' }, at, release),
    postpone: ({ promoting }) => promoting.postpone(id, lease, postponement),
    reportDrift: ({ promoting }) => promoting.reportDrift(id, lease, postponement),
    claim: async ({ messages }) => {
      const claimed = await messages.claim(message, lease);
      return (
        claimed && [claimed.id, claimed.state, claimed.attempts, claimed.wanted, claimed.shown, claimed.root?.state]
      );
    },
    due: ({ messages }) => messages.due(10, KINDS),
    recordDestination: ({ messages }) =>
      messages.recordDestination(message, lease, { channel: CHANNEL, refused: null }),
    recordPosted: ({ messages }) => messages.recordPosted(message, lease, ref, fails ? null : shown),
    recordShown: ({ messages }) => messages.recordShown(message, lease, shown),
    close: ({ messages }) => messages.close(message, lease, version),
    recordGone: ({ messages }) => messages.recordGone(message, lease, null),
    release: ({ messages }) => messages.release(message, lease, fails ? postponement : null),
    overdue: ({ overdue }) => overdue(),
    requestUpdate: ({ messages }) => messages.requestUpdate(message),
  };
  const name = pick(random, Object.keys(statements));
  const run = statements[name];
  if (run === undefined) throw new Error(`There is no statement ${name}.`);
  return { name, run };
}

/** The same rows in PostgreSQL and in the models, with a clock that only the test moves. */
async function startBoth() {
  let nowMs = 0;
  const db: DatabaseModel = {
    nowMs: () => nowMs,
    now: () => later(nowMs),
    run: async (_process, statement) => statement(),
    lock: () => undefined,
    isLocked: () => false,
  };
  const promotions = createPromotionsModel(db, () => undefined);
  const messages = createMessagesModel(db);
  const process = createProcess(createScheduler(), 'p1', 0);
  const model: Side = {
    promoting: promotions.promotingOf(process),
    messages: messages.messagesOf(process),
    overdue: async () => overdueIn(db, promotions, messages, OVERDUE_AFTER_MS),
  };
  const real: Side = {
    promoting: stored.db.promoting,
    messages: stored.db.messages,
    async overdue() {
      // What a promotion's statements queue besides is queued by the world in the simulator.
      await stored.rows.query('delete from flag_promotions.messages where kind <> all($1)', [[...KINDS]]);
      return stored.db.overdue({ afterMs: OVERDUE_AFTER_MS, promoting: true });
    },
  };

  await stopClock(stored, later(0));
  const ids: string[] = [];
  for (let n = 1; n <= PROMOTIONS; n += 1) ids.push(await insert(promotions, n, later(0)));
  const messageIds: string[] = [];
  for (const kind of KINDS) {
    const rootId = kind === 'resolved' || kind === 'escalation' ? (messageIds[0] ?? null) : null;
    const [row] = await stored.rows.query<{ id: string }>(
      `insert into flag_promotions.messages (kind, subject, root_id, is_urgent) values ($1, 'one', $2, $3) returning id`,
      [kind, rootId, kind === 'alert'],
    );
    messageIds.push(row?.id ?? '');
    messages.queue({ kind, subject: 'one', promotionId: null, rootId, isUrgent: kind === 'alert' });
  }
  return {
    real,
    model,
    ids,
    messageIds,
    async advance(ms: number) {
      nowMs += ms;
      await stopClock(stored, later(nowMs));
    },
    rows: () => rowsOf(stored, nowMs),
    modelRows: () => rowsOfModels(promotions.rows, messages.rows, nowMs),
  };
}

describe.each([1, 2, 3, 4, 5, 6])('statements at random, seed %i', (seed) => {
  test('do in the models what they do in PostgreSQL', async () => {
    const random = seeded(seed);
    const both = await startBoth();
    const done: string[] = [];
    let effective = 0;
    for (let step = 0; step < 200; step += 1) {
      if (random() < 0.3) await both.advance(Math.round(random() * 25_000));
      const { name, run } = statementAt(random, both.ids, both.messageIds);
      done.push(name);
      const expected = await run(both.real);
      if (!REFUSALS.includes(expected)) effective += 1;
      const modelled = await run(both.model);
      expect({ done: done.slice(-6), answer: modelled, ...both.modelRows() }).toEqual({
        done: done.slice(-6),
        answer: expected,
        ...(await both.rows()),
      });
    }
    expect(effective).toBeGreaterThan(50);
  });
});

async function rowsOf({ rows }: Stored, nowMs: number) {
  const inMs = (column: string) =>
    `round(extract(epoch from ${column} - timestamptz '${later(nowMs).toISOString()}') * 1000)::float`;
  return {
    promotions: await rows.query(
      `select id, state, checkpoint, previous_value, base_release, lease_owner, ${inMs('lease_until')} as lease_ms, attempts,
              ${inMs('next_attempt_at')} as next_ms, last_error from console_flag_promotions order by id`,
    ),
    messages: await rows.query(
      `select id, state, channel, message_ts, wanted, shown, shown_as, lease_owner, ${inMs('lease_until')} as lease_ms, attempts,
              ${inMs('next_attempt_at')} as next_ms, ${inMs('not_before')} as rest_ms
         from flag_promotions.messages where kind = any($1) order by id`,
      [[...KINDS]],
    ),
  };
}

function rowsOfModels(
  promotions: ReadonlyMap<string, PromotionRow>,
  messages: ReadonlyMap<string, MessageRow>,
  nowMs: number,
) {
  const inMs = (ms: number | null) => (ms === null ? null : Math.round(ms - nowMs));
  return {
    promotions: [...promotions.values()].map(({ promotion, leaseOwner, leaseUntilMs, attempts, nextAttemptMs }) => ({
      id: promotion.id,
      state: promotion.state,
      checkpoint: promotion.checkpoint,
      previous_value: promotion.previousValue,
      base_release: promotion.baseRelease,
      lease_owner: leaseOwner,
      lease_ms: inMs(leaseUntilMs),
      attempts,
      next_ms: inMs(nextAttemptMs),
      last_error: promotion.lastError,
    })),
    messages: [...messages.values()].map((row) => ({
      id: row.id,
      state: row.state,
      channel: row.channel,
      message_ts: row.message?.ts ?? null,
      wanted: row.wanted,
      shown: row.shown,
      shown_as: row.shownAs,
      lease_owner: row.leaseOwner,
      lease_ms: inMs(row.leaseUntilMs),
      attempts: row.attempts,
      next_ms: inMs(row.nextAttemptMs),
      rest_ms: inMs(row.notBeforeMs),
    })),
  };
}

describe('a row that a transaction of somebody else’s has locked', () => {
  const lease = { owner: 'p1/1', durationMs: 20_000 };

  test('is skipped by a claim, and makes a write wait and see what was committed, in PostgreSQL', async () => {
    const model = lockModel();
    const id = await insert(model.promotions, 1, later(0));
    expect((await stored.db.promoting.claimNext(lease)).promotion?.id).toBe(id);
    const other = new pg.Client({ connectionString: stored.url });
    await other.connect();
    try {
      await other.query('begin');
      await other.query('select 1 from console_flag_promotions for update');
      await stored.rows.query('select 1');
      expect((await stored.replica().promoting.claimNext({ ...lease, owner: 'p2/1' })).promotion).toBeNull();
      const writing = stored.db.promoting.renew(id, lease);
      await waiting(stored, 1);
      await other.query(`update console_flag_promotions set state = 'failed', failed_at = now()`);
      await other.query('commit');
      expect(await writing).toBe(false);
    } finally {
      await other.end();
    }
  });

  test('is skipped by a claim, and makes a write wait and see what was committed, in the model', async () => {
    const { scheduler, db, promotions, settled } = lockModel();
    const process = createProcess(scheduler, 'p1', 0);
    const promoting = promotions.promotingOf(process);
    promotions.promote(promoted({ id: '1', herokuApp: 'alpha', configVar: 'FLAG_1', targetValue: 'on' }, later(0)));
    expect((await settled(promoting.claimNext(lease))).promotion?.id).toBe('1');
    let unlock = (): void => undefined;
    db.lock('1', (free) => {
      unlock = free;
    });
    expect((await settled(promoting.claimNext({ ...lease, owner: 'p1/2' }))).promotion).toBeNull();
    let isAnswered = false;
    const writing = promoting.renew('1', lease).finally(() => {
      isAnswered = true;
    });
    while (await scheduler.step());
    expect(isAnswered).toBe(false);
    const promotion = promotions.rows.get('1')?.promotion;
    if (promotion !== undefined) promotions.change('1', { promotion: { ...promotion, state: 'failed' } }, ['failed']);
    unlock();
    expect(await settled(writing)).toBe(false);
  });

  function lockModel() {
    const scheduler = createScheduler();
    const db = createDatabaseModel({ scheduler, random: () => 0.5, weather: FAIR_DATABASE });
    const promotions = createPromotionsModel(db, () => undefined);
    /** Lets time pass until it resolves. */
    const settled = async <T>(answer: Promise<T>): Promise<T> => {
      while (await scheduler.step());
      return answer;
    };
    return { scheduler, db, promotions, settled };
  }
});
