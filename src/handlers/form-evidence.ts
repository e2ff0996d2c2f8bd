import type { Evidence } from '../promotions/evidence.js';
import type { Promotion } from '../promotions/promotion.js';
import type { Modal } from '../views/blocks.js';
import { withTimeout } from '../with-timeout.js';
import type { Opening } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';

/** How long Heroku may take to be in a form from the start, and to be added later. */
const AT_ONCE_MS = 400;
const LATER_MS = 8_000;

/** Opens a form about a promotion with evidence, at once or added later. `render` gets null while Heroku is asked. */
export async function openWithEvidence(
  { readEvidence }: Pick<HandlerDependencies, 'readEvidence'>,
  promotion: Promotion,
  render: (evidence: Evidence | null) => Modal,
): Promise<Opening> {
  const evidence = readEvidence(promotion, LATER_MS);
  const early = await withTimeout(AT_ONCE_MS, evidence);
  return { kind: 'modal', view: render(early), later: early === null ? evidence.then(render) : undefined };
}
