import { ConfigError, EX_CONFIG } from '../config.js';
import { ConsoleTableError, TableInUseError } from '../db/console/refusal.js';
import { EmbeddedPostgresError } from '../db/embedded-postgres.js';
import { AuditLogError, NoDatabaseError, NoMigrationError, OtherWorkspaceError } from '../db/errors.js';
import { ServerError } from '../db/server/trouble.js';
import { PortError } from '../listen.js';
import { WrongKeyError } from '../operators/secret-box.js';

/** A mistake the person at the keyboard can fix; printed without a stack. */
export class UsageError extends Error {}

/** .env can't be read. */
export class SettingsFileError extends UsageError {}

/** Their messages say how to fix them; a stack would only hide that. */
const KNOWN = [
  ConfigError,
  UsageError,
  NoDatabaseError,
  OtherWorkspaceError,
  ConsoleTableError,
  WrongKeyError,
  EmbeddedPostgresError,
  ServerError,
  AuditLogError,
  NoMigrationError,
  PortError,
];
const FOR_A_PERSON = [
  ConfigError,
  SettingsFileError,
  NoDatabaseError,
  OtherWorkspaceError,
  ConsoleTableError,
  WrongKeyError,
];

/** What a program that failed prints and exits with: 78 if only a person can fix it, so that nobody retries; else 1. */
export function failureOf(error: unknown): { readonly text: string; readonly exitCode: number } {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const known = error instanceof Error && KNOWN.some((kind) => error instanceof kind);
  return { text: known ? error.message : stack, exitCode: needsAPerson(error) ? EX_CONFIG : 1 };
}

function needsAPerson(error: unknown): boolean {
  if (error instanceof TableInUseError) return false;
  if (error instanceof PortError) return !error.mayPass;
  if (error instanceof ServerError) return error.trouble.mayPass !== true;
  return FOR_A_PERSON.some((kind) => error instanceof kind);
}
