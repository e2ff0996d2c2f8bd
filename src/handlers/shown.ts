import { type Evidence, evidenceChanged } from '../promotions/evidence.js';
import type { ChangedSince } from '../views/authority.js';

/**
 * A code authorises what its form showed. Why that form is shown again rather than acted on; null where it stands. `unseen`:
 * it said nothing of Heroku yet. `reread` is null where Heroku is not asked.
 */
export function whyShowAgain(
  isAsShown: boolean,
  shown: Evidence | null,
  reread: Evidence | null,
): ChangedSince | 'unseen' | null {
  if (!isAsShown) return 'row';
  if (reread === null) return null;
  if (shown === null) return 'unseen';
  return evidenceChanged(shown, reread) ? 'evidence' : null;
}
