import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, unlessCode } from './errors.js';

/** Removes `<prefix><pid>-…` in `directory`, which killed processes left behind. */
export async function removeAbandoned(directory: string, prefix: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (Number.isNaN(pid) || (pid !== process.pid && processExists(pid))) continue;
    // A killed process's child may still write there: the next call removes the rest.
    await unlessCode(rm(path.join(directory, name), { recursive: true, force: true }), 'ENOTEMPTY');
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
