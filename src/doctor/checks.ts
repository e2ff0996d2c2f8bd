import type { DatabaseInspection } from '../db/inspection.js';
import type { HerokuInspection } from '../heroku/inspection.js';
import type { ClockReading } from '../promotions/clock.js';
import { BOT_SCOPES, type SlackInspection } from '../slack/inspection.js';

/** One thing that the doctor looked at. `fix`: it needs doing; `note`: worth knowing, or can't be checked from here. */
export interface Check {
  readonly subject: string;
  readonly status: 'ok' | 'fix' | 'note';
  /** A sentence: what is so, and where it is to be mended, how. Never a setting's value. */
  readonly says: string;
}

const ok = (subject: string, says: string): Check => ({ subject, status: 'ok', says });
const fix = (subject: string, says: string): Check => ({ subject, status: 'fix', says });
const note = (subject: string, says: string): Check => ({ subject, status: 'note', says });

/** A code is good for 30 s before and after its time, and part of that is a phone's own error. */
const CLOCK_OFF_MS = 20_000;

/** `whose`: Slack or Heroku. Null: they told no time. */
export function checkClock(whose: string, reading: ClockReading | null): Check {
  const subject = `clock against ${whose}`;
  if (reading === null) return note(subject, `${whose} told no time, so this is not known.`);
  const { aheadMs, uncertainMs } = reading;
  const off = Math.abs(aheadMs);
  const seconds = `${(off / 1_000).toFixed(1)} s`;
  if (off <= CLOCK_OFF_MS + uncertainMs) {
    return ok(subject, off <= uncertainMs ? 'the same, as far as can be told' : `${seconds} apart`);
  }
  return fix(
    subject,
    `This host’s clock is ${seconds} ${aheadMs > 0 ? 'ahead of' : 'behind'} ${whose}’s: right TOTP codes are refused, and from five minutes on every request of Slack’s. Keep the clock by NTP.`,
  );
}

/** What keeps a right token from working, by Slack's word for it. */
const AUTH_HELP: Readonly<Record<string, string>> = {
  invalid_auth: 'Slack does not know this token. Copy the Bot User OAuth Token of OAuth & Permissions again.',
  account_inactive: 'The app was uninstalled or its bot was removed. Install it to the workspace again.',
  token_revoked: 'The token was revoked. Install the app to the workspace again, and copy its new token.',
};
const CHANNEL_HELP: Readonly<Record<string, string>> = {
  not_in_channel: 'The app is not in the channel. In it: /invite @flag-promotions',
  channel_not_found:
    'Slack shows the app no such channel. Check SLACK_ALERT_CHANNEL and ALERT_ROUTES; in a private one: /invite @flag-promotions',
  is_archived: 'The channel is archived. Choose another one, or bring it back.',
  missing_scope: 'The app lacks the scope to read it. Give it the scopes of manifest.yml, and install it again.',
};

export function slackChecks(inspection: SlackInspection): readonly Check[] {
  const { auth, channels, socketMode } = inspection;
  const checks: Check[] = [];
  if (auth.kind === 'no_answer') {
    checks.push(fix('Slack', 'Slack gave no answer that could be read. Check the network, and SLACK_API_URL.'));
  } else if (auth.kind === 'refused') {
    checks.push(fix('Slack token', AUTH_HELP[auth.error] ?? `Slack refuses it: ${word(auth.error)}. Copy it again.`));
  } else {
    checks.push(ok('Slack token', `belongs to the workspace ${word(auth.team)}`), checkScopes(auth.scopes));
  }
  for (const { id, verdict } of channels) {
    const subject = `channel ${word(id)}`;
    checks.push(
      verdict.kind === 'ok'
        ? ok(subject, 'the app is in it, and can read it')
        : fix(subject, CHANNEL_HELP[verdict.error] ?? `Slack refuses it: ${word(verdict.error)}.`),
    );
  }
  if (socketMode !== null) {
    checks.push(
      socketMode.kind === 'ok'
        ? ok('Socket Mode', 'can be opened')
        : fix(
            'Socket Mode',
            `Slack refuses it: ${word(socketMode.error)}. Switch Socket Mode on, and give SLACK_APP_TOKEN a token with connections:write.`,
          ),
    );
  }
  checks.push(checkClock('Slack', inspection.clock));
  return checks;
}

function checkScopes(granted: readonly string[]): Check {
  const missing = BOT_SCOPES.filter((scope) => !granted.includes(scope));
  if (missing.length > 0) {
    return fix(
      'Slack scopes',
      `Missing: ${missing.join(', ')}. Bring the app’s manifest up to manifest.yml, and install it to the workspace again.`,
    );
  }
  const more = granted.filter((scope) => !BOT_SCOPES.some((known) => known === scope));
  return more.length === 0
    ? ok('Slack scopes', 'all that the app uses, and no more')
    : note('Slack scopes', `All there, and more than the app uses: ${more.slice(0, 20).map(word).join(', ')}.`);
}

/** What is wrong, by kind, where a config var of an app could not be read. */
const APP_HELP: Readonly<Record<string, string>> = {
  not_found: 'Heroku knows no app of this name, or the key cannot see it. Was it renamed?',
  forbidden: 'The key may not read its config vars. It takes read-protected, and an account with access to the app.',
  unauthorized: 'The key was not accepted.',
  rate_limited: 'The account’s requests of this hour are used up. Try again later.',
};

