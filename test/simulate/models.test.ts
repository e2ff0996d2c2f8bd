import pg from 'pg';
import type { Promoting } from '../../src/db/promoting.js';
import type { Promotions } from '../../src/db/promotions.js';
import type { OutboxMessages } from '../../src/outbox/outbox.js';
import type { Overdue } from '../../src/promotions/overdue.js';
import { INTENT } from '../../src/promotions/promoting.js';
import { pick, seeded } from '../chaos/scenario.js';
import { waiting } from '../support/locks.js';
import {
  accepted,
  enrol,
  insertPromotion,
  later,
  type Stored,
  startStored,
  stopClock,
  submission,
} from '../support/rows.js';
import { createDatabaseModel, type DatabaseModel, FAIR_DATABASE } from './database-model.js';
import { createMessagesModel, type MessageRow } from './messages-model.js';
import { overdueIn } from './overdue-model.js';
import { promoted } from './people.js';
import { createProcess } from './process.js';
import { createPromotionsModel, type PromotionRow } from './promotions-model.js';
import {
  codeOf,
  createResolutionsModel,
  type ResolutionsModel,
  stepAt,
  SUPERADMINS,
  typedCode,
} from './resolutions-model.js';
import { createScheduler } from './scheduler.js';
import { createWatchModel } from './watch-model.js';
import { createSetBackModel } from './set-back-model.js';
import { clockChange } from './clock-change.js';

/** Compares the simulator's models with PostgreSQL: the same statements, at the same times. */

interface Side {
  readonly promoting: Promoting;
  readonly messages: OutboxMessages;
  readonly resolutions: Pick<Promotions, 'resolve'>;
  readonly overdue: () => Promise<Overdue | null>;
  readonly wasSetBack: () => Promise<boolean>;
  readonly shortenWaits: () => Promise<void>;
  readonly recordTick: () => Promise<void>;
  /** Another writer sets what a promotion is to set. */
  readonly rewrite: (id: string, target: string) => Promise<void>;
}

const PROMOTIONS = 6;
const LONGEST_LEASE_MS = 40_000;
const KINDS = ['alert', 'resolved', 'escalation', 'digest'] as const;
const OVERDUE_AFTER_MS = 2 * 60_000;
const CHANNEL = 'C0ALERTS';
const PROMOTES = 'U9';
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

/** With a code, as a person does. */
async function promote(promotions: ReturnType<typeof createPromotionsModel>, n: number, at: Date): Promise<string> {
  const row = { flagKey: `flag_${n}`, herokuApp: 'alpha', configVar: `FLAG_${n}`, targetValue: 'on' };
  const marked = await stored.db.transitions.mark(row, PROMOTES, at);
  if (marked.kind !== 'marked') throw new Error(`It was ${marked.kind}.`);
  const { id } = marked.promotion;
  const asked = { promotionId: id, transition: 'promote', operatorId: PROMOTES, shown: null, reread: null } as const;
  const forAll = { isAsShown: () => true, takesSecondPerson: () => false };
  await stored.db.transitions.carryOut({ ...asked, ...forAll }, at, accepted(n));
  promotions.promote(nth(id, n, at));
  return id;
}

