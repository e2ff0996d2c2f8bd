import { COMMAND } from './ids.js';
import { code } from './text.js';

/** The words that the slash command understands, what follows them, and what they do. */
export const SUBCOMMANDS = [
  { word: 'stuck', usage: 'stuck', does: 'what is stuck, with the buttons to mark it' },
  { word: 'list', usage: 'list', does: 'the newest promotions' },
  { word: 'show', usage: 'show <id | flag-key>', does: 'one promotion: what Heroku says, and its whole history' },
  { word: 'take', usage: 'take <id | flag-key>', does: 'say that you are on it' },
  { word: 'snooze', usage: 'snooze <id | flag-key> 1h|4h|09:00', does: 'keep its alert quiet for a while' },
  { word: 'mark', usage: 'mark <flag-key> [app] [value]', does: 'mark a flag for promotion; bare: with a form' },
  {
    word: 'promote',
    usage: 'promote <id | flag-key>',
    does: 'promote what is marked, with a code; bare: what is marked',
  },
  { word: 'cancel', usage: 'cancel <id | flag-key>', does: 'cancel what is marked' },
  { word: 'rca', usage: 'rca <id | flag-key> [https://…]', does: 'link the RCA of a promotion' },
  { word: 'rca', usage: 'rca draft <id | flag-key>', does: 'draft it from what is on record, into the alert’s thread' },
  { word: 'rca', usage: 'rca', does: 'what alerted and ended without an RCA' },
  { word: 'stats', usage: 'stats [30d]', does: 'how the promotions of the last days went, in figures' },
  { word: 'operators', usage: 'operators', does: 'who may do what' },
  {
    word: 'operators',
    usage: 'operators add | reset | disable | unlock | rotate',
    does: 'change that, with a code; rotate: a new secret of your own',
  },
  { word: 'help', usage: 'help', does: 'this list' },
] as const;
export type Subcommand = (typeof SUBCOMMANDS)[number]['word'];

export function helpWords(): string {
  return SUBCOMMANDS.map(({ usage, does }) => `${code(`${COMMAND} ${usage}`)}  ${does}`).join('\n');
}

/** What to say to a word that is none of ours; `meant` is the one it resembles. */
export function unknownWords(word: string, meant: Subcommand | null): string {
  const guess = meant === null ? '' : ` Did you mean ${code(`${COMMAND} ${meant}`)}?`;
  return `I don’t know ${code(word, 40)}.${guess} This is what I know:\n${helpWords()}`;
}

export function usageWords(word: Subcommand): string {
  const usage = SUBCOMMANDS.find((subcommand) => subcommand.word === word)?.usage ?? word;
  return `Say which promotion: ${code(`${COMMAND} ${usage}`)}. ${code(`${COMMAND} list`)} shows their ids.`;
}

export function unknownPromotionWords(reference: string): string {
  return `There is no promotion ${code(reference, 80)}. ${code(`${COMMAND} list`)} shows the newest.`;
}
