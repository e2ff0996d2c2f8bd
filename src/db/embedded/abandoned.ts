import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, unlessCode } from './errors.js';

const ABANDONED_AFTER_MS = 15 * 60_000;

/** Removes `<prefix><pid>-…` in `directory`: what processes that were killed have left unfinished there. */
export async function removeAbandoned(directory: string, prefix: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (Number.isNaN(pid)) continue;
    const left = path.join(directory, name);
    const found = await unlessCode(lstat(left), 'ENOENT');
    const old = found !== undefined && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS;
    // A program of the killed process may live on a little longer and write again: the next start removes the rest.
    if (old || !processExists(pid)) await rm(left, { recursive: true, force: true }).catch(() => undefined);
  }
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
