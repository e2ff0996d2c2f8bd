import type { Operator } from '../operators/operator.js';
import type { AllowedConfigVars } from '../promotions/config-vars.js';
import { type Evidence, looksTheSame, type PresentableValue, presentableValue } from '../promotions/evidence.js';
import type { FollowUp, FollowUpRefusal } from '../promotions/follow-up.js';
import { endedAt, type Promotion } from '../promotions/promotion.js';
import type { ChangedSince } from '../promotions/shown.js';
import { codeInput, codeWords, lookAgain, needsSecondPerson, needsSuperadmin } from './authority.js';
import {
  type Answer,
  type Block,
  button,
  type FieldErrors,
  type Modal,
  plainText,
  section,
  textAnswer,
} from './blocks.js';
import { heldValue, target, whyUnavailable } from './evidence.js';
import { outcomeHeadline, subject } from './headline.js';
import { ACTION, BLOCK, COMMAND, VIEW } from './ids.js';
import { alreadyActiveAnswer, notAllowedWords } from './mark.js';
import { ago, code, key, label, person, when } from './text.js';

const WORDS: Record<FollowUp, { title: string; verb: string; done: string; undone: string; action: string }> = {
  revert: {
    title: 'Revert',
    verb: 'Reverts',
    done: 'reverted',
    undone: 'Nothing was reverted.',
    action: 'revert this',
  },
  set_again: {
    title: 'Set again',
    verb: 'Sets again',
    done: 'set again',
    undone: 'Nothing was set.',
    action: 'set this again',
  },
};

export function followUpTitle(followUp: FollowUp): string {
  return WORDS[followUp].title;
}

export interface FollowUpFacts {
  readonly followUp: FollowUp;
  readonly promotion: Promotion;
  /** What it sets; null: it removes the config var. */
  readonly value: string | null;
  /** The promotion that `promotion` itself reverts; null: it is no revert. */
  readonly reverts: string | null;
  /** The id of the older promotion that was asked for; null: it is the newest. */
  readonly asked: string | null;
  /** null: Heroku is still being asked. */
  readonly evidence: Evidence | null;
  /** What changed since the form was last shown; null: it just opens. */
  readonly changed: ChangedSince | null;
  readonly privateMetadata: string;
}

/** A superadmin's form: what Heroku holds now, what it will hold, and the code. */
export function followUpModal(facts: FollowUpFacts): Modal {
  const { followUp, promotion, value } = facts;
  const { title, verb, undone } = WORDS[followUp];
  const after = presentableValue(value);
  const blocks: Block[] = [
    ...(facts.changed === null ? [] : [lookAgain(facts.changed, undone)]),
    section(
      `${verb} ${subject(promotion)}: ${key(promotion.configVar, 256)} ${target(promotion)} → *${afterwards(followUp, after)}*`,
    ),
    section(
      [
        ...warnings(facts),
        `*Now*: ${now(facts)}`,
        `*After*: ${heldValue(after)}${followUp === 'revert' ? `, as before promotion ${promotion.id}` : ''}`,
        consequence(facts.evidence, after),
      ].join('\n'),
    ),
    codeInput(),
  ];
  return {
    type: 'modal',
    callback_id: VIEW.followUp,
    private_metadata: facts.privateMetadata,
    title: plainText(title),
    submit: plainText(title),
    close: plainText('Not now'),
    blocks,
  };
}

function afterwards(followUp: FollowUp, after: PresentableValue): string {
  if (after.kind === 'unset') return 'not set';
  if (after.kind === 'plain') return code(after.value);
  return followUp === 'revert' ? 'what it was before' : 'its target';
}

function warnings({ promotion, asked, reverts, evidence, followUp }: FollowUpFacts): string[] {
  const { promotedBy, id } = promotion;
  const at = endedAt(promotion);
  const ended = at === null ? '' : `, ${when(at)}`;
  return [
    ...(asked === null
      ? []
      : [
          `:warning: *Promotion ${id} changed it after promotion ${asked}*, by ${person(promotedBy)}${ended}. This reverts promotion ${id}.`,
        ]),
    ...(reverts === null || followUp !== 'revert'
      ? []
      : [`:warning: *Promotion ${id} is a revert itself*, of promotion ${reverts}, by ${person(promotedBy)}.`]),
    ...changedWords(followUp, evidence),
  ];
}

/** A code may overwrite what somebody else has set since, so the form says so. */
function changedWords(followUp: FollowUp, evidence: Evidence | null): string[] {
  if (evidence?.kind !== 'read') return [];
  const { verdict, release } = evidence;
  if (verdict === 'changed_since') {
    const by = release === undefined ? '' : `, by ${code(release.by, 60)} in v${release.version}`;
    return [`:warning: *Changed on Heroku since*${by}. ${WORDS[followUp].title} overwrites that.`];
  }
  if (verdict === 'not_live' || verdict === 'release_failed') {
    return [`:warning: *Heroku holds another value* than this promotion set. ${WORDS[followUp].title} overwrites it.`];
  }
  if (verdict !== 'release_running') return [];
  return [`:warning: *${release === undefined ? 'A release' : `v${release.version}`} is still running.*`];
}

function now({ promotion, evidence }: FollowUpFacts): string {
  if (evidence === null) return ':hourglass_flowing_sand: Checking Heroku…';
  if (evidence.kind === 'unavailable') return `not known. ${whyUnavailable(promotion, evidence.reason)}`;
  return `${heldValue(evidence.value)} · checked ${ago(evidence.checkedAt)}`;
}

