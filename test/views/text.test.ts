import { UNKNOWN_TIME } from '../../src/promotions/promotion.js';
import { rcaLink } from '../../src/views/alert.js';
import {
  code,
  cut,
  escapeEntities,
  exact,
  key,
  link,
  moment,
  person,
  plain,
  quote,
  span,
  utc,
  when,
} from '../../src/views/text.js';
import { HOSTILE } from './hostile.js';

describe('escaping', () => {
  test.each([
    ['', ''],
    ['a & b', 'a &amp; b'],
    ['<!channel>', '&lt;!channel&gt;'],
    ['&lt;', '&amp;lt;'],
    ['"\'*`', '"\'*`'],
  ])('of %j is %j', (text, expected) => {
    expect(escapeEntities(text)).toBe(expected);
  });
});

describe('cutting', () => {
  test.each([
    ['', 3, ''],
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 1, '…'],
    ['😀😀😀', 3, '😀😀😀'],
    ['😀😀😀😀', 3, '😀😀…'],
    ['ab😀', 3, 'ab😀'],
    ['x'.repeat(100_000), 2, 'x…'],
  ])('of %j to %d characters', (text, most, expected) => {
    expect(cut(text, most)).toBe(expected);
  });
});

describe('inline code', () => {
  test.each([
    ['console_heroku_log_drain_alerting', '`console_heroku_log_drain_alerting`'],
    ['a  b\n\tc', '`a b c`'],
    ['  a ', '`a`'],
    ['<!channel>', '`&lt;!channel&gt;`'],
    ['a`b', '`aˋb`'],
    ['```', '`ˋˋˋ`'],
    ['*a* _b_ ~c~', '`*a* _b_ ~c~`'],
    ['', '`(empty)`'],
    [' \n ', '`(empty)`'],
    ['\u200B', '`(empty)`'],
    ['a\u202Eb\u061Cc', '`abc`'],
    ['e\u0301\u0301\u0301\u0301', '`e\u0301\u0301`'],
    ['x'.repeat(81), `\`${'x'.repeat(79)}…\``],
    ['&'.repeat(80), `\`${'&amp;'.repeat(80)}\``],
  ])('of %j', (text, expected) => {
    expect(code(text)).toBe(expected);
  });
});

describe('a quotation', () => {
  test.each([
    ['one\ntwo', '```one\ntwo```'],
    [' one \n', '```one```'],
    ['```<!channel>', '```ˋˋˋ&lt;!channel&gt;```'],
    ['', '`(empty)`'],
    ['\n\n', '`(empty)`'],
    ['x'.repeat(1_001), `\`\`\`${'x'.repeat(999)}…\`\`\``],
  ])('of %j', (text, expected) => {
    expect(quote(text)).toBe(expected);
  });

  test.each(HOSTILE)('of %s fits a section beside its heading', (_, text) => {
    expect(quote(text).length).toBeLessThanOrEqual(2_900);
  });
});

describe('plain text', () => {
  test.each([
    ['a\nb', 10, 'a b'],
    ['', 10, '(empty)'],
    ['abcdef', 5, 'abcd…'],
    ['a\u202Eb', 10, 'ab'],
    ['<!channel>', 30, '&lt;!channel&gt;'],
    ['&&&', 10, '&amp;…'],
    ['&'.repeat(100_000), 20, '&amp;&amp;&amp;…'],
  ])('of %j within %d characters', (text, most, expected) => {
    expect(plain(text, most)).toBe(expected);
  });
});

describe('a person', () => {
  test.each([
    ['U0SUPER001', '<@U0SUPER001>'],
    ['W0ENTERPRISE', '<@W0ENTERPRISE>'],
    [null, '_unknown_'],
    ['ops@example.com', '`ops@example.com`'],
    ['', '`(empty)`'],
    ['U1', '`U1`'],
    ['u0super001', '`u0super001`'],
    ['U0SUPER001> <!channel', '`U0SUPER001&gt; &lt;!channel`'],
    ['U0SUPER001\n', '`U0SUPER001`'],
    ['USLACKBOT', '<@USLACKBOT>'],
  ])('%j is shown as %s', (id, expected) => {
    expect(person(id)).toBe(expected);
  });
});

