import { z } from 'zod';

/** Messages between the demo and the app's process. */
export const toApp = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('move_clock'), offsetMs: z.number().min(0) }),
  z.object({ kind: z.literal('tick') }),
]);
export type ToApp = z.output<typeof toApp>;

export const fromApp = z.object({ kind: z.literal('up'), port: z.number().int().positive() });
export type FromApp = z.output<typeof fromApp>;
