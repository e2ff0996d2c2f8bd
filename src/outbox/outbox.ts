import { type HeldLease, holdLease } from '../db/held-lease.js';
import type { LastWrite, Messages, ShownMark } from '../db/messages.js';
import type { MessageRef } from '../promotions/alert.js';
import { type MessageKind, messageKey, type OutboxMessage } from '../promotions/messages.js';
import type { Destination } from '../promotions/routing.js';
import type { BoundKind, Prepared, Shown, ShowRequest } from './kind.js';
import { postponed } from './retry.js';
import { nextStep, type Step } from './step.js';
import { createTransport, type OutboxSlack, type Posted } from './transport.js';

/** What became of one message. */
export type DeliveryOutcome =
  /** `posted` is new in Slack; `found` had been posted by an attempt that never learned of it. */
  | { readonly kind: 'posted' | 'found' | 'updated' | 'closed' }
  /** Another process works on it, it waits for another row, or there was nothing to do. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The outbox's side of the messages' table. */
export type OutboxMessages = Pick<
  Messages,
  | 'claim'
  | 'close'
  | 'due'
  | 'find'
  | 'newest'
  | 'owedAbout'
  | 'recordDestination'
  | 'recordGone'
  | 'recordPosted'
  | 'recordShown'
  | 'release'
  | 'requestUpdate'
>;

export interface OutboxDependencies {
  readonly messages: OutboxMessages;
  readonly slack: OutboxSlack;
  /** By name. A row of a kind that isn't here was queued by another version, which will deliver it. */
  readonly kinds: Readonly<Record<string, BoundKind>>;
  /** Where a message goes that Slack refuses elsewhere. */
  readonly alertChannel: string;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Unique per claim, so an expired claim fails the fence. */
  readonly newOwner: () => string;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly onOutcome: (outcome: DeliveryOutcome) => void;
}

/**
 * Shows in Slack what the rows say: the one path for every kind of message, from a click as from a tick. A message is
 *
 * - posted once: its row is leased, and its destination is written before anything is sent;
 * - lost, if the answer to the post never came: the row stays pending, and the next attempt looks for it first;
 * - found again by the key in its metadata, and then updated: nobody knows which facts it was posted with;
 * - updated in place whenever a commit has raised `wanted`;
 * - deleted by an admin: posted again or closed, as its kind says, once an update finds it gone;
 * - doubled, if a process was paused past its lease while it posted: that process removes its own copy.
 *
 * What fails waits by the database's clock, longer each time, and holds up nothing else.
 */
export interface Outbox {
  /** Brings one message up to date. Rejects only where the database does. */
  deliver(id: string): Promise<DeliveryOutcome>;
  /** What is owed and may be delivered now, of the kinds that this version knows. */
  due(limit: number): Promise<readonly string[]>;
  /** Everything that is owed about one promotion, now: what a click calls after its commit. */
  deliverAbout(promotionId: string): Promise<readonly DeliveryOutcome[]>;
  /** The newest message of a kind about a subject, now. */
  deliverNewest(kind: MessageKind, subject: string): Promise<DeliveryOutcome>;
}

/**
 * A successor waits this long. Half of it is longer than one step may take until it sends: it sends nothing after that, and what
 * was sent takes effect before the other half has passed.
 */
export const LEASE_MS = 40_000;
/** A message in Slack can only be newer than its row; Slack's clock and the database's may differ by this much. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** A post, then updates to what changed meanwhile: more steps in a row mean that something is wrong. */
const MOST_STEPS = 8;

const NOTHING = { kind: 'nothing' } as const;
const NOTHING_TAKEN: Taken = { outcome: NOTHING, isOwed: false };

/** What one step came to. */
interface Taken {
  readonly outcome: DeliveryOutcome;
  /** Something is left to do, as the step itself brought about, or a commit that came meanwhile. */
  readonly isOwed: boolean;
}

function taken(kind: 'posted' | 'found' | 'updated', written: LastWrite): Taken {
  return { outcome: { kind }, isOwed: written === 'owed' };
}

/** A claimed message with its kind's facts, at one moment. */
interface Work {
  readonly message: OutboxMessage;
  readonly kind: BoundKind;
  /** null where what it is about is gone. */
  readonly prepared: Prepared | null;
  readonly lease: HeldLease;
}

