import * as z from 'zod';
import type { MessageKind } from '../promotions/messages.js';
import {
  groupSubject,
  type PagedAlert,
  type PageToQueue,
  SLACK_SILENT_AFTER_MS,
  type UnpagedCritical,
} from '../promotions/page.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { OWED } from './messages.js';
import { idColumn, idRow, parseManyRows, parseRows, text } from './rows.js';

export interface PagingLook {
  /** Open criticals without a page, the oldest first. */
  readonly unpaged: readonly UnpagedCritical[];
  /** Failures that their alert doesn't show yet, or no longer should show. */
  readonly untold: readonly string[];
  /** Whether anything is owed outside Slack. */
  readonly isOwed: boolean;
  /** Whether a page about Slack's silence is open. */
  readonly hasSlackPage: boolean;
}

/** Which pages are missing, what a page is about, and what couldn't be delivered outside Slack. */
export interface Paging {
  /** What to do about pages; in one statement, since each tick asks. */
  look(): Promise<PagingLook>;
  /** Queues a page, unless another replica did. */
  queue(page: PageToQueue): Promise<void>;
  /** A page's alerts, the oldest first; missing ones have ended. */
  alerts(ids: readonly string[]): Promise<readonly PagedAlert[]>;
  /** Since when an alert has waited too long for Slack; null if none has. */
  slackSilentSince(): Promise<Date | null>;
  /** Queues the page about Slack's silence, unless one is open. */
  queueSlackSilent(): Promise<void>;
  reviewSlackSilent(): Promise<void>;
  /** What of a group couldn't be delivered, in a few words each. Of a promotion: see its overview. */
  undeliveredOfGroup(groupId: string): Promise<readonly string[]>;
  /** The same of a drill. */
  undeliveredOfDrill(drillId: string): Promise<readonly string[]>;
  /** Makes an alert show whether its page or webhook was delivered. Answers the messages to update, mostly none. */
  tell(messageId: string): Promise<readonly string[]>;
  /** Retries what was refused for good, after a restart of the app. */
  retryRefused(): Promise<void>;
}

const PAGES: readonly MessageKind[] = ['page', 'slack_page', 'drill_page'];
const listed = (kinds: readonly MessageKind[]) => kinds.map((kind) => `'${kind}'`).join(', ');
/** For SQL's `in`. */
export const OUTSIDE = listed([...PAGES, 'webhook', 'drill_webhook']);

/** SQL: a page whose incident may still be updated, with the routing key sealed in `channel`. */
export const IS_OPEN_PAGE = `kind in (${listed(PAGES)}) and channel is not null and state <> 'closed'
  and shown_as is distinct from 'resolved'`;

/** SQL: what of the promotion `promotion` couldn't be delivered, as an array. */
export const UNDELIVERED_OF = (promotion: string): string => `array(
  select distinct m.last_error from flag_promotions.messages m
   where m.promotion_id = ${promotion} and m.kind in (${OUTSIDE}) and ${OWED} and m.last_error is not null order by 1)`;

/** What alerts people in a channel, without the answers to them. */
const ALERTING = `'alert', 'escalation', 'repeat', 'group', 'group_criticals'`;

const lookRow = z.object({
  what: z.enum(['unpaged', 'untold', 'slack_page', 'owed']),
  id: idColumn,
  promotion_id: idColumn.nullable(),
  heroku_app: text,
  group_id: idColumn.nullable(),
});

const pagedRow = z
  .object({
    promotion_id: idColumn,
    flag_key: text,
    heroku_app: text,
    opened_at: z.date(),
    is_open: z.boolean(),
    is_attended: z.boolean(),
  })
  .transform(
    (row): PagedAlert => ({
      promotionId: row.promotion_id,
      flagKey: row.flag_key,
      herokuApp: row.heroku_app,
      openedAt: row.opened_at,
      isOpen: row.is_open,
      isAttended: row.is_attended,
    }),
  );

const sinceRow = z.object({ since: z.date().nullable() });
const errorRow = z.object({ last_error: z.string() });
const untoldRow = z.object({
  id: idColumn,
  promotion_id: idColumn.nullable(),
  subject: z.string(),
  of_drill: z.boolean(),
  is_untold: z.boolean(),
});

/** SQL: its last failure, while it is owed. */
const FAILURE = `(case when ${OWED} then m.last_error end)`;
const IS_UNTOLD = `${FAILURE} is distinct from m.told_error`;
/** SQL: a page about Slack's silence that isn't resolved. */
const IS_OPEN_SLACK_PAGE = `kind = 'slack_page' and state <> 'closed' and shown_as is distinct from 'resolved'`;

