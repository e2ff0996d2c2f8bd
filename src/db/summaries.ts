import * as z from 'zod';
import type { MessageRef } from '../promotions/alert.js';
import type { Opening, OpeningTogether } from '../promotions/detection.js';
import type { Destination } from '../promotions/routing.js';
import {
  type EndedSummary,
  type OpenSummary,
  SUMMARY_KINDS,
  type SummaryFacts,
  type SummaryMember,
  type SummaryMessage,
  type SummaryWork,
} from '../promotions/summary.js';
import { closeUnsentWarnings, forgetEarlierLives } from './alerts.js';
import { attentionsOf, endSnoozesOfWarnings } from './attention-rows.js';
import { appendAuditEvents, WATCHDOG } from './audit.js';
import type { Knex } from './connection.js';
import { type Lease, leasedRows, NO_FAILURE, type Postponement, waited } from './leases.js';
import {
  count,
  countRow,
  idColumn,
  idRow,
  PROMOTION_COLUMNS,
  parseRows,
  promotionRow,
  refusedRoute,
  rowCount,
  STUCK_CLOCK,
} from './rows.js';

const criticalRow = z.object({ critical: z.boolean() });
const severityRow = z.object({ id: idColumn, severity: z.string() });
const tellsOf = z.object({ id: idColumn, summary_id: idColumn.nullable() });

export interface ClaimedSummary extends SummaryWork {
  /** How many deliveries were begun before this one. */
  readonly attemptsBefore: number;
}

/** What a painting or a post of a summary shows: up to which request, and up to which alert. */
export interface SummaryShown {
  readonly upTo: number;
  readonly through: string;
}

/** The summaries' table: what is told of many alerts at once, and how far that has been told. */
export interface Summaries {
  /** Opens alerts that have no message of their own, each with its audit event, as `Alerts.open` does: all or none. */
  openAlerts(together: OpeningTogether, at: Date): Promise<void>;
  /** What there is to plan for. */
  gather(): Promise<{ readonly open: readonly OpenSummary[]; readonly ended: readonly EndedSummary[] }>;
  /** Queues a reply that calls people about the criticals there are; nothing where `calls` is no longer how many there were. */
  call(id: string, calls: number, at: Date): Promise<void>;
  /** Notes that all have ended, and has it shown; nothing where one is open after all. */
  end(id: string, at: Date): Promise<void>;
  /** Queues the one reminder of missing RCAs. */
  remind(id: string): Promise<void>;
  /** The promotions that a summary tells of and that are open still, the oldest first. */
  members(
    id: string,
    page: { offset: number; limit: number },
  ): Promise<{ readonly total: number; readonly rows: readonly SummaryMember[] }>;
  /** What is to be posted or painted, that nobody is working on. `now` is the app's clock. */
  due(now: Date, limit: number): Promise<readonly string[]>;
  /** The summaries that tell of a promotion and have something to deliver. */
  pendingOf(promotionId: string): Promise<readonly string[]>;
  /** Takes the lease; null where another holds it, nothing is to be done, or a post has to wait still. */
  claim(id: string, lease: Lease, now: Date): Promise<ClaimedSummary | null>;
  /** The claimed work as it stands now; null where the lease was lost. */
  reread(id: string, lease: Lease): Promise<SummaryWork | null>;
  /**
   * Before a post that calls people: which criticals it calls about. This and the writes that follow are fenced by the
   * lease: false where it was lost, and nothing was written.
   */
  recordCall(id: string, lease: Lease, through: string, at: Date): Promise<boolean>;
  /** Before a summary is posted: where. */
  recordDestination(id: string, lease: Lease, to: Destination): Promise<boolean>;
  /** `shown` null: nobody knows what it shows. Alerts that it shows are posted by that. */
  recordPosted(id: string, lease: Lease, message: MessageRef, shown: SummaryShown | null, at: Date): Promise<boolean>;
  recordPainted(id: string, lease: Lease, shown: SummaryShown, at: Date): Promise<boolean>;
  withdraw(id: string, lease: Lease): Promise<boolean>;
  /** Its message was deleted in Slack: it has to be posted anew. */
  forgetMessage(id: string, lease: Lease): Promise<boolean>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
  /** Where it stands in Slack; null before it was posted. */
  messageOf(id: string): Promise<MessageRef | null>;
}

