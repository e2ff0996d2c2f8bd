import type { Promotion } from '../promotions/promotion.js';
import type { RcaDraftOutcome } from '../promotions/rca-draft.js';
import type { RcaUrlFault } from '../promotions/rca-url.js';
import { rcaLink } from './alert.js';
import { needsOperator } from './authority.js';
import { type Answer, button, section } from './blocks.js';
import { ACTION, COMMAND } from './ids.js';
import { rcaUrlWords } from './rca.js';
import { code, key, link } from './text.js';

/** The message that shares a draft. `askedBy` is a name, not a mention: nobody is pinged. */
export function draftComment(promotion: Promotion, askedBy: string, where: 'thread' | 'channel'): string {
  const what = `Draft of the RCA of ${key(promotion.flagKey)} on ${key(promotion.herokuApp)}`;
  const which = where === 'channel' ? ` (promotion ${promotion.id}, no alert here)` : '';
  return `:memo: ${what}${which}, asked for by ${code(askedBy)}\nIt has what is on record. Please fill in the lines that begin with *To answer*.`;
}

export type SharedDraft = Extract<RcaDraftOutcome, { kind: 'shared' | 'unconfirmed' }>;

/** Whether a draft became the promotion's RCA, if that was asked for. */
export type DraftRecording =
  | { readonly kind: 'not_asked' }
  | { readonly kind: 'recorded' }
  | { readonly kind: 'already_linked'; readonly url: string }
  | { readonly kind: 'not_allowed'; readonly fault: RcaUrlFault }
  /** Slack didn't give the file's address, or didn't say whether it took the file. */
  | { readonly kind: 'no_address' }
  /** They lost their role meanwhile. */
  | { readonly kind: 'not_operator' }
  /** The database didn't do it, or nobody knows whether it did. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'not_known' };

export function draftingWords(): string {
  return ':hourglass_flowing_sand: *Drafting…* Reading the promotion, Heroku’s releases and the thread.';
}

export function draftedWords(draft: SharedDraft, recording: DraftRecording, allowedHosts: readonly string[]): string {
  const { promotion, where, permalink } = draft;
  const place = where === 'thread' ? 'the alert’s thread' : 'the alert channel (it has no alert there)';
  if (draft.kind === 'unconfirmed') {
    return `:grey_question: Slack did not say whether it took the draft for ${key(promotion.flagKey)}. Look in ${place} in a minute. If it isn’t there, ask again; a second draft does no harm.`;
  }
  const file = permalink === null ? 'The draft' : link(permalink, 'The draft');
  const recorded = recordingWords(recording, allowedHosts);
  return `:memo: ${file} for ${key(promotion.flagKey)} is in ${place}.${recorded === '' ? '' : `\n${recorded}`}`;
}

function recordingWords(recording: DraftRecording, allowedHosts: readonly string[]): string {
  switch (recording.kind) {
    case 'not_asked':
      return '';
    case 'recorded':
      return 'It is recorded as the RCA.';
    case 'already_linked':
      return `It was not recorded: an RCA is already linked, ${rcaLink(recording.url)}.`;
    case 'not_allowed':
      return `It can’t be recorded as the RCA. ${rcaUrlWords(recording.fault, allowedHosts)}`;
    case 'no_address':
      return 'It was not recorded: Slack did not give its link. Link it once it is there.';
    case 'not_operator':
      return needsOperator('link an RCA', []);
    case 'failed':
      return `It was not recorded: saving failed. ${linkByHand()}`;
    case 'not_known':
      return `It may have been recorded. ${linkByHand()} Twice does no harm.`;
  }
}

function linkByHand(): string {
  return `Link it by hand: ${code(`${COMMAND} rca <id | flag-key> https://…`)}.`;
}

/** The command's answer. `value` comes back with the button; null: nothing to record. */
export function draftedAnswer(words: string, value: string | null): Answer {
  if (value === null) return { text: words, blocks: [section(words)] };
  const offer = button(ACTION.recordRcaDraft, 'Record it as the RCA', { value });
  return { text: words, blocks: [section(words), { type: 'actions', elements: [offer] }] };
}

export function draftRecordedWords(
  promotion: Promotion,
  recording: DraftRecording,
  allowedHosts: readonly string[],
): string {
  return recording.kind === 'recorded'
    ? `:page_facing_up: The draft is recorded as the RCA of ${key(promotion.flagKey)}.`
    : recordingWords(recording, allowedHosts);
}
