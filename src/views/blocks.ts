import type { types } from '@slack/bolt';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import type { ActionId, BlockId, ViewId } from './ids.js';

/** A form field; its value is found by its block's id. */
export interface Field extends types.InputBlock {
  readonly block_id: BlockId;
}
export type Block = Exclude<types.KnownBlock, types.InputBlock> | Field;
export interface Modal extends types.ModalView {
  /** Absent if nothing is submitted. */
  readonly callback_id?: ViewId;
  readonly blocks: Block[];
}
export type FieldErrors = Readonly<Partial<Record<BlockId, string>>>;
export interface HomeTab extends types.HomeView {
  readonly blocks: Block[];
}

/** A message for the Web API: notifications and screen readers use `text`. */
export interface Message {
  readonly text: string;
  /** Never inside attachments, which Slack may collapse. */
  readonly blocks?: Block[];
}

export interface Unfurl {
  readonly blocks: Block[];
}

/** An ephemeral answer. */
export interface Answer {
  readonly text: string;
  readonly blocks?: Block[];
}

export function section(text: string): types.SectionBlock {
  return { type: 'section', text: { type: 'mrkdwn', text } };
}

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

/** A modal without inputs. */
export function notice(title: string, text: string): Modal {
  return { type: 'modal', title: plainText(title), close: plainText('Close'), blocks: [section(text)] };
}

/** The initial value of a `url_text_input`: none if Slack or the app wouldn't accept it. */
export function initialUrl(url: string | null): { initial_value?: string } {
  const linkable = linkableRcaUrl(url);
  return linkable === null ? {} : { initial_value: linkable };
}
