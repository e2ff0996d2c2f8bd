import type { OutboxSlack } from '../../src/outbox/transport.js';
import type { MessageRef } from '../../src/promotions/alert.js';
import { SlackError, withheld } from '../../src/slack/errors.js';
import { createPace, MESSAGE_INTERVAL_MS } from '../../src/slack/pace.js';
import type { PostedSince, Sought } from '../../src/slack/search.js';
import type { MayStillSend } from '../../src/slack/slack.js';
import { fateOf, LONGEST_FLIGHT_MS, type Weather } from './network.js';
import { EPOCH_MS, type Process } from './process.js';
import type { Sabotage } from './sabotage.js';
import type { Scheduler } from './scheduler.js';
import type { SlotsModel } from './slots-model.js';

interface StandingMessage extends MessageRef {
  readonly threadTs: string | null;
  readonly key: string;
  /** By Slack's clock. */
  readonly at: Date;
  text: string;
  /** null while it stands. */
  deletedBy: 'a person' | 'the app' | null;
}

export interface SlackObserver {
  /** A change left a process: a post, or an update of the message with this key. */
  onSent(process: Process, key: string, change: 'post' | 'update'): void;
}

export interface SlackOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  weather: Weather;
  readonly slots: SlotsModel;
  readonly observer: SlackObserver;
  readonly trace: (line: string) => void;
  readonly count: (what: string) => void;
  readonly sabotage?: Sabotage | undefined;
}

export interface SlackModel {
  slackOf(process: Process): OutboxSlack;
  readonly messages: readonly StandingMessage[];
  withKey(key: string): readonly StandingMessage[];
  /** Channels that accept no messages. */
  readonly closed: Set<string>;
}

/** As long as the app's Web API client waits. */
const TIMEOUT_MS = 10_000;

