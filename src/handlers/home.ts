import { externalHomeTab } from '../views/home.js';
import type { HandlerDependencies } from './dependencies.js';
import { unpackHomeOpened } from './unpack.js';

/** Somebody opened the app's home tab. */
export async function openHome(deps: HandlerDependencies, body: unknown): Promise<void> {
  const opened = unpackHomeOpened(body);
  // Its other tab is the conversation with the app, which shows nothing of ours.
  if (opened.tab !== 'home') return;
  // The event does not tell whose person it is: a channel that is shared brings others to the app.
  const [{ teamId }, team] = await Promise.all([deps.slack.identity(), deps.slack.teamOf(opened.userId)]);
  if (team !== teamId) {
    deps.onDenied('external_user');
    return deps.slack.publishHome(opened.userId, externalHomeTab());
  }
  await deps.openHome(opened.userId);
}
