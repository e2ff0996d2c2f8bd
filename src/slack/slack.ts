import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogLevel, WebClient } from '@slack/web-api';
import * as z from 'zod';
import type { Fetch } from '../network/network.js';
import type { MessageRef } from '../promotions/alert.js';
import type { RcaThread } from '../promotions/rca-draft.js';
import type { Answer, HomeTab, Message, Modal, Unfurl } from '../views/blocks.js';
import { MESSAGE_METADATA } from '../views/ids.js';
import { clientFetch } from './client-fetch.js';
import { noSlot, SlackError, toSlackError, withheld } from './errors.js';
import { type Identity, identity } from './identity.js';
import {
  type ChannelSlots,
  createBurstPace,
  createPace,
  EDIT_BURST,
  EDIT_INTERVAL_MS,
  MESSAGE_INTERVAL_MS,
  NoSlot,
} from './pace.js';
import { createPeople, type People } from './people.js';
import { isResponseUrl } from './response-url.js';
import { findMessage, type PostedSince, type Sought } from './search.js';
import { readThread } from './thread.js';
import { type OutgoingFile, type StoredFile, storePicture, type Upload, uploadFile } from './upload.js';

/** Where a message of ours goes; its key is unique to its content. */
export interface Outgoing extends Sought {
  /** Show a reply in the channel too. */
  readonly broadcast: boolean;
}

interface PostedMessage extends MessageRef {
  /** It had been posted before. */
  readonly wasThere: boolean;
}

/**
 * Asked right before something is sent, after all waiting for a slot: false if it must not be sent any more. The call
 * is then refused as `withheld`.
 */
export type MayStillSend = () => boolean;

/** A modal on somebody's screen; `hash` changes with its content. */
interface OpenedModal {
  readonly id: string;
  readonly hash: string;
}

/**
 * What the app does in Slack. Each call is sent once, and rejects with a SlackError that says what may have happened.
 */
export interface Slack extends People {
  /** Asked of Slack once; rejects until it has answered, and if this workspace is not admitted. */
  identity(): Promise<Identity>;
  /** Rejects if Slack doesn't answer, or not to this token. */
  ping(): Promise<void>;
  /**
   * `perhapsSince`: an earlier attempt may have posted it since then, so it looks for that once it has the slot. Nobody
   * else posts between that look and the post. `mayStillSend`: see {@link MayStillSend}.
   */
  post(
    to: Outgoing,
    message: Message,
    perhapsSince: PostedSince | null,
    mayStillSend: MayStillSend,
  ): Promise<PostedMessage>;
  update(ref: MessageRef, message: Message, mayStillSend: MayStillSend): Promise<void>;
  remove(ref: MessageRef): Promise<void>;
  /** The message that carries the key, among those posted since; null if there is none. */
  find(sought: Sought, since: PostedSince): Promise<MessageRef | null>;
  /** Shares a text file; rejects if nothing was shared. */
  upload(file: OutgoingFile, mayStillSend?: MayStillSend): Promise<Upload>;
  /** Uploads a picture for blocks; its id, null if Slack isn't ready to show it in time. */
  storePicture(picture: StoredFile): Promise<string | null>;
  /** What others wrote in a message's thread. */
  readThread(root: MessageRef): Promise<RcaThread>;
  /** Opens a modal; a trigger lives three seconds and works once. */
  openModal(triggerId: string, view: Modal): Promise<OpenedModal>;
  /**
   * Resolves with the modal's new hash. With `hash`, updates the modal only if it still shows what the hash was read
   * from; otherwise Slack refuses with `hash_conflict` (https://docs.slack.dev/reference/methods/views.update).
   */
  updateModal(viewId: string, view: Modal, hash: string | null): Promise<string>;
  /** Sets a person's home tab; publishing the same again changes nothing. */
  publishHome(userId: string, view: HomeTab, mayStillSend?: MayStillSend): Promise<void>;
  /** Shows, under somebody's message, what its links lead to. */
  unfurl(message: MessageRef, unfurls: Readonly<Record<string, Unfurl>>): Promise<void>;
  postEphemeral(to: { channel: string; user: string; threadTs: string | null }, answer: Answer): Promise<void>;
  /**
   * Answers an interaction through its response URL: with a message that only that person sees, or by replacing the one
   * they used.
   */
  respond(responseUrl: string, answer: Answer, options: { readonly replace: boolean }): Promise<void>;
  /** Removes the message that an interaction came from. */
  dismiss(responseUrl: string): Promise<void>;
  /** Sends a direct message. Rejects if Slack refused it, or the outcome is unknown. */
  sendDirectMessage(userId: string, answer: Answer, mayStillSend?: MayStillSend): Promise<MessageRef>;
}

