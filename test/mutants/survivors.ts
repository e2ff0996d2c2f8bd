/** A mutant that no test kills. */
export interface Survivor {
  readonly file: string;
  /** The original code, and the mutant's; line breaks as one space. */
  readonly code: string;
  readonly becomes: string;
  /** Why no test can tell the two apart. */
  readonly why: string;
}

/** At run time, the code after it leads to the same. */
const FOR_THE_COMPILER = 'Comparing or reading what is missing comes to the same: the check is for the compiler.';

const IN_VAIN = 'It only looks again in vain.';

/** Each mutant that survives `npm run mutants`, with the reason. Any other survivor is a missing test. */
export const SURVIVORS: readonly Survivor[] = [
  {
    file: 'src/promotions/attention.ts',
    code: 'resumedAt !== null',
    becomes: 'true',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/auto-complete.ts',
    code: "evidence.kind !== 'read'",
    becomes: 'false',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/clock.ts',
    code: 'header === null',
    becomes: 'false',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/detection.ts',
    code: "action.kind !== 'open_alert'",
    becomes: 'false',
    why: 'A repeat has an open alert that is in no group: what follows would push it as well.',
  },
  {
    file: 'src/promotions/detection.ts',
    code: '{ actions.push(action); continue; }',
    becomes: '{}',
    why: 'A repeat has an open alert that is in no group: what follows would push it as well.',
  },
  {
    file: 'src/promotions/detection.ts',
    code: "alert.severity === 'warning'",
    becomes: 'true',
    why: 'It only counts where there is no critical, and then what is open is a warning.',
  },
  {
    file: 'src/promotions/evidence.ts',
    code: 'false',
    becomes: 'true',
    why: 'Of a walk that looked at nothing nothing is concluded, complete or not.',
  },
  {
    file: 'src/promotions/evidence.ts',
    code: 'effective[ended]?.release',
    becomes: 'effective[ended].release',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/evidence.ts',
    code: "shown.kind === 'unavailable'",
    becomes: 'false',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/evidence.ts',
    code: "'unavailable'",
    becomes: '""',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/rca-draft.ts',
    code: 'inForce[without]?.isTarget',
    becomes: 'inForce[without].isTarget',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/promotions/rca-url.ts',
    code: "''",
    becomes: '"Stryker was here!"',
    why: 'Where the expression matches, both groups are there; where it does not, the second one is asked for first.',
  },
  {
    file: 'src/promotions/rca-url.ts',
    code: '[]',
    becomes: '["Stryker was here"]',
    why: 'Nothing reads the first element.',
  },
  {
    file: 'src/promotions/rca-url.ts',
    code: 'url === undefined',
    becomes: 'false',
    why: 'Then nothing stands before it either, and it is answered all the same.',
  },
  {
    file: 'src/promotions/routing.ts',
    code: "''",
    becomes: '"Stryker was here!"',
    why: 'A text that is split has a first part: the default is for the compiler.',
  },
  {
    file: 'src/promotions/transition.ts',
    code: "'operator'",
    becomes: '""',
    why: 'Any word but superadmin asks for an operator, and no other word compiles.',
  },
  {
    file: 'src/promotions/typed.ts',
    code: "'u'",
    becomes: '""',
    why: 'No character in the expression is longer than one unit; the flag makes a fault in it an error.',
  },
  {
    file: 'src/operators/administration.ts',
    code: "'operator'",
    becomes: '""',
    why: 'Any word but superadmin asks for an operator, and no other word compiles.',
  },
  {
    file: 'src/operators/code-reader.ts',
    code: 'lockedUntil !== null',
    becomes: 'true',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/operators/totp.ts',
    code: 'lockedUntil !== null',
    becomes: 'true',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/operators/enrolment-secrets.ts',
    code: '{ length: 20 }',
    becomes: '{}',
    why: 'It is what otplib makes by itself; a test holds the length of what comes out.',
  },
  {
    file: 'src/operators/secret-box.ts',
    code: '{ authTagLength: TAG_BYTES }',
    becomes: '{}',
    why: 'It is the length that GCM has by itself; a tag is cut off at that length before it is checked.',
  },
  {
    file: 'src/operators/secret-box.ts',
    code: '{ authTagLength: TAG_BYTES, }',
    becomes: '{}',
    why: 'It is the length that GCM has by itself; a tag is cut off at that length before it is checked.',
  },
  {
    file: 'src/operators/secret-box.ts',
    code: 'encoded === undefined',
    becomes: 'false',
    why: 'Decoding nothing fails too, and with the same error.',
  },
  {
    file: 'src/outbox/outbox.ts',
    code: 'false',
    becomes: 'true',
    why: IN_VAIN,
  },
  {
    file: 'src/outbox/outbox.ts',
    code: "written === 'owed'",
    becomes: 'true',
    why: IN_VAIN,
  },
  {
    file: 'src/outbox/outbox.ts',
    code: "taken.outcome.kind === 'nothing'",
    becomes: 'true',
    why: 'What was written last has ended the lease: to release it once more changes nothing.',
  },
  {
    file: 'src/outbox/outbox.ts',
    code: "case 'wait': return NOTHING_TAKEN;",
    becomes: "case 'wait':",
    why: 'A reply is claimed only once its root is no longer pending.',
  },
  {
    file: 'src/outbox/outbox.ts',
    code: "'wait'",
    becomes: '""',
    why: 'A reply is claimed only once its root is no longer pending.',
  },
  {
    file: 'src/outbox/kinds/about-promotion.ts',
    code: 'message.promotionId === null',
    becomes: 'false',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/outbox/kinds/about-promotion.ts',
    code: 'promotionId === null',
    becomes: 'false',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/outbox/kinds/about-promotion.ts',
    code: 'open.some(({ groupId }) => groupId !== null)',
    becomes: 'open.every(({ groupId }) => groupId !== null)',
    why: 'Of the open alerts of one promotion either all are in a group or none is.',
  },
  {
    file: 'src/outbox/kinds/alert-evidence.ts',
    code: "evidence.kind === 'read'",
    becomes: 'false',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/outbox/kinds/alert-evidence.ts',
    code: "'read'",
    becomes: '""',
    why: FOR_THE_COMPILER,
  },
  {
    file: 'src/outbox/kinds/alert-evidence.ts',
    code: '{ announce: false }',
    becomes: '{}',
    why: 'What is not set is not announced.',
  },
  {
    file: 'src/outbox/kinds/home.ts',
    code: "'warning'",
    becomes: '""',
    why: 'What is stuck has a severity: the default is for the compiler.',
  },
  {
    file: 'src/jobs/promoter.ts',
    code: 'true',
    becomes: 'false',
    why: 'The first look sets it before anybody reads it.',
  },
];
