/**
 * A promotion that turned critical wants an RCA. Its thread is reminded once, some days after the end: a reply of a kind
 * of its own, and a mark on the critical that says that nothing more is to be decided about it, with an index over those
 * that lack it. What ended longer ago than people are given is marked at once: an upgrade must not wake old threads.
 */
import type { Knex } from 'knex';

const KIND = 'rca_reminder';
const KINDS = 'flag_promotion_replies_kind_check';

export async function up(knex: Knex): Promise<void> {
  await allowReplyKinds(knex, [...(await replyKindsAllowed(knex)), KIND]);
  await knex.raw(`
    alter table flag_promotion_alerts add column rca_settled boolean not null default false;
    update flag_promotion_alerts set rca_settled = true where state = 'closed' and updated_at < now() - interval '3 days';
    create index flag_promotion_alerts_rca on flag_promotion_alerts (id)
      where severity = 'critical' and state = 'closed' and not rca_settled;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from flag_promotion_replies where kind = '${KIND}';
    drop index flag_promotion_alerts_rca;
    alter table flag_promotion_alerts drop column rca_settled;
  `);
  await allowReplyKinds(
    knex,
    (await replyKindsAllowed(knex)).filter((kind) => kind !== KIND),
  );
}

/** The kinds of replies as the table has them: other steps may have added some of their own. */
export async function replyKindsAllowed(knex: Knex): Promise<readonly string[]> {
  const { rows } = await knex.raw(
    `select (regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g'))[1] as kind
       from pg_constraint where conname = '${KINDS}' and conrelid = 'flag_promotion_replies'::regclass`,
  );
  return rows.map(({ kind }: { kind: string }) => kind);
}

export async function allowReplyKinds(knex: Knex, kinds: readonly string[]): Promise<void> {
  const list = kinds.map((kind) => `'${kind}'`).join(', ');
  await knex.raw(`
    alter table flag_promotion_replies drop constraint ${KINDS};
    alter table flag_promotion_replies add constraint ${KINDS} check (kind in (${list}));
  `);
}