const openedView = z.object({ view: z.object({ id: z.string(), hash: z.string() }) });
const posted = z.object({ channel: z.string(), ts: z.string() });

const TIMEOUT_MS = 10_000;
const RESPOND_TIMEOUT_MS = 5_000;

export interface SlackOptions {
  readonly botToken: string;
  readonly apiUrl: string;
  /** Lets all replicas share Slack's pace; null: this process paces itself. */
  readonly slots: ChannelSlots | null;
  /** Multiplies the pauses between messages; default 1. */
  readonly pauses?: number;
  readonly newOwner: () => string;
  readonly fetch: Fetch;
  /**
   * Asked before anything is sent, with the token's workspace (or organization, if the app is installed for a whole
   * one) according to Slack. If it rejects, nothing is sent.
   */
  readonly admit: (teamId: string) => Promise<void>;
}

async function call<T>(method: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NoSlot) throw noSlot(method, error.retryAfterMs);
    throw error instanceof SlackError ? error : toSlackError(method, error);
  }
}

const ALWAYS: MayStillSend = () => true;

function sendIf<T>(mayStillSend: MayStillSend, method: string, send: () => Promise<T>): Promise<T> {
  return call(method, async () => {
    if (!mayStillSend()) throw withheld(method);
    return send();
  });
}

