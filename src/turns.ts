/**
 * Runs `atOnce` pieces of work at a time, in order. Refuses, with undefined, what comes while `mostWaiting` wait
 * already.
 */
export function createTurns(atOnce: number, mostWaiting: number) {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (running < atOnce) running += 1;
    else if (waiting.length >= mostWaiting) return undefined;
    // The one that finishes hands its slot over.
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
