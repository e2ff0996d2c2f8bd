import type { Attention } from '../../src/promotions/attention.js';
import type { Evidence, EvidenceRelease, UnavailableReason } from '../../src/promotions/evidence.js';
import type { Ownership } from '../../src/promotions/ownership.js';
import type { DynoReport } from '../../src/promotions/running.js';
import type { AlertFacts } from '../../src/views/alert.js';
import { HOUR, MINUTE, momentAfter, promotion } from '../promotions/make.js';
import { MENTION } from './payloads.js';

/** What an alert can be about, for tests of its words: each verdict with its facts. */

/** The incident's last hours: two days and nine hours after it was promoted. */
export const AS_OF = momentAfter(57 * HOUR);
const checkedAt = new Date(AS_OF.getTime() - MINUTE);

const release = (version: number, changes: Partial<EvidenceRelease> = {}): EvidenceRelease => ({
  version,
  status: 'succeeded',
  createdAt: momentAfter(MINUTE),
  by: 'kris@raxx.example',
  orEarlier: false,
  ...changes,
});
const on = { kind: 'plain', value: 'true' } as const;
const off = { kind: 'plain', value: 'false' } as const;
const unset = { kind: 'unset' } as const;
const readAs = (
  verdict: Extract<Evidence, { kind: 'read' }>['verdict'],
  value: Extract<Evidence, { kind: 'read' }>['value'],
  its?: EvidenceRelease,
): Evidence => ({ kind: 'read', checkedAt, verdict, value, ...(its === undefined ? {} : { release: its }) });
const unavailable = (reason: UnavailableReason): Evidence => ({ kind: 'unavailable', checkedAt, reason });

const withDynos = (dynos: DynoReport): Evidence => ({
  kind: 'read',
  checkedAt,
  verdict: 'live',
  value: on,
  release: release(3),
  dynos,
});

/** By name; the names of the snapshots' files. */
export const VERDICTS: Readonly<Record<string, Evidence>> = {
  live: readAs('live', on, release(3)),
  'live-running': withDynos({ kind: 'running', total: 2 }),
  'live-crashed': withDynos({ kind: 'crashed', dyno: 'web.1', release: 3 }),
  'live-not-up': withDynos({ kind: 'not_up', dyno: 'web.1', state: 'starting', up: 1, total: 2 }),
  'live-scaled-to-zero': withDynos({ kind: 'scaled_to_zero' }),
  'live-or-earlier': readAs('live', on, release(3, { orEarlier: true })),
  'live-since-unknown': readAs('live', on),
  'live-hidden': readAs('live', { kind: 'masked' }, release(3)),
  'not-live-unset': readAs('not_live', unset, release(3, { by: 'innocent@raxx.example', orEarlier: true })),
  'not-live-other': readAs('not_live', off, release(3, { by: 'innocent@raxx.example' })),
  'release-running': readAs('release_running', unset, release(3, { status: 'pending', by: 'innocent@raxx.example' })),
  'release-running-in-force': readAs('release_running', on, release(3, { status: 'pending' })),
  'release-failed': readAs('release_failed', unset, release(3, { status: 'failed', by: 'innocent@raxx.example' })),
  'changed-since': readAs('changed_since', off, release(4, { by: 'sam@raxx.example' })),
  'changed-to-unset': readAs('changed_since', unset, release(4, { by: 'sam@raxx.example' })),
  'no-answer': unavailable('no_answer'),
  'no-key': unavailable('not_configured'),
  'rate-limited': unavailable('rate_limited'),
  'over-budget': unavailable('over_budget'),
  refused: unavailable('refused'),
  'no-app': unavailable('app_not_found'),
  delinquent: unavailable('delinquent'),
  'two-factor': unavailable('two_factor'),
  suspended: unavailable('suspended'),
  conflict: unavailable('conflict'),
};

const ownership: Ownership = {
  owner: 'U0SUPER001',
  since: momentAfter(55 * HOUR),
  confirmedAt: momentAfter(55 * HOUR),
  question: null,
  isOperator: true,
};
const snooze = { by: 'U0PROMOTER', at: momentAfter(56 * HOUR), until: momentAfter(60 * HOUR) };

export const ATTENTIONS: Readonly<Record<string, Attention | null>> = {
  nobody: null,
  owned: { ownership, snooze: null, resumedAt: null },
  snoozed: { ownership: null, snooze, resumedAt: null },
  'owned-and-snoozed': { ownership, snooze, resumedAt: null },
};

/** The rows: the console's own, one whose record was lost, one that this app is still working on, one with an RCA. */
export const ROWS = {
  plain: promotion(),
  unrecorded: promotion({ checkpoint: 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef' }),
  intent: promotion({ checkpoint: 'INTENT' }),
  'held-up': promotion({ checkpoint: 'INTENT', lastError: 'Heroku did not accept the API key.' }),
  'with-rca': promotion({ rcaUrl: 'https://docs.raxx.example/rca/2026-05-11' }),
  'without-starter': promotion({ promotedBy: null }),
} as const;

export function stuck(changes: Partial<AlertFacts> = {}): AlertFacts {
  return {
    promotion: ROWS.plain,
    severity: 'critical',
    evidence: VERDICTS['live'] ?? null,
    asOf: AS_OF,
    mention: MENTION,
    ...changes,
  };
}
