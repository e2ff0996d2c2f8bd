import fc from 'fast-check';
import {
  CALL_AT_MOST_EVERY_MS,
  nextSummaryStep,
  type OpenSummary,
  planSummaries,
  SUMMARY_KINDS,
  type SummaryFacts,
  type SummaryKind,
  type SummaryMessage,
} from '../../src/promotions/summary.js';
import { DAY, HOUR, MINUTE, momentAfter } from './make.js';

const MESSAGE = { channel: 'C0ALERTS', ts: '100.1' };

function message(changes: Partial<SummaryMessage> = {}): SummaryMessage {
  return {
    id: '1',
    kind: 'summary',
    state: 'pending',
    route: MESSAGE.channel,
    channel: null,
    refusedRoute: null,
    message: null,
    repaintWanted: 0,
    repaintDone: 0,
    createdAt: momentAfter(12 * HOUR),
    ...changes,
  };
}
const posted = (changes: Partial<SummaryMessage> = {}) => message({ state: 'posted', message: MESSAGE, ...changes });

function facts(changes: Partial<SummaryFacts> = {}): SummaryFacts {
  return {
    open: 990,
    openCriticals: 0,
    unattended: 0,
    criticalApps: [],
    oldest: [],
    completed: 0,
    failed: 0,
    endedOtherwise: 0,
    owingRca: 0,
    through: '1000',
    criticalsThrough: '0',
    ...changes,
  };
}

describe('the next step of a summary', () => {
  const step = (of: SummaryMessage, known: Partial<SummaryFacts> = {}, attempts = 0) =>
    nextSummaryStep({ summary: of, root: null, facts: facts(known) }, attempts);

  test.each([
    ['is posted', message(), {}, 0, { kind: 'post' }],
    ['is looked for after an attempt', message(), {}, 1, { kind: 'find', thenPost: true }],
    ['is withdrawn where all ended before it was sent', message(), { open: 0 }, 0, { kind: 'withdraw' }],
    [
      'is found, but not posted, where all ended meanwhile',
      message(),
      { open: 0 },
      2,
      { kind: 'find', thenPost: false },
    ],
    ['is left alone where it shows what is true', posted(), {}, 0, { kind: 'done' }],
    ['follows', posted({ repaintWanted: 7 }), {}, 0, { kind: 'paint', message: MESSAGE, upTo: 7 }],
    ['follows to the end', posted({ repaintWanted: 7 }), { open: 0 }, 0, { kind: 'paint', message: MESSAGE, upTo: 7 }],
    ['is not painted where it was withdrawn', posted({ repaintWanted: 7, state: 'closed' }), {}, 0, { kind: 'done' }],
  ] as const)('%s', (_what, of, known, attempts, expected) => {
    expect(step(of, known, attempts)).toEqual(expected);
  });
});

describe('the next step of a reply in its thread', () => {
  const step = (kind: SummaryKind, known: Partial<SummaryFacts>, root = posted(), attempts = 0) =>
    nextSummaryStep({ summary: message({ id: '2', kind }), root, facts: facts(known) }, attempts);

  test.each([
    ['call', { unattended: 3 }, { openCriticals: 3, unattended: 0 }],
    ['ended', { open: 0 }, { open: 1 }],
    ['rca_reminder', { owingRca: 1 }, { owingRca: 0 }],
  ] as const)('a %s is said as long as it has something to say', (kind, wanted, unwanted) => {
    expect(step(kind, wanted)).toEqual({ kind: 'post' });
    expect(step(kind, wanted, posted(), 1)).toEqual({ kind: 'find', thenPost: true });
    expect(step(kind, unwanted)).toEqual({ kind: 'withdraw' });
    expect(step(kind, unwanted, posted(), 1)).toEqual({ kind: 'find', thenPost: false });
  });

  test('it waits for a summary that is posted anew, and goes with one that is withdrawn', () => {
    expect(step('call', { unattended: 3 }, message())).toEqual({ kind: 'done' });
    expect(step('call', { unattended: 3 }, message({ state: 'closed' }))).toEqual({ kind: 'withdraw' });
  });

  test('nothing is posted without a look, once an attempt was made', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SUMMARY_KINDS),
        fc.record({ open: fc.nat(3), openCriticals: fc.nat(3), unattended: fc.nat(3), owingRca: fc.nat(3) }),
        fc.integer({ min: 1, max: 9 }),
        (kind, known, attempts) => {
          expect(step(kind, known, posted(), attempts).kind).not.toBe('post');
        },
      ),
    );
  });
});

describe('what is said in the threads of summaries', () => {
  const NOW = momentAfter(3 * DAY);
  const ago = (milliseconds: number) => new Date(NOW.getTime() - milliseconds);
  const TIMES = { repeatCriticalEveryMs: DAY, remindAfterMs: 3 * DAY };
  const open = (changes: Partial<OpenSummary> = {}): OpenSummary => ({
    id: '1',
    isPosted: true,
    open: 990,
    openCriticals: 0,
    newCriticals: 0,
    calledAt: null,
    calls: 0,
    callPending: false,
    ...changes,
  });
  const plan = (changes: Partial<OpenSummary>) => planSummaries({ open: [open(changes)], ended: [] }, NOW, TIMES);
  const CALL = [{ kind: 'call_about_summary', summaryId: '1', calls: 2 }];
  const all = { openCriticals: 990, newCriticals: 990, calls: 2 };

  test.each([
    ['warnings call nobody', {}, []],
    ['the first criticals call', all, CALL],
    ['not before the summary is there', { ...all, isPosted: false }, []],
    ['not while a call is on its way', { ...all, callPending: true }, []],
    ['what people were called about does not call again', { ...all, newCriticals: 0, calledAt: ago(2 * HOUR) }, []],
    ['further criticals call', { ...all, newCriticals: 1, calledAt: ago(CALL_AT_MOST_EVERY_MS) }, CALL],
    ['but not twice within the hour', { ...all, newCriticals: 1, calledAt: ago(CALL_AT_MOST_EVERY_MS - 1) }, []],
    ['open criticals call again every day', { ...all, newCriticals: 0, calledAt: ago(DAY) }, CALL],
    ['but not a moment before', { ...all, newCriticals: 0, calledAt: ago(DAY - 1) }, []],
    ['nor by an hour’s jump of the clock', { ...all, newCriticals: 0, calledAt: ago(-HOUR) }, []],
    ['a clock that was set back by days silences nothing', { ...all, newCriticals: 0, calledAt: ago(-9 * DAY) }, CALL],
    ['once all have ended that is noted', { open: 0 }, [{ kind: 'end_summary', summaryId: '1' }]],
  ])('%s', (_what, changes, expected) => {
    expect(plan(changes)).toEqual(expected);
  });

  test('RCAs are reminded of days after the end', () => {
    const ended = [
      { id: '3', endedAt: ago(3 * DAY) },
      { id: '4', endedAt: ago(3 * DAY - 1) },
    ];
    expect(planSummaries({ open: [], ended }, NOW, TIMES)).toEqual([{ kind: 'remind_of_summary_rca', summaryId: '3' }]);
  });

  test('of a thousand that turn critical one a minute, people are called once an hour', () => {
    let calledAt: Date | null = null;
    let calls = 0;
    for (let minute = 0; minute < 1_000; minute += 1) {
      const now = momentAfter(DAY + minute * MINUTE);
      const summaries = { open: [open({ openCriticals: minute + 1, newCriticals: 1, calledAt, calls })], ended: [] };
      if (planSummaries(summaries, now, TIMES).length === 0) continue;
      calledAt = now;
      calls += 1;
    }
    expect(calls).toBe(17);
  });
});
