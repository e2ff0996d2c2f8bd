import { OtherWorkspaceError } from '../db/errors.js';
import type { DatabaseInspection } from '../db/inspection.js';
import type { ReachedServer } from '../db/open.js';
import type { HerokuInspection } from '../heroku/inspection.js';
import type { ClockReading } from '../promotions/clock.js';
import { BOT_SCOPES, type SlackInspection } from '../slack/inspection.js';

/** One check of the doctor. `note`: weakens the app, is worth knowing, or can't be checked from here. */
export interface Check {
  readonly subject: string;
  readonly status: 'ok' | 'fix' | 'note';
  /** The finding, then how to fix it. May contain a default, never the configured value. */
  readonly says: string;
}

export const ok = (subject: string, says: string): Check => ({ subject, status: 'ok', says });
export const fix = (subject: string, says: string): Check => ({ subject, status: 'fix', says });
export const note = (subject: string, says: string): Check => ({ subject, status: 'note', says });

const URGENCY = { fix: 0, note: 1, ok: 2 } as const;

export function urgentFirst(checks: readonly Check[]): readonly Check[] {
  return checks.toSorted((a, b) => URGENCY[a.status] - URGENCY[b.status]);
}

/** A code is good for 30 s before and after its time, and part of that is a phone's own error. */
const CLOCK_OFF_MS = 20_000;

const OFF_FROM_OUTSIDE = 'Right codes are refused; from 5 min on, so are all of Slack’s requests. Use NTP.';
const OFF_FROM_DATABASE = 'Waits, alerts and snoozes use the database’s clock. Use NTP on the one that is wrong.';

/** `whose`: Slack, Heroku or the database. `reading` is null if their answer had no time. */
export function checkClock(whose: string, reading: ClockReading | null, harm = OFF_FROM_OUTSIDE): Check {
  const subject = `clock against ${whose}`;
  if (reading === null) return note(subject, `${whose} gave no time, so this can’t be checked.`);
  const { aheadMs, uncertainMs } = reading;
  const off = Math.abs(aheadMs);
  const seconds = `${(off / 1_000).toFixed(1)} s`;
  if (off <= CLOCK_OFF_MS + uncertainMs) {
    return ok(subject, off <= uncertainMs ? 'the same' : `${seconds} apart`);
  }
  return fix(subject, `This host’s clock is ${seconds} ${aheadMs > 0 ? 'ahead of' : 'behind'} ${whose}’s. ${harm}`);
}

/** Why a right token doesn't work, by Slack's error code. */
const AUTH_HELP: Readonly<Record<string, string>> = {
  invalid_auth: 'Slack does not know this token. Copy it again: OAuth & Permissions, Bot User OAuth Token.',
  account_inactive: 'The app was uninstalled or its bot was removed. Install it to the workspace again.',
  token_revoked: 'The token was revoked. Install the app to the workspace again and copy the new token.',
};
const CHANNEL_HELP: Readonly<Record<string, string>> = {
  not_in_channel: 'The app is not in the channel. In it: /invite @flag-promotions',
  channel_not_found:
    'The app can’t see this channel. Check SLACK_ALERT_CHANNEL and ALERT_ROUTES. If it is private, in it: /invite @flag-promotions',
  is_archived: 'The channel is archived. Choose another one or unarchive it.',
  missing_scope: 'The app may not read channels. Give it the scopes of manifest.yml and install it again.',
};

/** By an error's code: why something wasn't reached, and what to do; null if the code doesn't say. */
export type ExplainCode = (code: string | null) => string | null;

/**
 * `workspace`: the database's; null: none yet, undefined: unknown. `explain`: for Slack's API; `explainAt`: for another
 * address.
 */
export function slackChecks(
  inspection: SlackInspection,
  workspace: string | null | undefined,
  explain: ExplainCode,
  explainAt: (address: string) => ExplainCode,
): readonly Check[] {
  const { auth, channels, socketMode } = inspection;
  const checks: Check[] = [];
  if (auth.kind === 'no_answer') {
    const why = explain(auth.code) ?? 'Slack gave no readable answer. Check the network and SLACK_API_URL.';
    checks.push(fix('Slack', why));
  } else if (auth.kind === 'refused') {
    checks.push(
      fix('Slack token', AUTH_HELP[auth.error] ?? `Slack refuses it (its reason: ${word(auth.error)}). Copy it again.`),
    );
  } else {
    checks.push(ok('Slack token', `of the workspace ${word(auth.team)}`));
    if (workspace !== undefined && auth.teamId !== null) checks.push(checkWorkspace(workspace, auth.teamId));
    checks.push(checkScopes(auth.scopes));
  }
  for (const { id, verdict } of channels) {
    const subject = `channel ${word(id)}`;
    checks.push(
      verdict.kind === 'ok'
        ? ok(subject, 'the app is a member')
        : fix(subject, CHANNEL_HELP[verdict.error] ?? `Slack refuses it (its reason: ${word(verdict.error)}).`),
    );
  }
  if (socketMode !== null) checks.push(checkSocketMode(socketMode, explainAt));
  checks.push(checkClock('Slack', inspection.clock));
  return checks;
}

