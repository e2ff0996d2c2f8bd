import { AppTool } from './app.js';
import { Authenticator } from './authenticator.js';
import { Clock } from './clock.js';
import { Heroku } from './heroku.js';
import { Pager } from './pager.js';
import { Rows } from './rows.js';
import { SlackTool } from './slack.js';

/** What isn't part of Slack: the phone, the pager, the clock, Heroku, the app's process, and the rows. */
export function Tools() {
  return (
    <aside className="tools" aria-label="Backstage">
      <Authenticator />
      <Pager />
      <AppTool />
      <Heroku />
      <Clock />
      <SlackTool />
      <Rows />
    </aside>
  );
}
