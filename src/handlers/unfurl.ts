import { permalinkedId } from '../promotions/permalink.js';
import type { Unfurl } from '../views/blocks.js';
import { promotionUnfurl } from '../views/unfurl.js';
import type { HandlerDependencies } from './dependencies.js';
import { unpackLinksShared } from './unpack.js';

/** A message holds more links than that only by mistake. */
const MOST_LINKS = 10;

/**
 * Somebody posted links to promotions: shows the state of each under the message. Not in a channel that people of other
 * workspaces read, other than the one that tells them of promotions anyway.
 */
export async function unfurlPromotions(deps: HandlerDependencies, body: unknown): Promise<void> {
  const { publicUrl } = deps;
  const shared = unpackLinksShared(body);
  if (publicUrl === null || (shared.isShared && shared.channel !== deps.alertChannel)) return;
  const { teamId } = await deps.slack.identity();
  if (shared.teamId !== teamId) return;
  const unfurls: Record<string, Unfurl> = {};
  for (const url of shared.urls.slice(0, MOST_LINKS)) {
    const id = permalinkedId(publicUrl, url);
    const promotion = id === null ? null : await deps.db.promotions.find(id);
    if (promotion !== null) unfurls[url] = promotionUnfurl(promotion, deps.now());
  }
  if (Object.keys(unfurls).length > 0) await deps.slack.unfurl({ channel: shared.channel, ts: shared.ts }, unfurls);
}
