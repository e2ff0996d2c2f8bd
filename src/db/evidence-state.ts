import * as z from 'zod';
import { READ_VERDICTS, RELEASE_STATUSES, UNAVAILABLE_REASONS } from '../promotions/evidence.js';

export const dynoReport = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('running'), total: z.number() }),
  z.object({ kind: z.literal('scaled_to_zero') }),
  z.object({ kind: z.literal('crashed'), dyno: z.string(), release: z.number() }),
  z.object({ kind: z.literal('not_up'), dyno: z.string(), state: z.string(), up: z.number(), total: z.number() }),
]);

/** Evidence as JSON: in a form's metadata, and in an alert's row. */
export const evidenceState = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('read'),
    checkedAt: z.coerce.date(),
    verdict: z.enum(READ_VERDICTS),
    value: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('unset') }),
      z.object({ kind: z.literal('plain'), value: z.string() }),
      z.object({ kind: z.literal('masked') }),
    ]),
    release: z
      .object({
        version: z.number().int(),
        status: z.enum(RELEASE_STATUSES),
        createdAt: z.coerce.date(),
        by: z.string(),
        orEarlier: z.boolean(),
      })
      .optional(),
    dynos: dynoReport.optional().catch(undefined),
  }),
  z.object({
    kind: z.literal('unavailable'),
    checkedAt: z.coerce.date(),
    reason: z.enum(UNAVAILABLE_REASONS),
  }),
]);
