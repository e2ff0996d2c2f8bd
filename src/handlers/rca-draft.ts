import * as z from 'zod';
import type { RcaDraftOutcome } from '../promotions/rca-draft.js';
import { checkRcaUrl } from '../promotions/rca-url.js';
import { isRowId } from '../promotions/row-id.js';
import { referenceNote } from '../reference.js';
import { textAnswer } from '../views/blocks.js';
import { unknownPromotionWords, usageWords } from '../views/help.js';
import { ACTION } from '../views/ids.js';
import {
  type DraftRecording,
  draftedAnswer,
  draftedWords,
  draftingWords,
  draftRecordedWords,
  type SharedDraft,
} from '../views/rca-drafted.js';
import { allOrNothing, answer, answerAt, logFailure, mayHaveTakenEffect } from './answer.js';
import { refuseUnlessOperator } from './authority.js';
import { findPromotion } from './commands/show.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Clicks } from './handler.js';
import { type Command, unpackClick, unpackDraftClick } from './unpack.js';

const TITLE = 'Draft RCA';

export const rcaDraftClicks = {
  [ACTION.draftRca]: clickDraftRca,
  [ACTION.recordRcaDraft]: clickRecordRcaDraft,
} satisfies Clicks;

/** `Draft RCA` in the modal: drafts, uploads, and shows the result in the modal's place. */
async function clickDraftRca(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackDraftClick(body);
  const show = (words: string) =>
    answerAt(deps, { at: 'modal', viewId: click.viewId, title: TITLE }, textAnswer(words));
  const refusal = await allOrNothing(refuseUnlessOperator(deps, click));
  if (refusal !== null) return show(refusal.text);
  await show(draftingWords());
  await show(await allOrNothing(draftAndSay(deps, click)));
}

async function draftAndSay(
  deps: HandlerDependencies,
  click: { readonly value: string; readonly userId: string; readonly record: boolean },
): Promise<string> {
  if (!isRowId(click.value)) return unknownPromotionWords(click.value);
  const draft = await deps.draftRca(click.value, click.userId);
  if (draft.kind === 'unknown_promotion') return unknownPromotionWords(click.value);
  const recording: DraftRecording = click.record
    ? await record(deps, draft, click.userId).catch((error: unknown) => {
        // The draft exists whatever happened here: don't report a failure of all.
        logFailure(deps, error, {}, 'a draft could not be recorded as the RCA');
        return { kind: mayHaveTakenEffect(error) ? 'not_known' : 'failed' };
      })
    : { kind: 'not_asked' };
  return said(deps, draft, recording);
}

/** The draft in words, with the reference if something of it failed. */
function said({ rcaUrlHosts }: HandlerDependencies, draft: SharedDraft, recording: DraftRecording): string {
  const failed = draft.kind === 'unconfirmed' || FAILED.has(recording.kind);
  return `${draftedWords(draft, recording, rcaUrlHosts)}${failed ? referenceNote() : ''}`;
}

const FAILED: ReadonlySet<DraftRecording['kind']> = new Set(['no_address', 'failed', 'not_known']);

/** `/flag-promotions rca draft <id | flag-key>` */
export async function commandDraftRca(deps: HandlerDependencies, command: Command, reference: string): Promise<void> {
  // A failure here shared nothing (draftRca), even if Slack’s answer got lost.
  await answer(deps, command.responseUrl, await allOrNothing(draftFor(deps, command, reference)));
}

async function draftFor(deps: HandlerDependencies, command: Command, reference: string) {
  if (reference === '') return textAnswer(usageWords('rca'));
  const refusal = await refuseUnlessOperator(deps, command);
  if (refusal !== null) return refusal;
  const promotion = await findPromotion(deps, reference);
  const draft: RcaDraftOutcome =
    promotion === null ? { kind: 'unknown_promotion' } : await deps.draftRca(promotion.id, command.userId);
  if (draft.kind === 'unknown_promotion') return textAnswer(unknownPromotionWords(reference));
  const recordable = recordableUrl(deps, draft);
  const words = said(deps, draft, recordable.kind === 'url' ? { kind: 'not_asked' } : recordable);
  return draftedAnswer(
    words,
    recordable.kind === 'url' ? JSON.stringify({ promotionId: draft.promotion.id, url: recordable.url }) : null,
  );
}

const offered = z.object({ promotionId: z.string().refine(isRowId), url: z.string() });

/** `Record it as the RCA` under the command's answer. */
async function clickRecordRcaDraft(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const { promotionId, url } = offered.parse(JSON.parse(click.value));
  await answer(deps, click.responseUrl, await recordAndSay(deps, click, promotionId, url), { replace: true });
}

async function recordAndSay(
  deps: HandlerDependencies,
  who: { readonly userId: string; readonly teamId: string | null },
  promotionId: string,
  url: string,
) {
  const refusal = await refuseUnlessOperator(deps, who);
  if (refusal !== null) return refusal;
  const promotion = await deps.db.promotions.find(promotionId);
  if (promotion === null) return textAnswer(unknownPromotionWords(promotionId));
  const recording = await recordUrl(deps, promotionId, url, who.userId);
  return textAnswer(draftRecordedWords(promotion, recording, deps.rcaUrlHosts));
}

/** The address to record; if there is none, why, as far as it is worth saying. */
function recordableUrl(
  deps: HandlerDependencies,
  { promotion, permalink }: SharedDraft,
): { readonly kind: 'url'; readonly url: string } | DraftRecording {
  if (promotion.rcaUrl !== null || permalink === null) return { kind: 'not_asked' };
  const checked = checkRcaUrl(permalink, deps.rcaUrlHosts);
  return checked.ok ? { kind: 'url', url: checked.url } : { kind: 'not_allowed', fault: checked.fault };
}

async function record(
  deps: HandlerDependencies,
  { promotion, permalink }: SharedDraft,
  userId: string,
): Promise<DraftRecording> {
  return permalink === null ? { kind: 'no_address' } : recordUrl(deps, promotion.id, permalink, userId);
}

/** Records an address if there is none yet; the database decides with the row locked. */
async function recordUrl(
  deps: HandlerDependencies,
  promotionId: string,
  permalink: string,
  operatorId: string,
): Promise<DraftRecording> {
  const checked = checkRcaUrl(permalink, deps.rcaUrlHosts);
  if (!checked.ok) return { kind: 'not_allowed', fault: checked.fault };
  const outcome = await deps.db.promotions.linkRca({
    promotionId,
    url: checked.url,
    operatorId,
    at: deps.now(),
    onlyFirst: true,
  });
  switch (outcome.kind) {
    case 'linked':
      await deps.showInSlack(promotionId);
      return { kind: 'recorded' };
    case 'unchanged':
      return { kind: 'recorded' };
    case 'already_linked':
      return { kind: 'already_linked', url: outcome.promotion.rcaUrl ?? '' };
    case 'not_operator':
      return { kind: 'not_operator' };
    case 'unknown_promotion':
      return { kind: 'no_address' };
  }
}
