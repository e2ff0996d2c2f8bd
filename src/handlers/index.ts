import type { App } from '@slack/bolt';
import * as z from 'zod';
import { notice } from '../views/blocks.js';
import { ACTION, COMMAND, SHORTCUT, VIEW } from '../views/ids.js';
import { sentence } from '../views/list.js';
import { answer, failureWords, logFailure } from './answer.js';
import { clickAlertMenu, clickOwnerAnswer, clickTakeOver } from './attention.js';
import { slashCommand, turnListPage, turnStuckPage, turnSummaryPage } from './command.js';
import { clickStatsChart } from './commands/stats.js';
import type { HandlerDependencies } from './dependencies.js';
import { openHome } from './home.js';
import { submitMark } from './mark.js';
import { clickConfirmEnrolment, clickDeclineEnrolment, submitAdministration } from './operators.js';
import {
  acceptRcaOffer,
  clickOpenRca,
  declineRcaOffer,
  mentionWithRca,
  offerRca,
  shortcutLinkAsRca,
  submitRca,
} from './rca.js';
import { clickDraftRca, clickRecordRcaDraft } from './rca-draft.js';
import { clickResolution } from './resolution-click.js';
import { submitResolution } from './resolution-submit.js';
import type { SubmitAnswer } from './submission.js';
import { clickTransition, submitTransition } from './transition.js';
import { unfurlPromotions } from './unfurl.js';

type Handler = (deps: HandlerDependencies, body: unknown) => Promise<void>;
type SubmitHandler = typeof submitResolution;

const answerable = z.object({ response_url: z.string().nullish() }).catch({});

const ACTIONS: Readonly<Record<string, Handler>> = {
  [ACTION.markCompleted]: (deps, body) => clickResolution(deps, 'completed', body),
  [ACTION.markFailed]: (deps, body) => clickResolution(deps, 'failed', body),
  [ACTION.openRca]: clickOpenRca,
  [ACTION.openRcaLink]: async () => undefined,
  [ACTION.acceptRcaOffer]: acceptRcaOffer,
  [ACTION.declineRcaOffer]: declineRcaOffer,
  [ACTION.promote]: (deps, body) => clickTransition(deps, 'promote', body),
  [ACTION.cancel]: (deps, body) => clickTransition(deps, 'cancel', body),
  [ACTION.statsChart]: clickStatsChart,
  [ACTION.stuckPage]: turnStuckPage,
  [ACTION.summaryPage]: turnSummaryPage,
  [ACTION.listPage]: turnListPage,
  [ACTION.alertMenu]: clickAlertMenu,
  [ACTION.takeOver]: clickTakeOver,
  [ACTION.stillOnIt]: (deps, body) => clickOwnerAnswer(deps, 'confirm', body),
  [ACTION.handOver]: (deps, body) => clickOwnerAnswer(deps, 'hand_over', body),
  [ACTION.draftRca]: clickDraftRca,
  [ACTION.recordRcaDraft]: clickRecordRcaDraft,
  [ACTION.openEnrolment]: async () => undefined,
  [ACTION.confirmEnrolment]: clickConfirmEnrolment,
  [ACTION.declineEnrolment]: clickDeclineEnrolment,
};

const SUBMISSIONS: Readonly<Record<string, SubmitHandler>> = {
  [VIEW.resolution]: submitResolution,
  [VIEW.rca]: submitRca,
  [VIEW.mark]: submitMark,
  [VIEW.transition]: submitTransition,
  [VIEW.administration]: submitAdministration,
};

const EVENTS: Readonly<Record<string, Handler>> = {
  app_home_opened: openHome,
  app_mention: mentionWithRca,
  link_shared: unfurlPromotions,
  message: offerRca,
};

/** The events that the manifest has to subscribe to; a message in a private channel comes under a name of its own. */
export const EVENT_TYPES = Object.keys(EVENTS);

/**
 * Hangs every handler into Bolt. A click, a command and a shortcut are acknowledged first; a submission by its
 * handler, after the commit. A fault is logged and told to whoever is waiting.
 */
export function registerHandlers(bolt: App, deps: HandlerDependencies): void {
  const run = async (name: string, body: unknown, handler: Handler): Promise<void> => {
    try {
      await handler(deps, body);
    } catch (error) {
      logFailure(deps, error, { handler: name }, 'a handler failed');
      const { response_url } = answerable.parse(body);
      if (response_url != null)
        await answer(deps, response_url, sentence(failureWords(error, { changedNothing: false })));
    }
  };

  bolt.command(COMMAND, async ({ ack, body }) => {
    await ack();
    await run(COMMAND, body, slashCommand);
  });

  // One listener for all ids, so that none that an older or newer version put on a message is left without an answer.
  bolt.action(/.*/u, async ({ ack, body, action }) => {
    await ack();
    const actionId = 'action_id' in action ? action.action_id : '';
    await run(actionId, body, (Object.hasOwn(ACTIONS, actionId) ? ACTIONS[actionId] : undefined) ?? unknownAction);
  });

  bolt.view(/.*/u, async ({ ack, body, view }) => {
    let acknowledged = false;
    const ackOnce = async (to: SubmitAnswer): Promise<void> => {
      acknowledged = true;
      if (to.kind === 'close') await ack();
      else if (to.kind === 'errors') await ack({ response_action: 'errors', errors: { ...to.errors } });
      else await ack({ response_action: 'update', view: to.view });
    };
    try {
      const handler = Object.hasOwn(SUBMISSIONS, view.callback_id) ? SUBMISSIONS[view.callback_id] : undefined;
      if (handler === undefined) throw new Error(`No handler for the view ${view.callback_id}`);
      await handler(deps, body, ackOnce);
    } catch (error) {
      logFailure(deps, error, { handler: view.callback_id }, 'a submission failed');
      // What decides and saves tells its own faults (answerSubmission): before it, a submission was only read.
      const words = failureWords(error, { changedNothing: true });
      if (!acknowledged) await ackOnce({ kind: 'view', view: notice('Not saved', words) });
    }
  });

  bolt.shortcut(SHORTCUT.linkAsRca, async ({ ack, body }) => {
    await ack();
    await run(SHORTCUT.linkAsRca, body, shortcutLinkAsRca);
  });

  // One listener for all of them too: whatever comes in, Bolt goes through every listener there is.
  bolt.event(/.*/u, async ({ body, event: { type } }) => {
    const handler = Object.hasOwn(EVENTS, type) ? EVENTS[type] : undefined;
    if (handler !== undefined) await run(type, body, handler);
  });
}

async function unknownAction(deps: HandlerDependencies, body: unknown): Promise<void> {
  const { response_url } = answerable.parse(body);
  await answer(
    deps,
    response_url ?? null,
    sentence(`This button is not one of this version’s. Use \`${COMMAND} stuck\` instead. Nothing was changed.`),
  );
}
