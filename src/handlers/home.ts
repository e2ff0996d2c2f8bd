import { textAnswer } from '../views/blocks.js';
import { externalHomeTab } from '../views/home.js';
import { answerAt, notLoaded } from './answer.js';
import type { HandlerDependencies } from './dependencies.js';
import { unpackHomeOpened } from './unpack.js';

export async function openHome(deps: HandlerDependencies, body: unknown): Promise<void> {
  const opened = unpackHomeOpened(body);
  // The other tab is the conversation with the app, which shows nothing of ours.
  if (opened.tab !== 'home') return;
  // The event doesn't say whose person it is: a shared channel brings others to the app.
  const { kind } = await deps.members.look(opened.userId);
  if (kind === null) {
    // The log has why, under the same reference.
    deps.onFailed();
    const words = notLoaded('Slack did not say who you are.');
    return answerAt(deps, { at: 'home', userId: opened.userId, isOpening: true }, textAnswer(words));
  }
  if (kind !== 'member') {
    deps.onDenied(kind === 'guest' ? 'guest' : 'external_user');
    return deps.slack.publishHome(opened.userId, externalHomeTab());
  }
  await deps.openHome(opened.userId);
}
