import * as z from 'zod';

/**
 * An event of PagerDuty's Events API v2 (https://developer.pagerduty.com/docs/send-alert-event). Stricter in one thing:
 * fields that the documentation doesn't name are refused.
 */
const href = z.url();
const link = z.strictObject({ href, text: z.string().optional() });
const image = z.strictObject({ src: z.url(), href: href.optional(), alt: z.string().optional() });

const payload = z.strictObject({
  summary: z.string().min(1).max(1_024),
  source: z.string().min(1),
  severity: z.enum(['critical', 'error', 'warning', 'info']),
  timestamp: z.iso.datetime({ offset: true }).optional(),
  component: z.string().optional(),
  group: z.string().optional(),
  class: z.string().optional(),
  custom_details: z.record(z.string(), z.unknown()).optional(),
});

const routing_key = z
  .string()
  .refine((key) => key.length === 32, { error: "Length of 'routing_key' is incorrect (should be 32 characters)" });
const dedup_key = z.string().min(1).max(255);

export const pagerEvent = z.discriminatedUnion('event_action', [
  z.strictObject({
    event_action: z.literal('trigger'),
    routing_key,
    dedup_key: dedup_key.optional(),
    client: z.string().optional(),
    client_url: z.url().optional(),
    links: z.array(link).optional(),
    images: z.array(image).optional(),
    payload,
  }),
  // Only a trigger says what happened.
  z.strictObject({ event_action: z.enum(['acknowledge', 'resolve']), routing_key, dedup_key }),
]);

export type PagerEvent = z.output<typeof pagerEvent>;

/** What is wrong with it, as PagerDuty lists it. */
export function eventErrors(error: z.ZodError): readonly string[] {
  return error.issues.map(({ path, message }) => (path.length === 0 ? message : `'${path.join('.')}': ${message}`));
}
