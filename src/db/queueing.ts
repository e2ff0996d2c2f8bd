import { configVarOf } from './console/columns.js';
import type { MessageKind } from '../promotions/messages.js';
import type { Knex } from './connection.js';
import type { Part } from './parts.js';

/* Other transactions' writes to the outbox: new messages, and requests to update earlier ones. */

export interface NewMessage {
  readonly kind: MessageKind;
  readonly subject: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** The kind of the message, about the same subject, in whose thread it goes. */
  readonly under?: MessageKind;
}

/** Inside a transaction: queues messages about no single promotion. A queued one stays as it is. */
export async function queueMessages(trx: Knex, ...queued: readonly NewMessage[]): Promise<void> {
  for (const { kind, subject, detail = {}, under = null } of queued) {
    await trx.raw(
      `insert into flag_promotions.messages (kind, subject, detail, root_id)
       values (?, ?, ?::jsonb, (select r.id from flag_promotions.messages r where r.kind = ? and r.subject = ?))
       on conflict do nothing`,
      [kind, subject, JSON.stringify(detail), under, subject],
    );
  }
}

/** Messages with an alert's verdict and buttons, which go when the promotion ends. */
export const WITH_BUTTONS: readonly MessageKind[] = ['alert', 'warned', 'escalation', 'repeat'];

/** SQL: the pages of the alerts' (`a`) groups. */
export const GROUP_PAGES = (alerts: string): string => `
  select g.id from flag_promotions.messages g where g.kind = 'page' and g.subject = any(array(
    select 'group:' || a.group_id from flag_promotions.alerts a where a.group_id is not null and ${alerts}))`;

/** SQL: the root of a promotion's thread: its own alert, else its newest group. */
const ROOT_OF = (promotion: string) => `coalesce(
  (select r.id from flag_promotions.messages r
    where r.kind = 'alert' and r.subject = ${promotion}::text and (r.state = 'posted' or r.attempts > 0)),
  (select max(g.id) from flag_promotions.alerts a join flag_promotions.messages g on g.id = a.group_id
    where a.promotion_id = ${promotion} and g.state = 'posted'))`;

/**
 * Inside a transaction: queues a reply in each promotion's thread, once. `ordinal` tells apart several of a kind.
 * `goesWithRoot`: not repeated with its root. `notBefore`: the earliest time to post.
 */
export async function queueReplies(
  trx: Knex,
  promotionIds: readonly string[],
  kind: MessageKind,
  {
    ordinal = '0',
    isUrgent = false,
    goesWithRoot = false,
    notBefore = null,
  }: { ordinal?: string; isUrgent?: boolean; goesWithRoot?: boolean; notBefore?: Date | null } = {},
): Promise<void> {
  await trx.raw(
    `insert into flag_promotions.messages (kind, subject, ordinal, promotion_id, root_id, is_urgent, goes_with_root, not_before)
     select ?, p.id::text, ?::bigint, p.id, p.root_id, ?, ?, ?::timestamptz
       from (select p.id, ${ROOT_OF('p.id')} as root_id from unnest(?::bigint[]) as p (id)) p
      where p.root_id is not null order by p.id on conflict do nothing`,
    [kind, ordinal, isUrgent, goesWithRoot, notBefore, [...promotionIds]],
  );
}

/**
 * Inside a transaction that changed what messages show: updates those kinds, their groups, and for pages their groups'
 * pages. Locked by id, so that two such transactions can't deadlock.
 */
export async function requestUpdates(
  trx: Knex,
  promotionIds: readonly string[],
  kinds: readonly MessageKind[],
): Promise<void> {
  await trx.raw(
    `with held as (
       select m.id from flag_promotions.messages m
        where m.id = any(array(
          select t.id from flag_promotions.messages t where t.promotion_id = any(?::bigint[]) and t.kind = any(?::text[])
           union all
          select a.group_id from flag_promotions.alerts a where a.promotion_id = any(?::bigint[]) and a.closed_at is null
           ${kinds.includes('page') ? `union all ${GROUP_PAGES('a.promotion_id = any(?::bigint[]) and a.closed_at is null')}` : ''}))
        order by m.id for no key update)
     update flag_promotions.messages m set wanted = m.wanted + 1 from held where m.id = held.id`,
    [[...promotionIds], [...kinds], [...promotionIds], ...(kinds.includes('page') ? [[...promotionIds]] : [])],
  );
}

const SHOWING_DEPLOYED: readonly MessageKind[] = ['progress', 'crashed', 'drifted'];

/**
 * SQL: the messages with buttons about the deployed promotions that the promotions `ids` replace, or no longer replace.
 */
export const OF_REPLACED = (ids: string): string => `
  select m.id from {promotions} e
   cross join lateral (
     select n.id from {promotions} n
      where n.heroku_app = e.heroku_app and {n.state} = 'deployed' and n.id <> e.id
        and ${configVarOf('n')} = ${configVarOf('e')}
      order by n.id desc limit 1) r
   cross join lateral (
     select t.id from flag_promotions.messages t
      where t.promotion_id = r.id and t.kind in (${SHOWING_DEPLOYED.map((kind) => `'${kind}'`).join(', ')})
      union all
     select d.group_id from flag_promotions.drifts d where d.promotion_id = r.id and d.group_id is not null) m
   where e.id = any(${ids})`;

/** Beside a change of promotions (see `changeAudited`): updates the messages of what they replace. */
export const UPDATE_REPLACED: Part = {
  name: 'replaced',
  sql: `update flag_promotions.messages m set wanted = m.wanted + 1
          from (select l.id from flag_promotions.messages l
                 where l.id = any(array(${OF_REPLACED('array(select id from changed)')})) order by l.id for no key update) held
         where m.id = held.id returning 1`,
  values: [],
};

/** Beside a change of promotions (see `changeAudited`): updates their progress messages. */
export const UPDATE_PROGRESS: Part = {
  name: 'progress',
  sql: `update flag_promotions.messages m set wanted = m.wanted + 1 from changed
         where m.kind = 'progress' and m.subject = changed.id::text returning 1`,
  values: [],
};
/** Beside a change that starts promotions: queues their progress messages. */
export const QUEUE_PROGRESS: Part = {
  name: 'progress',
  sql: `insert into flag_promotions.messages (kind, subject, promotion_id, detail)
        select 'progress', id::text, id, jsonb_build_object('flag_key', flag_key, 'heroku_app', heroku_app)
          from changed on conflict do nothing returning 1`,
  values: [],
};
