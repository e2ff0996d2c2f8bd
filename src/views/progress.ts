import { type AcceptedRelease, type ProgressFacts, wasHeldAlready } from '../promotions/progress.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import { COLOUR, resolutionButtons, subjectLines } from './alert.js';
import { type Block, context, type Message, section } from './blocks.js';
import { outcomeHeadline } from './headline.js';
import { COMMAND } from './ids.js';
import { misrouted } from './route.js';
import { code, moment, person, quote, when } from './text.js';

/** The one message that tells how a promotion goes; painted in place at each step, so that it always tells where it is. */
export function progressMessage(facts: ProgressFacts & { readonly refusedRoute?: RefusedRoute | null }): Message {
  const { promotion, driftNoticedAt } = facts;
  const drifted = isDeploying(promotion) && driftNoticedAt !== null;
  const text = headline(facts, drifted);
  const blocks: Block[] = [section([...subjectLines(promotion), ...steps(facts)].join('\n'))];
  if (drifted) {
    blocks.push(
      section(
        `*${facts.accepted === null ? 'Heroku holds another value' : 'Somebody changed it on Heroku since'}*, noticed ${when(driftNoticedAt)}. It is left as it is; a person decides.`,
      ),
      resolutionButtons(promotion, null),
    );
  } else if (isDeploying(promotion) && promotion.lastError !== null) {
    blocks.push(
      section(
        `*Held up*, and tried again by itself:\n${quote(promotion.lastError, 500)}\nTo give it up: \`${COMMAND} show ${promotion.id}\` has the buttons.`,
      ),
    );
  }
  const reason = promotion.resolutionNote ?? promotion.failureReason;
  if (!isDeploying(promotion) && reason !== null && reason.trim() !== '')
    blocks.push(section(`*Because*\n${quote(reason)}`));
  blocks.push(
    context(
      isDeploying(promotion) && !drifted
        ? `Promotion ${promotion.id} · It goes on by itself, whatever restarts meanwhile.`
        : `Promotion ${promotion.id}`,
    ),
    ...(facts.refusedRoute == null ? [] : [misrouted(facts.refusedRoute)]),
  );
  return { text, attachments: [{ color: colour(promotion, drifted), fallback: text, blocks }] };
}

function headline({ promotion, accepted }: ProgressFacts, drifted: boolean): string {
  const what = `${code(promotion.flagKey)} on ${code(promotion.herokuApp)}`;
  // That Heroku ever held it is another system's word, where it is not on record here.
  if (drifted && accepted === null) return `:warning: ${what}: promoted, but *not what Heroku holds*`;
  if (drifted) return `:warning: ${what}: promoted, but *no longer what Heroku holds*`;
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
    `*Started*: ${promotedAt === null ? '_nobody knows when_' : moment(promotedAt)}, by ${person(promotedBy)}`,
    ...(accepted === null ? [] : [acceptedLine(facts, accepted)]),
    ...whereItIs(facts),
  ];
}

function acceptedLine(facts: ProgressFacts, accepted: AcceptedRelease): string {
  const release = accepted.version === null ? 'a release' : `release v${accepted.version}`;
  if (!wasHeldAlready(facts)) return `*Heroku accepted*: as ${release}, ${moment(accepted.createdAt ?? accepted.at)}`;
  // A release from before may be under way still.
  return isDeploying(facts.promotion)
    ? `*Heroku had it already*: in ${release}. This promotion sets nothing and restarts nothing.`
    : `*Heroku held it already*: since ${release}. This promotion set nothing and restarted nothing.`;
}

function whereItIs(facts: ProgressFacts): string[] {
  const { promotion, accepted, driftNoticedAt } = facts;
  switch (promotion.state) {
    case 'deploying':
      if (driftNoticedAt !== null) return [];
      return [`*Now*: ${now(facts, accepted)}`];
    case 'deployed':
      return promotion.deployedAt === null ? [] : [`*Live*: known ${moment(promotion.deployedAt)}`];
    case 'failed':
      return promotion.failedAt === null ? [] : [`*Failed*: ${moment(promotion.failedAt)}`];
    default:
      return [];
  }
}

/** Dynos restart when a release has succeeded, not while its release phase runs. */
function now(facts: ProgressFacts, accepted: AcceptedRelease | null): string {
  if (accepted === null) return 'Heroku is being asked to set it…';
  const release = accepted.version === null ? 'the release' : `release v${accepted.version}`;
  return wasHeldAlready(facts)
    ? `it is made sure that ${release} succeeded…`
    : `${release} is running; the app’s dynos restart once it has succeeded…`;
}

function colour(promotion: Promotion, drifted: boolean): string {
  if (drifted) return COLOUR.owned;
  if (isDeploying(promotion)) return COLOUR.silenced;
  if (promotion.state === 'deployed') return COLOUR.resolved;
  return promotion.state === 'failed' ? COLOUR.firing : COLOUR.silenced;
}
