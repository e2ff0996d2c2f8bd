/** What has been owed for too long, whatever was tried meanwhile. */
export interface Overdue {
  readonly messages: number;
  readonly promotions: number;
  readonly since: Date;
}

/** What a single failure delays, the next tick brings. */
const LEAST_MS = 2 * 60_000;

/** After how long what is owed is overdue: two minutes, or three ticks, whichever is longer. */
export function overdueAfterMs(threeTicksMs: number): number {
  return Math.max(LEAST_MS, threeTicksMs);
}

/** In words, for an operator of the app. */
export function describeOverdue({ messages, promotions, since }: Overdue): string {
  const parts = [
    ...(messages > 0 ? [messages === 1 ? '1 message' : `${messages} messages`] : []),
    ...(promotions > 0 ? [promotions === 1 ? '1 promotion' : `${promotions} promotions`] : []),
  ];
  return `${parts.join(' and ')} overdue, the oldest since ${since.toISOString()}`;
}
