import { type Drill, pretendEvidence, pretendPromotion } from '../promotions/drill.js';
import type { Evidence } from '../promotions/evidence.js';
import type { PagedAlert, PageTrigger } from '../promotions/page.js';
import { deployingSince, type Promotion } from '../promotions/promotion.js';
import { releasesUrl } from './dashboard.js';
import { findingOf } from './evidence.js';
import { stuckFor } from './headline.js';
import { plainKey, span, utc } from './text.js';

/** What a pager shows. Nothing formats it, and a lock screen shows only its first words. */

const MOST_NAMED = 5;

export interface PageFacts {
  readonly promotion: Promotion;
  /** null: not asked. */
  readonly evidence: Evidence | null;
  readonly asOf: Date;
  /** Its alert's channel, in a browser. */
  readonly slackUrl: string;
}

/** One critical: the first line of its alert. */
export function criticalPage({ promotion, evidence, asOf, slackUrl }: PageFacts): PageTrigger {
  const { brief } = findingOf(promotion, evidence);
  const forHowLong = stuckFor(promotion, asOf) ?? 'since nobody knows when';
  return {
    summary: `CRITICAL ${subject(promotion)}: stuck ${forHowLong}. ${brief}`,
    source: plainKey(promotion.herokuApp, 255),
    component: plainKey(promotion.configVar, 255),
    at: asOf,
    links: links(slackUrl, [promotion.herokuApp]),
    details: {
      promotion: promotion.id,
      flag: plainKey(promotion.flagKey, 255),
      heroku_app: plainKey(promotion.herokuApp, 255),
      config_var: plainKey(promotion.configVar, 255),
      stuck_since: utc(deployingSince(promotion)),
    },
  };
}

/** A drill's: the first line of its alert, which starts with DRILL. */
export function drillTrigger(drill: Drill, asOf: Date, slackUrl: string): PageTrigger {
  const promotion = pretendPromotion(drill);
  const real = criticalPage({ promotion, evidence: pretendEvidence(drill), asOf, slackUrl });
  return {
    ...real,
    summary: `DRILL: ${real.summary}`,
    links: links(slackUrl, []),
    details: { note: 'DRILL: nothing is stuck.', drill: drill.id },
  };
}

export function groupPage(
  alerts: readonly Pick<PagedAlert, 'flagKey' | 'herokuApp'>[],
  asOf: Date,
  slackUrl: string,
): PageTrigger {
  const apps = [...new Set(alerts.map(({ herokuApp }) => herokuApp))];
  const named = alerts.slice(0, MOST_NAMED).map(subject);
  const rest = alerts.length - named.length;
  const counted = alerts.length === 1 ? '1 promotion' : `${alerts.length} promotions`;
  return {
    summary: `CRITICAL ${counted} stuck: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}. The list in Slack has the buttons.`,
    source: plainKey(apps[0] ?? '', 255),
    component: null,
    at: asOf,
    links: links(slackUrl, apps.slice(0, MOST_NAMED)),
    details: { promotions: alerts.length, heroku_apps: apps.length },
  };
}

export function slackSilentPage(since: Date, asOf: Date, slackUrl: string): PageTrigger {
  return {
    summary: `CRITICAL Slack hasn’t taken an alert for ${span(asOf.getTime() - since.getTime())}. Run: flag-promotions doctor`,
    source: 'slack.com',
    component: null,
    at: asOf,
    links: [
      { href: slackUrl, text: 'Slack' },
      { href: 'https://slack-status.com/', text: 'Slack’s status' },
    ],
    details: { alert_waits_since: utc(since) },
  };
}

/** A channel's address in a browser. `team` null: the workspace that the reader is signed in to. */
export function channelUrl(channel: string, team: string | null): string {
  return `https://slack.com/app_redirect?channel=${channel}${team === null ? '' : `&team=${team}`}`;
}

function subject({ flagKey, herokuApp }: { readonly flagKey: string; readonly herokuApp: string }): string {
  return `${plainKey(flagKey)} on ${plainKey(herokuApp)}`;
}

function links(slackUrl: string, apps: readonly string[]): PageTrigger['links'] {
  const heroku = apps.flatMap((app) => {
    const href = releasesUrl(app);
    return href === null ? [] : [{ href, text: apps.length === 1 ? 'Heroku' : `Heroku: ${app}` }];
  });
  return [{ href: slackUrl, text: 'Slack' }, ...heroku];
}
