import type { Network } from '../network/network.js';
import { createPagerDuty } from '../paging/pagerduty.js';
import { PagingError } from '../paging/post.js';
import { createWebhook } from '../paging/webhook.js';
import type { PageTrigger } from '../promotions/page.js';
import type { RouteRule } from '../promotions/routing.js';
import { testEvent } from '../promotions/webhook.js';
import { type Check, type ExplainCode, fix, ok } from './checks.js';

export interface PagingSettings {
  readonly pagerUrl: string | undefined;
  readonly routingKey: string | undefined;
  readonly alertRoutes: readonly RouteRule[] | undefined;
  readonly webhookUrl: string | undefined;
  readonly webhookSecrets: readonly Uint8Array[] | undefined;
}

export interface PagingContext {
  readonly network: Network;
  readonly explainAt: (address: string) => ExplainCode;
  readonly now: () => Date;
  /** Sends a test through each; otherwise only checks that it can be reached. */
  readonly sendsTests: boolean;
}

const REACH_WITHIN_MS = 10_000;
const NOBODY =
  'Nobody can be paged. Set PAGERDUTY_ROUTING_KEY, or page=… in ALERT_ROUTES, or WEBHOOK_URL with WEBHOOK_SECRET.';

export async function pagingChecks(settings: PagingSettings, context: PagingContext): Promise<readonly Check[]> {
  const { pagerUrl, webhookUrl, webhookSecrets } = settings;
  const keys = keysOf(settings);
  const checks: Promise<Check>[] = [];
  if (pagerUrl !== undefined && keys.size > 0) {
    if (context.sendsTests) {
      for (const [key, subject] of keys) checks.push(testPager(pagerUrl, key, subject, context));
    } else checks.push(reach('pager', pagerUrl, 'PAGERDUTY_URL', context));
  }
  if (webhookUrl !== undefined && webhookSecrets !== undefined) {
    checks.push(
      context.sendsTests
        ? testWebhook({ url: webhookUrl, secrets: webhookSecrets }, context)
        : reach('webhook', webhookUrl, 'WEBHOOK_URL', context),
    );
  }
  if (checks.length === 0 && context.sendsTests) return [fix('page', NOBODY)];
  return Promise.all(checks);
}

/** Each key once, with a name to show: the key itself is a secret. */
function keysOf({ routingKey, alertRoutes = [] }: PagingSettings): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  if (routingKey !== undefined) keys.set(routingKey, 'page');
  for (const [index, { page }] of alertRoutes.entries()) {
    if (page != null && !keys.has(page)) keys.set(page, `page of ALERT_ROUTES, rule ${index + 1}`);
  }
  return keys;
}

async function reach(
  subject: string,
  url: string,
  setting: string,
  { network, explainAt }: PagingContext,
): Promise<Check> {
  const code = await network.reach(url, REACH_WITHIN_MS);
  if (code === null) return ok(subject, 'can be reached; nothing was sent. To send a test: doctor --page');
  return fix(subject, explainAt(url)(code) ?? `It can’t be reached (${code}). Check ${setting}.`);
}

async function testPager(
  url: string,
  routingKey: string,
  subject: string,
  { network, now }: PagingContext,
): Promise<Check> {
  const pager = createPagerDuty(url, network.fetch);
  const key = `flag-promotions/test/${now().getTime()}`;
  try {
    await pager.send(routingKey, { action: 'trigger', key, trigger: testPage(now()) });
  } catch (error) {
    return fix(subject, `${wordsOf(error)}. Check the routing key and PAGERDUTY_URL.`);
  }
  try {
    await pager.send(routingKey, { action: 'resolve', key });
    return ok(subject, 'a TEST incident was opened and resolved');
  } catch (error) {
    return fix(
      subject,
      `A TEST incident was opened, and could not be resolved: ${wordsOf(error)}. Resolve it by hand.`,
    );
  }
}

async function testWebhook(
  settings: { readonly url: string; readonly secrets: readonly Uint8Array[] },
  { network, now }: PagingContext,
): Promise<Check> {
  const at = now();
  try {
    const webhook = createWebhook(settings, network.fetch, now);
    await webhook.send(`msg_test_${at.getTime()}`, JSON.stringify(testEvent(at)));
    return ok('webhook', 'a test event was taken');
  } catch (error) {
    return fix('webhook', `${wordsOf(error)}. Check WEBHOOK_URL, and that its receiver knows WEBHOOK_SECRET.`);
  }
}

/** Nobody may take it for a real incident. */
function testPage(at: Date): PageTrigger {
  return {
    summary: 'TEST from flag-promotions: nothing is wrong, and it resolves by itself.',
    source: 'flag-promotions doctor --page',
    component: null,
    at,
    links: [],
    details: { test: true },
  };
}

function wordsOf(error: unknown): string {
  if (!(error instanceof PagingError)) throw error;
  return error.message.slice(0, 1).toUpperCase() + error.message.slice(1);
}
