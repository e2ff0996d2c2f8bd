import { constants } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { type Place, writeOwned } from './account.js';
import { unlessCode } from './errors.js';

const MAX_BYTES = 5 * 1024 * 1024;
const TRIM_EVERY_MS = 10 * 60_000;
const TAIL_BYTES = 4096;

// Root must not follow a link that the folder's owner has put in the file's place. Windows has neither.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** Opens PostgreSQL's log for appending, and keeps it under about 5 MB: what is older goes to `postgres.log.1`. */
export async function openLog(place: Place): Promise<FileHandle> {
  await trimLog(place);
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_FOLLOW;
  const handle = await open(place.logFile, flags, 0o600);
  if (place.account !== undefined) await handle.chown(place.account.uid, place.account.gid);
  return handle;
}

/** Trims the log from time to time for as long as this process lives. Answers how to end that. */
export function keepLogSmall(place: Place): () => void {
  const timer = setInterval(() => {
    // A log that can't be trimmed is no reason to disturb anybody: the next start tries again.
    trimLog(place).catch(() => undefined);
  }, TRIM_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The server appends, so its log can be emptied while it writes; a line written just then may be lost. */
async function trimLog(place: Place): Promise<void> {
  if ((await logSize(place)) <= MAX_BYTES) return;
  const handle = await open(place.logFile, constants.O_RDWR | NO_FOLLOW);
  try {
    await rm(`${place.logFile}.1`, { force: true });
    await writeOwned(`${place.logFile}.1`, await handle.readFile(), place.account);
    await handle.truncate(0);
  } finally {
    await handle.close();
  }
}

export async function logSize(place: Place): Promise<number> {
  return (await unlessCode(stat(place.logFile), 'ENOENT'))?.size ?? 0;
}

/** What was logged since `offset` bytes, at most the last 4 KB of it. */
export async function logTail(place: Place, offset: number): Promise<string> {
  const handle = await unlessCode(open(place.logFile, 'r'), 'ENOENT');
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    const start = Math.max(size < offset ? 0 : offset, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    return buffer.subarray(0, bytesRead).toString('utf8').trim();
  } finally {
    await handle.close();
  }
}