export function paging(knex: Knex): Paging {
  return {
    async look() {
      const found = await knex.raw(
        `select 'unpaged' as what, a.id, a.promotion_id, a.heroku_app, a.group_id from flag_promotions.alerts a
          where a.closed_at is null and a.severity = 'critical' and not exists (
            select 1 from flag_promotions.messages m
             where m.kind = 'page' and m.subject = coalesce('group:' || a.group_id::text, a.promotion_id::text)
               and m.detail -> 'alerts' @> to_jsonb(a.id::text))
         union all
         select 'untold', m.id, null, '', null from flag_promotions.messages m
          where ${OWED} and m.kind in (${OUTSIDE}) and ${IS_UNTOLD}
         union all
         select 'untold', m.id, null, '', null from flag_promotions.messages m
          where m.told_error is not null and not ${OWED}
         union all
         select 'slack_page', m.id, null, '', null from flag_promotions.messages m where ${IS_OPEN_SLACK_PAGE}
         union all
         (select 'owed', m.id, null, '', null from flag_promotions.messages m where ${OWED} and m.kind in (${OUTSIDE}) limit 1)
          order by id`,
      );
      const rows = await parseManyRows(found, lookRow);
      return {
        unpaged: rows.flatMap(({ what, id, promotion_id: promotionId, heroku_app: herokuApp, group_id: groupId }) =>
          what === 'unpaged' && promotionId !== null ? [{ alertId: id, promotionId, herokuApp, groupId }] : [],
        ),
        untold: rows.flatMap(({ what, id }) => (what === 'untold' ? [id] : [])),
        isOwed: rows.some(({ what }) => what === 'owed'),
        hasSlackPage: rows.some(({ what }) => what === 'slack_page'),
      };
    },

    async queue({ subject, promotionId, alertIds }) {
      await knex.raw(
        `insert into flag_promotions.messages (kind, subject, ordinal, promotion_id, is_urgent, detail)
         values ('page', ?, ?::bigint, ?::bigint, true, ?::jsonb) on conflict do nothing`,
        [subject, alertIds[0] ?? '0', promotionId, JSON.stringify({ alerts: alertIds })],
      );
    },

    async alerts(ids) {
      const found = await knex.raw(
        `select a.promotion_id, a.flag_key, a.heroku_app, a.opened_at,
                a.closed_at is null and coalesce((select {p.state} from {promotions} p where p.id = a.promotion_id) = 'deploying', false) as is_open,
                exists (select 1 from flag_promotions.attention t where t.promotion_id = a.promotion_id
                           and (t.owner is not null or t.snoozed_by is not null)) as is_attended
           from flag_promotions.alerts a where a.id = any(?::bigint[]) order by a.id`,
        [[...ids]],
      );
      return parseManyRows(found, pagedRow);
    },

    async slackSilentSince() {
      // Waiting for the channel slot is no failure.
      const found = await knex.raw(
        `select min(s.since) as since from (
           select greatest(m.owed_since, m.not_before) as since from flag_promotions.messages m
            where m.state = 'pending' and m.kind in (${ALERTING}) and m.attempts > 0
              and coalesce(m.last_error, '') not like '%: no\\_slot') s
          where s.since <= ${CLOCK} - ?::double precision * interval '1 millisecond'`,
        [SLACK_SILENT_AFTER_MS],
      );
      return parseRows(found, sinceRow)[0]?.since ?? null;
    },

    async queueSlackSilent() {
      await knex.raw(
        `insert into flag_promotions.messages (kind, subject, ordinal, is_urgent)
         select 'slack_page', 'slack', coalesce(max(ordinal), 0) + 1, true from flag_promotions.messages where kind = 'slack_page'
         having not coalesce(bool_or(${IS_OPEN_SLACK_PAGE}), false)
         on conflict do nothing`,
      );
    },

    async reviewSlackSilent() {
      await knex.raw(
        `update flag_promotions.messages set wanted = wanted + 1 where ${IS_OPEN_SLACK_PAGE} and wanted <= shown`,
      );
    },

    async undeliveredOfGroup(groupId) {
      const found = await knex.raw(
        `select distinct m.last_error from flag_promotions.messages m
          where m.kind = 'page' and m.subject = ? and ${OWED} and m.last_error is not null order by 1`,
        [groupSubject(groupId)],
      );
      return parseRows(found, errorRow).map((row) => row.last_error);
    },

    async undeliveredOfDrill(drillId) {
      const found = await knex.raw(
        `select distinct m.last_error from flag_promotions.messages m
          where m.kind in ('drill_page', 'drill_webhook') and m.subject = ? and ${OWED} and m.last_error is not null order by 1`,
        [drillId],
      );
      return parseRows(found, errorRow).map((row) => row.last_error);
    },

    async tell(messageId) {
      const look = `select m.id, m.promotion_id, m.subject, m.kind in ('drill_page', 'drill_webhook') as of_drill, ${IS_UNTOLD} as is_untold
                      from flag_promotions.messages m where m.id = ?::bigint and m.kind in (${OUTSIDE})`;
      const [message] = parseRows(await knex.raw(look, [messageId]), untoldRow);
      if (message?.is_untold !== true) return [];
      return knex.transaction(async (trx) => {
        // Locked by id, as in every transaction.
        const held = await trx.raw(
          `select m.id from flag_promotions.messages m
            where m.id = ?::bigint or (m.kind = 'alert' and m.promotion_id = ?::bigint) or (m.kind = 'group' and 'group:' || m.id = ?)
               or (?::boolean and m.kind = 'drill' and m.subject = ?)
            order by m.id for no key update`,
          [messageId, message.promotion_id, message.subject, message.of_drill, message.subject],
        );
        const [now] = parseRows(await trx.raw(look, [messageId]), untoldRow);
        if (now?.is_untold !== true) return [];
        await trx.raw(`update flag_promotions.messages m set told_error = ${FAILURE} where m.id = ?::bigint`, [
          messageId,
        ]);
        const others = parseRows(held, idRow).flatMap(({ id }) => (id === messageId ? [] : [id]));
        await trx.raw('update flag_promotions.messages set wanted = wanted + 1 where id = any(?::bigint[])', [others]);
        return others;
      });
    },

    async retryRefused() {
      await knex.raw(
        `update flag_promotions.messages set next_attempt_at = null
          where kind in (${OUTSIDE}) and next_attempt_at = 'infinity' and (state = 'pending' or wanted > shown)`,
      );
    },
  };
}
