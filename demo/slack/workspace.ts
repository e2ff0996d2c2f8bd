import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { endOfAll } from '../end-of-all.js';
import { ACK_WITHIN_MS, type Delivery, type Payload, type RetryWaits } from './deliver.js';
import { isDirect, startEmulated, userToken } from './emulated.js';
import { Events } from './events.js';
import { createFaults, type Faults } from './faults.js';
import { type HttpDelivery, httpDelivery } from './http-delivery.js';
import { type Author, inChannel, Messages, type SlackMessage } from './messages.js';
import { createPerson, type Person, type PersonSurroundings } from './person.js';
import { ResponseUrls } from './response-urls.js';
import { ALL_SCOPES, EVENT_SCOPES, SOCKET_MODE_SCOPE } from './scopes.js';
import { type EphemeralMessage, Screens, type StoredMessage } from './screen.js';
import { type SocketMode, startSocketMode } from './socket-mode.js';
import { Triggers } from './triggers.js';
import { Uploads } from './uploads.js';
import { type OpenView, Views } from './views.js';
import { type RecordedCall, startWebApi, type WebApi } from './web-api.js';

export type { EphemeralMessage, OpenView, Person, StoredMessage };

export interface SlackStandInOptions {
  /** The address the app uses (`https://slack.test`), if something stands in between; default: its own. */
  readonly publicUrl?: string;
  /** The granted bot scopes; default: all that the stand-in knows. */
  readonly scopes?: readonly string[];
  /** The app token's scopes; default `connections:write`. */
  readonly appTokenScopes?: readonly string[];
  /** The app's event subscriptions; default: all that the stand-in knows. */
  readonly subscribedEvents?: readonly string[];
  readonly signingSecret?: string;
  /** The workspace's id; default: always the same. */
  readonly teamId?: string;
  /** The id of the organization that the app is installed for as a whole; default: only this workspace. */
  readonly installedForOrganization?: string;
  /** Whether more than one message a second and channel is refused; default true. */
  readonly rateLimit?: boolean;
  /** Domains whose links Slack reports to the app, so that it can unfurl them. Default: none. */
  readonly unfurlDomains?: readonly string[];
  /** Whether people of another workspace are in the channel `random` too; default false. */
  readonly randomIsShared?: boolean;
  /** Whether the app has a home tab, as its manifest says; default true. */
  readonly homeTab?: boolean;
  /** How people see that a modal is still loading, so that they wait; default: it never is. */
  readonly isLoading?: (view: OpenView) => boolean;
  /** Whether the alerts channel is private and needs its own scopes and events; default false. */
  readonly alertsArePrivate?: boolean;
  /** Before each of Slack's three retries of an event, in milliseconds; Slack's own are 0, one and five minutes. */
  readonly eventRetryWaitMs?: number | RetryWaits;
  /** Milliseconds for an acknowledgement; default: Slack's 3,000. */
  readonly ackWithinMs?: number;
  /** Milliseconds after a click in which a form may be opened; default: Slack's 3,000. */
  readonly triggerLifeMs?: number;
  /** The workspace's clock; default: the machine's. May be moved forward only. */
  readonly clock?: () => Date;
}

