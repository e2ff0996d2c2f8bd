import type { SetBack } from '../../src/promotions/set-back.js';
import { SEVERITIES } from '../../src/promotions/stuck.js';
import { alertMessage, escalationReply, repeatReply } from '../../src/views/alert.js';
import { followUpModal } from '../../src/views/follow-up.js';
import { resolutionModal } from '../../src/views/resolution.js';
import { transitionModal } from '../../src/views/transition.js';
import { DAY, momentAfter, promotion } from '../promotions/make.js';
import { countWords, messageText, read } from './as-text.js';
import { AS_OF, ATTENTIONS, ROWS, stuck, VERDICTS } from './cases.js';

/** Thousands of alerts and forms, everything combined with everything: how long they are, and what they answer. */

const MOST_IN_ALERT = 45;
const MOST_IN_FORM = 60;

const WRITERS = { alert: alertMessage, escalation: escalationReply, repeat: repeatReply } as const;
/** Every severity, verdict, row, attention and kind of message that has an alert's buttons. */
const EVERY_ALERT = Object.entries(WRITERS).flatMap(([writer, write]) =>
  SEVERITIES.flatMap((severity) =>
    Object.entries(VERDICTS).flatMap(([verdict, evidence]) =>
      Object.entries(ROWS).flatMap(([rowName, row]) =>
        Object.entries(ATTENTIONS).map(([held, known]) => {
          // A snoozed alert, and the repeat of an acknowledged one, is only ever an edit, which mentions nobody.
          const isEdit = known !== null && (known.snooze !== null || writer === 'repeat');
          const about = { promotion: row, severity, evidence, attention: known };
          const facts = stuck(isEdit ? { ...about, mention: null } : about);
          return { name: `${writer} ${severity} ${verdict} ${rowName} ${held}`, facts, message: write(facts) };
        }),
      ),
    ),
  ),
);

describe('the limits', () => {
  test(`${MOST_IN_ALERT} words an alert, whatever it says`, () => {
    const long = EVERY_ALERT.map(({ name, message }) => ({ name, words: countWords(message) })).filter(
      ({ words }) => words > MOST_IN_ALERT,
    );
    expect(long).toEqual([]);
  });

  test(`${MOST_IN_FORM} words a form besides its fields, and the code first`, () => {
    const setBacks: SetBack[] = [
      { kind: 'unknown' },
      { kind: 'not_allowed' },
      { kind: 'held_already' },
      { kind: 'known', value: 'false' },
    ];
    const forms = Object.entries(VERDICTS).flatMap(([verdict, evidence]) =>
      Object.entries(ROWS).flatMap(([rowName, row]) =>
        ([null, 'evidence', 'row'] as const).flatMap((changed) => [
          ...(['completed', 'failed'] as const).flatMap((action) =>
            setBacks.map((setBack) => ({
              name: `${action} ${verdict} ${rowName} ${setBack.kind} ${changed}`,
              modal: resolutionModal({
                promotion: row,
                action,
                evidence,
                changed,
                setBack,
                privateMetadata: '',
              }),
            })),
          ),
          ...(['revert', 'set_again'] as const).map((followUp) => ({
            name: `${followUp} ${verdict} ${rowName} ${changed}`,
            modal: followUpModal({
              followUp,
              promotion: row,
              value: 'false',
              reverts: '3',
              asked: null,
              evidence,
              changed,
              privateMetadata: '',
            }),
          })),
          ...(['promote', 'cancel'] as const).map((transition) => ({
            name: `${transition} ${verdict} ${rowName} ${changed}`,
            modal: transitionModal({ promotion: row, transition, evidence, changed, privateMetadata: '' }),
          })),
        ]),
      ),
    );
    const long = forms.filter(({ modal }) => countWords(modal) > MOST_IN_FORM);
    expect(long.map(({ name, modal }) => `${name}: ${countWords(modal)}`)).toEqual([]);
    const firstFields = forms.map(({ modal }) => modal.blocks.find(({ type }) => type === 'input')?.block_id);
    expect(new Set(firstFields)).toEqual(new Set(['code']));
    // Above the code: at most three blocks of text, which a phone shows together with it.
    const above = forms.map(({ modal }) => modal.blocks.findIndex(({ type }) => type === 'input'));
    expect(Math.max(...above)).toBeLessThanOrEqual(3);
  });

  test('a contradiction is one sentence and one tick box', () => {
    const of = (verdict: string) =>
      resolutionModal({
        promotion: ROWS.plain,
        action: 'completed',
        evidence: VERDICTS[verdict] ?? null,
        changed: null,
        setBack: { kind: 'unknown' },
        privateMetadata: '',
      }).blocks.length;
    expect(of('not-live-unset') - of('live')).toBe(2);
  });
});

