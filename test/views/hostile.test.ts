import { alertMessage } from '../../src/views/alert.js';
import { showAnswer } from '../../src/views/list.js';
import { HOUR, momentAfter, promotion } from '../promotions/make.js';
import { BLANK, HOSTILE, URLS } from './hostile.js';
import { EVIDENCE, type Facts, payloadsOf } from './payloads.js';
import { problems } from './problems.js';
import { codeIsBalanced, skeleton, strangeMarkup, type Text, textsOf, trickery, valuesOf } from './reading.js';

/** No value from outside is ever more than text: it pings nobody, links nowhere, formats and hides nothing. */

const RCA = 'https://docs.example.com/rca/2026-05-11';

/** Kept for consecutive tests with the same facts. */
let built: { readonly facts: Facts; readonly payloads: ReturnType<typeof payloadsOf> } | null = null;
function payloadsFor(facts: Facts) {
  if (built === null || built.facts.text !== facts.text || built.facts.url !== facts.url) {
    built = { facts, payloads: payloadsOf(facts) };
  }
  return built.payloads;
}

/** A check's findings in the texts of all payloads, by builder, each once. */
function findings(
  facts: Facts,
  kinds: readonly Text['kind'][],
  judge: (text: string) => readonly string[],
): readonly string[] {
  const found = payloadsFor(facts).flatMap(({ name, payload }) =>
    textsOf(payload).flatMap(({ kind, text }) =>
      kinds.includes(kind) ? judge(text).map((finding) => `${name}: ${JSON.stringify(finding.slice(0, 80))}`) : [],
    ),
  );
  return [...new Set(found)].slice(0, 10);
}
const unbalanced = (text: string) => (codeIsBalanced(text) ? [] : [text]);

/** The longer a value shown whole is, the more blocks it takes. */
const isTypeOfBlock = (text: string) => /^[a-z_]+$/u.test(text);
/** The app's own words in everything that Slack formats, text by text. */
const ownWords = (facts: Facts) =>
  payloadsFor(facts).flatMap(({ name, payload }) =>
    textsOf(payload).flatMap(({ kind, text }) =>
      kind === 'mrkdwn' && !isTypeOfBlock(text) ? [`${name}: ${skeleton(text)}`] : [],
    ),
  );
const BENIGN = ownWords({ text: 'some text', url: RCA });
/** A possible Heroku app name links to its dashboard, so these words depend on it. */
const isAppName = (text: string) => /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/u.test(text);
const BENIGN_APP = ownWords({ text: 'some-app', url: RCA });

describe.each([...HOSTILE, ...BLANK])('%s', (_, text) => {
  const facts = { text, url: RCA };

  test('is no live markup', () => {
    expect(findings(facts, ['mrkdwn', 'plain_text'], strangeMarkup)).toEqual([]);
  });

  test('stays inside its span of code', () => {
    expect(findings(facts, ['mrkdwn'], unbalanced)).toEqual([]);
  });

  test('makes nothing that Slack refuses', () => {
    expect(problems(payloadsFor(facts))).toEqual([]);
  });

  test('neither reorders nor hides anything', () => {
    expect(findings(facts, ['mrkdwn', 'plain_text', 'label'], trickery)).toEqual([]);
  });

  // Of blank text the app says that it is empty.
  if (BLANK.some(([, blank]) => blank === text)) return;
  test('changes no word of the app’s own', () => {
    const own = ownWords(facts);
    const benign = isAppName(text) ? BENIGN_APP : BENIGN;
    expect([...new Set(own.filter((words, index) => words !== benign[index]))].slice(0, 10)).toEqual([]);
    expect(own).toHaveLength(benign.length);
  });
});

describe.each(URLS)('an RCA’s address of %s', (_, url) => {
  test('is a link to itself, or words, and nothing else', () => {
    expect(findings({ text: 'flag', url }, ['mrkdwn', 'plain_text'], strangeMarkup)).toEqual([]);
    expect(findings({ text: 'flag', url }, ['mrkdwn'], unbalanced)).toEqual([]);
  });

  test('makes nothing that Slack refuses', () => {
    expect(problems(payloadsFor({ text: '&'.repeat(10_000), url }))).toEqual([]);
  });
});

test.each([
  ['another scheme', 'javascript:alert(1)'],
  ['no address', 'see the wiki'],
  ['a call to the channel', '<!channel>'],
  ['a label of its own', 'https://evil.example/|https://docs.example.com/'],
  ['plain http', 'http://docs.example.com/'],
  ['nothing', ''],
  ['10,000 characters', 'https://docs.example.com/'.padEnd(10_000, 'a')],
])('what another system wrote into rca_url is shown, not linked, and holds up no alert: %s', (_, url) => {
  const facts = { text: 'flag', url };
  expect(findings(facts, ['mrkdwn', 'plain_text'], strangeMarkup)).toEqual([]);
  expect(problems(payloadsFor(facts))).toEqual([]);
  const addresses = payloadsFor(facts).flatMap(({ payload }) => valuesOf(payload, 'url'));
  expect(addresses).not.toContain(url);
});

test.each(['deploying', 'deployed', 'failed'])(
  'a secret that a promotion sets or replaces is in no payload: %s',
  (state) => {
    const secret = 'hunter2-canary';
    const asOf = momentAfter(30 * HOUR);
    const row = promotion({ state, targetValue: secret, previousValue: secret });
    const shown = [
      alertMessage({ promotion: row, severity: 'critical', evidence: null, asOf, mention: null }),
      ...EVIDENCE.map((evidence) =>
        alertMessage({ promotion: row, severity: 'warning', evidence, asOf, mention: null }),
      ),
      showAnswer({ promotion: row, evidence: null, history: [], historyIsCut: false, permalink: null }),
    ];
    expect(JSON.stringify(shown)).not.toContain(secret);
  },
);
