const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Ends the process at a signal, which is safe at any moment; as a container's first process, Node would ignore it. A
 * command that listens itself ends by itself. `exitCode`: instead of the shell's usual one.
 */
export function endOnSignals(exitCode?: number): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (process.listenerCount(signal) > 1) return;
      process.stderr.write(`Ended by ${signal}.\n`);
      process.exit(exitCode ?? EXIT_CODES[signal]);
    });
  }
}
