import { type Answer, textAnswer } from '../views/blocks.js';
import { outsiderWords } from '../views/outsider.js';
import type { HandlerDependencies } from './dependencies.js';
import type { Standing } from './members.js';

/** Who asks, according to Slack's signed request. */
export interface Asking {
  readonly userId: string;
  /** Their own workspace: on Enterprise Grid perhaps another one of the same organization; null: Slack doesn't say. */
  readonly teamId: string | null;
}

type Outsider = 'external_user' | 'guest' | 'bot';

/**
 * Why somebody may do nothing here; null if they may. People of other organizations, guests and bots may not even read.
 * `looks`: they only read, so Slack isn't asked each time.
 */
export async function refuseOutsider(
  deps: HandlerDependencies,
  who: Asking,
  { looks = false }: { readonly looks?: boolean } = {},
): Promise<Answer | null> {
  const reason = await whyOutside(deps, who, looks);
  if (reason === null) return null;
  deps.onDenied(reason);
  await record(deps, who, reason);
  return textAnswer(outsiderWords(reason));
}

/** The reason alone, without recording it. */
export async function whyOutside(deps: HandlerDependencies, who: Asking, looks: boolean): Promise<Outsider | null> {
  const { teamId: ours } = await deps.slack.identity();
  if (who.teamId === null) return 'external_user';
  const standing = await (looks ? deps.members.look(who.userId) : deps.members.ask(who.userId));
  if (standing.kind === 'guest' || standing.kind === 'bot') return standing.kind;
  return isHere(who.teamId, ours, standing) ? null : 'external_user';
}

/** On Enterprise Grid, somebody's home team may not be the one the app is installed in, although they are in both. */
function isHere(teamId: string, ours: string, { kind, teams }: Standing): boolean {
  // Slack always knows our own guests.
  if (kind === 'unknown') return teamId === ours;
  if (teams === null) return kind === 'member' || (kind === null && teamId === ours);
  return kind === 'member' && (teamId === ours || teams.includes(teamId));
}

/** An answer matters more than its audit event. */
async function record(deps: HandlerDependencies, { userId, teamId }: Asking, reason: Outsider): Promise<void> {
  try {
    await deps.db.denials.record({
      at: deps.now(),
      actor: userId,
      promotionId: null,
      attempted: 'use the app',
      reason,
      detail: { team: teamId },
    });
  } catch (error) {
    deps.log.warn({ err: error, who: userId, reason }, 'a refusal was not audited');
  }
}
