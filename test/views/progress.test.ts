import type { Evidence } from '../../src/promotions/evidence.js';
import { evidenceText } from '../../src/views/evidence.js';
import { progressMessage } from '../../src/views/progress.js';
import { transitionModal } from '../../src/views/transition.js';
import { HOUR, MINUTE, momentAfter, PROMOTED_AT, promotion, SECOND } from '../promotions/make.js';

const PENDING = 'PENDING_COMMIT:01234567-89ab-cdef-0123-456789abcdef';
const read = (verdict: 'live' | 'not_live', checkedAt: Date): Evidence => ({
  kind: 'read',
  checkedAt,
  verdict,
  value: verdict === 'live' ? { kind: 'plain', value: 'true' } : { kind: 'unset' },
});

describe('how a promotion goes, in words', () => {
  const accepted = { at: momentAfter(SECOND), version: 143, createdAt: momentAfter(SECOND) };
  const before = { at: momentAfter(SECOND), version: 142, createdAt: new Date(PROMOTED_AT.getTime() - HOUR) };
  const shown = (facts: Partial<Parameters<typeof progressMessage>[0]>) =>
    JSON.stringify(
      progressMessage({ promotion: promotion(), accepted: null, driftNoticedAt: null, isKnownBefore: true, ...facts }),
    );

  test('of a release under way claims no restart before it has succeeded', () => {
    expect(shown({ accepted })).toContain('release v143 is running; the dynos restart once it has succeeded');
    // When Heroku made it, not when that was noticed.
    const noticedLate = { ...accepted, at: momentAfter(HOUR) };
    expect(shown({ accepted: noticedLate })).toBe(shown({ accepted }));
  });

  test('of a release from before, which may be under way still, claims neither a restart nor that it is in force', () => {
    const words = shown({ accepted: before });
    expect(words).toContain('in release v142: nothing is set, nothing restarts');
    expect(words).not.toContain('dynos');
    expect(words).not.toContain('had it already');
  });

  test('says that somebody changed a value only if Heroku is known to have held it', () => {
    const driftNoticedAt = momentAfter(HOUR);
    expect(shown({ accepted, driftNoticedAt })).toContain('Somebody changed it on Heroku since');
    expect(shown({ driftNoticedAt })).not.toMatch(/Somebody|no longer/u);
  });

  test('says when Heroku accepted it by Heroku’s clock, else when that was noticed', () => {
    const late = { ...accepted, at: momentAfter(HOUR) };
    expect(shown({ accepted: late })).toContain(`as release v143, <!date^${PROMOTED_AT.getTime() / 1000 + 1}^`);
    const unknown = shown({ accepted: { ...late, createdAt: null } });
    expect(unknown).toContain(`as release v143, noticed <!date^${PROMOTED_AT.getTime() / 1000 + 3_600}^`);
  });

  test('offers to revert only to a value that is known', () => {
    const deployed = promotion({ state: 'deployed', deployedAt: momentAfter(HOUR) });
    const facts = { promotion: deployed, accepted, since: { newest: deployed, active: null, followedBy: null } };
    expect(shown(facts)).toContain('Revert');
    expect(shown({ ...facts, isKnownBefore: false })).not.toContain('Revert');
  });

  test('leads on from what holds it up', () => {
    expect(shown({ promotion: promotion({ lastError: 'Heroku answered 503.' }) })).toContain(
      'use the buttons of `/flag-promotions show 7`',
    );
  });
});

describe('evidence on what this app is working on', () => {
  test('does not call for an end while it is still to be set', () => {
    const words = evidenceText(promotion({ checkpoint: 'INTENT' }), read('not_live', momentAfter(SECOND)));
    expect(words).toContain('keeps trying by itself; *Mark failed* gives up');
    expect(words).not.toContain('Press');
    expect(evidenceText(promotion(), read('not_live', momentAfter(SECOND)))).toContain('→ Press *Mark failed*');
  });

  test.each([
    [MINUTE, 'this app is about to record it'],
    [3 * HOUR, 'only the record of it was lost'],
  ])('%i ms after Heroku took the change, says of the note of it: %s', (waited, said) => {
    expect(evidenceText(promotion({ checkpoint: PENDING }), read('live', momentAfter(waited)))).toContain(said);
  });
});

test('the form that promotes what Heroku did not tell of claims no restart for certain', () => {
  const modal = transitionModal({
    promotion: promotion({ state: 'marked' }),
    transition: 'promote',
    evidence: { kind: 'unavailable', checkedAt: PROMOTED_AT, reason: 'no_answer' },
    changed: null,
    privateMetadata: '{}',
  });
  expect(JSON.stringify(modal)).toContain('Unless it has this value already, Heroku makes a release');
});
