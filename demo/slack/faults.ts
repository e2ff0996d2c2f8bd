/** What goes wrong with a call, in place of or after what it would have done. */
export type FaultKind =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds: number }
  | { readonly kind: 'error'; readonly error: string }
  /** The connection is cut before the call takes effect, or after. */
  | { readonly kind: 'reset_before' }
  | { readonly kind: 'reset_after' }
  /** No answer ever; `takesEffect` decides whether anything happened. */
  | { readonly kind: 'hang'; readonly takesEffect?: boolean }
  | { readonly kind: 'delay'; readonly ms: number };

export type Fault = FaultKind & {
  /** A Web API method, `response_url`, or `*` for all. */
  readonly method: string;
  /** How many calls it hits; without it, all until it is cleared. */
  readonly times?: number;
};

/** Faults that were asked for; each call takes the first that fits. */
export interface Faults {
  add(fault: Fault): void;
  clear(): void;
}

export interface FaultPlan extends Faults {
  take(method: string): FaultKind | null;
}

export function createFaults(): FaultPlan {
  let planned: { fault: Fault; left: number }[] = [];
  return {
    add(fault) {
      planned.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    clear() {
      planned = [];
    },
    take(method) {
      const hit = planned.find(({ fault, left }) => left > 0 && (fault.method === method || fault.method === '*'));
      if (hit === undefined) return null;
      hit.left -= 1;
      return hit.fault;
    },
  };
}
