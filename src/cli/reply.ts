import type { Terminal } from './terminal.js';

/** A command's answer: a sentence for people, an object for programs. `isDone` false: refused, exit code 1. */
export interface Reply {
  readonly isDone: boolean;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** How a command talks to whoever started it. */
export interface Conversation {
  /** Shows what is decided on: on standard output, or on standard error if a program reads that. */
  say(text: string): void;
  /** Opened at the first question: until then Ctrl-C just ends the program. */
  terminal(): Terminal;
}

/** `outcome`: the refusal's name, for programs. */
export function refused(outcome: string, text: string, more: Readonly<Record<string, unknown>> = {}): Reply {
  return { isDone: false, text, json: { outcome, message: text, ...more } };
}
