import { PERMALINKS } from '../promotions/permalink.js';
import { isRowId } from '../promotions/row-id.js';
import { COMMAND } from '../views/ids.js';
import { html, type Page, type PageRequest, wrongMethod } from './enrolment.js';
import { messagePage } from './enrolment-page.js';

/** A promotion's address in a browser. Anybody can open it, so it only says where to look. */
export async function permalinkPage({ method, path }: PageRequest): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return wrongMethod('GET, HEAD');
  const id = path.slice(PERMALINKS.length);
  return !isRowId(id)
    ? html(404, messagePage('Link not found', 'Did you copy all of it?'))
    : html(
        200,
        messagePage(
          `Promotion ${id} is in Slack`,
          `Type ${COMMAND} show ${id} there, or post this link in a channel: it unfolds to the promotion’s state.`,
        ),
      );
}
