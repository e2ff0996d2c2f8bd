import * as z from 'zod';
import { appendAuditEvent } from './audit.js';
import type { Knex } from './connection.js';
import { type Doer, lockAdministration } from './operators.js';
import { PAGE_KEY_BOUND_TO } from '../promotions/page.js';
import { SEALED_VALUE } from '../promotions/set-back.js';
import { IS_OPEN_PAGE } from './paging.js';
import { idColumn, parseRows, rowCount } from './rows.js';
import { boundTo } from './sealed-values.js';

/** Seals with the first key what former keys sealed. */
interface Resealer {
  /** The id of the key that seals. */
  readonly keyId: string;
  /**
   * The secret sealed again (null: it already says the first key), and the id of the key that opened it; null if none
   * does. `to`: what it is bound to, such as an operator's id.
   */
  reseal(sealed: string, to: string): { readonly sealed: string | null; readonly keyId: string } | null;
  /** Null where the hash doesn't say. */
  keyIdOf(codeHash: string): string | null;
}

interface Resealed {
  readonly slackUserId: string;
  /** `shut`: no key opens it. */
  readonly secret: 'resealed' | 'as_it_was' | 'shut';
  /** The former key of their unused recovery codes, and how many are left; null: they need no new ones. */
  readonly formerCodes: { readonly keyId: string; readonly left: number } | null;
}

/** How many were sealed again, and how many no key opens. */
interface ResealedRows {
  readonly resealed: number;
  readonly shut: number;
}

export interface Resealing {
  /** Seals all secrets with the first key, in one transaction with one audit event if any changed. */
  reseal(resealer: Resealer, by: Doer): Promise<readonly Resealed[]>;
  /** The same for Heroku's previous values, in a transaction per ROWS_AT_ONCE: run it again after a kill. */
  resealValues(resealer: Resealer, by: Doer): Promise<ResealedRows>;
  /** The same for the routing keys of open pages, in one transaction. */
  resealPages(resealer: Resealer, by: Doer): Promise<ResealedRows>;
}

/** Keeps each statement short, however many rows there are. */
const ROWS_AT_ONCE = 50_000;

const operatorRow = z
  .object({ slack_user_id: z.string(), totp_secret_encrypted: z.string() })
  .transform((row) => ({ slackUserId: row.slack_user_id, sealed: row.totp_secret_encrypted }));
const enrolmentRow = z
  .object({ id: z.coerce.string(), slack_user_id: z.string(), totp_secret_encrypted: z.string() })
  .transform((row) => ({ id: row.id, slackUserId: row.slack_user_id, sealed: row.totp_secret_encrypted }));
const codeRow = z.object({ code_hash: z.string() });

export function resealing(knex: Knex): Resealing {
  return {
    reseal: (resealer, by) =>
      knex.transaction(async (trx) => {
        await lockAdministration(trx);
        const found = await trx.raw(
          // A disabled operator only returns with a new secret.
          'select slack_user_id, totp_secret_encrypted from flag_promotions.operators where disabled_at is null order by 1 for update',
        );
        const resealed: Resealed[] = [];
        for (const operator of parseRows(found, operatorRow)) {
          resealed.push(await resealOperator(trx, resealer, operator));
        }
        const links = await resealLinks(trx, resealer);
        const secrets = resealed.filter(({ secret }) => secret === 'resealed').length;
        if (secrets + links > 0) await recordResealed(trx, resealer, by, { secrets, links });
        return resealed;
      }),

    async resealValues(resealer, by) {
      let total: ResealedRows = { resealed: 0, shut: 0 };
      for (let after: string | null = null; ; ) {
        const slice = await knex.transaction((trx) => resealSlice(trx, resealer, by, after));
        total = { resealed: total.resealed + slice.resealed, shut: total.shut + slice.shut };
        if (slice.through === null) return total;
        after = slice.through;
      }
    },

    resealPages: (resealer, by) => knex.transaction((trx) => resealPages(trx, resealer, by)),
  };
}

const pageRow = z.object({ id: idColumn, channel: z.string() });
const sliceRow = z.object({ through: idColumn.nullable(), id: idColumn.nullable(), sealed: z.string().nullable() });

