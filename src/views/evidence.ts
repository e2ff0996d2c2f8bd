import { CLOCK_SKEW_MS } from '../promotions/progress.js';
import type { Evidence, EvidenceRelease, PresentableValue, UnavailableReason } from '../promotions/evidence.js';
import { presentableValue } from '../promotions/evidence.js';
import { parseCheckpoint } from '../promotions/promoting.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { code, moment, utc } from './text.js';

/** What Heroku says, what that means, and what to do about it; `null` while it is being asked. */
export function evidenceText(promotion: Promotion, evidence: Evidence | null): string {
  const variable = code(promotion.configVar);
  if (evidence === null) return ':hourglass_flowing_sand: *Heroku* is being asked…';
  if (evidence.kind === 'unavailable') {
    return [
      `:grey_question: *Not known whether it is live.* ${whyUnavailable(evidence.reason)}`,
      ...(wasTaken(promotion) ? [`${TAKEN}; whether it is in force is not known.`] : []),
      `_Asked ${moment(evidence.checkedAt)}_`,
    ].join('\n');
  }
  const held = `On Heroku ${variable} is ${heldValue(evidence.value)}`;
  return [
    ...verdictLines(promotion, evidence, held),
    ...lostWrite(promotion, evidence),
    `_Checked ${moment(evidence.checkedAt)}_`,
  ].join('\n');
}

type Read = Extract<Evidence, { kind: 'read' }>;

/** The verdict, what it rests on, and what to do: a line each. */
function verdictLines(promotion: Promotion, { verdict, release }: Read, held: string): string[] {
  const name = release === undefined ? 'a release' : made(release);
  const since =
    release === undefined ? [] : [`Since ${made(release)}${release.orEarlier ? ', or an earlier one' : ''}.`];
  switch (verdict) {
    case 'live':
      return [`:large_green_circle: *Live.* ${held}, which is the target.`, ...since, '*Mark completed* is right.'];
    case 'not_live':
      return [
        `:red_circle: *Not live.* ${held}; the target is ${target(promotion)}.`,
        ...since,
        parseCheckpoint(promotion.checkpoint).kind === 'intent'
          ? 'This app is still to set it, and goes on trying by itself. *Mark failed* gives that up.'
          : '*Mark failed* is right.',
      ];
    case 'release_running':
      return [
        `:hourglass_flowing_sand: *Release still running.* ${held}; ${name}, is to make it ${target(promotion)} and has not ended.`,
        'Neither is right yet: wait until it has ended.',
      ];
    case 'release_failed':
      return [
        `:red_circle: *Release failed.* ${held}; ${name}, was to make it ${target(promotion)}.`,
        '*Mark failed* is right.',
      ];
    case 'changed_since':
      return [
        `:warning: *Somebody changed it since.* ${held}, by ${name}; the target was ${target(promotion)}.`,
        'Ask them first. Unless it goes back, *Mark failed* is right.',
      ];
  }
}

function made({ version, status, createdAt, by }: EvidenceRelease): string {
  return `release v${version} (${status}), ${moment(createdAt)}, by ${code(by, 60)}`;
}

const TAKEN = 'Its checkpoint says that Heroku took the change';

function wasTaken({ checkpoint }: Promotion): boolean {
  return parseCheckpoint(checkpoint).kind === 'pending_commit';
}

/** A promoter that lives looks again each quarter of an hour at least: what is not written by then was lost. */
const WRITTEN_WITHIN_MS = 30 * 60_000;

/** The incident of 2026-05-09, told apart: the change was taken, and what was lost is the note of it. */
function lostWrite(promotion: Promotion, { verdict, release, checkedAt }: Read): string[] {
  if (!wasTaken(promotion)) return [];
  switch (verdict) {
    case 'live': {
      // A release of before the promotion began, or one that another may have preceded, is not when it was taken.
      const since = deployingSince(promotion).getTime() - CLOCK_SKEW_MS;
      const took = release !== undefined && !release.orEarlier && release.createdAt.getTime() >= since ? release : null;
      const when = took === null ? '' : ` at ${moment(took.createdAt)}`;
      const age = checkedAt.getTime() - (took?.createdAt.getTime() ?? since);
      return [
        `Heroku took the change${when}, the write after it ${age > WRITTEN_WITHIN_MS ? 'was lost' : 'is still to come, and this app makes it by itself'}.`,
      ];
    }
    case 'not_live':
    case 'changed_since':
      return [`${TAKEN}, which is no longer in force.`];
    case 'release_running':
    case 'release_failed':
      return [];
  }
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
  delinquent: 'Heroku refused: the account has an unpaid bill (`delinquent`). Settle it in Heroku’s dashboard.',
  two_factor:
    'Heroku refused: this API key needs a second factor (`two_factor`). Use a key of `heroku authorizations:create`.',
  suspended: 'Heroku refused: the account or the app is suspended (`suspended`). Ask Heroku’s support.',
  conflict: 'Heroku is busy with another change of this app (`conflict`). I ask again by myself.',
};

/** What is noted of a promotion that the app committed by itself: plain text, as people's notes are. */
export function autoCompleteNote(proof: Evidence): string {
  const release = proof.kind === 'read' ? proof.release : undefined;
  const since =
    release === undefined
      ? ''
      : `, since release v${release.version} of ${utc(release.createdAt)}, made by ${release.by}`;
  return `Found live on Heroku${since}, and committed by this app (AUTO_COMMIT=live). No person was asked.`;
}
