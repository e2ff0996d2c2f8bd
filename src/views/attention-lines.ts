import type { Attention } from '../promotions/attention.js';
import { person, when } from './text.js';

export function attentionLines(attention: Attention | null): string[] {
  if (attention === null) return [];
  const { ownership, snooze } = attention;
  return [
    ...(ownership === null
      ? []
      : [`:raising_hand: ${person(ownership.owner)} is on it, since ${when(ownership.since)}`]),
    ...(snooze === null ? [] : [`:zzz: *Snoozed* by ${person(snooze.by)} until ${when(snooze.until)}`]),
  ];
}

/** For an alert, in few words; it also says if nobody is on it. */
export function attentionPhrases(attention: Attention | null): string[] {
  const { ownership = null, snooze = null } = attention ?? {};
  if (snooze === null) {
    return [
      ownership === null
        ? '*nobody is on it*'
        : `:raising_hand: ${person(ownership.owner)} on it since ${when(ownership.since)}`,
    ];
  }
  return [
    ownership === null ? 'nobody on it' : `:raising_hand: ${person(ownership.owner)} on it`,
    `:zzz: snoozed until ${when(snooze.until)}`,
  ];
}
