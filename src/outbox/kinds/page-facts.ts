import type { OutboxMessage } from '../../promotions/messages.js';
import { isNewsToPager, type PageStatus, type PageTrigger } from '../../promotions/page.js';
import type { Shown, ShowRequest } from '../kind.js';

/** Shared by the pages: the status of their incident, and how to open it. */
export interface PageFacts {
  readonly status: PageStatus;
  readonly key: string;
  /** null: it has ended, so nothing opens it. */
  readonly trigger: PageTrigger | null;
}

/**
 * The event that brings the pager up to date. What ended before it was ever sent isn't sent; what may have arrived is
 * resolved.
 */
export function showingPage({ status, key, trigger }: PageFacts, { message, isNew }: ShowRequest): Shown | null {
  if (!isNew) return showingChange(message, status, key);
  if (status !== 'resolved' && trigger !== null) {
    return {
      content: { page: { action: 'trigger', key, trigger } },
      as: 'triggered',
      isBehind: status !== 'triggered',
    };
  }
  return message.channel === null ? null : { content: { page: { action: 'resolve', key } }, as: 'resolved' };
}

function showingChange({ shownAs }: OutboxMessage, status: PageStatus, key: string): Shown | null {
  if (!isNewsToPager(shownAs, status)) return null;
  return {
    content: { page: { action: status === 'resolved' ? 'resolve' : 'acknowledge', key } },
    as: status,
  };
}
