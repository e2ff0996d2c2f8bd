import * as z from 'zod';
import { READ_VERDICTS } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import { type SetBack, setBackOf } from '../promotions/set-back.js';
import type { Modal } from '../views/blocks.js';
import { resolutionModal } from '../views/resolution.js';
import type { HandlerDependencies } from './dependencies.js';

/** Evidence on its way through a modal and back. */
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
        status: z.enum(['pending', 'succeeded', 'failed', 'expired']),
        createdAt: z.coerce.date(),
        by: z.string(),
        orEarlier: z.boolean(),
      })
      .optional(),
  }),
  z.object({
    kind: z.literal('unavailable'),
    checkedAt: z.coerce.date(),
    reason: z.enum(['not_configured', 'no_answer', 'rate_limited', 'refused', 'app_not_found']),
  }),
]);

/** What travels through the modal and back. It grants nothing: rights, row and evidence are read again. */
const modalState = z.object({
  promotionId: z.string().regex(/^\d{1,19}$/u),
  action: z.enum(['completed', 'failed']),
  /** What the modal showed; null while Heroku was being asked. */
  evidence: evidenceState.nullable(),
  /** Where the list that was clicked in can be refreshed; null for an alert, which is repainted anyway. */
  listUrl: z.string().nullable(),
});
export type ResolutionModalState = z.output<typeof modalState>;

export function parseModalState(privateMetadata: string): ResolutionModalState {
  return modalState.parse(JSON.parse(privateMetadata));
}

/** What the promotion could be set back to; asked only where it would be offered. */
export async function readSetBack(
  deps: HandlerDependencies,
  promotion: Promotion,
  action: ResolutionModalState['action'],
): Promise<SetBack> {
  if (action !== 'failed') return { kind: 'unknown' };
  return setBackOf(promotion, await deps.db.acceptedRelease(promotion.id));
}

export function renderResolutionModal(
  promotion: Promotion,
  state: ResolutionModalState,
  options: { readonly evidenceChanged: boolean; readonly setBack: SetBack },
): Modal {
  return resolutionModal({
    promotion,
    action: state.action,
    evidence: state.evidence,
    ...options,
    privateMetadata: JSON.stringify(state),
  });
}
