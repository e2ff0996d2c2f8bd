/** The console's table can't be used as it is. `message` says what is wrong and what to do. */
export class ConsoleTableError extends Error {
  readonly code = 'console_table';
  override readonly name: string = 'ConsoleTableError';
}

/** Somebody has an exclusive lock on the console's table, so it can't be read now. It passes. */
export class TableInUseError extends ConsoleTableError {
  override readonly name = 'TableInUseError';
}
