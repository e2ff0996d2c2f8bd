import { useWorkspace } from '../workspace.js';
import { Switch } from './switch.js';

const STATUS = { up: 'runs', starting: 'is starting', down: 'was killed; it is started again' } as const;

/** The app's process, and buttons that kill it in the middle of its work. */
export function AppTool() {
  const { seen, act } = useWorkspace();
  const { status, pid, starts, kills, killAtNextChange } = seen.app;
  return (
    <section className="tool" aria-labelledby="app-title">
      <h2 id="app-title">
        The app <small>{seen.transport === 'http' ? 'signed HTTP' : 'Socket Mode'}</small>
      </h2>
      <p className={`process ${status}`}>
        <span className="dot" aria-hidden="true" />
        {pid === null ? 'It' : `Process ${pid}`} {STATUS[status]}
        {kills > 0 && (
          <span className="pill">
            {kills} × killed, {starts - 1} × restarted
          </span>
        )}
      </p>
      <div className="tool-buttons">
        <button
          type="button"
          className="button danger"
          aria-disabled={status !== 'up'}
          onClick={() => void act({ do: 'kill' })}
        >
          Kill now
        </button>
      </div>
      <Switch on={killAtNextChange} onChange={(on) => void act({ do: 'kill_at_next_change', on })}>
        Kill it half-way through the next promotion
      </Switch>
      <p className="tool-hint">SIGKILL, once Heroku has taken the change and before the app learns of it.</p>
    </section>
  );
}
