/** The console's table can't be worked with as it is. `message` says what is wrong and what to do. */
export class ConsoleTableError extends Error {
  readonly code = 'console_table';
  override readonly name = 'ConsoleTableError';
}
