import type { Lease } from '../../src/db/leases.js';
import type { LastWrite } from '../../src/db/messages.js';
import type { OutboxMessages } from '../../src/outbox/outbox.js';
import { SETTLE_MS } from '../../src/promotions/back-off.js';
import type { MessageRef } from '../../src/promotions/alert.js';
import type { OutboxMessage } from '../../src/promotions/messages.js';
import { message as messageOf } from '../outbox/kinds/make.js';
import type { DatabaseModel, Waits } from './database-model.js';
import type { Process } from './process.js';
import type { Sabotage } from './sabotage.js';
import { atMost, isAhead, isFarAhead, isFarLease } from './set-back-model.js';

/** A row of the outbox. Times are the database's, in milliseconds. */
export interface MessageRow extends Omit<OutboxMessage, 'root'> {
  readonly rootId: string | null;
  /** If its root is posted again, it isn't. */
  readonly goesWithRoot: boolean;
  readonly leaseOwner: string | null;
  readonly leaseUntilMs: number | null;
  readonly nextAttemptMs: number | null;
  readonly notBeforeMs: number | null;
  readonly owedSinceMs: number | null;
}

export interface MessagesModel extends Waits {
  readonly rows: ReadonlyMap<string, MessageRow>;
  /** The outbox's side of the table, for one process. */
  messagesOf(process: Process): OutboxMessages;
  /** Inside somebody's transaction: what is queued already stays as it is. */
  queue(message: Pick<MessageRow, 'kind' | 'subject' | 'promotionId' | 'rootId' | 'isUrgent'>): void;
  /** Inside somebody's transaction: these kinds have to show something new about a promotion. */
  requestUpdates(promotionId: string, kinds: readonly string[]): void;
}

const FREE = { leaseOwner: null, leaseUntilMs: null };
/** What a lease's last write does besides its own change. */
const DONE = { ...FREE, attempts: 0, nextAttemptMs: null };

function asksForMore({ wanted, shown }: MessageRow): LastWrite {
  return wanted > shown ? 'owed' : 'done';
}

