import * as z from 'zod';
import { evidenceState } from '../db/evidence-state.js';
import type { Promotion } from '../promotions/promotion.js';
import { isRowId } from '../promotions/row-id.js';
import type { SetBack } from '../promotions/set-back.js';
import type { ChangedSince } from '../promotions/shown.js';
import type { Modal } from '../views/blocks.js';
import { resolutionModal } from '../views/resolution.js';

/** The form's state. It grants nothing: rights, row and evidence are read again. */
const modalState = z.object({
  promotionId: z.string().refine(isRowId),
  action: z.enum(['completed', 'failed']),
  /** What the modal showed; null: Heroku was still being asked. */
  evidence: evidenceState.nullable(),
  /** The fingerprint of the row that it showed; absent in an earlier version's form. */
  shown: z.string().default(''),
  /** Where to refresh the list that was clicked in; null: an alert, which is updated anyway. */
  listUrl: z.string().nullable(),
});
export type ResolutionModalState = z.output<typeof modalState>;

export function parseModalState(privateMetadata: string): ResolutionModalState {
  return modalState.parse(JSON.parse(privateMetadata));
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
