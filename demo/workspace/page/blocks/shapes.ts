import { z } from 'zod';

/** The parts of Block Kit that the page draws itself, because they can be clicked or filled in. */

const text = z.looseObject({ type: z.string(), text: z.string() });

const option = z.looseObject({
  text,
  value: z.string(),
  description: text.optional(),
  url: z.string().optional(),
});
export type Option = z.output<typeof option>;

const confirm = z.looseObject({
  title: text,
  text,
  confirm: text,
  deny: text,
  style: z.enum(['primary', 'danger']).optional(),
});
export type Confirm = z.output<typeof confirm>;

const element = z.looseObject({
  type: z.string(),
  action_id: z.string(),
  text: text.optional(),
  value: z.string().optional(),
  url: z.string().optional(),
  style: z.enum(['primary', 'danger']).optional(),
  accessibility_label: z.string().optional(),
  placeholder: text.optional(),
  confirm: confirm.optional(),
  options: z.array(option).default([]),
  initial_option: option.optional(),
  initial_options: z.array(option).optional(),
  initial_date: z.string().optional(),
  initial_time: z.string().optional(),
  initial_user: z.string().optional(),
  initial_conversation: z.string().optional(),
  focus_on_load: z.boolean().default(false),
  multiline: z.boolean().default(false),
  max_length: z.number().optional(),
});
export type Element = z.output<typeof element>;

const picture = z.looseObject({ type: z.literal('image'), image_url: z.string(), alt_text: z.string() });

/** A picture that is a file in the workspace. */
export const storedPicture = z.looseObject({
  type: z.literal('image'),
  slack_file: z.object({ id: z.string() }),
  alt_text: z.string(),
});

export const section = z.looseObject({
  type: z.literal('section'),
  block_id: z.string().default(''),
  text: text.optional(),
  fields: z.array(text).default([]),
  accessory: z.union([picture, element.transform((one) => ({ type: 'element' as const, element: one }))]).optional(),
});

export const actions = z.looseObject({
  type: z.literal('actions'),
  block_id: z.string().default(''),
  elements: z.array(element),
});

export const input = z.looseObject({
  type: z.literal('input'),
  block_id: z.string(),
  label: text,
  hint: text.optional(),
  optional: z.boolean().default(false),
  dispatch_action: z.boolean().default(false),
  element,
});
export type Input = z.output<typeof input>;
