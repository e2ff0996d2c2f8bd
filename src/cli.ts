#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import * as z from 'zod';
import { clearHomeTab, maintainOnce, startApp } from './app.js';
import { askRole } from './ask-role.js';
import {
  ConfigError,
  type DatabaseConfig,
  EX_CONFIG,
  inspectSettings,
  readConfig,
  readDatabaseConfig,
  readOperatorsConfig,
} from './config.js';
import { COMMAND_LINE } from './db/audit.js';
import type { Database } from './db/database.js';
import { EmbeddedPostgresError } from './db/embedded-postgres.js';
import { isDetail } from './db/console/adopt.js';
import { describeAdopted } from './db/console/describe.js';
import { ConsoleTableError } from './db/console/refusal.js';
import { NoDatabaseError, OtherWorkspaceError } from './db/errors.js';
import { scriptOf } from './db/console/script.js';
import { migrate, rollBackAll, rollBackTo } from './db/migrate.js';
import { type DatabaseChoice, describeDatabase, openExisting, reachServer, withMigrationUrl } from './db/open.js';
import { ServerError } from './db/server/trouble.js';
import { judgeFor } from './db/usable.js';
import { runDoctor } from './doctor/doctor.js';
import { createLogger } from './log.js';
import { base32Problem, enrolmentUri, newSecret } from './operators/enrolment-secrets.js';
import { isOperator, type Role, ROLES } from './operators/operator.js';
import { createRecoveryHash, newRecoveryCodes } from './operators/recovery-codes.js';
import { createSecretBox } from './operators/secret-box.js';
import { SlackError } from './slack/errors.js';
import { describeOverdue } from './promotions/overdue.js';
import { realRuntime } from './runtime.js';

const out = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Only a command's answer goes to standard output: a program may read it. */
const quietLogger = () => createLogger('warn', process.stderr);

/** Enrols somebody, and shows secret and recovery codes here, this once. */
async function enrolHere(
  db: Database,
  key: Uint8Array,
  operator: { readonly slackUserId: string; readonly role: Role; readonly secret: string },
  options: { readonly json?: boolean },
): Promise<void> {
  const { slackUserId, role, secret } = operator;
  const recoveryCodes = newRecoveryCodes();
  const hash = createRecoveryHash(key);
  const existed = await db.operators.enrol(
    {
      slackUserId,
      role,
      sealedSecret: createSecretBox(key).seal(secret, slackUserId),
      recoveryCodeHashes: recoveryCodes.map((code) => hash(code, slackUserId)),
    },
    { actor: COMMAND_LINE, at: new Date() },
  );
  const uri = enrolmentUri(secret, slackUserId);
  if (options.json === true) {
    print(true, { slackUserId, role, uri, recoveryCodes, existed }, '');
    return;
  }
  out(`${existed ? 'Enrolled again' : 'Enrolled'}: ${slackUserId}, ${role}.`);
  if (role === 'engineer' && (await db.operators.superadmins()).length === 0) {
    out(`Nobody can promote or resolve yet. To change that: operators add ${slackUserId} --role superadmin`);
  }
  out('Scan this with an authenticator app. It is not shown again:');
  const { default: qrcode } = await import('qrcode');
  out(await qrcode.toString(uri, { type: 'terminal', small: true }));
  out(uri);
  out('Recovery codes: each replaces a code, once. They are not shown again:');
  for (const code of recoveryCodes) out(`  ${code}`);
}

const LAST_SUPERADMIN =
  'is the last superadmin. Without one, nobody can promote, resolve or enrol. Add another one first.';

async function refuseForLastSuperadmin(db: Database, slackUserId: string): Promise<void> {
  const left = await db.operators.superadmins();
  if (left.length === 1 && left[0]?.slackUserId === slackUserId) {
    throw new UsageError(`${slackUserId} ${LAST_SUPERADMIN}`);
  }
}

/** Something that the person at the keyboard can fix; printed without a stack. */
class UsageError extends Error {}

function print(json: boolean, value: unknown, text: string): void {
  out(json ? JSON.stringify(value) : text);
}

