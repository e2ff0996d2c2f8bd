import type { AcceptOutcome, Drift } from '../promotions/drift.js';
import type { Since } from '../promotions/progress.js';
import type { Promotion } from '../promotions/promotion.js';
import type { RefusedRoute } from '../promotions/routing.js';
import { type Block, button, context, type Message, section } from './blocks.js';
import { releasesLink } from './dashboard.js';
import { heldValue, target } from './evidence.js';
import { subject } from './headline.js';
import { ACTION, COMMAND } from './ids.js';
import { misrouted } from './route.js';
import { code, key, label, moment, person } from './text.js';

interface DriftFacts {
  readonly promotion: Promotion;
  readonly drift: Drift;
  readonly followedBy: Since['followedBy'];
  /** Nobody has decided on it yet, and no later promotion counts. */
  readonly isOpen: boolean;
}

export function driftMessage(facts: DriftFacts & { readonly refusedRoute?: RefusedRoute | null }): Message {
  const { promotion, isOpen } = facts;
  const text = `:large_orange_circle: ${subject(promotion)} was *changed on Heroku since*${who(facts.drift)}`;
  return {
    text,
    blocks: [
      section(text),
      section([fact(facts), ...decided(facts)].join('\n')),
      ...(isOpen ? [driftButtons(promotion, facts.drift)] : []),
      context(
        isOpen
          ? `Promotion ${promotion.id} · Accept: any operator, Heroku isn’t touched. Set again: superadmin + code`
          : `Promotion ${promotion.id}`,
      ),
      ...(facts.refusedRoute == null ? [] : [misrouted(facts.refusedRoute)]),
    ],
  };
}

export function driftGroupMessage(facts: {
  readonly shown: readonly {
    readonly standing: { readonly promotion: Promotion } & Pick<Since, 'followedBy'>;
    readonly drift: Drift;
    readonly isOpen: boolean;
  }[];
  readonly total: number;
  readonly refusedRoute?: RefusedRoute | null;
}): Message {
  const { shown, total } = facts;
  const what = total === 1 ? '1 deployed flag was' : `${total} deployed flags were`;
  const text = `:large_orange_circle: ${what} *changed on Heroku since*`;
  const blocks: Block[] = [section(text)];
  for (const { standing, drift, isOpen } of shown) {
    const { promotion, followedBy } = standing;
    const one = { promotion, drift, followedBy, isOpen };
    blocks.push(
      section(
        [`${subject(promotion)}${who(drift)}`, fact(one), ...decided(one), `Promotion ${promotion.id}`].join('\n'),
      ),
      ...(isOpen ? [driftButtons(promotion, drift)] : []),
    );
  }
  if (total > shown.length) {
    blocks.push(context(`And ${total - shown.length} more: \`${COMMAND} list\`, then \`${COMMAND} show &lt;id&gt;\``));
  }
  blocks.push(
    context('Accept: any operator, Heroku isn’t touched. Set again: superadmin + code'),
    ...(facts.refusedRoute == null ? [] : [misrouted(facts.refusedRoute)]),
  );
  return { text, blocks };
}

/** Names only who is proven to have changed it. */
function who({ change }: Drift): string {
  return change === null ? '' : `, by ${code(change.by, 60)} in v${change.version}`;
}

function fact({ promotion, drift }: DriftFacts): string {
  const { change } = drift;
  const when =
    change === null
      ? ' (nobody is proven to have changed it)'
      : ` since ${releasesLink(promotion.herokuApp, `v${change.version}`)} (${moment(change.at)})`;
  const held = drift.value.kind === 'unset' ? 'is *not set*' : `= ${heldValue(drift.value)}`;
  return `${key(promotion.configVar)} ${held} (promoted: ${target(promotion)})${when}`;
}

function decided({ drift, followedBy, isOpen }: DriftFacts): string[] {
  if (drift.state === 'accepted') return [`:white_check_mark: *Accepted* by ${person(drift.acceptedBy)}`];
  if (isOpen) return [];
  if (followedBy !== null) {
    const what = followedBy.followUp === 'revert' ? 'Revert started' : 'Set again';
    return [`:white_check_mark: *${what}* by ${person(followedBy.operatorId)}: promotion ${followedBy.promotionId}`];
  }
  return [
    drift.state === 'over'
      ? ':white_check_mark: *Over*: Heroku has the promoted value again, or a later promotion replaced this one'
      : 'A later promotion replaced this one, or is running',
  ];
}

/** `Accept` carries the change that it was shown with. */
export function driftButtons({ id, flagKey, herokuApp }: Promotion, { seq }: Pick<Drift, 'seq'>): Block {
  return {
    type: 'actions',
    elements: [
      button(ACTION.acceptDrift, 'Accept', {
        value: acceptValue(id, seq),
        accessibilityLabel: label(`Accept the change of ${flagKey} on ${herokuApp}`, 75),
      }),
      button(ACTION.setAgain, 'Set again', {
        value: id,
        accessibilityLabel: label(`Set ${flagKey} on ${herokuApp} again`, 75),
      }),
    ],
  };
}

function acceptValue(promotionId: string, seq: number): string {
  return `${promotionId}:${seq}`;
}

/** null if it is no such value. */
export function readAcceptValue(value: string): { readonly promotionId: string; readonly seq: number } | null {
  const [, promotionId, seq] = /^(-?\d{1,19}):(\d{1,9})$/u.exec(value) ?? [];
  return promotionId === undefined || seq === undefined ? null : { promotionId, seq: Number(seq) };
}

export function acceptWords(outcome: Exclude<AcceptOutcome, { kind: 'not_operator' }>): string {
  switch (outcome.kind) {
    case 'accepted':
      return ':white_check_mark: *Accepted*. Heroku wasn’t touched. I’ll post again if it changes again.';
    case 'changed':
      return ':warning: *Nothing was accepted*: it changed again since. Look at the message once more.';
    case 'not_open':
      if (outcome.drift?.state === 'open')
        return 'Nothing to accept: a later promotion replaced this one, or is running.';
      return outcome.drift?.state === 'accepted'
        ? `:white_check_mark: *Accepted already*, by ${person(outcome.drift.acceptedBy)}.`
        : 'This is over: there is nothing to accept any more.';
  }
}
