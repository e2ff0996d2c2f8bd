import { checkRcaUrl } from '../../src/promotions/rca-url.js';

/** Texts that somebody might put into a flag's key, a note, a name or a URL, by malice or by accident. */
export const HOSTILE: readonly (readonly [name: string, text: string])[] = [
  ['a call to the channel', '<!channel>'],
  ['a call to everyone here, labelled', '<!here|here>'],
  ['a mention of a person', '<@U0VICTIM01>'],
  ['a mention of a group', '<!subteam^S0VICTIM01|@all>'],
  ['a link with a false label', '<https://evil.example/|https://docs.example.com/>'],
  ['a mention escaped once', '&lt;!channel&gt;'],
  ['half a mention', '<!channel'],
  ['a mention after a bracket', '>><<!channel>>'],
  ['formatting', '*bold* _italic_ ~struck~'],
  ['a span of code', 'a `b` c'],
  ['an open span of code with a mention', '` <!channel>'],
  ['an open block of code', '```\n<!channel>'],
  ['10,000 backticks', '`'.repeat(10_000)],
  ['lines', 'one\n> two\r\n*three*\n\n\n'],
  ['a quotation', '&gt; > quoted'],
  ['controls that reorder', 'a\u202Egnp.exe\u202C\u2066b\u2069\u200Ec'],
  ['the Arabic letter mark', 'a\u061Cb'],
  ['what is not seen', 'a\u200Bb\u2060c\uFEFFd'],
  ['control characters', 'a\u0000b\u0007c\u001B[31md\u009Be'],
  ['piled up marks', `Z${'\u0351'.repeat(500)}a\u0489`],
  ['line separators', 'a\u2028b\u2029c\u0085d'],
  ['half a character', 'a\uD83D b'],
  ['an e-mail address', 'ops+console@example.com'],
  ['a name in another script', 'مرحبا بالعالم'],
  ['an emoji by its name', ':rotating_light:'],
  ['a word that objects know', 'constructor'],
  ['another word that objects know', '__proto__'],
  ['10,000 letters', 'x'.repeat(10_000)],
  ['100,000 ampersands', '&'.repeat(100_000)],
  ['100,000 brackets', '<'.repeat(100_000)],
  [
    '100,000 bytes of everything',
    '<!channel> *b* `c` \u202E<https://evil.example|x> Z\u0351\u0352\u0353 '.repeat(1_800),
  ],
  ['10,000 emoji', '😀'.repeat(10_000)],
  ['families', '👩‍👩‍👧‍👦'.repeat(1_000)],
  ['10,000 ampersands on lines', '&\n'.repeat(10_000)],
];

export const BLANK: readonly (readonly [name: string, text: string])[] = [
  ['nothing', ''],
  ['spaces', '   '],
  ['10,000 line breaks', '\n'.repeat(10_000)],
  ['only what is not seen', '\u200B\u2060\uFEFF\u202E'],
];

function accepted(text: string): string {
  const checked = checkRcaUrl(text, []);
  if (!checked.ok) throw new Error(`Not an RCA's address: ${checked.fault}`);
  return checked.url;
}

const PREFIX = 'https://docs.example.com/rca?';

/** Addresses that checkRcaUrl accepts. */
export const URLS: readonly (readonly [name: string, url: string])[] = [
  ['an ordinary one', accepted('https://docs.example.com/rca/2026-05-11')],
  ['2,048 letters', accepted(PREFIX.padEnd(2_048, 'a'))],
  ['2,048 characters, most of them ampersands', accepted(PREFIX.padEnd(2_048, '&'))],
  ['as many ampersands as are still a link', accepted(PREFIX.padEnd(PREFIX.length + 234, '&'))],
  ['90 characters of ampersands', accepted(PREFIX.padEnd(90, '&'))],
  ['formatting', accepted(`${PREFIX}*a*_b_~c~`)],
  ['one backtick', accepted(`${PREFIX}a\`b`)],
  ['a scheme of its own inside', accepted(`${PREFIX}u=javascript:alert(1)//<`.replace('<', '%3C'))],
];
