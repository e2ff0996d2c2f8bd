export interface AuditWords {
  /** In a promotion's history. */
  readonly words: string;
  /** In an RCA's timeline, in Markdown, if it needs more words there. */
  readonly rca?: string;
  readonly ends?: true;
}

export type AuditTable = Readonly<
  Record<`console.flag.${'promotion' | 'operator' | 'workspace' | 'drill'}.${string}`, AuditWords>
>;

/**
 * Every audit action; the first two are the console's own. An action that isn't here can be read, never written:
 * another version or system wrote it.
 */
export const AUDIT_ACTIONS = {
  'console.flag.promotion.ops_complete': {
    words: 'marked completed',
    rca: 'marked completed, state set to `deployed`',
    ends: true,
  },
  'console.flag.promotion.ops_failed': {
    words: 'marked failed',
    rca: 'marked failed, state set to `failed`',
    ends: true,
  },
  'console.flag.promotion.marked': { words: 'marked', rca: 'marked for promotion' },
  'console.flag.promotion.promoted': { words: 'promoted' },
  'console.flag.promotion.cancelled': { words: 'cancelled', rca: 'state set to `cancelled`', ends: true },
  'console.flag.promotion.stuck_notice': { words: 'alert: notice', rca: 'proven not to end by itself' },
  'console.flag.promotion.stuck_warning': { words: 'alert: warning', rca: 'past the warning threshold' },
  'console.flag.promotion.stuck_critical': { words: 'alert: critical', rca: 'past the critical threshold' },
  'console.flag.promotion.heroku_patching': {
    words: 'about to set it on Heroku',
    rca: 'about to ask Heroku for the change',
  },
  'console.flag.promotion.heroku_unchanged': { words: 'not set on Heroku', rca: 'noted that Heroku changed nothing' },
  'console.flag.promotion.heroku_patched': { words: 'on Heroku', rca: 'noted that Heroku took the change' },
  'console.flag.promotion.deployed': { words: 'deployed', rca: 'state set to `deployed`', ends: true },
  'console.flag.promotion.failed': { words: 'failed', rca: 'state set to `failed`', ends: true },
  'console.flag.promotion.recovered': {
    words: 'auto-completed',
    rca: 'auto-completed on Heroku’s proof',
    ends: true,
  },
  'console.flag.promotion.running': { words: 'runs', rca: 'found running' },
  'console.flag.promotion.crashed': { words: 'doesn’t run', rca: 'found crashed, or not up in time' },
  'console.flag.promotion.drifted': { words: 'changed on Heroku since', rca: 'found changed on Heroku' },
  'console.flag.promotion.drift_accepted': { words: 'change accepted', rca: 'the change on Heroku accepted' },
  'console.flag.promotion.reverted': { words: 'reverted', rca: 'reverted by a new promotion' },
  'console.flag.promotion.set_again': { words: 'set again', rca: 'set again by a new promotion' },
  'console.flag.promotion.rca_linked': { words: 'RCA linked' },
  'console.flag.promotion.taken': { words: 'acknowledged' },
  'console.flag.promotion.owner_confirmed': { words: 'still on it', rca: 'confirmed to be on it' },
  'console.flag.promotion.handed_over': { words: 'released' },
  'console.flag.promotion.owner_asked': { words: 'owner asked', rca: 'the owner asked whether they are still on it' },
  'console.flag.promotion.owner_lost': { words: 'owner lost', rca: 'the owner taken off' },
  'console.flag.promotion.snoozed': { words: 'snoozed' },
  'console.flag.promotion.snooze_ended': { words: 'snooze ended' },
  'console.flag.promotion.verdict_changed': {
    words: 'verdict changed',
    rca: 'Heroku says something else than before',
  },
  'console.flag.promotion.vanished': {
    words: 'deleted by another system',
    rca: 'the row was deleted by another system',
    ends: true,
  },
  'console.flag.promotion.state_unknown': {
    words: 'state unknown',
    rca: 'set by another system to a state that this app does not know',
    ends: true,
  },
  'console.flag.promotion.totp_rejected': { words: 'code refused', rca: 'TOTP code refused' },
  'console.flag.promotion.denied': { words: 'refused', rca: 'refused: their role does not allow it' },
  'console.flag.promotion.denied_again': { words: 'refusals, total' },
  'console.flag.operator.added': { words: 'operator invited' },
  'console.flag.operator.activated': { words: 'operator activated' },
  'console.flag.operator.rotation_started': { words: 'new secret asked for' },
  'console.flag.operator.rotated': { words: 'secret replaced' },
  'console.flag.operator.reset': { words: 'operator reset' },
  'console.flag.operator.first_code': { words: 'first code accepted' },
  'console.flag.operator.enrolment_declined': { words: 'enrolment declined' },
  'console.flag.operator.wrong_word': { words: 'wrong word' },
  'console.flag.operator.enrolment_locked': { words: 'enrolment locked' },
  'console.flag.operator.enrolment_expired': { words: 'enrolment expired' },
  'console.flag.operator.disabled': { words: 'operator disabled' },
  'console.flag.operator.forgotten': { words: 'operator forgotten' },
  'console.flag.operator.unlocked': { words: 'operator unlocked' },
  'console.flag.operator.resealed': { words: 'secrets sealed with the new key' },
  'console.flag.workspace.moved': { words: 'moved to another Slack workspace' },
  'console.flag.drill.started': { words: 'drill started' },
  'console.flag.drill.acknowledged': { words: 'drill acknowledged' },
  'console.flag.drill.resolved': { words: 'drill resolved' },
  'console.flag.drill.ended': { words: 'drill ended' },
  'console.flag.drill.expired': { words: 'drill expired' },
  'console.flag.operator.recovery_code_used': { words: 'by a recovery code', rca: 'recovery code used' },
} as const satisfies AuditTable;

export type AuditAction = keyof typeof AUDIT_ACTIONS;

/** null: this version doesn't know the action. */
export function auditWords(action: string): AuditWords | null {
  return isKnown(action) ? AUDIT_ACTIONS[action] : null;
}

function isKnown(action: string): action is AuditAction {
  return Object.hasOwn(AUDIT_ACTIONS, action);
}

/** Actions by which a person or this app ends a promotion. */
export const ENDINGS = [
  'console.flag.promotion.ops_complete',
  'console.flag.promotion.ops_failed',
  'console.flag.promotion.cancelled',
  'console.flag.promotion.deployed',
  'console.flag.promotion.failed',
  'console.flag.promotion.recovered',
] as const satisfies readonly AuditAction[];
