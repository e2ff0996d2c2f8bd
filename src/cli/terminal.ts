import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** The person gave up, or the piped-in input ended: nothing was done. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** Ctrl-C at a question. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** Asks a person at a terminal; otherwise reads piped-in input, one line a question. */
export interface Terminal {
  /** Whether a person sees the question and can be asked again. */
  readonly isInteractive: boolean;
  /**
   * The answer, trimmed. `hidden`: not shown while it is typed.
   * @throws {NoAnswerError} if there is none
   * @throws {InterruptedError}
   */
  ask(question: string, options?: { readonly hidden?: boolean }): Promise<string>;
  close(): void;
}

/** A longer line is no answer. */
const LINE_MAX = 1_000;

/** `output` shows the questions: never the stream that a program reads. */
export function openTerminal(
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  output: NodeJS.WritableStream,
): Terminal {
  const isInteractive = input.isTTY === true;
  let isMuted = false;
  const screen = new Writable({
    write(chunk, _encoding, done) {
      if (!isMuted) output.write(chunk);
      done();
    },
  });
  // No history: an arrow key would show a code that was typed before.
  const lines = createInterface({
    input,
    ...(isInteractive ? { output: screen, terminal: true } : {}),
    historySize: 0,
    crlfDelay: Infinity,
  });
  const typed: string[] = [];
  let waiting: { readonly take: (line: string) => void; readonly fail: (error: Error) => void } | null = null;
  let ended: Error | null = null;
  const end = (error: Error): void => {
    ended ??= error;
    waiting?.fail(ended);
    waiting = null;
  };
  lines.on('line', (line) => {
    if (waiting === null) {
      // At a terminal, what was typed ahead was typed before the question was seen.
      if (!isInteractive) typed.push(line);
      return;
    }
    waiting.take(line);
    waiting = null;
  });
  lines.on('SIGINT', () => end(new InterruptedError('interrupted')));
  lines.on('close', () => end(new NoAnswerError('there is no more input')));

  async function next(): Promise<string> {
    const line = typed.shift();
    if (line !== undefined) return line;
    if (ended !== null) throw ended;
    return new Promise((take, fail) => {
      waiting = { take, fail };
    });
  }

  return {
    isInteractive,
    async ask(question, { hidden = false } = {}) {
      if (isInteractive) {
        lines.setPrompt(question);
        lines.prompt();
        isMuted = hidden;
      }
      try {
        return (await next()).slice(0, LINE_MAX).trim();
      } finally {
        if (isMuted) output.write('\n');
        isMuted = false;
      }
    },
    close() {
      lines.close();
    },
  };
}
