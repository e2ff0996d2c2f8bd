import type { UnavailableReason } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { subjectLines } from './alert.js';
import { type Answer, type Block, button, context, type Modal, plainText, section } from './blocks.js';
import { ACTION, BLOCK, type BlockId, COMMAND, INPUT, VIEW } from './ids.js';
import { code, label, person, when } from './text.js';

/** What is typed into the form: what is to be promoted. */
export interface MarkFields {
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly targetValue: string;
  /** '': by convention, from the flag key. */
  readonly configVar: string;
}

/** Slack's own limit for a field of text. */
export const FIELD_MAX_LENGTH = 3_000;
const NAME_MAX_LENGTH = 256;

/** The form in which an operator marks a promotion. `faults` says what was wrong with what was typed as a command. */
export function markModal(facts: {
  readonly initial: MarkFields;
  readonly faults: readonly string[];
  readonly privateMetadata: string;
}): Modal {
  const { initial, faults } = facts;
  const blocks: Block[] = [
    ...(faults.length === 0 ? [] : [section(`:warning: *Nothing was marked yet.*\n${faults.join('\n')}`)]),
    input(BLOCK.flagKey, 'Flag key', initial.flagKey, NAME_MAX_LENGTH, { placeholder: 'console_dark_mode' }),
    input(BLOCK.herokuApp, 'Heroku app', initial.herokuApp, NAME_MAX_LENGTH, { placeholder: 'console-prod' }),
    input(BLOCK.targetValue, 'Value to set', initial.targetValue, FIELD_MAX_LENGTH, { placeholder: 'true' }),
    input(BLOCK.configVar, 'Config var', initial.configVar, NAME_MAX_LENGTH, {
      optional: true,
      hint: 'Empty: FLAG_ and the flag key in upper case.',
    }),
    context('Marking changes nothing on Heroku. Promoting it later takes a superadmin and a TOTP code.'),
  ];
  return {
    type: 'modal',
    callback_id: VIEW.mark,
    private_metadata: facts.privateMetadata,
    title: plainText(MARK_TITLE),
    submit: plainText('Mark'),
    close: plainText('Cancel'),
    blocks,
  };
}

export const MARK_TITLE = 'Mark a promotion';

function input(
  blockId: BlockId,
  name: string,
  initial: string,
  maxLength: number,
  more: { readonly placeholder?: string; readonly hint?: string; readonly optional?: boolean },
): Block {
  return {
    type: 'input',
    block_id: blockId,
    optional: more.optional ?? false,
    label: plainText(name),
    ...(more.hint === undefined ? {} : { hint: plainText(more.hint) }),
    element: {
      type: 'plain_text_input',
      action_id: INPUT,
      max_length: maxLength,
      // What does not fit its field could not be shown in it.
      ...(initial === '' || initial.length > maxLength || !initial.isWellFormed() ? {} : { initial_value: initial }),
      ...(more.placeholder === undefined ? {} : { placeholder: plainText(more.placeholder) }),
    },
  };
}

/** What can be wrong with a field, each in a sentence. */
export const MARK_FAULTS = {
  flagKey:
    'A flag key is letters, digits and _, at most 251 of them: Heroku takes nothing else in a config var’s name.',
  configVar: 'A config var’s name is letters, digits and _, at most 256 of them.',
  appName: 'An app’s name on Heroku is 3 to 30 lower-case letters, digits and dashes, a letter first.',
  appUnknown: 'Heroku knows no app of this name, or this app’s API key may not see it.',
  valueLeftOut:
    'The value is more than the 3,000 characters that this form can hold, so it is left out here. The command takes a longer one, unless an ampersand or an angle bracket is in it.',
  valueTooLong: 'Heroku takes 32 kB for all config vars of an app together; this value alone is too long.',
  valueUnusable: 'The value holds characters that no config var can hold.',
  valueEmpty: 'Say which value to set.',
} as const;

