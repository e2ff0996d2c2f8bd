import { z } from 'zod';
import { block, focusProblems, idProblems, placed } from './block-kit/blocks.js';
import { anyString, markup, plainText, string, words } from './block-kit/composition.js';
import { type Problem, problemsOf } from './block-kit/problem.js';

/**
 * What Slack accepts in messages and views: the shapes and limits of https://docs.slack.dev/reference/block-kit, as
 * strict as published, and stricter if a person could not read or hear what Slack would accept.
 */
export type { Problem } from './block-kit/problem.js';

const BLOCKS_IN_MESSAGE = 50;
const BLOCKS_IN_VIEW = 100;

/** https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments */
const attachment = z.strictObject({
  color: z
    .string()
    .regex(/^(?:#[0-9a-fA-F]{6}|good|warning|danger)$/u, 'is no colour such as #a30200, good, warning or danger')
    .optional(),
  fallback: words(4_000).optional(),
  blocks: z.array(block).min(1).max(BLOCKS_IN_MESSAGE),
});

/** https://docs.slack.dev/messaging/message-metadata */
const metadata = z.strictObject({
  event_type: z.string().regex(/^[a-z0-9_.]{1,255}$/u, 'is no event type such as flag_promotion.stuck'),
  event_payload: z.record(string(), z.union([anyString(), z.number(), z.boolean()])),
});

const timestamp = z.string().regex(/^\d+\.\d+$/u, 'is no timestamp of a message');

/** https://docs.slack.dev/reference/methods/chat.postMessage, which recommends a text of at most 4,000 characters. */
const message = z.strictObject({
  text: markup(4_000).optional(),
  blocks: z.array(block).max(BLOCKS_IN_MESSAGE).optional(),
  attachments: z.array(attachment).max(20).optional(),
  metadata: metadata.optional(),
  // Arguments of the sending methods, besides the message itself.
  token: z.string().optional(),
  channel: string(80).optional(),
  user: string(20).optional(),
  ts: timestamp.optional(),
  thread_ts: timestamp.optional(),
  reply_broadcast: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
  mrkdwn: z.boolean().optional(),
  response_type: z.enum(['ephemeral', 'in_channel']).optional(),
  replace_original: z.boolean().optional(),
  delete_original: z.boolean().optional(),
});

/**
 * What is wrong with the body of chat.postMessage, chat.update, chat.postEphemeral or of a POST to a response URL
 * (https://docs.slack.dev/interactivity/handling-user-interaction#message_responses). Never throws.
 */
export function checkMessage(payload: unknown): Problem[] {
  const parsed = message.safeParse(payload);
  if (!parsed.success) return problemsOf(parsed.error);
  const { text, blocks = [], attachments = [], delete_original: isDeletion = false } = parsed.data;
  const all = [...placed(blocks), ...attachments.flatMap((one, index) => placed(one.blocks, `/attachments/${index}`))];
  const problems = idProblems(all);
  if (text === undefined && all.length > 0) {
    problems.push({ path: '/text', message: 'is missing: it is what notifications and screen readers say' });
  } else if (text === undefined && !isDeletion) problems.push({ path: '/text', message: 'no_text' });
  if (all.length > BLOCKS_IN_MESSAGE) {
    problems.push({ path: '/blocks', message: `more than ${BLOCKS_IN_MESSAGE} blocks, the attachments’ among them` });
  }
  return problems;
}

const viewParts = {
  private_metadata: anyString(3_000).optional(),
  callback_id: string(255).optional(),
  external_id: string(255).optional(),
};
/** https://docs.slack.dev/reference/views/modal-views */
const modal = z.strictObject({
  type: z.literal('modal'),
  ...viewParts,
  title: plainText(24),
  submit: plainText(24).optional(),
  close: plainText(24).optional(),
  blocks: z.array(block).min(1).max(BLOCKS_IN_VIEW),
  clear_on_close: z.boolean().optional(),
  notify_on_close: z.boolean().optional(),
});
/** https://docs.slack.dev/reference/views/home-tab-views */
const home = z.strictObject({ type: z.literal('home'), ...viewParts, blocks: z.array(block).max(BLOCKS_IN_VIEW) });
const view = z.discriminatedUnion('type', [modal, home]);

/**
 * What is wrong with a modal or a home tab, as views.open, views.push, views.update, views.publish and an
 * acknowledgement carry it (https://docs.slack.dev/surfaces/modals). Never throws.
 */
export function checkView(payload: unknown): Problem[] {
  const parsed = view.safeParse(payload);
  if (!parsed.success) return problemsOf(parsed.error);
  const shown = parsed.data;
  const all = placed(shown.blocks);
  const problems = [...idProblems(all), ...focusProblems(all)];
  if (shown.type === 'modal' && shown.submit === undefined && shown.blocks.some((one) => one.type === 'input')) {
    problems.push({ path: '/submit', message: 'is missing, although there are inputs' });
  }
  return problems;
}

/** Throws an Error with all findings of {@link checkMessage}. */
export function assertMessage(payload: unknown): void {
  refuse('message', checkMessage(payload));
}

/** Throws an Error with all findings of {@link checkView}. */
export function assertView(payload: unknown): void {
  refuse('view', checkView(payload));
}

function refuse(what: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ path, message: said }) => `${path === '' ? 'it' : path} ${said}`);
  throw new Error([`Slack would not take this ${what}:`, ...lines].join('\n'));
}
