import { z } from 'zod';

/** What a person enters into one field: text, or the chosen option's value, or the ticked ones. */
export type FieldValue = string | readonly string[];

/** By block id. */
export type FormValues = Readonly<Record<string, FieldValue>>;
export type Entered = FormValues;

const option = z.looseObject({ value: z.string() });
const element = z.looseObject({
  type: z.string(),
  action_id: z.string(),
  min_length: z.number().optional(),
  max_length: z.number().optional(),
  min_value: z.string().optional(),
  max_value: z.string().optional(),
  is_decimal_allowed: z.boolean().optional(),
  max_selected_items: z.number().optional(),
  initial_value: z.string().optional(),
  initial_date: z.string().optional(),
  initial_time: z.string().optional(),
  initial_user: z.string().optional(),
  initial_channel: z.string().optional(),
  initial_conversation: z.string().optional(),
  initial_option: option.optional(),
  initial_options: z.array(option).optional(),
  initial_users: z.array(z.string()).optional(),
  initial_channels: z.array(z.string()).optional(),
  initial_conversations: z.array(z.string()).optional(),
  options: z.array(option).optional(),
  option_groups: z.array(z.looseObject({ options: z.array(option) })).optional(),
});
export type Field = z.output<typeof element>;

const input = z.looseObject({
  type: z.literal('input'),
  block_id: z.string(),
  optional: z.boolean().default(false),
  element,
});
type Input = z.output<typeof input>;

/** A view's state: by block id, by action id. */
export type FormState = Record<string, Record<string, Record<string, unknown>>>;

/** A view's inputs, in order. */
export function inputsOf(blocks: readonly unknown[]): Input[] {
  return blocks.flatMap((block) => {
    const parsed = input.safeParse(block);
    return parsed.success ? [parsed.data] : [];
  });
}

/** Each input's value: entered or initial. */
export function stateOf(blocks: readonly unknown[], entered: Entered): FormState {
  const state: FormState = {};
  for (const { block_id: id, element: field } of inputsOf(blocks)) {
    state[id] = { [field.action_id]: fieldState(field, entered[id]) };
  }
  return state;
}

/** Errors that Slack's client shows under a form's fields instead of sending it; none if it sends it. */
export function clientErrors(blocks: readonly unknown[], entered: Entered): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const { block_id: id, element: field, optional } of inputsOf(blocks)) {
    const problem = fieldProblem(field, optional, fieldState(field, entered[id]));
    if (problem !== null) errors[id] = problem;
  }
  return errors;
}

/** @throws if the form has no such field, or the field no such option */
export function assertEnterable(blocks: readonly unknown[], values: FormValues): void {
  const inputs = inputsOf(blocks);
  for (const [id, value] of Object.entries(values)) {
    const found = inputs.find(({ block_id }) => block_id === id);
    if (found === undefined) throw new Error(`The form has no field ${id}.`);
    const { element: field } = found;
    const offered = optionsOf(field);
    if (offered.length === 0) continue;
    const chosen = (typeof value === 'string' ? [value] : value).filter((one) => one !== '');
    const stray = chosen.filter((one) => !offered.some((choice) => choice.value === one));
    if (stray.length > 0) throw new Error(`The field ${id} does not offer ${stray.join(', ')}.`);
  }
}

/** After an update: entries stay if their field stayed. */
export function entriesThatFit(entered: Entered, before: readonly unknown[], after: readonly unknown[]): Entered {
  const previous = inputsOf(before);
  const staying = inputsOf(after).filter(({ block_id: id, element: field }) =>
    previous.some(
      (one) => one.block_id === id && one.element.action_id === field.action_id && one.element.type === field.type,
    ),
  );
  return Object.fromEntries(
    Object.entries(entered).filter(([id]) => staying.some(({ block_id: stays }) => stays === id)),
  );
}

function optionsOf(field: Field): z.output<typeof option>[] {
  return [...(field.options ?? []), ...(field.option_groups ?? []).flatMap((group) => group.options)];
}

/** One element's state as Slack sends it (https://docs.slack.dev/reference/views/view-submission). */
export function fieldState(field: Field, value: FieldValue | undefined): Record<string, unknown> {
  const { type } = field;
  const one = typeof value === 'string' ? value : undefined;
  const many = typeof value === 'string' ? [value] : value;
  // An emptied field is null, not its initial value.
  const single = (initial: string | undefined): string | null => (one ?? initial ?? '') || null;
  switch (type) {
    case 'checkboxes':
    case 'multi_static_select':
      return {
        type,
        selected_options:
          many === undefined
            ? (field.initial_options ?? [])
            : optionsOf(field).filter((choice) => many.includes(choice.value)),
      };
    case 'static_select':
    case 'radio_buttons':
    case 'overflow':
      return {
        type,
        selected_option:
          value === undefined
            ? (field.initial_option ?? null)
            : (optionsOf(field).find((choice) => choice.value === one) ?? null),
      };
    case 'datepicker':
      return { type, selected_date: single(field.initial_date) };
    case 'timepicker':
      return { type, selected_time: single(field.initial_time) };
    case 'users_select':
      return { type, selected_user: single(field.initial_user) };
    case 'channels_select':
      return { type, selected_channel: single(field.initial_channel) };
    case 'conversations_select':
      return { type, selected_conversation: single(field.initial_conversation) };
    case 'multi_users_select':
      return { type, selected_users: many ?? field.initial_users ?? [] };
    case 'multi_channels_select':
      return { type, selected_channels: many ?? field.initial_channels ?? [] };
    case 'multi_conversations_select':
      return { type, selected_conversations: many ?? field.initial_conversations ?? [] };
    default:
      return { type, value: single(field.initial_value) };
  }
}

const REQUIRED = 'Please complete this required field.';

/** Why Slack's client doesn't send a form with this field; null if it does. */
function fieldProblem(field: Field, optional: boolean, state: Readonly<Record<string, unknown>>): string | null {
  const { type: _type, ...holding } = state;
  const [value] = Object.values(holding);
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  if (isEmpty) return optional ? null : REQUIRED;
  if (Array.isArray(value)) {
    const most = field.max_selected_items ?? Number.POSITIVE_INFINITY;
    return value.length > most ? `You can choose up to ${most}.` : null;
  }
  return typeof value === 'string' ? enteredProblem(field, value) : null;
}

function enteredProblem(field: Field, value: string): string | null {
  const most = field.max_length ?? 3_000;
  switch (field.type) {
    case 'plain_text_input':
      if (value.length < (field.min_length ?? 0)) return `Must be at least ${field.min_length} characters.`;
      return value.length > most ? `Must be no more than ${most} characters.` : null;
    case 'url_text_input':
      return isUrl(value) ? null : 'Enter a valid URL.';
    case 'email_text_input':
      return z.email().safeParse(value).success ? null : 'Enter a valid email address.';
    case 'number_input':
      return numberProblem(field, value);
    default:
      return null;
  }
}

function isUrl(value: string): boolean {
  return value.length <= 3_000 && /^[a-z][a-z0-9+.-]*:\/\//iu.test(value) && URL.canParse(value);
}

function numberProblem(field: Field, value: string): string | null {
  const pattern = field.is_decimal_allowed === true ? /^-?\d+(?:\.\d+)?$/u : /^-?\d+$/u;
  if (!pattern.test(value)) return 'Enter a valid number.';
  if (field.min_value !== undefined && Number(value) < Number(field.min_value))
    return `Must be at least ${field.min_value}.`;
  if (field.max_value !== undefined && Number(value) > Number(field.max_value))
    return `Must be no more than ${field.max_value}.`;
  return null;
}
