import type { Lease } from '../db/leases.js';
import type { Messages } from '../db/messages.js';
import type { MessageRef } from '../promotions/alert.js';
import { type MessageKind, messageKey, type OutboxMessage } from '../promotions/messages.js';
import type { Destination } from '../promotions/routing.js';
import type { Slack } from '../slack/slack.js';
import type { Kind, Prepared, Shown, Sources, Telling } from './kind.js';
import { postponed } from './retry.js';
import { isOwed, nextStep, type Step } from './step.js';
import { createTransport } from './transport.js';

/** What became of one message. */
export type DeliveryOutcome =
  /** `posted` is new in Slack; `found` had been posted by an attempt that never learned of it. */
  | { readonly kind: 'posted' | 'found' | 'updated' | 'closed' }
  /** Another process works on it, it waits for another row, or there was nothing to do. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface OutboxDependencies {
  readonly messages: Messages;
  readonly slack: Slack;
  /** By name. A row of a kind that isn't here was queued by another version, which will deliver it. */
  readonly kinds: Readonly<Record<string, Kind>>;
  readonly sources: Sources;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Unique per claim, so an expired claim fails the fence. */
  readonly newOwner: () => string;
  readonly onOutcome: (outcome: DeliveryOutcome) => void;
}

/** Says in Slack what the rows say: the one path for every kind of message, from a click as from a tick. */
export interface Outbox {
  /** Brings one message up to date. Rejects only where the database does. */
  deliver(id: string): Promise<DeliveryOutcome>;
  /** Everything that is owed about one promotion, now: what a click calls after its commit. */
  deliverAbout(promotionId: string): Promise<readonly DeliveryOutcome[]>;
  /** The newest message of a kind about a subject, now. */
  deliverNewest(kind: MessageKind, subject: string): Promise<DeliveryOutcome>;
}

/** Longer than a request to Slack may take with the database's writes around it; a successor waits this long. */
export const LEASE_MS = 40_000;
/** A message in Slack can only be newer than its row; Slack's clock and the database's may differ by this much. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** Posting, then updating what changed meanwhile: more steps in a row mean that something is wrong. */
const MOST_STEPS = 8;
const MOST_ROUNDS = 3;

/** A claimed message with its kind's facts, at one moment. */
interface Work {
  readonly message: OutboxMessage;
  readonly kind: Kind;
  /** null where what it is about is gone. */
  readonly prepared: Prepared | null;
  readonly lease: Lease;
}