export function createSlack(options: SlackOptions): Slack {
  const { fetch } = options;
  const client = new WebClient(options.botToken, {
    slackApiUrl: options.apiUrl,
    fetch: clientFetch(fetch),
    // A retry inside the client would post again if an answer got lost.
    retryConfig: { retries: 0 },
    timeout: TIMEOUT_MS,
    rejectRateLimitedCalls: true,
    logger: SILENT,
  });
  const { pauses = 1 } = options;
  const clock = { elapsed: () => performance.now(), sleep: (ms: number) => sleep(ms) };
  const pace = {
    ...clock,
    intervalMs: MESSAGE_INTERVAL_MS * pauses,
    newOwner: options.newOwner,
    pauseAfter: (error: unknown) => (error instanceof SlackError ? error.retryAfterMs : 0),
  };
  const inTurn = createPace({ ...pace, slots: options.slots });
  /** A direct message follows what somebody did by hand, so replicas have nothing to coordinate. */
  const inTurnHere = createPace({ ...pace, slots: null });
  const paceEdit = createBurstPace({ intervalMs: EDIT_INTERVAL_MS * pauses, burst: EDIT_BURST }, clock);
  let known: Promise<Identity> | null = null;

  async function authenticate(): Promise<Identity> {
    const answer = await call('auth.test', () => client.auth.test());
    return identity.parse(answer);
  }

  const mayAnswer = isResponseUrl(options.apiUrl);

  async function sendTo(responseUrl: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    if (!mayAnswer(responseUrl)) throw new SlackError('refused', 'response_url', 'not_at_slack', 0, undefined);
    let answer: Awaited<ReturnType<Fetch>>;
    try {
      answer = await fetch(responseUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        // Slack never redirects here, so redirects aren't followed.
        redirect: 'manual',
        signal: AbortSignal.timeout(RESPOND_TIMEOUT_MS),
      });
    } catch (cause) {
      throw new SlackError('unknown_outcome', 'response_url', 'no_answer', 0, cause);
    }
    if (!answer.ok) throw new SlackError('refused', 'response_url', `http_${answer.status}`, 0, undefined);
  }

  async function whoAmI(): Promise<Identity> {
    // Failures aren't cached: the next caller asks again.
    known ??= authenticate().catch((error: unknown) => {
      known = null;
      throw error;
    });
    const who = await known;
    await options.admit(who.teamId);
    return who;
  }

  /**
   * Checks the workspace before the app sends or looks for something by itself. Answers to a request need no check:
   * they go back to where it came from.
   */
  function admitted<Args extends readonly unknown[], T>(act: (...args: Args) => Promise<T>): typeof act {
    return async (...args) => {
      await whoAmI();
      return act(...args);
    };
  }

  return {
    identity: () => whoAmI(),

    async ping() {
      await authenticate();
    },

    post: admitted(async (to, message, perhapsSince, mayStillSend) => {
      const { channel, threadTs, broadcast, key } = to;
      const body = {
        channel,
        text: message.text,
        ...(message.blocks === undefined ? {} : { blocks: message.blocks }),
        metadata: { event_type: MESSAGE_METADATA, event_payload: { key } },
        unfurl_links: false,
        unfurl_media: false,
      };
      const method = 'chat.postMessage';
      const send = () =>
        client.chat.postMessage(
          threadTs === null
            ? body
            : broadcast
              ? { ...body, thread_ts: threadTs, reply_broadcast: true }
              : { ...body, thread_ts: threadTs },
        );
      return call(method, () =>
        inTurn(channel, async () => {
          const there = perhapsSince === null ? null : await findMessage(client, to, perhapsSince);
          if (there !== null) return { ...there, wasThere: true };
          return { ...posted.parse(await sendIf(mayStillSend, method, send)), wasThere: false };
        }),
      );
    }),

    update: admitted(async ({ channel, ts }, message, mayStillSend) => {
      await call('chat.update', paceEdit);
      await sendIf(mayStillSend, 'chat.update', () =>
        client.chat.update({
          channel,
          ts,
          text: message.text,
          blocks: message.blocks ?? [],
          // An earlier version put blocks into attachments.
          attachments: [],
        }),
      );
    }),

    remove: admitted(async ({ channel, ts }) => {
      await call('chat.delete', () => client.chat.delete({ channel, ts }));
    }),

    find: admitted((sought, since) => findMessage(client, sought, since)),

    upload: admitted(async (file, mayStillSend = ALWAYS) => {
      // Sharing it posts a message like any other.
      await call('files.completeUploadExternal', () => inTurn(file.channel, async () => undefined));
      return sendIf(mayStillSend, 'files.completeUploadExternal', () => uploadFile(client, fetch, file));
    }),

    storePicture: admitted((picture) => storePicture(client, fetch, picture)),

    async readThread(root) {
      return readThread(client, root, (await whoAmI()).botId);
    },

    async openModal(triggerId, view) {
      const answer = await call('views.open', () => client.views.open({ trigger_id: triggerId, view }));
      return openedView.parse(answer).view;
    },

    async updateModal(viewId, view, hash) {
      const answer = await call('views.update', () =>
        client.views.update({ view_id: viewId, view, ...(hash === null ? {} : { hash }) }),
      );
      return openedView.parse(answer).view.hash;
    },

    publishHome: admitted(async (userId, view, mayStillSend = ALWAYS) => {
      await sendIf(mayStillSend, 'views.publish', () => client.views.publish({ user_id: userId, view }));
    }),

    unfurl: admitted(async ({ channel, ts }, unfurls) => {
      await call('chat.unfurl', () => client.chat.unfurl({ channel, ts, unfurls: { ...unfurls } }));
    }),

    postEphemeral: admitted(async ({ channel, user, threadTs }, answer) => {
      await call('chat.postEphemeral', () =>
        client.chat.postEphemeral({
          channel,
          user,
          text: answer.text,
          ...(answer.blocks === undefined ? {} : { blocks: answer.blocks }),
          ...(threadTs === null ? {} : { thread_ts: threadTs }),
        }),
      );
    }),

    async respond(responseUrl, answer, { replace }) {
      await sendTo(responseUrl, { response_type: 'ephemeral', replace_original: replace, ...answer });
    },

    async dismiss(responseUrl) {
      await sendTo(responseUrl, { delete_original: true });
    },

    sendDirectMessage: admitted(async (userId, answer, mayStillSend = ALWAYS) => {
      const method = 'chat.postMessage';
      const send = () =>
        client.chat.postMessage({
          channel: userId,
          text: answer.text,
          ...(answer.blocks === undefined ? {} : { blocks: answer.blocks }),
          unfurl_links: false,
          unfurl_media: false,
        });
      return posted.parse(await call(method, () => inTurnHere(userId, () => sendIf(mayStillSend, method, send))));
    }),

    ...createPeople(client, async () => (await whoAmI()).teamId),
  };
}

/** The client would log request bodies at debug level, and every failure that is handled here. */
const nothing = (): void => undefined;
const SILENT = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  getLevel: () => LogLevel.ERROR,
  setName: nothing,
};
