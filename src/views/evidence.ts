import {
  type Evidence,
  type EvidenceRelease,
  type PresentableValue,
  presentableValue,
  type UnavailableReason,
} from '../promotions/evidence.js';
import { CLOCK_SKEW_MS } from '../promotions/progress.js';
import { parseCheckpoint } from '../promotions/promoting.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { releasesLink } from './dashboard.js';
import { ago, code, key, moment, utc } from './text.js';

/** What Heroku says of a promotion, in the pieces that an alert, a list and a form put together. */
export interface Finding {
  readonly sign: string;
  /** Whether it is live, in two or three words. */
  readonly verdict: string;
  /** What that rests on: the value, and the release where it is proven. */
  readonly fact: string;
  /** What to do, where `fact` doesn't say it. */
  readonly advice: string | null;
  /** Verdict and advice in one breath, for a lock screen. */
  readonly brief: string;
  /** Heroku applied it and the console's row doesn't say so. */
  readonly isUnrecorded: boolean;
}

const COMPLETED = 'Press *Mark completed*';
const FAILED = 'Press *Mark failed*';

/** `null` while Heroku is being asked. */
export function findingOf(promotion: Promotion, evidence: Evidence | null): Finding {
  if (evidence === null) return { ...NOTHING_YET, isUnrecorded: false };
  if (evidence.kind === 'read') return readFinding(promotion, evidence);
  return {
    sign: ':grey_question:',
    verdict: 'Not known whether it is live.',
    fact: whyUnavailable(promotion, evidence.reason),
    advice: null,
    brief: 'Can’t tell if it’s live: check first.',
    isUnrecorded: false,
  };
}

const NOTHING_YET = {
  sign: ':hourglass_flowing_sand:',
  verdict: 'Checking Heroku…',
  fact: 'No answer yet',
  advice: 'Wait for it',
  brief: 'Checking Heroku whether it is live.',
} as const;

type Read = Extract<Evidence, { kind: 'read' }>;

function readFinding(promotion: Promotion, evidence: Read): Finding {
  const { verdict, release } = evidence;
  const value = `${key(promotion.configVar)} ${isValue(evidence.value)}`;
  const should = `${value} (should be ${target(promotion)})`;
  const version = release === undefined ? 'the release' : `v${release.version}`;
  switch (verdict) {
    case 'live':
      return {
        sign: ':large_green_circle:',
        verdict: 'Live.',
        fact: `${value} ${since(promotion, release)}`,
        advice: COMPLETED,
        brief: 'It IS live: press Mark completed.',
        isUnrecorded: wasApplied(promotion) && isRecordLost(promotion, evidence),
      };
    case 'not_live':
      return {
        sign: ':red_circle:',
        verdict: 'Not live.',
        fact: should,
        ...(parseCheckpoint(promotion.checkpoint).kind === 'intent'
          ? {
              advice: 'This app keeps trying by itself; *Mark failed* gives up',
              brief: 'NOT live yet: wait, or Mark failed.',
            }
          : { advice: FAILED, brief: 'It is NOT live: press Mark failed.' }),
        isUnrecorded: false,
      };
    case 'release_running':
      return {
        sign: ':hourglass_flowing_sand:',
        verdict: `Not live yet: ${version} is running.`,
        fact: evidence.value.kind !== 'masked' && isTarget(promotion, evidence.value) ? value : should,
        advice: 'Wait for the release to finish',
        brief: `NOT live yet: ${version} is running, wait.`,
        isUnrecorded: false,
      };
    case 'release_failed':
      return {
        sign: ':red_circle:',
        verdict: `Not live: ${version} failed.`,
        fact: should,
        advice: FAILED,
        brief: `NOT live, ${version} failed: press Mark failed.`,
        isUnrecorded: false,
      };
    case 'changed_since': {
      // Whoever made the release that changed it did so: that much is proven.
      const who = release === undefined ? 'Somebody' : code(release.by, 60);
      return {
        sign: ':large_orange_circle:',
        verdict: 'No longer live.',
        fact: changed(promotion, evidence),
        advice: `${who} changed it: ask. If it stays, press *Mark failed*`,
        brief: `NOT live: ${who} changed it. Ask, or Mark failed.`,
        isUnrecorded: false,
      };
    }
  }
}

/** The maker is named only where it is proven that this release brought the value. */
function since(promotion: Promotion, release: EvidenceRelease | undefined): string {
  if (release === undefined) return 'since an unknown release';
  const version = releasesLink(promotion.herokuApp, `v${release.version}`);
  return release.orEarlier
    ? `since ${version} or earlier`
    : `since ${version} (${moment(release.createdAt)}, ${code(release.by, 60)})`;
}

function changed({ configVar, herokuApp }: Promotion, { value, release }: Read): string {
  const isNow = value.kind === 'unset' ? '*removed*' : `= ${heldValue(value)}`;
  const as =
    release === undefined
      ? ''
      : ` ${value.kind === 'unset' ? 'in' : 'since'} ${releasesLink(herokuApp, `v${release.version}`)} (${moment(release.createdAt)})`;
  return `${key(configVar)} ${isNow}${as}`;
}

