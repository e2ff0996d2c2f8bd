/** What goes wrong with a call, instead of or after its effect. */
export type FaultKind =
  /** Only an HTTP status such as 500, and where it redirects; the call has no effect. */
  | { readonly kind: 'status'; readonly status: number; readonly location?: string }
  /** HTTP 429 with Retry-After, in seconds; the call has no effect. */
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds: number }
  /** Answers `{"ok": false, "error": …}`. `takesEffect`: Slack does the work anyway, as `internal_error` allows. */
  | { readonly kind: 'error'; readonly error: string; readonly takesEffect?: boolean }
  /** HTTP 200 with this body instead of Slack's: a cut answer, a proxy's page, an answer that lacks something. */
  | { readonly kind: 'body'; readonly body: string; readonly takesEffect?: boolean }
  /** The connection is cut before the call takes effect, or after. */
  | { readonly kind: 'reset_before' }
  | { readonly kind: 'reset_after' }
  /** No answer ever; `takesEffect` decides whether anything happened. */
  | { readonly kind: 'hang'; readonly takesEffect?: boolean }
  /** Waits `ms` milliseconds, then takes effect and is answered. */
  | { readonly kind: 'delay'; readonly ms: number };

type Fault = FaultKind & {
  /** A Web API method such as `chat.postMessage`, `response_url`, `upload`, or `*` for all of them. */
  readonly method: string;
  /** How many calls it hits; default: all until it is over or cleared. */
  readonly times?: number;
  /** When it is over, by the workspace's clock. */
  readonly until?: Date;
};

/** Planned faults. Each call takes the first that matches, so a list of them plays out in order. */
export interface Faults {
  /** Plans a fault; returns how to cancel it. @throws {RangeError} if `times` is no positive integer */
  add(fault: Fault): () => void;
  clear(): void;
}

/** The side that suffers them. */
export interface FaultPlan extends Faults {
  /** The fault for a call to this method, counted as used; null if none is planned. */
  take(method: string): FaultKind | null;
}

export function createFaults(clock: () => Date): FaultPlan {
  const planned = new Set<{ readonly fault: Fault; left: number }>();
  return {
    add(fault) {
      const left = fault.times ?? Number.POSITIVE_INFINITY;
      if (!(left >= 1) || (Number.isFinite(left) && !Number.isInteger(left))) {
        throw new RangeError(`A fault hits a whole number of calls, not ${left}.`);
      }
      const entry = { fault, left };
      planned.add(entry);
      return () => void planned.delete(entry);
    },
    clear() {
      planned.clear();
    },
    take(method) {
      for (const entry of planned) {
        if (entry.fault.until !== undefined && entry.fault.until <= clock()) planned.delete(entry);
      }
      const hit = [...planned].find(({ fault }) => fault.method === method || fault.method === '*');
      if (hit === undefined) return null;
      hit.left -= 1;
      if (hit.left === 0) planned.delete(hit);
      return hit.fault;
    },
  };
}
