import type { RefusedRoute } from '../promotions/routing.js';
import { context, type Message, section } from './blocks.js';
import { code } from './text.js';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['not_in_channel', 'I’m not in it: `/invite @flag-promotions` there'],
  ['channel_not_found', 'it doesn’t exist, or it is private and I’m not in it'],
  ['is_archived', 'it is archived'],
  ['is_inactive', 'it is archived'],
]);

/** What Slack says of one message, not of its channel. */
const CANT_UPDATE: ReadonlyMap<string, string> = new Map([
  ['cant_update_message', 'another app posted it'],
  ['edit_window_closed', 'the time for edits is over'],
]);

/** Why a message is not in its app's alert channel. */
export function misrouted({ channel, because }: RefusedRoute) {
  const cantUpdate = CANT_UPDATE.get(because);
  if (cantUpdate !== undefined) {
    return context(
      `:warning: Posted again: I can’t update the earlier message in <#${channel}>, because ${cantUpdate}.`,
    );
  }
  // An update may have been refused, too, even if there are no routes.
  if (!REASONS.has(because)) return context(`:warning: Not in <#${channel}>: ${reasonOf(because)}.`);
  return context(`:warning: \`ALERT_ROUTES\` sends this to <#${channel}>, but ${reasonOf(because)}.`);
}

/** A reply that Slack refused in its thread: which promotion it is about, and why it is here. */
export function outsideThread(
  { text, blocks = [section(text)] }: Message,
  { channel, because }: RefusedRoute,
  promotionId: string | null,
): Message {
  const about = promotionId === null ? '' : `Promotion ${promotionId} · `;
  const why = `:warning: ${about}This belongs in a thread in <#${channel}>, but ${reasonOf(because)}.`;
  return { text, blocks: [...blocks, context(why)] };
}

function reasonOf(because: string): string {
  if (because === 'no_reason') return 'Slack gives no reason';
  return REASONS.get(because) ?? CANT_UPDATE.get(because) ?? `Slack says ${code(because, 60)}`;
}
