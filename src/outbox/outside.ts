import { SecretBoxError, type SecretBox } from '../operators/secret-box.js';
import type { PagerDuty } from '../paging/pagerduty.js';
import { PagingError, withheldPage } from '../paging/post.js';
import type { Webhook } from '../paging/webhook.js';
import type { MessageRef } from '../promotions/alert.js';
import { PAGE_KEY_BOUND_TO } from '../promotions/page.js';
import type { MayStillSend } from '../slack/slack.js';
import type { Content, OutsidePlace, Place } from './kind.js';
import type { Post, Posted } from './post.js';

/** Sends messages outside Slack. A pager and a webhook recognise a duplicate by its key. */
export interface OutsideTransport {
  post(place: OutsidePlace, post: Post): Promise<Posted | 'lost'>;
  update(
    place: OutsidePlace,
    at: MessageRef | null,
    content: Content,
    mayStillSend: MayStillSend,
  ): Promise<'updated' | 'gone'>;
}

export interface OutsideDependencies {
  readonly pagerDuty: PagerDuty;
  /** null: none is configured. */
  readonly webhook: Webhook | null;
  /** A row keeps the key of its incident sealed, so that it is resolved there even if the configuration changes. */
  readonly secretBox: SecretBox;
}

/** A webhook row's destination once it is sent. */
const WEBHOOK = 'webhook';

export function isOutside(place: Place): place is OutsidePlace {
  return place.to === 'pager' || place.to === 'webhook';
}

export function createOutsideTransport({ pagerDuty, webhook, secretBox }: OutsideDependencies): OutsideTransport {
  /** null if the sealing key is gone. */
  function open(sealed: string): string | null {
    try {
      return secretBox.open(sealed, PAGE_KEY_BOUND_TO);
    } catch (error) {
      if (error instanceof SecretBoxError) return null;
      throw error;
    }
  }

  async function page(routingKey: string, content: Content, mayStillSend: MayStillSend): Promise<string> {
    if (!('page' in content)) throw new Error('A pager takes nothing but pages.');
    if (!mayStillSend()) throw withheldPage('page');
    await pagerDuty.send(routingKey, content.page);
    return content.page.key;
  }

  /**
   * Pages with the key of an earlier attempt, which may have opened the incident; if there was none or it is refused,
   * with the configured key.
   */
  async function postPage(configured: string | null, post: Post): Promise<Posted | 'lost'> {
    const earlier = post.sentTo === null ? null : open(post.sentTo.channel);
    const first = earlier ?? configured;
    if (first === null) throw noKey();
    const send = async (routingKey: string): Promise<Posted | 'lost'> => {
      // Sealed anew, so that no attempt writes back what a former key sealed.
      const sealed = secretBox.seal(routingKey, PAGE_KEY_BOUND_TO);
      if (!(await post.record({ channel: sealed, refused: null }))) return 'lost';
      return {
        at: { channel: sealed, ts: await page(routingKey, post.content(null), post.mayStillSend) },
        wasThere: false,
      };
    };
    try {
      return await send(first);
    } catch (error) {
      if (configured === null || first === configured || !isRefused(error)) throw error;
      return send(configured);
    }
  }

  async function postWebhook(post: Post): Promise<Posted | 'lost'> {
    if (webhook === null) throw new Error('There is no webhook.');
    if (!(await post.record({ channel: WEBHOOK, refused: null }))) return 'lost';
    const content = post.content(null);
    if (!('webhook' in content)) throw new Error('A webhook takes nothing but events.');
    if (!post.mayStillSend()) throw withheldPage('webhook');
    await webhook.send(`msg_${post.key.replaceAll(':', '_')}`, content.webhook);
    return { at: null, wasThere: false };
  }

  return {
    post: (place, post) => (place.to === 'pager' ? postPage(place.routingKey, post) : postWebhook(post)),

    async update(place, at, content, mayStillSend) {
      if (place.to === 'webhook' || at === null) throw new Error('It was sent, and is never changed.');
      const used = open(at.channel) ?? place.routingKey;
      if (used === null) throw noKey();
      try {
        await page(used, content, mayStillSend);
        return 'updated';
      } catch (error) {
        // Its integration was deleted, and the incident with it: nothing is left to update.
        if (used !== place.routingKey && isRefused(error)) return 'gone';
        throw error;
      }
    },
  };
}

function noKey(): PagingError {
  return new PagingError('page', 'no routing key', { kind: 'refused' }, false);
}

/** How a pager says that it doesn't know a key (any more). Other words may be a proxy's, and pass. */
const KEY_REFUSED: ReadonlySet<string> = new Set(['400', '401', '403', '404', '410']);

function isRefused(error: unknown): boolean {
  return error instanceof PagingError && KEY_REFUSED.has(error.word);
}
