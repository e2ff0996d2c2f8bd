import { randomInt } from 'node:crypto';
import * as z from 'zod';
import pg from 'pg';
import { codeOf, messageOf } from '../embedded/errors.js';
import type { PrimaryClient } from '../primary-client.js';
import { parseRows } from '../rows.js';
import { faultOfPooledPath } from '../session-path.js';
import { parseAddress, type ServerAddress } from './address.js';
import { CONNECT_ONCE_WITHIN_MS, dialerOf } from './dial.js';
import { LIMIT_REACHED } from './limits.js';
import { ServerError, serverError, TLS_REQUIRED, type UrlSetting } from './trouble.js';

export interface ServerFacts {
  /** Such as `15.18`. */
  readonly version: string;
  /** Such as PgBouncer. */
  readonly isPooled: boolean;
}

/** As server_version_num. */
const OLDEST = 130_000;
const LOOKING = { applicationName: 'flag-promotions', acceptsStandby: true, connectWithinMs: CONNECT_ONCE_WITHIN_MS };

/**
 * Connects and checks that the app can work there. A standby is no fault here: it may be promoted.
 * @throws ServerError
 */
export async function lookAtServer(url: string, setting: UrlSetting): Promise<ServerFacts> {
  const address = parseAddress(url);
  const began = performance.now();
  try {
    return await withClient(address, async (client) => {
      const version = versionOf(client.serverVersion);
      if (client.serverVersion < OLDEST) {
        const says = `This is PostgreSQL ${version}, and the app needs 13 or newer. Upgrade the server, or use another one.`;
        throw new ServerError(setting, { kind: 'too_old', says });
      }
      const account = await readAccount(client);
      requireTime(account, setting);
      if (client.isPooled) {
        await requireTransactions(client);
        requirePath(client.searchPath, account, setting);
      }
      return { version, isPooled: client.isPooled };
    });
  } catch (error) {
    // However busy the server is, a limit that is reached so soon is that short.
    const limit = performance.now() - began < SOON_MS ? LIMIT_REACHED[codeOf(error) ?? ''] : undefined;
    if (limit !== undefined) throw tooShort(setting, limit, accountOf(address), error);
    if (await needsTls(address, error)) throw new ServerError(setting, TLS_REQUIRED, { cause: error });
    throw serverError(error, setting, address);
  }
}

/**
 * Checks that both URLs lead to one database: a lock taken through one is seen through the other.
 * @throws ServerError
 */
export async function requireSameDatabase(url: string, directUrl: string): Promise<void> {
  const key = randomInt(2 ** 47);
  const direct = parseAddress(directUrl);
  try {
    const isFree = await withClient(direct, async (client) => {
      await client.query('begin');
      await client.query('select pg_advisory_xact_lock($1)', [key]);
      return withClient(parseAddress(url), async (other) => {
        const found = await other.query('select pg_try_advisory_xact_lock($1) as free', [key]);
        return parseRows(found, z.object({ free: z.boolean() }))[0]?.free ?? true;
      });
    });
    if (!isFree) return;
  } catch (error) {
    throw serverError(error, 'DATABASE_DIRECT_URL', direct);
  }
  const says = 'It leads to another database than DATABASE_URL. Both have to name the same one, on its primary.';
  throw new ServerError('DATABASE_DIRECT_URL', { kind: 'other_database', says });
}

async function withClient<T>(address: ServerAddress, work: (client: PrimaryClient) => Promise<T>): Promise<T> {
  const client = await dialerOf(address, LOOKING).open();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A pooler that switches sessions per statement refuses transactions. */
async function requireTransactions(client: PrimaryClient): Promise<void> {
  await client.query('begin');
  await client.query('rollback');
}

const SOON_MS = 500;

/** Both are quoted. */
interface Account {
  readonly role: string;
  readonly database: string;
}

/** With its limits that end a statement. The app lifts its statement_timeout, but only by a statement. */
const accountRow = z.object({
  role: z.string(),
  database: z.string(),
  statement_timeout: z.string().nullable(),
  transaction_timeout: z.string().nullable(),
});

async function readAccount(client: PrimaryClient): Promise<z.output<typeof accountRow>> {
  const found = await client.query(
    `select pg_catalog.quote_ident(current_user) as role, pg_catalog.quote_ident(pg_catalog.current_database()) as database,
            pg_catalog.current_setting('statement_timeout', true) as statement_timeout,
            pg_catalog.current_setting('transaction_timeout', true) as transaction_timeout`,
  );
  const [account] = parseRows(found, accountRow);
  if (account === undefined) throw new Error('The server told no account.');
  return account;
}

/** @throws ServerError if a limit of the account's is under a tenth of a second */
function requireTime({ role, database, ...limits }: z.output<typeof accountRow>, setting: UrlSetting): void {
  for (const [limit, time] of Object.entries(limits)) {
    if (/^\d{1,2}ms$/u.test(time ?? '')) throw tooShort(setting, limit, { role, database });
  }
}

/** Without asking the server, which may have ended each statement. */
function accountOf(address: ServerAddress): Account {
  const { user = '', database = '' } = new pg.Client({ user: address.user, database: address.database });
  return { role: pg.escapeIdentifier(user), database: pg.escapeIdentifier(database) };
}

function tooShort(setting: UrlSetting, limit: string, { role, database }: Account, cause?: unknown): ServerError {
  const says = `The account’s ${limit} is too short for anything. Nothing was changed. Take it out of ${setting} and PGOPTIONS if it is there; else run: alter role ${role} in database ${database} set ${limit} = 0`;
  return new ServerError(setting, { kind: 'short_limit', says }, { cause });
}

/** @throws ServerError if our SQL would mean something else in the pooler's sessions */
function requirePath(path: string | null, account: Account, setting: UrlSetting): void {
  const says = faultOfPooledPath(path ?? '', account);
  if (says !== null) throw new ServerError(setting, { kind: 'search_path', says });
}

/** Whether pg_hba.conf accepts this account over TLS. By trying: its refusal reads the same if nothing would help. */
async function needsTls(address: ServerAddress, error: unknown): Promise<boolean> {
  const wasPlain = address.tls.mode === 'disable';
  if (!wasPlain || codeOf(error) !== '28000' || !/pg_hba\.conf/u.test(messageOf(error))) return false;
  const encrypted = { ...address, tls: { ...address.tls, mode: 'no-verify', rootFile: undefined } as const };
  try {
    await withClient(encrypted, async () => undefined);
    return true;
  } catch (other) {
    return !/pg_hba\.conf|does not support SSL/u.test(messageOf(other));
  }
}

/** `13.22` of 130022, and `9.6.24` of 90624. */
function versionOf(number: number): string {
  const minor = number % 10_000;
  const major = Math.floor(number / 10_000);
  return major >= 10 ? `${major}.${minor}` : `${major}.${Math.floor(minor / 100)}.${minor % 100}`;
}
