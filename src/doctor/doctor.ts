import { type Environment, inspectSettings } from '../config.js';
import { codeOf } from '../db/embedded/errors.js';
import { EmbeddedPostgresError } from '../db/embedded-postgres.js';
import { isDatabaseUnavailable, NoDatabaseError } from '../db/errors.js';
import { type DatabaseInspection, inspectDatabase } from '../db/inspection.js';
import { reachServer } from '../db/open.js';
import { inspectHeroku } from '../heroku/inspection.js';
import { createSecretBox, SecretBoxError } from '../operators/secret-box.js';
import { inspectSlack } from '../slack/inspection.js';
import { type Check, databaseChecks, herokuChecks, slackChecks } from './checks.js';
import { UNSET } from './unset.js';

/**
 * Looks at everything that the app needs, and says of each what is so, and what to do where it is not. It changes nothing,
 * stops at nothing, and never rejects for what it finds: whatever a faulty setting keeps it from asking it leaves out.
 */
export async function runDoctor(environment: Environment, now: () => Date): Promise<readonly Check[]> {
  const { settings, usable } = inspectSettings(environment);
  const named: Check[] = settings.map(({ name, fault, isSet }) => ({
    subject: name,
    status: fault === null ? 'ok' : 'fix',
    says: fault ?? (isSet ? 'set' : `not set: ${UNSET[name]}`),
  }));
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
  return [...named, ...database.checks, ...slack, ...heroku, ...publicUrl];
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
      return { facts, checks: databaseChecks(facts, opener(usable.totpKey)) };
    } finally {
      await server.close();
    }
  } catch (error) {
    if (error instanceof NoDatabaseError) {
      return { facts: null, checks: [{ subject: 'database', status: 'note', says: error.message }] };
    }
    return { facts: null, checks: [{ subject: 'database', status: 'fix', says: whyNoDatabase(error) }] };
  }
}

/** Never the error's own words: they may hold the address, and the address a password. */
function whyNoDatabase(error: unknown): string {
  if (error instanceof EmbeddedPostgresError) return error.message;
  const code = codeOf(error) ?? '';
  if (/^28/u.test(code)) return 'PostgreSQL refuses the account or password of DATABASE_URL.';
  if (code === '3D000') return 'PostgreSQL has no database of the name in DATABASE_URL. Create it.';
  if (code === '42501')
    return 'The account of DATABASE_URL may not read the app’s tables. Grant it SELECT, INSERT and UPDATE.';
  const detail = /^[A-Z0-9_]{3,40}$/u.test(code) ? ` (${code})` : '';
  const isAway = isDatabaseUnavailable(error) || /^E[A-Z_]+$/u.test(code);
  return isAway
    ? `It does not answer${detail}. Check DATABASE_URL, and that PostgreSQL runs and can be reached from here.`
    : `It could not be looked at${detail}. The log of PostgreSQL has the cause.`;
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

/** Whether the app answers under its own address. While it is not running it cannot, so this is a note. */
async function ownAddress(publicUrl: string): Promise<readonly Check[]> {
  const subject = 'own address';
  try {
    const answer = await fetch(`${publicUrl}/healthz`, {
      signal: AbortSignal.timeout(OWN_WITHIN_MS),
      redirect: 'error',
    });
    if (answer.ok && (await answer.text()) === 'ok\n') {
      return [{ subject, status: 'ok', says: 'the app answers under PUBLIC_URL' }];
    }
    return [
      {
        subject,
        status: 'note',
        says: `Something else than this app answers under PUBLIC_URL (status ${answer.status}).`,
      },
    ];
  } catch {
    return [
      { subject, status: 'note', says: 'Nothing answers under PUBLIC_URL as seen from here. Is the app running?' },
    ];
  }
}
