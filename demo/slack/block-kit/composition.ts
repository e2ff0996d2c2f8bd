import { z } from 'zod';
import { markupProblem } from './markup.js';

/**
 * The parts that blocks and elements are made of (https://docs.slack.dev/reference/block-kit/composition-objects).
 * Counts lengths in UTF-16 units, which are never fewer than Slack's characters.
 */

/** A string that Slack can store: half a surrogate pair isn't Unicode. */
export const anyString = (most = Number.POSITIVE_INFINITY) =>
  z
    .string()
    .max(most)
    .refine((value) => value.isWellFormed(), 'holds half of a surrogate pair');

export const string = (most?: number) => anyString(most).min(1);

/** A string that somebody reads or hears. */
export const words = (most: number) =>
  string(most).refine((value) => value === '' || /[^\s\p{Cc}\p{Cf}]/u.test(value), 'is blank');

/** Words in Slack's mrkdwn. */
export const markup = (most: number) =>
  words(most).check((context) => {
    const problem = markupProblem(context.value);
    if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: context.value });
  });

/** A web address. */
export const url = string(3_000).refine(
  (value) => /^https?:\/\/[^\s<>]+$/iu.test(value) && URL.canParse(value),
  'is no http or https address',
);

/** https://docs.slack.dev/reference/block-kit/composition-objects/text-object */
export const plainText = (most: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: words(most), emoji: z.boolean().optional() });
export const mrkdwn = (most: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: markup(most), verbatim: z.boolean().optional() });
export const text = (most: number) => z.discriminatedUnion('type', [plainText(most), mrkdwn(most)]);

/** https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object */
export const confirm = z.strictObject({
  title: plainText(100),
  text: text(300),
  confirm: plainText(30),
  deny: plainText(30),
  style: z.enum(['primary', 'danger']).optional(),
});

/** https://docs.slack.dev/reference/block-kit/composition-objects/option-object */
const optionParts = { text: plainText(75), value: string(150), description: plainText(75).optional() };
/** For select menus. */
export const option = z.strictObject(optionParts);
/** For overflow menus; only these may open an address. */
export const overflowOption = z.strictObject({ ...optionParts, url: url.optional() });
/** For checkboxes and radio buttons; only these may be formatted. */
export const choiceOption = z.strictObject({ ...optionParts, text: text(75), description: text(75).optional() });

/** Options with distinct values. */
export const options = <Option extends { readonly value: string }>(one: z.ZodType<Option>, most: number) =>
  z
    .array(one)
    .min(1)
    .max(most)
    .refine((all) => new Set(all.map(({ value }) => value)).size === all.length, 'two options have the same value');

/** https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object */
export const conversationFilter = z
  .strictObject({
    include: z
      .array(z.enum(['im', 'mpim', 'private', 'public']))
      .min(1)
      .optional(),
    exclude_external_shared_channels: z.boolean().optional(),
    exclude_bot_users: z.boolean().optional(),
  })
  .refine((filter) => Object.keys(filter).length > 0, 'filters nothing');

/** https://docs.slack.dev/reference/block-kit/composition-objects/dispatch-action-configuration-object */
export const dispatchActionConfig = z.strictObject({
  trigger_actions_on: z
    .array(z.enum(['on_enter_pressed', 'on_character_entered']))
    .min(1)
    .max(2),
});
