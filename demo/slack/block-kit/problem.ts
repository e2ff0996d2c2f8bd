import type { z } from 'zod';

/** Something that Slack would refuse, or that a person could not read or hear. */
export interface Problem {
  /** A JSON pointer into the payload (RFC 6901): `/blocks/0/text/text`, and `` for the payload itself. */
  readonly path: string;
  readonly message: string;
}

/** Keys that Slack knows and the app must not send, with the reason. */
const REFUSED: Readonly<Record<string, string>> = {
  link_names: 'is refused: it makes mentions of names in somebody’s words',
  parse: 'is refused: it makes links and mentions of somebody’s words',
};

export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: pointer([...path, key]),
        message: (Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined) ?? 'is no key that belongs here',
      }));
    }
    const isUnknownType = issue.code === 'invalid_union' && issue.discriminator !== undefined;
    return [{ path: pointer(path), message: isUnknownType ? 'is no type that is supported here' : issue.message }];
  });
}

function pointer(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
