import type { Setting } from '../src/config.js';
import type { NewAuditEvent } from '../src/db/audit.js';
import { UNSET, type Unset } from '../src/doctor/unset.js';
import type { NewMessage } from '../src/db/queueing.js';
import { type Deed, MENU } from '../src/handlers/attention.js';
import { COMMANDS } from '../src/handlers/command.js';
import type { CommandHandler, Handler, SubmitHandler } from '../src/handlers/handler.js';
import { CLICKS, EVENT_HANDLERS, SHORTCUTS, SUBMISSIONS } from '../src/handlers/index.js';
import type { Submission } from '../src/handlers/unpack.js';
import type { Kind } from '../src/outbox/kind.js';
import { KINDS } from '../src/outbox/kinds/index.js';
import type { AuditTable } from '../src/promotions/audit-actions.js';
import type { MessageKind } from '../src/promotions/messages.js';
import type { AlertMenuChoice } from '../src/views/attention.js';
import { button, type Field, type FieldErrors, type Modal, overflow, plainText } from '../src/views/blocks.js';
import type { Subcommand } from '../src/views/help.js';
import type { ActionId, EventType, ShortcutId, ViewId } from '../src/views/ids.js';

/*
 * Compiled, never run. Anything forgotten or misspelt doesn't compile: each line under a comment pretends such a
 * mistake. If `tsc` ever accepts one, it reports the comment as unused.
 */

const FORM = { type: 'modal', title: plainText('Pretended'), blocks: [] } satisfies Modal;
const FIELD = { type: 'input', label: plainText('Code'), element: { type: 'plain_text_input' } } as const;
const EVENT = { at: new Date(0), actor: 'U0KRIS', promotionId: null, detail: {} };

export const forgotten = () => [
  // @ts-expect-error a button without a handler
  CLICKS satisfies Record<ActionId | 'pretended', Handler>,
  // @ts-expect-error an entry of the alert's menu without a handler
  MENU satisfies Record<AlertMenuChoice | 'pretended', Deed>,
  // @ts-expect-error a form without a handler
  SUBMISSIONS satisfies Record<ViewId | 'pretended', SubmitHandler>,
  // @ts-expect-error a shortcut without a handler
  SHORTCUTS satisfies Record<ShortcutId | 'pretended', Handler>,
  // @ts-expect-error an event without a handler
  EVENT_HANDLERS satisfies Record<EventType | 'pretended', Handler>,
  // @ts-expect-error a word of the command without a handler
  COMMANDS satisfies Record<Subcommand | 'pretended', CommandHandler>,
  // @ts-expect-error an audit action without words
  { 'console.flag.promotion.pretended': {} } satisfies AuditTable,
  // @ts-expect-error a kind of message that declares itself and is missing in the table
  KINDS satisfies Record<MessageKind | 'pretended', Kind>,
  // @ts-expect-error a setting without doctor's line
  UNSET satisfies Record<Setting | 'PRETENDED', Unset | null>,
];

export const misspelt = (submission: Submission) => [
  // @ts-expect-error a button
  button('mark_complete', 'Mark completed'),
  // @ts-expect-error a menu
  overflow('alert_menus', []),
  // @ts-expect-error a form
  { ...FORM, callback_id: 'resolutions' } satisfies Modal,
  // @ts-expect-error a form's field
  { ...FIELD, block_id: 'codes' } satisfies Field,
  // @ts-expect-error a field that is read
  submission.field('codes'),
  // @ts-expect-error a field under which an error is shown
  { codes: 'Wrong code.' } satisfies FieldErrors,
  // @ts-expect-error a kind of message that is queued
  { kind: 'digests', subject: '7' } satisfies NewMessage,
  // @ts-expect-error a kind of message in whose thread one goes
  { kind: 'digest_chart', subject: '7', under: 'digests' } satisfies NewMessage,
  // @ts-expect-error an audit action
  { ...EVENT, action: 'console.flag.promotion.markd' } satisfies NewAuditEvent,
  // @ts-expect-error an audit action's prefix
  { 'console.flags.promotion.pretended': { words: 'pretended' } } satisfies AuditTable,
];

/** The same, complete and spelt right: the errors above have no other reason. */
export const right = (submission: Submission) => [
  CLICKS satisfies Record<ActionId, Handler>,
  MENU satisfies Record<AlertMenuChoice, Deed>,
  SUBMISSIONS satisfies Record<ViewId, SubmitHandler>,
  SHORTCUTS satisfies Record<ShortcutId, Handler>,
  EVENT_HANDLERS satisfies Record<EventType, Handler>,
  COMMANDS satisfies Record<Subcommand, CommandHandler>,
  UNSET satisfies Record<Setting, Unset | null>,
  KINDS satisfies Record<MessageKind, Kind>,
  { kind: 'digest_chart', subject: '7', under: 'digest' } satisfies NewMessage,
  button('mark_completed', 'Mark completed'),
  overflow('alert_menu', []),
  { ...FORM, callback_id: 'resolution' } satisfies Modal,
  { ...FIELD, block_id: 'code' } satisfies Field,
  submission.field('code'),
  { code: 'Wrong code.' } satisfies FieldErrors,
  { ...EVENT, action: 'console.flag.promotion.marked' } satisfies NewAuditEvent,
  { 'console.flag.promotion.pretended': { words: 'pretended' } } satisfies AuditTable,
];
