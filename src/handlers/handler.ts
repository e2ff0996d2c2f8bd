import type { ActionId } from '../views/ids.js';
import type { HandlerDependencies } from './dependencies.js';
import type { AckSubmission } from './submission.js';
import type { Command } from './unpack.js';

/** Answers a click, a shortcut or an event that is already acknowledged. */
export type Handler = (deps: HandlerDependencies, body: unknown) => Promise<void>;
/** Answers a form, and acknowledges it itself, after the commit. */
export type SubmitHandler = (deps: HandlerDependencies, body: unknown, ack: AckSubmission) => Promise<void>;
/** Answers one word of the slash command; `rest`: what follows it. */
export type CommandHandler = (deps: HandlerDependencies, command: Command, rest: string) => Promise<void>;

/** The clicks that one file handles. index.ts merges these tables; it doesn't compile if an id is missing. */
export type Clicks = Readonly<Partial<Record<ActionId, Handler>>>;

/** A link button: Slack opens the address and only reports the click. */
export const linkOpened: Handler = async () => undefined;

/** Looks up an id from outside: it may be another version's. */
export function lookUp<Entry>(table: Readonly<Record<string, Entry>>, id: string): Entry | undefined {
  return Object.hasOwn(table, id) ? table[id] : undefined;
}
