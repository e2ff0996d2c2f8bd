import { z } from 'zod';
import { type Answer, refuse } from '../answer.js';
import type { Arguments } from '../arguments.js';
import { inChannel, type SlackMessage } from '../messages.js';
import { type Methods, readable, type Surroundings } from './surroundings.js';

const when = z.string().regex(/^\d{1,12}(?:\.\d{1,6})?$/u);
const query = z.strictObject({
  channel: z.string(),
  ts: z.string().optional(),
  oldest: when.default('0'),
  latest: when.optional(),
  inclusive: z.boolean().default(false),
  limit: z.coerce.number().int().min(1).max(999).optional(),
  cursor: z.string().default(''),
  include_all_metadata: z.boolean().default(false),
});
type Query = z.output<typeof query>;

/** Slack's error code for an invalid argument. */
const ERRORS: Readonly<Record<string, string>> = {
  oldest: 'invalid_ts_oldest',
  latest: 'invalid_ts_latest',
  limit: 'invalid_limit',
};

export function conversationMethods(around: Surroundings): Methods {
  /** The page that a query asks for; `list` is everything, in Slack's order. */
  function page(asked: Query, list: readonly SlackMessage[], usual: number): Answer {
    const from = asked.cursor === '' ? 0 : list.findIndex(({ ts }) => ts === tsOfCursor(asked.cursor));
    if (from === -1) return refuse('invalid_cursor');
    const until = from + (asked.limit ?? usual);
    const next = list[until];
    return {
      ok: true,
      messages: list
        .slice(from, until)
        .map(({ metadata, ...rest }) =>
          asked.include_all_metadata && metadata !== undefined ? { ...rest, metadata } : rest,
        ),
      has_more: next !== undefined,
      ...(next === undefined ? {} : { response_metadata: { next_cursor: cursorOf(next.ts) } }),
    };
  }

  function parse(args: Arguments): Query | { readonly error: string } {
    const parsed = query.safeParse(args);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return { error: ERRORS[String(issue?.path[0])] ?? 'invalid_arguments' };
  }

  return {
    async 'conversations.history'(args) {
      const asked = parse(args);
      if ('error' in asked) return refuse(asked.error);
      const channel = readable(around, args);
      if ('error' in channel) return refuse(channel.error);
      const shown = (await around.messages.all(channel.id)).filter((one) => inChannel(one) && isWithin(asked, one));
      return page(asked, shown.reverse(), 100);
    },

    async 'conversations.replies'(args) {
      const asked = parse(args);
      if ('error' in asked) return refuse(asked.error);
      const channel = readable(around, args);
      if ('error' in channel) return refuse(channel.error);
      const all = await around.messages.all(channel.id);
      if (!all.some(({ ts }) => ts === asked.ts)) return refuse('thread_not_found');
      // Slack includes the root message even outside the range.
      const shown = all.filter((one) => one.ts === asked.ts || (one.thread_ts === asked.ts && isWithin(asked, one)));
      return page(asked, shown, 999);
    },

    async 'conversations.info'(args) {
      const channel = readable(around, args);
      // A public channel's name is known without being in it.
      if ('error' in channel && channel.error !== 'not_in_channel') return refuse(channel.error);
      const answer = await around.emulated.call('conversations.info', around.bot.token, { channel: args['channel'] });
      const info = z.record(z.string(), z.unknown()).safeParse(answer['channel']);
      return info.success ? { ok: true, channel: { ...info.data, is_member: !('error' in channel) } } : answer;
    },
  };
}

function isWithin({ oldest, latest, inclusive }: Query, { ts }: SlackMessage): boolean {
  const at = microseconds(ts);
  const from = microseconds(oldest);
  const to = latest === undefined ? null : microseconds(latest);
  return inclusive ? at >= from && (to === null || at <= to) : at > from && (to === null || at < to);
}

/** As integers: a ts has more digits than a floating-point number keeps. */
function microseconds(ts: string): bigint {
  const [seconds = '0', fraction = ''] = ts.split('.');
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** A cursor names the next message, so new messages shift no page. */
function cursorOf(ts: string): string {
  return Buffer.from(`next_ts:${ts.replace('.', '')}`).toString('base64');
}

function tsOfCursor(cursor: string): string | null {
  const digits = /^next_ts:(\d+)$/u.exec(Buffer.from(cursor, 'base64').toString('utf8'))?.[1];
  return digits === undefined ? null : `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
