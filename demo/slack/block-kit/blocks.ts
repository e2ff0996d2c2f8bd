import { z } from 'zod';
import { mrkdwn, plainText, string, text } from './composition.js';
import {
  button,
  checkboxes,
  conversationsSelect,
  datepicker,
  image,
  imageBlock,
  multiStaticSelect,
  numberInput,
  overflow,
  plainTextInput,
  radioButtons,
  staticSelect,
  timepicker,
  urlTextInput,
  usersSelect,
} from './elements.js';
import type { Problem } from './problem.js';
import { richText } from './rich-text.js';

const blockId = { block_id: string(255).optional() };
const menus = [staticSelect, multiStaticSelect, usersSelect, conversationsSelect] as const;
const choices = [checkboxes, radioButtons, datepicker, timepicker] as const;

const section = z
  .strictObject({
    type: z.literal('section'),
    ...blockId,
    text: text(3_000).optional(),
    fields: z.array(text(2_000)).min(1).max(10).optional(),
    accessory: z.discriminatedUnion('type', [button, overflow, ...menus, ...choices, image]).optional(),
    expand: z.boolean().optional(),
  })
  .refine((one) => one.text !== undefined || one.fields !== undefined, 'needs text or fields');

/** The blocks that the app may send, of those in https://docs.slack.dev/reference/block-kit/blocks. */
export const block = z.discriminatedUnion('type', [
  section,
  z.strictObject({ type: z.literal('header'), ...blockId, text: plainText(150) }),
  z.strictObject({ type: z.literal('divider'), ...blockId }),
  z.strictObject({
    type: z.literal('context'),
    ...blockId,
    elements: z
      .array(z.discriminatedUnion('type', [plainText(3_000), mrkdwn(3_000), image]))
      .min(1)
      .max(10),
  }),
  z.strictObject({
    type: z.literal('actions'),
    ...blockId,
    elements: z
      .array(z.discriminatedUnion('type', [button, overflow, ...menus, ...choices]))
      .min(1)
      .max(25),
  }),
  z.strictObject({
    type: z.literal('input'),
    ...blockId,
    label: plainText(2_000),
    hint: plainText(2_000).optional(),
    optional: z.boolean().optional(),
    dispatch_action: z.boolean().optional(),
    element: z.discriminatedUnion('type', [plainTextInput, urlTextInput, numberInput, ...menus, ...choices]),
  }),
  imageBlock,
  richText,
]);
export type Block = z.output<typeof block>;

export interface PlacedBlock {
  readonly path: string;
  readonly block: Block;
}

export function placed(blocks: readonly Block[], path = ''): PlacedBlock[] {
  return blocks.map((one, index) => ({ path: `${path}/blocks/${index}`, block: one }));
}

/** Ids must be unique: a block's within the payload, an action's within its block. */
export function idProblems(blocks: readonly PlacedBlock[]): Problem[] {
  const problems: Problem[] = [];
  const blockIds = new Set<string>();
  for (const { path, block: one } of blocks) {
    const { block_id: id } = one;
    if (id !== undefined && blockIds.has(id)) {
      problems.push({ path: `${path}/block_id`, message: `block_id ${id} is there twice` });
    }
    if (id !== undefined) blockIds.add(id);
    if (one.type !== 'actions') continue;
    const actionIds = new Set<string>();
    for (const [index, { action_id: actionId }] of one.elements.entries()) {
      if (actionIds.has(actionId)) {
        problems.push({
          path: `${path}/elements/${index}/action_id`,
          message: `action_id ${actionId} is there twice in its block`,
        });
      }
      actionIds.add(actionId);
    }
  }
  return problems;
}

/** Only one element of a view can have the cursor when it opens. */
export function focusProblems(blocks: readonly PlacedBlock[]): Problem[] {
  const focused = blocks.filter(({ block: one }) => elementsOf(one).some(isFocused));
  const [first] = focused;
  const count = blocks.flatMap(({ block: one }) => elementsOf(one).filter(isFocused)).length;
  return first === undefined || count <= 1
    ? []
    : [{ path: first.path, message: `focus_on_load is true for ${count} elements, of which one can have it` }];
}

const isFocused = (element: object) => 'focus_on_load' in element && element.focus_on_load === true;

function elementsOf(one: Block): object[] {
  switch (one.type) {
    case 'actions':
      return one.elements;
    case 'input':
      return [one.element];
    case 'section':
      return one.accessory === undefined ? [] : [one.accessory];
    default:
      return [];
  }
}