/** How many promotions a summary names. */
export const OLDEST_NAMED = 10;

const PENDING = `s.state = 'pending'`;
/** A reply waits for the summary in whose thread it belongs. */
const DUE = `((${PENDING} or (s.state = 'posted' and s.repaint_wanted > s.repaint_done)) and (s.root_id is null
  or (select r.state from flag_promotions.summaries r where r.id = s.root_id) <> 'pending'))`;

const summaryRow = z
  .object({
    id: idColumn,
    root_id: idColumn.nullable(),
    kind: z.enum(SUMMARY_KINDS),
    state: z.enum(['pending', 'posted', 'closed']),
    route: z.string().nullable(),
    channel: z.string().nullable(),
    refused_channel: z.string().nullable(),
    refused_because: z.string().nullable(),
    message_ts: z.string().nullable(),
    repaint_wanted: count,
    repaint_done: count,
    created_at: z.date(),
  })
  .transform((row): { rootId: string | null; summary: SummaryMessage } => ({
    rootId: row.root_id,
    summary: {
      id: row.id,
      kind: row.kind,
      state: row.state,
      route: row.route,
      channel: row.channel,
      refusedRoute: refusedRoute(row.refused_channel, row.refused_because),
      message: row.channel === null || row.message_ts === null ? null : { channel: row.channel, ts: row.message_ts },
      repaintWanted: row.repaint_wanted,
      repaintDone: row.repaint_done,
      createdAt: row.created_at,
    },
  }));

const openRow = z
  .object({
    id: idColumn,
    is_posted: z.boolean(),
    open: count,
    open_criticals: count,
    new_criticals: count,
    called_at: z.date().nullable(),
    calls: count,
    call_pending: z.boolean(),
  })
  .transform(
    (row): OpenSummary => ({
      id: row.id,
      isPosted: row.is_posted,
      open: row.open,
      openCriticals: row.open_criticals,
      newCriticals: row.new_criticals,
      calledAt: row.called_at,
      calls: row.calls,
      callPending: row.call_pending,
    }),
  );

const countsRow = z
  .object({
    open: count,
    open_criticals: count,
    unattended: count,
    critical_apps: z.array(z.string()),
    completed: count,
    failed: count,
    otherwise: count,
    owing_rca: count,
    through: idColumn,
    criticals_through: idColumn,
  })
  .transform(
    (row): Omit<SummaryFacts, 'oldest'> => ({
      open: row.open,
      openCriticals: row.open_criticals,
      unattended: row.unattended,
      criticalApps: row.critical_apps,
      completed: row.completed,
      failed: row.failed,
      endedOtherwise: row.otherwise,
      owingRca: row.owing_rca,
      through: row.through,
      criticalsThrough: row.criticals_through,
    }),
  );