/** A workspace: Slack as far as the app uses it, as strict as the original. */
export interface SlackStandIn {
  /** For SLACK_API_URL; ends in `/api/`. */
  readonly apiUrl: string;
  readonly port: number;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly teamId: string;
  readonly appId: string;
  readonly botUserId: string;
  readonly botId: string;
  /** The bot is only a member of `alerts`. */
  readonly channels: { readonly alerts: string; readonly random: string; readonly general: string };
  readonly people: {
    readonly superadmin: Person;
    readonly secondSuperadmin: Person;
    readonly engineer: Person;
    /** From another workspace, through Slack Connect. */
    readonly externalUser: Person;
    /** Another app's bot: it can post, and nothing else. */
    readonly otherBot: Person;
  };
  readonly faults: Faults;
  /**
   * Slack is down for this long by the workspace's clock: every call gets a 503, Socket Mode connections are cut, and
   * nobody can reconnect.
   */
  outage(durationMs: number): void;
  /** Every call of the Web API and every POST to a response URL, oldest first. */
  readonly calls: readonly RecordedCall[];
  /** Requests to the app over HTTP, for replaying and forging; null over Socket Mode. */
  readonly http: HttpDelivery | null;
  readonly socketMode: Omit<SocketMode, 'deliver' | 'url' | 'close'>;
  /** From now on payloads go to this URL, signed. Until then, and with null, over Socket Mode. */
  connectHttp(eventsUrl: string | null): void;
  /** What a channel shows, oldest first: messages, and replies sent to the channel as well. */
  messages(channel: string): Promise<readonly StoredMessage[]>;
  /** Includes replies that are only in their thread. */
  everything(channel: string): Promise<readonly StoredMessage[]>;
  /** The replies under a message, oldest first, without that message. */
  thread(channel: string, ts: string): Promise<readonly StoredMessage[]>;
  /** Shared files, with their alternative text. */
  files(): readonly { readonly id: string; readonly name: string; readonly altText: string | null }[];
  /** A shared file's text, by its id. @throws if there is none */
  fileContent(id: string): string;
  fileBytes(id: string): Buffer;
  /** `/invite`s the app to a public channel. @throws if there is none */
  invite(channel: string): void;
  /** A channel's archiving by somebody: it can be read, but nothing in it can change. */
  archive(channel: string): void;
  /** Overrides what Slack says of a user (https://docs.slack.dev/reference/objects/user-object). */
  setUser(userId: string, fields: Readonly<Record<string, unknown>>): void;
  /** A person's time zone in their profile; null: none. Default `Europe/Berlin`. */
  setTimeZone(userId: string, timeZone: string | null): void;
  /** As an administrator of the workspace would. @throws if there is no such message */
  deleteMessage(channel: string, ts: string): Promise<void>;
  /** Calls back whenever what somebody sees has changed; returns how to stop that. */
  onChange(observer: () => void): () => void;
  /** Resolves once the app has acknowledged every event so far, or was given up. */
  eventsSettled(): Promise<void>;
  close(): Promise<void>;
}

const APP = {
  name: 'flag-promotions',
  appId: 'A0FLAGPROMO',
  botId: 'B0FLAGPROMO',
  botUserId: 'U0FLAGPROMO',
} as const;
const TEAM = { name: 'Raxx', domain: 'raxx' } as const;
const DEFAULT_TIME_ZONE = 'Europe/Berlin';
const FOREIGN_TEAM = 'T0ELSEWHERE';
const EXTERNAL_USER = 'dana';
const OTHER_BOT = { name: 'deploybot', botId: 'B0DEPLOYBOT', appId: 'A0DEPLOYBOT' } as const;
const PEOPLE = ['kris', 'mina', 'sam', EXTERNAL_USER, OTHER_BOT.name] as const;

