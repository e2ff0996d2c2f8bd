import fc from 'fast-check';
import {
  assess,
  contradicts,
  type Evidence,
  evidenceChanged,
  presentableValue,
  type ReleaseStatus,
  type ReleaseWalk,
  verdictOf,
} from '../../src/promotions/evidence.js';
import { HOUR, momentAfter, promotion } from './make.js';

const at = momentAfter(30 * HOUR);
const later = momentAfter(31 * HOUR);
const holding = (value: string | null, when = at): Evidence => assess(promotion(), value, when);
/** The same for a target that must not be shown. */
const secretly = (value: string): Evidence => assess(promotion({ targetValue: 'hunter2' }), value, at);
const silent = (reason: 'no_answer' | 'rate_limited' = 'no_answer'): Evidence => ({
  kind: 'unavailable',
  checkedAt: at,
  reason,
});

describe('the verdict of the evidence', () => {
  test.each([
    ['true', 'true', 'live'],
    ['true', 'false', 'not_live'],
    ['true', 'TRUE', 'not_live'],
    ['true', ' true', 'not_live'],
    ['true', '', 'not_live'],
    ['true', null, 'not_live'],
    ['', '', 'live'],
    ['', null, 'not_live'],
    ['50', '50', 'live'],
    ['50', '050', 'not_live'],
  ])('with target %j and %j on Heroku it is %s', (targetValue, value, verdict) => {
    const evidence = assess(promotion({ targetValue }), value, at);
    expect(evidence).toMatchObject({ kind: 'read', verdict, checkedAt: at });
    expect(verdictOf(evidence)).toBe(verdict);
  });

  test('is unknown if Heroku was not read', () => {
    expect(verdictOf(silent())).toBe('unknown');
  });

  test.each([
    ['live', holding('true'), { completed: false, failed: true }],
    ['not live', holding('false'), { completed: true, failed: false }],
    ['unset', holding(null), { completed: true, failed: false }],
    ['unknown', silent(), { completed: false, failed: false }],
  ])('contradicts what it speaks against: %s', (_, evidence, expected) => {
    expect({ completed: contradicts(evidence, 'completed'), failed: contradicts(evidence, 'failed') }).toEqual(
      expected,
    );
  });
});

describe('evidence read again', () => {
  test.each([
    ['the same, later', holding('true'), holding('true', later), false],
    ['another verdict', holding('true'), holding('false'), true],
    ['the same verdict by another value', holding('false'), holding('off'), true],
    ['set to something not shown', holding(null), holding('hunter2'), true],
    ['unset', holding('false'), holding(null), true],
    ['a hidden value that is still hidden', holding('hunter2'), holding('hunter2'), false],
    ['an answer if there was none', silent(), holding('true'), true],
    ['no answer if there was one', holding('true'), silent(), false],
    ['still no answer', silent(), silent(), false],
    ['no answer for another reason', silent(), silent('rate_limited'), false],
    ['a hidden target that was replaced by something hidden', secretly('hunter2'), secretly('hunter3'), true],
    ['something hidden that became the hidden target', secretly('hunter3'), secretly('hunter2'), true],
  ])('%s', (_, shown, reread, changed) => {
    expect(evidenceChanged(shown, reread)).toBe(changed);
  });
});

describe('a value that may be shown', () => {
  test.each([
    'true',
    'FALSE',
    'on',
    'Off',
    'yes',
    'no',
    'enabled',
    'disabled',
    '0',
    '1',
    '-1',
    '100',
    '999999',
    '0.25',
    '-123.5',
  ])('%s is a flag’s', (value) => {
    expect(presentableValue(value)).toEqual({ kind: 'plain', value });
  });

  test.each([
    ['a password', 'hunter2'],
    ['a token', 'xoxb-123-abc'],
    ['seven digits', '1234567'],
    ['nine digits, with a point', '123456.789'],
    ['a digit too many behind the point', '1.2345'],
    ['digits in an exponent', '1e9'],
    ['a flag’s word with a line after it', 'true\nsecret'],
    ['a flag’s word with a line break', 'true\n'],
    ['a secret with a flag’s word after it', 'secret\ntrue'],
    ['a flag’s word and a space', 'true '],
    ['a list of flags', 'true,false'],
    ['an empty value', ''],
    ['digits of another script', '١٢٣'],
    ['100,000 characters', 'x'.repeat(100_000)],
  ])('%s is masked', (_, value) => {
    expect(presentableValue(value)).toEqual({ kind: 'masked' });
  });

  test('unset is said as such', () => {
    expect(presentableValue(null)).toEqual({ kind: 'unset' });
  });

  test('no secret is ever in the evidence, whatever the target', () => {
    const secret = fc.string({ minLength: 7 }).filter((text) => !/^(?:disabled|enabled)$|^-?[\d.]+$/iu.test(text));
    fc.assert(
      fc.property(secret, fc.boolean(), (value, isTarget) => {
        const evidence = assess(promotion({ targetValue: isTarget ? value : 'true' }), value, at);
        expect(evidence).toMatchObject({ value: { kind: 'masked' }, verdict: isTarget ? 'live' : 'not_live' });
        expect(Object.values(evidence)).not.toContain(value);
        expect(Object.keys(evidence).toSorted()).toEqual(['checkedAt', 'kind', 'value', 'verdict']);
      }),
    );
  });
});