export function summaries(knex: Knex): Summaries {
  const leased = leasedRows(knex, 'flag_promotions.summaries', 's', 'id');

  async function find(id: string) {
    const found = await knex.raw(
      `select id, root_id, kind, state, route, channel, refused_channel, refused_because, message_ts, repaint_wanted, repaint_done, created_at
         from flag_promotions.summaries where id = ?::bigint`,
      [id],
    );
    return parseRows(found, summaryRow)[0] ?? null;
  }

  // The row first, then what it tells of: what joins in between is painted once more, rather than never.
  async function workOn(id: string): Promise<SummaryWork | null> {
    const found = await find(id);
    if (found === null) return null;
    const root = found.rootId === null ? null : await find(found.rootId);
    return { summary: found.summary, root: root?.summary ?? null, facts: await factsOf(found.rootId ?? id) };
  }

  /** Each promotion is asked for by its id: a join would be planned for more than there are, and read them all. */
  async function factsOf(id: string): Promise<SummaryFacts> {
    const counted = await knex.raw(
      `with alerts as (
         select promotion_id, bool_or(state <> 'closed') as open, bool_or(severity = 'critical') as critical,
                max(id) as through, max(id) filter (where severity = 'critical') as criticals_through
           from flag_promotions.alerts where summary_id = ? group by promotion_id),
       members as (
         select a.*, (select p.state::text from console_flag_promotions p where p.id = a.promotion_id) as state,
                case when a.critical and not a.open then
                  (select p.rca_url is null and p.state <> 'deploying' from console_flag_promotions p where p.id = a.promotion_id)
                end as owing,
                case when a.critical and a.open then not ${isQuiet('a')} end as unattended,
                case when a.critical and a.open then
                  (select p.heroku_app from console_flag_promotions p where p.id = a.promotion_id)
                end as critical_app
           from alerts a)
       select count(*) filter (where open) as open, count(*) filter (where open and critical) as open_criticals,
              count(*) filter (where unattended) as unattended,
              array(select distinct critical_app from members where unattended order by 1) as critical_apps,
              count(*) filter (where not open and m.state = 'deployed') + max(s.pruned_completed) as completed,
              count(*) filter (where not open and m.state = 'failed') + max(s.pruned_failed) as failed,
              count(*) filter (where not open and m.state not in ('deployed', 'failed')) + max(s.pruned_otherwise) as otherwise,
              count(*) filter (where owing) as owing_rca,
              coalesce(max(through), 0) as through, coalesce(max(criticals_through), 0) as criticals_through
         from flag_promotions.summaries s left join members m on true where s.id = ?`,
      [id, id],
    );
    const [counts] = parseRows(counted, countsRow);
    if (counts === undefined) throw new Error('An aggregate had no row.');
    return { ...counts, oldest: await page(id, { offset: 0, limit: OLDEST_NAMED }) };
  }

  async function page(id: string, { offset, limit }: { offset: number; limit: number }) {
    const found = await knex.raw(
      `select ${PROMOTION_COLUMNS}, exists (select 1 from flag_promotions.alerts c
                where c.promotion_id = p.id and c.severity = 'critical' and c.state <> 'closed') as critical
         from console_flag_promotions p
        where p.id = any(array(select a.promotion_id from flag_promotions.alerts a where a.summary_id = ?::bigint and a.state <> 'closed'))
        order by ${STUCK_CLOCK}, p.id offset ? limit ?`,
      [id, offset, limit],
    );
    const critical = parseRows(found, criticalRow);
    const promotions = parseRows(found, promotionRow);
    const attentions = await attentionsOf(
      knex,
      promotions.map((promotion) => promotion.id),
    );
    return promotions.map(
      (promotion, index): SummaryMember => ({
        promotion,
        severity: critical[index]?.critical === true ? 'critical' : 'warning',
        attention: attentions.get(promotion.id) ?? null,
      }),
    );
  }

  /** The alerts that a message of the summary shows are posted by it, in its thread; in the order of `closeUnsentWarnings`. */
  async function showAlerts(trx: Knex, id: string, through: string, at: Date): Promise<void> {
    await trx.raw(
      `with held as (
         select a.id, s.channel, s.message_ts
           from flag_promotions.alerts a join flag_promotions.summaries s on s.id = a.summary_id
          where s.id = ? and s.kind = 'summary' and a.id <= ?::bigint
            and (a.state = 'pending' or (a.state = 'posted' and a.thread_ts is distinct from s.message_ts))
          order by a.id for no key update of a)
       update flag_promotions.alerts a
          set state = 'posted', channel = held.channel, thread_ts = held.message_ts, posted_at = coalesce(a.posted_at, ?),
              updated_at = now()
         from held where a.id = held.id`,
      [id, through, at],
    );
  }

  return {
    openAlerts: (together, at) => knex.transaction((trx) => openAlerts(trx, together, at)),

    async gather() {
      const open = await knex.raw(
        `select s.id, s.state = 'posted' as is_posted, s.called_at, s.calls, a.*,
                exists (select 1 from flag_promotions.summaries r
                         where r.root_id = s.id and r.kind = 'call' and r.state = 'pending') as call_pending
           from flag_promotions.summaries s cross join lateral (
             select count(distinct o.promotion_id) as open, count(*) filter (where o.unattended) as open_criticals,
                    count(*) filter (where o.unattended and (o.id > s.called_through or s.call_wanted)) as new_criticals
               from (select o.id, o.promotion_id, o.severity = 'critical' and not ${isQuiet('o')} as unattended
                       from flag_promotions.alerts o where o.summary_id = s.id and o.state <> 'closed') o) a
          where s.root_id is null and not s.rca_settled and s.ended_at is null order by s.id`,
      );
      const ended = await knex.raw(
        `select s.id, s.ended_at from flag_promotions.summaries s
          where s.root_id is null and not s.rca_settled and s.ended_at is not null order by s.id`,
      );
      const endedRow = z
        .object({ id: idColumn, ended_at: z.date() })
        .transform((row): EndedSummary => ({ id: row.id, endedAt: row.ended_at }));
      return { open: parseRows(open, openRow), ended: parseRows(ended, endedRow) };
    },

    async call(id, calls, at) {
      await knex.raw(
        `with called as (
           update flag_promotions.summaries s
              set calls = s.calls + 1, call_wanted = false, called_at = ?, updated_at = now(), called_through = greatest(s.called_through,
                    (select max(a.id) from flag_promotions.alerts a where a.summary_id = s.id and a.severity = 'critical'))
            where s.id = ? and s.calls = ? and s.state = 'posted' returning s.id, s.calls)
         insert into flag_promotions.summaries (root_id, kind, ordinal) select id, 'call', calls from called`,
        [at, id, calls],
      );
    },

    async end(id, at) {
      await knex.transaction(async (trx) => {
        // Locked, so that an alert joins it before this, or finds it ended.
        await trx.raw(`select 1 from flag_promotions.summaries where id = ? for update`, [id]);
        const ended = await trx.raw(
          `update flag_promotions.summaries s set ended_at = ?, repaint_wanted = s.repaint_wanted + 1, updated_at = now()
            where s.id = ? and s.ended_at is null
              and not exists (select 1 from flag_promotions.alerts a where a.summary_id = s.id and a.state <> 'closed')`,
          [at, id],
        );
        if (rowCount(ended) === 1) await queueReply(trx, id, 'ended');
      });
    },

    async remind(id) {
      await knex.transaction(async (trx) => {
        const settled = await trx.raw(
          `update flag_promotions.summaries set rca_settled = true, updated_at = now()
            where id = ? and root_id is null and ended_at is not null and not rca_settled`,
          [id],
        );
        if (rowCount(settled) === 1) await queueReply(trx, id, 'rca_reminder');
      });
    },

    async members(id, asked) {
      const counted = await knex.raw(
        `select count(distinct promotion_id) as n from flag_promotions.alerts where summary_id = ?::bigint and state <> 'closed'`,
        [id],
      );
      return { total: parseRows(counted, countRow)[0]?.n ?? 0, rows: await page(id, asked) };
    },

    // The summaries themselves before what is said in their threads.
    due: (now, limit) => leased.due(DUE, 's.root_id is not null, s.id', now, limit),

    async pendingOf(promotionId) {
      const found = await knex.raw(
        `select s.id from flag_promotions.summaries s
          where ${DUE} and s.id in (select a.summary_id from flag_promotions.alerts a where a.promotion_id = ?) order by s.id`,
        [promotionId],
      );
      return parseRows(found, idRow).map((row) => row.id);
    },

    async claim(id, lease, now) {
      const attemptsBefore = await leased.claim(id, lease, `${DUE} and (not ${PENDING} or ${waited('s')})`, [now]);
      const work = attemptsBefore === null ? null : await workOn(id);
      return work === null || attemptsBefore === null ? null : { ...work, attemptsBefore };
    },

    reread: async (id, lease) => ((await leased.renew(id, lease)) ? workOn(id) : null),

    recordCall: (id, lease, through, at) =>
      leased.fenced(
        knex,
        id,
        lease,
        `call_wanted = false, called_through = greatest(called_through, ?::bigint), called_at = ?`,
        [through, at],
      ),

    recordDestination: (id, lease, { channel, refused }) =>
      leased.fenced(knex, id, lease, 'channel = ?, refused_channel = ?, refused_because = ?, updated_at = now()', [
        channel,
        refused?.channel ?? null,
        refused?.because ?? null,
      ]),

    async recordPosted(id, lease, message, shown, at) {
      return knex.transaction(async (trx) => {
        const written = await leased.fenced(
          trx,
          id,
          lease,
          `state = 'posted', channel = ?, message_ts = ?, posted_at = ?, repaint_done = coalesce(?, repaint_done),
           repaint_wanted = repaint_wanted + ?, ${NO_FAILURE}`,
          [message.channel, message.ts, at, shown?.upTo ?? null, shown === null ? 1 : 0],
        );
        if (written && shown !== null) await showAlerts(trx, id, shown.through, at);
        return written;
      });
    },

    async recordPainted(id, lease, shown, at) {
      return knex.transaction(async (trx) => {
        const written = await leased.fenced(trx, id, lease, `repaint_done = ?, ${NO_FAILURE}`, [shown.upTo]);
        if (written) await showAlerts(trx, id, shown.through, at);
        return written;
      });
    },

    withdraw: (id, lease) => leased.fenced(knex, id, lease, `state = 'closed', ${NO_FAILURE}`, []),

    forgetMessage: (id, lease) =>
      leased.fenced(
        knex,
        id,
        lease,
        `state = 'pending', channel = null, refused_channel = null, refused_because = null, message_ts = null, posted_at = null, repaint_done = repaint_wanted, ${NO_FAILURE}`,
        [],
      ),

    release: leased.release,

    messageOf: async (id) => (await find(id))?.summary.message ?? null,
  };
}

