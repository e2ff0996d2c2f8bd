import { currentReference } from './reference.js';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';

const CENSOR = '[redacted]';
/** Never logged, even as part of something that is. */
const REDACTED = ['*.token', '*.authorization', '*.password', '*.connectionString'];
/**
 * What errors carry at any depth: headers and bodies, and PostgreSQL's fields that may quote a row with config vars'
 * values (https://www.postgresql.org/docs/current/protocol-error-fields.html).
 */
const CARRIED: ReadonlySet<string> = new Set(['headers', 'body', 'config', 'original', 'detail', 'where']);
/** Where pino puts an error's causes. */
const OTHER_ERRORS: ReadonlySet<string> = new Set(['cause', 'aggregateErrors']);

/** JSON lines on standard output (or `destination`), one event each; a request's lines have its reference. */
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

/** A serialized error and its causes, without what they carry. */
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
