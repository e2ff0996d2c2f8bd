#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import * as z from 'zod';
import { askRole } from './ask-role.js';
import { type Write, writeFile, writeToStdout } from './cli/export.js';
import { failureOf, UsageError } from './cli/failure.js';
import { type MigrateOptions, runMigrate } from './cli/migrate.js';
import { addPromotionCommands } from './cli/promotions.js';
import { loadSettingsFile } from './cli/settings-file.js';
import { endOnSignals } from './cli/signals.js';
import { slackUserIdOf } from './cli/slack-id.js';
import {
  ConfigError,
  EX_CONFIG,
  inspectSettings,
  readCommandConfig,
  type OperatorsConfig,
  readConfig,
  readDatabaseConfig,
  readDecisionConfig,
  readOperatorsConfig,
} from './config.js';
import { debugFaults } from './debug-output.js';
import { COMMAND_LINE } from './db/audit.js';
import type { AuditVerdict, ExpectedSeal } from './db/audit-verify.js';
import type { Database } from './db/database.js';
import { isDetail } from './db/console/adopt.js';
import { OtherWorkspaceError } from './db/errors.js';
import { type DatabaseChoice, describeDatabase, openExisting } from './db/open.js';
import { createLogger } from './log.js';
import { sealNow } from './jobs/seal-now.js';
import { auditKeysOf } from './keys.js';
import { base32Problem, enrolmentUri, newSecret } from './operators/enrolment-secrets.js';
import { isOperator, type Role, ROLES } from './operators/operator.js';
import { createRecoveryHash, newRecoveryCodes } from './operators/recovery-codes.js';
import { createResealer } from './operators/resealer.js';
import { createSecretBox, findKeyTrouble, WrongKeyError } from './operators/secret-box.js';
import { SlackError } from './slack/errors.js';
import { describeOverdue } from './promotions/overdue.js';
import { realRuntime } from './runtime.js';
import { readSecretLine } from './typed-secret.js';
import { withTimeout } from './with-timeout.js';

const out = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Most of the code to load: commands that don't need it start in two thirds of the time. */
const loadApp = () => import('./app.js');

/** Only a command's answer goes to standard output: a program may read it. */
const quietLogger = () => createLogger('warn', process.stderr);

/** Enrols a person, and shows their secret and recovery codes this once. */
async function enrolHere(
  db: Database,
  keys: OperatorsConfig,
  operator: { readonly slackUserId: string; readonly role: Role; readonly secret: string },
  options: { readonly json?: boolean },
): Promise<void> {
  const { slackUserId, role, secret } = operator;
  const recoveryCodes = newRecoveryCodes();
  const hash = createRecoveryHash(keys.totpEncryptionKey);
  await warnOfWrongKey(db, keys, slackUserId);
  const outcome = await db.operators.enrol(
    {
      slackUserId,
      role,
      sealedSecret: createSecretBox(keys.totpEncryptionKey).seal(secret, slackUserId),
      recoveryCodeHashes: recoveryCodes.map((code) => hash.ofNew(code, slackUserId)),
    },
    { actor: COMMAND_LINE, at: new Date() },
  );
  if (outcome === 'last_superadmin') throw new UsageError(`${slackUserId} ${LAST_SUPERADMIN}`);
  const existed = outcome === 'again';
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

/**
 * Only warns: whoever lost the key enrols everybody again with a new one. `but`: the person whose secret is being
 * replaced.
 */
async function warnOfWrongKey(db: Database, keys: OperatorsConfig, but: string): Promise<void> {
  const others = (await db.operators.sealedSecrets()).filter(({ slackUserId }) => slackUserId !== but);
  const trouble = findKeyTrouble(createSecretBox(keys.totpEncryptionKey, ...keys.formerTotpKeys), others);
  if (trouble !== null) process.stderr.write(`${new WrongKeyError(trouble).message}\n`);
}

function print(json: boolean, value: unknown, text: string): void {
  out(json ? JSON.stringify(value) : text);
}

/** One line that changes in place; nothing if output isn't a terminal. */
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

/** On a terminal: prints each line once, however often it is said, and shows a step's progress in place. */
function sayOnTerminal(): (line: string) => void {
  let last = '';
  return (line) => {
    if (line === last || !process.stderr.isTTY) return;
    last = line;
    process.stderr.write(`\r\u001B[K${line}${isDetail(line) ? '' : '\n'}`);
  };
}

/** On standard error, to keep it out of what a program reads. */
function sayWhichDatabase(choice: DatabaseChoice): void {
  process.stderr.write(`Database: ${describeDatabase(choice)}\n`);
}

/** To read. The keys are there if TOTP_ENCRYPTION_KEY is. */
async function withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const hasKeys = (process.env['TOTP_ENCRYPTION_KEY'] ?? '').trim() !== '';
  const config = readDatabaseConfig(process.env);
  const auditKeys = hasKeys ? auditKeysOf(readOperatorsConfig(process.env)) : null;
  sayWhichDatabase(config.database);
  const database = await openExisting(config.database, quietLogger(), { console: config.console, auditKeys });
  try {
    return await work(database.db);
  } finally {
    await database.close();
  }
}

