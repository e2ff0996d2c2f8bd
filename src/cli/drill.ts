import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND_LINE } from '../db/audit.js';
import type { Database } from '../db/database.js';
import { type Drill, type DrillReach, drillTimes, SLACK_ONLY } from '../promotions/drill.js';
import {
  DRILL_OVER,
  drillOutcome,
  drillPagedLatelyWords,
  drillSteps,
  drillStartedWords,
  drillUnderWayWords,
  NO_DRILL,
} from '../views/drill.js';
import { terminalText } from '../views/terminal.js';
import { type Conversation, type Reply, refused } from './reply.js';

/** What a drill needs besides the database: Slack, reached at once. */
export interface DrillHost {
  readonly db: Database;
  readonly channel: string;
  /** Whom it can reach outside Slack. */
  readonly reach: DrillReach;
  /** Delivers a drill's messages now. The running app retries what is refused. */
  readonly tell: (drillId: string) => Promise<DrillTrouble>;
}

export interface DrillTrouble {
  readonly slack: string | null;
  /** In a few words each: `page not delivered: 403`. */
  readonly outside: readonly string[];
}

const LOOK_EVERY_MS = 1_000;

/** `drill`: starts one, waits for people, and says how long each step took. `interrupted`: Ctrl-C ends it. */
export async function drill(
  host: DrillHost,
  { say }: Pick<Conversation, 'say'>,
  { pages, interrupted }: { readonly pages: boolean; readonly interrupted: AbortSignal },
): Promise<Reply> {
  const { db } = host;
  const reach = pages ? host.reach : null;
  const started = await db.drills.start(COMMAND_LINE, reach ?? SLACK_ONLY);
  const now = await db.now();
  if (started.kind === 'under_way') return refused('under_way', terminalText(drillUnderWayWords(started.drill), now));
  if (started.kind === 'paged_lately') {
    const { nextAt } = started;
    return refused('paged_lately', terminalText(drillPagedLatelyWords(nextAt), now), { next_at: nextAt });
  }
  if (started.kind === 'not_superadmin') throw new Error('The command line needs no role.');
  const { id } = started.drill;
  say(terminalText(drillStartedWords(started.drill, host.channel, reach), now));
  const trouble = await host.tell(id);
  if (trouble.slack !== null) say(`Slack didn’t take it yet: ${trouble.slack}. The running app keeps trying.`);
  for (const failed of trouble.outside) say(`DRILL: ${failed}. The running app tries again.`);
  const last = await follow(host, say, started.drill, interrupted);
  for (const failed of (await host.tell(id)).outside) say(`DRILL: ${failed}. The running app tries again.`);
  return ended(last, interrupted.aborted);
}

/** Until it is over, or an interrupt ended it; reports each step as it comes. */
async function follow(
  { db }: DrillHost,
  say: Conversation['say'],
  first: Drill,
  interrupted: AbortSignal,
): Promise<Drill> {
  let known = first;
  let told = 0;
  for (;;) {
    if (interrupted.aborted) {
      const over = await db.drills.end(COMMAND_LINE);
      return over.kind === 'ended' ? over.drill : ((await db.drills.find(first.id)) ?? known);
    }
    const found = (await db.drills.expire()) ?? (await db.drills.find(first.id));
    // Pruned: nobody looked for a while.
    if (found === null) return known;
    known = found;
    const steps = drillSteps(known);
    for (const step of steps.slice(told)) say(`DRILL: ${step}`);
    told = steps.length;
    if (known.endedAt !== null) return known;
    await sleep(LOOK_EVERY_MS, undefined, { signal: interrupted }).catch(() => undefined);
  }
}

/** `drill --end` */
export async function endDrill(db: Database): Promise<Reply> {
  const over = await db.drills.end(COMMAND_LINE);
  return over.kind === 'ended' ? { ...ended(over.drill, false), isDone: true } : refused('no_drill', NO_DRILL);
}

function ended(drill: Drill, wasInterrupted: boolean): Reply {
  const text = terminalText(`${DRILL_OVER} ${drillOutcome(drill)}`, drill.startedAt);
  const outcome = wasInterrupted ? 'interrupted' : (drill.end ?? 'ended');
  const { acknowledgedBy, resolvedBy, action } = drill;
  const json = { outcome, message: text, drill: drill.id, ...drillTimes(drill), acknowledgedBy, resolvedBy, action };
  return { isDone: drill.end === 'resolved', text, json };
}
