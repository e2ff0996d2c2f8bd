/** https://docs.slack.dev/messaging/formatting-message-text#date-formatting */
const DATE_TOKENS = [
  'date_num',
  'date',
  'date_short',
  'date_long',
  'date_pretty',
  'date_short_pretty',
  'date_long_pretty',
  'time',
  'time_secs',
  'ago',
];

const LABEL = String.raw`[^<>|\n]+`;
const WEB_ADDRESS = String.raw`https?:\/\/[^<>|\s]+`;
const DATE_WORDS = '[^<>|^{}\n]*';
const DATE_TOKEN = String.raw`\{(?:${DATE_TOKENS.join('|')})\}`;

/** What a `<` may begin. A date's second has at most ten digits: eleven or more are milliseconds by mistake. */
const CONSTRUCT = new RegExp(
  `<(?:${[
    '@[UW][A-Z0-9]+',
    String.raw`#C[A-Z0-9]+(?:\|${LABEL})?`,
    String.raw`!subteam\^S[A-Z0-9]+`,
    '!here',
    '!channel',
    '!everyone',
    String.raw`!date\^\d{1,10}\^${DATE_WORDS}(?:${DATE_TOKEN}${DATE_WORDS})+(?:\^${WEB_ADDRESS})?\|${LABEL}`,
    String.raw`(?:${WEB_ADDRESS}|mailto:[^<>|\s]+)(?:\|${LABEL})?`,
  ].join('|')})>`,
  'gu',
);

/** A few characters from the fault on. */
const excerpt = (text: string, at: number) => JSON.stringify(text.slice(at, at + 30));

/**
 * What is wrong with a text in mrkdwn; null if nothing: each `<` must begin a complete mention, date or link, `>` may
 * only quote a line, and `&` must be escaped (https://docs.slack.dev/messaging/formatting-message-text).
 */
export function markupProblem(text: string): string | null {
  // Keeps the length, so positions stay and no construct turns into a line's beginning.
  const rest = text.replaceAll(CONSTRUCT, (construct) => '.'.repeat(construct.length));
  const opening = rest.indexOf('<');
  if (opening !== -1) return `holds a < that begins no mention, date or link of Slack’s: ${excerpt(text, opening)}`;
  const closing = rest.search(/(?<=[^\n])>/u);
  if (closing !== -1) return `holds a > that neither ends a construct nor quotes a line: ${excerpt(text, closing)}`;
  const ampersand = text.search(/&(?!(?:amp|lt|gt);)/u);
  if (ampersand !== -1) return `holds an & that is not escaped: ${excerpt(text, ampersand)}`;
  return null;
}