/** One line that a person sees change; nothing where none looks on. */
function progressOnTerminal(): { show(text: string): void; end(): void } {
  const EVERY_MS = 200;
  let shownAt = -Infinity;
  return {
    show(text) {
      if (!process.stderr.isTTY || performance.now() - shownAt < EVERY_MS) return;
      shownAt = performance.now();
      process.stderr.write(`\r\u001B[K${text}`);
    },
    end() {
      if (shownAt > -Infinity) process.stderr.write('\r\u001B[K');
    },
  };
}

/** Where a person looks on: each line once, however often it is said, and how far a step is in one that changes. */
function sayOnTerminal(): (line: string) => void {
  let last = '';
  return (line) => {
    if (line === last || !process.stderr.isTTY) return;
    last = line;
    process.stderr.write(`\r\u001B[K${line}${isDetail(line) ? '' : '\n'}`);
  };
}

/** On standard error, so that a program that reads the output doesn't get it. */
function sayWhichDatabase(choice: DatabaseChoice): void {
  process.stderr.write(`Database: ${describeDatabase(choice)}\n`);
}

async function withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const config = readDatabaseConfig(process.env);
  sayWhichDatabase(config.database);
  const database = await openExisting(config.database, quietLogger(), { console: config.console });
  try {
    return await work(database.db);
  } finally {
    await database.close();
  }
}

/** A variable that the environment sets wins over the file. */
function loadSettingsFile(): void {
  if (!existsSync('.env')) return;
  const early = process.env['NODE_EXTRA_CA_CERTS'];
  process.loadEnvFile('.env');
  process.stderr.write('Settings: .env, and the environment\n');
  if (process.env['NODE_EXTRA_CA_CERTS'] !== early) {
    process.stderr.write(
      'NODE_EXTRA_CA_CERTS has no effect in .env: Node reads it before. Set it in the environment.\n',
    );
  }
}

/** Of the package above this file, which runs from src or from dist/src. */
function version(): string {
  const files = ['../package.json', '../../package.json'].map((up) => new URL(up, import.meta.url));
  const file = files.find((one) => existsSync(one));
  return file === undefined
    ? 'unknown'
    : z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}

const program = new Command('flag-promotions')
  .description(
    'Finds stuck feature-flag promotions, alerts in Slack, and lets a superadmin resolve them.\nReads its settings from the environment and from .env in this folder.',
  )
  .version(version(), '-V, --version', 'print the version')
  .hook('preAction', loadSettingsFile)
  .showHelpAfterError();

program
  .command('start')
  .description('run the app until SIGTERM')
  .action(async () => {
    const config = readConfig(process.env);
    const log = createLogger(config.logLevel);
    const app = await startApp(config, realRuntime(log));
    const stop = (code: number): void => {
      app.stop().then(
        () => process.exit(code),
        (error: unknown) => {
          log.error({ err: error }, 'stopping failed');
          process.exit(1);
        },
      );
    };
    const stopOn = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'stopping');
      stop(0);
    };
    process.once('SIGTERM', stopOn);
    process.once('SIGINT', stopOn);
    void app.refused.then((error) => {
      log.fatal({ err: error }, 'stopping');
      process.stderr.write(`${error.message}\n`);
      stop(EX_CONFIG);
    });
  });

program
  .command('migrate')
  .description('create or update the schema (start does so too)')
  .option('--rollback', 'undo every migration; the console’s own table keeps its rows and columns')
  .option('--to <migration>', 'undo the migrations after this one')
  .option('--sql', 'print what others have to run for it (owners, a DBA), and change nothing')
  .option('--role <name>', 'the role that runs the app, if another one migrates: it gets its rights')
  .action(async (options: MigrateFlags) => {
    const config = readDatabaseConfig(process.env);
    sayWhichDatabase(config.database);
    const forward = options.to === undefined && options.rollback !== true && options.sql !== true;
    const database = await reachServer(config.database, forward, quietLogger());
    try {
      const asked = options.sql === true ? printed : migrateAsAsked;
      const lines = await withMigrationUrl(database, (url) => asked(url, options, config));
      for (const line of lines) out(line);
    } finally {
      await database.close();
    }
  });

