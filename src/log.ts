import { type Logger as BoltLogger, LogLevel } from '@slack/bolt';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';

/** What must not be logged even where it is part of something that is: headers and bodies that errors carry along. */
const REDACTED = [
  '*.token',
  '*.authorization',
  '*.password',
  '*.connectionString',
  'err.headers',
  'err.body',
  'err.config',
  'err.original',
];

/** JSON lines on standard output (or `destination`), one event each. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: stdSerializers.errWithCause },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
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
