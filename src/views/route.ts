import type { RefusedRoute } from '../promotions/routing.js';
import { context } from './blocks.js';
import { code } from './text.js';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['not_in_channel', 'I’m not in it: `/invite @flag-promotions` there'],
  ['channel_not_found', 'it doesn’t exist, or it is private and I’m not in it'],
  ['is_archived', 'it is archived'],
]);

/** Why a message is here and not in the channel that its app's alerts go to. */
export function misrouted({ channel, because }: RefusedRoute) {
  const reason = REASONS.get(because) ?? `Slack says ${code(because, 60)}`;
  return context(`:warning: \`ALERT_ROUTES\` sends this to <#${channel}>, but ${reason}.`);
}
