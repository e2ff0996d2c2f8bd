import { z } from 'zod';

/**
 * What Slack takes of messages and views: the shapes and limits of https://docs.slack.dev/reference/block-kit, as
 * strict as published, and stricter where Slack would take something that a person could not read or hear.
 */
export interface Problem {
  /** A JSON pointer. */
  readonly path: string;
  readonly message: string;
}

const string = (most: number) => z.string().min(1).max(most);

/** https://docs.slack.dev/messaging/formatting-message-text: every `<` begins one of these. */
const CONSTRUCT =
  /<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|!subteam\^S[A-Z0-9]+|!here|!channel|!everyone|!date\^\d+\^(?:[^<>|^{}]|\{(?:date_num|date|date_short|date_long|date_pretty|date_short_pretty|date_long_pretty|time|time_secs|ago)\})+(?:\^https?:[^<>|]+)?\|[^<>|]+|(?:https?:\/\/|mailto:)[^<>|\s]+(?:\|[^<>|]+)?)>/gu;

function markupProblem(text: string): string | null {
  if (!text.isWellFormed()) return 'holds half of a surrogate pair';
  const rest = text.replaceAll(CONSTRUCT, '');
  if (/[<>]/u.test(rest)) return 'holds a < or > that begins or ends no construct of Slack’s';
  if (/&(?!amp;|lt;|gt;)/u.test(rest)) return 'holds an & that is not escaped';
  return null;
}
const markup = (most: number) =>
  string(most).check((context) => {
    const problem = markupProblem(context.value);
    if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: context.value });
  });

const plainText = (most: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: string(most), emoji: z.boolean().optional() });
const mrkdwn = (most: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: markup(most), verbatim: z.boolean().optional() });
const text = (most: number) => z.discriminatedUnion('type', [plainText(most), mrkdwn(most)]);

const confirm = z.strictObject({
  title: plainText(100),
  text: text(300),
  confirm: plainText(30),
  deny: plainText(30),
  style: z.enum(['primary', 'danger']).optional(),
});
const option = z.strictObject({
  text: plainText(75),
  value: string(150),
  description: plainText(75).optional(),
  url: z.url().max(3_000).optional(),
});
const choiceOption = z.strictObject({ text: text(75), value: string(150), description: text(75).optional() });

const actionId = string(255);
const common = { action_id: actionId, confirm: confirm.optional(), focus_on_load: z.boolean().optional() };
const button = z.strictObject({
  type: z.literal('button'),
  ...common,
  text: plainText(75),
  value: string(2_000).optional(),
  url: z.url().max(3_000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  accessibility_label: string(75).optional(),
});
const overflow = z.strictObject({ type: z.literal('overflow'), ...common, options: z.array(option).min(1).max(5) });
const staticSelect = z.strictObject({
  type: z.literal('static_select'),
  ...common,
  options: z.array(option).min(1).max(100),
  initial_option: option.optional(),
  placeholder: plainText(150).optional(),
});
const checkboxes = z.strictObject({
  type: z.literal('checkboxes'),
  ...common,
  options: z.array(choiceOption).min(1).max(10),
  initial_options: z.array(choiceOption).min(1).max(10).optional(),
});
const radioButtons = z.strictObject({
  type: z.literal('radio_buttons'),
  ...common,
  options: z.array(choiceOption).min(1).max(10),
  initial_option: choiceOption.optional(),
});
const usersSelect = z.strictObject({
  type: z.literal('users_select'),
  ...common,
  initial_user: string(20).optional(),
  placeholder: plainText(150).optional(),
});
const datepicker = z.strictObject({
  type: z.literal('datepicker'),
  ...common,
  initial_date: z.iso.date().optional(),
  placeholder: plainText(150).optional(),
});
const image = z.strictObject({ type: z.literal('image'), image_url: z.url().max(3_000), alt_text: string(2_000) });

const plainTextInput = z
  .strictObject({
    type: z.literal('plain_text_input'),
    action_id: actionId,
    multiline: z.boolean().optional(),
    min_length: z.number().int().min(0).max(3_000).optional(),
    max_length: z.number().int().min(1).max(3_000).optional(),
    initial_value: z.string().max(3_000).optional(),
    placeholder: plainText(150).optional(),
    focus_on_load: z.boolean().optional(),
  })
  .refine((input) => (input.min_length ?? 0) <= (input.max_length ?? 3_000), 'min_length is above max_length')
  .refine((input) => (input.initial_value ?? '').length <= (input.max_length ?? 3_000), 'initial_value is too long');
const urlTextInput = z.strictObject({
  type: z.literal('url_text_input'),
  action_id: actionId,
  initial_value: z.url().max(3_000).optional(),
  placeholder: plainText(150).optional(),
  focus_on_load: z.boolean().optional(),
});

const blockId = { block_id: string(255).optional() };
const accessory = z.discriminatedUnion('type', [button, overflow, staticSelect, checkboxes, radioButtons, image]);
const section = z
  .strictObject({
    type: z.literal('section'),
    ...blockId,
    text: text(3_000).optional(),
    fields: z.array(text(2_000)).min(1).max(10).optional(),
    accessory: accessory.optional(),
    expand: z.boolean().optional(),
  })
  .refine((block) => block.text !== undefined || block.fields !== undefined, 'needs text or fields');
const block = z.discriminatedUnion('type', [
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
      .array(
        z.discriminatedUnion('type', [
          button,
          overflow,
          staticSelect,
          checkboxes,
          radioButtons,
          usersSelect,
          datepicker,
        ]),
      )
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
    element: z.discriminatedUnion('type', [
      plainTextInput,
      urlTextInput,
      staticSelect,
      checkboxes,
      radioButtons,
      usersSelect,
      datepicker,
    ]),
  }),
  z.strictObject({
    type: z.literal('image'),
    ...blockId,
    image_url: z.url().max(3_000),
    alt_text: string(2_000),
    title: plainText(2_000).optional(),
  }),
]);
type Block = z.output<typeof block>;

