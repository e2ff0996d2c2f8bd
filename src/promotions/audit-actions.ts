/** What an audit action says to people. */
export interface AuditWords {
  /** In a promotion's history. */
  readonly words: string;
  /** In the timeline of an RCA, in Markdown, if it takes more words there. */
  readonly rca?: string;
  /** The promotion has ended by it. */
  readonly ends?: true;
}

/** Words by audit action. Every key carries the console’s prefix. */
export type AuditTable = Readonly<
  Record<`console.flag.${'promotion' | 'operator' | 'workspace'}.${string}`, AuditWords>
>;

/**
 * Every action of the audit log, with its words. The first two are the console's own names for a person's resolution.
 * An action that is not here can't be written, only read: another version or another system wrote it.
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
  'console.flag.promotion.recovered': { words: 'recovered', rca: 'state set by the app itself', ends: true },
  'console.flag.promotion.rca_linked': { words: 'RCA linked' },
  'console.flag.promotion.taken': { words: 'taken', rca: 'taken as theirs' },
  'console.flag.promotion.owner_confirmed': { words: 'still on it', rca: 'confirmed to be on it' },
  'console.flag.promotion.handed_over': { words: 'handed over' },
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
  'console.flag.promotion.denied': { words: 'refused', rca: 'refused for want of a role' },
  'console.flag.operator.added': { words: 'operator invited' },
  'console.flag.operator.activated': { words: 'operator activated' },
  'console.flag.operator.rotation_started': { words: 'new secret asked for' },
  'console.flag.operator.rotated': { words: 'secret replaced' },
  'console.flag.operator.reset': { words: 'operator reset' },
  'console.flag.operator.first_code': { words: 'first code accepted' },
  'console.flag.operator.enrolment_declined': { words: 'enrolment declined' },
  'console.flag.operator.enrolment_locked': { words: 'enrolment locked' },
  'console.flag.operator.disabled': { words: 'operator disabled' },
  'console.flag.operator.forgotten': { words: 'operator forgotten' },
  'console.flag.operator.unlocked': { words: 'operator unlocked' },
  'console.flag.workspace.moved': { words: 'moved to another Slack workspace' },
  'console.flag.operator.recovery_code_used': { words: 'by a recovery code', rca: 'recovery code used' },
} as const satisfies AuditTable;

export type AuditAction = keyof typeof AUDIT_ACTIONS;

/** What a recorded action says; null for one that this version doesn't know. */
export function auditWords(action: string): AuditWords | null {
  return isKnown(action) ? AUDIT_ACTIONS[action] : null;
}

function isKnown(action: string): action is AuditAction {
  return Object.hasOwn(AUDIT_ACTIONS, action);
}