/** `onChange`: a change took effect; `before` null: it was queued. */
export function createMessagesModel(
  db: DatabaseModel,
  sabotage?: Sabotage,
  onChange: (before: MessageRow | null, after: MessageRow) => void = () => undefined,
): MessagesModel {
  const rows = new Map<string, MessageRow>();
  let queued = 0;

  const set = (row: MessageRow, changes: Partial<MessageRow>): MessageRow => {
    const next = { ...row, ...changes };
    return write(row, { ...next, owedSinceMs: owedSince(row, next) });
  };
  const write = (before: MessageRow | null, after: MessageRow): MessageRow => {
    rows.set(after.id, after);
    onChange(before, after);
    return after;
  };
  /** As the table's trigger: each delivery restarts the wait. */
  const owedSince = (before: MessageRow, after: MessageRow): number | null => {
    if (!isOwed(after)) return null;
    const isRestarted = after.state !== before.state || after.shown > before.shown;
    return isRestarted ? db.nowMs() : (before.owedSinceMs ?? db.nowMs());
  };
  const isReached = (ms: number | null) => ms === null || ms <= db.nowMs();
  const inMs = (ms: number | null): number | null => (ms === null ? null : db.nowMs() + ms);
  const isOwed = (row: MessageRow) => row.state === 'pending' || (row.state === 'posted' && row.wanted > row.shown);
  const isFreeNow = (row: MessageRow) => isReached(row.leaseUntilMs) && isReached(row.notBeforeMs);
  const isHeld = (row: MessageRow, owner: string) => row.leaseOwner === owner || sabotage === 'no fence of messages';
  const rootOf = (row: MessageRow) => (row.rootId === null ? undefined : rows.get(row.rootId));
  const hasItsRoot = (row: MessageRow) => row.state !== 'pending' || rootOf(row)?.state !== 'pending';

  function comesAfterItsRoot(row: MessageRow): boolean {
    const root = rootOf(row);
    return hasItsRoot(row) || (root !== undefined && isFreeNow(root) && isReached(root.nextAttemptMs));
  }

  function read(id: string): OutboxMessage | null {
    const row = rows.get(id);
    if (row === undefined) return null;
    const root = rootOf(row);
    const {
      rootId: _,
      goesWithRoot,
      leaseOwner,
      leaseUntilMs,
      nextAttemptMs,
      notBeforeMs,
      owedSinceMs,
      ...message
    } = row;
    return {
      ...message,
      root: root === undefined ? null : { id: root.id, state: root.state, message: refOf(root), shownAs: root.shownAs },
    };
  }

  function claim(id: string, lease: Lease): OutboxMessage | null {
    const row = rows.get(id);
    if (row === undefined || !isOwed(row) || !isFreeNow(row) || !hasItsRoot(row)) return null;
    if (row.state === 'pending' && !isReached(row.nextAttemptMs)) return null;
    set(row, { leaseOwner: lease.owner, leaseUntilMs: inMs(lease.durationMs), attempts: row.attempts + 1 });
    return read(id);
  }

  function order(one: MessageRow, other: MessageRow): number {
    const rank = ({ state, isUrgent }: MessageRow) => (state === 'pending' ? (isUrgent ? 0 : 1) : 2);
    return rank(one) - rank(other) || Number(one.id) - Number(other.id);
  }

  function messagesOf(process: Process): OutboxMessages {
    const run = <T>(statement: () => T) => db.run(process, statement);
    /** A write by the holder; false if the lease is another's. */
    const fenced = (id: string, { owner }: Lease, work: (row: MessageRow) => boolean | undefined) =>
      run(() => {
        const row = rows.get(id);
        return row !== undefined && isHeld(row, owner) && work(row) !== false;
      });
    const last = (id: string, { owner }: Lease, changes: (row: MessageRow) => Partial<MessageRow>) =>
      run((): LastWrite => {
        const row = rows.get(id);
        if (row === undefined || !isHeld(row, owner)) return 'lost';
        return asksForMore(set(row, { ...changes(row), ...DONE }));
      });
    return {
      find: (id) => run(() => read(id)),
      claim: (id, lease) => run(() => claim(id, lease)),
      due: (limit, kinds) =>
        run(() =>
          [...rows.values()]
            .filter((row) => isOwed(row) && (kinds?.includes(row.kind) ?? true))
            .filter((row) => isFreeNow(row) && isReached(row.nextAttemptMs) && comesAfterItsRoot(row))
            .sort(order)
            .slice(0, limit)
            .map(({ id }) => id),
        ),
      owedAbout: (promotionId) =>
        run(() =>
          [...rows.values()]
            .filter((row) => isOwed(row) && row.promotionId === promotionId)
            .sort(
              (one, other) =>
                Number(one.rootId !== null) - Number(other.rootId !== null) || Number(one.id) - Number(other.id),
            )
            .map(({ id }) => id),
        ),
      newest: (kind, subject) =>
        run(() => {
          const all = [...rows.values()].filter((row) => row.kind === kind && row.subject === subject);
          const newest = all.at(-1);
          return newest === undefined ? null : read(newest.id);
        }),
      requestUpdate: (id) =>
        run(() => {
          const row = rows.get(id);
          if (row !== undefined) set(row, { wanted: row.wanted + 1 });
        }),
      recordDestination: (id, lease, { channel, refused }) =>
        fenced(id, lease, (row) => {
          set(row, { channel, refusedRoute: refused });
          return true;
        }),
      recordPosted: (id, lease, at, shown) =>
        last(id, lease, (row) => ({
          state: 'posted',
          channel: at?.channel ?? row.channel,
          message: at,
          postedAt: db.now(),
          shown: shown?.version ?? row.shown,
          shownAs: shown?.as ?? null,
          wanted: row.wanted + (shown === null ? 1 : 0),
          notBeforeMs: inMs(shown?.restMs ?? null),
        })),
      recordShown: (id, lease, { version, as, restMs }) =>
        run((): LastWrite => {
          const row = rows.get(id);
          if (row === undefined || !isHeld(row, lease.owner)) return 'lost';
          const shown = { shown: version, shownAs: as, notBeforeMs: inMs(restMs), ...FREE };
          const isUnsettled = row.nextAttemptMs !== null && row.nextAttemptMs > db.nowMs();
          if (isUnsettled && sabotage !== 'stale update') {
            set(row, { ...shown, wanted: row.wanted + 1 });
            return 'done';
          }
          return asksForMore(set(row, { ...shown, ...DONE }));
        }),
      close: (id, lease, version) =>
        fenced(id, lease, (row) => {
          if (row.wanted > version) return false;
          set(row, { state: 'closed', ...DONE });
          return true;
        }),
      recordGone: (id, lease, to) =>
        fenced(id, lease, (row) => {
          const place = {
            channel: to?.channel ?? null,
            refusedRoute: to?.refused ?? null,
            message: null,
            postedAt: null,
            createdAt: db.now(),
          };
          set(row, { state: 'pending', ...place, shown: row.wanted, shownAs: null, ...DONE });
          for (const reply of rows.values()) if (reply.rootId === id && reply.goesWithRoot) rows.delete(reply.id);
          return true;
        }),
      release: async (id, lease, failure) => {
        await fenced(id, lease, (row) => {
          if (failure === null) set(row, { ...FREE, attempts: Math.max(0, row.attempts - 1) });
          else
            set(row, {
              ...FREE,
              nextAttemptMs: inMs(failure.waitMs ?? Number.POSITIVE_INFINITY),
              channel: failure.arrivedNowhere === true ? null : row.channel,
            });
          return true;
        });
      },
    };
  }

  return {
    rows,
    messagesOf,
    areFar: (longestLeaseMs) =>
      [...rows.values()].filter(isOwed).some(
        ({ leaseUntilMs, nextAttemptMs, owedSinceMs, state, notBeforeMs }) =>
          isFarLease(leaseUntilMs, db.nowMs(), longestLeaseMs) ||
          isFarAhead(nextAttemptMs, db.nowMs()) ||
          isAhead(owedSinceMs, db.nowMs()) ||
          // Before a post, people may sleep.
          (state === 'posted' && isFarAhead(notBeforeMs, db.nowMs())),
      ),
    shorten(longestLeaseMs) {
      const soonMs = db.nowMs() + SETTLE_MS;
      for (const row of [...rows.values()].filter(isOwed)) {
        const { leaseUntilMs, nextAttemptMs, owedSinceMs } = row;
        write(row, {
          ...row,
          leaseUntilMs: atMost(leaseUntilMs, db.nowMs() + longestLeaseMs),
          // What waits for its promotion's end still does.
          nextAttemptMs: nextAttemptMs === Number.POSITIVE_INFINITY ? nextAttemptMs : atMost(nextAttemptMs, soonMs),
          owedSinceMs: atMost(owedSinceMs, db.nowMs()),
        });
      }
    },
    queue(message) {
      const isQueued = [...rows.values()].some(
        ({ kind, subject }) => kind === message.kind && subject === message.subject,
      );
      if (isQueued) return;
      queued += 1;
      const id = String(queued);
      write(null, {
        ...messageOf({ ...message, id, attempts: 0, createdAt: db.now() }),
        rootId: message.rootId,
        goesWithRoot: false,
        leaseOwner: null,
        leaseUntilMs: null,
        nextAttemptMs: null,
        notBeforeMs: null,
        owedSinceMs: db.nowMs(),
      });
    },
    requestUpdates(promotionId, kinds) {
      for (const row of [...rows.values()])
        if (row.promotionId === promotionId && kinds.includes(row.kind)) set(row, { wanted: row.wanted + 1 });
    },
  };
}

function refOf({ message }: MessageRow): MessageRef | null {
  return message;
}
