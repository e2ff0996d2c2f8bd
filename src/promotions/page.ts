import { oncePerApp } from './routing.js';
import type { Severity } from './stuck.js';

interface PageLink {
  readonly href: string;
  readonly text: string;
}

export interface PageTrigger {
  /** One line; a pager may show only its start. */
  readonly summary: string;
  /** A Heroku app. */
  readonly source: string;
  readonly component: string | null;
  readonly at: Date;
  readonly links: readonly PageLink[];
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export type PageEvent =
  | { readonly action: 'trigger'; readonly key: string; readonly trigger: PageTrigger }
  | { readonly action: 'acknowledge' | 'resolve'; readonly key: string };

export interface PagedAlert {
  readonly promotionId: string;
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly openedAt: Date;
  /** It is open, and its promotion is still deploying. */
  readonly isOpen: boolean;
  /** Somebody is on it or snoozed it. */
  readonly isAttended: boolean;
}

export type PageStatus = 'triggered' | 'acknowledged' | 'resolved';

/**
 * The status of a page's alerts: resolved once all ended, acknowledged once somebody looks after each open one. A
 * snooze acknowledges, too: somebody has looked. Pure.
 */
export function pageStatus(alerts: readonly Pick<PagedAlert, 'isOpen' | 'isAttended'>[]): PageStatus {
  const open = alerts.filter(({ isOpen }) => isOpen);
  if (open.length === 0) return 'resolved';
  return open.every(({ isAttended }) => isAttended) ? 'acknowledged' : 'triggered';
}

/** Whether to tell the pager. No pager takes back an acknowledgement: it rings again by its own rules. */
export function isNewsToPager(shownAs: string | null, status: PageStatus): boolean {
  if (shownAs === 'resolved' || status === 'triggered') return false;
  return shownAs !== status;
}

/** What a page's sealed routing key is bound to. */
export const PAGE_KEY_BOUND_TO = 'page';

export interface UnpagedCritical {
  readonly alertId: string;
  readonly promotionId: string;
  readonly herokuApp: string;
  /** null: it has an individual alert. */
  readonly groupId: string | null;
}

export interface PageToQueue {
  /** A promotion's id, or `group:` and a group's id. */
  readonly subject: string;
  readonly promotionId: string | null;
  readonly alertIds: readonly string[];
}

export const groupSubject = (groupId: string): string => `group:${groupId}`;

/**
 * Decides which pages to queue: one per critical with an individual alert, one for all new ones in a group, so that
 * fifty at once ring once. `isPaged`: whether an app's criticals page anybody. Pure; in the input's order.
 */
export function planPages(
  criticals: readonly UnpagedCritical[],
  isPaged: (herokuApp: string) => boolean,
): readonly PageToQueue[] {
  const pages = new Map<string, PageToQueue & { readonly alertIds: string[] }>();
  const pagesFor = oncePerApp(isPaged);
  for (const { alertId, promotionId, herokuApp, groupId } of criticals) {
    if (!pagesFor(herokuApp)) continue;
    const subject = groupId === null ? promotionId : groupSubject(groupId);
    const page = pages.get(subject) ?? { subject, promotionId: groupId === null ? promotionId : null, alertIds: [] };
    page.alertIds.push(alertId);
    pages.set(subject, page);
  }
  return [...pages.values()];
}

/** How long Slack may fail to take an alert before a person is paged about that. */
export const SLACK_SILENT_AFTER_MS = 10 * 60_000;

/**
 * The pager's key for an incident. The promotion's id alone won't do: another installation may use the same pager, and
 * a row may be set to deploying again.
 */
export function pageKey(subject: string, severity: Severity, createdAt: Date): string {
  const about = subject.replace(':', '-');
  return `flag-promotions/${/^-?\d+$/u.test(about) ? `promotion-${about}` : about}/${severity}/${createdAt.getTime()}`;
}
