import { type AcceptedRelease, isRevertible, type ProgressFacts, wasHeldAlready } from '../promotions/progress.js';
import { isDeploying } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import type { Verification } from '../promotions/running.js';
import { resolutionButtons, subjectLines } from './alert.js';
import { type Block, context, type Message, section } from './blocks.js';
import { runningWords } from './dynos.js';
import { revertButton } from './follow-up.js';
import { outcomeHeadline, subject } from './headline.js';
import { COMMAND } from './ids.js';
import { misrouted } from './route.js';
import { moment, person, quote, when } from './text.js';

/** The one message about a promotion's progress, updated at each step. */
export function progressMessage(
  facts: ProgressFacts & {
    /** Whether the value before is known and was another, so that Revert works. */
    readonly isKnownBefore: boolean;
    readonly refusedRoute?: RefusedRoute | null;
  },
): Message {
  const { promotion, driftNoticedAt } = facts;
  const drifted = isDeploying(promotion) && driftNoticedAt !== null;
  const text = headline(facts, drifted);
  const blocks: Block[] = [section(text), section([...subjectLines(promotion), ...steps(facts)].join('\n'))];
  if (drifted) {
    blocks.push(
      section(
        `*${facts.accepted === null ? 'Heroku has another value' : 'Somebody changed it on Heroku since'}*, noticed ${when(driftNoticedAt)}. This app leaves it as it is; you decide.`,
      ),
      resolutionButtons(promotion, null),
    );
  } else if (isDeploying(promotion) && promotion.lastError !== null) {
    blocks.push(
      section(
        `*Held up*; this app keeps trying:\n${quote(promotion.lastError, 500)}\nTo give up, use the buttons of \`${COMMAND} show ${promotion.id}\`.`,
      ),
    );
  }
  const reason = promotion.resolutionNote ?? promotion.failureReason;
  if (!isDeploying(promotion) && reason !== null && reason.trim() !== '')
    blocks.push(section(`*Because*\n${quote(reason)}`));
  if (isRevertible(facts) && facts.isKnownBefore) {
    blocks.push({ type: 'actions', elements: [revertButton(promotion)] });
  }
  blocks.push(
    context(
      isDeploying(promotion) && !drifted
        ? `Promotion ${promotion.id} · Continues by itself, even across restarts.`
        : `Promotion ${promotion.id}`,
    ),
    ...(facts.refusedRoute == null ? [] : [misrouted(facts.refusedRoute)]),
  );
  return { text, blocks };
}

function headline({ promotion, accepted, verification }: ProgressFacts, drifted: boolean): string {
  const what = subject(promotion);
  // Without a record here, only another system says that Heroku ever held it.
  if (drifted && accepted === null) return `:warning: ${what}: promoted, but *Heroku has another value*`;
  if (drifted) return `:warning: ${what}: promoted, but *changed on Heroku since*`;
  if (isDeploying(promotion)) return `:hourglass_flowing_sand: ${what} is being promoted`;
  // If no person resolved it, Heroku's answer ended it.
  if (promotion.resolvedBy === null && promotion.state === 'deployed') return liveHeadline(what, verification ?? null);
  if (promotion.resolvedBy === null && promotion.state === 'failed') return `:no_entry: ${what}: promoting it *failed*`;
  return outcomeHeadline(promotion);
}

function liveHeadline(what: string, verification: Verification | null): string {
  const isTrouble = verification?.state === 'crashed' || verification?.state === 'late';
  const sign = isTrouble ? ':warning:' : ':white_check_mark:';
  return `${sign} ${what} is *live${verification === null ? '' : runningWords(verification)}*`;
}

function steps(facts: ProgressFacts): string[] {
  const { promotion, accepted } = facts;
  const { promotedAt, promotedBy } = promotion;
  return [
    `*Promoted by*: ${person(promotedBy)}, ${promotedAt === null ? '_nobody knows when_' : moment(promotedAt)}`,
    ...(accepted === null ? [] : [acceptedLine(facts, accepted)]),
    ...whereItIs(facts),
  ];
}

function acceptedLine(facts: ProgressFacts, accepted: AcceptedRelease): string {
  const release = accepted.version === null ? 'a release' : `release v${accepted.version}`;
  if (!wasHeldAlready(facts)) {
    // Heroku's own time; if unknown, when this app noticed.
    const at = accepted.createdAt === null ? `noticed ${moment(accepted.at)}` : moment(accepted.createdAt);
    return `*Heroku accepted*: as ${release}, ${at}`;
  }
  // The earlier release may still be running.
  return isDeploying(facts.promotion)
    ? `*Heroku has it already*, in ${release}: nothing is set, nothing restarts.`
    : `*Heroku had it already*, since ${release}: nothing was set, nothing restarted.`;
}

function whereItIs(facts: ProgressFacts): string[] {
  const { promotion, accepted, driftNoticedAt } = facts;
  switch (promotion.state) {
    case 'deploying':
      if (driftNoticedAt !== null) return [];
      return [`*Now*: ${now(facts, accepted)}`];
    case 'deployed':
      return [
        ...(promotion.deployedAt === null ? [] : [`*Live*: seen ${moment(promotion.deployedAt)}`]),
        ...followedBy(facts),
      ];
    case 'failed':
      return promotion.failedAt === null ? [] : [`*Failed*: ${moment(promotion.failedAt)}`];
    default:
      return [];
  }
}

function followedBy({ since }: ProgressFacts): string[] {
  if (since?.followedBy == null) return [];
  const { followUp, promotionId, operatorId } = since.followedBy;
  const what = followUp === 'revert' ? 'Revert started' : 'Set again';
  return [`*${what}* by ${person(operatorId)}: promotion ${promotionId}`];
}

/** Dynos restart once a release has succeeded, not during its release phase. */
function now(facts: ProgressFacts, accepted: AcceptedRelease | null): string {
  if (accepted === null) return 'Setting it on Heroku…';
  const release = accepted.version === null ? 'the release' : `release v${accepted.version}`;
  return wasHeldAlready(facts)
    ? `checking that ${release} succeeded…`
    : `${release} is running; the dynos restart once it has succeeded…`;
}
