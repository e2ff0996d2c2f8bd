import { type HeldLease, holdLease } from '../db/held-lease.js';
import type { LastWrite, Messages, ShownMark } from '../db/messages.js';
import type { MessageRef } from '../promotions/alert.js';
import { type MessageKind, messageKey, type OutboxMessage } from '../promotions/messages.js';
import type { Destination } from '../promotions/routing.js';
import type { Unchangeable } from '../slack/errors.js';
import type { PostedSince } from '../slack/search.js';
import type { BoundKind, Lane, Place, Prepared, Shown, ShowRequest } from './kind.js';
import type { OutsideTransport } from './outside.js';
import { postponed } from './retry.js';
import { nextStep, type Step, whereAgain } from './step.js';
import type { Posted } from './post.js';
import { createTransport, type OutboxSlack } from './transport.js';

export type DeliveryOutcome =
  /** `posted` is new in Slack; `found` was posted by an attempt that never learned of it. */
  | { readonly kind: 'posted' | 'found' | 'updated' | 'closed' }
  /** Another process works on it, it waits for another row, or nothing was to do. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly error: unknown };

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
  readonly outside: OutsideTransport;
  /** Updates, in the Slack message about this one, whether it was delivered outside. Returns the messages to update. */
  readonly tellFailure: (messageId: string) => Promise<readonly string[]>;
  /** By name. A row of a missing kind was queued by another version, which will deliver it. */
  readonly kinds: Readonly<Record<string, BoundKind>>;
  /** Where a message goes if Slack refuses it elsewhere. */
  readonly alertChannel: string;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Unique per claim, so an expired claim fails the fence. */
  readonly newOwner: () => string;
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly onOutcome: (outcome: DeliveryOutcome) => void;
}

/**
 * Delivers messages to Slack, the pager and the webhook: the one path for every kind, from clicks and ticks. A message
 * is
 * - posted once: its row is leased, and its destination recorded before anything is sent;
 * - lost, if the post got no answer: its row stays pending, and the next attempt looks for it first;
 * - found again by the key in its metadata, then updated: nobody knows which facts it was posted with;
 * - updated in place whenever a commit has raised `wanted`;
 * - deleted by an admin: posted again or closed, as its kind says, once an update finds it gone;
 * - unchangeable, if its channel is archived, for example: posted again elsewhere or left, as its kind says;
 * - doubled, if a process was paused past its lease while posting: that process removes its own copy.
 * A failure waits by the database's clock, longer each time, and holds up nothing else.
 */
export interface Outbox {
  /** Delivers or updates one message. Rejects only if the database does. */
  deliver(id: string): Promise<DeliveryOutcome>;
  /** Messages to deliver now, of the kinds this version knows; in Slack by default. */
  due(limit: number, lane?: Lane): Promise<readonly string[]>;
  /** Delivers everything pending about one promotion: a click calls it after its commit. */
  deliverAbout(promotionId: string): Promise<readonly DeliveryOutcome[]>;
  /** Delivers the newest message of a kind about a subject. */
  deliverNewest(kind: MessageKind, subject: string): Promise<DeliveryOutcome>;
}

/**
 * How long a successor waits. A step stops sending after half of it; what it sent by then takes effect within the other
 * half.
 */
export const LEASE_MS = 40_000;
/** A message can only be newer than its row. Slack's clock and the database's may differ by the first, or be wrong. */
const CLOCK_SKEW_MS = 5 * 60_000;
const WRONG_BY_MS = 24 * 60 * 60_000;
/** A post, then updates for changes meanwhile: more steps in a row mean that something is wrong. */
const MOST_STEPS = 8;

const NOTHING = { kind: 'nothing' } as const;
const NOTHING_TAKEN: Taken = { outcome: NOTHING, isOwed: false };

interface Taken {
  readonly outcome: DeliveryOutcome;
  /** Something is left to do, from this step or from a commit meanwhile. */
  readonly isOwed: boolean;
  /** It goes outside Slack; its alert says whether it arrived. */
  readonly isOutside?: boolean;
}

function taken(kind: 'posted' | 'found' | 'updated', written: LastWrite): Taken {
  return { outcome: { kind }, isOwed: written === 'owed' };
}

interface Work {
  readonly message: OutboxMessage;
  readonly kind: BoundKind;
  /** null if its subject is gone. */
  readonly prepared: Prepared | null;
  readonly lease: HeldLease;
}

