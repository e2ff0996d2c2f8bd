export interface ConcurrencyLimit {
  /** Runs it once the limit allows, unless the same key already waits. */
  run(key: string): void;
  /** Drops what still waits; resolves once nothing is running. */
  stop(): Promise<void>;
}

/**
 * At most `atOnce` run at a time, in order: a thousand at once would lose their leases waiting for one another. Dropped
 * work is still in its row. `work` never rejects.
 */
export function createConcurrencyLimit(atOnce: number, work: (key: string) => Promise<void>): ConcurrencyLimit {
  const waiting = new Set<string>();
  const underWay = new Set<Promise<void>>();

  function fill(): void {
    for (const key of waiting) {
      if (underWay.size >= atOnce) return;
      // Running work may miss later changes, so its key may wait again.
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
