import { terminalText } from '../../src/views/terminal.js';
import { code, person, quote, when } from '../../src/views/text.js';
import { HOUR, momentAfter } from '../promotions/make.js';

const NOW = momentAfter(30 * HOUR);

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
