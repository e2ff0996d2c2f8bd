export interface Completion {
  readonly label: string;
  readonly does: string;
  readonly text: string;
}

interface Command {
  readonly name: string;
  readonly words: readonly { readonly usage: string; readonly does: string }[];
}

/** How a text that begins like the command may continue; nothing for any other. */
export function completionsOf(text: string, { name, words }: Command): readonly Completion[] {
  if (!text.startsWith('/')) return [];
  const typed = text.startsWith(`${name} `) ? text.slice(name.length + 1) : null;
  if (typed === null && !name.startsWith(text)) return [];
  return words
    .map(({ usage, does }) => {
      // The person fills in what is in brackets.
      const fixed = usage.replace(/\s*[<[].*$/u, '');
      return { label: `${name} ${usage}`, does, text: `${name} ${fixed}${fixed === usage ? '' : ' '}` };
    })
    .filter((completion) => completion.text.startsWith(text) && completion.text !== text)
    .filter((completion, index, all) => all.findIndex((other) => other.label === completion.label) === index);
}
