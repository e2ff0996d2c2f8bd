import type { Database } from '../db/database.js';
import type { Promotion } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import { bare } from '../promotions/typed.js';
import { unknownPromotionWords } from '../views/help.js';
import { whichAlertWords } from '../views/attention.js';
import { terminalText } from '../views/terminal.js';
import { type Reply, refused } from './reply.js';

/** How many are named when one has to be chosen. */
const NAMED = 10;

/** By id, or by flag key: the newest promotion of that flag. */
export async function findAny(db: Database, typed: string, now: Date): Promise<Promotion | Reply> {
  const reference = bare(typed);
  const byId = isRowId(reference) ? await db.promotions.find(reference) : null;
  return byId ?? (await db.promotions.newestOf(reference)) ?? unknown(reference, now);
}

/** By id, or by flag key if one promotion of that flag is deploying; if several are, it asks for the id. */
export async function findDeploying(db: Database, typed: string, now: Date): Promise<Promotion | Reply> {
  const reference = bare(typed);
  const byId = isRowId(reference) ? await db.promotions.find(reference) : null;
  if (byId !== null) return byId;
  const deploying = await db.promotions.deployingOf(reference, NAMED);
  if (deploying.length > 1) {
    return refused('several_promotions', terminalText(whichAlertWords(reference, deploying), now));
  }
  return deploying[0] ?? (await db.promotions.newestOf(reference)) ?? unknown(reference, now);
}

function unknown(reference: string, now: Date): Reply {
  return refused('unknown_promotion', terminalText(unknownPromotionWords(reference), now));
}

export function isReply(found: Promotion | Reply): found is Reply {
  return 'isDone' in found;
}
