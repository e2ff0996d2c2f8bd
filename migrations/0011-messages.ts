/**
 * The outbox: every message that goes out, whatever its kind. A row is queued in the transaction of what it announces, leased
 * by whoever delivers it, and found again in Slack by its key in the message's metadata.
 *
 * `kind` is checked by the code, not here: adding a kind takes no migration. `channel` is written before anything is sent.
 * `wanted` counts the requests to update it, `shown` is the last of them that Slack shows. `detail` is what only this message
 * knows. `promotion_id` refers to nothing: if the console deletes a promotion, its messages have to say so. Its times are written and read by flag_promotions.clock(), but for `created_at`: it is compared with Slack's own.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.messages (
      id bigint generated always as identity primary key,
      kind text not null,
      subject text not null,
      ordinal bigint not null default 0,
      promotion_id bigint,
      root_id bigint references flag_promotions.messages (id) on delete cascade,
      goes_with_root boolean not null default false,
      is_urgent boolean not null default false,
      state text not null default 'pending' check (state in ('pending', 'posted', 'closed')),
      channel text,
      message_ts text,
      refused_channel text,
      refused_because text,
      wanted integer not null default 0,
      shown integer not null default 0,
      shown_as text,
      detail jsonb not null default '{}',
      not_before timestamptz,
      lease_owner text,
      lease_until timestamptz,
      attempts integer not null default 0,
      next_attempt_at timestamptz,
      last_error text,
      posted_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default flag_promotions.clock(),
      unique (kind, subject, ordinal)
    );
    create index messages_due on flag_promotions.messages (id)
      where state = 'pending' or (state = 'posted' and wanted > shown);
    create index messages_promotion on flag_promotions.messages (promotion_id) where promotion_id is not null;
    create index messages_root on flag_promotions.messages (root_id) where root_id is not null;
    create index messages_place on flag_promotions.messages (channel, message_ts) where message_ts is not null;
    create index messages_alerts on flag_promotions.messages (posted_at) where kind = 'alert' and state = 'posted';
    create index messages_under_way on flag_promotions.messages (promotion_id)
      where kind = 'progress' and state = 'posted' and shown_as = 'deploying';
    create index messages_rested on flag_promotions.messages (updated_at);
    create index messages_unused on flag_promotions.messages (updated_at) where promotion_id is null and root_id is null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.messages');
}
