import type { MessageKind } from '../../promotions/messages.js';
import type { Kind } from '../kind.js';
import { alert } from './alert.js';
import { completedTogether } from './completed-together.js';
import { confirmEnrolment } from './confirm-enrolment.js';
import { crashed } from './crashed.js';
import { digest } from './digest.js';
import { digestChart } from './digest-chart.js';
import { drill } from './drill.js';
import { drillEnded } from './drill-ended.js';
import { drillPage } from './drill-page.js';
import { drillWebhook } from './drill-webhook.js';
import { enrolmentEnded } from './enrolment-ended.js';
import { driftGroup } from './drift-group.js';
import { drifted } from './drifted.js';
import { escalation } from './escalation.js';
import { group } from './group.js';
import { groupCriticals } from './group-criticals.js';
import { home } from './home.js';
import { linkUsed } from './link-used.js';
import { operatorNoticeKind } from './operator-notice.js';
import { ownerAsked } from './owner-asked.js';
import { ownerLost } from './owner-lost.js';
import { page } from './page.js';
import { progress } from './progress.js';
import { rcaLinked } from './rca-linked.js';
import { rcaReminderReply } from './rca-reminder.js';
import { released } from './released.js';
import { repeat } from './repeat.js';
import { resolved } from './resolved.js';
import { slackPage } from './slack-page.js';
import { snoozeEnded } from './snooze-ended.js';
import { takenOver } from './taken-over.js';
import { verdictChanged } from './verdict-changed.js';
import { warned } from './warned.js';
import { webhook } from './webhook.js';

/** Every kind of message. A declared kind that is missing here doesn't compile. */
export const KINDS = {
  alert,
  completed_together: completedTogether,
  confirm_enrolment: confirmEnrolment,
  crashed,
  digest,
  digest_chart: digestChart,
  drill,
  drill_ended: drillEnded,
  drill_page: drillPage,
  drill_webhook: drillWebhook,
  enrolment_ended: enrolmentEnded,
  drift_group: driftGroup,
  drifted,
  escalation,
  group,
  group_criticals: groupCriticals,
  home,
  link_used: linkUsed,
  operator_notice: operatorNoticeKind,
  owner_asked: ownerAsked,
  owner_lost: ownerLost,
  page,
  progress,
  rca_linked: rcaLinked,
  rca_reminder: rcaReminderReply,
  released,
  repeat,
  resolved,
  slack_page: slackPage,
  snooze_ended: snoozeEnded,
  taken_over: takenOver,
  verdict_changed: verdictChanged,
  warned,
  webhook,
} satisfies Record<MessageKind, Kind>;
