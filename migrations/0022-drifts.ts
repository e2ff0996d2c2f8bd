/**
 * Whether what was deployed still holds on Heroku. `drift_looks`: by Heroku app, when it is asked next, and the newest
 * release seen; the row without a name is for the search for apps. `drifts`: changes found, each promotion's last;
 * `seq` counts them. `release_id` is the release at which the value was read, so that it can be compared without being
 * stored. `is_told`: its message is queued, for `told_seq`; `is_first`: found by the first look at its app, which may
 * find years of them. `group_id` names the message that groups several. Its times are those of flag_promotions.clock().
 * `promotion_id` refers to nothing: the console may delete the row.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.drift_looks (
      heroku_app text primary key,
      due_at timestamptz not null,
      lease_owner text,
      seen_release integer
    );
    create index drift_looks_due on flag_promotions.drift_looks (due_at);

    create table flag_promotions.drifts (
      promotion_id bigint primary key,
      heroku_app text not null,
      state text not null default 'open',
      seq integer not null default 1,
      value jsonb not null,
      release_id text not null,
      change jsonb,
      accepted_by text,
      is_told boolean not null default false,
      told_seq integer,
      is_first boolean not null default false,
      group_id bigint references flag_promotions.messages (id) on delete set null,
      found_at timestamptz not null default flag_promotions.clock()
    );
    create index drifts_untold on flag_promotions.drifts (promotion_id) where not is_told;
    create index drifts_group on flag_promotions.drifts (group_id) where group_id is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.drifts; drop table flag_promotions.drift_looks');
}
