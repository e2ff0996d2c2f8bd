/**
 * Every id that goes out to Slack and comes back, once. Views can build nothing with another id, and `handlers/` must
 * answer each: both are checked by type.
 */
type ValueOf<Table> = Table[keyof Table];

export const COMMAND = '/flag-promotions';

export const ACTION = {
  markCompleted: 'mark_completed',
  markFailed: 'mark_failed',
  /** Opens the modal that takes the address of an RCA. */
  openRca: 'open_rca',
  /** A link button: Slack opens the address itself and only tells that it did. */
  openRcaLink: 'open_rca_link',
  acceptRcaOffer: 'accept_rca_offer',
  declineRcaOffer: 'decline_rca_offer',
  /** Each opens the form that promotes, or cancels, what is marked. */
  promote: 'promote',
  cancel: 'cancel',
  statsChart: 'stats_chart',
  stuckPage: 'stuck_page',
  /** A page of the list behind a group. */
  groupPage: 'group_page',
  listPage: 'list_page',
  moreHelp: 'more_help',
  /** `I’m on it` on an alert. */
  acknowledge: 'acknowledge',
  /** The ⋯ menu of an alert; what it offers: ALERT_MENU in attention.ts. */
  alertMenu: 'alert_menu',
  takeOver: 'take_over',
  stillOnIt: 'still_on_it',
  handOver: 'hand_over',
  draftRca: 'draft_rca',
  recordRcaDraft: 'record_rca_draft',
  /** A link button: Slack opens the address itself and only tells that it did. */
  openEnrolment: 'open_enrolment',
  confirmEnrolment: 'confirm_enrolment',
  declineEnrolment: 'decline_enrolment',
} as const;
export type ActionId = ValueOf<typeof ACTION>;

export const SHORTCUT = { linkAsRca: 'link_as_rca' } as const;
export type ShortcutId = ValueOf<typeof SHORTCUT>;

/** What the manifest subscribes to; Slack's own names. */
export const EVENTS = ['app_home_opened', 'app_mention', 'link_shared', 'message'] as const;
export type EventType = (typeof EVENTS)[number];

export const VIEW = {
  resolution: 'resolution',
  rca: 'rca',
  mark: 'mark',
  transition: 'transition',
  administration: 'administration',
} as const;
export type ViewId = ValueOf<typeof VIEW>;

/** Blocks of modals: an input's value and its error are found under its block's id. */
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
} as const;
export type BlockId = ValueOf<typeof BLOCK>;

/** The action id of every modal's input; its block's id tells which one it is. */
export const INPUT = 'input';

/** The one option of a checkbox that stands for itself. */
export const CONFIRMED = 'confirmed';

/** The event type of the metadata by which a message of ours is found again. */
export const MESSAGE_METADATA = 'flag_promotions_message';
