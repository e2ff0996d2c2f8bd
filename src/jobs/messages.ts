import type { Lease, Postponement } from '../db/leases.js';
import type { MessageRef } from '../promotions/alert.js';
import type { MessageStep } from '../promotions/message.js';
import type { Destination, RefusedRoute } from '../promotions/routing.js';
import type { PostedMessage, Slack } from '../slack/slack.js';
import type { Message } from '../views/blocks.js';
import { LEASE_MS, postponed, unlessGone } from './attempts.js';
import { findRouted, postRouted, type RoutedPost } from './routed-post.js';

/** What became of one message. */
export type DeliveryOutcome =
  /** `posted` is new in Slack; `found` had been posted by an attempt that never learned of it. */
  | { readonly kind: 'posted' | 'found' | 'painted' | 'withdrawn' }
  /** Another process works on it, it waits for another row, or nothing was to be done. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface LeaseDependencies {
  readonly now: () => Date;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Names the holder of a lease, another at each call: a tick that outlived its lease is no holder beside a click. */
  readonly newOwner: () => string;
}

/** Rows that are delivered under a lease, as a table offers them. */
interface Leased<Work> {
  claim(id: string, lease: Lease, now: Date): Promise<(Work & { readonly attemptsBefore: number }) | null>;
  release(id: string, lease: Lease, postponement: Postponement | null): Promise<void>;
}

/**
 * Claims a row, works on it, and gives it back; a failure says when the next attempt may come. null where there was nothing
 * to be claimed.
 */
export async function underLease<Work>(
  db: Leased<Work>,
  id: string,
  deps: LeaseDependencies,
  work: (claimed: Work & { readonly attemptsBefore: number }, lease: Lease) => Promise<DeliveryOutcome>,
): Promise<DeliveryOutcome | null> {
  const lease: Lease = { owner: deps.newOwner(), durationMs: LEASE_MS };
  const claimed = await db.claim(id, lease, deps.now());
  if (claimed === null) return null;
  try {
    const outcome = await work(claimed, lease);
    await db.release(id, lease, null);
    return outcome;
  } catch (error) {
    await db.release(id, lease, postponed(error, claimed.attemptsBefore + 1, deps));
    return { kind: 'failed', error };
  }
}

export type MessagePlace =
  /** A message of its own: where its app's messages go, and where an earlier attempt was sent. */
  | { readonly kind: 'channel'; readonly route: string; readonly row: RoutedPost['row'] }
  | { readonly kind: 'thread'; readonly root: MessageRef; readonly broadcast: boolean };

/** A kind of message that is posted once and painted in place. Each write is fenced by the lease. */
export interface MessageKind<Work> {
  readonly db: Leased<Work> & { reread(id: string, lease: Lease): Promise<Work | null> };
  nextStep(work: Work, attemptsBefore: number): MessageStep;
  /** Where it goes, and since when it can be there. */
  destination(work: Work): MessagePlace & { readonly key: string; readonly since: Date };
  /** `refused`: the channel that it was meant for, where Slack did not let the app post there. */
  render(work: Work, refused: RefusedRoute | null): Message;
  /** Where a message of its own is about to be sent; false where the row is another's by now. */
  recordDestination(work: Work, lease: Lease, to: Destination): Promise<boolean>;
  /** What has to be written before a post. */
  beforePost?(work: Work, lease: Lease): Promise<unknown>;
  /** It stands there; `isShown`: as `work` has it, rather than as an attempt before did. */
  recordPosted(work: Work, lease: Lease, message: MessageRef, isShown: boolean): Promise<boolean>;
  recordPainted(work: Work, lease: Lease, upTo: number): Promise<unknown>;
  withdraw(work: Work, lease: Lease): Promise<unknown>;
  /** It was deleted in Slack. */
  recordGone(work: Work, lease: Lease): Promise<unknown>;
  /** Where it stands as far as the row says. */
  recorded(work: Work): Promise<MessageRef | null>;
}

export interface MessageDependencies {
  readonly slack: Slack;
  /** Where a message of its own goes if Slack does not let the app post to its route. */
  readonly alertChannel: string;
}

/** A promotion goes through few steps: more paintings than that in a row mean something is wrong. */
const MOST_STEPS = 8;
const MOST_ROUNDS = 3;

