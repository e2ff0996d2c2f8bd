import type { Evidence } from './evidence.js';
import { parseCheckpoint } from './promoting.js';
import { isDeploying, type Promotion } from './promotion.js';

/** Whether a promotion is one that only its own system could finish: the promoter takes up what carries a checkpoint. */
export function isExternal(promotion: Pick<Promotion, 'state' | 'checkpoint'>): boolean {
  const { kind } = parseCheckpoint(promotion.checkpoint);
  return isDeploying(promotion) && (kind === 'none' || kind === 'external');
}

/**
 * Whether what Heroku says is proof enough to commit another system's stuck row: its value is live by a release that
 * succeeded and was made after the promotion began. A value that was there before proves nothing about it.
 */
export function isProvenLive(promotion: Pick<Promotion, 'promotedAt'>, evidence: Evidence): boolean {
  if (evidence.kind !== 'read' || evidence.verdict !== 'live') return false;
  const { release } = evidence;
  const { promotedAt } = promotion;
  if (release === undefined || promotedAt === null || release.orEarlier || release.status !== 'succeeded') return false;
  return release.createdAt.getTime() > promotedAt.getTime();
}
