import { isExternal, isProvenLive } from '../../src/promotions/auto-complete.js';
import type { Evidence, EvidenceRelease, ReadVerdict } from '../../src/promotions/evidence.js';
import { HOUR, momentAfter, promotion, SECOND } from './make.js';

const RELEASE: EvidenceRelease = {
  version: 143,
  status: 'succeeded',
  createdAt: momentAfter(31 * SECOND),
  by: 'kris@raxx.example',
  orEarlier: false,
};
const read = (verdict: ReadVerdict, release?: EvidenceRelease): Evidence => ({
  kind: 'read',
  checkedAt: momentAfter(30 * HOUR),
  verdict,
  value: { kind: 'plain', value: 'true' },
  ...(release === undefined ? {} : { release }),
});

test.each([
  ['live by a release made since', read('live', RELEASE), true],
  ['live, nobody knows since when', read('live'), false],
  ['live since before it was promoted', read('live', { ...RELEASE, createdAt: momentAfter(-SECOND) }), false],
  ['live at the very moment', read('live', { ...RELEASE, createdAt: momentAfter(0) }), false],
  ['live since that release, or an earlier one', read('live', { ...RELEASE, orEarlier: true }), false],
  ['live by a release that has not ended', read('live', { ...RELEASE, status: 'pending' }), false],
  ['not live', read('not_live', RELEASE), false],
  ['changed since', read('changed_since', RELEASE), false],
  ['not known', { kind: 'unavailable', checkedAt: momentAfter(0), reason: 'no_answer' } as const, false],
])('what is %s is proven: %#', (_what, evidence, proven) => {
  expect(isProvenLive(promotion(), evidence)).toBe(proven);
});

test('a row that does not say when it was promoted proves nothing', () => {
  expect(isProvenLive(promotion({ promotedAt: null }), read('live', RELEASE))).toBe(false);
});

test.each([
  ['deploying', null, true],
  ['deploying', 'STEP 3', true],
  ['deploying', 'INTENT', false],
  ['deploying', 'PENDING_COMMIT:x', false],
  ['marked', null, false],
  ['deployed', null, false],
] as const)('a row that is %s at %j is another system’s to finish: %s', (state, checkpoint, foreign) => {
  expect(isExternal(promotion({ state, checkpoint }))).toBe(foreign);
});
