/** The console's table can't be used as it is. `message` says what is wrong and what to do. */
export class ConsoleTableError extends Error {
  readonly code = 'console_table';
  override readonly name: string = 'ConsoleTableError';
}

/** Somebody locks the console's table, or what else a migration needs, so it can't be used now. It passes. */
export class TableInUseError extends ConsoleTableError {
  override readonly name = 'TableInUseError';

  /** `waiting`: what to say while trying again. */
  constructor(
    message: string,
    options?: ErrorOptions,
    readonly waiting = 'Somebody has the console’s table for themselves: trying again.',
  ) {
    super(message, options);
  }
}
