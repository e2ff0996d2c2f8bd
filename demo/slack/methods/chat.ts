import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { type Answer, refuse, refuseProblems, TooSoon } from '../answer.js';
import type { Arguments } from '../arguments.js';
import { checkMessage, type Problem } from '../block-kit.js';
import { isDirect } from '../emulated.js';
import { storedAttachments, storedBlocks } from '../shape.js';
import { channelOf, type Methods, readable, type Surroundings, text } from './surroundings.js';

/** Slack accepts about one message a second and channel (https://docs.slack.dev/apis/web-api/rate-limits). */
const MESSAGE_INTERVAL_MS = 1_000;

/** Arguments of only some methods; the message check allows them for all. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  'chat.postMessage': ['ts', 'user', 'response_type', 'replace_original', 'delete_original'],
  'chat.update': [
    'user',
    'thread_ts',
    'unfurl_links',
    'unfurl_media',
    'mrkdwn',
    'response_type',
    'replace_original',
    'delete_original',
  ],
  'chat.postEphemeral': [
    'ts',
    'metadata',
    'reply_broadcast',
    'unfurl_links',
    'unfurl_media',
    'mrkdwn',
    'response_type',
    'replace_original',
    'delete_original',
  ],
};

export function chatMethods(around: Surroundings): Methods {
  const { messages, bot } = around;
  const lastPost = new Map<string, number>();

  /** Why a message is refused; null if it isn't. */
  function refusal(method: string, args: Arguments): Answer | null {
    const foreign = (FOREIGN[method] ?? []).filter((name) => name in args);
    const problems = [
      ...foreign.map((name) => ({ path: `/${name}`, message: `is no argument of ${method}` })),
      ...checkMessage(args),
    ];
    if (problems.length > 0) return refuseProblems(errorFor(problems, args), problems);
    return null;
  }

  /** Why the bot can't write here; null if it can. */
  function closedTo(args: Arguments): Answer | null {
    const channel = channelOf(around, args);
    if (channel === undefined) return refuse('channel_not_found');
    if (around.archived.has(channel.id)) return refuse('is_archived');
    if (around.botChannels.has(channel.id)) return null;
    if (channel.isPrivate) return refuse('channel_not_found');
    return around.scopes.includes('chat:write.public') ? null : refuse('not_in_channel');
  }

  /** Why the bot can't write to a person; null if it can. */
  function unreachable(args: Arguments): Answer | null {
    return around.reachable.has(text(args['channel'])) ? null : refuse('channel_not_found');
  }

  async function threadRefusal(args: Arguments): Promise<Answer | null> {
    if (args['thread_ts'] === undefined) {
      return args['reply_broadcast'] === true ? refuse('invalid_arguments') : null;
    }
    const root = await messages.find(text(args['channel']), text(args['thread_ts']));
    if (root === undefined) return refuse('thread_not_found');
    const isReply = root.thread_ts !== undefined && root.thread_ts !== root.ts;
    return isReply ? refuse('cannot_reply_to_message') : null;
  }

  return {
    async 'chat.postMessage'(args) {
      const direct = /^[UW]/u.test(text(args['channel']));
      const refused =
        refusal('chat.postMessage', args) ??
        (direct ? unreachable(args) : closedTo(args)) ??
        (await threadRefusal(args));
      if (refused !== null) return refused;
      // A person's id means the app's conversation with them.
      const channel = direct ? await around.emulated.directWith(text(args['channel'])) : text(args['channel']);
      const now = performance.now();
      if (around.rateLimit && now - (lastPost.get(channel) ?? Number.NEGATIVE_INFINITY) < MESSAGE_INTERVAL_MS) {
        return new TooSoon(1);
      }
      lastPost.set(channel, now);
      return messages.post(bot, { ...args, channel });
    },

    async 'chat.update'(args) {
      const channel = text(args['channel']);
      if (!isDirect(channel) && channelOf(around, args) === undefined) return refuse('channel_not_found');
      // https://docs.slack.dev/reference/methods/chat.update#errors
      if (around.archived.has(channel)) return refuse('is_inactive');
      const current = await messages.find(channel, text(args['ts']));
      // An update keeps what it leaves out, so the result has to be right.
      const kept = current === undefined ? {} : { text: current.text };
      return refusal('chat.update', { ...kept, ...args }) ?? messages.update(bot, args);
    },

    async 'chat.delete'(args) {
      const channel = channelOf(around, args);
      if (channel === undefined) return refuse('channel_not_found');
      if (around.archived.has(channel.id)) return refuse('is_inactive');
      return messages.remove(bot, channel.id, text(args['ts']));
    },

    async 'chat.postEphemeral'(args) {
      const refused = refusal('chat.postEphemeral', args) ?? closedTo(args);
      if (refused !== null) return refused;
      const answer = await around.emulated.call('chat.postEphemeral', bot.token, args);
      if (answer['ok'] !== true) return answer;
      around.screens.whisper(text(args['user']), {
        channel: text(args['channel']),
        ts: text(answer['message_ts']),
        text: text(args['text']),
        blocks: storedBlocks(args['blocks'] ?? []),
        attachments: storedAttachments(args['attachments'] ?? []),
        threadTs: text(args['thread_ts']) || null,
      });
      return answer;
    },

    async 'chat.unfurl'(args) {
      const parsed = z.record(z.string(), z.looseObject({ blocks: z.unknown() })).safeParse(args['unfurls']);
      if (!parsed.success) return refuse('missing_unfurls');
      const channel = text(args['channel']);
      const fault = unfurlTargetFault(around, args);
      if (fault !== null) return refuse(fault);
      const message = await messages.find(channel, text(args['ts']));
      if (message === undefined) return refuse('cannot_find_message');
      const unfolded: Record<string, unknown>[] = [];
      for (const [url, { blocks }] of Object.entries(parsed.data)) {
        if (!mayUnfurl(around, url) || !message.text.includes(`<${url}`)) return refuse('cannot_unfurl_url');
        const problems = checkMessage({ channel, text: url, blocks });
        if (problems.length > 0) return refuseProblems('invalid_unfurls_format', problems);
        unfolded.push({ app_unfurl_url: url, is_app_unfurl: true, fallback: url, blocks: storedBlocks(blocks) });
      }
      return messages.unfurl(channel, message.ts, unfolded);
    },

    async 'chat.getPermalink'(args) {
      const channel = readable(around, args);
      if ('error' in channel) return refuse(channel.error);
      const message = await messages.find(channel.id, text(args['message_ts']));
      if (message === undefined) return refuse('message_not_found');
      const link = `${around.workspaceUrl}/archives/${channel.id}/p${message.ts.replace('.', '')}`;
      const isReply = message.thread_ts !== undefined && message.thread_ts !== message.ts;
      return {
        ok: true,
        channel: channel.id,
        permalink: isReply ? `${link}?thread_ts=${message.thread_ts}&cid=${channel.id}` : link,
      };
    },
  };
}

