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
import { bareName, reportWords } from './dynos.js';
import { ago, code, key, moment, utc } from './text.js';

/** The evidence in pieces, from which alerts, lists and forms build their text. */
export interface Finding {
  readonly sign: string;
  /** Whether it is live, in two or three words. */
  readonly verdict: string;
  /** The basis: the value, and the release if proven. */
  readonly fact: string;
  /** What to do, if `fact` doesn't say it. */
  readonly advice: string | null;
  /** Verdict and advice in one line, for a lock screen. */
  readonly brief: string;
  /** Whether it runs, after the fact that it is live; '' if unknown. */
  readonly runs: string;
  /** Heroku applied it, but the console's row doesn't say so. */
  readonly isUnrecorded: boolean;
}

const COMPLETED = 'Press *Mark completed*';
const FAILED = 'Press *Mark failed*';

/** `null`: Heroku is still being asked. `isBrief`: what runs takes the place of when it went live. */
export function findingOf(promotion: Promotion, evidence: Evidence | null, isBrief = false): Finding {
  if (evidence === null) return { ...NOTHING_YET, runs: '', isUnrecorded: false };
  if (evidence.kind === 'read') return readFinding(promotion, evidence, isBrief);
  return {
    sign: ':grey_question:',
    verdict: 'Not known whether it is live.',
    fact: whyUnavailable(promotion, evidence.reason),
    advice: null,
    brief: 'Can’t tell if it’s live: check first.',
    runs: '',
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

function readFinding(promotion: Promotion, evidence: Read, isBrief: boolean): Finding {
  const { verdict, release, dynos } = evidence;
  const value = `${key(promotion.configVar)} ${isValue(evidence.value)}`;
  const should = `${value} (should be ${target(promotion)})`;
  const version = release === undefined ? 'the release' : `v${release.version}`;
  switch (verdict) {
    case 'live': {
      const runs = dynos === undefined ? '' : reportWords(dynos, isBrief);
      return {
        sign: ':large_green_circle:',
        verdict: 'Live.',
        fact: `${value} ${since(promotion, release, !isBrief || runs === '')}`,
        ...whatToDoIfLive(dynos),
        runs,
        isUnrecorded: wasApplied(promotion) && isRecordLost(promotion, evidence),
      };
    }
    case 'not_live':
      return {
        sign: ':red_circle:',
        verdict: 'Not live.',
        fact: should,
        ...whatToDoAbout(promotion),
        runs: '',
        isUnrecorded: false,
      };
    case 'release_running':
      return {
        sign: ':hourglass_flowing_sand:',
        verdict: `Not live yet: ${version} is running.`,
        fact: evidence.value.kind !== 'masked' && isTarget(promotion, evidence.value) ? value : should,
        advice: 'Wait for the release to finish',
        brief: `NOT live yet: ${version} is running, wait.`,
        runs: '',
        isUnrecorded: false,
      };
    case 'release_failed':
      return {
        sign: ':red_circle:',
        verdict: `Not live: ${version} failed.`,
        fact: should,
        advice: FAILED,
        brief: `NOT live, ${version} failed: press Mark failed.`,
        runs: '',
        isUnrecorded: false,
      };
    case 'changed_since': {
      // The release that changed it proves who did.
      const who = release === undefined ? 'Somebody' : code(release.by, 60);
      return {
        sign: ':large_orange_circle:',
        verdict: 'No longer live.',
        fact: changed(promotion, evidence),
        advice: `${who} changed it: ask. If it stays, press *Mark failed*`,
        brief: `NOT live: ${who} changed it. Ask, or Mark failed.`,
        runs: '',
        isUnrecorded: false,
      };
    }
  }
}

/** A flag that crashes its app may have to go again: nobody should press before they know. */
function whatToDoIfLive(dynos: Read['dynos']): Pick<Finding, 'advice' | 'brief'> {
  return dynos?.kind === 'crashed'
    ? {
        advice: 'Check why: if the flag did it, press *Mark failed*, else *Mark completed*',
        brief: `It IS live, but ${bareName(dynos.dyno)} crashed: check why.`,
      }
    : { advice: COMPLETED, brief: 'It IS live: press Mark completed.' };
}

/** What isn't live: the promoter continues by itself, is blocked, or has no part in it. */
function whatToDoAbout({ checkpoint, lastError }: Promotion): Pick<Finding, 'advice' | 'brief'> {
  if (parseCheckpoint(checkpoint).kind !== 'intent')
    return { advice: FAILED, brief: 'It is NOT live: press Mark failed.' };
  return lastError === null
    ? {
        advice: 'This app keeps trying by itself; *Mark failed* gives up',
        brief: 'NOT live yet: wait, or Mark failed.',
      }
    : {
        advice: 'This app is blocked and keeps trying; *Mark failed* gives up',
        brief: 'NOT live, blocked: wait, or Mark failed.',
      };
}

/**
 * Names who made the release only if it is proven to have brought the value. `isDated`: whether there is room for the
 * time.
 */
function since(promotion: Promotion, release: EvidenceRelease | undefined, isDated: boolean): string {
  if (release === undefined) return 'since an unknown release';
  const version = releasesLink(promotion.herokuApp, `v${release.version}`);
  return release.orEarlier
    ? `since ${version} or earlier`
    : `since ${version} (${isDated ? `${moment(release.createdAt)}, ` : ''}${code(release.by, 60)})`;
}

function changed({ configVar, herokuApp }: Promotion, { value, release }: Read): string {
  const isNow = value.kind === 'unset' ? '*removed*' : `= ${heldValue(value)}`;
  const as =
    release === undefined
      ? ''
      : ` ${value.kind === 'unset' ? 'in' : 'since'} ${releasesLink(herokuApp, `v${release.version}`)} (${moment(release.createdAt)})`;
  return `${key(configVar)} ${isNow}${as}`;
}

/** Everything about the evidence, for lists: verdict, advice, a lost record, and its time. */
export function evidenceText(promotion: Promotion, evidence: Evidence | null): string {
  const { sign, verdict, fact, runs, advice } = findingOf(promotion, evidence);
  if (evidence === null) return `${sign} *${verdict}*`;
  return [
    `${sign} *${verdict}* ${fact}${runs}${advice === null ? '' : `. → ${advice}`}`,
    ...appliedLines(promotion, evidence),
    `_Checked ${ago(evidence.checkedAt)}_`,
  ].join('\n');
}

/** One line for a form, whose button is already chosen. */
export function evidenceLine(promotion: Promotion, evidence: Evidence | null): string {
  const { sign, verdict, fact, isUnrecorded } = findingOf(promotion, evidence);
  if (evidence === null) return `${sign} *${verdict}*`;
  return `${sign} *${verdict}* ${fact}${isUnrecorded ? UNRECORDED : ''} · checked ${ago(evidence.checkedAt)}`;
}

/** Follows the fact that it is live: Heroku applied it; only the record of it was lost. */
export const UNRECORDED = ', but never recorded';

function wasApplied({ checkpoint }: Promotion): boolean {
  return parseCheckpoint(checkpoint).kind === 'pending_commit';
}

/** A live promoter looks again at least every quarter of an hour: what isn't recorded by then was lost. */
const WRITTEN_WITHIN_MS = 30 * 60_000;

/** The release in which Heroku applied it; null if that may be older than the promotion. */
function appliedAs(promotion: Promotion, release: EvidenceRelease | undefined): EvidenceRelease | null {
  const start = deployingSince(promotion).getTime() - CLOCK_SKEW_MS;
  return release !== undefined && !release.orEarlier && release.createdAt.getTime() >= start ? release : null;
}

function isRecordLost(promotion: Promotion, { release, checkedAt }: Read): boolean {
  const appliedAt = appliedAs(promotion, release)?.createdAt ?? deployingSince(promotion);
  return checkedAt.getTime() - appliedAt.getTime() > WRITTEN_WITHIN_MS;
}

/** The incident of 2026-05-09: the change was applied, only the record of it was lost. */
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

function isValue(value: PresentableValue): string {
  return value.kind === 'unset' ? 'is *not set*' : `= ${heldValue(value)}`;
}

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

/** The value that a promotion sets, masked if it may be secret. */
export function target(promotion: Pick<Promotion, 'targetValue'>): string {
  const value = presentableValue(promotion.targetValue);
  return value.kind === 'unset' ? '_not set_' : heldValue(value);
}

/** Why Heroku’s answer is missing, and how to check. */
export function whyUnavailable(promotion: Promotion, reason: UnavailableReason): string {
  const { configVar, herokuApp } = promotion;
  return `${WHY_UNAVAILABLE[reason]}. Check: ${code(`heroku config:get ${configVar} -a ${herokuApp}`, 200)}`;
}

/** Why Heroku’s answer is missing, in a few words. */
export const WHY_UNAVAILABLE: Readonly<Record<UnavailableReason, string>> = {
  not_configured: 'HEROKU_API_KEY isn’t set',
  no_answer: 'Heroku didn’t answer',
  rate_limited: 'Heroku’s rate limit is reached',
  over_budget: 'Heroku request budget used up',
  refused: 'Heroku refused the API key',
  app_not_found: 'No access to this app',
  delinquent: 'Unpaid Heroku bill: pay it',
  two_factor: 'Key needs two-factor: replace it',
  suspended: 'Account suspended: ask Heroku',
  conflict: 'Heroku is busy: retrying',
};

/** The note on a promotion that the app completed by itself: plain text, like people's notes. */
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
