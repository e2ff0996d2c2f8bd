import type { Operator } from '../operators/operator.js';
import { type CompletionRefusal, type LeftOut, type LeftOutReason, MOST_COMPLETED } from '../promotions/completion.js';
import type { Evidence } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { codeInput, codeWords, needsSuperadmin } from './authority.js';
import { button, context, type FieldErrors, type Message, type Modal, notice, plainText, section } from './blocks.js';
import { evidenceLine } from './evidence.js';
import { subject } from './headline.js';
import { ACTION, BLOCK, VIEW } from './ids.js';
import { code, key, person } from './text.js';

/** Completes everything in a group that is proven live, at once. */

export const COMPLETION_TITLE = 'Complete all live';

/** Under a group's list. */
export function completeLiveButton(groupId: string) {
  return button(ACTION.completeLive, 'Complete all that is live…', { value: groupId });
}

/** Lists exactly what one code completes: a block each, and few others. */
export function completionModal(facts: {
  readonly listed: readonly { readonly promotion: Promotion; readonly evidence: Evidence }[];
  readonly more: number;
  readonly others: number;
  readonly unchecked: number;
  readonly privateMetadata: string;
}): Modal {
  const { listed, more, others, unchecked } = facts;
  const rest = [
    ...(more > 0
      ? [`*${more} more* ${are(more)} live. One code completes ${listed.length}: open this form again for the rest.`]
      : []),
    ...(others > 0
      ? [
          `${others} ${others === 1 ? 'isn’t' : 'aren’t'} proven live and ${others === 1 ? 'stays as it is' : 'stay as they are'}.`,
        ]
      : []),
    ...(unchecked > 0
      ? [`*${unchecked} ${weren(unchecked)} checked*: do these first, then open this form again.`]
      : []),
  ].join(' ');
  return {
    type: 'modal',
    callback_id: VIEW.completion,
    private_metadata: facts.privateMetadata,
    title: plainText(COMPLETION_TITLE),
    submit: plainText(`Complete ${listed.length}`),
    close: plainText('Cancel'),
    blocks: [
      section(
        `Records ${these(listed.length)} as *deployed*. Heroku isn’t touched. Final. What changes meanwhile is left out.${rest === '' ? '' : `\n${rest}`}`,
      ),
      codeInput(),
      ...listed.map(({ promotion, evidence }) =>
        section(`${subject(promotion)} · promotion ${promotion.id}\n${evidenceLine(promotion, evidence)}`),
      ),
    ],
  };
}

function these(count: number): string {
  return count === 1 ? 'this *1 promotion*' : `these *${count} promotions*`;
}

const are = (count: number) => (count === 1 ? 'is' : 'are');

const weren = (count: number) => (count === 1 ? 'wasn’t' : 'weren’t');

/** Instead of the form. */
export function nothingLiveWords(others: number, unchecked: number): string {
  if (unchecked > 0) {
    const none = others > 0 ? `Heroku proves none of ${others} live now. ` : '';
    return `${none}*${unchecked} ${weren(unchecked)} checked*: Heroku didn’t answer in time, or there are too many. Try again, or use *Show* and each one’s buttons.`;
  }
  return others === 0
    ? 'Nothing in this group is stuck any more.'
    : `Heroku proves none of these ${others} live now. Use *Show* and each one’s buttons.`;
}

const WHY: Record<LeftOutReason, string> = {
  unknown_promotion: 'no longer in the database',
  ended: 'has ended meanwhile',
  row_changed: 'changed meanwhile',
  evidence_changed: 'Heroku’s answer changed meanwhile',
  not_proven: 'Heroku didn’t prove it again',
  same_person: 'you marked or promoted it: somebody else has to complete it',
};
/** Enough for a whole list; only another version's form could have more. */
const MOST_NAMED = MOST_COMPLETED;

export function completedModal(completed: number, leftOut: readonly LeftOut[]): Modal {
  const saved = `:white_check_mark: *Saved.* ${completed} ${completed === 1 ? 'promotion is' : 'promotions are'} completed.`;
  const modal = notice(COMPLETION_TITLE, saved);
  return leftOut.length === 0 ? modal : { ...modal, blocks: [...modal.blocks, ...leftOutBlocks(leftOut)] };
}

function leftOutBlocks(leftOut: readonly LeftOut[]) {
  const rest = leftOut.length - MOST_NAMED;
  return [
    section(`*Left out, and not changed: ${leftOut.length}*`),
    ...leftOut.slice(0, MOST_NAMED).map((one) => section(leftOutLine(one))),
    ...(rest > 0 ? [context(`And ${rest} more. They are in the list.`)] : []),
  ];
}

function leftOutLine({ promotionId, promotion, why }: LeftOut): string {
  const what = promotion === null ? `Promotion ${promotionId}` : `${subject(promotion)} · promotion ${promotionId}`;
  const by = why === 'ended' && promotion?.resolvedBy != null ? ` (${person(promotion.resolvedBy)})` : '';
  return `${what}: ${WHY[why]}${by}`;
}

export type CompletionRefusalWords =
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'view'; readonly view: Modal };

export function completionRefusal(
  refusal: CompletionRefusal,
  around: { readonly now: Date; readonly superadmins: readonly Operator[] },
): CompletionRefusalWords {
  switch (refusal.kind) {
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
    case 'not_superadmin':
      return { kind: 'view', view: notice(COMPLETION_TITLE, needsCompletionRole(around.superadmins)) };
    case 'nothing_left': {
      const text = refusal.byThisRequest
        ? ':white_check_mark: *You already did this.* It is saved.'
        : '*Nothing was changed*: nothing on the list can be completed any more. Your code is still unused.';
      const modal = notice(COMPLETION_TITLE, text);
      return {
        kind: 'view',
        view: refusal.byThisRequest
          ? modal
          : { ...modal, blocks: [...modal.blocks, ...leftOutBlocks(refusal.leftOut)] },
      };
    }
  }
}

export function needsCompletionRole(superadmins: readonly Operator[]): string {
  return needsSuperadmin('complete these', superadmins);
}

const REPLY_NAMES = 5;

/** In the group's thread: who completed how many, with the first names. */
export function completedTogetherReply(
  completed: readonly Pick<Promotion, 'flagKey' | 'herokuApp'>[],
  count: number,
  by: string,
): Message {
  const names = completed
    .slice(0, REPLY_NAMES)
    .map(({ flagKey, herokuApp }) => `${key(flagKey, 40)} on ${key(herokuApp, 30)}`);
  const rest = count - names.length;
  const lead = `:white_check_mark: ${code(by)} completed *${count === 1 ? '1 promotion' : `${count} promotions`}* at once, all proven live by Heroku`;
  const text = `${lead}: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`;
  return { text, blocks: [section(text)] };
}
