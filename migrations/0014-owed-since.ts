/**
 * Since when a message is owed. Many statements queue, update and deliver it, some of them in older replicas, so the
 * row itself keeps it. Each delivery restarts the wait, so a message that changes all the time isn't overdue.
 */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table flag_promotions.messages add column owed_since timestamptz;

    update flag_promotions.messages set owed_since = flag_promotions.clock()
     where state = 'pending' or (state = 'posted' and wanted > shown);

    create function flag_promotions.note_owed() returns trigger
      language plpgsql set search_path = pg_catalog, pg_temp as $$
      begin
        if not (new.state = 'pending' or (new.state = 'posted' and new.wanted > new.shown)) then
          new.owed_since := null;
        elsif new.owed_since is null or (tg_op = 'UPDATE' and (new.state <> old.state or new.shown > old.shown)) then
          new.owed_since := flag_promotions.clock();
        end if;
        return new;
      end
      $$;

    create trigger messages_owed before insert or update of state, wanted, shown on flag_promotions.messages
      for each row execute function flag_promotions.note_owed();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger messages_owed on flag_promotions.messages;
    drop function flag_promotions.note_owed();
    alter table flag_promotions.messages drop column owed_since;
  `);
}