/** Ids have to be told apart: a block's within the payload, an action's within its block. */
function idProblems(blocks: readonly Block[]): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, one] of blocks.entries()) {
    if (one.block_id !== undefined && seen.has(one.block_id)) {
      problems.push({ path: `/blocks/${index}/block_id`, message: `block_id ${one.block_id} is there twice` });
    }
    if (one.block_id !== undefined) seen.add(one.block_id);
    if (one.type !== 'actions') continue;
    const actions = one.elements.map((element) => element.action_id);
    for (const id of new Set(actions.filter((action, at) => actions.indexOf(action) !== at))) {
      problems.push({ path: `/blocks/${index}/elements`, message: `action_id ${id} is there twice` });
    }
  }
  return problems;
}

const BLOCKS_IN_MESSAGE = 50;
const BLOCKS_IN_VIEW = 100;

const attachment = z.strictObject({
  color: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/u, 'is not a colour such as #a30200')
    .optional(),
  fallback: string(4_000).optional(),
  blocks: z.array(block).max(BLOCKS_IN_MESSAGE),
});
const metadata = z.strictObject({
  event_type: z.string().regex(/^[a-z0-9_.]{1,255}$/u),
  event_payload: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
const message = z.strictObject({
  text: markup(4_000).optional(),
  blocks: z.array(block).max(BLOCKS_IN_MESSAGE).optional(),
  attachments: z.array(attachment).max(20).optional(),
  metadata: metadata.optional(),
  // What goes along with the message to the methods that send it.
  token: z.string().optional(),
  channel: string(20).optional(),
  user: string(20).optional(),
  ts: z.string().optional(),
  thread_ts: z.string().optional(),
  reply_broadcast: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
  response_type: z.enum(['ephemeral', 'in_channel']).optional(),
  replace_original: z.boolean().optional(),
  delete_original: z.boolean().optional(),
});

/** The body of chat.postMessage, chat.update, chat.postEphemeral, or of a POST to a response URL. Never throws. */
export function checkMessage(payload: unknown): Problem[] {
  const parsed = message.safeParse(payload);
  if (!parsed.success) return problemsOf(parsed.error);
  const { text: words, blocks = [], attachments = [] } = parsed.data;
  const problems: Problem[] = [];
  const all = [...blocks, ...attachments.flatMap((one) => one.blocks)];
  if (words === undefined && all.length === 0) problems.push({ path: '/text', message: 'no_text' });
  else if (words === undefined) {
    problems.push({ path: '/text', message: 'is missing: it is what notifications and screen readers say' });
  }
  if (all.length > BLOCKS_IN_MESSAGE)
    problems.push({ path: '/blocks', message: `more than ${BLOCKS_IN_MESSAGE} blocks` });
  return [...problems, ...idProblems(all)];
}

const modal = z.strictObject({
  type: z.literal('modal'),
  title: plainText(24),
  submit: plainText(24).optional(),
  close: plainText(24).optional(),
  blocks: z.array(block).min(1).max(BLOCKS_IN_VIEW),
  private_metadata: z.string().max(3_000).optional(),
  callback_id: string(255).optional(),
  external_id: string(255).optional(),
  clear_on_close: z.boolean().optional(),
  notify_on_close: z.boolean().optional(),
});
const home = z.strictObject({
  type: z.literal('home'),
  blocks: z.array(block).max(BLOCKS_IN_VIEW),
  private_metadata: z.string().max(3_000).optional(),
  callback_id: string(255).optional(),
  external_id: string(255).optional(),
});

/** A modal or a home tab, as views.open, views.update, views.publish and an acknowledgement carry it. Never throws. */
export function checkView(view: unknown): Problem[] {
  const parsed = z.discriminatedUnion('type', [modal, home]).safeParse(view);
  if (!parsed.success) return problemsOf(parsed.error);
  const shown = parsed.data;
  const problems = idProblems(shown.blocks);
  if (shown.type === 'modal' && shown.submit === undefined && shown.blocks.some((one) => one.type === 'input')) {
    problems.push({ path: '/submit', message: 'is missing, although there are inputs' });
  }
  return problems;
}

function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.map(({ path, message: words }) => ({ path: `/${path.map(String).join('/')}`, message: words }));
}