function checkSocketMode(
  socketMode: NonNullable<SlackInspection['socketMode']>,
  explainAt: (address: string) => ExplainCode,
): Check {
  const subject = 'Socket Mode';
  switch (socketMode.kind) {
    case 'ok':
      return ok(subject, 'works');
    case 'refused':
      return fix(
        subject,
        `Slack refuses it (its reason: ${word(socketMode.error)}). Switch Socket Mode on and set SLACK_APP_TOKEN to a token with connections:write.`,
      );
    case 'unreachable': {
      const { address, code } = socketMode;
      const why = `Slack’s address for it, ${word(new URL(address).host)}, can’t be reached (${word(code)}). Check the network.`;
      return fix(subject, explainAt(address)(code) ?? why);
    }
  }
}

function checkWorkspace(recorded: string | null, own: string): Check {
  const subject = 'Slack workspace';
  if (recorded === null)
    return ok(subject, `${word(own)}; the database has no workspace yet: the first start records this one`);
  return recorded === own
    ? ok(subject, `${word(own)}, to which the database belongs`)
    : fix(subject, new OtherWorkspaceError(word(recorded), word(own)).message);
}

function checkScopes(granted: readonly string[]): Check {
  const missing = BOT_SCOPES.filter((scope) => !granted.includes(scope));
  if (missing.length > 0) {
    return fix(
      'Slack scopes',
      `Missing: ${missing.join(', ')}. Update the app’s manifest from manifest.yml and install it again.`,
    );
  }
  const more = granted.filter((scope) => !BOT_SCOPES.some((known) => known === scope));
  return more.length === 0
    ? ok('Slack scopes', 'exactly what the app uses')
    : note('Slack scopes', `More than the app uses: ${more.slice(0, 20).map(word).join(', ')}. You can remove them.`);
}

/** By kind: what is wrong if an app's config vars can't be read. */
const APP_HELP: Readonly<Record<string, string>> = {
  not_found: 'Heroku has no app of this name, or the key can’t see it. Was it renamed?',
  forbidden:
    'The key may not read its config vars. It needs the scope read-protected and an account with access to the app.',
  unauthorized: 'Heroku does not accept the key.',
  rate_limited: 'The account has used up its requests for this hour. Try again later.',
  unexpected:
    'Something other than Heroku answers, perhaps a proxy. Check HEROKU_API_URL and what the proxy lets through.',
};

export function herokuChecks({ key, apps, clock }: HerokuInspection, explain: ExplainCode): readonly Check[] {
  const checks: Check[] = [];
  switch (key.kind) {
    case 'no_answer':
      return [
        fix(
          'Heroku',
          explain(key.code) ??
            'Heroku does not answer. Check the network, HEROKU_API_URL and https://status.heroku.com',
        ),
      ];
    case 'not_herokus':
      return [
        fix(
          'Heroku',
          'Something other than Heroku answers, perhaps a proxy. Check HEROKU_API_URL, HTTPS_PROXY and what the proxy lets through.',
        ),
      ];
    case 'refused':
      checks.push(
        fix('Heroku key', 'Heroku does not accept it. Make a new one: heroku authorizations:create -s write-protected'),
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
          'Whether the key may set config vars can’t be checked without setting one. Its owner can look: heroku authorizations',
        ),
      );
  }
  if (apps.length === 0 && key.kind !== 'refused') {
    checks.push(note('Heroku apps', 'There is no promotion yet, so there is no app to check.'));
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
      'It can do everything its account can. Less is enough: heroku authorizations:create -s write-protected',
    );
  }
  if (scopes.includes('read-protected')) {
    return fix(
      'Heroku key',
      'It can read config vars but not set them, so promoting fails. Make a new one: heroku authorizations:create -s write-protected',
    );
  }
  return fix(
    'Heroku key',
    `Its scopes (${scopes.slice(0, 10).map(word).join(', ')}) don’t cover config vars. Make a new one: heroku authorizations:create -s write-protected`,
  );
}

