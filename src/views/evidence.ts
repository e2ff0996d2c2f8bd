import type { Evidence, PresentableValue, UnavailableReason } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { presentableValue } from '../promotions/evidence.js';
import { code, moment } from './text.js';

/** What Heroku says, what that means, and what to do about it; `null` while it is being asked. */
export function evidenceText(promotion: Promotion, evidence: Evidence | null): string {
  const variable = code(promotion.configVar);
  if (evidence === null) return ':hourglass_flowing_sand: *Heroku* is being asked…';
  if (evidence.kind === 'unavailable') {
    return `:grey_question: *Not known whether it is live.* ${whyUnavailable(evidence.reason)}\n_Asked ${moment(evidence.checkedAt)}_`;
  }
  const checked = `_Checked ${moment(evidence.checkedAt)}_`;
  if (evidence.verdict === 'live') {
    return `:large_green_circle: *Live.* On Heroku ${variable} is ${heldValue(evidence.value)}, which is the target. *Mark completed* is right.\n${checked}`;
  }
  return `:red_circle: *Not live.* On Heroku ${variable} is ${heldValue(evidence.value)}; the target is ${target(promotion)}. *Mark failed* is right.\n${checked}`;
}

/** What Heroku holds, as the end of a sentence. */
export function heldValue(value: PresentableValue): string {
  switch (value.kind) {
    case 'unset':
      return '*not set*';
    case 'plain':
      return code(value.value);
    case 'masked':
      return 'set to a value that is not shown here';
  }
}

/** The value a promotion sets, masked where it may be a secret. */
export function target(promotion: Pick<Promotion, 'targetValue'>): string {
  const value = presentableValue(promotion.targetValue);
  switch (value.kind) {
    case 'unset':
      return '_not set_';
    case 'plain':
      return code(value.value);
    case 'masked':
      return '_a value that is not shown_';
  }
}

/** Why Heroku’s answer is not there, and what to do instead. */
export function whyUnavailable(reason: UnavailableReason): string {
  return WHY_UNAVAILABLE[reason];
}

const WHY_UNAVAILABLE: Record<UnavailableReason, string> = {
  not_configured:
    'This app has no HEROKU_API_KEY, so it cannot look. Check with `heroku config:get` before you decide.',
  no_answer: 'Heroku did not answer. Check its status, or with `heroku config:get`, before you decide.',
  rate_limited: 'Heroku answered that it was asked too often. It will be asked again when you open the form.',
  refused: 'Heroku refused to say: the API key may not read this app’s config vars.',
  app_not_found: 'Heroku knows no app of this name, or the API key may not see it.',
};
