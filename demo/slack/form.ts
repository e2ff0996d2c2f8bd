import { z } from 'zod';

/** What a person enters, by block id: text, or the chosen option's value, or the ticked ones. */
export type FormValues = Readonly<Record<string, string | readonly string[]>>;

const option = z.looseObject({ value: z.string() });
const element = z.looseObject({
  type: z.string(),
  action_id: z.string(),
  min_length: z.number().optional(),
  max_length: z.number().optional(),
  initial_value: z.string().optional(),
  options: z.array(option).optional(),
});
const input = z.looseObject({
  type: z.literal('input'),
  block_id: z.string(),
  optional: z.boolean().default(false),
  element,
});
type Input = z.output<typeof input>;

export type FilledForm =
  | { readonly ok: true; readonly state: Record<string, Record<string, Record<string, unknown>>> }
  /** Slack's client would not send this form; under which fields it says why. */
  | { readonly ok: false; readonly errors: Record<string, string> };

export function inputsOf(blocks: readonly unknown[]): Input[] {
  return blocks.flatMap((block) => {
    const parsed = input.safeParse(block);
    return parsed.success ? [parsed.data] : [];
  });
}

/** Fills a modal's inputs as Slack's client does, and refuses what it refuses. */
export function fillForm(blocks: readonly unknown[], values: FormValues): FilledForm {
  const inputs = inputsOf(blocks);
  const unknown = Object.keys(values).filter((name) => !inputs.some(({ block_id }) => block_id === name));
  if (unknown.length > 0) throw new Error(`The form has no field ${unknown.join(', ')}.`);
  const state: Record<string, Record<string, Record<string, unknown>>> = {};
  const errors: Record<string, string> = {};
  for (const field of inputs) {
    const filled = fill(field, values[field.block_id]);
    if (typeof filled === 'string') errors[field.block_id] = filled;
    else state[field.block_id] = { [field.element.action_id]: filled };
  }
  return Object.keys(errors).length > 0 ? { ok: false, errors } : { ok: true, state };
}

/** The state of one input, or why the client would not send it. */
function fill({ element: field, optional }: Input, value: string | readonly string[] | undefined) {
  const { type } = field;
  if (type === 'checkboxes') {
    const chosen = (field.options ?? []).filter((one) => Array.isArray(value) && value.includes(one.value));
    return chosen.length === 0 && !optional
      ? 'Please complete this required field.'
      : { type, selected_options: chosen };
  }
  if (type === 'static_select' || type === 'radio_buttons') {
    const chosen = (field.options ?? []).find((one) => one.value === value) ?? null;
    return chosen === null && !optional ? 'Please complete this required field.' : { type, selected_option: chosen };
  }
  const entered = typeof value === 'string' ? value : (field.initial_value ?? '');
  if (entered === '') return optional ? { type, value: null } : 'Please complete this required field.';
  if (entered.length < (field.min_length ?? 0)) return `This field needs at least ${field.min_length} characters.`;
  if (entered.length > (field.max_length ?? 3_000))
    return `This field takes at most ${field.max_length ?? 3_000} characters.`;
  if (type === 'url_text_input' && !URL.canParse(entered)) return 'Enter a valid URL.';
  return { type, value: entered };
}
