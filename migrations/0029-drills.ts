/**
 * Drills: people practise an alert. They have their own table, so that nothing that counts, asks or promotes can take
 * one for a promotion. One at a time. The tick removes ended ones; their audit events stay.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table flag_promotions.drills (
      id bigint generated always as identity primary key,
      started_by text not null,
      started_at timestamptz not null default flag_promotions.clock(),
      pages boolean not null default false,
      acknowledged_by text,
      acknowledged_at timestamptz,
      resolved_by text,
      action text check (action in ('completed', 'failed')),
      ended_at timestamptz,
      end_reason text check (end_reason in ('resolved', 'ended', 'expired'))
    );

    create unique index drills_one_at_a_time on flag_promotions.drills ((true)) where ended_at is null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table flag_promotions.drills');
}