/** Random statements: the models and PostgreSQL must agree on each. */
function statementAt(random: () => number, ids: readonly string[], messageIds: readonly string[], now: Date) {
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
  const sent = nth(id, ids.indexOf(id) + 1, at);
  const operatorId = pick(random, SUPERADMINS);
  const typed = typedCode(codeOf(operatorId, stepAt(now) - Math.floor(random() * 3)), now);
  const isAsShown = random() < 0.8;
  const request = submission(
    id,
    { id: operatorId },
    { action: 'failed', isAsShown: () => isAsShown, confirmedContradiction: true },
  );
  const statements: Readonly<Record<string, (side: Side) => Promise<unknown>>> = {
    claimNext: async ({ promoting }) => {
      const claimed = await promoting.claimNext(lease);
      if (claimed.promotion === null) return claimed.dueInMs;
      return [claimed.promotion.id, claimed.attempts, claimed.settlesInMs, claimed.isAsAuthorised];
    },
    renew: ({ promoting }) => promoting.renew(id, lease),
    announcePatch: ({ promoting }) =>
      promoting.announcePatch(sent, lease, { value: 'off', release: version }, { hasWaited: fails }),
    rewrite: ({ rewrite }) => rewrite(id, fails ? 'on' : 'else'),
    resolve: async ({ resolutions }) => {
      const outcome = await resolutions.resolve(request, now, typed);
      return outcome.kind === 'code_refused' ? outcome.check : outcome.kind;
    },
    shortenWaits: ({ shortenWaits }) => shortenWaits(),
    recordTick: ({ recordTick }) => recordTick(),
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

/** A clock that only the test moves, in PostgreSQL and for the models. */
function createBothClocks() {
  let nowMs = 0;
  const db: DatabaseModel = {
    nowMs: () => nowMs,
    now: () => later(nowMs),
    run: async (_process, statement) => statement(),
    lock: () => undefined,
    isLocked: () => false,
  };
  /** Time passes, or somebody sets the clock. */
  const advance = async (ms: number): Promise<void> => {
    nowMs += ms;
    await stopClock(stored, later(nowMs));
  };
  return { db, advance };
}

const wasReallySetBack = async (): Promise<boolean> =>
  (await stored.db.chores.due(later(0), later(0), LONGEST_LEASE_MS)).shortenWaits;

/** The same rows in PostgreSQL and in the models. */
async function startBoth() {
  const { db, advance } = createBothClocks();
  const promotions = createPromotionsModel(db, () => undefined);
  const messages = createMessagesModel(db);
  const setBack = createSetBackModel(db, [promotions, messages]);
  const resolutions = createResolutionsModel(db, promotions, () => undefined);
  const process = createProcess(createScheduler(), 'p1', 0);
  const model: Side = {
    promoting: promotions.promotingOf(process),
    messages: messages.messagesOf(process),
    resolutions: resolutions.resolutionsOf(process),
    overdue: async () => overdueIn(db, promotions, messages, OVERDUE_AFTER_MS),
    wasSetBack: async () => setBack.wasSetBack(LONGEST_LEASE_MS),
    shortenWaits: () => setBack.shortenWaits(process, LONGEST_LEASE_MS),
    recordTick: async () => setBack.recordTick(),
    async rewrite(id, targetValue) {
      const promotion = promotions.rows.get(id)?.promotion;
      if (promotion !== undefined) promotions.change(id, { promotion: { ...promotion, targetValue } }, []);
    },
  };
  const real: Side = {
    promoting: stored.db.promoting,
    messages: stored.db.messages,
    resolutions: stored.db.promotions,
    wasSetBack: wasReallySetBack,
    shortenWaits: () => stored.db.setBackClock.shortenWaits(LONGEST_LEASE_MS),
    recordTick: () => stored.db.maintenance.record({ deploying: 0, stuck: 0 }),
    async rewrite(id, target) {
      await stored.rows.query('update console_flag_promotions set target_value = $1 where id = $2', [target, id]);
    },
    async overdue() {
      // What a promotion's statements queue besides is queued by the world in the simulator.
      await stored.rows.query('delete from flag_promotions.messages where kind <> all($1)', [[...KINDS]]);
      return stored.db.overdue({ afterMs: OVERDUE_AFTER_MS, promoting: true });
    },
  };

  await advance(0);
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
  const ids: string[] = [];
  for (const id of [PROMOTES, ...SUPERADMINS]) await enrol(stored.db, id);
  for (let n = 1; n <= PROMOTIONS; n += 1) ids.push(await promote(promotions, n, later(0)));
  return {
    real,
    model,
    ids,
    messageIds,
    now: db.now,
    advance,
    rows: () => rowsOf(stored, db.nowMs()),
    modelRows: () => rowsOfModels(promotions.rows, messages.rows, resolutions.people, db.nowMs()),
  };
}

describe.each([1, 2, 3, 4, 5, 6])('statements at random, seed %i', (seed) => {
  test('do in the models what they do in PostgreSQL', async () => {
    const random = seeded(seed);
    const both = await startBoth();
    const done: string[] = [];
    const wereSetBack = new Set<boolean>();
    let effective = 0;
    for (let step = 0; step < 200; step += 1) {
      if (random() < 0.3) await both.advance(Math.round(random() * 25_000));
      if (random() < 0.06) await both.advance(clockChange(random));
      const { name, run } = statementAt(random, both.ids, both.messageIds, both.now());
      done.push(name);
      const expected = await run(both.real);
      if (!REFUSALS.includes(expected)) effective += 1;
      const modelled = await run(both.model);
      const wasSetBack = await both.real.wasSetBack();
      wereSetBack.add(wasSetBack);
      const last = done.slice(-6);
      expect({
        last,
        answer: modelled,
        wasSetBack: await both.model.wasSetBack(),
        ...both.modelRows(),
      }).toEqual({ last, answer: expected, wasSetBack, ...(await both.rows()) });
    }
    expect(effective).toBeGreaterThan(50);
    expect([...wereSetBack]).toHaveLength(2);
  });
});

async function rowsOf({ rows }: Stored, nowMs: number) {
  const inMs = (column: string) =>
    `round(extract(epoch from ${column} - timestamptz '${later(nowMs).toISOString()}') * 1000)::float`;
  return {
    promotions: await rows.query(
      `select id, state, checkpoint, previous_value, base_release, lease_owner, ${inMs('lease_until')} as lease_ms, attempts,
              ${inMs('next_attempt_at')} as next_ms, last_error, target_value, resolved_by, resolution_note, failure_reason,
              case when state = 'deploying' and last_error is not null then ${inMs('since')} end as held_up_ms
         from console_flag_promotions left join flag_promotions.held_up on promotion_id = id order by id`,
    ),
    people: await rows.query(
      `select slack_user_id as id, totp_last_step::int as last_step, totp_failed_attempts as failed, ${inMs('locked_until')} as locked_ms, locks
         from flag_promotions.operators where slack_user_id <> $1 order by 1`,
      [PROMOTES],
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
  people: ResolutionsModel['people'],
  nowMs: number,
) {
  const inMs = (ms: number | null) => (ms === null ? null : Math.round(ms - nowMs));
  return {
    people: [...people.values()].map(({ authenticator }) => ({
      id: authenticator.operatorId,
      last_step: authenticator.lastStep,
      failed: authenticator.failedAttempts,
      locked_ms: inMs(
        authenticator.lockedUntil === null ? null : authenticator.lockedUntil.getTime() - later(0).getTime(),
      ),
      locks: authenticator.locks,
    })),
    promotions: [...promotions.values()].map(
      ({ promotion, leaseOwner, leaseUntilMs, attempts, nextAttemptMs, heldUpSinceMs }) => ({
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
        target_value: promotion.targetValue,
        resolved_by: promotion.resolvedBy,
        resolution_note: promotion.resolutionNote,
        failure_reason: promotion.failureReason,
        held_up_ms: inMs(promotion.state === 'deploying' && promotion.lastError !== null ? heldUpSinceMs : null),
      }),
    ),
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

test.each([10_000, 120_000, 3_000_000, 7_200_000])(
  'verifications and looks wait in the model as in PostgreSQL after the clock was set back by %i ms',
  async (byMs) => {
    const { db, advance } = createBothClocks();
    const process = createProcess(createScheduler(), 'p1', 0);
    const messages = createMessagesModel(db);
    const rows = createWatchModel(db, messages, () => undefined);
    const setBack = createSetBackModel(db, [messages, rows]);
    await advance(0);
    const id = await insertPromotion(stored.rows, { heroku_app: 'alpha', state: 'deployed' });
    await stored.rows.query('insert into flag_promotions.verifications (promotion_id, heroku_app) values ($1, $2)', [
      id,
      'alpha',
    ]);
    rows.write(nth(id, 1, later(0)));
    rows.deployed(id, 1);
    const real = { verifications: stored.db.verifications, drifts: stored.db.drifts, wasSetBack: wasReallySetBack };
    const model: typeof real = {
      verifications: rows.verificationsOf(process),
      drifts: rows.driftsOf(process),
      wasSetBack: async () => setBack.wasSetBack(LONGEST_LEASE_MS),
    };
    const both = async (ask: (side: typeof real) => Promise<unknown>): Promise<unknown> => {
      const expected = await ask(real);
      const modelled = await ask(model);
      expect(modelled).toEqual(expected);
      return expected;
    };
    const due = () => both(async ({ verifications, drifts }) => [await verifications.due(10), await drifts.due(10)]);
    const claim = () =>
      both(async ({ verifications }) =>
        (await verifications.claim([id], 'one')).map(({ sinceMs, answeredMs }) => [sinceMs, answeredMs]),
      );

    await both(({ drifts }) => drifts.findApps(90_000));
    await due();
    await advance(20_000);
    await claim();
    await both(({ verifications }) => verifications.postpone(id, 'one', 30_000, { kind: 'running', total: 1 }));
    await both(async ({ drifts }) => (await drifts.claim('alpha', 'one'))?.herokuApp);
    await both(({ drifts }) => drifts.done('alpha', 'one', 80_000, 3));
    await advance(-byMs);
    // Only a wait that nobody asks for shows it: here no tick has ended before.
    expect(await both(({ wasSetBack }) => wasSetBack())).toBe(byMs > 3_600_000);
    expect(await due()).toEqual([[], []]);
    await stored.db.setBackClock.shortenWaits(LONGEST_LEASE_MS);
    await setBack.shortenWaits(process, LONGEST_LEASE_MS);
    expect(await both(({ wasSetBack }) => wasSetBack())).toBe(false);
    expect(await due()).not.toEqual([[], []]);
    await claim();
  },
);

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
    const db = createDatabaseModel({ scheduler, random: () => 0.5, weather: FAIR_DATABASE, aheadMs: 0 });
    const promotions = createPromotionsModel(db, () => undefined);
    /** Lets time pass until it resolves. */
    const settled = async <T>(answer: Promise<T>): Promise<T> => {
      while (await scheduler.step());
      return answer;
    };
    return { scheduler, db, promotions, settled };
  }
});
