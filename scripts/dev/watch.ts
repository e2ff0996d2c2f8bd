import { watch } from 'node:fs';
import path from 'node:path';

/** An editor saves in several steps, and several files at once. */
const GATHER_MS = 30;

export interface Watching {
  close(): void;
}

/** Calls back with the saved files, relative to `root`; never twice at once. */
export function watchSources(root: string, onSaved: (files: ReadonlySet<string>) => Promise<void>): Watching {
  let saved = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let busy = false;
  const soon = (): void => {
    timer ??= setTimeout(() => void tell(), GATHER_MS);
  };
  async function tell(): Promise<void> {
    timer = null;
    if (busy) return;
    busy = true;
    const files = saved;
    saved = new Set();
    await onSaved(files);
    busy = false;
    if (saved.size > 0) soon();
  }
  const watchers = ['src', 'migrations', 'demo', 'manifest.yml'].map((name) =>
    watch(path.join(root, name), { recursive: name !== 'manifest.yml' }, (_event, file) => {
      saved.add(name === 'manifest.yml' ? name : path.posix.join(name, (file ?? '').replaceAll(path.sep, '/')));
      soon();
    }),
  );
  return {
    close() {
      for (const watcher of watchers) watcher.close();
      if (timer !== null) clearTimeout(timer);
    },
  };
}