function consequence(evidence: Evidence | null, after: PresentableValue): string {
  // A hidden value may differ.
  if (evidence?.kind === 'read' && after.kind !== 'masked' && looksTheSame(evidence.value, after)) {
    return ':information_source: Heroku has this value already: nothing restarts, it is only recorded.';
  }
  return ':arrows_counterclockwise: Heroku makes a release and *restarts the dynos*.';
}

export function followUpAnswer(followUp: FollowUp, started: Promotion, channel: string): Answer {
  return textAnswer(
    `:hourglass_flowing_sand: ${subject(started)} is *being ${WORDS[followUp].done}* (${key(started.configVar)} → ${target(started)}). Follow it in <#${channel}>.`,
  );
}

type Words =
  | { readonly kind: 'field_errors'; readonly errors: FieldErrors }
  | { readonly kind: 'answer'; readonly answer: Answer };

/** Under the code's field if it is about the code, else an answer. */
export function followUpRefusalWords(
  refusal: FollowUpRefusal,
  followUp: FollowUp,
  around: {
    readonly now: Date;
    readonly operatorId: string;
    readonly superadmins: readonly Operator[];
    readonly configVars: AllowedConfigVars;
  },
): Words {
  const say = (text: string): Words => ({ kind: 'answer', answer: textAnswer(text) });
  const { done, undone, action } = WORDS[followUp];
  switch (refusal.kind) {
    case 'code_refused':
      return { kind: 'field_errors', errors: { [BLOCK.code]: codeWords(refusal.check, around.now) } };
    case 'not_superadmin':
    case 'not_operator':
      return say(needsSuperadmin(action, around.superadmins));
    case 'same_person':
      return say(needsSecondPerson(action, refusal, around));
    case 'unknown_promotion':
      return say('This promotion is no longer in the database.');
    case 'not_deployed':
      return say(`*${undone}* Only a deployed promotion can be ${done}. ${whereItStands(refusal.promotion)}`);
    case 'superseded':
      return say(`*${undone}* Promotion ${refusal.by.id} changed it since: \`${COMMAND} revert ${refusal.by.id}\``);
    case 'active':
      return { kind: 'answer', answer: alreadyActiveAnswer(refusal.promotion) };
    case 'already':
      return say(alreadyWords(followUp, refusal));
    case 'value_unknown':
      return say(
        `*${undone} The previous value is unknown*: nobody recorded what ${key(refusal.promotion.configVar)} was before promotion ${refusal.promotion.id}. Set it by hand: ${byHand(refusal.promotion)}`,
      );
    case 'changed_nothing':
      return say(
        `*Nothing to revert*: Heroku had this value before promotion ${refusal.promotion.id}, which changed nothing.`,
      );
    case 'not_allowed':
      return say(`*${undone}* ${notAllowedWords(refusal.promotion.configVar, around.configVars)}`);
  }
}

function byHand({ configVar, herokuApp }: Promotion): string {
  return code(`heroku config:set ${configVar}=… -a ${herokuApp}`, 200);
}

function alreadyWords(
  followUp: FollowUp,
  { promotion, byThisRequest }: Extract<FollowUpRefusal, { kind: 'already' }>,
): string {
  const who = byThisRequest
    ? 'You already did this'
    : `Already ${WORDS[followUp].done} by ${person(promotion.promotedBy)}`;
  return `:white_check_mark: *${who}*, as promotion ${promotion.id}. It is saved. Follow it: \`${COMMAND} show ${promotion.id}\``;
}

function whereItStands(promotion: Promotion): string {
  const { id, state } = promotion;
  if (state === 'marked') return `Promotion ${id} is only marked: \`${COMMAND} cancel ${id}\` cancels it.`;
  if (state === 'deploying') {
    return `Promotion ${id} is still deploying. *Mark failed* in \`${COMMAND} show ${id}\` can revert it.`;
  }
  return `${outcomeHeadline(promotion)}.`;
}

/** No promotion of the flag is deployed; `newest` is the last one. */
export function nothingDeployedWords(reference: string, newest: Promotion): string {
  return `No promotion of ${key(reference)} is deployed. ${whereItStands(newest)}`;
}

export const DEPLOYED_SHOWN = 10;

export function whichAppAnswer(flagKey: string, deployed: readonly Promotion[]): Answer {
  const text = `${key(flagKey)} is deployed on several apps. Which one should be reverted?`;
  const blocks: Block[] = [section(text)];
  for (const promotion of deployed.slice(0, DEPLOYED_SHOWN)) {
    const at = endedAt(promotion);
    blocks.push(
      section(
        `*${key(promotion.herokuApp)}*: ${key(promotion.configVar)} → ${target(promotion)}\nPromoted by ${person(promotion.promotedBy)}${at === null ? '' : `, live ${when(at)}`} · promotion ${promotion.id}`,
      ),
      { type: 'actions', elements: [revertButton(promotion)] },
    );
  }
  if (deployed.length > DEPLOYED_SHOWN) {
    blocks.push(section(`More apps have it: \`${COMMAND} list\`, then \`${COMMAND} revert &lt;id&gt;\``));
  }
  return { text, blocks };
}

export function revertButton({ id, flagKey, herokuApp }: Promotion) {
  return button(ACTION.revert, 'Revert', {
    value: id,
    accessibilityLabel: label(`Revert ${flagKey} on ${herokuApp}`, 75),
  });
}
