import type { Attention } from '../promotions/attention.js';
import { person, when } from './text.js';

/** One line each on who has it and until when it is snoozed. */
export function attentionLines(attention: Attention | null): string[] {
  if (attention === null) return [];
  const { ownership, snooze } = attention;
  return [
    ...(ownership === null
      ? []
      : [`:raising_hand: *On it*: ${person(ownership.owner)}, since ${when(ownership.since)}`]),
    ...(snooze === null ? [] : [`:zzz: *Snoozed* by ${person(snooze.by)} until ${when(snooze.until)}`]),
  ];
}