describe('a link', () => {
  test.each([
    ['https://docs.example.com/', 'RCA', '<https://docs.example.com/|RCA>'],
    ['https://docs.example.com/?a=1&b=2', 'a & b', '<https://docs.example.com/?a=1&amp;b=2|a &amp; b>'],
    ['https://docs.example.com/a`b', 'x', '<https://docs.example.com/a%60b|x>'],
  ])('to %s', (url, label, expected) => {
    expect(link(url, label)).toBe(expected);
  });

  test('that is too long for a line is named instead', () => {
    const long = `https://docs.example.com/${'a'.repeat(2_000)}`;
    expect(link(long, 'RCA')).toBe('`RCA`');
  });
});

describe('a recorded RCA', () => {
  test.each([
    ['https://docs.example.com/rca', '<https://docs.example.com/rca|https://docs.example.com/rca>'],
    ['javascript:alert(1)', '`javascript:alert(1)`'],
    ['http://docs.example.com/', '`http://docs.example.com/`'],
    ['see the <!channel> wiki', '`see the &lt;!channel&gt; wiki`'],
    ['', '`(empty)`'],
  ])('of %j is shown as %s', (recorded, expected) => {
    expect(rcaLink(recorded)).toBe(expected);
  });

  test('of 2,048 characters is named by its beginning', () => {
    expect(rcaLink('https://docs.example.com/'.padEnd(2_048, 'a'))).toMatch(/^`https:\/\/docs\.example\.com\/a+…`$/u);
  });
});

describe('a moment', () => {
  const at = new Date('2026-05-09T04:28:31.999Z');

  test('is a date and a time', () => {
    expect(utc(at)).toBe('2026-05-09 04:28 UTC');
    expect(when(at)).toBe('<!date^1778300911^{date_short} {time} ({ago})|2026-05-09 04:28 UTC>');
    expect(when(UNKNOWN_TIME)).toBe('_nobody knows when_');
    expect(moment(at)).toBe('<!date^1778300911^{date_short} {time_secs}|2026-05-09 04:28:31 UTC>');
  });
});

describe('a span', () => {
  const [s, min, h, d] = [1_000, 60_000, 3_600_000, 86_400_000];
  test.each([
    [0, '0 s'],
    [-5 * h, '0 s'],
    [999, '0 s'],
    [40 * s, '40 s'],
    [59 * s + 999, '59 s'],
    [min, '1 min'],
    [12 * h + 5 * min, '12 h 5 min'],
    [12 * h + 59 * s, '12 h'],
    [24 * h - 1, '23 h 59 min'],
    [24 * h, '1 d'],
    [57 * h, '2 d 9 h'],
    [2 * d + 5 * min, '2 d'],
    [97 * h + 21 * min, '4 d 1 h'],
    [1_000 * d, '1000 d'],
  ])('of %d ms is %s', (milliseconds, expected) => {
    expect(span(milliseconds)).toBe(expected);
  });
});

describe('a key', () => {
  test.each([
    ['dark_mode', '`dark_mode`'],
    ['d\u0430rk_mode', '`d\\u{430}rk_mode`'],
    ['dark\u200b_mode', '`dark\\u{200b}_mode`'],
    ['dark\u202eedom', '`dark\\u{202e}edom`'],
    ['größe', '`gr\\u{f6}\\u{df}e`'],
    ['a<b', '`a&lt;b`'],
    ['', '`(empty)`'],
  ])('%j is shown as %s', (text, shown) => {
    expect(key(text)).toBe(shown);
  });
});

describe('a value that is shown whole', () => {
  test.each([
    ['true', 'true'],
    ['größe 😀', 'größe 😀'],
    ['a  b', 'a  b'],
    [' a ', '\\u{20}a\\u{20}'],
    ['a\nb\n', 'a↵\nb↵\n'],
    ['a\tb\r', 'a\\u{9}b\\u{d}'],
    ['a\u200bb\u00a0c', 'a\\u{200b}b\\u{a0}c'],
    ['\\u{200b}', '\\u{5c}u{200b}'],
    ['C:\\users', 'C:\\users'],
    ['*_`<!here>&', '*_`&lt;!here&gt;&amp;'],
    ['', ''],
  ])('%j is shown as %j', (text, shown) => {
    expect(exact(text)).toEqual([shown]);
  });

  test('of many characters takes several parts', () => {
    expect(exact('&'.repeat(1_000)).map(({ length }) => length)).toEqual([3_000, 2_000]);
  });
});
