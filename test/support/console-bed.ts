import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/workspace.js';
import { startApp } from '../../src/app.js';
import { failureOf } from '../../src/cli/failure.js';
import { type MigrateOptions, runMigrate } from '../../src/cli/migrate.js';
import { readConfig, readDatabaseConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { realRuntime } from '../../src/runtime.js';
import { builtApp } from './built-app.js';
import { createEmptyDatabase, onTestServer, sessionPool, type TestDatabase } from './database.js';

/**
 * A database as a company may have it: an owner of the console's table, an account for the app, and the built app on
 * it.
 */
export interface ConsoleBed {
  readonly slack: SlackStandIn;
  environment(database: ConsoleDatabase): Readonly<Record<string, string>>;
  /** One of the app's programs: its output and exit. */
  run(database: ConsoleDatabase, ...args: readonly string[]): Promise<Ended>;
  /** As processes of their own, as people run them. */
  readonly spawned: Programs;
  /** What they do, in this process: a process of Node starts in half a second. */
  readonly here: Programs;
  database(options?: ConsoleDatabaseOptions): Promise<ConsoleDatabase>;
  close(): Promise<void>;
}

interface ConsoleDatabaseOptions {
  readonly encoding?: string;
  readonly locale?: string;
  /** Whether it has no session but those in use: for what depends on their number. */
  readonly keepsNoSession?: boolean;
}

export interface Programs {
  migrate(database: ConsoleDatabase, options?: MigrateOptions): Promise<Ended>;
  /** Resolves once the app is up or has ended. */
  start(database: ConsoleDatabase): Promise<Started>;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

interface Started {
  /** null while it runs. */
  readonly ended: Ended | null;
  stop(): Promise<unknown>;
}

export interface ConsoleDatabase {
  readonly name: string;
  /** Owns the console's table; may create schemas, and objects in `public`. */
  readonly owner: string;
  /** Another account, which may only create schemas. */
  readonly app: string;
  /** A third one, without any rights of its own. */
  readonly runner: string;
  /** The app's account; the owner, until it is set. */
  role: string;
  readonly settings: Record<string, string>;
  url(role: string): string;
  /** As a superuser: one statement, or several in one transaction. */
  admin(sql: string): Promise<pg.QueryResult>;
  /** A superuser's session; the caller ends it. */
  session(): Promise<pg.Client>;
  /** One after the other in one session, as psql does; by default as a superuser. */
  script(statements: readonly string[], role?: string): Promise<void>;
  as(role: string, sql: string): Promise<pg.QueryResult>;
  drop(): Promise<void>;
}

const SILENT = createLogger('silent');
const PASSWORD = 'console-bed';
const UP_WITHIN_MS = 30_000;

export async function startConsoleBed(): Promise<ConsoleBed> {
  const cli = await builtApp();
  const folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-console-'));
  const slack = await startSlackStandIn({ rateLimit: false });
  const children = new Set<ChildProcess>();

  const environment = (database: ConsoleDatabase) => ({
    DATABASE_URL: database.url(database.role),
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ALERT_CHANNEL: slack.channels.alerts,
    TOTP_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
    MAINTENANCE_CRON: '0 0 1 1 *',
    PORT: '0',
    ...database.settings,
  });

  function launch(database: ConsoleDatabase, args: readonly string[]) {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...environment(database) },
    });
    children.add(child);
    const said = { output: '', errors: '' };
    const ended = new Promise<Ended>((resolve) => {
      child.on('close', (code) => {
        children.delete(child);
        resolve({ code, ...said });
      });
    });
    const isUp = new Promise<boolean>((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said.output += text;
        if (said.output.includes('flag-promotions is up')) resolve(true);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said.errors += text;
      });
      void ended.then(() => resolve(false));
    });
    return { child, ended, isUp };
  }

  const run: ConsoleBed['run'] = (database, ...args) => launch(database, args).ended;

  const spawned: Programs = {
    migrate: (database, { sql = false } = {}) => run(database, 'migrate', ...(sql ? ['--sql'] : [])),
    async start(database) {
      const { child, ended, isUp } = launch(database, ['start']);
      const timer = setTimeout(() => child.kill('SIGKILL'), UP_WITHIN_MS);
      const up = await isUp;
      clearTimeout(timer);
      return {
        ended: up ? null : await ended,
        stop() {
          child.kill('SIGKILL');
          return ended;
        },
      };
    },
  };

  const here: Programs = {
    async migrate(database, options = {}) {
      try {
        const around = { say: () => undefined, log: SILENT };
        const lines = await runMigrate(readDatabaseConfig(environment(database)), options, around);
        return { code: 0, output: lines.map((line) => `${line}\n`).join(''), errors: '' };
      } catch (error) {
        return endedBy(error);
      }
    },
    async start(database) {
      try {
        const app = await startApp(readConfig(environment(database)), realRuntime(SILENT));
        return { ended: null, stop: () => app.stop() };
      } catch (error) {
        return { ended: endedBy(error), stop: async () => undefined };
      }
    },
  };

  return {
    slack,
    environment,
    run,
    spawned,
    here,
    database: (options) => createConsoleDatabase(options),
    async close() {
      for (const child of children) child.kill('SIGKILL');
      await slack.close();
      await rm(folder, { recursive: true });
    },
  };
}

function endedBy(error: unknown): Ended {
  const { text, exitCode } = failureOf(error);
  return { code: exitCode, output: '', errors: `${text}\n` };
}

async function query(url: string, ...statements: readonly string[]): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let last: pg.QueryResult | undefined;
    for (const statement of statements) {
      const found: pg.QueryResult | pg.QueryResult[] = await client.query(statement);
      last = Array.isArray(found) ? found[found.length - 1] : found;
    }
    if (last === undefined) throw new Error('There was nothing to run.');
    return last;
  } finally {
    await client.end();
  }
}

async function createConsoleDatabase(options: ConsoleDatabaseOptions = {}): Promise<ConsoleDatabase> {
  const database: TestDatabase = await createEmptyDatabase(options);
  const ownUrl = options.keepsNoSession === true ? database.url : (await sessionPool()).urlOf(database.url);
  const suffix = randomBytes(4).toString('hex');
  const [owner, app, runner] = [`console_${suffix}`, `app_${suffix}`, `runner_${suffix}`];
  const admin = (sql: string) => query(ownUrl, sql);
  const url = (role: string): string => {
    const address = new URL(ownUrl);
    address.username = role;
    address.password = PASSWORD;
    return address.href;
  };
  const name = new URL(database.url).pathname.slice(1);
  await admin(
    `${[owner, app, runner].map((role) => `create role ${role} login password '${PASSWORD}';`).join(' ')}
     grant create on database ${name} to ${owner}, ${app};
     revoke create on schema public from public;
     grant usage, create on schema public to ${owner};`,
  );
  return {
    name,
    owner,
    app,
    runner,
    role: owner,
    settings: {},
    url,
    admin,
    async session() {
      const client = new pg.Client({ connectionString: ownUrl });
      await client.connect();
      return client;
    },
    async script(statements, role) {
      await query(role === undefined ? ownUrl : url(role), ...statements);
    },
    as: (role, sql) => query(url(role), sql),
    async drop() {
      await database.drop();
      const roles = await onTestServer(`select rolname from pg_roles where rolname ~ '_${suffix}$'`);
      await onTestServer(`drop role ${roles.rows.map(({ rolname }) => rolname).join(', ')}`);
    },
  };
}
