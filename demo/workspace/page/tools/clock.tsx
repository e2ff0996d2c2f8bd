import { useNow } from '../time.js';
import { useWorkspace } from '../workspace.js';

const at = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** The clock of Slack, Heroku and the app: moving it on makes things due. */
export function Clock() {
  const { seen, act } = useWorkspace();
  const now = useNow(seen.clockOffsetMs, 1_000);
  const ahead = Math.round(seen.clockOffsetMs / 3_600_000);
  return (
    <section className="tool" aria-labelledby="clock-title">
      <h2 id="clock-title">Clock</h2>
      <p className="clock-now">
        <time>{at.format(new Date(now))}</time>
        {ahead > 0 && <span className="pill">+{ahead} h</span>}
      </p>
      <div className="tool-buttons">
        {([12, 24] as const).map((hours) => (
          <button
            key={hours}
            type="button"
            className="button plain"
            onClick={() => void act({ do: 'move_clock', hours })}
          >
            {hours} h later
          </button>
        ))}
      </div>
      <p className="tool-hint">After 12 h in deploying the watchdog warns, after 24 h it is critical.</p>
    </section>
  );
}
