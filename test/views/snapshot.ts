import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDER = join(__dirname, 'snapshots');

/**
 * Compares with `snapshots/<name>.txt`, a file a message, made to be read. `UPDATE_SNAPSHOTS=1` rewrites them: read the
 * diff before committing it.
 */
export function expectSnapshot(name: string, text: string): void {
  const path = join(FOLDER, `${name}.txt`);
  if (process.env['UPDATE_SNAPSHOTS'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  }
  expect(`${text}\n`).toBe(existsSync(path) ? readFileSync(path, 'utf8') : '');
}
