import type { AttentionAction } from '../promotions/attention.js';
import type { DetectionAction } from '../promotions/detection.js';
import type { NameCriticals } from '../promotions/group.js';
import type { RcaDebtAction } from '../promotions/rca-debt.js';

/** Everything that a tick may decide to do. */
export type MaintenanceAction =
  | DetectionAction
  | AttentionAction
  | NameCriticals
  | RcaDebtAction
  /** Ask Heroku again about the alerted promotions of an app. */
  | { readonly kind: 'refresh_evidence'; readonly herokuApp: string; readonly promotionIds: readonly string[] }
  | { readonly kind: 'queue_digest'; readonly due: string; readonly dueAt: Date }
  | { readonly kind: 'deliver'; readonly messageId: string }
  /** Ask Heroku about another system's row, and complete it where it is proven live. */
  | { readonly kind: 'auto_complete'; readonly promotionId: string }
  | { readonly kind: 'prune'; readonly promotionId: string }
  | { readonly kind: 'prune_message'; readonly messageId: string }
  /** Requests of Slack's that can't come again. */
  | { readonly kind: 'forget_requests' };
