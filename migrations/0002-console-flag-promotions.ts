/**
 * Does nothing any more. The table of promotions may be the console's and in use, so it isn't changed by steps in one
 * transaction each: src/db/console/ compares it with what the app needs. The name stays, for databases that ran it, and
 * for earlier versions beside this one.
 */
export async function up(): Promise<void> {
  // See above.
}

export async function down(): Promise<void> {
  // See above.
}
