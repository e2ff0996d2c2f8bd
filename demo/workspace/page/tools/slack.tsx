import { timeOf } from '../time.js';
import { useWorkspace } from '../workspace.js';

/** An outage of Slack: what is due meanwhile is posted once after it. */
export function SlackTool() {
  const { seen, act } = useWorkspace();
  const { slackDownUntil } = seen;
  return (
    <section className="tool" aria-labelledby="slack-title">
      <h2 id="slack-title">Slack</h2>
      <div className="tool-buttons">
        <button
          type="button"
          className="button plain"
          aria-disabled={slackDownUntil !== null}
          onClick={() => void act({ do: 'slack_outage' })}
        >
          Ten minutes of outage
        </button>
      </div>
      <p className="tool-hint">
        {slackDownUntil === null
          ? 'It takes one message a second and channel, as the real one does.'
          : `It answers the app with 503 until ${timeOf(new Date(slackDownUntil))}. Or move the clock.`}
      </p>
    </section>
  );
}
