import type { types } from '@slack/bolt';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import type { ActionId, BlockId, ViewId } from './ids.js';

/** A field of a form: what is typed is found again by its block's id. */
export interface Field extends types.InputBlock {
  readonly block_id: BlockId;
}
export type Block = Exclude<types.KnownBlock, types.InputBlock> | Field;
export interface Modal extends types.ModalView {
  /** Absent where nothing is submitted. */
  readonly callback_id?: ViewId;
  readonly blocks: Block[];
}
/** Errors in words, by the field under which they are shown. */
export type FieldErrors = Readonly<Partial<Record<BlockId, string>>>;
export type HomeTab = types.HomeView;

/** A message as the Web API takes it: `text` is what a notification and a screen reader say. */
export interface Message {
  readonly text: string;
  /** Never inside attachments, which Slack may fold away. */
  readonly blocks?: Block[];
}

/** What a link unfolds to. */
export interface Unfurl {
  readonly blocks: Block[];
}

/** An answer that only one person sees. */
export interface Answer {
  readonly text: string;
  readonly blocks?: Block[];
}

export function section(text: string): types.SectionBlock {
  return { type: 'section', text: { type: 'mrkdwn', text } };
}

/** An answer that is one text. */
export function textAnswer(text: string): Answer {
  return { text, blocks: [section(text)] };
}

export function context(...texts: string[]): types.ContextBlock {
  return { type: 'context', elements: texts.map((text) => ({ type: 'mrkdwn', text })) };
}

export function plainText(text: string): types.PlainTextElement {
  return { type: 'plain_text', text, emoji: false };
}

export function button(
  actionId: ActionId,
  label: string,
  options: { value?: string; url?: string; style?: 'primary' | 'danger'; accessibilityLabel?: string } = {},
): types.Button {
  return {
    type: 'button',
    action_id: actionId,
    text: plainText(label),
    ...(options.value === undefined ? {} : { value: options.value }),
    ...(options.url === undefined ? {} : { url: options.url }),
    ...(options.style === undefined ? {} : { style: options.style }),
    ...(options.accessibilityLabel === undefined ? {} : { accessibility_label: options.accessibilityLabel }),
  };
}

/** A menu behind three dots. */
export function overflow(
  actionId: ActionId,
  options: readonly { readonly label: string; readonly value: string }[],
): types.Overflow {
  return {
    type: 'overflow',
    action_id: actionId,
    options: options.map(({ label, value }) => ({ text: plainText(label), value })),
  };
}

/** A modal that only says something. */
export function notice(title: string, text: string): Modal {
  return { type: 'modal', title: plainText(title), close: plainText('Close'), blocks: [section(text)] };
}

/** What a `url_text_input` starts with: nothing where the address is none that Slack or the app would take. */
export function initialUrl(url: string | null): { initial_value?: string } {
  const linkable = linkableRcaUrl(url);
  return linkable === null ? {} : { initial_value: linkable };
}
