import { useWorkspace } from '../workspace.js';

/** The rows of console_flag_promotions: after a kill, the app resumes from these. */
export function Rows() {
  const { seen } = useWorkspace();
  return (
    <section className="tool" aria-labelledby="rows-title">
      <h2 id="rows-title">
        Rows <small>console_flag_promotions</small>
      </h2>
      <ul className="rows">
        {seen.rows.map((row) => (
          <li key={row.id}>
            <p>
              <code>{row.flagKey}</code>
              <span className={`pill state-${row.state}`}>{row.state}</span>
            </p>
            {row.checkpoint !== null && (
              <p className="row-detail">
                checkpoint <code>{row.checkpoint}</code>
              </p>
            )}
            {row.leased && <p className="row-detail">leased to a promoter</p>}
            {row.lastError !== null && row.state === 'deploying' && <p className="row-detail">{row.lastError}</p>}
            {row.rcaUrl !== null && <p className="row-detail">RCA {row.rcaUrl}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
