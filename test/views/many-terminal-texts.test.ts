import type { Evidence } from '../../src/promotions/evidence.js';
import { answerText, showText, stuckText } from '../../src/views/command-line.js';
import { terminalJson } from '../../src/views/terminal.js';
import { HOUR, momentAfter, promotion } from '../promotions/make.js';
import { HOSTILE } from './hostile.js';
import { BUILDERS } from './payloads.js';

const NOW = momentAfter(30 * HOUR);
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal must not get
const UNSAFE = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]|\p{Cf}|\p{Zl}|\p{Zp}/u;

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
