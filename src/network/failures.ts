/** What routers and proxies answer while the request may still be carried out. */
const GAVE_UP_WAITING: ReadonlySet<number> = new Set([408, 425, 499]);

/** Whether a request may have taken effect although it was answered with this error status. */
export function leavesOutcomeOpen(status: number): boolean {
  return status >= 500 || GAVE_UP_WAITING.has(status);
}

/**
 * Whether an answer surely isn't that of a service whose answers are JSON: a page, or words that a proxy passed on. No
 * words prove nothing.
 */
export function isFromBetween(
  header: (name: 'content-type' | 'proxy-authenticate' | 'via') => unknown,
  text: string,
): boolean {
  const type = String(header('content-type') ?? '');
  if (text.trim() === '' || /json/iu.test(type) || /^\s*[[{]/u.test(text)) return false;
  return /html/iu.test(type) || /^\s*</u.test(text) || header('proxy-authenticate') != null || header('via') != null;
}

/** The system's or the proxy's code for why a call failed, however deep it lies; null if it has none. */
export function networkCode(error: unknown): string | null {
  let inner: unknown = error;
  for (let depth = 0; typeof inner === 'object' && inner !== null && depth < 5; depth += 1) {
    if ('code' in inner && typeof inner.code === 'string') return inner.code;
    if ('name' in inner && (inner.name === 'TimeoutError' || inner.name === 'AbortError')) return 'timeout';
    inner = 'cause' in inner ? inner.cause : null;
  }
  return null;
}
