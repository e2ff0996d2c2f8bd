import type { Command } from 'commander';
import { isDatabaseUnavailable, isKnownUndone } from '../db/errors.js';
import { withOrigin } from '../reference.js';
import { PROGRAM } from '../views/command-line.js';
import { plainRefusedWords } from '../views/refused.js';
import { terminalJson } from '../views/terminal.js';
import { acknowledge } from './acknowledge.js';
import type { CommandLine, DecidingCommandLine } from './dependencies.js';
import { drill, type DrillHost, endDrill } from './drill.js';
import { show, stuck } from './look.js';
import { type Conversation, type Reply, refused } from './reply.js';
import { resolveByHand } from './resolve.js';
import { revert } from './revert.js';
import { InterruptedError, NoAnswerError, openTerminal, type Terminal } from './terminal.js';

/** Gives commands their dependencies; opens the database for each and closes it. */
export interface Opener {
  look<T>(work: (deps: CommandLine) => Promise<T>): Promise<T>;
  /** Also for commands without a code: each audit event is authenticated with the key. */
  decide<T>(work: (deps: DecidingCommandLine) => Promise<T>): Promise<T>;
  drill<T>(work: (host: DrillHost) => Promise<T>): Promise<T>;
}

/** Where a command is typed and answered. */
interface Shell {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
  readonly errors: NodeJS.WritableStream;
  /** For when the command has ended. */
  setExitCode(code: number): void;
}

