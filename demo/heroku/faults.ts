/**
 * A fault. With `takesEffect`, Heroku does what was asked, and only its answer is lost or wrong.
 *
 * - `status`: this answer instead of the right one
 * - `reset_before`, `reset_after`: the connection is reset before or after the request takes effect
 * - `hang`: no answer until the stand-in closes
 * - `stall`, `truncated`, `reset_mid_body`: headers and half of the right body, then nothing, the end, or a reset
 * - `garbage`: an HTML page, as from a proxy, by default with a 200
 * - `delay`, `hold`: the right answer, later, or once a promise resolves
 */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status:
        | (304 | 400 | 401 | 402 | 403 | 404 | 407 | 408 | 409 | 413 | 414 | 418 | 422 | 425 | 429 | 431 | 451 | 499)
        | (500 | 502 | 503);
      /** Heroku's id for the reason, instead of the usual one. */
      readonly id?: string;
      readonly retryAfterSeconds?: number;
      readonly takesEffect?: boolean;
    }
  | { readonly kind: 'reset_before' }
  | { readonly kind: 'reset_after' }
  | { readonly kind: 'hang'; readonly takesEffect?: boolean }
  | { readonly kind: 'stall' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'reset_mid_body' }
  | { readonly kind: 'garbage'; readonly status?: number; readonly takesEffect?: boolean }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'hold'; readonly until: Promise<unknown> };

export interface FaultRule {
  /** Default: any. */
  readonly method?: 'GET' | 'PATCH';
  /** The whole path; `*` stands for one segment. Default: any. */
  readonly path?: string | RegExp;
  /** How often. Default: until cleared. */
  readonly times?: number;
  readonly fault: Fault;
}

/** If several faults match a request, the oldest applies. */
export class Faults {
  readonly #rules: { rule: FaultRule; left: number }[] = [];

  /** Returns how to clear this one. */
  add(rule: FaultRule): () => void {
    const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
    this.#rules.push(entry);
    return () => this.#remove(entry);
  }

  clear(): void {
    this.#rules.length = 0;
  }

  get active(): readonly FaultRule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  /** The fault for this request; counts it as used. */
  take(method: string, path: string): Fault | null {
    const entry = this.#rules.find(({ rule }) => fits(rule, method, path));
    if (entry === undefined) return null;
    entry.left -= 1;
    if (entry.left <= 0) this.#remove(entry);
    return entry.rule.fault;
  }

  #remove(entry: { rule: FaultRule; left: number }): void {
    const index = this.#rules.indexOf(entry);
    if (index !== -1) this.#rules.splice(index, 1);
  }
}

function fits(rule: FaultRule, method: string, path: string): boolean {
  if (rule.method !== undefined && rule.method !== method) return false;
  if (rule.path === undefined) return true;
  return (typeof rule.path === 'string' ? globOf(rule.path) : rule.path).test(path);
}

function globOf(path: string): RegExp {
  const escaped = path.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]+');
  return new RegExp(`^${escaped}$`);
}
