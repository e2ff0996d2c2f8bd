import * as z from 'zod';
import { isRowId } from '../promotions/row-id.js';
import { withReference } from '../reference.js';
import { type Decision, noteDecisions } from './decisions.js';
import type { HandlerDependencies } from './dependencies.js';

const someone = z.object({ id: z.string() });
const sender = z
  .union([
    z.object({ user: someone }).transform(({ user }) => user.id),
    z.object({ user_id: z.string() }).transform(({ user_id }) => user_id),
    z.object({ event: z.object({ user: z.string() }) }).transform(({ event }) => event.user),
  ])
  .catch('');

const form = z.object({ view: z.object({ private_metadata: z.string().startsWith('{') }) });
const about = z.object({ promotionId: z.string().refine(isRowId) });

/** The promotion that a form names itself; null if it names none. */
function promotionIn(body: unknown): string | null {
  const sent = form.safeParse(body);
  if (!sent.success) return null;
  try {
    return about.safeParse(JSON.parse(sent.data.view.private_metadata)).data?.promotionId ?? null;
  } catch {
    return null;
  }
}

export interface Incoming {
  /** The handler's name: an id of ours or a word of the command, nothing that a person typed. */
  readonly what: string;
  readonly body: unknown;
  /** Slack sends events on its own: log one only if it led to something. */
  readonly isEvent?: boolean;
}

export type Handled = 'answered' | 'form closed' | 'form refused' | 'form shown';

/**
 * Handles one Slack request under its own reference, and logs one line: who, what, which promotion, the outcome,
 * milliseconds. A decision is logged when made, anything else at the end. Never what a person typed: it may be a code.
 */
export function handleRequest(
  deps: HandlerDependencies,
  { what, body, isEvent = false }: Incoming,
  handle: (deps: HandlerDependencies) => Promise<Handled>,
): Promise<void> {
  return withReference(async () => {
    const { log, elapsed } = deps;
    const startedAt = elapsed();
    const who = sender.parse(body);
    let promotion = promotionIn(body);
    let denied: string | null = null;
    let failed = false;
    let isTold = false;
    const tell = (came: Omit<Decision, 'decision'> & Partial<Decision>, words: string): void => {
      isTold = true;
      log.info({ who, what, ...came, ms: Math.round(elapsed() - startedAt) }, words);
    };
    const handled = await handle({
      ...deps,
      db: noteDecisions(deps.db, {
        onDecision: (decision) => tell(decision, 'decided'),
        onPromotion: (id) => {
          promotion = id;
        },
      }),
      onDenied(reason) {
        denied = reason;
        deps.onDenied(reason);
      },
      onFailed() {
        failed = true;
        deps.onFailed();
      },
    });
    const outcome = failed ? 'failed' : (denied ?? handled);
    if (!isTold && !(isEvent && outcome === 'answered')) tell({ promotion, outcome }, 'handled');
  });
}