/** Why Heroku did not say whether it knows an app, for under that field. */
export const APP_NOT_KNOWN: Record<UnavailableReason, string> = {
  not_configured: 'This app has no HEROKU_API_KEY, so it cannot look whether Heroku knows this app.',
  no_answer: 'Heroku did not answer whether it knows this app. Submit again in a minute.',
  rate_limited: 'Heroku was asked too often and did not say whether it knows this app. Submit again in some minutes.',
  refused: 'Heroku refused to say whether it knows this app: HEROKU_API_KEY is not valid, or may not see it.',
  app_not_found: 'Heroku knows no app of this name, or this app’s API key may not see it.',
  delinquent: 'Heroku refused to say: its account has an unpaid bill. Settle it in Heroku’s dashboard.',
  two_factor: 'Heroku refused to say: HEROKU_API_KEY needs a second factor. Use a key of authorizations:create.',
  suspended: 'Heroku refused to say: the account or the app is suspended. Ask Heroku’s support.',
  conflict: 'Heroku is busy with another change of this app. Submit again in a minute.',
};

/** It was marked, and what can be done with it now. */
export function markedAnswer(promotion: Promotion): Answer {
  const text = `:bookmark: Marked ${code(promotion.flagKey)} on ${code(promotion.herokuApp)} as promotion ${promotion.id}. \`${COMMAND} promote ${promotion.id}\` promotes it.`;
  return { text, blocks: [section(text), section(subjectLines(promotion).join('\n')), markedButtons(promotion)] };
}

/** What stands in the way of marking: one active promotion per app and config var. */
export function alreadyActiveAnswer(active: Promotion): Answer {
  const what = `${code(active.configVar)} on ${code(active.herokuApp)}`;
  const lead = isDeploying(active)
    ? `${what} is *being promoted already*, since ${when(active.promotedAt ?? active.createdAt)} by ${person(active.promotedBy)}.`
    : `${what} is *marked already*, since ${when(active.markedAt ?? active.createdAt)} by ${person(active.markedBy)}.`;
  const rest = isDeploying(active)
    ? `\`${COMMAND} show ${active.id}\` tells how it goes.`
    : 'Promote that one, or cancel it first.';
  const text = `${lead} Nothing was marked. ${rest}`;
  const blocks: Block[] = [section(text), section(subjectLines(active).join('\n'))];
  if (!isDeploying(active)) blocks.push(markedButtons(active));
  return { text, blocks };
}

/** What can be done with a promotion that is marked. */
export function markedButtons({ id, flagKey }: Promotion): Block {
  return {
    type: 'actions',
    elements: [
      button(ACTION.promote, 'Promote', { value: id, accessibilityLabel: label(`Promote: ${flagKey}`, 75) }),
      button(ACTION.cancel, 'Cancel promotion', {
        value: id,
        accessibilityLabel: label(`Cancel promotion: ${flagKey}`, 75),
      }),
    ],
  };
}

/** How many marked promotions one answer shows. */
export const MARKED_SHOWN = 10;

/** What is marked, to choose from. */
export function markedListAnswer(promotions: readonly Promotion[]): Answer {
  if (promotions.length === 0) {
    const text = `Nothing is marked. \`${COMMAND} mark\` marks a promotion.`;
    return { text, blocks: [section(text)] };
  }
  const text = '*Marked for promotion*, the newest first';
  const blocks: Block[] = [section(text)];
  for (const promotion of promotions.slice(0, MARKED_SHOWN)) {
    blocks.push(
      section(
        [
          `:bookmark: ${code(promotion.flagKey)} · promotion ${promotion.id}`,
          ...subjectLines(promotion),
          `*Marked*: ${when(promotion.markedAt ?? promotion.createdAt)}, by ${person(promotion.markedBy)}`,
        ].join('\n'),
      ),
      markedButtons(promotion),
    );
  }
  if (promotions.length > MARKED_SHOWN) blocks.push(context(`Older ones: \`${COMMAND} list\``));
  return { text, blocks };
}

/** Promoting takes Heroku, and nobody gave this app a key to it. */
export function promotingOffWords(): string {
  return ':zzz: Promoting is off: this app has no HEROKU_API_KEY. Watching works as ever. Whoever runs this app can set it. Nothing was changed.';
}