/** `opens`: whether the configured key opens a stored secret; null without a valid key. */
export function databaseChecks(
  facts: DatabaseInspection,
  opens: ((secret: DatabaseInspection['sealedSecrets'][number]) => boolean) | null,
): readonly Check[] {
  const checks: Check[] = [
    facts.isReadOnly
      ? fix('database', `PostgreSQL ${word(facts.serverVersion)} is read-only here. Point DATABASE_URL at the primary.`)
      : ok('database', `PostgreSQL ${word(facts.serverVersion)} answers`),
    checkClock('the database', facts.clock, OFF_FROM_DATABASE),
    checkSchema(facts),
    ...findingChecks(facts),
  ];
  checks.push(...facts.promotions.oddities.map((says) => note('promotions', says)));
  if (facts.auditUnguarded) {
    checks.push(fix('audit log', 'A trigger that protects it is missing or off. Run: flag-promotions audit verify'));
  }
  return [...checks, checkOperators(facts.superadmins), ...checkSecrets(facts, opens)];
}

/** What `migrate` and `start` would refuse, in their words. */
function findingChecks({ findings, promotions, isReadOnly }: DatabaseInspection): readonly Check[] {
  const subject = (isOfPromotions: boolean) => (isOfPromotions ? 'promotions' : 'database rights');
  const found = findings.map(({ isOfPromotions, blocks, says }) =>
    (blocks ? fix : note)(subject(isOfPromotions), says),
  );
  const isFine = (isOfPromotions: boolean) =>
    !isReadOnly && !findings.some((finding) => finding.blocks && finding.isOfPromotions === isOfPromotions);
  if (promotions.problem !== null) found.push(fix('promotions', promotions.problem));
  else if (promotions.name !== null && isFine(true)) found.push(ok('promotions', `in ${word(promotions.name)}`));
  if (promotions.problem === null && isFine(false)) found.push(ok('database rights', 'all there'));
  return found;
}

export function poolerChecks(
  { isPooled, directUrl }: Pick<ReachedServer, 'isPooled' | 'directUrl'>,
  directIsSet: boolean,
): readonly Check[] {
  if (directUrl === null && directIsSet) {
    return [
      fix(
        'DATABASE_DIRECT_URL',
        'It leads to a pooler as well. Set it to the address of PostgreSQL itself, or unset it.',
      ),
    ];
  }
  if (!isPooled) return [];
  return directUrl === null
    ? [
        note(
          'pooler',
          'DATABASE_URL leads to a pooler, such as PgBouncer. The app looks for promotions every 5 s and isn’t notified. To change that, set DATABASE_DIRECT_URL to the address of PostgreSQL itself.',
        ),
      ]
    : [ok('pooler', 'DATABASE_URL leads to one; notifications and migrations go over DATABASE_DIRECT_URL')];
}

function checkSchema({ missingMigrations, unknownMigrations }: DatabaseInspection): Check {
  const subject = 'database schema';
  if (missingMigrations.length > 0) {
    return note(
      subject,
      `${counted(missingMigrations.length)} to run. The next start does, or: flag-promotions migrate`,
    );
  }
  return unknownMigrations.length === 0
    ? ok(subject, 'up to date')
    : note(
        subject,
        `From a newer version: ${counted(unknownMigrations.length)} ahead. Run the same version everywhere.`,
      );
}

function counted(migrations: number): string {
  return migrations === 1 ? '1 migration' : `${migrations} migrations`;
}

function checkOperators(superadmins: number): Check {
  if (superadmins === 0) {
    return fix(
      'superadmins',
      'There is none, so nobody can promote or resolve. Run: flag-promotions operators add U… --role superadmin',
    );
  }
  return superadmins === 1
    ? note(
        'superadmins',
        'There is only one. If they lose their device, a second one can reset them: flag-promotions operators add U… --role superadmin',
      )
    : ok('superadmins', `there are ${superadmins}`);
}

function checkSecrets(
  { sealedSecrets }: DatabaseInspection,
  opens: Parameters<typeof databaseChecks>[1],
): readonly Check[] {
  if (opens === null || sealedSecrets.length === 0) return [];
  const closed = sealedSecrets.filter((secret) => !opens(secret));
  if (closed.length === 0) return [ok('TOTP key', `opens all ${sealedSecrets.length} stored secrets`)];
  const whose = closed.slice(0, 10).map(({ slackUserId }) => word(slackUserId));
  return [
    fix(
      'TOTP key',
      `Opens ${sealedSecrets.length - closed.length} of ${sealedSecrets.length} stored secrets, not those of ${whose.join(', ')}. Set the former TOTP_ENCRYPTION_KEY again, or: flag-promotions operators reset <id>`,
    ),
  ];
}

/** A word from outside, made safe for a terminal: short, without control characters. */
function word(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} ._:@/-]/gu, '?').slice(0, 80);
}
