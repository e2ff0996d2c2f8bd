import { z } from 'zod';

const line = z.looseObject({ level: z.string(), msg: z.string(), reference: z.string().optional() });

/** The log lines of the request whose reference somebody was told. @throws if the text has none */
export function linesUnder(logged: readonly string[], text: string): readonly z.output<typeof line>[] {
  const reference = /\(reference ([0-9A-HJKMNP-TV-Z]{4})\)/u.exec(text)?.[1];
  if (reference === undefined) throw new Error(`No reference is in: ${text}`);
  return logged.map((one) => line.parse(JSON.parse(one))).filter((one) => one.reference === reference);
}
