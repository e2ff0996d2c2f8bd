import { useNow } from '../time.js';
import { useWorkspace } from '../workspace.js';

const PERIOD_S = 30;
/** The ring's circumference. */
const ROUND = 2 * Math.PI * 15;

/** The chosen person's authenticator: their code, and how long it lasts. */
export function Phone({ testId }: { readonly testId?: string }) {
  const { seen, me } = useWorkspace();
  const seconds = useNow(seen.clockOffsetMs, 500) / 1_000;
  const left = PERIOD_S - (Math.floor(seconds) % PERIOD_S);
  if (me.code === null) return <p>{me.name} has none: nobody enrolled them.</p>;
  const { digits, used } = me.code;
  return (
    <div className="phone">
      <div>
        <p className="phone-account">
          flag-promotions <span>{me.name}</span>
        </p>
        <p className={`digits ${used ? 'used' : ''}`}>
          <span className="unseen">Code: </span>
          <span data-testid={testId}>{digits.replace(/^(\d{3})/u, '$1 ')}</span>
        </p>
        <p className="phone-note">{used ? `Used. The next one in ${left} s` : `Lasts ${left} s`}</p>
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
  );
}