describe('the releases behind the evidence', () => {
  const BEFORE = -60_000;
  const AFTER = 60_000;
  /** How far Heroku's clock may be behind ours. */
  const SKEW = 5_000;
  /** Newest first, as Heroku lists them. */
  const walked = (
    ...looked: readonly (readonly [version: number, status: ReleaseStatus, carries: boolean, offset: number])[]
  ): ReleaseWalk => ({
    looked: looked.map(([version, status, carries, offset]) => ({
      release: { version, status, createdAt: momentAfter(offset), by: `account-${version}` },
      carries,
      isInForce: carries,
    })),
    complete: true,
  });
  /** All that don't carry the target hold the same other value. */
  const read = (value: string | null, { looked, complete }: ReleaseWalk) =>
    assess(promotion(), value, at, {
      looked: looked.map((one) => ({ ...one, isInForce: one.carries === (value === 'true') })),
      complete,
    });

  test.each([
    [
      'live since the release that brought it',
      'true',
      walked([143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'live',
      143,
    ],
    [
      'live through later releases of other things',
      'true',
      walked([145, 'succeeded', true, 3 * AFTER], [143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'live',
      143,
    ],
    [
      'live although a later release failed',
      'true',
      walked([144, 'failed', false, 2 * AFTER], [143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'live',
      143,
    ],
    [
      'live although a later release expired',
      'true',
      walked([144, 'expired', false, 2 * AFTER], [143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'live',
      143,
    ],
    ['live, and no release was read', 'true', walked(), 'live', undefined],
    [
      'on its way',
      'false',
      walked([143, 'pending', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'release_running',
      143,
    ],
    [
      'lost with a release that failed',
      null,
      walked([143, 'failed', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'release_failed',
      143,
    ],
    [
      'lost with a release that expired',
      null,
      walked([143, 'expired', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'release_failed',
      143,
    ],
    [
      'changed by the first release after it',
      'off',
      walked(
        [145, 'succeeded', false, 3 * AFTER],
        [144, 'succeeded', false, 2 * AFTER],
        [143, 'succeeded', true, AFTER],
      ),
      'changed_since',
      144,
    ],
    [
      'not there, and never was in this promotion’s time',
      'off',
      walked([142, 'succeeded', false, BEFORE], [141, 'succeeded', true, 2 * BEFORE]),
      'not_live',
      142,
    ],
    [
      'not there, with releases of other things',
      'off',
      walked([143, 'succeeded', false, AFTER], [142, 'succeeded', false, BEFORE]),
      'not_live',
      142,
    ],
    ['not there, and no release was read', 'off', walked(), 'not_live', undefined],
    [
      'there by a release that may still fail',
      'true',
      walked([143, 'pending', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'release_running',
      143,
    ],
    [
      'there for longer than the release under way',
      'true',
      walked([144, 'pending', true, 2 * AFTER], [143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'live',
      143,
    ],
    [
      'changed by a release after one that failed',
      'off',
      walked([145, 'succeeded', false, 3 * AFTER], [144, 'failed', false, 2 * AFTER], [143, 'succeeded', true, AFTER]),
      'changed_since',
      145,
    ],
    [
      'not there although only a release that failed came after it: nobody is blamed',
      'off',
      walked([144, 'failed', false, 2 * AFTER], [143, 'succeeded', true, AFTER]),
      'not_live',
      undefined,
    ],
    [
      'lost with a release of the promotion’s first moment',
      null,
      walked([143, 'failed', true, -SKEW]),
      'release_failed',
      143,
    ],
    [
      'not there, and a release of before failed',
      null,
      walked([143, 'failed', true, -SKEW - 1]),
      'not_live',
      undefined,
    ],
    [
      'changed by a release that is under way',
      'off',
      walked([144, 'pending', false, 2 * AFTER], [143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'changed_since',
      144,
    ],
    [
      'not there although the newest release carries it: nobody is blamed',
      'off',
      walked([143, 'succeeded', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'not_live',
      undefined,
    ],
    [
      'not there, if nobody can read what became of the release that carries it',
      'off',
      walked([143, 'unknown', true, AFTER], [142, 'succeeded', false, BEFORE]),
      'not_live',
      undefined,
    ],
    [
      'changed since, by nobody who is named: one of unreadable status came in between',
      'off',
      walked([145, 'succeeded', false, 3 * AFTER], [144, 'unknown', false, 2 * AFTER], [143, 'succeeded', true, AFTER]),
      'changed_since',
      undefined,
    ],
  ] as const)('tell that it is %s', (_what, value, walk, verdict, version) => {
    const evidence = read(value, walk);
    expect(evidence).toMatchObject({ kind: 'read', verdict });
    expect(evidence.kind === 'read' ? evidence.release?.version : null).toBe(version);
  });

  test.each([
    ['lost', walked([143, 'failed', true, AFTER])],
    ['changed', walked([144, 'succeeded', false, 2 * AFTER], [143, 'succeeded', true, AFTER])],
  ])('know which one it was if it is %s', (_what, walk) => {
    expect(read('off', walk)).toMatchObject({ release: { orEarlier: false } });
  });

  test('say that it may have been so for longer if older ones were not looked at', () => {
    const walk = { ...walked([145, 'succeeded', true, AFTER], [144, 'succeeded', true, 0]), complete: false };
    expect(read('true', walk)).toMatchObject({ release: { version: 144, orEarlier: true } });
    expect(read('true', { ...walk, complete: true })).toMatchObject({ release: { version: 144, orEarlier: false } });
  });

  test.each([
    [
      'that may have brought it',
      walked([144, 'succeeded', true, 2 * AFTER], [143, 'unknown', true, AFTER], [142, 'succeeded', false, BEFORE]),
      true,
    ],
    [
      'that may have ended it',
      walked([144, 'succeeded', true, 2 * AFTER], [143, 'unknown', false, AFTER], [142, 'succeeded', true, BEFORE]),
      true,
    ],
    [
      'that is older than what ended it',
      walked([144, 'succeeded', true, 2 * AFTER], [143, 'succeeded', false, AFTER], [142, 'unknown', true, BEFORE]),
      false,
    ],
    [
      'between two that carry it',
      walked(
        [145, 'succeeded', true, 2 * AFTER],
        [144, 'unknown', true, AFTER],
        [144, 'succeeded', true, AFTER],
        [142, 'succeeded', false, BEFORE],
      ),
      false,
    ],
  ])('with a release of unreadable status %s', (_what, walk, orEarlier) => {
    expect(read('true', walk)).toMatchObject({ verdict: 'live', release: { version: 144, orEarlier } });
  });

  test.each([
    ['live', false, true],
    ['not_live', true, false],
    ['release_failed', true, false],
    ['changed_since', true, false],
    ['release_running', true, true],
  ] as const)('%s contradicts completed: %s, failed: %s', (verdict, completed, failed) => {
    const evidence: Evidence = { kind: 'read', checkedAt: at, verdict, value: { kind: 'unset' } };
    expect([contradicts(evidence, 'completed'), contradicts(evidence, 'failed')]).toEqual([completed, failed]);
  });

  test('are another fact if the value was changed and changed back, as far as both are known for sure', () => {
    const since = (version: number, orEarlier: boolean): Evidence => ({
      kind: 'read',
      checkedAt: at,
      verdict: 'live',
      value: { kind: 'plain', value: 'true' },
      release: { version, status: 'succeeded', createdAt: at, by: 'kris', orEarlier },
    });
    expect(evidenceChanged(since(143, false), since(150, false))).toBe(true);
    expect(evidenceChanged(since(143, false), since(143, false))).toBe(false);
    expect(evidenceChanged(since(143, false), since(150, true))).toBe(false);
    expect(evidenceChanged(since(143, true), since(150, false))).toBe(false);
    expect(evidenceChanged(holding('true'), since(150, false))).toBe(false);
    expect(evidenceChanged(since(143, false), holding('true'))).toBe(false);
  });
});