/** All that Heroku says, for lists: the verdict and what to do, what was lost, and when it was checked. */
export function evidenceText(promotion: Promotion, evidence: Evidence | null): string {
  const { sign, verdict, fact, advice } = findingOf(promotion, evidence);
  if (evidence === null) return `${sign} *${verdict}*`;
  return [
    `${sign} *${verdict}* ${fact}${advice === null ? '' : `. → ${advice}`}`,
    ...appliedLines(promotion, evidence),
    `_Checked ${ago(evidence.checkedAt)}_`,
  ].join('\n');
}

/** In one line, for a form, whose button is chosen already. */
export function evidenceLine(promotion: Promotion, evidence: Evidence | null): string {
  const { sign, verdict, fact, isUnrecorded } = findingOf(promotion, evidence);
  if (evidence === null) return `${sign} *${verdict}*`;
  return `${sign} *${verdict}* ${fact}${isUnrecorded ? UNRECORDED : ''} · checked ${ago(evidence.checkedAt)}`;
}

/** After the fact that it is live: Heroku applied it, and only the record of that was lost. */
export const UNRECORDED = ', but never recorded';

function wasApplied({ checkpoint }: Promotion): boolean {
  return parseCheckpoint(checkpoint).kind === 'pending_commit';
}

/** A promoter that lives looks again each quarter of an hour at least: what is not written by then was lost. */
const WRITTEN_WITHIN_MS = 30 * 60_000;

/** The release as which Heroku applied it; null where that may have been before the promotion, or in an older release. */
function appliedAs(promotion: Promotion, release: EvidenceRelease | undefined): EvidenceRelease | null {
  const start = deployingSince(promotion).getTime() - CLOCK_SKEW_MS;
  return release !== undefined && !release.orEarlier && release.createdAt.getTime() >= start ? release : null;
}

function isRecordLost(promotion: Promotion, { release, checkedAt }: Read): boolean {
  const appliedAt = appliedAs(promotion, release)?.createdAt ?? deployingSince(promotion);
  return checkedAt.getTime() - appliedAt.getTime() > WRITTEN_WITHIN_MS;
}

/** The incident of 2026-05-09, told apart: the change was applied, and what was lost is the record of it. */
function appliedLines(promotion: Promotion, evidence: Evidence): string[] {
  if (!wasApplied(promotion)) return [];
  if (evidence.kind === 'unavailable') return ['Heroku applied it once; whether it still holds is not known.'];
  switch (evidence.verdict) {
    case 'live': {
      const applied = appliedAs(promotion, evidence.release);
      const at = applied === null ? '' : ` (${moment(applied.createdAt)})`;
      return [
        `Heroku applied it${at}; ${isRecordLost(promotion, evidence) ? 'only the record of it was lost' : 'this app is about to record it'}.`,
      ];
    }
    case 'not_live':
    case 'changed_since':
      return ['Heroku applied it once; it no longer holds.'];
    case 'release_running':
    case 'release_failed':
      return [];
  }
}

function isTarget(promotion: Promotion, value: PresentableValue): boolean {
  const wanted = presentableValue(promotion.targetValue);
  return value.kind === 'plain' && wanted.kind === 'plain' ? value.value === wanted.value : value.kind === wanted.kind;
}

/** What Heroku holds, after the config var's name. */
function isValue(value: PresentableValue): string {
  return value.kind === 'unset' ? 'is *not set*' : `= ${heldValue(value)}`;
}

/** What Heroku holds. */
export function heldValue(value: PresentableValue): string {
  switch (value.kind) {
    case 'unset':
      return '*not set*';
    case 'plain':
      return code(value.value);
    case 'masked':
      return '_hidden_';
  }
}

/** The value a promotion sets, masked where it may be a secret. */
export function target(promotion: Pick<Promotion, 'targetValue'>): string {
  const value = presentableValue(promotion.targetValue);
  return value.kind === 'unset' ? '_not set_' : heldValue(value);
}

/** Why Heroku’s answer is not there, and what to do instead. */
export function whyUnavailable(promotion: Promotion, reason: UnavailableReason): string {
  const { configVar, herokuApp } = promotion;
  return `${WHY_UNAVAILABLE[reason]}. Check: ${code(`heroku config:get ${configVar} -a ${herokuApp}`, 200)}`;
}

const WHY_UNAVAILABLE: Record<UnavailableReason, string> = {
  not_configured: 'HEROKU_API_KEY isn’t set',
  no_answer: 'Heroku didn’t answer',
  rate_limited: 'Heroku’s rate limit is reached',
  refused: 'Heroku refused the API key',
  app_not_found: 'No access to this app',
  delinquent: 'Unpaid Heroku bill: pay it',
  two_factor: 'Key needs two-factor: replace it',
  suspended: 'Account suspended: ask Heroku',
  conflict: 'Heroku is busy: retrying',
};

/** What is noted of a promotion that the app committed by itself: plain text, as people's notes are. */
export function autoCompleteNote(proof: Evidence): string {
  const release = proof.kind === 'read' ? proof.release : undefined;
  const made =
    release === undefined
      ? ''
      : release.orEarlier
        ? `, since release v${release.version} or earlier`
        : `, since release v${release.version} of ${utc(release.createdAt)}, made by ${release.by}`;
  return `Found live on Heroku${made}. Completed by this app (AUTO_COMMIT=live), without a person.`;
}
