import type { Evidence } from '../../src/promotions/evidence.js';
import { answerText, showText, stuckText } from '../../src/views/command-line.js';
import { terminalJson, terminalText } from '../../src/views/terminal.js';
import { code, person, quote, when } from '../../src/views/text.js';
import { HOUR, momentAfter, promotion } from '../promotions/make.js';
import { HOSTILE } from './hostile.js';
import { BUILDERS } from './payloads.js';

const NOW = momentAfter(30 * HOUR);
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal must not get
const UNSAFE = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]|\p{Cf}|\p{Zl}|\p{Zp}/u;

test.each([
  ['*bold* and _slanted_ text', 'bold and slanted text'],
  ['HEROKU_API_KEY isn’t set, nor TOTP_ENCRYPTION_KEY', 'HEROKU_API_KEY isn’t set, nor TOTP_ENCRYPTION_KEY'],
  [':warning: *Warning* `a_*b*_c`', 'Warning `a_*b*_c`'],
  ['`&lt;x&gt; &amp;lt;`', '`<x> &lt;`'],
  ['a &lt; b :no_entry: c', 'a < b c'],
  ['<https://dashboard.heroku.com/apps/x|v3> by <@U012AB3CD>', 'v3 by U012AB3CD'],
  [
    `since ${when(momentAfter(0))}`,
    `since ${momentAfter(0).toISOString().slice(0, 16).replace('T', ' ')} UTC (1 d 6 h ago)`,
  ],
  [`${code('*x* <!here>')} ${person('kris')}`, '`*x* <!here>` `kris`'],
  ['5 * 3 * 2', '5 * 3 * 2'],
])('%s', (mrkdwn, text) => {
  expect(terminalText(mrkdwn, NOW)).toBe(text);
});

test('several lines stay several lines', () => {
  expect(terminalText(quote('one\ntwo `x`'), NOW)).toBe('one\ntwo ˋxˋ');
});

test.each(HOSTILE)('%s is safe on a terminal', (_, text) => {
  for (const name of ['nothingStuckAnswer', 'takeRefusalAnswer', 'outcomeHeadline']) {
    for (const payload of BUILDERS[name]?.({ text, url: 'https://docs.example.com/1' }) ?? []) {
      if (payload.kind === 'message') expect(answerText(payload.message, NOW)).not.toMatch(UNSAFE);
    }
  }
  const row = promotion({ flagKey: text, herokuApp: text, configVar: text, promotedBy: text, lastError: text });
  const evidence: Evidence = { kind: 'unavailable', checkedAt: NOW, reason: 'no_answer' };
  const history = [{ at: NOW, action: text, actor: text, detail: { reason: text } }];
  expect(showText({ promotion: row, evidence, history, historyIsCut: false, attention: null }, NOW)).not.toMatch(
    UNSAFE,
  );
  expect(stuckText({ rows: [{ promotion: row, severity: 'critical', evidence }], total: 2 }, NOW)).not.toMatch(UNSAFE);
  expect(terminalJson({ text })).not.toMatch(UNSAFE);
  expect(JSON.parse(terminalJson({ text }))).toEqual({ text: JSON.parse(JSON.stringify(text)) });
});
