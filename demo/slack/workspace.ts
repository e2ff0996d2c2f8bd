import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { deliverEvent, type Delivery, type HttpDelivery, httpDelivery, type Payload } from './deliver.js';
import { ADMIN_TOKEN, type EmulatedMessage, personToken, startEmulated } from './emulated.js';
import { createFaults, type Faults } from './faults.js';
import { createPerson, type Person, type PersonSurroundings } from './person.js';
import { ALL_SCOPES, EVENT_SCOPES } from './scopes.js';
import { type EphemeralMessage, type OpenView, Screens, type StoredMessage } from './screen.js';
import { socketUrl, startSocketMode } from './socket-mode.js';
import { inChannel, type RecordedCall, startWebApi, type WebApi } from './web-api.js';

export type { EphemeralMessage, OpenView, Person, RecordedCall, StoredMessage };

export interface SlackStandInOptions {
  /** The bot scopes that were granted. */
  readonly scopes?: readonly string[];
  readonly subscribedEvents?: readonly string[];
  readonly signingSecret?: string;
  /** Whether more than one message a second and channel is refused; true unless told. */
  readonly rateLimit?: boolean;
  /** Between the deliveries of an event that is not acknowledged, in milliseconds. */
  readonly eventRetryWaitMs?: number;
}

/** A workspace: Slack as far as the app uses it, as strict as the original. */
export interface SlackStandIn {
  /** For SLACK_API_URL. */
  readonly apiUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly teamId: string;
  readonly appId: string;
  readonly botUserId: string;
  readonly botId: string;
  /** The bot is a member of `alerts` alone. */
  readonly channels: { readonly alerts: string; readonly random: string };
  readonly people: {
    readonly superadmin: Person;
    readonly secondSuperadmin: Person;
    readonly engineer: Person;
    /** Of another workspace, here through Slack Connect. */
    readonly stranger: Person;
  };
  readonly faults: Faults;
  readonly calls: readonly RecordedCall[];
  /** Requests to the app over HTTP, which can be replayed; null before connectHttp. */
  readonly http: HttpDelivery | null;
  /** From here on payloads go to this URL, signed. Until then, and where it is null, over Socket Mode. */
  connectHttp(eventsUrl: string | null): void;
  /** What a channel shows, the oldest first: messages, and replies that were sent to the channel as well. */
  messages(channel: string): Promise<readonly StoredMessage[]>;
  /** The replies under a message. */
  thread(channel: string, ts: string): Promise<readonly StoredMessage[]>;
  /** As an administrator of the workspace would. */
  deleteMessage(channel: string, ts: string): Promise<void>;
  close(): Promise<void>;
}

const APP_ID = 'A0FLAGPROMO';
const BOT_ID = 'B0FLAGPROMO';
const BOT_USER_ID = 'U0FLAGPROMO';
const FOREIGN_TEAM = 'T0ELSEWHERE';
const PEOPLE = ['kris', 'mina', 'sam', 'dana'] as const;

