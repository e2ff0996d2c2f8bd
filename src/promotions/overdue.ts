/** What wasn't delivered for too long, despite all attempts. */
export interface Overdue {
  readonly messages: number;
  readonly promotions: number;
  /** Audit seals that the witness lacks; absent if none. */
  readonly seals?: number;
  readonly since: Date;
}

/** Nothing is overdue earlier: the next tick makes up for a single failure. */
export const LEAST_OVERDUE_MS = 2 * 60_000;

/** When undelivered work is overdue: after two minutes or three ticks, whichever is longer. */
export function overdueAfterMs(threeTicksMs: number): number {
  return Math.max(LEAST_OVERDUE_MS, threeTicksMs);
}

export function describeOverdue({ messages, promotions, seals = 0, since }: Overdue): string {
  const parts = [
    ...(messages > 0 ? [messages === 1 ? '1 message' : `${messages} messages`] : []),
    ...(promotions > 0 ? [promotions === 1 ? '1 promotion' : `${promotions} promotions`] : []),
    ...(seals > 0 ? [seals === 1 ? '1 seal of the audit log' : `${seals} seals of the audit log`] : []),
  ];
  return `${listed(parts)} overdue, the oldest since ${since.toISOString()}`;
}

const listed = (parts: readonly string[]): string =>
  parts.length < 3 ? parts.join(' and ') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
