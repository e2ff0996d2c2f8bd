import { randomBytes } from 'node:crypto';
import { type Delivery, deliverEvent, type RetryWaits } from './deliver.js';
import type { Channel } from './emulated.js';
import type { MessageChange, SlackMessage } from './messages.js';
import { tsOf } from './screen.js';
import { EVENT_SCOPES } from './scopes.js';

export interface EventsOptions {
  readonly teamId: string;
  readonly appId: string;
  readonly botUserId: string;
  readonly channels: () => readonly Channel[];
  /** Channels that the bot is a member of: it gets events from no other. */
  readonly botChannels: ReadonlySet<string>;
  readonly subscribed: readonly string[];
  readonly scopes: readonly string[];
  readonly delivery: () => Delivery;
  readonly retryWaits: RetryWaits;
  readonly stopped: AbortSignal;
  /** Links to these are reported from any channel. */
  readonly unfurlDomains: readonly string[];
  /** Channels shared with other workspaces. */
  readonly sharedChannels: ReadonlySet<string>;
  readonly clock: () => Date;
  /** A user's home workspace. */
  readonly teamOf: (userId: string) => string;
}

/** What somebody has typed and not sent. */
export interface Draft {
  readonly user: string;
  readonly text: string;
  /** Slack's id for it, in place of a message's ts. */
  readonly draft: string;
}

/** Delivers events to the app if it subscribed to them and has their scope. */
export class Events {
  readonly #running = new Set<Promise<unknown>>();
  readonly #ofPost = new Map<string, Promise<unknown>>();

  constructor(private readonly options: EventsOptions) {}

  /** Resolves once the event was acknowledged or given up; at once if the app doesn't get it. */
  async send(subscription: string, event: Readonly<Record<string, unknown>>): Promise<void> {
    const { options } = this;
    const scope = EVENT_SCOPES[subscription];
    if (!options.subscribed.includes(subscription) || scope === undefined) return;
    if (scope !== null && !options.scopes.includes(scope)) return;
    const payload = {
      token: 'deprecated',
      team_id: options.teamId,
      context_team_id: options.teamId,
      context_enterprise_id: null,
      api_app_id: options.appId,
      event,
      type: 'event_callback',
      event_id: `Ev${randomBytes(5).toString('hex').toUpperCase()}`,
      event_time: Math.floor(options.clock().getTime() / 1000),
      authorizations: [
        {
          enterprise_id: null,
          team_id: options.teamId,
          user_id: options.botUserId,
          is_bot: true,
          is_enterprise_install: false,
        },
      ],
      is_ext_shared_channel: options.sharedChannels.has(String(event['channel'])),
      event_context: randomBytes(12).toString('base64url'),
    };
    const sending = deliverEvent(options.delivery, { kind: 'event', payload }, options.retryWaits, options.stopped);
    this.#running.add(sending);
    await sending.finally(() => this.#running.delete(sending));
  }

  /** Reports a change to a message, the app's own included, as Slack does. Doesn't wait. */
  announce(change: MessageChange): void {
    const channel = this.options.channels().find(({ id }) => id === change.channel);
    if (channel === undefined) return;
    const sending = Promise.all([
      this.options.botChannels.has(channel.id) ? this.#announce(change, channel) : undefined,
      change.kind === 'posted' ? this.#announceLinks(change.message, channel) : undefined,
    ]);
    if (change.kind === 'posted') this.#ofPost.set(`${change.channel}/${change.message.ts}`, sending);
  }

  /** Resolves once a post's event was acknowledged or given up. */
  async heardOf(channel: string, ts: string): Promise<void> {
    await this.#ofPost.get(`${channel}/${ts}`);
  }

  /** Resolves once nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #announce(change: MessageChange, channel: Channel): Promise<void> {
    const subscription = channel.isPrivate ? 'message.groups' : 'message.channels';
    const where = { channel: channel.id, channel_type: channel.isPrivate ? 'group' : 'channel' };
    if (change.kind === 'posted') {
      const { message } = change;
      const said = { ...this.#asEvent(message), ...where, event_ts: message.ts };
      const mentions = message.text.includes(`<@${this.options.botUserId}`);
      // Slack sends both, in no particular order.
      await Promise.all([
        this.send(subscription, said),
        mentions ? this.send('app_mention', { ...said, type: 'app_mention', channel_type: undefined }) : undefined,
      ]);
      return;
    }
    const at = tsOf(this.options.clock());
    const hidden = { type: 'message', hidden: true, ...where, ts: at, event_ts: at };
    const previous = withoutMetadata(change.previous);
    await this.send(
      subscription,
      change.kind === 'changed'
        ? {
            ...hidden,
            subtype: 'message_changed',
            message: withoutMetadata(change.message),
            previous_message: previous,
          }
        : { ...hidden, subtype: 'message_deleted', deleted_ts: previous.ts, previous_message: previous },
    );
  }

  /**
   * Reports links in a message field before anything is posted. It names no channel: Slack tells nobody where the
   * message will go.
   */
  async composed({ user, text, draft }: Draft): Promise<void> {
    const links = this.#linksIn(text);
    if (links.length === 0) return;
    await this.send('link_shared', {
      type: 'link_shared',
      channel: 'COMPOSER',
      is_bot_user_member: true,
      user,
      message_ts: draft,
      unfurl_id: draft,
      source: 'composer',
      links,
      event_ts: tsOf(this.options.clock()),
    });
  }

  #linksIn(text: string): readonly { readonly domain: string; readonly url: string }[] {
    return [...text.matchAll(/<(https?:\/\/[^<>|]+)(?:\|[^<>]*)?>/gu)].flatMap(([, url = '']) =>
      URL.canParse(url) && this.options.unfurlDomains.includes(new URL(url).hostname)
        ? [{ domain: new URL(url).hostname, url }]
        : [],
    );
  }

  /** https://docs.slack.dev/reference/events/link_shared */
  async #announceLinks(message: SlackMessage, channel: Channel): Promise<void> {
    const links = this.#linksIn(message.text);
    if (links.length === 0 || message['bot_id'] !== undefined) return;
    await this.send('link_shared', {
      type: 'link_shared',
      channel: channel.id,
      is_bot_user_member: this.options.botChannels.has(channel.id),
      user: message.user,
      message_ts: message.ts,
      unfurl_id: `${channel.id}-${message.ts}`,
      source: 'conversations_history',
      ...(message.thread_ts === undefined ? {} : { thread_ts: message.thread_ts }),
      links,
      event_ts: message.ts,
    });
  }

  #asEvent(message: SlackMessage): Record<string, unknown> {
    const team = this.options.teamOf(message.user);
    return { ...withoutMetadata(message), team, user_team: team, source_team: team };
  }
}

function withoutMetadata({ metadata: _metadata, ...message }: SlackMessage) {
  return message;
}
