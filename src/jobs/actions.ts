import type { AttentionAction } from '../promotions/attention.js';
import type { DetectionAction } from '../promotions/detection.js';
import type { DriftTelling } from '../promotions/drift.js';
import type { NameCriticals } from '../promotions/group.js';
import type { PageToQueue } from '../promotions/page.js';
import type { RcaDebtAction } from '../promotions/rca-debt.js';
import type { WebhookToQueue } from '../promotions/webhook.js';

export type MaintenanceAction =
  | DetectionAction
  | AttentionAction
  | NameCriticals
  | RcaDebtAction
  /** Ask Heroku about promotions without an alert, some apps at once. */
  | { readonly kind: 'look'; readonly apps: readonly { readonly herokuApp: string; readonly newest: Date }[] }
  /** Ask Heroku again about an app's alerted promotions. */
  | { readonly kind: 'refresh_evidence'; readonly herokuApp: string; readonly promotionIds: readonly string[] }
  /** Compare what is deployed on an app with Heroku. */
  | { readonly kind: 'look_for_drift'; readonly herokuApp: string }
  | { readonly kind: 'find_deployed_apps' }
  | DriftTelling
  /** Check whether what was deployed on an app runs. */
  | { readonly kind: 'verify'; readonly herokuApp: string; readonly promotionIds: readonly string[] }
  | { readonly kind: 'queue_digest'; readonly due: string; readonly dueAt: Date }
  | { readonly kind: 'deliver'; readonly messageId: string }
  /** To the pager or the webhook; several at once. */
  | { readonly kind: 'deliver_outside'; readonly messageIds: readonly string[] }
  | PageAction
  | { readonly kind: 'queue_webhook'; readonly webhook: WebhookToQueue }
  /** Ask Heroku about another system's row, and complete it if proven live. */
  | { readonly kind: 'auto_complete'; readonly promotionId: string }
  | { readonly kind: 'prune'; readonly promotionId: string }
  | { readonly kind: 'prune_message'; readonly messageId: string }
  /** Nothing waits until the database's clock, which was set back, reaches an earlier time again. */
  | { readonly kind: 'shorten_waits' }
  | { readonly kind: 'expire_drill' }
  | { readonly kind: 'clear_drills' }
  /** Audit how many refusals there were in past hours. */
  | { readonly kind: 'count_denials' }
  /** Seal what no replica has: its writer was killed, or was the command line. */
  | { readonly kind: 'seal' }
  /** Send the seals that the witness of the audit log lacks. */
  | { readonly kind: 'send_seals' }
  /** Forget Slack requests that can't be sent again. */
  | { readonly kind: 'forget_requests' }
  /** End expired enrolment links, and delete their secrets. */
  | { readonly kind: 'end_links' };

export type PageAction =
  | ({ readonly kind: 'queue_page' } & PageToQueue)
  /** Slack has taken no alert for too long. */
  | { readonly kind: 'page_slack_silent' }
  /** Slack takes alerts again. */
  | { readonly kind: 'end_slack_page' }
  /** A process was killed before the alert could show whether its page was delivered. */
  | { readonly kind: 'tell_undelivered'; readonly messageId: string };
