import type {
  Evidence,
  EvidenceRelease,
  PresentableValue,
  ReadVerdict,
  UnavailableReason,
} from '../promotions/evidence.js';
import { presentableValue } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { code, moment, utc } from './text.js';

/** What Heroku says, what that means, and what to do about it; `null` while it is being asked. */
export function evidenceText(promotion: Promotion, evidence: Evidence | null): string {
  const variable = code(promotion.configVar);
  if (evidence === null) return ':hourglass_flowing_sand: *Heroku* is being asked…';
  if (evidence.kind === 'unavailable') {
    return `:grey_question: *Not known whether it is live.* ${whyUnavailable(evidence.reason)}\n_Asked ${moment(evidence.checkedAt)}_`;
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
  const name = release === undefined ? 'the release' : `release v${release.version}`;
  switch (verdict) {
    case 'live':
      return [
        `:large_green_circle: *Live.* ${held}, which is the target.`,
        ...(release === undefined ? [] : [`Since ${made(release)}${release.orEarlier ? ', or an earlier one' : ''}.`]),
        '*Mark completed* is right.',
      ];
    case 'not_live':
      return [`:red_circle: *Not live.* ${held}; the target is ${target(promotion)}.`, '*Mark failed* is right.'];
    case 'release_running':
      return [
        `:hourglass_flowing_sand: *Release still running.* ${held}; ${release === undefined ? name : made(release)} is to make it ${target(promotion)}.`,
        'Neither is right yet: wait until it has ended.',
      ];
    case 'release_failed':
      return [
        `:red_circle: *Release failed.* ${held}; ${release === undefined ? name : made(release)}, which was to make it ${target(promotion)}, ${release?.status === 'expired' ? 'expired' : 'failed'}.`,
        '*Mark failed* is right.',
      ];
    case 'changed_since':
      return [
        `:warning: *Somebody changed it since.* ${held}, by ${release === undefined ? name : made(release)}; the target was ${target(promotion)}.`,
        'Ask them first. Unless it goes back, *Mark failed* is right.',
      ];
  }
}

function made({ version, createdAt, by }: EvidenceRelease): string {
  return `release v${version}, ${moment(createdAt)}, by ${code(by, 60)}`;
}

/** The incident of 2026-05-09, told apart: the change was taken, and what was lost is the note of it. */
function lostWrite(promotion: Promotion, { verdict, release }: Read): string[] {
  if (verdict !== 'live' || promotion.checkpoint?.startsWith('PENDING_COMMIT') !== true) return [];
  const when = release === undefined ? '' : ` at ${moment(release.createdAt)}`;
  return [`Heroku took the change${when}; the write after it was lost.`];
}

/** The verdict in a line, for a list. */
export function verdictLine(evidence: Evidence): string {
  if (evidence.kind === 'unavailable') return `:grey_question: Not known whether it is live: ${SHORT[evidence.reason]}`;
  const { release } = evidence;
  const by = release === undefined ? '' : ` (release v${release.version}, ${moment(release.createdAt)})`;
  return `${SHORT_VERDICT[evidence.verdict]}${by}`;
}

const SHORT_VERDICT: Record<ReadVerdict, string> = {
  live: ':large_green_circle: Live',
  not_live: ':red_circle: Not live',
  release_running: ':hourglass_flowing_sand: Release still running',
  release_failed: ':red_circle: Release failed',
  changed_since: ':warning: Somebody changed it since',
};

const SHORT: Record<UnavailableReason, string> = {
  not_configured: 'no HEROKU_API_KEY',
  no_answer: 'Heroku did not answer',
  rate_limited: 'Heroku was asked too often',
  refused: 'the API key may not look',
  app_not_found: 'Heroku knows no such app',
};

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

/** What is noted of a promotion that the app committed by itself: plain text, as people's notes are. */
export function autoCommitNote(proof: Evidence): string {
  const release = proof.kind === 'read' ? proof.release : undefined;
  const since =
    release === undefined
      ? ''
      : `, since release v${release.version} of ${utc(release.createdAt)}, made by ${release.by}`;
  return `Found live on Heroku${since}, and committed by this app (AUTO_COMMIT=live). No person was asked.`;
}
