import type { PageData } from '../../protocol/snapshot.js';
import { useWorkspace } from '../workspace.js';

const STATUS: Readonly<Record<PageData['status'], string>> = {
  triggered: 'Rings',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
};
const at = new Intl.DateTimeFormat('en', { timeStyle: 'short' });

/** The on-call person's pager: rings outside Slack, until it is acknowledged or resolved. */
export function Pager() {
  const { seen } = useWorkspace();
  const rings = seen.pages.some(({ status }) => status === 'triggered');
  return (
    <section className="tool" aria-labelledby="pager-title" data-testid="pager">
      <h2 id="pager-title">
        Pager <small>PagerDuty</small>
      </h2>
      <div className={`pager ${rings ? 'ringing' : ''}`}>
        {seen.pages.length === 0 ? (
          <p className="pager-quiet">Nothing rings.</p>
        ) : (
          <ul>
            {seen.pages.map((page) => (
              <li key={page.key} className={`page ${page.status}`}>
                <p className="page-status">
                  <span aria-hidden="true" className="page-bell" />
                  {STATUS[page.status]}
                  <time dateTime={page.openedAt}>{at.format(new Date(page.openedAt))}</time>
                </p>
                <p>{page.summary}</p>
              </li>
            ))}
          </ul>
        )}
      </div>
      {seen.webhooks.length > 0 && (
        <>
          <h3>Webhooks, signature verified</h3>
          <ul className="webhooks">
            {seen.webhooks.map(({ id, type }) => (
              <li key={id}>
                <code>{type}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <p className="tool-hint">A critical rings here. “I’m on it” in Slack acknowledges it; its end resolves it.</p>
    </section>
  );
}
