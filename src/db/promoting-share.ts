import type { Promoting } from './promoting.js';

/**
 * Limits the promoter to a share of the connections: its statements may wait seconds for locks, and together would
 * leave no connection to people who click. First in, first out.
 */
export function promotingWithin(connections: number, whole: Promoting): Promoting {
  const within = createShare(Math.max(1, connections));
  return {
    claimNext: (...given) => within(() => whole.claimNext(...given)),
    renew: (...given) => within(() => whole.renew(...given)),
    announcePatch: (...given) => within(() => whole.announcePatch(...given)),
    recordUnchanged: (...given) => within(() => whole.recordUnchanged(...given)),
    writePendingCommit: (...given) => within(() => whole.writePendingCommit(...given)),
    commit: (...given) => within(() => whole.commit(...given)),
    postpone: (...given) => within(() => whole.postpone(...given)),
    reportDrift: (...given) => within(() => whole.reportDrift(...given)),
  };
}

function createShare(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = most;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
