/**
 * Virtual time. Events wait here for their turn; between turns everything they started comes to rest, so a seed always
 * gives the same run. Times are milliseconds since the run began.
 */
export interface Scheduler {
  readonly nowMs: number;
  /** Turns taken so far. */
  readonly steps: number;
  /** Schedules something after this long; returns how to cancel it. */
  after(ms: number, happen: () => void): () => void;
  /** Takes the next turn; false if there is none left. Rejects with what the turn threw. */
  step(): Promise<boolean>;
}

interface Turn {
  readonly atMs: number;
  /** At the same time, the first one scheduled comes first. */
  readonly order: number;
  happen: (() => void) | null;
}

export function createScheduler(): Scheduler {
  const heap: Turn[] = [];
  let nowMs = 0;
  let order = 0;
  let steps = 0;

  function push(turn: Turn): void {
    let at = heap.length;
    heap.push(turn);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, turn)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = turn;
  }

  function pop(): Turn | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      const child = smallerChild(at);
      const below = heap[child];
      if (below === undefined || isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  function smallerChild(parent: number): number {
    const left = heap[2 * parent + 1];
    const right = heap[2 * parent + 2];
    return left !== undefined && right !== undefined && isBefore(right, left) ? 2 * parent + 2 : 2 * parent + 1;
  }

  return {
    get nowMs() {
      return nowMs;
    },
    get steps() {
      return steps;
    },
    after(ms, happen) {
      const turn: Turn = { atMs: nowMs + Math.max(0, ms), order, happen };
      order += 1;
      push(turn);
      return () => {
        turn.happen = null;
      };
    },
    async step() {
      for (;;) {
        const turn = pop();
        if (turn === undefined) return false;
        if (turn.happen === null) continue;
        nowMs = turn.atMs;
        steps += 1;
        turn.happen();
        await atRest();
        return true;
      }
    },
  };
}

function isBefore(one: Turn, other: Turn): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/** Node runs every promise's continuation before the next callback of its event loop. */
function atRest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