/** To write. Needs the key, because each audit event is authenticated with it. */
async function changingDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const config = readOperatorsConfig(process.env);
  sayWhichDatabase(config.database);
  const log = quietLogger();
  const auditKeys = auditKeysOf(config);
  const database = await openExisting(config.database, log, { console: config.console, auditKeys });
  try {
    const answer = await work(database.db);
    await sealNow(database.db, realRuntime(log)).catch((error: unknown) =>
      log.warn({ err: error }, 'the audit log could not be sealed; the app tries again'),
    );
    return answer;
  } finally {
    await database.close();
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
  .hook('preAction', (_program, command) => {
    endOnSignals(command.name() === 'start' ? 0 : undefined);
    // The demo has its own settings.
    if (command.name() !== 'demo') loadSettingsFile(process.env);
  })
  .showHelpAfterError();

program
  .command('start')
  .description('run the app until SIGTERM')
  .action(async () => {
    const loud = debugFaults(process.env);
    if (loud.length > 0) throw new ConfigError(loud);
    const config = readConfig(process.env);
    const log = createLogger(config.logLevel);
    const app = await (await loadApp()).startApp(config, realRuntime(log));
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
  .action(async (options: MigrateOptions) => {
    const config = readDatabaseConfig(process.env);
    sayWhichDatabase(config.database);
    for (const line of await runMigrate(config, options, { say: sayOnTerminal(), log: quietLogger() })) out(line);
  });

/** The package has it; a deployment doesn't. */
const DEMO = new URL('./demo.js', import.meta.url);

program
  .command('demo')
  .description('open a workspace in the browser to try the app in; it needs no Slack, Heroku or PostgreSQL')
  .option('--socket', 'reach the app by Socket Mode')
  .option('--port <port>', 'the page’s port; any that is free by default')
  .option('--log', 'print the app’s log')
  .action(async () => {
    if (!existsSync(DEMO)) throw new UsageError('This build has no demo. In a clone: npm ci && npm run demo');
    await import(DEMO.href);
  });

program
  .command('maintenance')
  .description('check once, for an external scheduler (exit 1 if anything failed, or is overdue)')
  .option('--dry-run', 'print what it would do, and change nothing')
  .option('--json', 'print the report as JSON')
  .action(async (options: { dryRun?: boolean; json?: boolean }) => {
    const config = readConfig(process.env);
    sayWhichDatabase(config.database);
    const report = await (await loadApp()).maintainOnce(config, realRuntime(quietLogger()), {
      dryRun: options.dryRun === true,
    });
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
  .option('--page', 'send a test to the pager and to the webhook, too')
  .option('--json', 'print JSON')
  .action(async (options: { json?: boolean; page?: boolean }) => {
    const { database } = inspectSettings(process.env).usable;
    if (database !== undefined) sayWhichDatabase(database);
    const { runDoctor } = await import('./doctor/doctor.js');
    const checks = await runDoctor(process.env, () => new Date(), { page: options.page === true });
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

/** What a person reads already says whether Heroku answered. */
const silentLogger = () => createLogger('fatal', process.stderr);

addPromotionCommands(program, {
  async look(work) {
    const config = readCommandConfig(process.env);
    sayWhichDatabase(config.database);
    return (await loadApp()).withCommandLine(config, realRuntime(silentLogger()), work);
  },
  async decide(work) {
    const config = readDecisionConfig(process.env);
    sayWhichDatabase(config.database);
    return (await loadApp()).withDecidingCommandLine(config, realRuntime(silentLogger()), work);
  },
  async drill(work) {
    const config = readConfig(process.env);
    sayWhichDatabase(config.database);
    return (await loadApp()).withDrillHost(config, realRuntime(silentLogger()), work);
  },
});

const operators = program.command('operators').description('who may do what');

operators
  .command('add')
  .argument('<slack-user-id>', 'U… or W…: “Copy member ID” in their Slack profile', slackUserIdOf)
  .description('enrol an operator; somebody who is one gets a new secret')
  .option('--secret <->', 'with - : use the TOTP secret (base32) on standard input instead of a new one')
  .option(
    '--role <role>',
    'engineer (marks, cancels, links RCAs, snoozes) or superadmin (also promotes and resolves). ' +
      'Default: the role they have; for a new operator a terminal asks, a script gets engineer',
  )
  .option('--json', 'print JSON')
  .action(async (slackUserId: string, options: { secret?: string; role?: string; json?: boolean }) => {
    const config = readOperatorsConfig(process.env);
    const asked = ROLES.find((name) => name === options.role);
    if (options.role !== undefined && asked === undefined) {
      throw new UsageError('--role is engineer or superadmin.');
    }
    if (options.secret !== undefined && options.secret !== '-') throw new UsageError(SECRET_IN_ARGV);
    if (options.secret === '-' && process.stdin.isTTY) process.stderr.write('TOTP secret (base32), then Enter: ');
    const secret = options.secret === undefined ? newSecret() : await readSecretLine(process.stdin);
    const problem = base32Problem(secret);
    if (problem !== null) throw new UsageError(`The secret on standard input ${problem}`);
    await changingDatabase(async (db) => {
      await refuseOutsiders(db, slackUserId);
      const role = asked ?? (await roleFor(db, slackUserId));
      await enrolHere(db, config, { slackUserId, role, secret }, options);
    });
  });

const NO_OPERATOR = {
  guest: 'is a guest in Slack. Only full members can be operators.',
  bot: 'is a bot. Only people can be operators.',
  external_user: 'belongs to another workspace than the app’s.',
  deactivated: 'has a deactivated account in Slack.',
} as const;

/** Passes if Slack can't be asked: the first superadmin may be added before Slack is set up. */
async function refuseOutsiders(db: Database, slackUserId: string): Promise<void> {
  const { botToken, slackApiUrl: apiUrl, proxies } = inspectSettings(process.env).usable;
  if (botToken === undefined || apiUrl === undefined) return;
  const asked = (await loadApp()).membershipInSlack(db, { botToken, apiUrl, proxies }, slackUserId).catch(() => null);
  const membership = await withTimeout(SLACK_WITHIN_MS, asked);
  if (membership === null) {
    process.stderr.write(
      `Slack didn’t say who ${slackUserId} is. A guest or an external user is refused at the first click.\n`,
    );
    return;
  }
  if (membership === 'member' || membership === 'unknown') return;
  throw new UsageError(`${slackUserId} ${NO_OPERATOR[membership]}`);
}

const SLACK_WITHIN_MS = 5_000;

const SECRET_IN_ARGV =
  '--secret takes no secret on the command line: other users of this machine, and its history, would see it. Pipe it in: … | flag-promotions operators add U… --secret -';

/** A new secret takes no role away, and nobody gets the greater role unasked. */
async function roleFor(db: Database, slackUserId: string): Promise<Role> {
  const operator = await db.operators.find(slackUserId);
  if (isOperator(operator)) return operator.role;
  return process.stdin.isTTY && process.stderr.isTTY
    ? askRole({ input: process.stdin, output: process.stderr })
    : 'engineer';
}

operators
  .command('reset')
  .argument('<slack-user-id>', 'U… or W…', slackUserIdOf)
  .description('give an operator a new secret and recovery codes; the old ones stop working at once')
  .option('--json', 'print JSON')
  .action(async (slackUserId: string, options: { json?: boolean }) => {
    const config = readOperatorsConfig(process.env);
    await changingDatabase(async (db) => {
      const operator = await db.operators.find(slackUserId);
      if (operator === null) throw new UsageError(`There is no operator ${slackUserId}.`);
      const { role } = operator;
      await enrolHere(db, config, { slackUserId, role, secret: newSecret() }, options);
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
      return `${row.slackUserId}  ${row.role}, ${row.recoveryCodes} recovery ${row.recoveryCodes === 1 ? 'code' : 'codes'} left${locked}${disabled}`;
    });
    print(options.json === true, rows, text.length === 0 ? 'There are no operators yet.' : text.join('\n'));
  });

operators
  .command('disable')
  .argument('<slack-user-id>', 'U… or W…', slackUserIdOf)
  .description('take away all of an operator’s rights, at once')
  .option('--force', 'even the last superadmin')
  .action(async (slackUserId: string, options: { force?: boolean }) => {
    const by = { actor: COMMAND_LINE, keepLast: options.force !== true };
    const outcome = await changingDatabase((db) => db.operators.disable(slackUserId, new Date(), by));
    if (outcome === 'unknown') throw new UsageError(`There is no operator ${slackUserId}.`);
    if (outcome === 'last_superadmin') {
      throw new UsageError(`${slackUserId} ${LAST_SUPERADMIN} Or use --force.`);
    }
    out(`Disabled: ${slackUserId}.`);
  });

operators
  .command('forget')
  .argument('<slack-user-id>', 'U… or W…', slackUserIdOf)
  .description('remove a person: role, secret, recovery codes, links, home tab (the audit log keeps the id)')
  .option('--force', 'even the last superadmin')
  .action(async (slackUserId: string, options: { force?: boolean }) => {
    await changingDatabase(async (db) => {
      const by = { actor: COMMAND_LINE, at: await db.now() };
      const outcome = await db.forgetting.forget(slackUserId, by, { keepLast: options.force !== true });
      if (outcome === 'last_superadmin') throw new UsageError(`${slackUserId} ${LAST_SUPERADMIN} Or use --force.`);
      if (outcome === 'never_still') {
        throw new UsageError(
          `${slackUserId} acknowledges or snoozes alerts all the time. Nothing was changed. First run: flag-promotions operators disable ${slackUserId}`,
        );
      }
      out(
        outcome === 'nothing'
          ? `Nothing is kept about ${slackUserId}, except what the audit log and the promotions may say.`
          : `Forgotten: ${slackUserId}. The audit log keeps the id, and so do the promotions that they worked on.`,
      );
      await clearTheirHomeTab(db, slackUserId);
    });
  });

/** What they last saw there is kept by Slack, not by the database. */
async function clearTheirHomeTab(db: Database, slackUserId: string): Promise<void> {
  const { botToken, slackApiUrl: apiUrl, proxies } = inspectSettings(process.env).usable;
  try {
    if (botToken === undefined || apiUrl === undefined) throw new UsageError('SLACK_BOT_TOKEN is not set');
    await (await loadApp()).clearHomeTab(db, { botToken, apiUrl, proxies }, slackUserId);
    out('Their home tab in Slack is empty.');
  } catch (error) {
    const known = [UsageError, SlackError, OtherWorkspaceError].some((kind) => error instanceof kind);
    if (!known || !(error instanceof Error)) throw error;
    out(`Their home tab in Slack was not emptied: ${error.message}. Run this again once that works.`);
  }
}

operators
  .command('unlock')
  .argument('<slack-user-id>', 'U… or W…', slackUserIdOf)
  .description('clear the lock after wrong codes')
  .action(async (slackUserId: string) => {
    const by = { actor: COMMAND_LINE, at: new Date() };
    if (!(await changingDatabase((db) => db.operators.unlock(slackUserId, by))))
      throw new UsageError(`There is no operator ${slackUserId}.`);
    out(`Unlocked: ${slackUserId}.`);
  });

operators
  .command('reseal')
  .description('seal all secrets with the first key of TOTP_ENCRYPTION_KEY (exit 1 if one fits none of its keys)')
  .option('--json', 'print JSON')
  .action(async (options: { json?: boolean }) => {
    const { totpEncryptionKey, formerTotpKeys } = readOperatorsConfig(process.env);
    const box = createSecretBox(totpEncryptionKey, ...formerTotpKeys);
    const resealer = createResealer(box, createRecoveryHash(totpEncryptionKey, ...formerTotpKeys));
    const by = { actor: COMMAND_LINE, at: new Date() };
    const { operators, values, pages } = await changingDatabase(async (db) => ({
      operators: await db.resealing.reseal(resealer, by),
      values: await db.resealing.resealValues(resealer, by),
      pages: await db.resealing.resealPages(resealer, by),
    }));
    const shut = operators.filter(({ secret }) => secret === 'shut');
    const former = operators.filter(({ formerCodes }) => formerCodes !== null);
    const text = [
      `Sealed with the key ${box.sealsWith}: ${operators.length - shut.length} of ${operators.length} secrets, ${operators.filter(({ secret }) => secret === 'resealed').length} of them now.`,
      ...(values.resealed === 0 ? [] : [`Sealed previous values: ${values.resealed} now.`]),
      ...(values.shut === 0
        ? []
        : [`None of the keys opens ${values.shut} sealed previous values. Add their key, or revert those by hand.`]),
      ...(pages.resealed === 0 ? [] : [`Routing keys of open pages: ${pages.resealed} now.`]),
      ...(pages.shut === 0
        ? []
        : [
            `None of the keys opens the routing keys of ${pages.shut} open pages. Add their key, or resolve those in PagerDuty.`,
          ]),
      ...shut.map(
        ({ slackUserId }) =>
          `${slackUserId}: none of the keys opens the secret. Add its key, or: flag-promotions operators reset ${slackUserId}`,
      ),
      ...former.map(
        ({ slackUserId, formerCodes }) =>
          `${slackUserId}: ${formerCodes?.left} recovery codes are of the former key ${formerCodes?.keyId} and stop working without it. For new ones: /flag-promotions operators rotate`,
      ),
      shut.length + former.length + values.shut + pages.shut === 0
        ? 'The former keys are no longer needed.'
        : 'Keep the former keys until then, and run this again.',
    ];
    print(options.json === true, { key: box.sealsWith, operators, values, pages }, text.join('\n'));
    if (shut.length + values.shut + pages.shut > 0) process.exitCode = 1;
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
    const from = await changingDatabase((db) => db.installation.moveWorkspace(teamId, by));
    if (from === teamId) out(`This database belongs to ${teamId} already.`);
    else out(`Moved: ${from ?? 'no workspace'} → ${teamId}. Apps of ${from ?? 'others'} stop within one check.`);
  });

const audit = program.command('audit').description('the audit log');

audit
  .command('verify')
  .description('verify the audit log (exit 1 and the first bad event if it is broken)')
  .option('--expect <number:hash>', 'a seal that was kept elsewhere, its hash whole or in part')
  .option('--public-key <key>', 'who may have signed, beside TOTP_ENCRYPTION_KEY; several with commas')
  .option('--json', 'print JSON')
  .action(async (options: { expect?: string; publicKey?: string; json?: boolean }) => {
    const expect = options.expect === undefined ? null : expectedSeal(options.expect);
    const publicKeys = options.publicKey?.split(',').map((key) => key.trim()) ?? [];
    const progress = progressOnTerminal();
    const onProgress = (verified: number, events: number) =>
      progress.show(`${verified.toLocaleString('en-US')} of ${events.toLocaleString('en-US')} events`);
    const { verdict, isKeyKnown } = await withDatabase(async (db) => ({
      verdict: await db.audit.verify({ expect, publicKeys, onProgress }),
      isKeyKnown: db.seals.keys !== null || publicKeys.length > 0,
    }));
    progress.end();
    print(options.json === true, verdict, verdictText(verdict, isKeyKnown));
    if (!verdict.intact) process.exitCode = 1;
  });

function expectedSeal(text: string): ExpectedSeal {
  const [, number, hash] = /^(\d{1,18}):([\da-f]{4,64})$/iu.exec(text.trim()) ?? [];
  if (number === undefined || hash === undefined) {
    throw new UsageError('--expect is the number and hash of a seal, such as 57:1f0c2ab94d3e.');
  }
  return { number, hash: hash.toLowerCase() };
}

function verdictText(verdict: AuditVerdict, isKeyKnown: boolean): string {
  const { events, unsealed, seal } = verdict;
  const newest = seal === null ? 'There is no seal yet.' : `Newest seal: ${seal.number}:${seal.hash}`;
  const waiting = unsealed === 0 ? 'all sealed' : `${unsealed} not sealed yet`;
  if (verdict.intact) {
    const unknown = 'TOTP_ENCRYPTION_KEY is not set, so nobody knows whether the seals are this app’s.';
    return [`The audit log is intact: ${events} events, ${waiting}.`, newest, ...(isKeyKnown ? [] : [unknown])].join(
      '\n',
    );
  }
  const { firstBrokenId, reason, faults } = verdict;
  return [
    `The audit log is broken at event ${firstBrokenId}: ${reason}. ${events} events before it are intact.`,
    ...faults.slice(1).map((fault) => `Also at event ${fault.id}: ${fault.reason}.`),
    `${unsealed} events are not sealed yet. ${newest}`,
  ].join('\n');
}

audit
  .command('public-key')
  .description('print the public key that verifies the seals')
  .action(() => out(auditKeysOf(readOperatorsConfig(process.env)).publicKey));

audit
  .command('export')
  .description('write the audit log to a file, which scripts/verify-audit-export.mjs verifies without the database')
  .requiredOption('--out <file>', 'where to; - is standard output')
  .action(async ({ out: file }: { out: string }) => {
    const exportTo = (write: Write) => withDatabase((db) => db.audit.export(write));
    if (file === '-') {
      await writeToStdout(exportTo);
      return;
    }
    const exported = await writeFile(file, exportTo);
    out(`Exported ${exported.events} events and ${exported.seals} seals to ${file}.`);
  });

audit
  .command('continue')
  .description('go on after seals whose TOTP_ENCRYPTION_KEY is lost (verify first: this vouches for what is there)')
  .action(async () => {
    const config = readOperatorsConfig(process.env);
    sayWhichDatabase(config.database);
    const log = quietLogger();
    const database = await openExisting(config.database, log, {
      console: config.console,
      auditKeys: auditKeysOf(config),
    });
    try {
      await sealNow(database.db, realRuntime(log), { takesAnyKey: true });
      out('The audit log is sealed with the present key.');
    } finally {
      await database.close();
    }
  });

try {
  await program.parseAsync();
} catch (error) {
  const { text, exitCode } = failureOf(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}
