/** Slack accepts about one message a second and channel (https://docs.slack.dev/apis/web-api/rate-limits). */
export const MESSAGE_INTERVAL_MS = 1_100;
/** Slack accepts 50 edits a minute and more, and bursts of them. */
export const EDIT_INTERVAL_MS = 1_200;
export const EDIT_BURST = 20;

/** Longer than a request may take: a replica killed in its slot blocks the others no longer than this. */
const HOLD_MS = 12_000;
/** How long to wait for a slot: longer than a killed replica's lasts, but well within a message's lease. */
const LONGEST_WAIT_MS = 13_500;
/** How often to check whether another replica has given its slot back early. */
const LOOK_EVERY_MS = 250;

/** Which of several replicas may post to a channel now. */
export interface ChannelSlots {
  /** Takes the slot for `holdMs`; 0 if it is the caller's now, else the most milliseconds that it is another's. */
  take(channel: string, owner: string, holdMs: number): Promise<number>;
  /** Gives the owner's slot back: the next can be taken `pauseMs` later. */
  giveBack(channel: string, owner: string, pauseMs: number): Promise<void>;
}

/** No slot comes soon: nothing was sent; ask again after `retryAfterMs`. */
export class NoSlot extends Error {
  override readonly name = 'NoSlot';
  constructor(readonly retryAfterMs: number) {
    super('no slot soon');
  }
}

export interface PaceDependencies {
  readonly intervalMs: number;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** null: this process keeps the pace alone. */
  readonly slots: ChannelSlots | null;
  readonly newOwner: () => string;
  /** Milliseconds to leave the channel alone after a failure; 0 for the usual pause. */
  readonly pauseAfter: (error: unknown) => number;
}

/**
 * Does one piece of work at a time in each channel, with a pause after each. @throws {NoSlot} and whatever the work
 * throws
 */
export type Pace = <T>(channel: string, work: () => Promise<T>) => Promise<T>;

/**
 * Spaces out posts to a channel, from the end of one to the start of the next, so that none overtakes another. Each
 * process keeps its order; `slots` decides among replicas. If it fails, each paces itself and waits out a 429.
 */
export function createPace(deps: PaceDependencies): Pace {
  const { elapsed, sleep, slots } = deps;
  const queues = new Map<string, Promise<void>>();
  const freeAt = new Map<string, number>();

  /** Resolves once the owner has the channel's slot among all replicas. */
  async function takeSlot(channel: string, owner: string, deadline: number): Promise<void> {
    for (;;) {
      const here = (freeAt.get(channel) ?? 0) - elapsed();
      const anywhere = here > 0 ? here : await takeAmongReplicas(channel, owner);
      if (anywhere <= 0) return;
      const wait = here > 0 ? here : Math.min(anywhere, LOOK_EVERY_MS);
      if (elapsed() + wait > deadline) throw new NoSlot(anywhere);
      await sleep(wait);
    }
  }

  /** 0 if the slot is the owner's, or `slots` doesn't answer: then each replica paces itself. */
  async function takeAmongReplicas(channel: string, owner: string): Promise<number> {
    if (slots === null) return 0;
    return slots.take(channel, owner, HOLD_MS).catch(() => 0);
  }

  async function inSlot<T>(channel: string, deadline: number, work: () => Promise<T>): Promise<T> {
    if (elapsed() > deadline) throw new NoSlot(deps.intervalMs);
    const owner = deps.newOwner();
    await takeSlot(channel, owner, deadline);
    let pauseMs = deps.intervalMs;
    try {
      return await work();
    } catch (error) {
      pauseMs = Math.max(pauseMs, deps.pauseAfter(error));
      throw error;
    } finally {
      freeAt.set(channel, elapsed() + pauseMs);
      // If this fails, the slot expires by itself; the post is done either way.
      await slots?.giveBack(channel, owner, pauseMs).catch(() => undefined);
    }
  }

  return async (channel, work) => {
    const deadline = elapsed() + LONGEST_WAIT_MS;
    const before = queues.get(channel) ?? Promise.resolve();
    const mine = before.then(() => inSlot(channel, deadline, work));
    queues.set(
      channel,
      mine.then(
        () => undefined,
        () => undefined,
      ),
    );
    return mine;
  };
}

/** Spaces out what may also come in bursts: resolves when the caller may go on. @throws {NoSlot} */
export function createBurstPace(
  { intervalMs, burst }: { readonly intervalMs: number; readonly burst: number },
  { elapsed, sleep }: Pick<PaceDependencies, 'elapsed' | 'sleep'>,
): () => Promise<void> {
  /** When the last caller would have gone, had there been no bursts. */
  let paidUntil = 0;
  return async () => {
    const from = Math.max(paidUntil, elapsed());
    const wait = from - elapsed() - (burst - 1) * intervalMs;
    if (wait > LONGEST_WAIT_MS) throw new NoSlot(wait);
    paidUntil = from + intervalMs;
    if (wait > 0) await sleep(wait);
  };
}