/** Starts a workspace on 127.0.0.1, on a free port. */
export async function startSlackStandIn(options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const botToken = `xoxb-${randomBytes(12).toString('hex')}`;
  const appToken = `xapp-${randomBytes(12).toString('hex')}`;
  const signingSecret = options.signingSecret ?? randomBytes(16).toString('hex');
  const scopes = options.scopes ?? ALL_SCOPES;
  const ackWithinMs = options.ackWithinMs ?? ACK_WITHIN_MS;
  const stopped = endOfAll();
  const clock = options.clock ?? (() => new Date());
  const observers = new Set<() => void>();
  const changed = (): void => {
    for (const observer of observers) observer();
  };

  const seed = {
    team: TEAM,
    users: PEOPLE,
    channels: [{ name: 'flag-alerts', isPrivate: options.alertsArePrivate ?? false }],
    app: { ...APP, botToken },
  };
  const emulated = await startEmulated(seed, clock);
  const installation = installationOf(options, emulated.teamId);
  const { teamId } = installation;
  const channelNamed = (name: string): string => emulated.channels.find((one) => one.name === name)?.id ?? '';
  const idOf = (name: (typeof PEOPLE)[number]): string => emulated.userIds[name] ?? '';
  const alerts = channelNamed('flag-alerts');
  const botChannels = new Set([alerts]);
  const archived = new Set<string>();
  if (options.alertsArePrivate === true) {
    const host = userToken('kris');
    await emulated.call('conversations.invite', host, { channel: alerts, users: APP.botUserId });
  }
  const teamOf = (userId: string): string => (userId === idOf(EXTERNAL_USER) ? FOREIGN_TEAM : teamId);

  const timeZones = new Map<string, string | null>();
  const users = new Map<string, Readonly<Record<string, unknown>>>();
  const faults = createFaults(clock);
  const screens = new Screens(changed);
  const triggers = new Triggers(options.triggerLifeMs);
  const views = new Views({ teamId, appId: APP.appId, botId: APP.botId }, changed);
  const bot: Author = { userId: APP.botUserId, token: botToken, fields: botFields(APP, teamId) };
  const authors: readonly Author[] = [
    bot,
    ...PEOPLE.map((name) => ({
      userId: idOf(name),
      token: userToken(name),
      fields: name === OTHER_BOT.name ? botFields(OTHER_BOT, teamId) : { team: teamOf(idOf(name)) },
    })),
  ];

  let http: HttpDelivery | null = null;
  const events = new Events({
    teamId,
    appId: APP.appId,
    botUserId: APP.botUserId,
    channels: () => emulated.channels,
    botChannels,
    unfurlDomains: options.unfurlDomains ?? [],
    sharedChannels: new Set([alerts, ...(options.randomIsShared === true ? [channelNamed('random')] : [])]),
    subscribed: options.subscribedEvents ?? Object.keys(EVENT_SCOPES),
    scopes,
    delivery: (): Delivery => http ?? socketMode,
    retryWaits: retryWaits(options.eventRetryWaitMs ?? 50),
    stopped: stopped.signal,
    teamOf,
    clock,
  });
  const messages = new Messages(emulated, authors, (change) => {
    events.announce(change);
    changed();
  });
  const publicUrl = () => options.publicUrl ?? api.url;
  const uploads = new Uploads(publicUrl);
  const responseUrls = new ResponseUrls(publicUrl, screens, messages, bot, clock);

  const api: WebApi = await startWebApi({
    around: {
      emulated,
      messages,
      views,
      triggers,
      screens,
      uploads,
      bot,
      scopes,
      botChannels,
      archived,
      unfurlDomains: options.unfurlDomains ?? [],
      reachable: new Set(PEOPLE.filter((name) => name !== OTHER_BOT.name && name !== EXTERNAL_USER).map(idOf)),
      rateLimit: options.rateLimit ?? true,
      homeTab: options.homeTab ?? true,
      installation,
      workspaceUrl: `https://${TEAM.domain}.slack.com`,
      userFields: (userId) => ({
        team_id: teamOf(userId),
        // https://docs.slack.dev/reference/objects/user-object: a profile need not have a time zone.
        tz: timeZones.has(userId) ? timeZones.get(userId) : DEFAULT_TIME_ZONE,
        ...(teamOf(userId) === teamId ? {} : { is_stranger: true }),
        ...(userId === idOf(OTHER_BOT.name) ? { is_bot: true } : {}),
        ...users.get(userId),
      }),
    },
    faults,
    appToken,
    appTokenScopes: options.appTokenScopes ?? [SOCKET_MODE_SCOPE],
    socketUrl: () => socketMode.url(),
    respond: (id, body) => responseUrls.respond(id, body),
  });
  const socketMode = startSocketMode(api.server, { appId: APP.appId, ackWithinMs, httpUrl: publicUrl() });

  const around: PersonSurroundings = {
    appId: APP.appId,
    teamId,
    domain: TEAM.domain,
    screens,
    views,
    triggers,
    responseUrls,
    channel(id) {
      if (isDirect(id)) return { id, name: 'directmessage', isPrivate: false };
      const found = emulated.channels.find((one) => one.id === id);
      if (found === undefined) throw new Error(`There is no channel ${id}.`);
      return found;
    },
    async deliver(payload: Payload) {
      const needsCommands = payload.kind === 'command' || payload.payload['type'] === 'message_action';
      if (needsCommands && !scopes.includes('commands')) throw new Error('The app has no scope `commands`.');
      return (http ?? socketMode).deliver(payload);
    },
    deliverEvent: (subscription, event) => events.send(subscription, event),
    async post(userId, args, subtype) {
      const author = authors.find((one) => one.userId === userId);
      if (author === undefined) throw new Error(`Nobody is called ${userId}.`);
      const answer = await messages.post(author, args, subtype);
      if (answer['ok'] !== true) throw new Error(`Slack did not take the message: ${JSON.stringify(answer)}`);
      return z.string().parse(answer['ts']);
    },
    directMessages: async (userId) => around.messages(await emulated.directWith(userId)),
    heardOf: (channel, ts) => events.heardOf(channel, ts),
    composed: (draft) => events.composed(draft),
    messages: async (channel) => (await messages.all(channel)).map((message) => stored(channel, message)),
    clock,
    isLoading: options.isLoading ?? (() => false),
  };
  const person = (name: (typeof PEOPLE)[number]): Person =>
    createPerson(
      { id: idOf(name), name, teamId: teamOf(idOf(name)), home: alerts, isBot: name === OTHER_BOT.name },
      around,
    );

  return {
    apiUrl: `${publicUrl()}/api/`,
    port: Number(new URL(api.url).port),
    botToken,
    appToken,
    signingSecret,
    teamId,
    appId: APP.appId,
    botUserId: APP.botUserId,
    botId: APP.botId,
    channels: { alerts, random: channelNamed('random'), general: channelNamed('general') },
    people: {
      superadmin: person('kris'),
      secondSuperadmin: person('mina'),
      engineer: person('sam'),
      externalUser: person(EXTERNAL_USER),
      otherBot: person(OTHER_BOT.name),
    },
    faults,
    outage(durationMs) {
      faults.add({ method: '*', kind: 'status', status: 503, until: new Date(clock().getTime() + durationMs) });
      socketMode.drop();
    },
    calls: api.calls,
    get http() {
      return http;
    },
    socketMode,
    connectHttp(eventsUrl) {
      http =
        eventsUrl === null ? null : httpDelivery(eventsUrl, { signingSecret, ackWithinMs, stopped: stopped.signal });
    },
    async messages(channel) {
      return (await messages.all(channel)).filter(inChannel).map((message) => stored(channel, message));
    },
    everything: around.messages,
    async thread(channel, ts) {
      return (await around.messages(channel)).filter((message) => message.threadTs === ts && message.ts !== ts);
    },
    files: () => uploads.shared(),
    fileContent: (id) => uploads.contentOf(id).toString('utf8'),
    fileBytes: (id) => uploads.contentOf(id),
    invite(channel) {
      const found = emulated.channels.find(({ id, isPrivate }) => id === channel && !isPrivate);
      if (found === undefined) throw new Error(`There is no public channel ${channel}.`);
      botChannels.add(channel);
    },
    archive: (channel) => void archived.add(channel),
    setUser: (userId, fields) => void users.set(userId, fields),
    setTimeZone: (userId, timeZone) => void timeZones.set(userId, timeZone),
    deleteMessage: (channel, ts) => messages.removeAsAuthor(channel, ts),
    onChange(observer) {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    eventsSettled: () => events.settled(),
    async close() {
      stopped.abort();
      await socketMode.close();
      await events.settled();
      await api.close();
      await emulated.close();
    },
  };
}

/** Slack sends an event three times more; see https://docs.slack.dev/apis/events-api/#retries. */
function retryWaits(wait: NonNullable<SlackStandInOptions['eventRetryWaitMs']>): RetryWaits {
  return typeof wait === 'number' ? [wait, wait, wait] : wait;
}

/** The installation, as Slack adds it to a bot's message. */
function installationOf({ teamId, installedForOrganization }: SlackStandInOptions, usual: string) {
  return { teamId: teamId ?? usual, organization: installedForOrganization ?? null };
}

function botFields(app: { readonly name: string; readonly appId: string; readonly botId: string }, teamId: string) {
  return {
    bot_id: app.botId,
    app_id: app.appId,
    team: teamId,
    bot_profile: { id: app.botId, app_id: app.appId, name: app.name, team_id: teamId, deleted: false },
  };
}

function stored(channel: string, message: SlackMessage): StoredMessage {
  return {
    channel,
    ts: message.ts,
    text: message.text,
    user: message.user,
    // At the root of a thread Slack repeats its own ts.
    threadTs: message.thread_ts === undefined || message.thread_ts === message.ts ? null : message.thread_ts,
    blocks: message.blocks ?? [],
    attachments: message.attachments ?? [],
    raw: message,
  };
}