/** Where the summary stands in Slack: what was never told needs no end, and no reminder. */
async function queueReply(trx: Knex.Transaction, id: string, kind: 'ended' | 'rca_reminder'): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.summaries (root_id, kind) select id, ? from flag_promotions.summaries
      where id = ? and message_ts is not null on conflict do nothing`,
    [kind, id],
  );
}

/** Whether somebody is on the promotion of the row `alias`, or it is snoozed. */
function isQuiet(alias: string): string {
  return `exists (select 1 from flag_promotions.attention t
            where t.promotion_id = ${alias}.promotion_id and (t.owner is not null or t.snoozed_by is not null))`;
}

/**
 * Opens alerts that are told in a summary: that which tells of the promotion already, else the newest of the last hour in
 * their channel, else a new one. Their lease is the summary's for good, so that a replica of an earlier version leaves them alone.
 */
async function openAlerts(trx: Knex.Transaction, together: OpeningTogether, at: Date): Promise<void> {
  const { alerts: openings, heldUntil } = together;
  // Serialises those that look for a summary to join, or begin one; only then what they find is so still.
  await trx.raw(`select pg_advisory_xact_lock(hashtext('flag_promotions.summaries'))`);
  // What somebody resolves or opens an alert of at this moment is left to the next tick. A critical does not wait with a warning.
  const found = await trx.raw(
    `select p.id, (select a.summary_id from flag_promotions.alerts a join flag_promotions.summaries s on s.id = a.summary_id
                    where a.promotion_id = p.id and a.state <> 'closed'
                      and (s.held_until is null or s.held_until <= ? or s.state <> 'pending') limit 1) as summary_id
       from console_flag_promotions p
      where p.id = any(?::bigint[]) and p.state = 'deploying' order by p.id for no key update of p skip locked`,
    [at, openings.map(({ promotionId }) => promotionId)],
  );
  const known = new Map(parseRows(found, tellsOf).map((row) => [row.id, row.summary_id]));
  const already = parseRows(
    await trx.raw(
      `select promotion_id as id, severity from flag_promotions.alerts where promotion_id = any(?::bigint[]) and state <> 'closed'`,
      [[...known.keys()]],
    ),
    severityRow,
  );
  const isNew = ({ promotionId, severity }: Opening) =>
    known.has(promotionId) && !already.some((row) => row.id === promotionId && row.severity === severity);
  const opened = openings.filter(isNew);
  if (opened.length === 0) return;

  const ids = opened.map(({ promotionId }) => promotionId);
  const isTold = ({ promotionId }: Opening) => known.get(promotionId) != null;
  const told = opened.flatMap(({ promotionId }) => known.get(promotionId) ?? []);
  // Before what they tell of, as every transaction locks; and they are behind now.
  const joined = (await holdSummaries(trx, told, opened.every(isTold) ? null : together)) ?? '';
  const summaryIds = opened.map(({ promotionId }) => known.get(promotionId) ?? joined);
  await forgetEarlierLives(trx, ids);
  await trx.raw(
    `insert into flag_promotions.alerts (promotion_id, severity, summary_id, lease_owner, lease_until)
      select *, 'summary', 'infinity' from unnest(?::bigint[], ?::text[], ?::bigint[])`,
    [ids, opened.map(({ severity }) => severity), summaryIds],
  );
  const criticals = opened.flatMap(({ promotionId, severity }) => (severity === 'critical' ? [promotionId] : []));
  await closeUnsentWarnings(trx, criticals);
  await endSnoozesOfWarnings(trx, criticals, at);
  await appendAuditEvents(
    trx,
    opened.map(({ promotionId, severity }) => ({
      at,
      action: `console.flag.promotion.stuck_${severity}`,
      actor: WATCHDOG,
      promotionId,
      detail: heldUntil === null ? {} : { held_until: heldUntil },
    })),
  );
}

/** Whether the summary `s` still takes in what is told in a channel at an hour (two parameters). */
const JOINABLE = `(s.root_id is null and not s.rca_settled and s.ended_at is null and s.state <> 'closed'
  and s.route = ? and s.held_until is not distinct from ?
  and (s.held_until is not null or s.created_at > clock_timestamp() - interval '1 hour'))`;

/**
 * Begins a statement: locks the summaries `s` that fulfil a condition, as `held`. By their ids, because each tells of many
 * promotions: of two transactions that change several of the same, one would else wait for the other in a circle.
 */
export const heldInOrder = (condition: string) =>
  `with held as (select s.id from flag_promotions.summaries s where ${condition} order by s.id for no key update)`;

/**
 * Locks the summaries `told` and has them painted again; and, where something is to join one, that in its channel which waits
 * for the same hour, or that of the last hour, which has not ended, or a new one. Answers which is joined.
 */
async function holdSummaries(
  trx: Knex.Transaction,
  told: readonly string[],
  joining: Pick<OpeningTogether, 'channel' | 'heldUntil'> | null,
): Promise<string | null> {
  const asked = joining === null ? [] : [joining.channel, joining.heldUntil];
  const found =
    joining === null
      ? null
      : await trx.raw(
          `select s.id from flag_promotions.summaries s where ${JOINABLE} order by s.id desc limit 1`,
          asked,
        );
  const newest = found === null ? null : (parseRows(found, idRow)[0]?.id ?? null);
  // Asked once more under the lock: it may have ended since.
  const held = await trx.raw(
    `${heldInOrder(`s.id = any(?::bigint[])${newest === null ? '' : ` or (s.id = ? and ${JOINABLE})`}`)}
     update flag_promotions.summaries s set repaint_wanted = s.repaint_wanted + 1 from held where s.id = held.id returning s.id`,
    [[...new Set(told)], ...(newest === null ? [] : [newest, ...asked])],
  );
  if (joining === null) return null;
  const joined = parseRows(held, idRow).find(({ id }) => id === newest);
  return joined?.id ?? beginSummary(trx, joining);
}

async function beginSummary(
  trx: Knex.Transaction,
  { channel, heldUntil }: Pick<OpeningTogether, 'channel' | 'heldUntil'>,
): Promise<string> {
  const inserted = await trx.raw(
    `insert into flag_promotions.summaries (route, held_until, next_attempt_at, repaint_wanted) values (?, ?, ?, 1) returning id`,
    [channel, heldUntil, heldUntil],
  );
  const [begun] = parseRows(inserted, idRow);
  if (begun === undefined) throw new Error('An insert had no row.');
  return begun.id;
}

/** Inside a transaction that changes open alerts, before it does: the lock of the summary that tells of them comes first. */
export async function requestSummaryRepaint(trx: Knex.Transaction, ...promotionIds: string[]): Promise<void> {
  await trx.raw(
    `${heldInOrder(`s.id in (select a.summary_id from flag_promotions.alerts a
                              where a.promotion_id = any(?::bigint[]) and a.state <> 'closed')`)}
     update flag_promotions.summaries s set repaint_wanted = s.repaint_wanted + 1 from held where s.id = held.id`,
    [promotionIds],
  );
}

/** Inside a transaction after which nobody is on a promotion any more: if it is a critical in a summary, that calls again. */
export async function requestCall(trx: Knex.Transaction, promotionId: string): Promise<void> {
  await trx.raw(
    `update flag_promotions.summaries s set call_wanted = true
      where s.id in (select a.summary_id from flag_promotions.alerts a
                      where a.promotion_id = ? and a.severity = 'critical' and a.state <> 'closed')`,
    [promotionId],
  );
}
