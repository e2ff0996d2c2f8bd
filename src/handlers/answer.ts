import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable, isKnownUndone } from '../db/errors.js';
import { awaitsSlot, mayHaveHappened, SlackError } from '../slack/errors.js';
import { type Answer, type Modal, notice, textAnswer } from '../views/blocks.js';
import { homeNotice } from '../views/home.js';
import { COMMAND } from '../views/ids.js';
import { refusedWords } from '../views/refused.js';
import { code } from '../views/text.js';
import { referenceNote } from '../reference.js';
import { withTimeout } from '../with-timeout.js';
import type { HandlerDependencies } from './dependencies.js';
import { type AnswerPlace, unpackAnswerPlace } from './unpack.js';

/** A modal must open within this time, or a placeholder opens instead: its trigger dies at 3 s. */
const OPEN_WITHIN_MS = 900;

/** Whether a failed request may have changed something: its outcome got lost, or isn't known to be undone. */
export function mayHaveTakenEffect(error: unknown): boolean {
  return error instanceof SlackError ? mayHaveHappened(error) : !isKnownUndone(error);
}

/** What failed; says nothing about what was changed. The log has the cause. */
export function faultWords(error: unknown): string {
  if (isDatabaseUnavailable(error)) return 'The database does not answer.';
  if (awaitsSlot(error)) return 'Slack’s limit for posting there is reached.';
  if (error instanceof SlackError) return 'Slack refused or did not answer.';
  return 'The app failed.';
}

/**
 * A fault in words, for the person who waits, with its reference in the log. `changedNothing`: known from where it
 * failed, whatever the fault. Never rejects.
 */
export async function failureWords(
  deps: HandlerDependencies,
  error: unknown,
  options: { readonly changedNothing: boolean },
): Promise<string> {
  const refused = await deps.db.explainRefusal(error);
  const words = refused === null ? wordsOf(error, options) : `:no_entry: ${refusedWords(refused)} Nothing was changed.`;
  return `${words}${referenceNote()}`;
}

function wordsOf(error: unknown, { changedNothing }: { readonly changedNothing: boolean }): string {
  const lead = `${awaitsSlot(error) ? ':hourglass_flowing_sand:' : ':warning:'} ${faultWords(error)}`;
  const isUnknown = !changedNothing && mayHaveTakenEffect(error);
  if (isDatabaseUnavailable(error)) {
    return isUnknown
      ? `${lead} It may have been saved; check: ${LOOK}. Trying again is safe.`
      : `${lead} Nothing was changed. Try again in a minute.`;
  }
  if (error instanceof SlackError) {
    return isUnknown
      ? `${lead} It may have been done all the same. Look before you try again.`
      : `${lead} Nothing was changed. Try again${awaitsSlot(error) ? ' in a minute' : ''}.`;
  }
  const rest = 'if it fails again, tell the app’s administrator: the log has the cause.';
  return isUnknown
    ? `${lead} It may have been saved; check: ${LOOK}. Then try again; ${rest}`
    : `${lead} Nothing was changed. Try again; ${rest}`;
}

const LOOK = code(`${COMMAND} show <id | flag-key>`);

/** A post that never got a slot isn't the app's fault: a warning. */
export function logFailure(deps: HandlerDependencies, error: unknown, about: object, words: string): void {
  deps.onFailed();
  deps.log[awaitsSlot(error) ? 'warn' : 'error']({ ...about, err: error }, words);
}

/** Answers only the person who clicked or typed. A failed answer is only logged: there is nobody else to tell. */
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

/** Answers where the person asked. Never rejects: a failed answer is only logged, for there is nowhere else to tell. */
export async function answerAt(deps: HandlerDependencies, place: AnswerPlace, what: Answer): Promise<void> {
  try {
    switch (place.at) {
      case 'response_url':
        return await answer(deps, place.responseUrl, what);
      case 'modal':
        return void (await updateIfOpen(deps, place.viewId, notice(place.title, what.text)));
      case 'home':
        return await deps.slack.publishHome(place.userId, homeNotice(what.text));
      case 'channel':
        return await deps.slack.postEphemeral(place, what);
    }
  } catch (error) {
    deps.log.warn({ err: error }, 'an answer could not be delivered');
  }
}

/** Logs the fault of a request and tells the person who waits for it, with the reference. Never rejects. */
export async function tellFailure(
  deps: HandlerDependencies,
  failed: { readonly what: string; readonly body: unknown },
  thrown: unknown,
): Promise<void> {
  const changedNothing = thrown instanceof ChangedNothing;
  const error = changedNothing ? thrown.cause : thrown;
  logFailure(deps, error, { handler: failed.what }, 'a handler failed');
  const place = unpackAnswerPlace(failed.body);
  if (place === null) return;
  const words =
    place.at === 'home' && place.isOpening
      ? await homeFailureWords(deps, error)
      : await failureWords(deps, error, { changedNothing });
  await answerAt(deps, place, textAnswer(words));
}

