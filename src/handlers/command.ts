import { isRowId } from '../promotions/row-id.js';
import { bare } from '../promotions/typed.js';
import type { Answer } from '../views/blocks.js';
import { readGroupPage } from '../views/group.js';
import { helpAnswer, SUBCOMMANDS, type Subcommand, unknownWordAnswer, wholeHelpAnswer } from '../views/help.js';
import { ACTION, COMMAND } from '../views/ids.js';
import { answer } from './answer.js';
import { commandSnooze, commandTake } from './attention.js';
import { listPage } from './commands/list.js';
import { show } from './commands/show.js';
import { commandStats } from './commands/stats.js';
import { groupPage, stuckPage } from './commands/stuck.js';
import type { HandlerDependencies } from './dependencies.js';
import { commandDrill } from './drill.js';
import { commandRevert } from './follow-up.js';
import { refuseOutsider } from './outsider.js';
import { type Clicks, type CommandHandler, lookUp } from './handler.js';
import { commandMark } from './mark.js';
import { nearMiss } from './near-miss.js';
import { commandOperators } from './operators.js';
import { commandRca } from './rca.js';
import { commandTransition } from './transition.js';
import { unpackClick, unpackCommand } from './unpack.js';

const answerWith =
  (say: (deps: HandlerDependencies, rest: string) => Answer | Promise<Answer>): CommandHandler =>
  async (deps, command, rest) =>
    answer(deps, command.responseUrl, await say(deps, rest));

export const COMMANDS: Readonly<Record<Subcommand, CommandHandler>> = {
  stuck: answerWith((deps) => stuckPage(deps, 0)),
  list: answerWith((deps) => listPage(deps, null)),
  show: answerWith(show),
  take: commandTake,
  snooze: commandSnooze,
  mark: commandMark,
  promote: (deps, command, rest) => commandTransition(deps, 'promote', command, rest),
  cancel: (deps, command, rest) => commandTransition(deps, 'cancel', command, rest),
  revert: commandRevert,
  rca: commandRca,
  stats: commandStats,
  operators: commandOperators,
  drill: commandDrill,
  help: answerWith((_, rest) => (bare(rest).toLowerCase() === 'all' ? wholeHelpAnswer() : helpAnswer())),
};

/** These need no right. */
const LOOKS: ReadonlySet<CommandHandler> = new Set([
  COMMANDS.stuck,
  COMMANDS.list,
  COMMANDS.show,
  COMMANDS.stats,
  COMMANDS.help,
]);

export const pageClicks = {
  [ACTION.stuckPage]: turnStuckPage,
  [ACTION.groupPage]: turnGroupPage,
  [ACTION.listPage]: turnListPage,
  [ACTION.moreHelp]: clickMoreHelp,
} satisfies Clicks;

/** The command's first word, for the log; an unknown word may be anything, so it isn't logged. */
export function commandWord(text: string): string {
  const word = bare(/^\S*/u.exec(text.trim())?.[0] ?? '').toLowerCase();
  return `${COMMAND} ${lookUp(COMMANDS, word) === undefined ? '…' : word}`;
}

/** Answers only the person who typed `/flag-promotions …`. */
export async function slashCommand(deps: HandlerDependencies, body: unknown): Promise<void> {
  const command = unpackCommand(body);
  const text = command.text.trim();
  const typed = /^\S*/u.exec(text)?.[0] ?? '';
  const word = bare(typed);
  const run = lookUp(COMMANDS, word === '' ? 'help' : word.toLowerCase());
  const looks = run === undefined || LOOKS.has(run);
  const outsider = await refuseOutsider(deps, command, { looks });
  if (outsider !== null) return answer(deps, command.responseUrl, outsider);

  if (run !== undefined) return run(deps, command, text.slice(typed.length).trim());
  const meant = nearMiss(
    word,
    SUBCOMMANDS.map((subcommand) => subcommand.word),
  );
  await answer(deps, command.responseUrl, unknownWordAnswer(typed, meant));
}

/** `More commands` under the help: the whole help replaces it. */
async function clickMoreHelp(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const outsider = await refuseOutsider(deps, click, { looks: true });
  if (outsider !== null) return answer(deps, click.responseUrl, outsider);
  await answer(deps, click.responseUrl, wholeHelpAnswer(), { replace: true });
}

/** A new page of `stuck` or `list` replaces the one before. */
async function turnStuckPage(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const outsider = await refuseOutsider(deps, click, { looks: true });
  if (outsider !== null) return answer(deps, click.responseUrl, outsider);
  const offset = /^\d{1,6}$/u.test(click.value) ? Number(click.value) : 0;
  await answer(deps, click.responseUrl, await stuckPage(deps, offset), { replace: true });
}

/** The list behind a group: ephemeral, and its pages replace each other. */
async function turnGroupPage(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const outsider = await refuseOutsider(deps, click, { looks: true });
  if (outsider !== null) return answer(deps, click.responseUrl, outsider);
  const asked = readGroupPage(click.value);
  const page = asked === null ? await stuckPage(deps, 0) : await groupPage(deps, asked);
  await answer(deps, click.responseUrl, page, { replace: click.isEphemeral });
}

async function turnListPage(deps: HandlerDependencies, body: unknown): Promise<void> {
  const click = unpackClick(body);
  const outsider = await refuseOutsider(deps, click, { looks: true });
  if (outsider !== null) return answer(deps, click.responseUrl, outsider);
  const beforeId = isRowId(click.value) ? click.value : null;
  await answer(deps, click.responseUrl, await listPage(deps, beforeId), { replace: true });
}
