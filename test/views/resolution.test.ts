import type { RefusedCode } from '../../src/operators/code-check.js';
import { type Evidence, verdictOf } from '../../src/promotions/evidence.js';
import type { SetBack } from '../../src/promotions/set-back.js';
import { refusalWords, resolutionModal } from '../../src/views/resolution.js';
import { HOUR, MINUTE, momentAfter, promotion, SECOND } from '../promotions/make.js';
import { EVIDENCE, type Payload } from './payloads.js';
import { valuesOf } from './reading.js';

const now = momentAfter(30 * HOUR);
const LIVE: Evidence = { kind: 'read', checkedAt: now, verdict: 'live', value: { kind: 'plain', value: 'true' } };

function modal(
  action: 'completed' | 'failed',
  evidence: Evidence | null,
  setBack: SetBack = { kind: 'unknown' },
): Payload {
  return {
    kind: 'view',
    view: resolutionModal({
      promotion: promotion(),
      action,
      evidence,
      changed: null,
      setBack,
      privateMetadata: '{}',
    }),
  };
}

describe('the form', () => {
  test.each(EVIDENCE)('asks for a confirmation exactly if Heroku says the opposite (%#)', (evidence) => {
    const asks = (action: 'completed' | 'failed') =>
      valuesOf(modal(action, evidence), 'block_id').includes('confirmation');
    expect([asks('completed'), asks('failed')]).toEqual(
      {
        live: [false, true],
        not_live: [true, false],
        release_failed: [true, false],
        changed_since: [true, false],
        release_running: [true, true],
        unknown: [false, false],
      }[verdictOf(evidence)],
    );
  });

  test.each(EVIDENCE)('offers the way back exactly if it is to be failed and is live (%#)', (evidence) => {
    const isLive = evidence.kind === 'read' && evidence.verdict === 'live';
    const offers = (action: 'completed' | 'failed', setBack: SetBack) =>
      valuesOf(modal(action, evidence, setBack), 'block_id').includes('set_back');
    expect(offers('failed', { kind: 'known', value: 'off' })).toBe(isLive);
    expect(offers('failed', { kind: 'unknown' })).toBe(false);
    expect(offers('failed', { kind: 'held_already' })).toBe(false);
    expect(offers('completed', { kind: 'known', value: 'off' })).toBe(false);
  });

  test.each([
    ['off', 'Revert it to off'],
    [null, 'Remove it: it was not set before'],
    ['hunter2-canary', 'Revert it to what it was'],
  ])('names what was there before, %j, unless it may be a secret', (value, words) => {
    const shown = JSON.stringify(modal('failed', LIVE, { kind: 'known', value }));
    expect(shown).toContain(words);
    expect(shown).not.toContain('canary');
  });

  test('does not call unknown what was there before', () => {
    const shown = JSON.stringify(modal('failed', LIVE, { kind: 'held_already' }));
    expect(shown).toContain('Heroku had this value before');
    expect(shown).not.toContain('The previous value is unknown');
  });

  test('asks for none while Heroku is being asked', () => {
    expect(valuesOf(modal('completed', null), 'block_id')).toEqual(['code', 'note', 'rca_url']);
  });

  test('requires a note only of Mark failed', () => {
    expect(valuesOf(modal('completed', null), 'optional')).toEqual([true, true]);
    expect(valuesOf(modal('failed', null), 'optional')).toEqual([false, true]);
  });
});

describe('a code that was refused', () => {
  const wordsFor = (check: RefusedCode) => {
    const said = refusalWords({ kind: 'code_refused', check }, { now, operatorId: 'U0OPERATOR', superadmins: [] });
    return said.kind === 'field_errors' ? said.errors['code'] : undefined;
  };
  const wrong = { kind: 'rejected', reason: 'wrong' } as const;

  test.each([
    ['wrong', { ...wrong, failedAttempts: 3, lockedUntil: null }, /3 of 5/u],
    [
      'one too many',
      { ...wrong, failedAttempts: 5, lockedUntil: momentAfter(30 * HOUR + 15 * MINUTE) },
      /in 15 min \(10:43 UTC\)/u,
    ],
    ['locked, for a second more', { kind: 'locked', lockedUntil: momentAfter(30 * HOUR + SECOND) }, /in 1 min/u],
    ['locked, for 61 seconds', { kind: 'locked', lockedUntil: momentAfter(30 * HOUR + 61 * SECOND) }, /in 2 min/u],
    ['reused', { kind: 'rejected', reason: 'reused', failedAttempts: 0, lockedUntil: null }, /already used/u],
    ['malformed', { kind: 'rejected', reason: 'malformed', failedAttempts: 0, lockedUntil: null }, /6 digits/u],
  ] as const)('is told under its field: %s', (_, check, expected) => {
    expect(wordsFor(check)).toMatch(expected);
  });

  test('is told in plain text, which knows no markup', () => {
    expect(wordsFor({ kind: 'locked', lockedUntil: momentAfter(31 * HOUR) })).not.toMatch(/[<>*`]/u);
  });
});
