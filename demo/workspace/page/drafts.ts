import { z } from 'zod';
import type { Entered } from '../protocol/acts.js';
import type { BlockData, ViewData } from '../protocol/snapshot.js';
import type { Value } from './blocks/fields.js';
import { type Input, input } from './blocks/shapes.js';

export interface KeptDraft {
  readonly blockId: string;
  readonly actionId: string;
  readonly type: string;
  readonly value: Value;
}

const option = z.looseObject({ value: z.string() });
const state = z.looseObject({
  value: z.string().nullish(),
  selected_option: option.nullish(),
  selected_options: z.array(option).optional(),
  selected_date: z.string().nullish(),
  selected_time: z.string().nullish(),
  selected_user: z.string().nullish(),
  selected_conversation: z.string().nullish(),
});

export function inputsOf(blocks: readonly BlockData[]): readonly Input[] {
  return blocks.flatMap((block) => input.safeParse(block).data ?? []);
}

/** Each field's value: what was entered into it, else Slack's. */
export function valuesOf(view: ViewData, drafts: readonly KeptDraft[]): Entered {
  return Object.fromEntries(
    inputsOf(view.blocks).map(({ block_id: blockId, element }) => {
      const draft = drafts.find(
        (kept) => kept.blockId === blockId && kept.actionId === element.action_id && kept.type === element.type,
      );
      const value = draft?.value ?? held(view.state[blockId]?.[element.action_id]);
      return [blockId, asSent(value)];
    }),
  );
}

function held(of: unknown): Value {
  const { data } = state.safeParse(of);
  if (data?.selected_options !== undefined) return data.selected_options.map(({ value }) => value);
  return (
    data?.value ??
    data?.selected_option?.value ??
    data?.selected_date ??
    data?.selected_time ??
    data?.selected_user ??
    data?.selected_conversation ??
    ''
  );
}

/** A value in the form that the server expects. */
export function asSent(value: Value): string | string[];
export function asSent(value: Value | null): string | string[] | null;
export function asSent(value: Value | null): string | string[] | null {
  return value === null || typeof value === 'string' ? value : [...value];
}