export function createOutbox(deps: OutboxDependencies): Outbox {
  const { messages } = deps;
  const transport = createTransport(deps.slack, deps.alertChannel, deps.outside);

  const kindsOf = (lane: Lane): readonly string[] =>
    Object.entries(deps.kinds).flatMap(([name, kind]) => ((kind.lane ?? 'slack') === lane ? [name] : []));

  /** Takes steps until nothing is left, each with its own lease. */
  async function deliver(id: string): Promise<DeliveryOutcome> {
    let outcome: DeliveryOutcome = NOTHING;
    let isOutside = false;
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const taken = await takeStep(id);
      if (outcome.kind === 'nothing' || taken.outcome.kind === 'failed') outcome = taken.outcome;
      isOutside ||= taken.isOutside === true;
      if (!taken.isOwed) break;
    }
    deps.onOutcome(outcome);
    if (isOutside) for (const told of await deps.tellFailure(id)) await deliver(told);
    return outcome;
  }

  /** Claims the message and takes its next step. The step's last write ends the lease. */
  async function takeStep(id: string): Promise<Taken> {
    const lease = holdLease({ owner: deps.newOwner(), durationMs: LEASE_MS }, deps.elapsed(), deps.elapsed);
    const claimed = await messages.claim(id, lease);
    if (claimed === null) return NOTHING_TAKEN;
    const isOutside = (deps.kinds[claimed.kind]?.lane ?? 'slack') !== 'slack';
    try {
      const taken = await workOn(claimed, lease);
      if (taken.outcome.kind === 'nothing') await messages.release(id, lease, null);
      return { ...taken, isOutside };
    } catch (error) {
      await messages.release(id, lease, postponed(error, claimed, deps.random));
      return { outcome: { kind: 'failed', error }, isOwed: false, isOutside };
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

  /** Whether it would have something to say if posted now. */
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
    // It looks again while it holds the channel slot, but not as far back as a wrong clock explains: `find` just did.
    return thenPost ? post(work, { ...sinceOf(work.message, deps.now()), possible: null }) : close(work);
  }

  /** null if no earlier attempt posted it. */
  async function find({ message, prepared, lease }: Work): Promise<Taken | null> {
    if (prepared === null || prepared.place === null) return null;
    const found = await transport.find(
      prepared.place,
      messageKey(message),
      sentTo(message),
      sinceOf(message, deps.now()),
    );
    if (found === null) return null;
    return taken('found', await messages.recordPosted(message.id, lease, found, null));
  }

  /** `perhapsSince`: since when an earlier attempt may have posted it; null: don't look for it. */
  async function post(work: Work, perhapsSince: PostedSince | null): Promise<Taken> {
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

  /** Its root was deleted. Updating the root finds that out and posts it again if still needed. */
  async function closeWithoutRoot(work: Work): Promise<Taken> {
    const { root } = work.message;
    if (root !== null) await messages.requestUpdate(root.id);
    return close(work);
  }

  async function recordPost(
    { message, lease, prepared }: Work,
    { at, wasThere }: Posted,
    shown: Shown | null,
  ): Promise<Taken> {
    // Nobody knows which facts an earlier attempt posted it with.
    const mark = wasThere || shown?.isBehind === true ? null : markOf(message, shown);
    const written = await messages.recordPosted(message.id, lease, at, mark);
    if (written !== 'lost') return taken(wasThere ? 'found' : 'posted', written);
    if (at !== null && prepared?.place != null) await removeIfDoubled(message, prepared.place, at);
    return NOTHING_TAKEN;
  }

  /** This process was paused past its lease while posting: its successor has posted too, or closed the message. */
  async function removeIfDoubled({ id }: OutboxMessage, place: Place, mine: MessageRef): Promise<void> {
    const row = await messages.find(id);
    // The successor hasn't posted yet: it will look first, and find this one.
    if (row?.state === 'pending') return;
    const isRecorded = row?.message?.channel === mine.channel && row.message.ts === mine.ts;
    if (!isRecorded) await transport.remove(place, mine);
  }

  async function update(work: Work): Promise<Taken> {
    const { message, kind, lease, prepared } = work;
    const shown = prepared?.show({ message, isNew: false, refused: message.refusedRoute }) ?? null;
    const place = prepared?.place ?? null;
    if (place === null || shown === null) {
      // Its subject is gone, or it has nothing more to say: leave it as it is.
      return taken('updated', await messages.recordShown(message.id, lease, markOf(message, null)));
    }
    const updated =
      shown.isShownAlready === true
        ? 'updated'
        : await transport.update(place, message.message, shown.content, lease.isFresh);
    if (updated === 'updated')
      return taken('updated', await messages.recordShown(message.id, lease, markOf(message, shown)));
    if (updated !== 'gone') return leaveOrPostAgain(work, updated);
    if (kind.gone === 'close' || !isWanted(work)) return close(work);
    return { outcome: { kind: 'updated' }, isOwed: await messages.recordGone(message.id, lease, null) };
  }

  /** What is left isn't closed: replies in its thread would be closed with it, and they may go elsewhere. */
  async function leaveOrPostAgain(work: Work, refused: Unchangeable): Promise<Taken> {
    const { message, kind, lease, prepared } = work;
    const to =
      kind.gone === 'post_again' && prepared?.place?.to === 'channel' && isWanted(work)
        ? whereAgain(message, refused, { route: prepared.place.route, alertChannel: deps.alertChannel })
        : null;
    if (to === null && !refused.isForGood) throw refused.error;
    if (to === null) return taken('updated', await messages.recordShown(message.id, lease, markOf(message, null)));
    return { outcome: { kind: 'updated' }, isOwed: await messages.recordGone(message.id, lease, to) };
  }

  return {
    deliver,
    due: (limit, lane = 'slack') => messages.due(limit, kindsOf(lane)),
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

/** What the row keeps of what its message shows; `shown` null: keep the old mark. */
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

/** The earliest time that its message can have; `now`: this process's own clock, in case the database's is ahead. */
function sinceOf({ createdAt }: OutboxMessage, now: Date): PostedSince {
  return {
    likely: new Date(createdAt.getTime() - CLOCK_SKEW_MS),
    possible: new Date(Math.min(createdAt.getTime(), now.getTime()) - WRONG_BY_MS),
  };
}
