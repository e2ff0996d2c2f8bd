/**
 * The person mentioned among typed words. Slack writes mentions as ids only in escaped commands; a name chooses nobody.
 */
export function mentionedPerson(typed: readonly string[]): string | null {
  return typed.map((word) => /<@([UW][A-Z0-9]+)(?:\|[^>]*)?>/u.exec(word)?.[1]).find(Boolean) ?? null;
}
