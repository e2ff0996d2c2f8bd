import { randomBytes } from 'node:crypto';
import type { InstantSlack } from './instant-slack.js';
import { APP, program, type Running, run } from './processes.js';
import { BOT_TOKEN, SIGNING_SECRET } from './requests.js';

/** Seals the operators' secrets of a run. */
export const ENCRYPTION_KEY = randomBytes(32);

export interface Surroundings {
  readonly databaseUrl: string;
  readonly slack: Pick<InstantSlack, 'apiUrl'>;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface RunningServer extends Running {
  readonly url: string;
}

/** The built app, as it is deployed, in a process of its own. The watchdog ticks at its start and then once a year. */
export function startBuiltApp({ databaseUrl, slack, environment }: Surroundings): Promise<RunningServer> {
  return startServer(APP, ['start'], {
    DATABASE_URL: databaseUrl,
    SLACK_BOT_TOKEN: BOT_TOKEN,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: 'C0ALERTS',
    TOTP_ENCRYPTION_KEY: ENCRYPTION_KEY.toString('base64'),
    MAINTENANCE_CRON: '0 0 1 1 *',
    PORT: '0',
    // As Procfile, Dockerfile and the systemd unit have it.
    MALLOC_ARENA_MAX: '2',
    ...environment,
  });
}

/**
 * A Bolt app that only acknowledges, over Bolt's own HTTP receiver, with a pool of connections that it uses to tell that
 * it is ready. `libraries` are loaded as well, and left alone.
 */
export function startBareApp(
  { databaseUrl, slack }: Surroundings,
  libraries: readonly string[] = [],
): Promise<RunningServer> {
  return startServer(program('bare/bolt-app.js'), libraries, {
    DATABASE_URL: databaseUrl,
    SLACK_BOT_TOKEN: BOT_TOKEN,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: slack.apiUrl,
  });
}

async function startServer(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<RunningServer> {
  const running = await run(file, args, environment, /"port":(\d+)/u);
  return { ...running, url: `http://127.0.0.1:${running.said[1]}` };
}
