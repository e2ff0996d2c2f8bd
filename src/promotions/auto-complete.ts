import type { Evidence } from './evidence.js';
import { parseCheckpoint } from './promoting.js';
import { isDeploying, type Promotion } from './promotion.js';

/** Whether only another system could finish it: our promoter takes up only rows with a checkpoint of ours. */
export function isExternal(promotion: Pick<Promotion, 'state' | 'checkpoint'>): boolean {
  const { kind } = parseCheckpoint(promotion.checkpoint);
  return isDeploying(promotion) && (kind === 'none' || kind === 'external');
}

/**
 * Whether another system's stuck row is proven deployed: live by a succeeded release made after the promotion began.
 * What was live before proves nothing.
 */
export function isProvenLive(promotion: Pick<Promotion, 'promotedAt'>, evidence: Evidence): boolean {
  if (evidence.kind !== 'read' || evidence.verdict !== 'live') return false;
  const { release } = evidence;
  const { promotedAt } = promotion;
  if (release === undefined || promotedAt === null || release.orEarlier || release.status !== 'succeeded') return false;
  return release.createdAt.getTime() > promotedAt.getTime();
}
