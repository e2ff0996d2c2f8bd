import * as z from 'zod';
import { evidenceState } from '../db/evidence-state.js';
import type { Promotion } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import { type SetBack, setBackOf } from '../promotions/set-back.js';
import type { ChangedSince } from '../views/authority.js';
import type { Modal } from '../views/blocks.js';
import { resolutionModal } from '../views/resolution.js';
import type { HandlerDependencies } from './dependencies.js';

/** What travels through the modal and back. It grants nothing: rights, row and evidence are read again. */
const modalState = z.object({
  promotionId: z.string().refine(isRowId),
  action: z.enum(['completed', 'failed']),
  /** What the modal showed; null while Heroku was being asked. */
  evidence: evidenceState.nullable(),
  /** The fingerprint of the row that it showed; of a form of an earlier version, none. */
  shown: z.string().default(''),
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
  if (!deps.configVars.maySet(promotion.configVar)) return { kind: 'not_allowed' };
  return setBackOf(promotion, await deps.db.acceptedRelease(promotion.id));
}

export function renderResolutionModal(
  promotion: Promotion,
  state: ResolutionModalState,
  options: { readonly changed: ChangedSince | null; readonly setBack: SetBack },
): Modal {
  return resolutionModal({
    promotion,
    action: state.action,
    evidence: state.evidence,
    ...options,
    privateMetadata: JSON.stringify(state),
  });
}
