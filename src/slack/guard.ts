import type { Logger } from 'pino';
import * as z from 'zod';

type Admission =
  /** For Bolt, which acknowledges it. */
  | { readonly kind: 'handle'; readonly body: Readonly<Record<string, unknown>> }
  /** It was for this app itself, and is done. */
  | { readonly kind: 'acknowledge' }
  /** Slack sends nothing of this shape: it isn't acknowledged. */
  | { readonly kind: 'refuse' };

/** The one guard before Bolt, for both HTTP and Socket Mode: Bolt and its client fail on other shapes. */
export type Guard = (body: unknown) => Admission;

/**
 * Slack names no limit. The largest that it sends is a shortcut on somebody's message: 40,000 characters of text and 50
 * blocks of 3,000 (https://docs.slack.dev/reference/block-kit/blocks), each of up to 8 bytes in an encoded form. Most
 * have a few thousand bytes.
 */
export const MOST_BYTES = 2 * 1024 * 1024;

const someText = z.string().min(1);
const user = z.looseObject({ id: someText });

/**
 * What Bolt distinguishes (https://docs.slack.dev/apis/events-api, https://docs.slack.dev/interactivity), and the app
 * handles.
 */
const deliverable = z.union([
  z.looseObject({ type: z.literal('event_callback'), event: z.looseObject({ type: someText }) }),
  z.looseObject({ command: someText, user_id: someText }),
  z.looseObject({
    type: z.literal('block_actions'),
    user,
    actions: z.array(z.looseObject({ action_id: someText })).min(1),
  }),
  z.looseObject({ type: z.enum(['view_submission', 'view_closed']), user, view: z.looseObject({ id: someText }) }),
  z.looseObject({ type: z.enum(['shortcut', 'message_action']), user, callback_id: someText }),
]);

/** Has no event in it (https://docs.slack.dev/reference/events/app_rate_limited). */
const eventsHeldBack = z.object({ type: z.literal('app_rate_limited'), minute_rate_limited: z.unknown().optional() });

/** `onEventsHeldBack`: Slack said that it holds events back. */
export function createGuard({ log, onEventsHeldBack }: { readonly log: Logger; onEventsHeldBack(): void }): Guard {
  return (body) => {
    const heldBack = eventsHeldBack.safeParse(body);
    if (heldBack.success) {
      log.warn(
        { since: minuteOf(heldBack.data.minute_rate_limited) },
        'Slack holds events back: there were too many, or too many without an acknowledgement (app_rate_limited)',
      );
      onEventsHeldBack();
      return { kind: 'acknowledge' };
    }
    const known = deliverable.safeParse(body);
    if (known.success) return { kind: 'handle', body: known.data };
    log.warn('what Slack delivered has no shape that this app knows, and was refused');
    return { kind: 'refuse' };
  };
}

/** null if it isn't a time. */
function minuteOf(seconds: unknown): string | null {
  const at = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
