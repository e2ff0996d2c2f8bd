/** Does nothing any more, like the one before: the column is one of those in src/db/console/columns.ts. */
export async function up(): Promise<void> {
  // See above.
}

export async function down(): Promise<void> {
  // See above.
}
