/**
 * Every id that goes to Slack and comes back, once. Types ensure that views use no other, and that `handlers/` answers
 * each.
 */
type ValueOf<Table> = Table[keyof Table];

export const COMMAND = '/flag-promotions';

export const ACTION = {
  markCompleted: 'mark_completed',
  markFailed: 'mark_failed',
  /** Opens the modal for an RCA's address. */
  openRca: 'open_rca',
  /** A link button: Slack opens the address and only reports the click. */
  openRcaLink: 'open_rca_link',
  acceptRcaOffer: 'accept_rca_offer',
  declineRcaOffer: 'decline_rca_offer',
  /** Each opens its form for a marked promotion. */
  promote: 'promote',
  cancel: 'cancel',
  /** Opens the form that reverts a deployed promotion. */
  revert: 'revert',
  /** On a drift: accept it, or open the form that sets the promoted value again. */
  acceptDrift: 'accept_drift',
  setAgain: 'set_again',
  statsChart: 'stats_chart',
  stuckPage: 'stuck_page',
  groupPage: 'group_page',
  /** Under a group's list: opens the form that completes all of it that is live. */
  completeLive: 'complete_live',
  listPage: 'list_page',
  moreHelp: 'more_help',
  /** `I’m on it` on an alert. */
  acknowledge: 'acknowledge',
  /** An alert's ⋯ menu; its choices: ALERT_MENU in attention.ts. */
  alertMenu: 'alert_menu',
  takeOver: 'take_over',
  stillOnIt: 'still_on_it',
  handOver: 'hand_over',
  /** A drill's own: none can reach a promotion. */
  drillAcknowledge: 'drill_acknowledge',
  drillCompleted: 'drill_completed',
  drillFailed: 'drill_failed',
  draftRca: 'draft_rca',
  recordRcaDraft: 'record_rca_draft',
  /** A link button: Slack opens the address and only reports the click. */
  openEnrolment: 'open_enrolment',
  confirmEnrolment: 'confirm_enrolment',
  declineEnrolment: 'decline_enrolment',
} as const;
export type ActionId = ValueOf<typeof ACTION>;

export const SHORTCUT = { linkAsRca: 'link_as_rca' } as const;
export type ShortcutId = ValueOf<typeof SHORTCUT>;

/** The manifest's subscriptions, by Slack's names. */
export const EVENTS = ['app_home_opened', 'app_mention', 'link_shared', 'message'] as const;
export type EventType = (typeof EVENTS)[number];

export const VIEW = {
  resolution: 'resolution',
  completion: 'completion',
  drill: 'drill',
  rca: 'rca',
  mark: 'mark',
  transition: 'transition',
  followUp: 'follow_up',
  administration: 'administration',
  enrolment: 'enrolment',
} as const;
export type ViewId = ValueOf<typeof VIEW>;

/** Blocks of modals: an input's value and error are found by its block's id. */
export const BLOCK = {
  code: 'code',
  note: 'note',
  rcaUrl: 'rca_url',
  confirmation: 'confirmation',
  setBack: 'set_back',
  promotion: 'promotion',
  flagKey: 'flag_key',
  herokuApp: 'heroku_app',
  targetValue: 'target_value',
  configVar: 'config_var',
  recordDraft: 'record_draft',
  person: 'person',
  role: 'role',
  word: 'word',
} as const;
export type BlockId = ValueOf<typeof BLOCK>;

/** Every modal input's action id; its block's id says which one it is. */
export const INPUT = 'input';

/** The one option of a single checkbox. */
export const CONFIRMED = 'confirmed';

/** The metadata's event type, by which our messages are found again. */
export const MESSAGE_METADATA = 'flag_promotions_message';
