import type { Answer } from '../../views/blocks.js';
import { LIST_PAGE_SIZE, listAnswer } from '../../views/list.js';
import type { HandlerDependencies } from '../dependencies.js';

/** The newest promotions; `beforeId` continues after a page. */
export async function listPage(deps: HandlerDependencies, beforeId: string | null): Promise<Answer> {
  const rows = await deps.db.promotions.list({ beforeId, limit: LIST_PAGE_SIZE + 1 });
  const shown = rows.slice(0, LIST_PAGE_SIZE);
  const nextBeforeId = rows.length > shown.length ? (shown.at(-1)?.id ?? null) : null;
  return listAnswer({ rows: shown, nextBeforeId });
}
