import { type Logger as BoltLogger, LogLevel } from '@slack/bolt';
import { currentReference } from './reference.js';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';

const CENSOR = '[redacted]';
/** What must not be logged even where it is part of something that is. */
const REDACTED = ['*.token', '*.authorization', '*.password', '*.connectionString'];
/**
 * What errors carry along, at whatever depth: headers and bodies of requests, and of PostgreSQL's
 * (https://www.postgresql.org/docs/current/protocol-error-fields.html) what may quote a whole row, config vars' values in it.
 */
const CARRIED: ReadonlySet<string> = new Set(['headers', 'body', 'config', 'original', 'detail', 'where']);
/** Where pino puts the errors that led to one. */
const OTHER_ERRORS: ReadonlySet<string> = new Set(['cause', 'aggregateErrors']);

/** JSON lines on standard output (or `destination`), one event each; those of a request have its reference. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    mixin: () => {
      const reference = currentReference();
      return reference === null ? {} : { reference };
    },
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: CENSOR },
    serializers: {
      err: (error: unknown) => withoutCarried(error instanceof Error ? stdSerializers.errWithCause(error) : error),
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** A serialized error, and those that led to it, without what they carry. */
function withoutCarried(serialized: unknown): unknown {
  if (Array.isArray(serialized)) return serialized.map(withoutCarried);
  if (typeof serialized !== 'object' || serialized === null) return serialized;
  return Object.fromEntries(
    Object.entries(serialized).map(([key, value]) => [
      key,
      CARRIED.has(key) ? CENSOR : OTHER_ERRORS.has(key) ? withoutCarried(value) : value,
    ]),
  );
}

/** Bolt's log in the app's. Its debug level would print request bodies, which hold TOTP codes: it is left out. */
export function boltLogger(log: Logger): BoltLogger {
  const say =
    (level: 'info' | 'warn' | 'error') =>
    (...parts: unknown[]) => {
      log[level](
        { from: 'bolt' },
        parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' '),
      );
    };
  return {
    debug: () => undefined,
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    setLevel: () => undefined,
    getLevel: () => LogLevel.INFO,
    setName: () => undefined,
  };
}
