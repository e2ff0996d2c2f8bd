/**
 * Whether what was deployed runs: owed since a promotion was deployed, checked again at `due_at`, which is also the end
 * of a look's lease. `state` is checked by the code; `report` is what the dynos said last. `is_told`: its message says
 * what was found; false if another one said so before. Its times are those of flag_promotions.clock(). `promotion_id`
 * refers to nothing: the console may delete the row.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.verifications (
      promotion_id bigint primary key,
      heroku_app text not null,
      state text not null default 'owed',
      report jsonb,
      is_told boolean not null default true,
      since timestamptz not null default flag_promotions.clock(),
      answered_since timestamptz,
      due_at timestamptz default flag_promotions.clock(),
      lease_owner text
    );
    create index verifications_due on flag_promotions.verifications (due_at) where due_at is not null;
    create index verifications_forbidden on flag_promotions.verifications (heroku_app) where state = 'forbidden';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.verifications');
}