export function createOutbox(deps: OutboxDependencies): Outbox {
  const { messages } = deps;
  const transport = createTransport(deps.slack, deps.alertChannel);

  /** One step after the other until nothing is owed, each with a lease of its own. */
  async function deliver(id: string): Promise<DeliveryOutcome> {
    let outcome: DeliveryOutcome = NOTHING;
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const taken = await takeStep(id);
      if (outcome.kind === 'nothing' || taken.outcome.kind === 'failed') outcome = taken.outcome;
      if (!taken.isOwed) break;
    }
    deps.onOutcome(outcome);
    return outcome;
  }

  /** Claims the message and takes the one step that is next. What that writes last ends the lease. */
  async function takeStep(id: string): Promise<Taken> {
    const lease = holdLease({ owner: deps.newOwner(), durationMs: LEASE_MS }, deps.elapsed(), deps.elapsed);
    const claimed = await messages.claim(id, lease);
    if (claimed === null) return NOTHING_TAKEN;
    try {
      const taken = await workOn(claimed, lease);
      if (taken.outcome.kind === 'nothing') await messages.release(id, lease, null);
      return taken;
    } catch (error) {
      await messages.release(id, lease, postponed(error, claimed.attempts, deps.random));
      return { outcome: { kind: 'failed', error }, isOwed: false };
    }
  }

  async function workOn(message: OutboxMessage, lease: HeldLease): Promise<Taken> {
    const kind = deps.kinds[message.kind];
    if (kind === undefined) return NOTHING_TAKEN;
    const work: Work = { message, kind, prepared: await kind.prepare(message), lease };
    const step = nextStep(
      message,
      { isWanted: isWanted(work), unknownOutcome: kind.unknownOutcome },
      message.attempts - 1,
    );
    switch (step.kind) {
      case 'post':
        return post(work, null);
      case 'find':
        return findFirst(step, work);
      case 'update':
        return update(work);
      case 'close':
        return close(work);
      case 'wait':
        return NOTHING_TAKEN;
    }
  }

  /** Whether it would have something to say if it were posted now. */
  function isWanted({ message, prepared }: Work): boolean {
    return prepared !== null && prepared.show({ message, isNew: true, refused: null }) !== null;
  }

  async function close({ message, lease }: Work): Promise<Taken> {
    const closed = await messages.close(message.id, lease, message.wanted);
    return closed ? { outcome: { kind: 'closed' }, isOwed: false } : NOTHING_TAKEN;
  }

  async function findFirst({ thenPost, orPost }: Extract<Step, { kind: 'find' }>, work: Work): Promise<Taken> {
    let found: Taken | null;
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
  async function find({ message, prepared, lease }: Work): Promise<Taken | null> {
    if (prepared === null || prepared.place === null) return null;
    const found = await transport.find(prepared.place, messageKey(message), sentTo(message), sinceOf(message));
    if (found === null) return null;
    return taken('found', await messages.recordPosted(message.id, lease, found, null));
  }

  /** `perhapsSince`: since when an earlier attempt may have posted it; null where it need not be looked for. */
  async function post(work: Work, perhapsSince: Date | null): Promise<Taken> {
    const { message, lease, prepared } = work;
    if (prepared === null || prepared.place === null) return close(work);
    let shown: Shown | null = null;
    const posted = await transport.post({
      place: prepared.place,
      key: messageKey(message),
      sentTo: sentTo(message),
      perhapsSince,
      record: (to) => messages.recordDestination(message.id, lease, to),
      mayStillSend: lease.isFresh,
      content(refused) {
        shown = shownBy(prepared, { message, isNew: true, refused });
        return shown.content;
      },
    });
    if (posted === 'lost') return NOTHING_TAKEN;
    return posted === 'gone' ? closeWithoutRoot(work) : recordPost(work, posted, shown);
  }

  /** Somebody deleted its root, which only an update of the root finds out: that posts it again, if it is still needed. */
  async function closeWithoutRoot(work: Work): Promise<Taken> {
    const { root } = work.message;
    if (root !== null) await messages.requestUpdate(root.id);
    return close(work);
  }

  async function recordPost({ message, lease }: Work, { at, wasThere }: Posted, shown: Shown | null): Promise<Taken> {
    // Nobody knows which facts an earlier attempt posted it with.
    const mark = wasThere ? null : markOf(message, shown);
    const written = await messages.recordPosted(message.id, lease, at, mark);
    if (written !== 'lost') return taken(wasThere ? 'found' : 'posted', written);
    if (at !== null) await removeIfDoubled(message, at);
    return NOTHING_TAKEN;
  }

  /** This process was paused past its lease while it posted: its successor has posted too, or has closed the message. */
  async function removeIfDoubled({ id }: OutboxMessage, mine: MessageRef): Promise<void> {
    const row = await messages.find(id);
    // The successor hasn't posted yet: it looks first, and finds this.
    if (row?.state === 'pending') return;
    const isRecorded = row?.message?.channel === mine.channel && row.message.ts === mine.ts;
    if (!isRecorded) await transport.remove(mine);
  }

  async function update(work: Work): Promise<Taken> {
    const { message, kind, lease, prepared } = work;
    const shown = prepared?.show({ message, isNew: false, refused: message.refusedRoute }) ?? null;
    const place = prepared?.place ?? null;
    if (place === null || shown === null) {
      // What it was about is gone, or it has nothing more to say: it stays as it is.
      return taken('updated', await messages.recordShown(message.id, lease, markOf(message, null)));
    }
    const isThere =
      shown.isShownAlready === true ||
      (await transport.update(place, message.message, shown.content, lease.isFresh)) === 'updated';
    if (isThere) return taken('updated', await messages.recordShown(message.id, lease, markOf(message, shown)));
    if (kind.gone === 'close' || !isWanted(work)) return close(work);
    return { outcome: { kind: 'updated' }, isOwed: await messages.recordGone(message.id, lease) };
  }

  return {
    deliver,
    due: (limit) => messages.due(limit, Object.keys(deps.kinds)),
    async deliverAbout(promotionId) {
      const outcomes: DeliveryOutcome[] = [];
      for (const id of await messages.owedAbout(promotionId)) outcomes.push(await deliver(id));
      return outcomes;
    },
    async deliverNewest(kind, subject) {
      const message = await messages.newest(kind, subject);
      return message === null ? NOTHING : deliver(message.id);
    },
  };
}

function shownBy(prepared: Prepared, request: ShowRequest): Shown {
  const shown = prepared.show(request);
  if (shown === null) throw new Error('A message that was wanted has nothing to show.');
  return shown;
}

/** What the row keeps of what its message shows; `shown` null: it is left as it is. */
function markOf({ wanted, shownAs }: OutboxMessage, shown: Shown | null): ShownMark {
  return {
    version: wanted,
    as: shown?.as ?? shownAs,
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
