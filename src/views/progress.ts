import { type AcceptedRelease, type ProgressFacts, wasHeldAlready } from '../promotions/progress.js';
import { isDeploying } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import { resolutionButtons, subjectLines } from './alert.js';
import { type Block, context, type Message, section } from './blocks.js';
import { outcomeHeadline, subject } from './headline.js';
import { COMMAND } from './ids.js';
import { misrouted } from './route.js';
import { moment, person, quote, when } from './text.js';

/** The one message that says how a promotion goes, updated at each step. */
export function progressMessage(facts: ProgressFacts & { readonly refusedRoute?: RefusedRoute | null }): Message {
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

function headline({ promotion, accepted }: ProgressFacts, drifted: boolean): string {
  const what = subject(promotion);
  // That Heroku ever held it is another system's word, where it is not on record here.
  if (drifted && accepted === null) return `:warning: ${what}: promoted, but *Heroku has another value*`;
  if (drifted) return `:warning: ${what}: promoted, but *changed on Heroku since*`;
  if (isDeploying(promotion)) return `:hourglass_flowing_sand: ${what} is being promoted`;
  // What no person resolved was ended by what Heroku said.
  if (promotion.resolvedBy === null && promotion.state === 'deployed') return `:white_check_mark: ${what} is *live*`;
  if (promotion.resolvedBy === null && promotion.state === 'failed') return `:no_entry: ${what}: promoting it *failed*`;
  return outcomeHeadline(promotion);
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
    // Heroku's own time; when this app noticed is told only where Heroku's isn't known.
    const at = accepted.createdAt === null ? `noticed ${moment(accepted.at)}` : moment(accepted.createdAt);
    return `*Heroku accepted*: as ${release}, ${at}`;
  }
  // A release from before may be under way still.
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
      return promotion.deployedAt === null ? [] : [`*Live*: seen ${moment(promotion.deployedAt)}`];
    case 'failed':
      return promotion.failedAt === null ? [] : [`*Failed*: ${moment(promotion.failedAt)}`];
    default:
      return [];
  }
}

/** Dynos restart when a release has succeeded, not while its release phase runs. */
function now(facts: ProgressFacts, accepted: AcceptedRelease | null): string {
  if (accepted === null) return 'Setting it on Heroku…';
  const release = accepted.version === null ? 'the release' : `release v${accepted.version}`;
  return wasHeldAlready(facts)
    ? `checking that ${release} succeeded…`
    : `${release} is running; the dynos restart once it has succeeded…`;
}