interface MigrateFlags {
  readonly rollback?: boolean;
  readonly to?: string;
  readonly sql?: boolean;
  readonly role?: string;
}

/** Answers what there is to say of it. */
async function migrateAsAsked(
  url: string,
  { rollback, to, role = null }: Omit<MigrateFlags, 'role'> & { readonly role?: string | null },
  { console: settings }: DatabaseConfig,
): Promise<readonly string[]> {
  const say = sayOnTerminal();
  if (to !== undefined) {
    const names = await rollBackTo(url, to);
    return [names.length === 0 ? 'Nothing to undo.' : `Undone: ${names.toReversed().join(', ')}.`];
  }
  if (rollback === true) {
    const isAllGone = await rollBackAll(url, say);
    const left = 'The schema flag_promotions stays: it is another account’s, or holds something else.';
    return ['Every migration is undone.', ...(isAllGone ? [] : [left])];
  }
  const { promotions, notes } = await migrate(url, { console: settings, say, survey: true, role });
  return [...(promotions === null ? [] : describeAdopted(promotions)), ...notes, 'The schema is up to date.'];
}

/** What others have to run. */
async function printed(
  url: string,
  { role }: MigrateFlags,
  { database, console: settings }: DatabaseConfig,
): Promise<readonly string[]> {
  return scriptOf(await judgeFor(url, settings, role ?? null), describeDatabase(database));
}

program
  .command('maintenance')
  .description('check once, for an external scheduler (exit 1 if anything failed, or is overdue)')
  .option('--dry-run', 'print what it would do, and change nothing')
  .option('--json', 'print the report as JSON')
  .action(async (options: { dryRun?: boolean; json?: boolean }) => {
    const config = readConfig(process.env);
    sayWhichDatabase(config.database);
    const report = await maintainOnce(config, realRuntime(quietLogger()), { dryRun: options.dryRun === true });
    const { failures, ...rest } = report;
    const text = [
      `${report.deploying} deploying, ${report.stuck} stuck.`,
      ...report.actions.map((action) => `${options.dryRun === true ? 'would do' : 'did'}: ${JSON.stringify(action)}`),
      ...failures.map(({ action }) => `failed: ${JSON.stringify(action)}`),
      ...(report.overdue === null ? [] : [`${describeOverdue(report.overdue)}.`]),
    ].join('\n');
    print(options.json === true, { ...rest, failures: failures.map(({ action }) => action) }, text);
    if (failures.length > 0 || report.overdue !== null) process.exitCode = 1;
  });

program
  .command('doctor')
  .description('check the settings, Slack, Heroku, the database and the clock (exit 1 if something needs fixing)')
  .option('--json', 'print JSON')
  .action(async (options: { json?: boolean }) => {
    const { database } = inspectSettings(process.env).usable;
    if (database !== undefined) sayWhichDatabase(database);
    const checks = await runDoctor(process.env, () => new Date());
    const faults = checks.filter(({ status }) => status === 'fix').length;
    const width = Math.max(...checks.map(({ subject }) => subject.length));
    const text = [
      ...checks.map(({ subject, status, says }) => `${status.padEnd(4)}  ${subject.padEnd(width)}  ${says}`),
      faults === 0
        ? 'Nothing needs fixing.'
        : `${faults === 1 ? 'One thing needs' : `${faults} things need`} fixing: see “fix”, at the top.`,
    ].join('\n');
    print(options.json === true, { healthy: faults === 0, checks }, text);
    if (faults > 0) process.exitCode = 1;
  });

const operators = program.command('operators').description('who may do what');

