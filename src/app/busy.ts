/** Counts the work that goes on after Slack got its answer, so that a stop can wait for it. */
export interface Busy {
  during(work: () => Promise<void>): Promise<void>;
  /** Resolves once none is under way. */
  idle(): Promise<void>;
}

export function createBusy(): Busy {
  const underWay = new Set<Promise<void>>();
  return {
    async during(work) {
      const running = work();
      underWay.add(running);
      try {
        await running;
      } finally {
        underWay.delete(running);
      }
    },
    async idle() {
      // What is under way may start more.
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
