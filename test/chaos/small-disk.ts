import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { RowStore } from '../support/row-store.js';

/** Makes the audit log's next write find no room. */
export interface SmallDisk {
  /** How it does that, for the report. */
  readonly how: string;
  hold(rows: RowStore): Promise<void>;
  /** To the last page: `append` writes one event more. */
  fill(append: () => Promise<void>): Promise<void>;
  /** Makes room again. */
  empty(): Promise<void>;
  /** Once the server is stopped. */
  remove(): Promise<void>;
}

const SIZE_KB = 512;
const run = promisify(execFile);
const works = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

/**
 * A disk of half a megabyte in memory, for the server with its data in `dataFolder`. If nothing can be mounted (it
 * takes root), a trigger fails as PostgreSQL does on a full disk.
 */
export async function createSmallDisk(dataFolder: string): Promise<SmallDisk> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-small-disk-'));
  if (!(await works(run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_KB}k`, 'tmpfs', folder])))) {
    await rm(folder, { recursive: true });
    return triggerDisk();
  }
  const place = path.join(folder, 'tablespace');
  const filler = path.join(folder, 'filler');
  await mkdir(place);
  // The server's own account has to own it.
  const { uid, gid } = await stat(dataFolder);
  for (const one of [folder, place]) await chown(one, uid, gid);
  return {
    how: `a disk of ${SIZE_KB} kB that is really full`,
    async hold(rows) {
      await rows.query(`create tablespace small_disk location '${place}'`);
      await rows.query('alter table flag_promotions.audit_log set tablespace small_disk');
    },
    async fill(append) {
      for (let size = SIZE_KB; size > 0; size -= 4) {
        if (await works(writeFile(filler, Buffer.alloc(size * 1024)))) break;
      }
      // Fills the rest of the table's current page.
      for (let event = 0; event < 1_000; event += 1) if (!(await works(append()))) return;
      throw new Error('The disk does not fill up.');
    },
    empty: () => rm(filler),
    async remove() {
      await run('umount', [folder]);
      await rm(folder, { recursive: true });
    },
  };
}

function triggerDisk(): SmallDisk {
  let held: RowStore | null = null;
  const query = async (sql: string): Promise<void> => void (await held?.query(sql));
  return {
    how: 'a trigger that fails with 53100, because nothing could be mounted',
    async hold(rows) {
      held = rows;
    },
    async fill() {
      await query(`create function disk_is_full() returns trigger language plpgsql as $$
        begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
      await query(
        'create trigger disk_is_full before insert on flag_promotions.audit_log for each row execute function disk_is_full()',
      );
    },
    empty: () => query('drop function disk_is_full() cascade'),
    remove: async () => undefined,
  };
}
