/** Work that waits for its turn, each piece under a key. */
export interface Turns {
  /** Does it when its turn comes, unless the same waits already. */
  take(key: string): void;
  /** Lets go of what waits still, and resolves once nothing is under way. */
  stop(): Promise<void>;
}

/**
 * At most `atOnce` pieces of work at a time, in their order. For what is due in rows all the same: a thousand at once
 * would each hold a lease while they wait for one another, and lose it before their turn comes. `work` never rejects.
 */
export function createTurns(atOnce: number, work: (key: string) => Promise<void>): Turns {
  const waiting = new Set<string>();
  const underWay = new Set<Promise<void>>();

  function fill(): void {
    for (const key of waiting) {
      if (underWay.size >= atOnce) return;
      // From here on what changes is not seen by this work any more: it takes a turn of its own.
      waiting.delete(key);
      const working = work(key).finally(() => {
        underWay.delete(working);
        fill();
      });
      underWay.add(working);
    }
  }

  return {
    take(key) {
      waiting.add(key);
      fill();
    },
    async stop() {
      waiting.clear();
      await Promise.all(underWay);
    },
  };
}
