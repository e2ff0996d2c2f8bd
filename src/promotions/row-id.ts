/** The range of PostgreSQL's bigint. */
const SMALLEST = -9_223_372_036_854_775_808n;
const LARGEST = 9_223_372_036_854_775_807n;

/** Whether a text is a bigint as PostgreSQL writes it. The console's table may count from anywhere. */
export function isRowId(text: string): boolean {
  if (!/^(?:0|-?[1-9]\d{0,18})$/u.test(text)) return false;
  const id = BigInt(text);
  return id >= SMALLEST && id <= LARGEST;
}