export function createOutbox(deps: OutboxDependencies): Outbox {
  const { messages, sources } = deps;
  const transport = createTransport(deps.slack, sources.alertChannel);

  /** Claims the message, works on it, and releases it; null where there was nothing to claim. */
  async function deliverOnce(id: string): Promise<DeliveryOutcome | null> {
    const lease: Lease = { owner: deps.newOwner(), durationMs: LEASE_MS };
    const claimed = await messages.claim(id, lease);
    if (claimed === null) return null;
    try {
      const outcome = await takeSteps(claimed, lease);
      await messages.release(id, lease, null);
      return outcome;
    } catch (error) {
      await messages.release(id, lease, postponed(error, claimed.attempts, deps.random));
      return { kind: 'failed', error };
    }
  }

  /** One step after the other, until the message shows what the rows say. */
  async function takeSteps(claimed: OutboxMessage, lease: Lease): Promise<DeliveryOutcome> {
    const attemptsBefore = claimed.attempts - 1;
    let message: OutboxMessage | null = claimed;
    let outcome: DeliveryOutcome = { kind: 'nothing' };
    for (let steps = 0; message !== null && isOwed(message) && steps < MOST_STEPS; steps += 1) {
      const kind = deps.kinds[message.kind];
      if (kind === undefined) break;
      const work: Work = { message, kind, prepared: await kind.prepare(message, sources), lease };
      const step = nextStep(message, { isWanted: isWanted(work), unknownOutcome: kind.unknownOutcome }, attemptsBefore);
      if (step.kind === 'wait') break;
      const taken = await take(step, work);
      if (outcome.kind === 'nothing') outcome = taken;
      message = await messages.reread(claimed.id, lease);
    }
    return outcome;
  }

  function isWanted({ message, prepared }: Work): boolean {
    return prepared !== null && prepared.show({ message, isNew: true, refused: null }) !== null;
  }

  async function take(step: Exclude<Step, { kind: 'wait' }>, work: Work): Promise<DeliveryOutcome> {
    switch (step.kind) {
      case 'post':
        return post(work, null);
      case 'find':
        return findFirst(step, work);
      case 'update':
        return update(work);
      case 'close':
        return close(work);
    }
  }

  async function close({ message, lease }: Work): Promise<DeliveryOutcome> {
    const closed = await messages.close(message.id, lease, message.wanted);
    return { kind: closed ? 'closed' : 'nothing' };
  }

  async function findFirst(
    { thenPost, orPost }: Extract<Step, { kind: 'find' }>,
    work: Work,
  ): Promise<DeliveryOutcome> {
    let found: DeliveryOutcome | null;
    try {
      found = await find(work);
    } catch (error) {
      if (!orPost) throw error;
      return post(work, null);
    }
    if (found !== null) return found;
    return thenPost ? post(work, sinceOf(work.message)) : close(work);
  }

  /** null where no earlier attempt posted it. */
  async function find({ message, prepared, lease }: Work): Promise<DeliveryOutcome | null> {
    if (prepared === null || prepared.place === null) return null;
    const found = await transport.find(prepared.place, messageKey(message), sentTo(message), sinceOf(message));
    if (found === null) return null;
    await messages.recordPosted(message.id, lease, found, null);
    return { kind: 'found' };
  }

  async function post(work: Work, perhapsSince: Date | null): Promise<DeliveryOutcome> {
    const { message, lease, prepared } = work;
    const place = prepared?.place ?? null;
    if (prepared === null || place === null) return close(work);
    let shown: Shown | null = null;
    const posted = await transport.post({
      place,
      key: messageKey(message),
      sentTo: sentTo(message),
      perhapsSince,
      record: (to) => messages.recordDestination(message.id, lease, to),
      content(refused) {
        shown = shownBy(prepared, { message, isNew: true, refused });
        return shown.content;
      },
    });
    if (posted === 'lost') return { kind: 'nothing' };
    if (posted === 'gone') return close(work);
    // What an earlier attempt posted shows nobody knows what.
    if (await messages.recordPosted(message.id, lease, posted, posted.wasThere ? null : marked(message, shown))) {
      return { kind: posted.wasThere ? 'found' : 'posted' };
    }
    await removeIfDoubled(message, posted);
    return { kind: 'nothing' };
  }

  /** This process was paused past its lease while posting; its successor may have posted too. */
  async function removeIfDoubled({ id }: OutboxMessage, mine: MessageRef): Promise<void> {
    const recorded = (await messages.find(id))?.message ?? null;
    if (recorded !== null && recorded.ts !== mine.ts) await transport.remove(mine);
  }

  async function update(work: Work): Promise<DeliveryOutcome> {
    const { message, kind, lease, prepared } = work;
    const shown = prepared?.show({ message, isNew: false, refused: message.refusedRoute }) ?? null;
    const place = prepared?.place ?? null;
    if (place === null || shown === null) {
      // What it was about is gone, or it has nothing more to say: it stays as it is.
      await messages.recordShown(message.id, lease, marked(message, null));
      return { kind: 'updated' };
    }
    const isSame = shown.as !== undefined && shown.as === message.shownAs && place.to === 'home';
    const updated = isSame ? 'updated' : await transport.update(place, message.message, shown.content);
    if (updated === 'updated') {
      await messages.recordShown(message.id, lease, marked(message, shown));
    } else if (kind.gone === 'post_again' && isWanted(work)) {
      await messages.recordGone(message.id, lease);
    } else {
      await messages.close(message.id, lease, message.wanted);
    }
    return { kind: 'updated' };
  }

  async function deliver(id: string): Promise<DeliveryOutcome> {
    let outcome: DeliveryOutcome = { kind: 'nothing' };
    // A commit between the last look and the release found the row leased, and left it at that: look again.
    for (let rounds = 0; rounds < MOST_ROUNDS; rounds += 1) {
      const taken = await deliverOnce(id);
      if (taken === null) break;
      if (outcome.kind === 'nothing' || taken.kind === 'failed') outcome = taken;
      if (taken.kind === 'failed' || taken.kind === 'nothing') break;
    }
    deps.onOutcome(outcome);
    return outcome;
  }

  return {
    deliver,
    async deliverAbout(promotionId) {
      const outcomes: DeliveryOutcome[] = [];
      for (const id of await messages.owedAbout(promotionId)) outcomes.push(await deliver(id));
      return outcomes;
    },
    async deliverNewest(kind, subject) {
      const message = await messages.newest(kind, subject);
      return message === null ? { kind: 'nothing' } : deliver(message.id);
    },
  };
}

function shownBy(prepared: Prepared, telling: Telling): Shown {
  const shown = prepared.show(telling);
  if (shown === null) throw new Error('A message that was wanted has nothing to show.');
  return shown;
}

/** What the row keeps of what its message shows. */
function marked({ wanted }: OutboxMessage, shown: Shown | null) {
  return {
    version: wanted,
    as: shown?.as ?? null,
    refreshAfterMs: shown?.refreshAfterMs ?? null,
    restMs: shown?.restMs ?? null,
  };
}

function sentTo({ channel, refusedRoute }: OutboxMessage): Destination | null {
  return channel === null ? null : { channel, refused: refusedRoute };
}

/** Since when its message can be there. */
function sinceOf({ createdAt }: OutboxMessage): Date {
  return new Date(createdAt.getTime() - CLOCK_SKEW_MS);
}
