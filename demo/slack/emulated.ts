import { createEmulator } from 'emulate';
import { z } from 'zod';
import { freePort } from '../../src/db/embedded/free-port.js';
import { MovedTime } from './moved-time.js';

/** Slack's state (messages, users, files), kept by `emulate`; the layer in front adds Slack's strictness. */
export interface Emulated {
  readonly teamId: string;
  readonly userIds: Readonly<Record<string, string>>;
  readonly channels: readonly Channel[];
  /** Calls a method with a token; returns the JSON that Slack would answer. */
  call(method: string, token: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** The app's conversation with a person; created if there is none. */
  directWith(userId: string): Promise<string>;
  /** Sends a file's bytes to `emulate`'s upload address. */
  upload(fileId: string, bytes: Buffer): Promise<void>;
  /** Every message of a channel as `emulate` keeps it, including replies, oldest first. */
  everything(channel: string): Promise<readonly EmulatedMessage[]>;
  close(): Promise<void>;
}

export interface Channel {
  readonly id: string;
  readonly name: string;
  readonly isPrivate: boolean;
}

const emulatedMessage = z.looseObject({
  type: z.literal('message').default('message'),
  ts: z.string(),
  text: z.string().default(''),
  user: z.string(),
  thread_ts: z.string().optional(),
  reply_broadcast: z.boolean().optional(),
  reply_count: z.number().optional(),
  blocks: z.array(z.record(z.string(), z.unknown())).optional(),
  attachments: z.array(z.record(z.string(), z.unknown())).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
export type EmulatedMessage = z.output<typeof emulatedMessage>;

/** A user who may do what the stand-in itself has to do. */
const ADMIN_TOKEN = 'xoxp-admin';
const ADMIN_ID = 'U000000001';

/** `emulate` allows 5,000 calls an hour and token, unlike Slack: frequent callers have many. */
const COPIES = 200;
const copiesOf = (token: string): readonly string[] => [
  token,
  ...Array.from({ length: COPIES }, (_, index) => `${token}-${index}`),
];

export interface EmulatedSeed {
  readonly team: { readonly name: string; readonly domain: string };
  /** Names; Slack makes up the ids. */
  readonly users: readonly string[];
  readonly channels: readonly { readonly name: string; readonly isPrivate: boolean }[];
  readonly app: {
    readonly name: string;
    readonly appId: string;
    readonly botId: string;
    readonly botUserId: string;
    readonly botToken: string;
  };
}

/** Whether this is the id of a conversation between the app and one person. */
export function isDirect(channel: string): boolean {
  return channel.startsWith('D');
}

/** The stand-in posts in a user's name with it. */
export function userToken(name: string): string {
  return `xoxp-${name}`;
}

/** `emulate` closes a connection after 5 idle seconds and would lose a request sent just then: reuse none. */
const NO_REUSE = { connection: 'close' };

/** Starts `emulate`'s Slack on a free port, with these people and channels, on this clock. */
export async function startEmulated(seed: EmulatedSeed, clock: () => Date): Promise<Emulated> {
  const time = new MovedTime(clock);
  // `emulate` reports the port that it was asked for, so 0 doesn't work.
  const port = await freePort();
  const url = `http://localhost:${port}`;
  // The gateway checks scopes: in `emulate`, everybody may do everything.
  const scopes = ['chat:write', 'channels:history', 'groups:history', 'users:read', 'channels:read', 'groups:read'];
  const { app } = seed;
  const emulator = await createEmulator({
    service: 'slack',
    port,
    seed: {
      slack: {
        team: seed.team,
        users: seed.users.map((name) => ({ name, real_name: name })),
        channels: seed.channels.map(({ name, isPrivate }) => ({ name, is_private: isPrivate })),
        oauth_apps: [
          {
            app_id: app.appId,
            client_id: '1.1',
            client_secret: 'unused',
            name: app.name,
            redirect_uris: [],
            scopes,
            bot_id: app.botId,
            bot_user_id: app.botUserId,
            bot_name: app.name,
          },
        ],
        tokens: [
          ...copiesOf(ADMIN_TOKEN).map((token) => ({ token, type: 'user', user_id: ADMIN_ID, scopes })),
          ...seed.users.map((name) => ({ token: userToken(name), type: 'user', user: name, scopes })),
          ...copiesOf(app.botToken).map((token) => ({
            token,
            type: 'bot',
            user_id: app.botUserId,
            app_id: app.appId,
            bot_id: app.botId,
            bot_user_id: app.botUserId,
            scopes,
          })),
        ],
        strict_scopes: false,
      },
    },
  });

  let calls = 0;
  async function call(method: string, token: string, args: Readonly<Record<string, unknown>>) {
    calls += 1;
    const copied = token === ADMIN_TOKEN || token === app.botToken ? `${token}-${calls % COPIES}` : token;
    const answer = await fetch(`${url}/api/${method}`, {
      method: 'POST',
      headers: { ...NO_REUSE, authorization: `Bearer ${copied}`, 'content-type': 'application/json' },
      body: JSON.stringify(time.kept(args)),
    });
    if (!answer.ok) throw new Error(`The emulated Slack answered ${answer.status} to ${method}.`);
    return time.shown(z.record(z.string(), z.unknown()).parse(await answer.json()));
  }

  async function pages(method: string, args: Readonly<Record<string, unknown>> & { readonly channel: string }) {
    // Nobody else may read a direct message.
    const token = isDirect(args.channel) ? app.botToken : ADMIN_TOKEN;
    const found: EmulatedMessage[] = [];
    for (let cursor = ''; ; ) {
      const page = z
        .object({
          messages: z.array(emulatedMessage).default([]),
          response_metadata: z.object({ next_cursor: z.string().default('') }).default({ next_cursor: '' }),
        })
        .parse(await call(method, token, { ...args, limit: 1000, cursor }));
      found.push(...page.messages);
      cursor = page.response_metadata.next_cursor;
      if (cursor === '') return found;
    }
  }

  const { members } = z
    .object({ members: z.array(z.object({ id: z.string(), name: z.string() })) })
    .parse(await call('users.list', ADMIN_TOKEN, { limit: 1000 }));
  const { channels } = z
    .object({ channels: z.array(z.object({ id: z.string(), name: z.string(), is_private: z.boolean() })) })
    .parse(await call('conversations.list', ADMIN_TOKEN, { limit: 1000, types: 'public_channel,private_channel' }));
  const { team_id } = z.object({ team_id: z.string() }).parse(await call('auth.test', app.botToken, {}));

  return {
    teamId: team_id,
    userIds: Object.fromEntries(members.map((member) => [member.name, member.id])),
    channels: channels.map(({ id, name, is_private: isPrivate }) => ({ id, name, isPrivate })),
    call,
    async directWith(userId) {
      const opened = await call('conversations.open', app.botToken, { users: userId });
      return z.object({ channel: z.object({ id: z.string() }) }).parse(opened).channel.id;
    },
    async upload(fileId, bytes) {
      const answer = await fetch(`${url}/upload/v1/${fileId}`, {
        method: 'POST',
        headers: NO_REUSE,
        body: new Uint8Array(bytes),
      });
      if (!answer.ok) throw new Error(`The file ${fileId} was not taken: ${answer.status}`);
    },
    async everything(channel) {
      const roots = await pages('conversations.history', { channel });
      const all = new Map(roots.map((message) => [message.ts, message]));
      for (const root of roots.filter((message) => (message.reply_count ?? 0) > 0)) {
        for (const message of await pages('conversations.replies', { channel, ts: root.ts })) {
          all.set(message.ts, message);
        }
      }
      return [...all.values()].sort((a, b) => (a.ts < b.ts ? -1 : 1));
    },
    close: () => emulator.close(),
  };
}
