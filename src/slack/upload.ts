import { setTimeout as sleep } from 'node:timers/promises';
import type { WebClient } from '@slack/web-api';
import * as z from 'zod';
import type { Fetch } from '../network/network.js';
import { attempt, SlackError } from './errors.js';

export interface StoredFile {
  readonly name: string;
  readonly title: string;
  readonly content: Uint8Array;
  /** Words for people who can't see the picture; null if it is no picture. */
  readonly altText: string | null;
}

/** A file, and where it is to be shared. */
export interface OutgoingFile extends StoredFile {
  readonly channel: string;
  readonly threadTs: string | null;
  /** The sharing message's text, as mrkdwn. */
  readonly comment: string;
}

/** `trouble`: what came instead of an answer, for the log. */
export type Upload =
  /** `permalink`: null if Slack doesn't say. */
  | { readonly kind: 'shared'; readonly permalink: string | null; readonly trouble?: unknown }
  /** Slack didn't say whether it shared the file, and may still do so. */
  | { readonly kind: 'unconfirmed'; readonly trouble?: unknown };

const UPLOAD_TIMEOUT_MS = 10_000;

const begun = z.object({ upload_url: z.url(), file_id: z.string() });
const described = z.object({
  file: z.object({
    permalink: z.string().optional(),
    channels: z.array(z.string()).default([]),
    groups: z.array(z.string()).default([]),
    mimetype: z.string().default(''),
  }),
});

/**
 * Uploads a file in Slack's three steps (https://docs.slack.dev/messaging/working-with-files), each sent once. If one
 * of the first two fails, nobody sees anything. The third shares the file: if its outcome is unknown, we look at the
 * file.
 * @throws {SlackError} if nothing was shared
 */
export async function uploadFile(client: WebClient, fetch: Fetch, file: OutgoingFile): Promise<Upload> {
  const id = await bring(client, fetch, file);
  let lost: SlackError | null = null;
  try {
    await attempt('files.completeUploadExternal', () => complete(client, file, id));
  } catch (error) {
    if (!(error instanceof SlackError && error.kind === 'unknown_outcome')) throw error;
    lost = error;
  }
  const { file: found, trouble } = await look(client, id);
  const isShared = found !== null && [...found.channels, ...found.groups].includes(file.channel);
  return lost !== null && !isShared
    ? { kind: 'unconfirmed', trouble: lost }
    : { kind: 'shared', permalink: found?.permalink ?? null, trouble };
}

/** Slack processes a file after accepting it, and refuses blocks that show one which isn't ready. */
const READY_LOOKS = 10;
const READY_LOOK_EVERY_MS = 500;

/**
 * Uploads a picture for blocks to show
 * (https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object). Resolves with its id once Slack
 * can show it; null if that takes longer than a few seconds.
 * @throws {SlackError} if Slack refused it
 */
export async function storePicture(client: WebClient, fetch: Fetch, file: StoredFile): Promise<string | null> {
  const id = await bring(client, fetch, file);
  await attempt('files.completeUploadExternal', () =>
    client.files.completeUploadExternal({ files: [{ id, title: file.title }] }),
  );
  for (let looks = 0; looks < READY_LOOKS; looks += 1) {
    if (looks > 0) await sleep(READY_LOOK_EVERY_MS);
    if (((await look(client, id)).file?.mimetype ?? '') !== '') return id;
  }
  return null;
}

/** The first two steps; the file's id. */
async function bring(client: WebClient, fetch: Fetch, file: StoredFile): Promise<string> {
  const bytes = Uint8Array.from(file.content);
  // The client's types call it `alt_text`; the Web API accepts only `alt_txt`.
  const altText = file.altText === null ? {} : { alt_txt: file.altText };
  const announced = { filename: file.name, length: bytes.byteLength, ...altText };
  const { upload_url: url, file_id: id } = begun.parse(
    await attempt('files.getUploadURLExternal', () => client.files.getUploadURLExternal(announced)),
  );
  await send(fetch, url, bytes);
  return id;
}

function complete(client: WebClient, { channel, threadTs, title, comment }: OutgoingFile, id: string) {
  const share = { files: [{ id, title }] as [{ id: string; title: string }], initial_comment: comment };
  return threadTs === null
    ? client.files.completeUploadExternal({ ...share, channel_id: channel })
    : client.files.completeUploadExternal({ ...share, channel_id: channel, thread_ts: threadTs });
}

/** The address is itself a secret and takes no token. */
async function send(fetch: Fetch, url: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  let answer: Awaited<ReturnType<Fetch>>;
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
      redirect: 'error',
      signal: AbortSignal.timeout(UPLOAD_TIMEOUT_MS),
    });
  } catch (cause) {
    throw new SlackError('refused', 'upload', 'no_answer', 0, cause);
  }
  if (!answer.ok) throw new SlackError('refused', 'upload', `http_${answer.status}`, 0, undefined);
}

/** `file`: null if Slack does not know it (yet), or does not say. */
async function look(
  client: WebClient,
  id: string,
): Promise<{ readonly file: z.output<typeof described>['file'] | null; readonly trouble?: unknown }> {
  try {
    return { file: described.parse(await attempt('files.info', () => client.files.info({ file: id }))).file };
  } catch (trouble) {
    // The address is a courtesy, and an unknown outcome stays unknown: both are reported as such.
    return { file: null, trouble };
  }
}
