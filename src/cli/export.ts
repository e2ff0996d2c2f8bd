import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { codeOf } from '../db/embedded/errors.js';
import { UsageError } from './failure.js';

export type Write = (line: string) => Promise<void>;

/**
 * Opens the file, has it written line by line, and puts it in its place: it is complete or absent.
 * @throws UsageError if it can't be written; if it can't be opened, `work` isn't called
 */
export async function writeFile<T>(file: string, work: (write: Write) => Promise<T>): Promise<T> {
  const unfinished = `${file}.part`;
  const inWords = <R>(doing: Promise<R>): Promise<R> =>
    doing.catch((error: unknown) => {
      throw new UsageError(`${file} can’t be written: ${reasonOf(error)}. For standard output: --out -`);
    });
  const handle = await inWords(open(unfinished, 'w', 0o600));
  try {
    const lines = buffered(handle);
    const done = await work((line) => inWords(lines.write(line)));
    await inWords(lines.flush());
    await inWords(handle.close());
    await inWords(rename(unfinished, file));
    return done;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** @throws UsageError if its reader is gone */
export async function writeToStdout<T>(work: (write: Write) => Promise<T>): Promise<T> {
  const { stdout } = process;
  // Without a listener, a reader who is gone ends the process in a stack trace.
  stdout.on('error', () => undefined);
  return work(
    (line) =>
      new Promise((resolve, reject) => {
        stdout.write(`${line}\n`, (error) =>
          error == null ? resolve() : reject(new UsageError(`Standard output can’t be written: ${reasonOf(error)}.`)),
        );
      }),
  );
}

const CHUNK = 65_536;

/** A log has millions of lines. */
function buffered(handle: FileHandle): { write: Write; flush(): Promise<void> } {
  let text = '';
  const flush = async (): Promise<void> => {
    const chunk = text;
    text = '';
    await handle.appendFile(chunk);
  };
  return {
    async write(line) {
      text += `${line}\n`;
      if (text.length >= CHUNK) await flush();
    },
    flush,
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder doesn’t exist',
  ENOTDIR: 'its folder doesn’t exist',
  EACCES: 'this account may not write there',
  EPERM: 'this account may not write there',
  EROFS: 'the file system is read-only',
  EISDIR: 'a folder has that name',
  ENOSPC: 'the disk is full',
  EPIPE: 'its reader is gone',
};

function reasonOf(error: unknown): string {
  const code = codeOf(error) ?? 'unknown error';
  return REASONS[code] ?? code;
}
