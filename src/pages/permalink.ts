import { COMMAND } from '../views/ids.js';
import { html, type Page, type PageRequest, wrongMethod } from './enrolment.js';
import { messagePage } from './enrolment-page.js';

/** A promotion's address in a browser. Whoever follows it is nobody that the app knows, so it tells only where to look. */
export async function permalinkPage({ method, path }: PageRequest): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return wrongMethod('GET, HEAD');
  const id = /\/([1-9]\d{0,17})$/u.exec(path)?.[1];
  return id === undefined
    ? html(404, messagePage('There is nothing here', 'Was all of the link copied?'))
    : html(
        200,
        messagePage(
          `Promotion ${id} is told of in Slack`,
          `Post this link in a channel of your workspace, and it unfolds to the promotion’s state; or type ${COMMAND} show ${id} there.`,
        ),
      );
}
