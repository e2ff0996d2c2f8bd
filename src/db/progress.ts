import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import type { AcceptedRelease, Progress, ProgressFacts } from '../promotions/progress.js';
import type { Destination } from '../promotions/routing.js';
import type { Knex } from './connection.js';
import { type Lease, leasedRows, NO_FAILURE, type Postponement, waited } from './leases.js';
import { count, idColumn, PROMOTION_COLUMNS, parseRows, promotionRow, refusedRoute, type Sql } from './rows.js';

/** A progress message with everything that it says, at one moment. */
export interface ProgressWork extends ProgressFacts {
  readonly progress: Progress;
}

export interface ClaimedProgress extends ProgressWork {
  /** How many deliveries were begun before this one. */
  readonly attemptsBefore: number;
}

/** What a message shows: up to which request to repaint it, and which state of the promotion. */
export interface Shown {
  readonly upTo: number;
  readonly state: string;
}

/** The progress messages' table: how promotions go, and how far that has been told. A promotion's id names its row. */
export interface ProgressMessages {
  /** What is to be posted or painted, that nobody is working on. `now` is the app's clock. */
  due(now: Date, limit: number): Promise<readonly string[]>;
  /** Takes the lease; null where another holds it, nothing is to be done, or it has to wait still. */
  claim(promotionId: string, lease: Lease, now: Date): Promise<ClaimedProgress | null>;
  /** The claimed work as it stands now; null where the lease was lost. */
  reread(promotionId: string, lease: Lease): Promise<ProgressWork | null>;
  /** Each is fenced by the lease: false where it was lost, and nothing was written. Before it is posted: where. */
  recordDestination(promotionId: string, lease: Lease, to: Destination): Promise<boolean>;
  /** `shown` null: nobody knows what. */
  recordPosted(promotionId: string, lease: Lease, message: MessageRef, shown: Shown | null, at: Date): Promise<boolean>;
  recordPainted(promotionId: string, lease: Lease, shown: Shown): Promise<boolean>;
  /** Its message was deleted in Slack: whoever did that does not want it. */
  withdraw(promotionId: string, lease: Lease): Promise<boolean>;
  release(promotionId: string, lease: Lease, postponement: Postponement | null): Promise<void>;
  of(promotionId: string): Promise<Progress | null>;
  /** The release in which Heroku holds a promotion's change, as the audit trail has it; null where it does not. */
  acceptedRelease(promotionId: string): Promise<AcceptedRelease | null>;
}

/** Whether the message `g` may still have to be posted or painted. */
export const UNFINISHED = `(g.state = 'pending' or (g.state = 'posted' and (g.repaint_wanted > g.repaint_done or g.shown_state = 'deploying')))`;
/**
 * Among the unfinished, those with something to say: one that shows `deploying` may be right. Asked of each by its id: a
 * join would be planned for as many as the planner cannot know to be few, and read all promotions.
 */
const DUE = `${UNFINISHED} and (g.state = 'pending' or g.repaint_wanted > g.repaint_done
  or (select p.state from console_flag_promotions p where p.id = g.promotion_id) <> 'deploying')`;

const progressRow = z
  .object({
    promotion_id: idColumn,
    state: z.enum(['pending', 'posted', 'closed']),
    drift_noticed_at: z.date().nullable(),
    channel: z.string().nullable(),
    refused_channel: z.string().nullable(),
    refused_because: z.string().nullable(),
    message_ts: z.string().nullable(),
    repaint_wanted: count,
    repaint_done: count,
    shown_state: z.string().nullable(),
    created_at: z.date(),
  })
  .transform(
    (row): Progress => ({
      promotionId: row.promotion_id,
      state: row.state,
      driftNoticedAt: row.drift_noticed_at,
      channel: row.channel,
      refusedRoute: refusedRoute(row.refused_channel, row.refused_because),
      message: row.channel === null || row.message_ts === null ? null : { channel: row.channel, ts: row.message_ts },
      repaintWanted: row.repaint_wanted,
      repaintDone: row.repaint_done,
      shownState: row.shown_state,
      createdAt: row.created_at,
    }),
  );

const acceptedRow = z
  .object({
    at: z.date(),
    detail: z.object({ release_version: z.number().int(), release_created_at: z.coerce.date() }).partial().catch({}),
  })
  .transform(
    ({ at, detail }): AcceptedRelease => ({
      at,
      version: detail.release_version ?? null,
      createdAt: detail.release_created_at ?? null,
    }),
  );