async function resealSlice(
  trx: Knex.Transaction,
  resealer: Resealer,
  by: Doer,
  after: string | null,
): Promise<ResealedRows & { readonly through: string | null }> {
  // Not named previous_value: the pool would open it.
  const found = await trx.raw(
    `with slice as materialized (
       select p.id::bigint as id, p.previous_value::text as sealed from {promotions} p
        where ?::bigint is null or p.id > ?::bigint order by p.id limit ${ROWS_AT_ONCE})
     select (select max(id) from slice) as through, s.id, s.sealed
       from (values (1)) as one left join slice s on starts_with(s.sealed, ?)`,
    [after, after, SEALED_VALUE],
  );
  const rows = parseRows(found, sliceRow);
  let [resealed, shut] = [0, 0];
  for (const { id, sealed } of rows) {
    if (id === null || sealed === null) continue;
    const anew = resealer.reseal(sealed.slice(SEALED_VALUE.length), boundTo(id));
    if (anew === null) shut += 1;
    if (anew?.sealed == null) continue;
    // If somebody changed the row meanwhile, they sealed their value themselves.
    const changed = await trx.raw(
      'update {promotions} p set previous_value = ? where p.id = ?::bigint and p.previous_value = ? returning 1',
      [`${SEALED_VALUE}${anew.sealed}`, id, sealed],
    );
    resealed += rowCount(changed);
  }
  if (resealed > 0) await recordResealed(trx, resealer, by, { values: resealed });
  return { resealed, shut, through: rows[0]?.through ?? null };
}

async function resealPages(trx: Knex.Transaction, resealer: Resealer, by: Doer): Promise<ResealedRows> {
  const found = await trx.raw(
    `select id, channel from flag_promotions.messages where ${IS_OPEN_PAGE} order by id for no key update`,
  );
  let [resealed, shut] = [0, 0];
  for (const { id, channel } of parseRows(found, pageRow)) {
    const anew = resealer.reseal(channel, PAGE_KEY_BOUND_TO);
    if (anew === null) shut += 1;
    if (anew?.sealed == null) continue;
    await trx.raw('update flag_promotions.messages set channel = ? where id = ?::bigint', [anew.sealed, id]);
    resealed += 1;
  }
  if (resealed > 0) await recordResealed(trx, resealer, by, { pages: resealed });
  return { resealed, shut };
}

async function recordResealed(
  trx: Knex.Transaction,
  { keyId }: Resealer,
  by: Doer,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  await appendAuditEvent(trx, {
    ...by,
    action: 'console.flag.operator.resealed',
    promotionId: null,
    detail: { key: keyId, ...counts },
  });
}

async function resealOperator(
  trx: Knex.Transaction,
  resealer: Resealer,
  { slackUserId, sealed }: z.output<typeof operatorRow>,
): Promise<Resealed> {
  const anew = resealer.reseal(sealed, slackUserId);
  // An earlier version hashed recovery codes with the secret's key without recording which. Record it now.
  if (anew !== null) {
    await trx.raw(
      `update flag_promotions.recovery_codes set code_hash = ? || '.' || code_hash
        where slack_user_id = ? and code_hash not like '%.%'`,
      [anew.keyId, slackUserId],
    );
  }
  const rewritten = anew?.sealed ?? null;
  if (rewritten !== null) {
    await trx.raw(
      'update flag_promotions.operators set totp_secret_encrypted = ?, updated_at = now() where slack_user_id = ?',
      [rewritten, slackUserId],
    );
  }
  return {
    slackUserId,
    secret: anew === null ? 'shut' : rewritten === null ? 'as_it_was' : 'resealed',
    formerCodes: await formerCodesOf(trx, resealer, slackUserId),
  };
}

async function formerCodesOf(
  trx: Knex.Transaction,
  { keyId, keyIdOf }: Resealer,
  slackUserId: string,
): Promise<Resealed['formerCodes']> {
  const found = await trx.raw(
    'select code_hash from flag_promotions.recovery_codes where slack_user_id = ? and used_at is null',
    [slackUserId],
  );
  const former = parseRows(found, codeRow).filter(({ code_hash: hash }) => keyIdOf(hash) !== keyId);
  const [first] = former;
  return first === undefined ? null : { keyId: keyIdOf(first.code_hash) ?? 'unknown', left: former.length };
}

/** Reseals open links' secrets; answers how many. */
async function resealLinks(trx: Knex.Transaction, resealer: Resealer): Promise<number> {
  const found = await trx.raw(
    `select id, slack_user_id, totp_secret_encrypted from flag_promotions.enrolments
      where totp_secret_encrypted is not null order by id for update`,
  );
  let links = 0;
  for (const { id, slackUserId, sealed } of parseRows(found, enrolmentRow)) {
    const anew = resealer.reseal(sealed, slackUserId);
    if (anew?.sealed == null) continue;
    await trx.raw('update flag_promotions.enrolments set totp_secret_encrypted = ? where id = ?::bigint', [
      anew.sealed,
      id,
    ]);
    links += 1;
  }
  return links;
}
