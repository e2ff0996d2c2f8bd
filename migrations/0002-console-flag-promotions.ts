/**
 * Nothing any more. The table of promotions may be the console's and is in use, so what this app needs of it isn't changed by
 * steps in one transaction each: src/db/console/ compares it with what it has to be like. The name stays, for databases that
 * ran it, and for earlier versions beside this one.
 */
export async function up(): Promise<void> {
  // See above.
}

export async function down(): Promise<void> {
  // See above.
}
