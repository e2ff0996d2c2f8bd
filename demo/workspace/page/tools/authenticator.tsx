import { useNow } from '../time.js';
import { useWorkspace } from '../workspace.js';

const PERIOD_S = 30;
/** The ring's circumference. */
const ROUND = 2 * Math.PI * 15;

/** The phone of whoever one is: their code, and how long it lasts. */
export function Authenticator() {
  const { seen, me } = useWorkspace();
  const seconds = useNow(seen.clockOffsetMs, 500) / 1_000;
  const left = PERIOD_S - (Math.floor(seconds) % PERIOD_S);
  return (
    <section className="tool authenticator" aria-labelledby="authenticator-title">
      <h2 id="authenticator-title">Authenticator</h2>
      {me.code === null ? (
        <p>{me.name} has none: nobody enrolled them.</p>
      ) : (
        <div className="phone">
          <div>
            <p className="phone-account">
              flag-promotions <span>{me.name}</span>
            </p>
            <p className={`digits ${me.code.used ? 'used' : ''}`}>
              <span className="unseen">Code: </span>
              <span data-testid="code">{me.code.digits.replace(/^(\d{3})/u, '$1 ')}</span>
            </p>
            <p className="phone-note">{me.code.used ? `Used. The next one in ${left} s` : `Lasts ${left} s`}</p>
          </div>
          <svg className={`ring ${left <= 5 ? 'soon' : ''}`} viewBox="0 0 40 40" aria-hidden="true">
            <circle cx="20" cy="20" r="15" className="ring-track" />
            <circle
              cx="20"
              cy="20"
              r="15"
              className="ring-left"
              strokeDasharray={ROUND}
              strokeDashoffset={ROUND * (1 - left / PERIOD_S)}
            />
            <text x="20" y="24.5" textAnchor="middle">
              {left}
            </text>
          </svg>
        </div>
      )}
    </section>
  );
}
