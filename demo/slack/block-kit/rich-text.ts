import { z } from 'zod';
import { string, url, words } from './composition.js';

/** https://docs.slack.dev/reference/block-kit/blocks/rich-text-block, for which Slack publishes no lengths. */
const LONGEST = 3_000;

const flag = z.boolean().optional();
const style = z.strictObject({ bold: flag, italic: flag, strike: flag, underline: flag, code: flag }).optional();
const id = (pattern: RegExp) => z.string().regex(pattern, 'is no id of Slack’s');

const DATE_FORMAT =
  /^[^{}]*(?:\{(?:day_divider_pretty|date_num|date_slash|date_long|date_long_full|date_long_pretty|date|date_pretty|date_short|date_short_pretty|time|time_secs|ago)\}[^{}]*)+$/u;

const textElement = z.strictObject({ type: z.literal('text'), text: string(LONGEST), style });
const linkElement = z.strictObject({
  type: z.literal('link'),
  url,
  text: words(LONGEST).optional(),
  unsafe: flag,
  style,
});
const element = z.discriminatedUnion('type', [
  textElement,
  linkElement,
  z.strictObject({ type: z.literal('user'), user_id: id(/^[UW][A-Z0-9]+$/u), style }),
  z.strictObject({ type: z.literal('usergroup'), usergroup_id: id(/^S[A-Z0-9]+$/u), style }),
  z.strictObject({ type: z.literal('channel'), channel_id: id(/^C[A-Z0-9]+$/u), style }),
  z.strictObject({ type: z.literal('broadcast'), range: z.enum(['here', 'channel', 'everyone']), style }),
  z.strictObject({ type: z.literal('emoji'), name: string(255), unicode: string(255).optional(), style }),
  z.strictObject({ type: z.literal('color'), value: z.string().regex(/^#[0-9a-fA-F]{6}$/u), style }),
  z.strictObject({
    type: z.literal('date'),
    timestamp: z.number().int().min(0).max(9_999_999_999),
    format: z.string().max(LONGEST).regex(DATE_FORMAT, 'holds no token of Slack’s, or one that it does not know'),
    url: url.optional(),
    fallback: words(LONGEST).optional(),
    style,
  }),
]);

const border = z.union([z.literal(0), z.literal(1)]).optional();
const section = z.strictObject({ type: z.literal('rich_text_section'), elements: z.array(element).min(1) });

export const richText = z.strictObject({
  type: z.literal('rich_text'),
  block_id: string(255).optional(),
  elements: z
    .array(
      z.discriminatedUnion('type', [
        section,
        z.strictObject({
          type: z.literal('rich_text_list'),
          style: z.enum(['bullet', 'ordered']),
          elements: z.array(section).min(1),
          indent: z.number().int().min(0).max(8).optional(),
          offset: z.number().int().min(0).optional(),
          border,
        }),
        z.strictObject({ type: z.literal('rich_text_quote'), elements: z.array(element).min(1), border }),
        z.strictObject({
          type: z.literal('rich_text_preformatted'),
          elements: z.array(z.discriminatedUnion('type', [textElement, linkElement])).min(1),
          border,
        }),
      ]),
    )
    .min(1),
});
