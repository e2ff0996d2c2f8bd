/** Typed text as Slack's client sends it: escaped, with mentions of people it knows by name. */
export function typed(text: string, idsByName: Readonly<Record<string, string>>): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return escaped.replaceAll(/(?<=^|\s)@([\w-]+)/gu, (whole, name: string) =>
    Object.hasOwn(idsByName, name) ? `<@${idsByName[name]}>` : whole,
  );
}