operators
  .command('add')
  .argument('<slack-user-id>', 'U… or W…: “Copy member ID” in their Slack profile')
  .description('enrol an operator; somebody who is one gets a new secret')
  .option('--secret <base32>', 'use this TOTP secret instead of a new one')
  .option(
    '--role <role>',
    'engineer (marks, cancels, links RCAs, snoozes) or superadmin (also promotes and resolves). ' +
      'Default: the role they have; for a new operator a terminal asks, a script gets engineer',
  )
  .option('--json', 'print JSON')
  .action(async (slackUserId: string, options: { secret?: string; role?: string; json?: boolean }) => {
    const config = readOperatorsConfig(process.env);
    if (!/^[UW][A-Z0-9]{5,20}$/u.test(slackUserId)) {
      throw new UsageError(`${slackUserId} is not a Slack user id. An id begins with U or W; a name won’t do.`);
    }
    const asked = ROLES.find((name) => name === options.role);
    if (options.role !== undefined && asked === undefined) {
      throw new UsageError('--role is engineer or superadmin.');
    }
    const problem = options.secret === undefined ? null : base32Problem(options.secret);
    if (problem !== null) throw new UsageError(`--secret ${problem}`);
    await withDatabase(async (db) => {
      const role = asked ?? (await roleFor(db, slackUserId));
      if (role === 'engineer') await refuseForLastSuperadmin(db, slackUserId);
      await enrolHere(
        db,
        config.totpEncryptionKey,
        { slackUserId, role, secret: options.secret ?? newSecret() },
        options,
      );
    });
  });

/** Nobody loses a role by a new secret, and nobody gets the greater one unasked. */
async function roleFor(db: Database, slackUserId: string): Promise<Role> {
  const operator = await db.operators.find(slackUserId);
  if (isOperator(operator)) return operator.role;
  return process.stdin.isTTY && process.stderr.isTTY
    ? askRole({ input: process.stdin, output: process.stderr })
    : 'engineer';
}

operators
  .command('reset')
  .argument('<slack-user-id>')
  .description('give an operator a new secret and recovery codes; the old ones stop working at once')
  .option('--json', 'print JSON')
  .action(async (slackUserId: string, options: { json?: boolean }) => {
    const config = readOperatorsConfig(process.env);
    await withDatabase(async (db) => {
      const operator = await db.operators.find(slackUserId);
      if (operator === null) throw new UsageError(`There is no operator ${slackUserId}.`);
      const { role } = operator;
      await enrolHere(db, config.totpEncryptionKey, { slackUserId, role, secret: newSecret() }, options);
    });
  });

operators
  .command('list')
  .description('list the operators, with locks')
  .option('--json', 'print JSON')
  .action(async (options: { json?: boolean }) => {
    const rows = await withDatabase((db) => db.operators.list());
    const text = rows.map((row) => {
      const locked =
        row.lockedUntil !== null && row.lockedUntil > new Date()
          ? `, locked until ${row.lockedUntil.toISOString()}`
          : '';
      const disabled = row.disabledAt === null ? '' : `, disabled ${row.disabledAt.toISOString()}`;
      return `${row.slackUserId}  ${row.role}, ${row.recoveryCodes} recovery codes left${locked}${disabled}`;
    });
    print(options.json === true, rows, text.length === 0 ? 'There are no operators yet.' : text.join('\n'));
  });

operators
  .command('disable')
  .argument('<slack-user-id>')
  .description('take all rights from an operator, at once')
  .option('--force', 'even the last superadmin')
  .action(async (slackUserId: string, options: { force?: boolean }) => {
    const by = { actor: COMMAND_LINE, keepLast: options.force !== true };
    const outcome = await withDatabase((db) => db.operators.disable(slackUserId, new Date(), by));
    if (outcome === 'unknown') throw new UsageError(`There is no operator ${slackUserId}.`);
    if (outcome === 'last_superadmin') {
      throw new UsageError(`${slackUserId} ${LAST_SUPERADMIN} Or use --force.`);
    }
    out(`Disabled: ${slackUserId}.`);
  });

operators
  .command('forget')
  .argument('<slack-user-id>')
  .description('remove a person: role, secret, recovery codes, links, home tab (the audit log keeps the id)')
  .option('--force', 'even the last superadmin')
  .action(async (slackUserId: string, options: { force?: boolean }) => {
    await withDatabase(async (db) => {
      const by = { actor: COMMAND_LINE, at: await db.now() };
      const outcome = await db.forgetting.forget(slackUserId, by, { keepLast: options.force !== true });
      if (outcome === 'last_superadmin') throw new UsageError(`${slackUserId} ${LAST_SUPERADMIN} Or use --force.`);
      out(
        outcome === 'nothing'
          ? `Nothing is kept about ${slackUserId}, except what the audit log and the promotions may say.`
          : `Forgotten: ${slackUserId}. The audit log keeps the id, and so do the promotions that they worked on.`,
      );
      await clearTheirHomeTab(db, slackUserId);
    });
  });

