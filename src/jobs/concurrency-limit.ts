/** Runs a few pieces of work at a time, each under a key. */
export interface ConcurrencyLimit {
  /** Runs it as soon as the limit allows, unless the same key waits already. */
  run(key: string): void;
  /** Drops what still waits, and resolves once nothing is under way. */
  stop(): Promise<void>;
}

/**
 * At most `atOnce` pieces of work run at a time, in order. A thousand that start together would each lose the lease while
 * they wait for one another. Dropped work still stands in its row. `work` never rejects.
 */
export function createConcurrencyLimit(atOnce: number, work: (key: string) => Promise<void>): ConcurrencyLimit {
  const waiting = new Set<string>();
  const underWay = new Set<Promise<void>>();

  function fill(): void {
    for (const key of waiting) {
      if (underWay.size >= atOnce) return;
      // This work may not see what changes from here on, so the same key may wait again.
      waiting.delete(key);
      const working = work(key).finally(() => {
        underWay.delete(working);
        fill();
      });
      underWay.add(working);
    }
  }

  return {
    run(key) {
      waiting.add(key);
      fill();
    },
    async stop() {
      waiting.clear();
      await Promise.all(underWay);
    },
  };
}
