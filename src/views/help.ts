import { type Answer, button, context, section } from './blocks.js';
import { ACTION, COMMAND } from './ids.js';
import { code } from './text.js';

/** The slash command's words, their arguments and meaning. `first`: in the short help. */
export const SUBCOMMANDS = [
  { word: 'stuck', usage: 'stuck', does: 'what is stuck, with buttons', first: true },
  { word: 'list', usage: 'list', does: 'the newest promotions' },
  { word: 'show', usage: 'show <id | flag-key>', does: 'is it live? And its history', first: true },
  { word: 'take', usage: 'take <id | flag-key>', does: 'say that you’re on it', first: true },
  { word: 'snooze', usage: 'snooze <id | flag-key> 1h|4h|09:00', does: 'keep its alert quiet' },
  { word: 'mark', usage: 'mark <flag-key> [app] [value]', does: 'mark a flag for promotion' },
  {
    word: 'promote',
    usage: 'promote <id | flag-key>',
    does: 'promote a marked flag (needs a code)',
    first: true,
  },
  { word: 'cancel', usage: 'cancel <id | flag-key>', does: 'cancel a marked flag (needs a code)' },
  { word: 'revert', usage: 'revert <id | flag-key>', does: 'back to its previous value (needs a code)' },
  { word: 'rca', usage: 'rca <id | flag-key> [https://…]', does: 'link its RCA', first: true },
  { word: 'rca', usage: 'rca draft <id | flag-key>', does: 'draft its RCA, in the alert’s thread' },
  { word: 'rca', usage: 'rca', does: 'which RCAs are missing' },
  { word: 'stats', usage: 'stats [30d]', does: 'how the last promotions went' },
  { word: 'operators', usage: 'operators', does: 'who may do what' },
  {
    word: 'operators',
    usage: 'operators add | reset | disable | unlock | rotate',
    does: 'change that (needs a code)',
  },
  { word: 'drill', usage: 'drill [page | end]', does: 'practise an alert; also page; end it' },
  { word: 'help', usage: 'help', does: 'this help; help all: every command' },
] as const satisfies readonly {
  readonly word: string;
  readonly usage: string;
  readonly does: string;
  readonly first?: true;
}[];
export type Subcommand = (typeof SUBCOMMANDS)[number]['word'];

/** One command a line, without the common prefix: a phone shows some 45 characters. */
function lines(only: 'first' | 'all'): string {
  return SUBCOMMANDS.filter((subcommand) => only === 'all' || 'first' in subcommand)
    .map(({ usage, does }) => `${code(usage.replace('<id | flag-key>', '<key>'))} ${does}`)
    .join('\n');
}

const INTRO = `Type ${code(COMMAND)} and one of these:`;

/** The five commands that people need first. */
export function helpAnswer(intro = INTRO): Answer {
  const text = `${intro}\n${lines('first')}`;
  return {
    text,
    blocks: [section(text), { type: 'actions', elements: [button(ACTION.moreHelp, 'More commands')] }],
  };
}

export function wholeHelpAnswer(): Answer {
  const text = `${INTRO}\n${lines('all')}`;
  return { text, blocks: [section(text), context(`${code('<key>')} is a flag’s key or a promotion’s id.`)] };
}

/** `meant`: the known word that an unknown one resembles. */
export function unknownWordAnswer(word: string, meant: Subcommand | null): Answer {
  const guess = meant === null ? '' : ` Did you mean ${code(`${COMMAND} ${meant}`)}?`;
  return helpAnswer(`I don’t know ${code(word, 40)}.${guess} ${INTRO}`);
}

export function usageWords(word: Subcommand): string {
  const usage = SUBCOMMANDS.find((subcommand) => subcommand.word === word)?.usage ?? word;
  return `Which promotion? Type ${code(`${COMMAND} ${usage}`)}. The ids are in ${code(`${COMMAND} list`)}.`;
}

export function unknownPromotionWords(reference: string): string {
  return `There is no promotion ${code(reference, 80)}. See the newest: ${code(`${COMMAND} list`)}`;
}
