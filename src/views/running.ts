import { isRevertible, type Since } from '../promotions/progress.js';
import type { Promotion } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import type { Verification } from '../promotions/running.js';
import { subjectLines } from './alert.js';
import { type Block, context, type Message, section } from './blocks.js';
import { releasesLink } from './dashboard.js';
import { crashedWords, lateWords } from './dynos.js';
import { revertButton } from './follow-up.js';
import { subject } from './headline.js';
import { misrouted } from './route.js';
import { code, person } from './text.js';

/** What was deployed doesn't run: one message, with a revert. null: nothing is wrong. */
export function crashedMessage(facts: {
  readonly promotion: Promotion;
  readonly verification: Verification;
  readonly since: Since | null;
  /** Whether the value before is known and was another, so that Revert works. */
  readonly isKnownBefore: boolean;
  readonly refusedRoute?: RefusedRoute | null;
}): Message | null {
  const { promotion, verification, since } = facts;
  const { report, state } = verification;
  if (report === null || (state !== 'crashed' && state !== 'late')) return null;
  const what = report.kind === 'crashed' ? crashedWords(report) : lateWords(report);
  const text = `:warning: *Live, but ${what}*: ${subject(promotion)}`;
  const blocks: Block[] = [
    section(text),
    section(
      [
        ...subjectLines(promotion),
        `*Look*: ${releasesLink(promotion.herokuApp, 'Heroku’s releases')}, ${logs(promotion)}`,
      ].join('\n'),
    ),
  ];
  const followed = since?.followedBy ?? null;
  const mayRevert = isRevertible(facts) && facts.isKnownBefore;
  if (mayRevert) {
    blocks.push({ type: 'actions', elements: [revertButton(promotion)] });
  } else if (followed !== null) {
    blocks.push(
      section(
        `*${followed.followUp === 'revert' ? 'Revert started' : 'Set again'}* by ${person(followed.operatorId)}: promotion ${followed.promotionId}`,
      ),
    );
  }
  blocks.push(
    context(
      `Promotion ${promotion.id} · it stays deployed${mayRevert ? '; Revert needs a superadmin and a code' : ''}`,
    ),
    ...(facts.refusedRoute == null ? [] : [misrouted(facts.refusedRoute)]),
  );
  return { text, blocks };
}

function logs({ herokuApp }: Promotion): string {
  return code(`heroku logs -a ${herokuApp}`, 100);
}
