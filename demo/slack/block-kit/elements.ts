import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  anyString,
  choiceOption,
  confirm,
  conversationFilter,
  dispatchActionConfig,
  option,
  options,
  overflowOption,
  plainText,
  string,
  url,
  words,
} from './composition.js';

/**
 * https://docs.slack.dev/reference/block-kit/block-elements. Slack makes up a missing `action_id`; here it is required,
 * or no handler would ever hear of the element.
 */
const acting = { action_id: string(255) };
const confirming = { confirm: confirm.optional() };
const focusing = { focus_on_load: z.boolean().optional() };
const placeholding = { placeholder: plainText(150).optional() };
const dispatching = { dispatch_action_config: dispatchActionConfig.optional() };

const choosing = { ...acting, ...confirming, ...focusing };
const selecting = { ...choosing, ...placeholding };
const typing = { ...acting, ...focusing, ...placeholding, ...dispatching };

const NOT_AN_OPTION = 'what is chosen at first is none of the options';
const isAmong = (all: readonly unknown[], one: unknown) =>
  one === undefined || all.some((other) => isDeepStrictEqual(other, one));

export const button = z.strictObject({
  type: z.literal('button'),
  ...acting,
  ...confirming,
  text: plainText(75),
  value: string(2_000).optional(),
  url: url.optional(),
  style: z.enum(['primary', 'danger']).optional(),
  accessibility_label: words(75).optional(),
});

export const overflow = z.strictObject({
  type: z.literal('overflow'),
  ...acting,
  ...confirming,
  options: options(overflowOption, 5),
});

export const staticSelect = z
  .strictObject({
    type: z.literal('static_select'),
    ...selecting,
    options: options(option, 100),
    initial_option: option.optional(),
  })
  .refine((menu) => isAmong(menu.options, menu.initial_option), { path: ['initial_option'], message: NOT_AN_OPTION });

export const multiStaticSelect = z
  .strictObject({
    type: z.literal('multi_static_select'),
    ...selecting,
    options: options(option, 100),
    initial_options: options(option, 100).optional(),
    max_selected_items: z.number().int().min(1).optional(),
  })
  .refine((menu) => (menu.initial_options ?? []).every((one) => isAmong(menu.options, one)), {
    path: ['initial_options'],
    message: NOT_AN_OPTION,
  })
  .refine((menu) => (menu.initial_options ?? []).length <= (menu.max_selected_items ?? 100), {
    path: ['initial_options'],
    message: 'are more than max_selected_items',
  });

export const usersSelect = z.strictObject({
  type: z.literal('users_select'),
  ...selecting,
  initial_user: string(20).optional(),
});

export const conversationsSelect = z.strictObject({
  type: z.literal('conversations_select'),
  ...selecting,
  initial_conversation: string(20).optional(),
  default_to_current_conversation: z.boolean().optional(),
  response_url_enabled: z.boolean().optional(),
  filter: conversationFilter.optional(),
});

export const checkboxes = z
  .strictObject({
    type: z.literal('checkboxes'),
    ...choosing,
    options: options(choiceOption, 10),
    initial_options: options(choiceOption, 10).optional(),
  })
  .refine((boxes) => (boxes.initial_options ?? []).every((one) => isAmong(boxes.options, one)), {
    path: ['initial_options'],
    message: NOT_AN_OPTION,
  });

export const radioButtons = z
  .strictObject({
    type: z.literal('radio_buttons'),
    ...choosing,
    options: options(choiceOption, 10),
    initial_option: choiceOption.optional(),
  })
  .refine((radio) => isAmong(radio.options, radio.initial_option), {
    path: ['initial_option'],
    message: NOT_AN_OPTION,
  });

export const datepicker = z.strictObject({
  type: z.literal('datepicker'),
  ...selecting,
  initial_date: z.iso.date().optional(),
});

export const timepicker = z.strictObject({
  type: z.literal('timepicker'),
  ...selecting,
  initial_time: z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/u, 'is no time such as 09:05')
    .optional(),
  timezone: string(255).refine(isTimezone, 'is no time zone').optional(),
});

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const LONGEST_INPUT = 3_000;

export const plainTextInput = z
  .strictObject({
    type: z.literal('plain_text_input'),
    ...typing,
    multiline: z.boolean().optional(),
    min_length: z.number().int().min(0).max(LONGEST_INPUT).optional(),
    max_length: z.number().int().min(1).max(LONGEST_INPUT).optional(),
    initial_value: anyString(LONGEST_INPUT).optional(),
  })
  .refine((input) => (input.min_length ?? 0) <= (input.max_length ?? LONGEST_INPUT), {
    path: ['min_length'],
    message: 'is above max_length',
  })
  .refine((input) => (input.initial_value ?? '').length <= (input.max_length ?? LONGEST_INPUT), {
    path: ['initial_value'],
    message: 'is longer than max_length',
  });

export const urlTextInput = z.strictObject({
  type: z.literal('url_text_input'),
  ...typing,
  initial_value: url.optional(),
});

const decimal = z.string().regex(/^-?\d{1,20}(?:\.\d{1,20})?$/u, 'is no decimal number');

export const numberInput = z
  .strictObject({
    type: z.literal('number_input'),
    ...typing,
    is_decimal_allowed: z.boolean(),
    initial_value: decimal.optional(),
    min_value: decimal.optional(),
    max_value: decimal.optional(),
  })
  .check(({ value: input, issues }) => {
    const say = (key: 'initial_value' | 'min_value' | 'max_value', message: string) =>
      issues.push({ code: 'custom', path: [key], message, input: input[key] });
    const { initial_value: initial, min_value: min, max_value: max } = input;
    if (min !== undefined && max !== undefined && Number(min) > Number(max)) say('min_value', 'is above max_value');
    if (initial !== undefined && min !== undefined && Number(initial) < Number(min)) {
      say('initial_value', 'is below min_value');
    }
    if (initial !== undefined && max !== undefined && Number(initial) > Number(max)) {
      say('initial_value', 'is above max_value');
    }
    if (input.is_decimal_allowed) return;
    for (const key of ['initial_value', 'min_value', 'max_value'] as const) {
      if (input[key]?.includes('.')) say(key, 'has a fraction, which is_decimal_allowed forbids');
    }
  });

const imageParts = {
  type: z.literal('image'),
  image_url: url.optional(),
  /** https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object */
  slack_file: z.strictObject({ id: z.string().regex(/^F[A-Z0-9]+$/u, 'is no id of a file') }).optional(),
  alt_text: words(2_000),
};
const hasOneSource = (image: { image_url?: string | undefined; slack_file?: unknown }) =>
  (image.image_url === undefined) !== (image.slack_file === undefined);
const ONE_SOURCE = { message: 'takes an image_url or a slack_file' };

/** https://docs.slack.dev/reference/block-kit/block-elements/image-element */
export const image = z.strictObject(imageParts).refine(hasOneSource, ONE_SOURCE);

/** https://docs.slack.dev/reference/block-kit/blocks/image-block */
export const imageBlock = z
  .strictObject({ ...imageParts, block_id: string(255).optional(), title: plainText(2_000).optional() })
  .refine(hasOneSource, ONE_SOURCE);