async function homeFailureWords(deps: HandlerDependencies, error: unknown): Promise<string> {
  const refused = await deps.db.explainRefusal(error);
  return refused === null
    ? notLoaded(faultWords(error))
    : `:no_entry: ${NOT_LOADED} ${refusedWords(refused)}${referenceNote()}`;
}

const NOT_LOADED = '*This tab could not be loaded.*';

/** For a home tab. */
export function notLoaded(fault: string): string {
  return `:warning: ${NOT_LOADED} ${fault} If it fails again in a minute, tell the app’s administrator: the log has the cause.${referenceNote()}`;
}

/** A fault that is known to have changed nothing. */
class ChangedNothing extends Error {
  override readonly name = 'ChangedNothing';
}

/** Does work that, if it fails, has changed nothing. */
export async function allOrNothing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new ChangedNothing('Nothing was changed.', { cause });
  }
}

/** A modal, or an answer instead of it. */
export type Opening =
  /** `later`: the same modal with what took longer, once it is there. */
  | { readonly kind: 'modal'; readonly view: Modal; readonly later?: Promise<Modal> | undefined }
  | { readonly kind: 'answer'; readonly answer: Answer };

/**
 * Opens the modal from `prepare` before the trigger dies. If that takes too long, a placeholder opens first and turns
 * into it. An answer goes to the person, or into the placeholder.
 */
export async function openModal(
  deps: HandlerDependencies,
  interaction: { readonly triggerId: string; readonly responseUrl: string | null },
  title: string,
  prepare: () => Promise<Opening>,
): Promise<void> {
  const prepared: Promise<Opening> = prepare().catch(async (error: unknown) => {
    logFailure(deps, error, {}, 'a modal could not be prepared');
    return { kind: 'answer', answer: textAnswer(await failureWords(deps, error, { changedNothing: true })) };
  });
  const inTime = await withTimeout(OPEN_WITHIN_MS, prepared);
  if (inTime?.kind === 'answer') {
    // The home tab has no response URL: only a modal can answer a click there.
    if (interaction.responseUrl === null) {
      await deps.slack.openModal(interaction.triggerId, notice(title, inTime.answer.text));
    } else {
      await answer(deps, interaction.responseUrl, inTime.answer);
    }
    return;
  }
  const placeholder = notice(title, ':hourglass_flowing_sand: *Working on it…*');
  const { id, hash } = await deps.slack.openModal(interaction.triggerId, inTime?.view ?? placeholder);
  const opened = inTime ?? (await prepared);
  const shown =
    inTime !== null
      ? hash
      : await updateIfOpen(deps, id, opened.kind === 'modal' ? opened.view : notice(title, opened.answer.text));
  if (opened.kind !== 'modal' || opened.later === undefined || shown === null) return;
  // The form may have been submitted meanwhile: its answer must not turn back into a form.
  await updateIfOpen(deps, id, await opened.later, shown);
}

const UPDATE_TRIES = 4;
const UPDATE_AGAIN_AFTER_MS = 1_000;
/** A person who waits longer for a modal has closed it. */
const UPDATE_WAIT_MAX_MS = 60_000;
/** The modal was closed, or shows something newer than `hash`. */
const NEEDS_NO_UPDATE: ReadonlySet<string> = new Set(['not_found', 'hash_conflict']);

/**
 * Updates a modal; returns its new hash, or null if it was closed or, with a `hash`, shows something newer. Retries a
 * few times: updating twice does no harm.
 * @throws {SlackError} if the retries fail
 */
export async function updateIfOpen(
  deps: HandlerDependencies,
  viewId: string,
  view: Modal,
  hash: string | null = null,
): Promise<string | null> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await deps.slack.updateModal(viewId, view, hash);
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      if (error.kind === 'refused' && NEEDS_NO_UPDATE.has(error.word)) return null;
      const waitMs = Math.max(error.retryAfterMs, UPDATE_AGAIN_AFTER_MS);
      if (error.kind === 'refused' || tries === UPDATE_TRIES || waitMs > UPDATE_WAIT_MAX_MS) throw error;
      deps.log.warn({ err: error, waitMs }, 'a modal could not be updated; it is tried again');
      await sleep(waitMs);
    }
  }
}

/** Updates an ended promotion's message, whoever ended it: a click must not wait for the next tick. */
export async function showThatItEnded(deps: HandlerDependencies, promotionId: string): Promise<void> {
  await deps.db.alerts.closeOf(promotionId);
  await deps.showInSlack(promotionId);
}