export function herokuChecks({ key, apps, clock }: HerokuInspection): readonly Check[] {
  const checks: Check[] = [];
  switch (key.kind) {
    case 'no_answer':
      return [
        fix(
          'Heroku',
          'Heroku gave no answer. Check the network, and HEROKU_API_URL; https://status.heroku.com tells of outages.',
        ),
      ];
    case 'refused':
      checks.push(
        fix('Heroku key', 'Heroku does not accept it. Make another: heroku authorizations:create -s write-protected'),
      );
      break;
    case 'known':
      checks.push(checkScope(key.scopes));
      break;
    case 'not_told':
      checks.push(
        ok('Heroku key', 'Heroku accepts it'),
        note(
          'Heroku writing',
          'Whether the key may set config vars is not to be known without setting one: Heroku tells a scoped key nothing of its scopes. Its owner can look: heroku authorizations',
        ),
      );
  }
  if (apps.length === 0 && key.kind !== 'refused') {
    checks.push(note('Heroku apps', 'No promotion names an app yet, so reading was not tried.'));
  }
  for (const { app, outcome } of apps) {
    const subject = `Heroku app ${word(app)}`;
    checks.push(
      outcome === 'ok'
        ? ok(subject, 'its config vars can be read')
        : fix(subject, APP_HELP[outcome] ?? 'Heroku gave no usable answer. Try again in a minute.'),
    );
  }
  checks.push(checkClock('Heroku', clock));
  return checks;
}

function checkScope(scopes: readonly string[]): Check {
  if (scopes.includes('write-protected')) return ok('Heroku key', 'may read and set config vars');
  if (scopes.includes('global')) {
    return note(
      'Heroku key',
      'May do everything that its account may. It needs less: heroku authorizations:create -s write-protected',
    );
  }
  if (scopes.includes('read-protected')) {
    return fix(
      'Heroku key',
      'May read config vars and not set them, so that promoting fails: heroku authorizations:create -s write-protected',
    );
  }
  return fix(
    'Heroku key',
    `Its scopes (${scopes.slice(0, 10).map(word).join(', ')}) do not reach config vars: heroku authorizations:create -s write-protected`,
  );
}

/** `opens`: whether a stored secret can be opened with the configured key; null where there is no right key. */
export function databaseChecks(
  facts: DatabaseInspection,
  opens: ((secret: DatabaseInspection['sealedSecrets'][number]) => boolean) | null,
): readonly Check[] {
  const checks: Check[] = [
    facts.isReadOnly
      ? fix(
          'database',
          `PostgreSQL ${word(facts.serverVersion)} answers, but read-only. Point DATABASE_URL at the primary.`,
        )
      : ok('database', `PostgreSQL ${word(facts.serverVersion)} answers`),
    checkSchema(facts),
    facts.missingRights.length === 0
      ? ok('database rights', 'all that the app needs')
      : fix(
          'database rights',
          `Missing: ${facts.missingRights.join(', ')}. Grant them to the account of DATABASE_URL.`,
        ),
  ];
  if (facts.auditUnguarded) {
    checks.push(
      fix(
        'audit log',
        'A trigger that keeps it from being rewritten is gone or off. Run: flag-promotions audit verify',
      ),
    );
  }
  return [...checks, checkOperators(facts.superadmins), ...checkSecrets(facts, opens)];
}

function checkSchema({ missingMigrations, unknownMigrations, mayCreate }: DatabaseInspection): Check {
  const subject = 'database schema';
  if (missingMigrations.length > 0) {
    return mayCreate
      ? note(
          subject,
          `${missingMigrations.length} migrations to run. The next start does so; or: flag-promotions migrate`,
        )
      : fix(
          subject,
          `${missingMigrations.length} migrations to run, and the account of DATABASE_URL may create nothing here. Grant it CREATE on the database and on its schema public, then: flag-promotions migrate`,
        );
  }
  return unknownMigrations.length === 0
    ? ok(subject, 'up to date')
    : note(
        subject,
        `Of a newer version than this one, by ${unknownMigrations.length} migrations. Run the same version everywhere.`,
      );
}

function checkOperators(superadmins: number): Check {
  if (superadmins === 0) {
    return fix('superadmins', 'There is none, so nobody can promote or resolve: flag-promotions operators add U…');
  }
  return superadmins === 1
    ? note('superadmins', 'There is one. A second one can let the first back in who lost their device: operators add')
    : ok('superadmins', `there are ${superadmins}`);
}

function checkSecrets(
  { sealedSecrets }: DatabaseInspection,
  opens: Parameters<typeof databaseChecks>[1],
): readonly Check[] {
  if (opens === null || sealedSecrets.length === 0) return [];
  const closed = sealedSecrets.filter((secret) => !opens(secret));
  if (closed.length === 0) return [ok('TOTP key', `opens the stored secrets, ${sealedSecrets.length} of them`)];
  const whose = closed.slice(0, 10).map(({ slackUserId }) => word(slackUserId));
  return [
    fix(
      'TOTP key',
      `Opens ${sealedSecrets.length - closed.length} of ${sealedSecrets.length} stored secrets, and not those of ${whose.join(', ')}. Bring back the TOTP_ENCRYPTION_KEY that they were stored under, or: flag-promotions operators reset <id>`,
    ),
  ];
}

/** A word from outside, for a terminal: no control character, and not too long. */
function word(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} ._:@/-]/gu, '?').slice(0, 80);
}