/** What they last saw there stands in Slack, not in the database. */
async function clearTheirHomeTab(db: Database, slackUserId: string): Promise<void> {
  const { botToken, slackApiUrl: apiUrl, proxies } = inspectSettings(process.env).usable;
  try {
    if (botToken === undefined || apiUrl === undefined) throw new UsageError('SLACK_BOT_TOKEN is not set');
    await clearHomeTab(db, { botToken, apiUrl, proxies }, slackUserId);
    out('Their home tab in Slack is empty.');
  } catch (error) {
    const known = [UsageError, SlackError, OtherWorkspaceError].some((kind) => error instanceof kind);
    if (!known || !(error instanceof Error)) throw error;
    out(`Their home tab in Slack was not emptied: ${error.message}. Run this again where it can be.`);
  }
}

operators
  .command('unlock')
  .argument('<slack-user-id>')
  .description('clear the lock after wrong codes')
  .action(async (slackUserId: string) => {
    const by = { actor: COMMAND_LINE, at: new Date() };
    if (!(await withDatabase((db) => db.operators.unlock(slackUserId, by))))
      throw new UsageError(`There is no operator ${slackUserId}.`);
    out(`Unlocked: ${slackUserId}.`);
  });

program
  .command('workspace')
  .description('the Slack workspace that the database belongs to')
  .command('set')
  .argument('<team-id>', 'T… (or E…, if the app is installed for a whole organization): doctor prints it')
  .description('move the database to another workspace; open alerts are posted again there')
  .action(async (teamId: string) => {
    if (!/^[TE][A-Z0-9]{5,20}$/u.test(teamId)) {
      throw new UsageError(`${teamId} is not a Slack workspace’s id. An id begins with T or E; a name won’t do.`);
    }
    const by = { actor: COMMAND_LINE, at: new Date() };
    const from = await withDatabase((db) => db.installation.moveWorkspace(teamId, by));
    if (from === teamId) out(`This database belongs to ${teamId} already.`);
    else out(`Moved: ${from ?? 'no workspace'} → ${teamId}. Apps of ${from ?? 'others'} stop within one check.`);
  });

program
  .command('audit')
  .description('the audit log')
  .command('verify')
  .description('verify the audit log (exit 1 and the first bad event if it is broken)')
  .option('--json', 'print JSON')
  .action(async (options: { json?: boolean }) => {
    const progress = progressOnTerminal();
    const verdict = await withDatabase((db) =>
      db.audit.verify((verified, events) =>
        progress.show(`${verified.toLocaleString('en-US')} of ${events.toLocaleString('en-US')} events`),
      ),
    );
    progress.end();
    const text = verdict.intact
      ? `The audit log is intact: ${verdict.events} events, head ${verdict.headHash}.`
      : `The audit log is broken at event ${verdict.firstBrokenId}: ${verdict.reason}. ${verdict.events} events before it are intact.`;
    print(options.json === true, verdict, text);
    if (!verdict.intact) process.exitCode = 1;
  });

/** Their message says how to fix them; a stack would only hide it. */
const KNOWN = [
  ConfigError,
  UsageError,
  NoDatabaseError,
  OtherWorkspaceError,
  ConsoleTableError,
  EmbeddedPostgresError,
  ServerError,
];
const FOR_A_PERSON = [ConfigError, NoDatabaseError, OtherWorkspaceError, ConsoleTableError];

/** A supervisor need not try again what only a person can set right. */
function needsAPerson(error: unknown): boolean {
  if (error instanceof ServerError) return error.trouble.mayPass !== true;
  return FOR_A_PERSON.some((kind) => error instanceof kind);
}

try {
  await program.parseAsync();
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const known = error instanceof Error && KNOWN.some((kind) => error instanceof kind);
  process.stderr.write(`${known ? error.message : text}\n`);
  process.exitCode = needsAPerson(error) ? EX_CONFIG : 1;
}
