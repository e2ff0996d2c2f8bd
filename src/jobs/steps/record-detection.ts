import type { Database } from '../../db/database.js';
import type { DetectionAction } from '../../promotions/detection.js';

/** `at`: by the database's clock. */
export async function recordDetection(
  db: Pick<Database, 'alerts' | 'groups'>,
  action: DetectionAction,
  at: Date,
): Promise<unknown> {
  switch (action.kind) {
    case 'open_alert':
      return db.alerts.open(action, at, action.notBefore ?? null);
    case 'open_grouped_alerts':
      return db.groups.open(action, at);
    case 'repeat_critical':
      return db.alerts.repeat(action.promotionId, action.ordinal);
    case 'close_alerts':
      return db.alerts.close(...action.promotionIds);
  }
}