function mayUnfurl({ unfurlDomains }: Surroundings, url: string): boolean {
  return URL.canParse(url) && unfurlDomains.includes(new URL(url).hostname);
}

/**
 * Slack takes either `channel` and `ts` or `unfurl_id` and `source`
 * (https://docs.slack.dev/reference/methods/chat.unfurl). No draft here shows a preview: its id is unknown.
 */
function unfurlTargetFault(around: Surroundings, args: Arguments): string | null {
  const given = (name: string) => text(args[name]) !== '';
  if (given('unfurl_id') || given('source')) {
    if (!given('unfurl_id')) return 'missing_unfurl_id';
    return given('source') ? 'invalid_unfurl_id' : 'missing_source';
  }
  if (!given('channel')) return 'missing_channel';
  if (!given('ts')) return 'missing_ts';
  const isKnown = isDirect(text(args['channel'])) || channelOf(around, args) !== undefined;
  return isKnown ? null : 'cannot_find_channel';
}

/** Slack's error code (https://docs.slack.dev/reference/methods/chat.postMessage#errors). */
function errorFor(problems: readonly Problem[], args: Arguments): string {
  const at = (start: string): boolean => problems.some(({ path }) => path.startsWith(start));
  if (problems.some(({ message }) => message === 'no_text')) return 'no_text';
  if (at('/blocks')) return 'invalid_blocks';
  if (at('/attachments')) {
    return problems.some(({ path }) => path.includes('/blocks')) ? 'invalid_blocks' : 'invalid_attachments';
  }
  if (at('/metadata')) return 'invalid_metadata_format';
  if (at('/text') && text(args['text']).length > 4_000) return 'msg_too_long';
  return 'invalid_arguments';
}