/** The answer's form, by the first matching name of a verdict. */
const byVerdict =
  (...answers: readonly (readonly [verdict: RegExp, answer: RegExp])[]) =>
  (verdict: string): RegExp => {
    const found = answers.find(([known]) => known.test(verdict));
    if (found === undefined) throw new Error(`No answer is known for ${verdict}.`);
    return found[1];
  };

/** They word a missing RCA differently, and don't say when it went live. */
const SAYS_WHAT_RUNS = /^live-(?:running|crashed|not-up|scaled-to-zero)$/u;

/** Ten questions that somebody has at three in the morning, and how the alert answers them. */
const QUESTIONS: readonly (readonly [string, RegExp | ((verdict: string) => RegExp)])[] = [
  ['What is stuck?', /`console_heroku_log_drain_alerting` on `raxx-console-prod`: (?:still )?stuck/u],
  ['Since when?', /stuck since May 9 04:28 \(2 d ago\)/u],
  [
    'Is it live?',
    byVerdict(
      [/^live/u, /It IS live/u],
      [/^(?:not-live|release|changed)/u, /NOT live/u],
      [/./u, /Can’t tell if it’s live/u],
    ),
  ],
  [
    'Since which release?',
    byVerdict(
      [/^live-or-earlier$/u, /since v3 ↗ or earlier/u],
      [/^live-since-unknown$/u, /since an unknown release/u],
      [SAYS_WHAT_RUNS, /since v3 ↗ \(`kris@raxx\.example`\)/u],
      [/^live/u, /since v3 ↗ \(May 9 04:29:00, `kris@raxx\.example`\)/u],
      [/^changed/u, /(?:since|in) v4 ↗ \(May 9 04:29:00\)/u],
      [/^release-/u, /v3 (?:is running|failed)/u],
      [/^not-live/u, /\(should be `true`\)/u],
      [/./u, /Check: `heroku config:get FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING -a raxx-console-prod`/u],
    ),
  ],
  ['Who started it?', /Promoted by (?:@U0PROMOTER|_unknown_)/u],
  [
    'What do I press?',
    byVerdict(
      [/^live-crashed$/u, /crashed: check why/u],
      [/^live/u, /press Mark completed/u],
      [/^release-running/u, /is running, wait/u],
      [/^(?:not-live|release-failed|changed)/u, /Mark failed/u],
      [/./u, /check first/u],
    ),
  ],
  ['What if I’m wrong?', /doesn’t touch Heroku ↗ · final/u],
  ['Who is on it?', /nobody (?:is )?on it|@U0SUPER001 on it/u],
  ['Where is the RCA?', byVerdict([SAYS_WHAT_RUNS, /no RCA$|RCA ↗/mu], [/./u, /no RCA yet|RCA ↗/u])],
  ['Is the watchdog alive?', /checked 1 min ago/u],
];

describe('ten questions are answered by the alert alone', () => {
  const texts: { readonly name: string; readonly text: string }[] = [];
  beforeAll(() => {
    for (const { name, message } of EVERY_ALERT) texts.push({ name, text: messageText(message, AS_OF) });
  });

  test.each(QUESTIONS)('%s', (_, answer) => {
    const unanswered = texts.filter(({ name, text }) => {
      const [, , verdict = ''] = name.split(' ');
      return !(typeof answer === 'function' ? answer(verdict) : answer).test(text);
    });
    expect(texts).toHaveLength(EVERY_ALERT.length);
    expect(unanswered.map(({ name }) => name)).toEqual([]);
  });

  test('in what a lock screen shows: what, where, for how long, whether it is live, and what to press', () => {
    expect(read(alertMessage(stuck()).text, AS_OF)).toBe(
      '🚨 *CRITICAL* @oncall `console_heroku_log_drain_alerting` on `raxx-console-prod`: stuck 2 d 9 h. It IS live: press Mark completed.',
    );
    const texts = EVERY_ALERT.map(({ message }) => message.text);
    expect(texts.filter((text) => !/stuck 2 d 9 h\. .*[.]$/u.test(text))).toEqual([]);
  });

  test('and it names nobody whose release proves nothing', () => {
    expect(EVERY_ALERT.filter(({ message }) => JSON.stringify(message).includes('innocent'))).toEqual([]);
    // Whoever marked it didn't start it.
    const unknown = promotion({ promotedBy: null, promotedAt: momentAfter(-DAY) });
    expect(messageText(alertMessage(stuck({ promotion: unknown })), AS_OF)).toContain('Promoted by _unknown_');
    expect(JSON.stringify(alertMessage(stuck({ promotion: unknown })))).not.toContain('U0MARKER01');
  });
});
