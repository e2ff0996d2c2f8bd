/** The console's table can't be used as it is. `message` says what is wrong and what to do. */
export class ConsoleTableError extends Error {
  readonly code = 'console_table';
  override readonly name: string = 'ConsoleTableError';
}

/** Somebody uses the console's table, so it can't be read or altered now. It passes. */
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
