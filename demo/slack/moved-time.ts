/**
 * `emulate` only knows the machine's clock, and a message's ts is its time. For a workspace on a moved clock, this
 * translates each ts to that clock, and back whenever it is used again.
 */
export class MovedTime {
  readonly #shownByKept = new Map<string, string>();
  readonly #keptByShown = new Map<string, string>();

  constructor(private readonly clock: () => Date) {}

  /** Translates an answer of `emulate`. A ts seen for the first time means now. */
  shown<T>(value: T): T {
    return withTimes(value, (kept) => {
      const known = this.#shownByKept.get(kept);
      if (known !== undefined) return known;
      const shown = `${Math.floor(this.clock().getTime() / 1000)}.${kept.split('.')[1]}`;
      this.#shownByKept.set(kept, shown);
      this.#keptByShown.set(shown, kept);
      return shown;
    });
  }

  /** Translates a call to `emulate`. */
  kept<T>(value: T): T {
    return withTimes(value, (shown) => this.#keptByShown.get(shown) ?? shown);
  }
}

/** Fields that hold a message's ts, unlike what people and apps write. */
const TIMES: ReadonlySet<string> = new Set(['ts', 'thread_ts', 'message_ts', 'latest_reply', 'event_ts']);
const CONTENT: ReadonlySet<string> = new Set(['text', 'blocks', 'attachments', 'metadata']);

function withTimes<T>(value: T, turn: (ts: string) => string): T;
function withTimes(value: unknown, turn: (ts: string) => string): unknown {
  if (Array.isArray(value)) return value.map((one) => withTimes(one, turn));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (TIMES.has(name) && typeof inner === 'string' && inner !== '') return [name, turn(inner)];
      return [name, CONTENT.has(name) ? inner : withTimes(inner, turn)];
    }),
  );
}