export async function startSlackStandIn(options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const botToken = `xoxb-${randomBytes(12).toString('hex')}`;
  const appToken = `xapp-${randomBytes(12).toString('hex')}`;
  const signingSecret = options.signingSecret ?? randomBytes(16).toString('hex');
  const scopes = options.scopes ?? ALL_SCOPES;
  const subscribed = options.subscribedEvents ?? Object.keys(EVENT_SCOPES);
  const faults = createFaults();
  const screens = new Screens();
  const emulated = await startEmulated({
    users: [...PEOPLE],
    channels: ['flag-alerts'],
    app: { appId: APP_ID, botId: BOT_ID, botUserId: BOT_USER_ID, botToken },
  });
  const alerts = emulated.channelIds['flag-alerts'] ?? '';
  const triggerOwners = new Map<string, string>();

  const api: WebApi = await startWebApi({
    emulated,
    faults,
    botToken,
    appToken,
    scopes,
    botChannels: new Set([alerts]),
    rateLimit: options.rateLimit ?? true,
    socketUrl: () => socketUrl(api.url),
    onViewOpened: (view, trigger) => screens.of(triggerOwners.get(trigger) ?? '').views.push(openView(view)),
    onViewUpdated: (view) => screens.updateView(openView(view)),
    isOpen: (viewId) => screens.isOpen(viewId),
    onEphemeral: ({ user, ...message }) => void screens.whisper(user, message),
    onResponse: (id, body) => screens.respond(id, body),
  });
  const socketMode = startSocketMode(api.server, APP_ID);
  let http: HttpDelivery | null = null;
  const delivery = (): Delivery => http ?? socketMode;

  const storedMessages = async (channel: string) =>
    (await emulated.everything(channel)).map((message) => stored(channel, message));
  const around: PersonSurroundings = {
    appId: APP_ID,
    botUserId: BOT_USER_ID,
    teamId: emulated.teamId,
    domain: 'raxx',
    screens,
    apiUrl: api.url,
    deliver: (payload: Payload) => {
      const needsCommands = payload.kind === 'command' || payload.payload['type'] === 'message_action';
      if (needsCommands && !scopes.includes('commands')) throw new Error('The app has no scope `commands`.');
      return delivery().deliver(payload);
    },
    async deliverEvent(subscription, event) {
      const scope = EVENT_SCOPES[subscription];
      if (!subscribed.includes(subscription) || scope === undefined) return;
      if (scope !== null && !scopes.includes(scope)) return;
      const payload = {
        token: 'deprecated',
        team_id: emulated.teamId,
        api_app_id: APP_ID,
        event,
        type: 'event_callback',
        event_id: `Ev${randomBytes(5).toString('hex').toUpperCase()}`,
        event_time: Math.floor(Date.now() / 1000),
        authorizations: [
          {
            enterprise_id: null,
            team_id: emulated.teamId,
            user_id: BOT_USER_ID,
            is_bot: true,
            is_enterprise_install: false,
          },
        ],
        is_ext_shared_channel: false,
      };
      await deliverEvent(delivery(), { kind: 'event', payload }, options.eventRetryWaitMs ?? 50);
    },
    async trigger(userId) {
      const answer = await emulated.call('views.generateTriggerId', botToken, { user_id: userId });
      const trigger = z.string().parse(answer['trigger_id']);
      triggerOwners.set(trigger, userId);
      return trigger;
    },
    async post(name, args) {
      const answer = await emulated.call('chat.postMessage', personToken(name), args);
      return z.string().parse(answer['ts']);
    },
    messages: storedMessages,
    async replaceView(viewId, view) {
      const answer = await emulated.call('views.update', botToken, { view_id: viewId, view });
      const shown = openView(z.record(z.string(), z.unknown()).parse(answer['view']));
      screens.updateView(shown);
      return shown;
    },
  };
  const person = (name: (typeof PEOPLE)[number], teamId: string): Person =>
    createPerson({ id: emulated.userIds[name] ?? '', name, teamId, home: alerts }, around);

  return {
    apiUrl: `${api.url}/api/`,
    botToken,
    appToken,
    signingSecret,
    teamId: emulated.teamId,
    appId: APP_ID,
    botUserId: BOT_USER_ID,
    botId: BOT_ID,
    channels: { alerts, random: emulated.channelIds['random'] ?? '' },
    people: {
      superadmin: person('kris', emulated.teamId),
      secondSuperadmin: person('mina', emulated.teamId),
      engineer: person('sam', emulated.teamId),
      stranger: person('dana', FOREIGN_TEAM),
    },
    faults,
    calls: api.calls,
    get http() {
      return http;
    },
    connectHttp(eventsUrl) {
      http = eventsUrl === null ? null : httpDelivery(eventsUrl, signingSecret);
    },
    async messages(channel) {
      return (await emulated.everything(channel)).filter(inChannel).map((message) => stored(channel, message));
    },
    async thread(channel, ts) {
      return (await storedMessages(channel)).filter((message) => message.threadTs === ts && message.ts !== ts);
    },
    async deleteMessage(channel, ts) {
      const message = (await storedMessages(channel)).find((one) => one.ts === ts);
      const token = message?.user === BOT_USER_ID ? botToken : ADMIN_TOKEN;
      await emulated.call('chat.delete', token, { channel, ts });
    },
    async close() {
      socketMode.close();
      await api.close();
      await emulated.close();
    },
  };
}

function stored(channel: string, message: EmulatedMessage): StoredMessage {
  return {
    channel,
    ts: message.ts,
    text: message.text,
    user: message.user ?? '',
    threadTs: message.thread_ts ?? null,
    blocks: message.blocks ?? [],
    attachments: message.attachments ?? [],
  };
}

function openView(view: Readonly<Record<string, unknown>>): OpenView {
  const parsed = z
    .object({
      id: z.string(),
      hash: z.string(),
      callback_id: z.string().default(''),
      private_metadata: z.string().default(''),
      title: z.object({ text: z.string() }),
      blocks: z.array(z.unknown()),
    })
    .parse(view);
  return {
    id: parsed.id,
    hash: parsed.hash,
    callbackId: parsed.callback_id,
    privateMetadata: parsed.private_metadata,
    title: parsed.title.text,
    blocks: parsed.blocks,
    raw: view,
  };
}
