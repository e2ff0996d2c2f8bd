import { AppTool } from './app.js';
import { Authenticator } from './authenticator.js';
import { Clock } from './clock.js';
import { Heroku } from './heroku.js';
import { Rows } from './rows.js';
import { SlackTool } from './slack.js';

/** What is no part of Slack: the phone, the clock, Heroku, the app's process, and the rows. */
export function Tools() {
  return (
    <aside className="tools" aria-label="Backstage">
      <Authenticator />
      <AppTool />
      <Heroku />
      <Clock />
      <SlackTool />
      <Rows />
    </aside>
  );
}
