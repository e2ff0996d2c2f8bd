import { type Environment, inspectSettings, type SettingInspection } from '../config.js';
import { codeOf } from '../db/embedded/errors.js';
import { EmbeddedPostgresError } from '../db/embedded-postgres.js';
import { isDatabaseUnavailable, NoDatabaseError } from '../db/errors.js';
import { type DatabaseInspection, inspectDatabase } from '../db/inspection.js';
import { type DatabaseChoice, reachServer } from '../db/open.js';
import { ServerError } from '../db/server/trouble.js';
import { inspectHeroku } from '../heroku/inspection.js';
import { createSecretBox, SecretBoxError } from '../operators/secret-box.js';
import { inspectSlack } from '../slack/inspection.js';
import {
  type Check,
  databaseChecks,
  fix,
  herokuChecks,
  note,
  ok,
  poolerChecks,
  slackChecks,
  urgentFirst,
} from './checks.js';
import { UNSET } from './unset.js';

/**
 * Checks everything that the app needs, what needs fixing first. It changes nothing and never rejects for what it finds:
 * it leaves out what a faulty setting keeps it from asking.
 */
export async function runDoctor(environment: Environment, now: () => Date): Promise<readonly Check[]> {
  const { settings, usable } = inspectSettings(environment);
  const named = settings.map((setting) => settingCheck(setting, usable));
  const database = await databaseOf(usable);
  const apps = database.facts?.apps ?? [];
  const [slack, heroku, publicUrl] = await Promise.all([
    usable.botToken === undefined
      ? []
      : inspectSlack({
          apiUrl: usable.slackApiUrl ?? 'https://slack.com/api/',
          botToken: usable.botToken,
          channels: channelsOf(usable),
          appToken: usable.appToken ?? null,
          now,
        }).then(slackChecks),
    usable.herokuApiKey === undefined || usable.herokuApiUrl === undefined
      ? []
      : inspectHeroku({ apiKey: usable.herokuApiKey, apiUrl: usable.herokuApiUrl, tried: apps, now }).then(
          herokuChecks,
        ),
    usable.publicUrl === undefined ? [] : ownAddress(usable.publicUrl),
  ]);
  return urgentFirst([...named, ...database.checks, ...slack, ...heroku, ...publicUrl]);
}

function settingCheck({ name, fault, isSet }: SettingInspection, usable: Usable): Check {
  if (fault !== null) return fix(name, fault);
  const unset = isSet ? null : UNSET[name];
  if (unset !== null) return unset.weakens === true ? note(name, unset.says) : ok(name, unset.says);
  return name === 'SLACK_CRITICAL_MENTION' && usable.criticalMention === null
    ? note(name, 'none: a critical pings nobody. Without this setting it pings <!here>.')
    : ok(name, 'set');
}

function channelsOf({ alertChannel, alertRoutes }: Usable): readonly string[] {
  const routed = (alertRoutes ?? []).map(({ channel }) => channel);
  return [...new Set([...(alertChannel === undefined ? [] : [alertChannel]), ...routed])];
}

type Usable = ReturnType<typeof inspectSettings>['usable'];

async function databaseOf(
  usable: Usable,
): Promise<{ readonly facts: DatabaseInspection | null; readonly checks: readonly Check[] }> {
  // A fault is named among the settings.
  if (usable.database === undefined) return { facts: null, checks: [] };
  try {
    const server = await reachServer(usable.database, false);
    try {
      const facts = await inspectDatabase(server.url);
      return {
        facts,
        checks: [
          ...databaseChecks(facts, opener(usable.totpKey)),
          ...poolerChecks(server, hasDirectUrl(usable.database)),
        ],
      };
    } finally {
      await server.close();
    }
  } catch (error) {
    if (error instanceof ServerError) {
      const subject = error.setting === 'DATABASE_URL' ? 'database' : error.setting;
      return { facts: null, checks: [fix(subject, error.trouble.says)] };
    }
    if (error instanceof NoDatabaseError) {
      return { facts: null, checks: [note('database', error.message)] };
    }
    return { facts: null, checks: [fix('database', whyNoDatabase(error))] };
  }
}

const hasDirectUrl = (choice: DatabaseChoice): boolean => choice.kind === 'server' && choice.directUrl !== null;

/** Never the error's own words: they may hold the address, and the address a password. */
function whyNoDatabase(error: unknown): string {
  if (error instanceof EmbeddedPostgresError) return error.message;
  const code = codeOf(error) ?? '';
  if (code === '42501')
    return 'The account of DATABASE_URL may not read the app’s tables. Grant it SELECT, INSERT and UPDATE.';
  const detail = /^[A-Z0-9_]{3,40}$/u.test(code) ? ` (${code})` : '';
  const isAway = isDatabaseUnavailable(error) || /^E[A-Z_]+$/u.test(code);
  return isAway
    ? `PostgreSQL does not answer${detail}. Check DATABASE_URL, that PostgreSQL runs, and that it can be reached from here.`
    : `PostgreSQL could not be checked${detail}. Its log has the cause.`;
}

function opener(key: Uint8Array | undefined): Parameters<typeof databaseChecks>[1] {
  if (key === undefined) return null;
  const box = createSecretBox(key);
  return ({ slackUserId, sealedSecret }) => {
    try {
      box.open(sealedSecret, slackUserId);
      return true;
    } catch (error) {
      if (error instanceof SecretBoxError) return false;
      throw error;
    }
  };
}

const OWN_WITHIN_MS = 5_000;

/** Whether the app answers under its own address: a note if not, because it may not be running. */
async function ownAddress(publicUrl: string): Promise<readonly Check[]> {
  const subject = 'own address';
  try {
    const answer = await fetch(`${publicUrl}/healthz`, {
      signal: AbortSignal.timeout(OWN_WITHIN_MS),
      redirect: 'error',
    });
    if (answer.ok && (await answer.text()) === 'ok\n') {
      return [ok(subject, 'the app answers under PUBLIC_URL')];
    }
    return [note(subject, `Something other than this app answers under PUBLIC_URL (status ${answer.status}).`)];
  } catch {
    return [note(subject, 'Nothing answers under PUBLIC_URL, seen from here. Is the app running?')];
  }
}
