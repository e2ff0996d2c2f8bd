import { bare, bareLink } from '../../src/promotions/typed.js';

test.each([
  'console_dark_mode',
  '"console_dark_mode"',
  "'console_dark_mode'",
  '“console_dark_mode”',
  '„console_dark_mode“',
  '«console_dark_mode»',
  '‘console_dark_mode’',
  '`console_dark_mode`',
  '```console_dark_mode```',
  '<console_dark_mode>',
  '&lt;console_dark_mode&gt;',
  '#console_dark_mode',
  ' “`console_dark_mode`” ',
  // Half of what was pasted.
  'console_dark_mode`',
])('%s is meant as the key', (typed) => {
  expect(bare(typed)).toBe('console_dark_mode');
});

test.each([
  ['#12', '12'],
  ['"#12"', '12'],
  ['raxx-console-prod', 'raxx-console-prod'],
  ['_private_', '_private_'],
  ['a"b', 'a"b'],
  ['“”', ''],
  ['', ''],
])('%s is meant as %s', (typed, meant) => {
  expect(bare(typed)).toBe(meant);
});

test('a link keeps an end that nothing began', () => {
  expect(bareLink('“https://docs.example.com/rca”')).toBe('https://docs.example.com/rca');
  expect(bareLink("https://docs.example.com/o'")).toBe("https://docs.example.com/o'");
  expect(bareLink(" https://docs.example.com/o'")).toBe(" https://docs.example.com/o'");
});
