import { distance } from 'fastest-levenshtein';
import type { Answer } from '../views/blocks.js';
import { helpWords, SUBCOMMANDS, type Subcommand, unknownWords } from '../views/help.js';
import { sentence } from '../views/list.js';
import { answer, isStranger, STRANGER } from './answer.js';
import { commandSnooze, commandTake } from './attention.js';
import { listPage } from './commands/list.js';
import { show } from './commands/show.js';
import { commandStats } from './commands/stats.js';
import { stuckPage, summaryPage } from './commands/stuck.js';
import type { HandlerDependencies } from './dependencies.js';
import { commandMark } from './mark.js';
import { commandOperators } from './operators.js';
import { commandRca } from './rca.js';
import { commandTransition } from './transition.js';
import { isPromotionId, unpackClick, unpackCommand } from './unpack.js';

/** A resemblance of this many edits at most is taken for a slip of the thumb. */
const NEAR_MISS = 2;

/** `/flag-promotions …`: answers only the person who typed it. */
export async function slashCommand(deps: HandlerDependencies, body: unknown): Promise<void> {
  const command = unpackCommand(body);
  if (await isStranger(deps, command.teamId)) return answer(deps, command.responseUrl, STRANGER);

  const text = command.text.trim();
  const typed = /^\S*/u.exec(text)?.[0] ?? '';
  const rest = text.slice(typed.length).trim();
  const word = SUBCOMMANDS.find((subcommand) => subcommand.word === typed.toLowerCase())?.word ?? null;
  switch (word) {
    case 'rca':
      return commandRca(deps, command, rest);
    case 'mark':
      return commandMark(deps, command, rest);
    case 'operators':
      return commandOperators(deps, command, rest);
    case 'take':
      return commandTake(deps, command, rest);
    case 'snooze':
      return commandSnooze(deps, command, rest);
    case 'stats':
      return commandStats(deps, command, rest);
    case 'promote':
    case 'cancel':
      return commandTransition(deps, word, command, rest);
    default:
      return answer(deps, command.responseUrl, await answerTo(deps, word, typed, rest));
  }
}

async function answerTo(
  deps: HandlerDependencies,
  word: Exclude<Subcommand, 'rca' | 'mark' | 'stats' | 'operators' | 'promote' | 'cancel' | 'take' | 'snooze'> | null,
  typed: string,
  rest: string,
): Promise<Answer> {
  switch (word) {
    case 'stuck':
      return stuckPage(deps, 0);
    case 'list':
      return listPage(deps, null);
    case 'show':
      return show(deps, rest);
    case 'help':
      return sentence(helpWords());
    case null:
      return sentence(typed === '' ? helpWords() : unknownWords(typed, nearest(typed.slice(0, 40).toLowerCase())));
  }
}

function nearest(typed: string): Subcommand | null {
  const ranked = SUBCOMMANDS.map(({ word }) => ({ word, edits: distance(typed, word) })).sort(
    (a, b) => a.edits - b.edits,
  );
  const [best] = ranked;
  return best !== undefined && best.edits <= NEAR_MISS ? best.word : null;
}

/** Paging in an answer to `stuck` or `list`: the page takes the place of the one before. */
export async function turnStuckPage(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  if (await isStranger(deps, click.teamId)) return answer(deps, click.responseUrl, STRANGER);
  const offset = /^\d{1,6}$/u.test(click.value) ? Number(click.value) : 0;
  await answer(deps, click.responseUrl, await stuckPage(deps, offset), { replace: true });
}

/** The list behind a summary: a message that only this person sees, and whose pages take its place. */
export async function turnSummaryPage(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  if (await isStranger(deps, click.teamId)) return answer(deps, click.responseUrl, STRANGER);
  const [, summaryId = '', offset = '0'] = /^(\d{1,18}):(\d{1,6})$/u.exec(click.value) ?? [];
  const page = isPromotionId(summaryId)
    ? await summaryPage(deps, { summaryId, offset: Number(offset) })
    : await stuckPage(deps, 0);
  await answer(deps, click.responseUrl, page, { replace: click.isEphemeral });
}

export async function turnListPage(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  if (await isStranger(deps, click.teamId)) return answer(deps, click.responseUrl, STRANGER);
  const beforeId = isPromotionId(click.value) ? click.value : null;
  await answer(deps, click.responseUrl, await listPage(deps, beforeId), { replace: true });
}
