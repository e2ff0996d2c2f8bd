import { type Evidence, evidenceChanged } from './evidence.js';

/** What may change between the form and its code: Heroku's answer, or the row, by another writer. */
export type ChangedSince = 'evidence' | 'row';

/**
 * A code authorises only what was shown with it. Why to show the form again; null: go ahead. `unseen`: it had nothing
 * from Heroku yet. `reread` null: Heroku isn't asked.
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
