/** The next value, reusing unchanged parts of the previous one, so that they aren't drawn again. */
export function shared<T>(before: unknown, next: T): T;
export function shared(before: unknown, next: unknown): unknown {
  if (Object.is(before, next)) return before;
  if (Array.isArray(before) && Array.isArray(next)) {
    const parts = next.map((part, index) => shared(before[index], part));
    return parts.length === before.length && parts.every((part, index) => part === before[index]) ? before : parts;
  }
  if (!isRecord(before) || !isRecord(next)) return next;
  const parts = Object.fromEntries(Object.entries(next).map(([name, part]) => [name, shared(before[name], part)]));
  const names = Object.keys(parts);
  const same = names.length === Object.keys(before).length && names.every((name) => parts[name] === before[name]);
  return same ? before : parts;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
