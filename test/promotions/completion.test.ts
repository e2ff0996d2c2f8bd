import type { CodeCheck } from '../../src/operators/code-check.js';
import type { Operator } from '../../src/operators/operator.js';
import { type CompletionRow, decideCompletion, isProven } from '../../src/promotions/completion.js';
import type { Evidence, EvidenceRelease } from '../../src/promotions/evidence.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { HOUR, momentAfter, promotion } from './make.js';

const SUPERADMIN: Operator = { slackUserId: 'U0SUPER001', role: 'superadmin', disabledAt: null };
const ACCEPTED: CodeCheck = { kind: 'accepted', step: 7 };
const release = (version: number): EvidenceRelease => ({
  version,
  status: 'succeeded',
  createdAt: momentAfter(HOUR),
  by: 'kris',
  orEarlier: false,
});
const read = (verdict: Extract<Evidence, { kind: 'read' }>['verdict'], version = 3): Evidence => ({
  kind: 'read',
  checkedAt: momentAfter(30 * HOUR),
  verdict,
  value: { kind: 'plain', value: 'true' },
  release: release(version),
});
const SILENT: Evidence = { kind: 'unavailable', checkedAt: momentAfter(30 * HOUR), reason: 'no_answer' };
const LIVE = read('live');

const row = (promotionId: string, changes: Partial<CompletionRow> = {}): CompletionRow => ({
  promotionId,
  shown: LIVE,
  reread: LIVE,
  isAsShown: () => true,
  ...changes,
});
function decide(
  rows: readonly CompletionRow[],
  promotions: readonly Promotion[],
  { operator = SUPERADMIN, check = ACCEPTED }: { operator?: Operator | null; check?: CodeCheck } = {},
) {
  let checks = 0;
  const decision = decideCompletion(
    { operatorId: 'U0SUPER001', groupId: '1', rows, takesSecondPerson: ({ herokuApp }) => herokuApp === 'guarded' },
    { promotions: new Map(promotions.map((one) => [one.id, one])), operator },
    () => {
      checks += 1;
      return check;
    },
  );
  return { decision, checks };
}

test.each([
  ['live', true],
  ['not_live', false],
  ['release_running', false],
  ['release_failed', false],
  ['changed_since', false],
] as const)('%s is proven: %s', (verdict, proven) => {
  expect(isProven(read(verdict))).toBe(proven);
});

test.each<[string, Partial<CompletionRow>, Partial<Promotion> | null]>([
  ['unknown_promotion', {}, null],
  ['ended', {}, { state: 'deployed' }],
  ['ended', {}, { state: 'of_the_console' }],
  ['row_changed', { isAsShown: () => false }, {}],
  ['evidence_changed', { reread: read('not_live') }, {}],
  ['evidence_changed', { reread: read('release_running') }, {}],
  ['evidence_changed', { reread: read('live', 4) }, {}],
  ['not_proven', { reread: SILENT }, {}],
  // Only a forged form lists what isn't live.
  ['not_proven', { shown: read('not_live'), reread: read('not_live') }, {}],
  ['not_proven', { reread: null }, {}],
  ['same_person', {}, { herokuApp: 'guarded', promotedBy: 'U0SUPER001' }],
  ['same_person', {}, { herokuApp: 'guarded', markedBy: 'U0SUPER001' }],
])('%s leaves one out, and the other is completed', (why, changes, state) => {
  const other = promotion({ id: '8' });
  const rows = [row('7', changes), row('8')];
  const { decision, checks } = decide(rows, [...(state === null ? [] : [promotion({ id: '7', ...state })]), other]);
  expect(decision).toMatchObject({
    kind: 'complete',
    rows: [{ promotion: { id: '8' } }],
    leftOut: [{ promotionId: '7', why }],
    check: ACCEPTED,
  });
  expect(checks).toBe(1);
});

test('a code is looked at once, and only if something is left to do', () => {
  const all = ['7', '8', '9'];
  const deploying = all.map((id) => promotion({ id }));
  const rows = all.map((id) => row(id));
  expect(decide(rows, deploying)).toMatchObject({ decision: { kind: 'complete', leftOut: [] }, checks: 1 });
  expect(decide(rows, deploying, { operator: { ...SUPERADMIN, role: 'engineer' } })).toMatchObject({
    decision: { kind: 'not_superadmin' },
    checks: 0,
  });
  expect(decide(rows, deploying, { operator: null })).toMatchObject({
    decision: { kind: 'not_superadmin' },
    checks: 0,
  });
  expect(decide(rows, [])).toMatchObject({ decision: { kind: 'nothing_left', byThisRequest: false }, checks: 0 });
  const wrong: CodeCheck = { kind: 'rejected', reason: 'wrong', failedAttempts: 1, lockedUntil: null };
  expect(decide(rows, deploying, { check: wrong })).toMatchObject({ decision: { kind: 'code_refused' }, checks: 1 });
});

test('this operator’s earlier completion is their own submission; another’s is not', () => {
  const by = (resolvedBy: string) => [promotion({ id: '7', state: 'deployed', resolvedBy })];
  expect(decide([row('7')], by('U0SUPER001')).decision).toMatchObject({ kind: 'nothing_left', byThisRequest: true });
  expect(decide([row('7')], by('U0OTHER')).decision).toMatchObject({ kind: 'nothing_left', byThisRequest: false });
});
