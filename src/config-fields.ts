import cronParser from 'cron-parser';
import ms from 'ms';
import * as z from 'zod';
import { type HttpProxy, parseProxy } from './network/proxies.js';

/** `.env` files and dashboards write "none" as an empty variable. */
export const unsetWhenEmpty = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value;

export const optional = <T extends z.ZodType>(schema: T) => z.preprocess(unsetWhenEmpty, schema.optional());
export const required = (what: string, schema: z.ZodType<string, string> = z.string()) =>
  z.preprocess(unsetWhenEmpty, z.string({ error: `is required: ${what}` }).pipe(schema));

function isDuration(text: string): text is ms.StringValue {
  return /^\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)$/u.test(text);
}

/** Longer ones lead to dates that PostgreSQL can't hold. */
const LONGEST_MS = ms('366d');

/** Milliseconds; null if unusable. */
function millisecondsIn(text: string): number | null {
  const trimmed = text.trim();
  const milliseconds = isDuration(trimmed) ? ms(trimmed) : 0;
  return milliseconds > 0 && milliseconds <= LONGEST_MS ? milliseconds : null;
}

export const duration = (fallback: ms.StringValue) =>
  z.preprocess(
    unsetWhenEmpty,
    z
      .string()
      .default(fallback)
      .transform((text, context) => {
        const milliseconds = millisecondsIn(text);
        if (milliseconds !== null) return milliseconds;
        context.addIssue({ code: 'custom', message: `must be a duration such as ${fallback}, 90s, 30m or 1d` });
        return z.NEVER;
      }),
  );

/** Milliseconds; null: off; undefined: not set. */
export const durationOrOff = (example: ms.StringValue) =>
  optional(
    z.string().transform((text, context) => {
      if (text.trim().toLowerCase() === 'off') return null;
      const milliseconds = millisecondsIn(text);
      if (milliseconds !== null) return milliseconds;
      context.addIssue({ code: 'custom', message: `must be off, or a duration such as ${example}, 90s, 30m or 1d` });
      return z.NEVER;
    }),
  );

/** With only one, a promoter waiting for a lock would block people who click. */
const HOW_MANY_CONNECTIONS = 'must be a whole number from 2 to 100';

export const connections = (fallback: number) =>
  z.preprocess(
    unsetWhenEmpty,
    z.coerce
      .number({ error: HOW_MANY_CONNECTIONS })
      .int(HOW_MANY_CONNECTIONS)
      .min(2, HOW_MANY_CONNECTIONS)
      .max(100, HOW_MANY_CONNECTIONS)
      .default(fallback),
  );

/** Requests can't carry a name or password in the address, and their errors quote it. So no fault quotes it either. */
export const url = (protocols: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const parsed = URL.canParse(text) ? new URL(text) : null;
    if (parsed === null || !protocols.includes(parsed.protocol)) {
      const begins = protocols.map((protocol) => `${protocol}//`).join(' or ');
      context.addIssue({ code: 'custom', message: `must be a URL that begins with ${begins}` });
    } else if (parsed.username !== '' || parsed.password !== '') {
      context.addIssue({ code: 'custom', message: 'must be a URL without a name or password (user:password@)' });
    }
  });

/** Where people reach the app: an origin and an optional path. https, except on this machine. */
export const publicUrl = z.string().transform((text, context) => {
  const parsed = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(parsed?.hostname ?? '');
  const isSafe = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLocal);
  // Only characters that links, e-mail and Slack all leave alone.
  const path = parsed?.pathname.replace(/\/+$/u, '') ?? '';
  const isPlain = /^(?:\/[\w.~-]+)*$/u.test(path) && `${parsed?.origin}${parsed?.pathname}` === parsed?.href;
  if (parsed !== null && isSafe && isPlain) return `${parsed.origin}${path}`;
  context.addIssue({
    code: 'custom',
    message:
      'must be an https address such as https://flags.example.com or https://tools.example.com/flag-promotions, without a query',
  });
  return z.NEVER;
});

/** The value may hold a password, so no fault quotes it. */
export const proxy = (setting: HttpProxy['setting']) =>
  z.string().transform((text, context) => {
    const parsed = parseProxy(setting, text.trim());
    if (parsed !== null) return parsed;
    context.addIssue({
      code: 'custom',
      message:
        'must be the address of an http or https proxy, such as http://proxy.example.com:3128. If its name or password has one of # / \\ ? : @ in it, write %23 %2F %5C %3F %3A %40 instead',
    });
    return z.NEVER;
  });

/** A shared secret: too long to guess, and only characters that a header can hold. */
export const token = z.string().regex(/^[\x21-\x7e]{16,}$/u, {
  error: 'must be 16 characters or more, without spaces; make one with: openssl rand -hex 32',
});

/** Keys separated by commas: the first seals, all can open. */
export const base64Keys = z.string().transform((text, context): readonly [Uint8Array, ...Uint8Array[]] => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const written = text.split(',').map((key) => key.trim());
  const keys = written.flatMap((one) => {
    const key = Buffer.from(one, 'base64');
    return key.length === 32 && /^[A-Za-z0-9+/]+={0,2}$/u.test(one) ? [new Uint8Array(key)] : [];
  });
  const [first, ...former] = keys;
  if (first === undefined || keys.length < written.length) {
    return refuse('must be 32 bytes in base64; make one with: openssl rand -base64 32. To rotate it: new,former');
  }
  if (new Set(written).size < written.length) return refuse('must not have the same key twice');
  return [first, ...former];
});

/** One or more during rotation, comma-separated, each written as https://www.standardwebhooks.com says. */
export const webhookSecrets = z.string().transform((text, context) => {
  const secrets = text.split(',').map((part) => {
    const [, encoded = ''] = /^\s*whsec_([A-Za-z0-9+/]+={0,2})\s*$/u.exec(part) ?? [];
    return new Uint8Array(Buffer.from(encoded, 'base64'));
  });
  if (secrets.every(({ length }) => length >= 24 && length <= 64)) return secrets;
  context.addIssue({
    code: 'custom',
    message:
      'must be whsec_ and 24 to 64 bytes in base64, or several of these, comma-separated; make one with: echo "whsec_$(openssl rand -base64 32)"',
  });
  return z.NEVER;
});

export const cron = z.string().refine(
  (text) => {
    try {
      cronParser.parseExpression(text);
      return true;
    } catch {
      return false;
    }
  },
  { error: 'must be a cron expression such as "* * * * *"' },
);

/** A cron expression, optionally followed by a time zone; otherwise UTC. */
export const schedule = z.string().transform((text, context) => {
  const [, cron = '', timeZone = 'UTC'] = /^(.*?)(?:\s+([A-Za-z]+(?:\/[\w+-]+)+|UTC))?$/u.exec(text.trim()) ?? [];
  try {
    cronParser.parseExpression(cron);
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'must be a cron expression, and a time zone unless it is UTC: "0 9 * * 1 Europe/Berlin"',
    });
    return z.NEVER;
  }
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    context.addIssue({ code: 'custom', message: `names an unknown time zone: ${timeZone}` });
    return z.NEVER;
  }
  return Object.freeze({ cron, timeZone });
});
