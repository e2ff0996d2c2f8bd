/** Longer than any secret: something piped in by mistake isn't read to its end. */
const LONGEST = 1_000;

/** Reads the first line of a stream, trimmed: secrets don't belong on a command line, where others see them. */
export async function readSecretLine(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const piece of input) {
    text += piece.toString();
    if (text.includes('\n') || text.length > LONGEST) break;
  }
  return (/^[^\r\n]*/u.exec(text.trimStart())?.[0] ?? '').trim();
}