const OWN_SHELL: Shell = {
  // Asked for only by a command that asks: Node opens it then.
  get input() {
    return process.stdin;
  },
  output: process.stdout,
  errors: process.stderr,
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

/** Recorded with each act, besides the person whose code it was. */
const ORIGIN = 'command line';
/** 128 plus the signal's number, as a shell counts. */
const INTERRUPTED = 130;
const LIST_MOST = 50;

const NEVER_AN_ARGUMENT =
  'Operator and code are never arguments: others on this host could read them there, and the shell keeps them. ' +
  'Type them when asked, or pipe them in, a line each. Nothing was changed.';

interface Options {
  readonly json?: boolean;
}
interface ResolveOptions extends Options {
  readonly completed?: boolean;
  readonly failed?: boolean;
  readonly note?: string;
  readonly rcaUrl?: string;
  readonly override?: boolean;
  readonly setBack?: boolean;
}
type Answer = (options: Options, run: (conversation: Conversation) => Promise<Reply>) => Promise<void>;

/** `stuck`, `show`, `resolve`, `revert`, `acknowledge`: what the buttons in Slack do, for when Slack is down. */
export function addPromotionCommands(program: Command, opener: Opener, shell = OWN_SHELL): void {
  const answer: Answer = (options, run) => answerIn(shell, options, run);
  program
    .command('stuck')
    .description('what is stuck, oldest first, with what Heroku says')
    .option('--limit <n>', 'list at most so many', String(LIST_MOST))
    .option('--json', 'print JSON')
    .action((options: Options & { readonly limit: string }) =>
      answer(options, async () =>
        /^[1-9]\d{0,3}$/u.test(options.limit)
          ? opener.look((deps) => stuck(deps, Number(options.limit)))
          : refused('invalid', '--limit is a number from 1 to 9999.'),
      ),
    );

  program
    .command('show')
    .argument('<id | flag-key>')
    .description('one promotion: what Heroku says, and its history')
    .option('--json', 'print JSON')
    .action((reference: string, options: Options) =>
      answer(options, () => opener.look((deps) => show(deps, reference))),
    );

  asking(program, 'resolve')
    .description('mark a stuck promotion completed or failed, as the buttons in Slack do: asks for operator and code')
    .option('--completed', 'it is live')
    .option('--failed', 'it is not live; needs --note')
    .option('--note <text>', 'why')
    .option('--rca-url <url>', 'where its RCA is')
    .option('--override', 'record it although Heroku says the opposite')
    .option('--set-back', 'with --failed: revert what is live')
    .action((references: readonly string[], options: ResolveOptions) =>
      answer(options, async (conversation) => {
        const { completed = false, failed = false } = options;
        if (completed === failed) return refused('invalid', 'Say which: --completed or --failed.');
        return only(options, references, (reference) =>
          opener.decide((deps) =>
            explained(
              deps,
              resolveByHand(deps, conversation, {
                reference,
                action: completed ? 'completed' : 'failed',
                note: (options.note ?? '').trim(),
                rcaUrl: (options.rcaUrl ?? '').trim(),
                overrides: options.override === true,
                setsBack: options.setBack === true,
              }),
            ),
          ),
        );
      }),
    );

  asking(program, 'revert')
    .description('revert what is deployed to its previous value, by a new promotion: asks for operator and code')
    .action((references: readonly string[], options: Options) =>
      answer(options, (conversation) =>
        only(options, references, (reference) =>
          opener.decide((deps) => explained(deps, revert(deps, conversation, reference))),
        ),
      ),
    );

  asking(program, 'acknowledge')
    .description('say that you are on it, as “I’m on it” does: asks for the operator, and for no code')
    .option('--take-over', 'from whoever is on it')
    .action((references: readonly string[], options: Options & { readonly takeOver?: boolean }) =>
      answer(options, (conversation) =>
        only(options, references, (reference) =>
          opener.decide((deps) =>
            explained(deps, acknowledge(deps, conversation, { reference, takesOver: options.takeOver === true })),
          ),
        ),
      ),
    );

  addDrill(program, opener, answer);
}

/** `drill`: practises an alert, and waits for people. */
function addDrill(program: Command, opener: Opener, answer: Answer): void {
  program
    .command('drill')
    .description(
      'practise an alert in Slack, from alert to resolution, and time it; touches no promotion and no Heroku app',
    )
    .option('--page', 'go to the pager and to the webhook, too, labelled DRILL')
    .option('--end', 'end the drill that is under way')
    .option('--json', 'print JSON')
    .action((options: Options & { readonly end?: boolean; readonly page?: boolean }) =>
      answer(options, (conversation) => {
        if (options.end === true) return opener.decide(({ db }) => endDrill(db));
        const interrupted = new AbortController();
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
        const asked = { pages: options.page === true, interrupted: interrupted.signal };
        return opener.drill((host) => drill(host, conversation, asked));
      }),
    );
}

/** Says what to do about a refusal by the console's table, as in Slack. */
async function explained({ db }: CommandLine, acting: Promise<Reply>): Promise<Reply> {
  try {
    return await acting;
  } catch (error) {
    const refusal = await db.explainRefusal(error);
    if (refusal === null) throw error;
    return refused('database_refuses', `${plainRefusedWords(refusal)} Nothing was changed.`);
  }
}

/**
 * A command about one promotion that asks for more. Accepts what people might pass as a code, to say why it isn't one.
 */
function asking(program: Command, name: string): Command {
  const command = program.command(name).argument('<id | flag-key...>').option('--json', 'print JSON');
  for (const flag of SECRET_FLAGS) command.addOption(command.createOption(`--${flag} [value]`).hideHelp());
  return command;
}

const SECRET_FLAGS = ['code', 'totp', 'otp', 'operator', 'user'] as const;

/** Runs it for the one promotion named; refuses further arguments without repeating them. */
async function only(
  options: object,
  [reference, ...more]: readonly string[],
  run: (reference: string) => Promise<Reply>,
): Promise<Reply> {
  const hasSecrets = SECRET_FLAGS.some((flag) => Object.hasOwn(options, flag));
  if (reference === undefined || more.length > 0 || hasSecrets) return refused('invalid', NEVER_AN_ARGUMENT);
  return run(reference);
}

/** Prints a command's answer and sets the exit code: 0 done, 1 refused. Faulty settings are left to the caller. */
async function answerIn(
  shell: Shell,
  { json = false }: Options,
  run: (conversation: Conversation) => Promise<Reply>,
): Promise<void> {
  let terminal: Terminal | null = null;
  const conversation: Conversation = {
    say: (text) => void (json ? shell.errors : shell.output).write(`${text}\n\n`),
    terminal: () => {
      terminal ??= openTerminal(shell.input, shell.errors);
      return terminal;
    },
  };
  const reply = await withOrigin(ORIGIN, () => run(conversation))
    .catch(ended)
    .finally(() => terminal?.close());
  shell.output.write(`${json ? terminalJson(reply.json) : reply.text}\n`);
  if (reply.isDone) return;
  shell.setExitCode(reply.json['outcome'] === 'interrupted' ? INTERRUPTED : 1);
}

/** If a person or an outage ended it, says so in a sentence; throws anything else. */
function ended(error: unknown): Reply {
  if (error instanceof InterruptedError) return refused('interrupted', 'Interrupted. Nothing was changed.');
  if (error instanceof NoAnswerError) {
    const lines = 'Pipe in a line with the Slack user id and, where a code is asked for, a line with the code.';
    return refused('no_input', `The input ended before an answer. Nothing was changed. ${lines}`);
  }
  if (!isDatabaseUnavailable(error)) throw error;
  const then = isKnownUndone(error)
    ? 'Nothing was changed.'
    : `It may have been saved; check: ${PROGRAM} show <id>. Trying again is safe.`;
  return refused('unavailable', `The database doesn’t answer. ${then}`);
}
