import type { MessageKind } from '../../promotions/messages.js';
import type { Kind } from '../kind.js';
import { alert } from './alert.js';
import { confirmEnrolment } from './confirm-enrolment.js';
import { digest } from './digest.js';
import { digestChart } from './digest-chart.js';
import { enrolmentEnded } from './enrolment-ended.js';
import { escalation } from './escalation.js';
import { group } from './group.js';
import { groupCriticals } from './group-criticals.js';
import { home } from './home.js';
import { ownerAsked } from './owner-asked.js';
import { ownerLost } from './owner-lost.js';
import { progress } from './progress.js';
import { rcaLinked } from './rca-linked.js';
import { rcaReminderReply } from './rca-reminder.js';
import { released } from './released.js';
import { repeat } from './repeat.js';
import { resolved } from './resolved.js';
import { snoozeEnded } from './snooze-ended.js';
import { takenOver } from './taken-over.js';
import { verdictChanged } from './verdict-changed.js';

/** Every kind of message. A kind that declares itself and is missing here doesn't compile. */
export const KINDS = {
  alert,
  confirm_enrolment: confirmEnrolment,
  digest,
  digest_chart: digestChart,
  enrolment_ended: enrolmentEnded,
  escalation,
  group,
  group_criticals: groupCriticals,
  home,
  owner_asked: ownerAsked,
  owner_lost: ownerLost,
  progress,
  rca_linked: rcaLinked,
  rca_reminder: rcaReminderReply,
  released,
  repeat,
  resolved,
  snooze_ended: snoozeEnded,
  taken_over: takenOver,
  verdict_changed: verdictChanged,
} satisfies Record<MessageKind, Kind>;