export function progressMessages(knex: Knex): ProgressMessages {
  const leased = leasedRows(knex, 'flag_promotions.progress', 'g', 'promotion_id');
  const fenced = (id: string, lease: Lease, assignments: string, values: readonly (string | number | Date | null)[]) =>
    leased.fenced(knex, id, lease, assignments, values);

  async function of(promotionId: string): Promise<Progress | null> {
    const found = await knex.raw(
      `select promotion_id, state, drift_noticed_at, channel, refused_channel, refused_because, message_ts, repaint_wanted,
              repaint_done, shown_state, created_at
         from flag_promotions.progress where promotion_id = ?`,
      [promotionId],
    );
    return parseRows(found, progressRow)[0] ?? null;
  }

  async function workOn(promotionId: string): Promise<ProgressWork | null> {
    const progress = await of(promotionId);
    const [promotion] = parseRows(
      await knex.raw(`select ${PROMOTION_COLUMNS} from console_flag_promotions p where p.id = ?`, [promotionId]),
      promotionRow,
    );
    if (progress === null || promotion === undefined) return null;
    const accepted = await acceptedRelease(knex, promotionId);
    return { progress, promotion, accepted, driftNoticedAt: progress.driftNoticedAt };
  }

  return {
    of,
    acceptedRelease: (promotionId) => acceptedRelease(knex, promotionId),
    due: (now, limit) => leased.due(DUE, 'g.promotion_id', now, limit),
    async claim(promotionId, lease, now) {
      const attemptsBefore = await leased.claim(promotionId, lease, `${DUE} and ${waited('g')}`, [now]);
      const work = attemptsBefore === null ? null : await workOn(promotionId);
      return work === null || attemptsBefore === null ? null : { ...work, attemptsBefore };
    },
    reread: async (promotionId, lease) => ((await leased.renew(promotionId, lease)) ? workOn(promotionId) : null),
    recordDestination: (promotionId, lease, { channel, refused }) =>
      fenced(promotionId, lease, 'channel = ?, refused_channel = ?, refused_because = ?, updated_at = now()', [
        channel,
        refused?.channel ?? null,
        refused?.because ?? null,
      ]),
    recordPosted: (promotionId, lease, message, shown, at) =>
      fenced(
        promotionId,
        lease,
        `state = 'posted', channel = ?, message_ts = ?, posted_at = ?, shown_state = ?,
         repaint_done = coalesce(?, repaint_done), repaint_wanted = repaint_wanted + ?, ${NO_FAILURE}`,
        [message.channel, message.ts, at, shown?.state ?? null, shown?.upTo ?? null, shown === null ? 1 : 0],
      ),
    recordPainted: (promotionId, lease, shown) =>
      fenced(promotionId, lease, `repaint_done = ?, shown_state = ?, ${NO_FAILURE}`, [shown.upTo, shown.state]),
    withdraw: (promotionId, lease) => fenced(promotionId, lease, `state = 'closed', ${NO_FAILURE}`, []),
    release: leased.release,
  };
}

/** The release in which Heroku holds a promotion's change, as the audit trail has it; null where it does not. */
export async function acceptedRelease(knex: Knex, promotionId: string): Promise<AcceptedRelease | null> {
  const found = await knex.raw(
    `select at, detail from flag_promotions.audit_log
      where promotion_id = ? and action = 'console.flag.promotion.heroku_patched' order by id desc limit 1`,
    [promotionId],
  );
  return parseRows(found, acceptedRow)[0] ?? null;
}

/** Inside a transaction that changed how a promotion goes. */
export async function requestProgressRepaint(trx: Knex.Transaction, ...promotionIds: string[]): Promise<void> {
  await trx.raw(
    `update flag_promotions.progress set repaint_wanted = repaint_wanted + 1 where promotion_id = any(?::bigint[])`,
    [promotionIds],
  );
}

/** The same beside a change of one promotion; see `changeAudited`. */
export const REPAINT_PROGRESS: Sql = {
  sql: `update flag_promotions.progress g set repaint_wanted = g.repaint_wanted + 1 from changed where g.promotion_id = changed.id`,
  values: [],
};

/** Inside the transaction of a look at Heroku that found another value: told also where nothing was told so far. */
export async function noteDrift(trx: Knex.Transaction, promotionId: string, at: Date): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.progress as g (promotion_id, drift_noticed_at) values (?, ?)
      on conflict (promotion_id) do update set drift_noticed_at = excluded.drift_noticed_at, repaint_wanted = g.repaint_wanted + 1
      where g.drift_noticed_at is null`,
    [promotionId, at],
  );
}
