import * as z from 'zod';
import { isGenuine } from '../audit/event.js';
import type { AuditKeys } from '../audit/keys.js';
import { presentableValue } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { targetOf } from './audit.js';
import { auditWriterOf } from './audit-writer.js';
import type { Knex } from './connection.js';
import { parseRows } from './rows.js';
import { STORED_COLUMNS, storedRow } from './stored-audit.js';

/* What a code authorised is in its event, with a MAC; the row may be changed by whoever writes to the database. */

type Target = Pick<Promotion, 'herokuApp' | 'configVar' | 'targetValue'>;

/** Each may be missing in an older event. */
const targetDetail = z
  .object({
    heroku_app: z.string(),
    config_var: z.string(),
    target: z.object({ kind: z.string(), value: z.string().optional() }),
    target_mac: z.object({ keyId: z.string(), mac: z.string() }),
  })
  .partial();

/** Like `targetOf`; a masked value has a MAC, so that it can be compared without being stored. */
export function authorisedTarget(runner: Knex, target: Target): Readonly<Record<string, unknown>> {
  const { keys } = auditWriterOf(runner);
  const isMasked = presentableValue(target.targetValue).kind === 'masked';
  return { ...targetOf(target), ...(isMasked && keys !== null ? { target_mac: keys.macOf(macText(target)) } : {}) };
}

/**
 * Whether a promotion is still what its code authorised. A row that another system put under way has no such event:
 * it is taken as it stands.
 */
export async function isAsAuthorised(runner: Knex, promotion: Target & Pick<Promotion, 'id'>): Promise<boolean> {
  const { keys } = auditWriterOf(runner);
  const found = await runner.raw(
    `select ${STORED_COLUMNS} from flag_promotions.audit_log e
      where e.promotion_id = ?::bigint and e.action = 'console.flag.promotion.promoted' order by e.id`,
    [promotion.id],
  );
  const events = parseRows(found, storedRow).map((event) => ({
    event,
    genuine: keys === null ? true : isGenuine(keys, event),
  }));
  // One of a key that is gone can't be checked, but says more than nothing.
  const authorised =
    events.findLast(({ genuine }) => genuine === true) ?? events.findLast(({ genuine }) => genuine === null);
  return authorised === undefined || fits(keys, JSON.parse(authorised.event.detail), promotion);
}

function fits(keys: AuditKeys | null, detail: unknown, promotion: Target): boolean {
  const said = targetDetail.parse(detail);
  const shown = presentableValue(promotion.targetValue);
  return (
    (said.heroku_app ?? promotion.herokuApp) === promotion.herokuApp &&
    (said.config_var ?? promotion.configVar) === promotion.configVar &&
    (said.target === undefined ||
      (said.target.kind === shown.kind && said.target.value === (shown.kind === 'plain' ? shown.value : undefined))) &&
    (said.target_mac === undefined || keys?.isMac(macText(promotion), said.target_mac) !== false)
  );
}

function macText({ herokuApp, configVar, targetValue }: Target): string {
  return JSON.stringify(['flag-promotions target v1', herokuApp, configVar, targetValue]);
}
