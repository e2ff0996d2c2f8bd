/** Slack takes about one message a second and channel (https://docs.slack.dev/apis/web-api/rate-limits). */
export const MESSAGE_INTERVAL_MS = 1_100;
/** Slack takes 50 edits a minute and more, and bursts of them. */
export const EDIT_INTERVAL_MS = 1_200;
export const EDIT_BURST = 20;

/** Longer than a request may take: a replica that was killed in its turn holds up the others no longer than this. */
const HOLD_MS = 12_000;
/** How long a turn is waited for: for one that a killed replica left, but well within the lease that whoever posts holds. */
const LONGEST_WAIT_MS = 13_500;
/** How often it is looked whether another replica has given its turn back early. */
const LOOK_EVERY_MS = 250;

/** Turns at a channel that several replicas share. */
export interface Turns {
  /** Takes the turn for `holdMs`; 0 where it is the caller's, else how many milliseconds it is another's at most. */
  take(channel: string, owner: string, holdMs: number): Promise<number>;
  /** Ends the owner's turn: the next begins `pauseMs` later. */
  giveBack(channel: string, owner: string, pauseMs: number): Promise<void>;
}

/** It is nobody's turn soon: nothing was sent; ask again after `retryAfterMs`. */
export class NoTurn extends Error {
  override readonly name = 'NoTurn';
  constructor(readonly retryAfterMs: number) {
    super('no turn soon');
  }
}

export interface PaceDependencies {
  readonly intervalMs: number;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** null: this process keeps the pace alone. */
  readonly turns: Turns | null;
  readonly newOwner: () => string;
  /** How long the channel is to be left alone after a failure, in milliseconds; 0 for the usual pause. */
  readonly pauseAfter: (error: unknown) => number;
}

/** Works on one thing at a time and channel, with a pause after each. @throws {NoTurn} and whatever the work throws */
export type Pace = <T>(channel: string, work: () => Promise<T>) => Promise<T>;

/**
 * Spaces out what goes to a channel, from the end of one post to the beginning of the next, so that none overtakes
 * another on its way. Callers of one process are served in order; among replicas `turns` decides. Where those cannot be
 * asked, each replica paces itself alone: a 429 of Slack's is then waited out.
 */
export function createPace(deps: PaceDependencies): Pace {
  const { elapsed, sleep, turns } = deps;
  const queues = new Map<string, Promise<void>>();
  const freeAt = new Map<string, number>();

  /** Resolves when it is the owner's turn among all replicas. */
  async function takeTurn(channel: string, owner: string, deadline: number): Promise<void> {
    for (;;) {
      const here = (freeAt.get(channel) ?? 0) - elapsed();
      const anywhere = here > 0 ? here : await takeAmongReplicas(channel, owner);
      if (anywhere <= 0) return;
      const wait = here > 0 ? here : Math.min(anywhere, LOOK_EVERY_MS);
      if (elapsed() + wait > deadline) throw new NoTurn(anywhere);
      await sleep(wait);
    }
  }

  /** 0 if the turn is the owner's, or nobody can say whose it is: then each replica keeps the pace by itself. */
  async function takeAmongReplicas(channel: string, owner: string): Promise<number> {
    if (turns === null) return 0;
    return turns.take(channel, owner, HOLD_MS).catch(() => 0);
  }

  async function inTurn<T>(channel: string, deadline: number, work: () => Promise<T>): Promise<T> {
    if (elapsed() > deadline) throw new NoTurn(deps.intervalMs);
    const owner = deps.newOwner();
    await takeTurn(channel, owner, deadline);
    let pauseMs = deps.intervalMs;
    try {
      return await work();
    } catch (error) {
      pauseMs = Math.max(pauseMs, deps.pauseAfter(error));
      throw error;
    } finally {
      freeAt.set(channel, elapsed() + pauseMs);
      // Where it cannot be given back it ends by itself; what was posted is posted.
      await turns?.giveBack(channel, owner, pauseMs).catch(() => undefined);
    }
  }

  return async (channel, work) => {
    const deadline = elapsed() + LONGEST_WAIT_MS;
    const before = queues.get(channel) ?? Promise.resolve();
    const mine = before.then(() => inTurn(channel, deadline, work));
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

/** Spaces out what may also come in bursts: resolves when the caller may go on. @throws {NoTurn} */
export function createBurstPace(
  { intervalMs, burst }: { readonly intervalMs: number; readonly burst: number },
  { elapsed, sleep }: Pick<PaceDependencies, 'elapsed' | 'sleep'>,
): () => Promise<void> {
  /** When the last of those let through would have gone, had there been no bursts. */
  let paidUntil = 0;
  return async () => {
    const from = Math.max(paidUntil, elapsed());
    const wait = from - elapsed() - (burst - 1) * intervalMs;
    if (wait > LONGEST_WAIT_MS) throw new NoTurn(wait);
    paidUntil = from + intervalMs;
    if (wait > 0) await sleep(wait);
  };
}