export function createSlackModel(options: SlackOptions): SlackModel {
  const { scheduler, random, slots, observer, trace, count } = options;
  const messages: StandingMessage[] = [];
  const byKey = new Map<string, StandingMessage[]>();
  const withKey = (key: string): readonly StandingMessage[] => byKey.get(key) ?? [];
  const closed = new Set<string>();

  /** One call: sent once, answered or not. `serve` is what Slack does on arrival. */
  function call<T>(
    process: Process,
    method: string,
    serve: () => T,
    onSent: () => void = () => undefined,
    mayStillSend: MayStillSend = () => true,
  ): Promise<T> {
    // The client can't be asked again once it connects; SECURITY.md says what a pause at that very moment may do.
    if (!mayStillSend() && options.sabotage !== 'late message') return Promise.reject(withheld(method));
    onSent();
    return new Promise((resolve, reject) => {
      const fate = fateOf(random, options.weather);
      const { connectMs, breaksMs, answerMs, refusal } = fate;
      const fail = (kind: SlackError['kind'], code: string, retryAfterMs = 0) =>
        reject(new SlackError(kind, method, code, retryAfterMs, undefined));
      process.inside(TIMEOUT_MS, () => fail('unknown_outcome', 'timeout'));
      if (connectMs === null) {
        process.inside(random() * 1_000, () => fail('unreachable', 'ECONNREFUSED'));
        return;
      }
      if (breaksMs !== null) process.inside(breaksMs, () => fail('unknown_outcome', 'ECONNRESET'));
      if (refusal === 'failing') process.inside(answerMs ?? 0, () => fail('unknown_outcome', 'internal_error'));
      for (const arrivesMs of fate.arrivesMs) {
        scheduler.after(Math.min(connectMs + arrivesMs, LONGEST_FLIGHT_MS), () => {
          const retryAfterMs = 1_000 + random() * 29_000;
          const answer = refusal === 'limited' ? null : settled(serve);
          if (answerMs === null || refusal === 'failing') return;
          process.inside(answerMs, () => {
            if (answer === null) fail('rate_limited', 'ratelimited', retryAfterMs);
            else if ('value' in answer) resolve(answer.value);
            else fail('refused', answer.word);
          });
        });
      }
    });
  }

  function post(process: Process, { channel, threadTs, key }: Sought, text: string): MessageRef {
    if (closed.has(channel)) throw new Refusal('is_archived');
    if (threadTs !== null && standing({ channel, ts: threadTs }) === undefined) throw new Refusal('thread_not_found');
    count('posts');
    const ts = `${(scheduler.nowMs / 1000).toFixed(3)}${String(messages.length).padStart(3, '0')}`;
    const message = { channel, ts, threadTs, key, at: new Date(EPOCH_MS + scheduler.nowMs), text, deletedBy: null };
    messages.push(message);
    byKey.set(key, [...withKey(key), message]);
    trace(`Slack: ${key} stands in ${channel}: ${text}, by ${process.name}`);
    return { channel, ts };
  }

  function standing({ channel, ts }: MessageRef): StandingMessage | undefined {
    return messages.find((message) => message.channel === channel && message.ts === ts && message.deletedBy === null);
  }

  function search({ channel, threadTs, key }: Sought, { likely, possible }: PostedSince): MessageRef | null {
    if (threadTs !== null && standing({ channel, ts: threadTs }) === undefined) throw new Refusal('thread_not_found');
    if (options.sabotage === 'blind search') return null;
    const found = withKey(key).find(
      (message) =>
        message.channel === channel &&
        message.threadTs === threadTs &&
        message.at >= (possible ?? likely) &&
        message.deletedBy === null,
    );
    return found === undefined ? null : { channel: found.channel, ts: found.ts };
  }

  function slackOf(process: Process): OutboxSlack {
    let owners = 0;
    const inTurn = createPace({
      intervalMs: MESSAGE_INTERVAL_MS,
      elapsed: process.monotonicMs,
      sleep: (ms) => process.sleep(ms),
      slots: slots.slotsOf(process),
      newOwner: () => {
        owners += 1;
        return `${process.name}/slot-${owners}`;
      },
      pauseAfter: (error) => (error instanceof SlackError ? error.retryAfterMs : 0),
    });
    const find = (sought: Sought, since: PostedSince) =>
      call(process, 'conversations.history', () => search(sought, since));
    return {
      find,
      post: (to, message, perhapsSince, mayStillSend) =>
        inTurn(to.channel, async () => {
          const there = perhapsSince === null ? null : await find(to, perhapsSince);
          if (there !== null) return { ...there, wasThere: true };
          const sending = call(
            process,
            'chat.postMessage',
            () => post(process, to, message.text),
            () => observer.onSent(process, to.key, 'post'),
            mayStillSend,
          );
          const posted = await (options.sabotage === 'assumed post' ? sending.catch(assumed(to)) : sending);
          return { ...posted, wasThere: false };
        }),
      async update(ref, { text }, mayStillSend) {
        const key = messages.find(({ ts, channel }) => ts === ref.ts && channel === ref.channel)?.key ?? '';
        const change = () => {
          const message = standing(ref);
          if (message === undefined) throw new Refusal('message_not_found');
          message.text = text;
          count('updates');
          trace(`Slack: ${key} now says: ${text}, by ${process.name}`);
        };
        await call(process, 'chat.update', change, () => observer.onSent(process, key, 'update'), mayStillSend);
      },
      async remove(ref) {
        await call(process, 'chat.delete', () => {
          const message = standing(ref);
          if (message !== undefined) message.deletedBy = 'the app';
          trace(`Slack: ${message?.key} is removed by ${process.name}`);
        });
      },
      publishHome: unsimulated,
      sendDirectMessage: unsimulated,
      upload: unsimulated,
    };
  }

  return { slackOf, messages, withKey, closed };
}

const assumed =
  ({ channel }: Sought) =>
  (error: unknown): MessageRef => {
    if (error instanceof SlackError && error.kind === 'unknown_outcome') return { channel, ts: 'assumed' };
    throw error;
  };

/** Slack said no, with its error code. */
class Refusal extends Error {}

function settled<T>(serve: () => T): { readonly value: T } | { readonly word: string } {
  try {
    return { value: serve() };
  } catch (error) {
    if (error instanceof Refusal) return { word: error.message };
    throw error;
  }
}

function unsimulated(): never {
  throw new Error('The simulator knows no such message.');
}
