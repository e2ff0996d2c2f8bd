import type { Arguments } from '../arguments.js';
import type { Reply } from '../answer.js';
import type { Channel, Emulated } from '../emulated.js';
import type { Author, Messages } from '../messages.js';
import type { Screens } from '../screen.js';
import type { Triggers } from '../triggers.js';
import type { Uploads } from '../uploads.js';
import type { Views } from '../views.js';

export interface Surroundings {
  readonly emulated: Emulated;
  readonly messages: Messages;
  readonly views: Views;
  readonly triggers: Triggers;
  readonly screens: Screens;
  readonly uploads: Uploads;
  /** The app's bot, in whose name everything is done. */
  readonly bot: Author;
  readonly scopes: readonly string[];
  readonly botChannels: ReadonlySet<string>;
  readonly archived: ReadonlySet<string>;
  /** People whom the app can write to directly, by their ids. */
  readonly reachable: ReadonlySet<string>;
  /** Whether more than one message a second and channel is refused. */
  readonly rateLimit: boolean;
  readonly homeTab: boolean;
  /** Where the app is installed; `organization`: for a whole one. */
  readonly installation: { readonly teamId: string; readonly organization: string | null };
  /** The workspace's address, such as `https://raxx.slack.com`. */
  readonly workspaceUrl: string;
  /** The app may unfurl links to these. */
  readonly unfurlDomains: readonly string[];
  /** What Slack says of a user beyond what `emulate` knows. */
  readonly userFields: (userId: string) => Readonly<Record<string, unknown>>;
}

type Method = (args: Arguments) => Promise<Reply>;
export type Methods = Readonly<Record<string, Method>>;

export function channelOf(around: Surroundings, args: Arguments): Channel | undefined {
  return around.emulated.channels.find(({ id }) => id === args['channel']);
}

/** A channel that the app can read: private ones exist for it only as a member. */
export function readable(around: Surroundings, args: Arguments): Channel | { readonly error: string } {
  const channel = channelOf(around, args);
  if (channel === undefined) return { error: 'channel_not_found' };
  if (around.botChannels.has(channel.id)) return channel;
  return { error: channel.isPrivate ? 'channel_not_found' : 'not_in_channel' };
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