/** Brings a message of one kind up to date. The returned function rejects only where the database does. */
export function createMessageDelivery<Work>(
  deps: LeaseDependencies & MessageDependencies,
  kind: MessageKind<Work>,
): (id: string) => Promise<DeliveryOutcome> {
  const { slack, alertChannel: fallback } = deps;

  async function take(step: Exclude<MessageStep, { kind: 'done' }>, work: Work, lease: Lease) {
    switch (step.kind) {
      case 'post':
        return post(work, lease, false);
      case 'find':
        return (await find(work, lease)) ?? (step.thenPost ? post(work, lease, true) : withdraw(work, lease));
      case 'paint':
        return paint(work, step, lease);
      case 'withdraw':
        return withdraw(work, lease);
    }
  }

  async function withdraw(work: Work, lease: Lease): Promise<DeliveryOutcome> {
    await kind.withdraw(work, lease);
    return { kind: 'withdrawn' };
  }

  async function find(work: Work, lease: Lease): Promise<DeliveryOutcome | null> {
    const place = kind.destination(work);
    const { key, since } = place;
    const found =
      place.kind === 'channel'
        ? // An attempt that wrote down no channel went to the one there was before there were routes.
          await findRouted(slack, { channel: place.row.channel ?? fallback, fallback, key }, since)
        : await unlessGone(() => slack.find({ channel: place.root.channel, threadTs: place.root.ts, key }, since));
    if (found === null) return null;
    await kind.recordPosted(work, lease, found, false);
    return { kind: 'found' };
  }

  async function post(work: Work, lease: Lease, isPerhapsThere: boolean): Promise<DeliveryOutcome> {
    await kind.beforePost?.(work, lease);
    const place = kind.destination(work);
    const { key } = place;
    const perhapsSince = isPerhapsThere ? place.since : null;
    let posted: PostedMessage | null;
    if (place.kind === 'channel') {
      const { row, route } = place;
      const record = (to: Destination) => kind.recordDestination(work, lease, to);
      const message = (refused: RefusedRoute | null) => kind.render(work, refused);
      posted = await postRouted(slack, { key, row, route, fallback, perhapsSince, record, message });
      if (posted === null) return { kind: 'nothing' };
    } else {
      const { root, broadcast } = place;
      const to = { channel: root.channel, threadTs: root.ts, broadcast, key };
      posted = await unlessGone(() => slack.post(to, kind.render(work, null), perhapsSince));
      if (posted === null) return withdraw(work, lease);
    }
    if (await kind.recordPosted(work, lease, posted, !posted.wasThere)) {
      return { kind: posted.wasThere ? 'found' : 'posted' };
    }
    // This process was paused past its lease while posting; whoever took over may have posted too.
    const recorded = await kind.recorded(work);
    if (recorded !== null && recorded.ts !== posted.ts) await slack.remove(posted);
    return { kind: 'nothing' };
  }

  async function paint(
    work: Work,
    step: Extract<MessageStep, { kind: 'paint' }>,
    lease: Lease,
  ): Promise<DeliveryOutcome> {
    const painted = await unlessGone(async () => {
      const place = kind.destination(work);
      const refused = place.kind === 'channel' ? place.row.refusedRoute : null;
      await slack.update(step.message, kind.render(work, refused));
      return true;
    });
    if (painted === null) await kind.recordGone(work, lease);
    else await kind.recordPainted(work, lease, step.upTo);
    return { kind: 'painted' };
  }

  const deliverOnce = (id: string) =>
    underLease(kind.db, id, deps, async (claimed, lease) => {
      let work: Work | null = claimed;
      let outcome: DeliveryOutcome = { kind: 'nothing' };
      for (let steps = 0; work !== null && steps < MOST_STEPS; steps += 1) {
        const step = kind.nextStep(work, claimed.attemptsBefore);
        if (step.kind === 'done') break;
        const taken: DeliveryOutcome = await take(step, work, lease);
        if (outcome.kind === 'nothing') outcome = taken;
        work = await kind.db.reread(id, lease);
      }
      return outcome;
    });

  return async (id) => {
    let outcome: DeliveryOutcome = { kind: 'nothing' };
    // Whoever committed after the last look and before the lease was given back found it held, and left it at that.
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds += 1) {
      const taken = await deliverOnce(id);
      if (taken === null) break;
      if (outcome.kind === 'nothing' || taken.kind === 'failed') outcome = taken;
      if (taken.kind === 'failed') break;
    }
    return outcome;
  };
}
