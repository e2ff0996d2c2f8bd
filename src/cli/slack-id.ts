import { UsageError } from './failure.js';

/**
 * A Slack user id, as an argument. A name would match nobody, which `forget` would report as done.
 * @throws UsageError if it isn't one
 */
export function slackUserIdOf(typed: string): string {
  if (/^[UW][A-Z0-9]{5,20}$/u.test(typed)) return typed;
  throw new UsageError(`${typed} is not a Slack user id. An id begins with U or W; a name won’t do.`);
}
