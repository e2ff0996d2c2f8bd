import { isDatabaseUnavailable } from '../db/errors.js';
import { awaitsTurn, SlackError } from '../slack/errors.js';
import { type Answer, type Modal, notice } from '../views/blocks.js';
import { sentence } from '../views/list.js';
import { within } from '../within.js';
import type { HandlerDependencies } from './dependencies.js';

/** How long a click may take to become a modal before a placeholder is opened in its stead: its trigger dies at 3 s. */
const OPEN_WITHIN_MS = 900;

/** Only the app's own workspace may act: a channel shared through Slack Connect has people of others in it. */
export async function isStranger(deps: HandlerDependencies, teamId: string | null): Promise<boolean> {
  const { teamId: ours } = await deps.slack.identity();
  if (teamId === ours) return false;
  deps.onDenied('stranger');
  return true;
}

export const STRANGER = sentence(
  ':lock: Only people of this app’s own workspace can use it, and you are signed in to another one. Nothing was changed.',
);

/** A fault in words: what it means for whoever is waiting. The log has its cause. */
export function failureWords(error: unknown): string {
  if (isDatabaseUnavailable(error)) {
    return ':warning: The database does not answer. Nothing was changed. Try again in a minute; /readyz tells when it is back.';
  }
  if (awaitsTurn(error)) {
    return ':hourglass_flowing_sand: More is being posted there at the moment than Slack takes. Nothing was changed. Try again in a minute.';
  }
  if (error instanceof SlackError) {
    return ':warning: Slack did not do what this needed. Nothing was changed. Try again.';
  }
  return ':warning: This failed inside the app. Nothing was changed. Try again; if it stays so, the app’s log has the cause.';
}

/** Logs what failed. To have waited for a turn in vain is no fault of anything, however annoying. */
export function logFailure(deps: HandlerDependencies, error: unknown, about: object, words: string): void {
  deps.log[awaitsTurn(error) ? 'warn' : 'error']({ ...about, err: error }, words);
}

/** Answers only the person who clicked or typed. An answer that cannot be delivered is logged: there is nobody else to tell. */
export async function answer(
  deps: HandlerDependencies,
  responseUrl: string | null,
  what: Answer,
  options: { readonly replace: boolean } = { replace: false },
): Promise<void> {
  if (responseUrl === null) {
    deps.log.warn('an interaction came without a response URL; its answer was dropped');
    return;
  }
  try {
    await deps.slack.respond(responseUrl, what, options);
  } catch (error) {
    deps.log.warn({ err: error }, 'an answer could not be delivered');
  }
}

/** What opening a modal came to: the modal, or an answer instead of it. */
export type Opening =
  /** `later`: the same modal with what took too long to wait for, added once it is there. */
  | { readonly kind: 'modal'; readonly view: Modal; readonly later?: Promise<Modal> | undefined }
  | { readonly kind: 'answer'; readonly answer: Answer };

/**
 * Opens the modal that `prepare` comes up with, while the trigger lives: where that takes too long, a placeholder is
 * opened first and turns into it. An answer goes to the person instead of a modal, or into the placeholder.
 */
export async function openModal(
  deps: HandlerDependencies,
  interaction: { readonly triggerId: string; readonly responseUrl: string | null },
  title: string,
  prepare: () => Promise<Opening>,
): Promise<void> {
  const prepared: Promise<Opening> = prepare().catch((error: unknown) => {
    deps.log.error({ err: error }, 'a modal could not be prepared');
    return { kind: 'answer', answer: sentence(failureWords(error)) };
  });
  const inTime = await within(OPEN_WITHIN_MS, prepared);
  if (inTime?.kind === 'answer') {
    // The home tab has no response URL; a modal is the only way to say something to who clicked there.
    if (interaction.responseUrl === null) {
      await deps.slack.openModal(interaction.triggerId, notice(title, inTime.answer.text));
    } else {
      await answer(deps, interaction.responseUrl, inTime.answer);
    }
    return;
  }
  const placeholder = notice(title, ':hourglass_flowing_sand: *Working on it…*');
  const viewId = await deps.slack.openModal(interaction.triggerId, inTime?.view ?? placeholder);
  const opened = inTime ?? (await prepared);
  if (inTime === null) {
    await updateIfOpen(deps, viewId, opened.kind === 'modal' ? opened.view : notice(title, opened.answer.text));
  }
  if (opened.kind === 'modal' && opened.later !== undefined) await updateIfOpen(deps, viewId, await opened.later);
}

/** A modal that the person closed meanwhile takes no update, and needs none. */
export async function updateIfOpen(deps: HandlerDependencies, viewId: string, view: Modal): Promise<void> {
  try {
    await deps.slack.updateModal(viewId, view);
  } catch (error) {
    if (!(error instanceof SlackError && error.kind === 'refused' && error.code === 'not_found')) throw error;
  }
}

/** Brings the message of a promotion that ended up to date, whoever ended it: a click must not wait for the next tick. */
export async function showThatItEnded(deps: HandlerDependencies, promotionId: string): Promise<void> {
  await deps.db.alerts.closeOf(promotionId);
  await deps.showInSlack(promotionId);
}
