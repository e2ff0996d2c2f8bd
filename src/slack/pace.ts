/** Slack takes about one message a second and channel (https://docs.slack.dev/apis/web-api/rate-limits). */
export const MESSAGE_INTERVAL_MS = 1_100;

/**
 * Spaces out what goes to one channel: the returned function resolves when the caller's turn has come. Callers are
 * served in order; `sleep` waits for milliseconds and `elapsed` reads a clock that never jumps.
 */
export function createPace(
  intervalMs: number,
  elapsed: () => number,
  sleep: (milliseconds: number) => Promise<void>,
): (channel: string) => Promise<void> {
  const nextTurn = new Map<string, number>();
  return async (channel) => {
    const now = elapsed();
    const turn = Math.max(now, nextTurn.get(channel) ?? 0);
    nextTurn.set(channel, turn + intervalMs);
    if (turn > now) await sleep(turn - now);
  };
}
