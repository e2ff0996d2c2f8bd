import { PagingError, withheldPage } from '../../src/paging/post.js';
import type { OutsideTransport } from '../../src/outbox/outside.js';
import type { Content } from '../../src/outbox/kind.js';
import type { PageEvent } from '../../src/promotions/page.js';
import type { MayStillSend } from '../../src/slack/slack.js';
import { fateOf, LONGEST_FLIGHT_MS, type Weather } from './network.js';
import type { Process } from './process.js';
import type { Sabotage } from './sabotage.js';
import type { Scheduler } from './scheduler.js';

interface ModelIncident {
  readonly key: string;
  opened: number;
  resolved: number;
}

export interface PagerOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  weather: Weather;
  readonly onSent: (process: Process, key: string) => void;
  /** A resolved incident rings again. */
  readonly onReopened: (key: string) => void;
  readonly trace: (line: string) => void;
  readonly count: (what: string) => void;
  readonly sabotage?: Sabotage | undefined;
}

export interface PagerModel {
  outsideOf(process: Process): OutsideTransport;
  readonly incidents: ReadonlyMap<string, ModelIncident>;
}

/** As the app's client waits. */
const TIMEOUT_MS = 5_000;
const INTEGRATION = 'integration';

export function createPagerModel(options: PagerOptions): PagerModel {
  const { scheduler, random, trace, count } = options;
  const incidents = new Map<string, ModelIncident>();

  /** As PagerDuty: a key's incident opens once until it is resolved; an end without an incident is dropped. */
  function take({ action, key }: PageEvent, by: Process): void {
    const incident = incidents.get(key);
    const isOpen = incident !== undefined && incident.opened > incident.resolved;
    if (action === 'trigger' && !isOpen) {
      count('pages');
      trace(`Pager: ${key} rings, by ${by.name}`);
      if (incident === undefined) incidents.set(key, { key, opened: 1, resolved: 0 });
      else {
        incident.opened += 1;
        options.onReopened(key);
      }
    }
    if (action === 'resolve' && isOpen) {
      incident.resolved += 1;
      trace(`Pager: ${key} is over, by ${by.name}`);
    }
  }

  function send(process: Process, content: Content, mayStillSend: MayStillSend): Promise<void> {
    if (!('page' in content)) throw new Error('The pager takes pages.');
    const { page } = content;
    if (!mayStillSend()) return Promise.reject(withheldPage('page'));
    options.onSent(process, page.key);
    return new Promise((resolve, reject) => {
      const { connectMs, breaksMs, answerMs, refusal, arrivesMs } = fateOf(random, options.weather);
      const fail = (...[word, waits, mayHaveArrived]: [string, PagingError['waits'], boolean]) =>
        reject(new PagingError('page', word, waits, mayHaveArrived));
      process.inside(TIMEOUT_MS, () => {
        if (options.sabotage === 'assumed page') resolve();
        else fail('no answer', { kind: 'unknown_outcome' }, true);
      });
      if (connectMs === null) {
        process.inside(random() * 1_000, () => fail('ECONNREFUSED', { kind: 'refused' }, false));
        return;
      }
      if (breaksMs !== null) process.inside(breaksMs, () => fail('ECONNRESET', { kind: 'unknown_outcome' }, true));
      if (refusal === 'failing') process.inside(answerMs ?? 0, () => fail('500', { kind: 'unknown_outcome' }, true));
      for (const arrives of arrivesMs) {
        scheduler.after(Math.min(connectMs + arrives, LONGEST_FLIGHT_MS), () => {
          if (refusal !== 'limited') take(page, process);
          if (answerMs === null || refusal === 'failing') return;
          process.inside(answerMs, () => {
            if (refusal === 'limited')
              fail('429', { kind: 'rate_limited', retryAfterMs: 1_000 + random() * 29_000 }, false);
            else resolve();
          });
        });
      }
    });
  }

  return {
    incidents,
    outsideOf: (process) => ({
      async post(_place, post) {
        if (!(await post.record({ channel: INTEGRATION, refused: null }))) return 'lost';
        const content = post.content(null);
        await send(process, content, post.mayStillSend);
        return { at: { channel: INTEGRATION, ts: post.key }, wasThere: false };
      },
      async update(_place, _at, content, mayStillSend) {
        await send(process, content, mayStillSend);
        return 'updated';
      },
    }),
  };
}
