import type { App } from '@slack/bolt';
import { notice, textAnswer } from '../views/blocks.js';
import { type ActionId, COMMAND, type EventType, SHORTCUT, type ShortcutId, VIEW, type ViewId } from '../views/ids.js';
import { answerAt, failureWords, logFailure, tellFailure } from './answer.js';
import { attentionClicks } from './attention.js';
import { commandWord, pageClicks, slashCommand } from './command.js';
import { statsClicks } from './commands/stats.js';
import { completionClicks, submitCompletion } from './complete-live.js';
import type { HandlerDependencies } from './dependencies.js';
import { drillClicks, submitDrill } from './drill.js';
import { driftClicks } from './drift.js';
import { followUpClicks, submitFollowUp } from './follow-up.js';
import { type Handler, lookUp, type SubmitHandler } from './handler.js';
import { openHome } from './home.js';
import { submitMark } from './mark.js';
import { enrolmentClicks, submitConfirmation } from './enrolment.js';
import { submitAdministration } from './operators.js';
import { mentionWithRca, offerRca, rcaClicks, shortcutLinkAsRca, submitRca } from './rca.js';
import { rcaDraftClicks } from './rca-draft.js';
import { type Handled, handleRequest, type Incoming } from './request.js';
import { resolutionClicks } from './resolution-click.js';
import { submitResolution } from './resolution-submit.js';
import type { SubmitAnswer } from './submission.js';
import { submitTransition, transitionClicks } from './transition.js';
import { unpackAnswerPlace } from './unpack.js';
import { unfurlPromotions } from './unfurl.js';

/** An id of views/ids.ts without a handler here doesn't compile. */

export const CLICKS = {
  ...resolutionClicks,
  ...completionClicks,
  ...drillClicks,
  ...attentionClicks,
  ...transitionClicks,
  ...followUpClicks,
  ...driftClicks,
  ...rcaClicks,
  ...rcaDraftClicks,
  ...pageClicks,
  ...statsClicks,
  ...enrolmentClicks,
} satisfies Record<ActionId, Handler>;

export const SUBMISSIONS = {
  [VIEW.resolution]: submitResolution,
  [VIEW.completion]: submitCompletion,
  [VIEW.drill]: submitDrill,
  [VIEW.rca]: submitRca,
  [VIEW.mark]: submitMark,
  [VIEW.transition]: submitTransition,
  [VIEW.followUp]: submitFollowUp,
  [VIEW.administration]: submitAdministration,
  [VIEW.enrolment]: submitConfirmation,
} satisfies Record<ViewId, SubmitHandler>;

export const SHORTCUTS = {
  [SHORTCUT.linkAsRca]: shortcutLinkAsRca,
} satisfies Record<ShortcutId, Handler>;

export const EVENT_HANDLERS = {
  app_home_opened: openHome,
  app_mention: mentionWithRca,
  link_shared: unfurlPromotions,
  message: offerRca,
} satisfies Record<EventType, Handler>;

const HANDLED = {
  close: 'form closed',
  errors: 'form refused',
  view: 'form shown',
} as const satisfies Record<SubmitAnswer['kind'], Handled>;

/**
 * Registers every handler with Bolt. Clicks, commands and shortcuts are acknowledged first; a submission after its
 * commit. A fault is logged and told to the person who waits, where they asked, with the request's reference.
 */
export function registerHandlers(bolt: App, deps: HandlerDependencies): void {
  const run = (incoming: Incoming, handler: Handler): Promise<void> =>
    handleRequest(deps, incoming, async (around) => {
      try {
        await handler(around, incoming.body);
      } catch (error) {
        await tellFailure(around, incoming, error);
      }
      return 'answered';
    });

  bolt.command(COMMAND, async ({ ack, body }) => {
    await ack();
    await run({ what: commandWord(body.text), body }, slashCommand);
  });

  // One listener for all ids, so that buttons from an older or newer version get an answer, too.
  bolt.action(/.*/u, async ({ ack, body, action }) => {
    await ack();
    const actionId = 'action_id' in action ? action.action_id : '';
    await run({ what: actionId, body }, lookUp(CLICKS, actionId) ?? unknownAction);
  });

  bolt.view(/.*/u, async ({ ack, body, view }) => {
    const what = view.callback_id;
    await handleRequest(deps, { what, body }, async (around) => {
      let handled: Handled | null = null;
      const ackOnce = async (to: SubmitAnswer): Promise<void> => {
        handled = HANDLED[to.kind];
        if (to.kind === 'close') await ack();
        else if (to.kind === 'errors') await ack({ response_action: 'errors', errors: { ...to.errors } });
        else await ack({ response_action: 'update', view: to.view });
      };
      try {
        const handler = lookUp(SUBMISSIONS, what);
        if (handler === undefined) throw new Error(`No handler for the view ${what}`);
        await handler(around, body, ackOnce);
      } catch (error) {
        logFailure(around, error, { handler: what }, 'a submission failed');
        // Faults in deciding and saving are reported by answerSubmission: before it, the submission was only read.
        const words = await failureWords(around, error, { changedNothing: true });
        if (handled === null) await ackOnce({ kind: 'view', view: notice('Not saved', words) });
      }
      return handled ?? 'answered';
    });
  });

  for (const [id, handler] of Object.entries(SHORTCUTS)) {
    bolt.shortcut(id, async ({ ack, body }) => {
      await ack();
      await run({ what: id, body }, handler);
    });
  }

  // One listener here, too: Bolt runs through every listener for whatever comes in.
  bolt.event(/.*/u, async ({ body, event: { type } }) => {
    const handler = lookUp(EVENT_HANDLERS, type);
    if (handler !== undefined) await run({ what: type, body, isEvent: true }, handler);
  });
}

async function unknownAction(deps: HandlerDependencies, body: unknown): Promise<void> {
  const place = unpackAnswerPlace(body);
  const said = textAnswer(`This button is from another version. Use \`${COMMAND} stuck\` instead.`);
  if (place !== null) await answerAt(deps, place, said);
}
