import { randomBytes } from 'node:crypto';
import { DEPLOYMENT } from './deployment.js';
import type { InstantSlack } from './instant-slack.js';
import { APP, BUNDLES, type Running, type RunOptions, run, runToEnd } from './processes.js';
import { BOT_TOKEN, SIGNING_SECRET } from './requests.js';

/** Seals the operators' secrets of a run. */
export const ENCRYPTION_KEY = randomBytes(32);

export interface Surroundings {
  readonly databaseUrl: string;
  readonly slack: Pick<InstantSlack, 'apiUrl'>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly options?: RunOptions;
  /** The file to run; default: this checkout's build. */
  readonly file?: string;
}

export interface RunningServer extends Running {
  readonly url: string;
}

/** The built app, as deployed, in its own process. The watchdog ticks at the start and then once a year. */
export function startBuiltApp(around: Surroundings): Promise<RunningServer> {
  return startServer(around.file ?? APP, ['start'], settings(around), around.options);
}

/** One tick of the watchdog, by the command for external schedulers. */
export async function tickOnce(around: Surroundings): Promise<void> {
  await runToEnd(APP, ['maintenance', '--json'], settings(around));
}

function settings({ databaseUrl, slack, environment }: Surroundings): Readonly<Record<string, string>> {
  return {
    DATABASE_URL: databaseUrl,
    SLACK_BOT_TOKEN: BOT_TOKEN,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: 'C0ALERTS',
    TOTP_ENCRYPTION_KEY: ENCRYPTION_KEY.toString('base64'),
    MAINTENANCE_CRON: '0 0 1 1 *',
    PORT: '0',
    ...DEPLOYMENT.environment,
    ...environment,
  };
}

/**
 * A Bolt app that only acknowledges, over Bolt's own HTTP receiver, with a pool of connections for its readiness.
 * Bundled by the app's own script, and started as the app is.
 */
export function startBareApp({ databaseUrl, slack, options }: Surroundings): Promise<RunningServer> {
  const environment = {
    DATABASE_URL: databaseUrl,
    SLACK_BOT_TOKEN: BOT_TOKEN,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    SLACK_API_URL: slack.apiUrl,
    ...DEPLOYMENT.environment,
  };
  return startServer(`${BUNDLES}/bolt-app.js`, [], environment, options);
}

async function startServer(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  options?: RunOptions,
): Promise<RunningServer> {
  const nodeOptions = [...DEPLOYMENT.nodeOptions, ...(options?.nodeOptions ?? [])];
  const running = await run(file, args, environment, /"port":(\d+)/u, { ...options, nodeOptions });
  return { ...running, url: `http://127.0.0.1:${running.said[1]}` };
}
