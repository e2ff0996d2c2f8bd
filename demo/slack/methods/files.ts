import { z } from 'zod';
import { type Answer, refuse, refuseProblems } from '../answer.js';
import type { Arguments } from '../arguments.js';
import { type Methods, readable, type Surroundings } from './surroundings.js';

/** https://docs.slack.dev/reference/methods/files.getUploadURLExternal */
const begin = z.strictObject({
  filename: z.string().min(1).max(255),
  length: z.coerce.number().int().min(1),
  snippet_type: z.string().optional(),
  alt_txt: z.string().max(1_000).optional(),
});

/** https://docs.slack.dev/reference/methods/files.completeUploadExternal */
const complete = z
  .strictObject({
    files: z
      .array(
        z.strictObject({ id: z.string().min(1), title: z.string().optional(), highlight_type: z.string().optional() }),
      )
      .min(1),
    channel_id: z.string().optional(),
    thread_ts: z.string().optional(),
    initial_comment: z.string().optional(),
  })
  .refine(({ thread_ts: thread, channel_id: channel }) => thread === undefined || channel !== undefined, {
    path: ['thread_ts'],
    message: 'takes one channel',
  });

const kept = z.looseObject({
  id: z.string(),
  name: z.string(),
  user: z.string(),
  channels: z.array(z.string()).default([]),
  groups: z.array(z.string()).default([]),
  shares: z.record(z.string(), z.record(z.string(), z.array(z.looseObject({ ts: z.string() })))).default({}),
});

/**
 * Files, in Slack's three steps. Checks more than `emulate`: the number of bytes, that the bot is in the channel, and
 * that the thread exists.
 */
export function fileMethods(around: Surroundings): Methods {
  const { emulated, bot, uploads, messages } = around;

  async function threadRefusal(channel: string, ts: string): Promise<Answer | null> {
    const root = await messages.find(channel, ts);
    if (root === undefined) return refuse('thread_not_found');
    const isReply = root.thread_ts !== undefined && root.thread_ts !== root.ts;
    return isReply ? refuse('cannot_reply_to_message') : null;
  }

  async function shareRefusal(channelId: string, thread: string | undefined): Promise<Answer | null> {
    const channel = readable(around, { channel: channelId });
    if ('error' in channel) return refuse(channel.error);
    return thread === undefined ? null : threadRefusal(channelId, thread);
  }

  async function announceShares({ shares }: z.output<typeof kept>): Promise<void> {
    for (const [channel, posts] of Object.values(shares).flatMap((bucket) => Object.entries(bucket))) {
      for (const { ts } of posts) await messages.announce(channel, ts);
    }
  }

  return {
    async 'files.getUploadURLExternal'(args) {
      const asked = parsed(begin, args);
      if ('error' in asked) return asked.error;
      const answer = await emulated.call('files.getUploadURLExternal', bot.token, asked.value);
      const { filename: name, length, alt_txt: altText = null } = asked.value;
      const begun = z.object({ file_id: z.string() }).safeParse(answer);
      if (!begun.success) return answer;
      return { ...answer, upload_url: uploads.begin(begun.data.file_id, { name, length, altText }) };
    },

    async 'files.completeUploadExternal'(args) {
      const asked = parsed(complete, args);
      if ('error' in asked) return asked.error;
      const { files, channel_id: channelId, thread_ts: thread } = asked.value;
      const refused = channelId === undefined ? null : await shareRefusal(channelId, thread);
      if (refused !== null) return refused;
      if (files.some(({ id }) => uploads.waiting(id) === null)) return refuse('file_not_found');
      for (const { id } of files) await emulated.upload(id, uploads.waiting(id) ?? Buffer.of());
      const answer = await emulated.call('files.completeUploadExternal', bot.token, asked.value);
      const done = z.object({ ok: z.literal(true), files: z.array(kept) }).safeParse(answer);
      if (!done.success) return answer;
      for (const file of done.data.files) {
        uploads.finish(file.id);
        await announceShares(file);
      }
      // All that Slack promises of its answer.
      return { ok: true, files: files.map(({ id, title }) => ({ id, ...(title === undefined ? {} : { title }) })) };
    },

    async 'files.info'(args) {
      const answer = await emulated.call('files.info', bot.token, args);
      const file = kept.safeParse(answer['file']);
      if (!file.success) return answer;
      const { id, name, user } = file.data;
      const permalink = `${around.workspaceUrl}/files/${user}/${id}/${encodeURIComponent(name.toLowerCase())}`;
      return { ...answer, file: { ...file.data, permalink } };
    },
  };
}

function parsed<T extends z.ZodType>(schema: T, args: Arguments): { value: z.output<T> } | { error: Answer } {
  const result = schema.safeParse(args);
  if (result.success) return { value: result.data };
  const problems = result.error.issues.map(({ path, message }) => ({ path: `/${path.join('/')}`, message }));
  return { error: refuseProblems('invalid_arguments', problems) };
}
