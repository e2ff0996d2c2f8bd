import type { ActionId } from '../views/ids.js';
import type { HandlerDependencies } from './dependencies.js';
import type { AckSubmission } from './submission.js';
import type { Command } from './unpack.js';

/** Answers a click, a shortcut or an event, which is acknowledged already. */
export type Handler = (deps: HandlerDependencies, body: unknown) => Promise<void>;
/** Answers a form, and acknowledges it itself, after the commit. */
export type SubmitHandler = (deps: HandlerDependencies, body: unknown, ack: AckSubmission) => Promise<void>;
/** Answers a word of the slash command; `rest`: what follows the word. */
export type CommandHandler = (deps: HandlerDependencies, command: Command, rest: string) => Promise<void>;

/** The clicks that one file answers. index.ts merges these tables; an id that none has does not compile there. */
export type Clicks = Readonly<Partial<Record<ActionId, Handler>>>;

/** A link button: Slack opens the address itself, and only tells that it did. */
export const linkOpened: Handler = async () => undefined;

/** Looks an id from outside up: it may be another version's. */
export function lookUp<Entry>(table: Readonly<Record<string, Entry>>, id: string): Entry | undefined {
  return Object.hasOwn(table, id) ? table[id] : undefined;
}
