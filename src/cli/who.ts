import type { Database } from '../db/database.js';
import { outsiderWords } from '../views/outsider.js';
import { terminalText } from '../views/terminal.js';
import { type Conversation, type Reply, refused } from './reply.js';

/*
 * Who decides, and their code: typed at a terminal or piped in, a line each. Never arguments: others on the host could
 * read them.
 */

const SLACK_USER = /^(?:<@|@)?([UW][A-Z0-9]{5,20})(?:\|[^>]*)?>?$/iu;
/** A person at a terminal may mistype an id this often. */
const TRIES = 3;

export const NOT_A_SLACK_ID =
  'That is no Slack user id, such as U0123456789. “flag-promotions operators list” shows the operators’ ids.';

/** A Slack user's id; null if what was typed isn't one. */
export async function askOperator({ say, terminal }: Conversation): Promise<string | null> {
  const { ask, isInteractive } = terminal();
  for (let tries = 1; ; tries += 1) {
    const typed = await ask('Operator (your Slack user id): ');
    const id = SLACK_USER.exec(typed)?.[1]?.toUpperCase();
    if (id !== undefined) return id;
    if (!isInteractive || tries === TRIES || typed === '') return null;
    say(NOT_A_SLACK_ID);
  }
}

/** Why Slack's last answer about a person forbids them everything; null if they may go on. */
export async function refuseOutsider(db: Database, operatorId: string): Promise<Reply | null> {
  const membership = await db.operators.membershipOf(operatorId);
  if (membership !== 'guest' && membership !== 'bot' && membership !== 'external_user') return null;
  return refused(membership, terminalText(outsiderWords(membership), await db.now()));
}

/** The code as typed; empty if the person gave up. Not shown. */
export function askCode({ terminal }: Conversation): Promise<string> {
  return terminal().ask('Authenticator code, or a recovery code (not shown): ', { hidden: true });
}
