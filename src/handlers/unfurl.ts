import { permalinkedId } from '../promotions/permalink.js';
import type { Unfurl } from '../views/blocks.js';
import { promotionUnfurl } from '../views/unfurl.js';
import type { HandlerDependencies } from './dependencies.js';
import { unpackLinksShared } from './unpack.js';

/** More links than this are in a message only by mistake. */
const MOST_LINKS = 10;

/**
 * Shows the state of promotions linked in a message. Not in channels shared with other workspaces, except the alert
 * channel, which shows promotions anyway. A draft shows nothing: its preview would be posted with it, perhaps to people
 * of other workspaces.
 */
export async function unfurlPromotions(deps: HandlerDependencies, body: unknown): Promise<void> {
  const { publicUrl } = deps;
  const shared = unpackLinksShared(body);
  if (publicUrl === null || shared.isDraft || (shared.isShared && shared.channel !== deps.alertChannel)) return;
  const { teamId } = await deps.slack.identity();
  if (shared.teamId !== teamId && shared.organizationId !== teamId) return;
  const unfurls: Record<string, Unfurl> = {};
  for (const url of shared.urls.slice(0, MOST_LINKS)) {
    const id = permalinkedId(publicUrl, url);
    const promotion = id === null ? null : await deps.db.promotions.find(id);
    if (promotion !== null) unfurls[url] = promotionUnfurl(promotion, deps.now());
  }
  if (Object.keys(unfurls).length > 0) await deps.slack.unfurl({ channel: shared.channel, ts: shared.ts }, unfurls);
}
